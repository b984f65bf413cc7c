"""Ripple, slip, supercell and reduction: what each does to crystals whose answer is known."""

from collections import Counter

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers import SearchSpace
from searchers.distances import min_distance_ratio, nearest_vectors
from searchers.fingerprint import distance, fingerprint
from searchers.generation import random_p1
from searchers.lattice import shortest_basis
from searchers.operators import reduction, ripple, slip, supercell_move
from searchers.operators.reduction import divided, near_translations
from searchers.operators.supercell import has_supercells, random_supercell
from searchers.operators.supercell_move import _wave, _wave_vector
from tests.searchers.crystals import hcp

TIC = SearchSpace.from_system("TiC", (2, 8))
ROCKSALT = bulk("TiC", "rocksalt", a=4.33)
SAME = 0.003  # distance of fingerprints below all polytypes tried, see docs/searchers.md


def children(make, parent, space, n=40):
    made = (make(parent, np.random.default_rng(seed), space) for seed in range(n))
    return [child for child in made if child is not None]


@pytest.mark.parametrize("make", [ripple, slip, supercell_move])
def test_children_keep_formula_and_volume_and_are_not_the_parent(make):
    made = children(make, ROCKSALT, TIC)
    assert len(made) >= 36
    for child in made:
        assert Counter(child.numbers)[6] == len(child) / 2
        assert abs(child.cell.volume) / len(child) == pytest.approx(ROCKSALT.cell.volume / 2)
    # A slip by a special fraction may be one of the parent's own translations.
    changed = sum(distance(fingerprint(c), fingerprint(ROCKSALT)) > SAME for c in made)
    assert changed >= (0.6 if make is slip else 1.0) * len(made)


@pytest.mark.parametrize("make", [ripple, slip, supercell_move, reduction])
def test_one_seed_makes_one_child(make):
    parent = ROCKSALT.repeat((2, 1, 1))
    assert make(parent, np.random.default_rng(5), TIC) == make(parent, np.random.default_rng(5), TIC)


def test_ripple_moves_atoms_along_one_edge_by_a_wave_of_the_others():
    """With no room for pushes to act, atoms of equal fractions along the other edges move alike."""
    space = SearchSpace(("Ar",), 8, 8)
    parent = bulk("Ar", "sc", a=4.0).repeat((2, 2, 2))
    for child in children(ripple, parent, space):
        shifts = child.get_scaled_positions() - parent.get_scaled_positions()
        shifts -= np.rint(shifts)
        moved = np.abs(shifts).max(0) > 1e-9
        assert moved.sum() == 1
        axis = int(np.flatnonzero(moved)[0])
        by_column = shifts[:, axis].reshape(2, 2, 2)  # atoms of repeat((2, 2, 2)) lie in this order
        assert np.ptp(by_column, axis=axis).max() < 1e-9


def test_ripple_has_nothing_to_move_in_a_cell_of_one_atom():
    assert ripple(bulk("Al"), np.random.default_rng(0), SearchSpace(("Al",), 1, 1)) is None


def test_slips_of_close_packed_layers_change_their_stacking():
    space = SearchSpace(("Al",), 4, 4)
    fcc, packed = bulk("Al", "fcc", a=4.05), hcp("Al", 4.05)
    aims = {"hcp": packed, "fcc": fcc}
    found = Counter()
    for start in (fcc, packed):
        for child in children(slip, start, space, 300):
            found.update(name for name, aim in aims.items() if distance(fingerprint(child), fingerprint(aim)) < 1e-4)
    # fcc to fcc again, and hcp by one sliding of every other layer
    assert found["fcc"] > 0 and found["hcp"] > 0


def test_slip_leaves_both_halves_rigid():
    """All distances within a layer of the simple cubic lattice, and of each half, are those of the parent."""
    space = SearchSpace(("Ar",), 4, 4)
    parent = bulk("Ar", "sc", a=4.0).repeat((1, 1, 4))
    for child in children(slip, parent, space):
        moves = child.positions - parent.positions
        origin = moves[0]
        inverse = np.linalg.inv(child.cell.array)
        fractional = (moves - origin) @ inverse
        fractional -= np.rint(fractional)
        # Two values only: the lower half's and the upper half's
        assert len(np.unique(np.round(fractional, 6) % 1.0, axis=0)) <= 2


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.integers(2, 5))
def test_waves_are_those_that_the_parents_cell_cannot_hold(seed, factor):
    rng = np.random.default_rng(seed)
    parent = random_p1({"Ti": 1, "C": 2}, 40.0, 0.65, rng)
    large = random_supercell(parent, factor, rng)
    k = _wave_vector(large, parent, rng)
    vectors = parent.cell.array @ np.linalg.inv(large.cell.array) @ k
    assert np.abs(vectors - np.rint(vectors)).max() > 0.1
    wave = _wave(large, parent, rng)
    # Such a wave sums to zero over the copies of each atom: 1e-9 is rounding.
    assert np.abs(wave.reshape(factor, len(parent), 3).sum(0)).max() < 1e-9


