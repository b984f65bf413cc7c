"""Vibrations at Γ against analytic ones and against ASE's, and energies along soft modes."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.vibrations import Vibrations

from potentials import load
from potentials.potential import structure_of
from properties.gamma_modes import gamma_modes

RMIN = 2 ** (1 / 6)  # nearest neighbours of the Lennard-Jones pair at rest, in sigma


@pytest.fixture(scope="module")
def neighbours_only():
    """Lennard-Jones between nearest neighbours alone: force constants of fcc are known."""
    return load("lj", cutoff_A=1.5)


def energies_along(potential, atoms, pattern, amplitudes):
    moved = []
    for amplitude in amplitudes:
        trial = atoms.copy()
        trial.positions += amplitude * pattern
        moved.append(structure_of(trial))
    return np.array([e.energy_eV for e in potential.evaluate(moved)])


def test_fcc_of_springs_has_its_zone_boundary_frequencies(neighbours_only):
    """The cubic cell folds the three X points to Γ: ω² = 4k/m six times and 8k/m three times (Born and Huang)."""
    atoms = bulk("Ar", "fcc", a=RMIN * np.sqrt(2), cubic=True)
    found, calls = gamma_modes(neighbours_only, atoms, most=20)
    spring = 72 / RMIN**2  # V'' of 4(r^-12 - r^-6) at its minimum
    omega = np.sqrt(spring / atoms.get_masses()[0] * np.array([4] * 6 + [8] * 3))
    expected_THz = omega / (2 * np.pi) * 1e3 * units.fs
    assert calls == 1  # one displacement, of which symmetry makes all others
    # Fourth-order terms of a step of 0.005 of the spacing: 1e-3.
    assert found.frequencies_THz == pytest.approx(expected_THz, rel=1e-3)


@pytest.mark.parametrize("make", ["ordered", "distorted"])
def test_frequencies_are_those_of_ases_own_finite_differences(tmp_path, make):
    sites = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    atoms = Atoms("AuCu3", scaled_positions=sites, cell=np.eye(3) * 3.8, pbc=True)
    if make == "distorted":
        atoms.rattle(0.05, seed=2)
    found, calls = gamma_modes(load("emt"), atoms, most=9)
    assert calls == (24 if make == "distorted" else 2)  # one of Au and one of Cu, or 6 of each atom
    atoms.calc = EMT()
    reference = Vibrations(atoms, name=str(tmp_path / "vibrations"), delta=0.005)
    reference.run()
    energies_eV = reference.get_energies()
    expected = np.sort(np.where(energies_eV.imag > 0, -energies_eV.imag, energies_eV.real)) / units._hplanck * units._e
    # The three rigid shifts, near zero in ASE's list, are not in ours
    expected_THz = np.delete(expected * 1e-12, np.argsort(np.abs(expected))[:3])
    assert found.frequencies_THz == pytest.approx(expected_THz, abs=0.02)  # two step lengths; ASE's shifts are off zero


def test_symmetry_saves_calls_and_most_cuts_the_list():
    potential = load("lj", cutoff_A=2.5)
    cube = bulk("Ar", "fcc", a=RMIN * np.sqrt(2), cubic=True)
    rattled = cube.copy()
    rattled.rattle(0.02, seed=0)
    few, cheap = gamma_modes(potential, cube, most=4)
    many, dear = gamma_modes(potential, rattled, most=12)
    assert (cheap, dear) == (1, 6 * len(rattled))
    assert len(few.frequencies_THz) == 4 and few.displacements.shape == (4, 4, 3)
    assert len(many.frequencies_THz) == 3 * len(rattled) - 3
    assert np.linalg.norm(many.displacements, axis=-1).max(-1) == pytest.approx(1.0)


def test_no_mode_is_a_shift_of_the_whole_crystal():
    atoms = bulk("Ar", "fcc", a=RMIN * np.sqrt(2)).repeat((2, 1, 1))
    found, _ = gamma_modes(load("lj", cutoff_A=2.5), atoms)
    moments = np.einsum("mnx,n->mx", found.displacements, atoms.get_masses())
    assert np.abs(moments).max() < 1e-9 * atoms.get_masses().sum()


@pytest.mark.parametrize(
    ("name", "options", "cell"),
    [
        ("lj", {"cutoff_A": 2.5}, bulk("Ar", "sc", a=1.08).repeat((2, 2, 2))),
        ("emt", {}, bulk("Cu", "sc", a=2.4).repeat((2, 2, 2))),
        ("emt", {}, bulk("Cu", "diamond", a=5.4).repeat((2, 1, 1))),
    ],
    ids=["lj simple cubic", "emt simple cubic", "emt diamond"],
)
def test_energy_falls_along_the_softest_mode_of_an_unstable_crystal(name, options, cell):
    potential = load(name, **options)
    found, _ = gamma_modes(potential, cell)
    assert found.frequencies_THz[0] < 0
    spacing = (cell.cell.volume / len(cell)) ** (1 / 3)
    energies = energies_along(potential, cell, found.displacements[0], np.array([0, 0.05, -0.05]) * spacing)
    assert (energies[1:] < energies[0]).all()


def test_energy_rises_along_every_mode_of_a_stable_crystal():
    potential = load("emt")
    atoms = bulk("Cu", "fcc", a=3.59, cubic=True)
    found, _ = gamma_modes(potential, atoms, most=9)
    assert found.frequencies_THz[0] > 0
    for pattern in found.displacements:
        energies = energies_along(potential, atoms, pattern, [0, 0.05, -0.05])
        assert (energies[1:] > energies[0]).all()


def test_one_atom_has_no_modes():
    found, _ = gamma_modes(load("emt"), bulk("Cu"))
    assert found.frequencies_THz.shape == (0,) and found.displacements.shape == (0, 1, 3)


class _Broken:
    """Forces that are no numbers."""

    batch_atoms = 1

    def __init__(self, potential):
        self.metadata, self._potential = potential.metadata, potential

    def evaluate(self, structures):
        told = self._potential.evaluate(structures)
        return [replace(e, forces_eV_A=e.forces_eV_A * np.nan) for e in told]


def test_forces_that_are_not_finite_are_an_error_with_the_potentials_name():
    with pytest.raises(ValueError, match="emt gave a force or an energy that is not finite"):
        gamma_modes(_Broken(load("emt")), bulk("Cu", cubic=True))
