"""What moves atoms takes a quantum region as it takes any potential: relaxation, a barrier, dynamics."""

import numpy as np
import pytest

from potentials import load
from potentials.qmml import qmml
from properties.barriers import BarrierError, BarrierSettings, barrier
from properties.rest import at_rest
from tests.potentials.qmml_systems import alkane, ethyl, methyl


@pytest.fixture(scope="module")
def network():
    return load("7net-0", "cpu")


def turned(atoms):
    """The first methyl group of a chain a third of a turn further: each hydrogen in the next one's place."""
    carbon, *hydrogens = methyl(atoms)
    axis = atoms.positions[1] - atoms.positions[carbon]
    group = atoms[hydrogens]
    group.rotate(120, axis, center=atoms.positions[carbon])
    found = atoms.copy()
    found.positions[hydrogens] = group.positions
    return found


def test_a_methyl_group_turns_over_a_barrier(network):
    """Ends relaxed, band climbed, a cap beside; GFN2-xTB on the bond that turns, 7net-0 around it.

    Ethane's barrier is 0.125 eV (Weiss & Leroi, J. Chem. Phys. 48, 962 (1968)), GFN2's some 0.1 eV; 7net-0 alone, which
    has seen few molecules, has 0.05.
    """
    atoms = alkane(4)
    potential = qmml(network, atoms, {"region": {"atoms": ethyl(atoms)}})
    settings = BarrierSettings(images=3, match=False, prove=False)
    found = barrier(potential, atoms, turned(atoms), settings)
    assert found.converged and len(found.hops) == 1
    assert 0.08 < found.forward_eV < 0.2
    assert found.forward_eV == pytest.approx(found.reverse_eV, abs=0.01)  # both ends are the same molecule


def test_forces_that_are_mixed_have_no_barrier(network):
    atoms = alkane(3)
    potential = qmml(network, atoms, {"region": {"atoms": methyl(atoms)}, "scheme": "force_mixing"})
    with pytest.raises(BarrierError) as refused:
        barrier(potential, atoms, turned(atoms))
    assert str(refused.value) == (
        "7net-0+qm: its forces are not the derivative of its energy, and there is no barrier then between two states; "
        "of QM/ML take scheme: subtractive"
    )


def test_a_molecule_comes_to_rest(network):
    atoms = alkane(3)
    potential = qmml(network, atoms, {"region": {"atoms": methyl(atoms)}})
    rest = at_rest(potential, atoms, relax_cell=False, fmax_eV_A=0.02)
    assert rest.max_force_eV_A < 0.02
    moved = rest.atoms.positions - atoms.positions
    assert 1e-3 < np.abs(moved).max() < 0.5
