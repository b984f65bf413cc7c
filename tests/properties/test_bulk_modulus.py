"""The bulk modulus against lattice sums, elastic constants and second differences of the energy."""

from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.build import bulk

from potentials import load
from potentials.potential import structure_of
from properties.bulk_modulus import BULK_MODULUS_CALLS, bulk_modulus_GPa
from tests.potentials.crystals import FCC_LJ_A, triclinic


def test_fcc_of_lennard_jones_has_its_lattice_sum_s_modulus():
    """75.185 ε/σ³ without a cut-off (exact); ε and σ are one eV and one Å here."""
    cutoff = 24.0
    found = bulk_modulus_GPa(load("lj", "cpu", cutoff_A=cutoff), bulk("Ar", "fcc", a=FCC_LJ_A)) * units.GPa
    density = 4 / FCC_LJ_A**3
    tail = 8 * np.pi / 3 * density / (0.9 * cutoff) ** 3
    # The missing r⁻⁶ tail has an energy density E/V ~ V⁻³, so V d²E/dV² is 6 of it; the step's own error is 3e-5
    assert found == pytest.approx(75.185, abs=10 * tail * density + 3e-3)


def test_emt_aluminium_has_the_mean_of_its_elastic_constants():
    """(C11 + 2 C12)/3 of 53.33 and 32.89 GPa, given to two decimals; in cubic fcc nothing else gives way."""
    found = bulk_modulus_GPa(load("emt"), bulk("Al", "fcc", a=3.994274))
    # Rounding of the constants, and neighbours that pass EMT's cut-off within a step (without those: 39.702)
    assert found == pytest.approx((53.33 + 2 * 32.89) / 3, abs=0.005 + 0.1)


@pytest.mark.parametrize("scale", [0.97, 1.0, 1.02], ids=["compressed", "at rest", "stretched"])
def test_it_is_the_curvature_of_the_energy_also_under_pressure(scale):
    atoms = bulk("Cu", "fcc", a=3.59 * scale)
    potential, h = load("emt"), 0.02  # Å^3
    volume = atoms.get_volume()
    energies = []
    for change in (-h, 0, h):
        other = atoms.copy()
        other.set_cell(atoms.cell * ((volume + change) / volume) ** (1 / 3), scale_atoms=True)
        energies.append(potential.evaluate([structure_of(other)])[0].energy_eV)
    curvature = (energies[0] - 2 * energies[1] + energies[2]) / h**2
    # h, 0.2 % of the volume, costs 1e-5; the wider steps of what is tested meet EMT's cut-off, which costs 0.3 %
    assert bulk_modulus_GPa(potential, atoms) == pytest.approx(volume * curvature / units.GPa, rel=5e-3)


def test_a_supercell_has_the_same():
    potential, atoms = load("emt"), bulk("Cu", "fcc", a=3.6)
    # float64 sums in another order
    assert bulk_modulus_GPa(potential, atoms.repeat((2, 1, 1))) == pytest.approx(
        bulk_modulus_GPa(potential, atoms), rel=1e-9
    )


class _Counting:
    """Counts structures, and may spoil their stresses."""

    def __init__(self, potential, factor=1.0):
        self.metadata, self._potential, self._factor = potential.metadata, potential, factor
        self.calls = 0

    def evaluate(self, structures):
        self.calls += len(structures)
        told = self._potential.evaluate(structures)
        return [replace(e, stress_eV_A3=e.stress_eV_A3 * self._factor) for e in told]


def test_it_costs_the_calls_that_it_says_and_leaves_the_atoms_alone():
    counting, atoms = _Counting(load("lj")), triclinic()
    before = atoms.copy()
    bulk_modulus_GPa(counting, atoms)
    assert counting.calls == BULK_MODULUS_CALLS
    assert atoms == before


def test_a_stress_that_is_not_finite_is_an_error_with_the_potential_s_name():
    with pytest.raises(ValueError, match="lj gave a stress that is not finite"):
        bulk_modulus_GPa(_Counting(load("lj"), np.nan), triclinic())
