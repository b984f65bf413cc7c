import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers.distances import far_enough, min_distance_ratio, nearest_distances


def random_atoms(seed: int) -> Atoms:
    """A few atoms in a cell of any shape, needles and slivers included."""
    rng = np.random.default_rng(seed)
    cell = rng.normal(size=(3, 3)) * 3
    while abs(np.linalg.det(cell)) < 5:
        cell = rng.normal(size=(3, 3)) * 3
    n = int(rng.integers(1, 6))
    symbols = rng.choice(["Si", "O", "Cs"], n).tolist()
    return Atoms(symbols, cell=cell, scaled_positions=rng.uniform(-1, 2, (n, 3)), pbc=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_nearest_distances_are_those_of_a_neighbour_list(seed):
    atoms = random_atoms(seed)
    distances = nearest_distances(atoms)
    first, second, d = neighbor_list("ijd", atoms, distances.max() + 0.01, self_interaction=False)
    expected = np.full_like(distances, np.inf)
    np.minimum.at(expected, (first, second), d)
    np.testing.assert_allclose(distances, expected, atol=1e-8)


def test_lone_atom_meets_its_own_image():
    atoms = bulk("Cu", "fcc", a=3.6)
    assert min_distance_ratio(atoms) == pytest.approx(3.6 / np.sqrt(2) / (2 * covalent_radii[29]))


def test_ratio_does_not_depend_on_the_choice_of_cell():
    atoms = bulk("NaCl", "rocksalt", a=5.6)
    skewed = atoms.copy()
    skewed.set_cell(np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ atoms.cell.array)
    assert min_distance_ratio(skewed) == pytest.approx(min_distance_ratio(atoms))
    assert min_distance_ratio(atoms.repeat((2, 1, 3))) == pytest.approx(min_distance_ratio(atoms))


def test_far_enough_is_the_ratio_against_the_scale():
    atoms = bulk("Si")
    ratio = min_distance_ratio(atoms)
    assert far_enough(atoms, ratio - 1e-9)
    assert not far_enough(atoms, ratio + 1e-9)


def test_broken_geometries_are_never_far_enough():
    flat = Atoms("Si", cell=[3, 3, 0], pbc=True)
    nan = Atoms("Si", positions=[[np.nan, 0, 0]], cell=[3, 3, 3], pbc=True)
    assert min_distance_ratio(flat) == min_distance_ratio(nan) == 0.0
    with pytest.raises(ValueError, match="no volume"):
        nearest_distances(flat)
