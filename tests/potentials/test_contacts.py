"""The contacts potential: bad contacts go, and nothing is far from where bonds would have it."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii

from potentials import RelaxSettings, load
from potentials.potential import structure_of
from potentials.relax import relax
from potentials.relax.sanity import closest_ratio


@pytest.fixture(scope="module")
def contacts():
    return load("contacts", "cpu")


@pytest.mark.parametrize("pair", ["C2", "TiC", "CsH"])
def test_two_atoms_rest_at_the_sum_of_their_covalent_radii(contacts, pair):
    bond = covalent_radii[Atoms(pair).numbers].sum()

    def force_eV_A(x):
        atoms = Atoms(pair, positions=[[0, 0, 0], [0, 0, x * bond]], cell=[30, 30, 30], pbc=True)
        return contacts.evaluate([structure_of(atoms)])[0].forces_eV_A[1, 2]

    assert force_eV_A(0.97) > 0 > force_eV_A(1.03)
    assert abs(force_eV_A(1.0)) < 1e-10  # double precision at the bottom of the well


def test_an_overlap_is_mended_in_a_few_steps(contacts):
    """Two atoms of eight at half their bond length."""
    atoms = bulk("TiC", "rocksalt", a=4.33, cubic=True)
    atoms.positions[3] = atoms.positions[5] + [0.8, 0.2, 0.1]
    assert closest_ratio(structure_of(atoms), 0.9) < 0.6
    (done,) = relax(contacts, [atoms], RelaxSettings(max_steps=10, lowest_eV_per_atom=-np.inf))
    assert closest_ratio(structure_of(done.atoms), 0.9) > 0.75


@pytest.mark.parametrize("scale", [0.8, 1.2])
def test_a_cell_of_odd_volume_comes_back_to_its_bonds(contacts, scale):
    """Rocksalt TiC at half and at 1.7 times its volume ends with bonds of the radii's sum, 2.36 Å, to a tenth."""
    atoms = bulk("TiC", "rocksalt", a=4.33 * scale)
    (done,) = relax(contacts, [atoms], RelaxSettings(max_steps=30, lowest_eV_per_atom=-np.inf))
    bond = (done.atoms.get_volume() / len(done.atoms)) ** (1 / 3)  # rocksalt: an atom has a cube of it
    assert bond == pytest.approx(2.36, rel=0.1)  # second neighbours at 1.2 to 1.4 bonds pull it in a little


def test_who_it_is_says_that_its_energies_are_none(contacts):
    assert "tidy structures only" in contacts.metadata.training_functional
    assert contacts.metadata.elements is None