def test_supercell_children_are_larger_and_no_longer_repeat_the_parent():
    for child in children(supercell_move, ROCKSALT, TIC):
        assert len(child) in (4, 6, 8)
        found = spglib.find_primitive((child.cell.array, child.get_scaled_positions(), child.numbers), 1e-3)
        assert len(found[2]) > 2


def test_supercell_needs_room_for_two_parents():
    space = SearchSpace.from_system("TiC", (2, 2))
    assert not has_supercells(space)
    assert supercell_move(ROCKSALT, np.random.default_rng(0), space) is None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.integers(2, 6))
def test_near_translations_are_found_and_made_exact(seed, factor):
    rng = np.random.default_rng(seed)
    parent = random_p1({"Ti": 1, "C": 1}, 40.0, 0.8, rng)
    large = random_supercell(parent, factor, rng)
    noisy = large.copy()
    noisy.positions += rng.uniform(-0.02, 0.02, noisy.positions.shape)
    found = near_translations(noisy, 0.2)
    assert found
    for translation, mapped in found:
        small = divided(noisy, translation, mapped)
        ratio = len(noisy) / len(small)
        assert ratio == round(ratio) > 1
        assert abs(small.cell.volume) == pytest.approx(abs(noisy.cell.volume) / ratio)
        # Means of atoms at most 0.02 Å off along each axis are at most that far off.
        assert farthest(large, small) < 0.0201
        assert min_distance_ratio(small) > min_distance_ratio(parent) - 0.1
        again = random_supercell(small, round(ratio), rng)
        # Fingerprints see that noise as up to 0.20 (of 4,500); those of random cells of TiC are 1.3 apart (median).
        assert distance(fingerprint(again), fingerprint(large)) < 0.4


def farthest(atoms, crystal):
    """Largest Cartesian component by which an atom misses the nearest one of its element in a crystal, Å."""
    cell = shortest_basis(crystal.cell.array)
    offsets = []
    for number, position in zip(atoms.numbers, atoms.positions, strict=True):
        missed = position - crystal.positions[crystal.numbers == number]
        vectors = nearest_vectors(cell, missed @ np.linalg.inv(cell))
        offsets.append(np.abs(vectors[np.linalg.norm(vectors, axis=1).argmin()]).max())
    return max(offsets)


def test_exact_translations_give_the_primitive_crystal_back():
    parent = random_p1({"Ti": 2, "C": 1}, 50.0, 0.65, np.random.default_rng(3))
    for factor in (2, 3, 5):
        large = random_supercell(parent, factor, np.random.default_rng(factor))
        small = divided(large, *near_translations(large, 1e-3)[0])
        assert len(small) == len(parent)  # a prime index has one translation group
        assert distance(fingerprint(small), fingerprint(parent)) < 1e-4


def test_a_crystal_without_near_translations_has_none():
    assert near_translations(bulk("Si"), 0.3) == []
    assert near_translations(bulk("TiC", "rocksalt", a=4.33), 0.3) == []


def test_reduction_of_a_doubled_cell_comes_back_to_the_single_one():
    doubled = ROCKSALT.repeat((2, 1, 1))
    doubled.positions += np.random.default_rng(0).uniform(-0.05, 0.05, doubled.positions.shape)
    made = children(reduction, doubled, SearchSpace.from_system("TiC", (2, 4)))
    assert made and all(len(child) == 2 for child in made)
    assert min(distance(fingerprint(c), fingerprint(ROCKSALT)) for c in made) < 0.02


def test_reduction_cuts_to_fewer_atoms_of_nearly_the_same_composition():
    space = SearchSpace.from_system("Cu-Au", (1, 8))
    sites = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    parent = Atoms("AuCu3", scaled_positions=sites, cell=np.eye(3) * 3.75, pbc=True).repeat((2, 1, 1))
    sizes = Counter(len(child) for child in children(reduction, parent, space, 80))
    assert max(sizes) < 8 and len(sizes) >= 5
    four = [c for c in children(reduction, parent, space, 80) if len(c) == 4]
    assert all(Counter(c.numbers)[29] == 3 for c in four)


def test_reduction_makes_nothing_of_the_smallest_cell():
    assert reduction(ROCKSALT, np.random.default_rng(0), TIC) is None
    assert reduction(bulk("Au"), np.random.default_rng(0), TIC) is None
