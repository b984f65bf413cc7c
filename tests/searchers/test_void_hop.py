"""One atom moves, into a void that has room for it; everything else stays."""

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers import SearchSpace
from searchers.distances import far_enough, nearest_distances
from searchers.generation import random_p1
from searchers.operators.void_hop import void_hop
from searchers.operators.voids import voids

A = 4.33
CUBE = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
CENTRE_A = 0.01
"""The centre is exact but for Qhull's rounding."""


def _with_vacancy():
    """Ti4C3, rocksalt's cube without one carbon atom, and where that was."""
    cube = make_supercell(bulk("TiC", "rocksalt", a=A), CUBE)
    removed = int(np.flatnonzero(cube.numbers == 6)[0])
    site = cube.positions[removed].copy()
    del cube[removed]
    return cube, site


def _distance_A(atoms, point, other):
    both = atoms.copy()[:0]
    both.extend(atoms[:2])
    both.positions = [point, other]
    return nearest_distances(both)[0, 1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n_ti=st.integers(1, 4), n_c=st.integers(0, 3))
def test_children_keep_formula_cell_and_distances_and_parents_stay(seed, n_ti, n_c):
    rng = np.random.default_rng(seed)
    space = SearchSpace.from_system("Ti-C", (2, 8))
    atoms_of = {e: n for e, n in (("Ti", n_ti), ("C", n_c)) if n}
    parent = random_p1(atoms_of, 12.0 * (n_ti + n_c), space.min_distance_scale, rng)
    before = parent.copy()
    child = void_hop(parent, rng, space)
    assert parent == before
    if child is not None:
        cells = len(child) // len(parent)
        assert child.symbols.formula.count() == {e: cells * n for e, n in atoms_of.items()}
        assert abs(child.cell.volume) == pytest.approx(cells * abs(parent.cell.volume))
        assert space.allows(child.get_chemical_symbols())
        assert far_enough(child, space.min_distance_scale)


def test_the_largest_void_is_the_vacancy():
    parent, site = _with_vacancy()
    points, rooms = voids(parent, "C")
    assert _distance_A(parent, points[0], site) < CENTRE_A
    assert rooms[0] == pytest.approx(A / 2 / (1.60 + 0.76), abs=1e-4)  # Cordero's radii of Ti and C
    assert (np.diff(rooms) <= 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
def test_no_random_point_is_farther_from_the_atoms_than_the_largest_void(seed, n):
    rng = np.random.default_rng(seed)
    atoms = random_p1({"Ti": n}, 18.0 * n, 0.65, rng)
    probes = atoms.copy()
    probes.extend(atoms[:1] * (60, 1, 1))
    probes.positions[n:] = rng.random((60, 3)) @ atoms.cell.array
    found_A = nearest_distances(probes)[n:, :n].min(axis=1).max()
    assert found_A <= voids(atoms, "Ti")[1][0] * 2 * 1.60 + 1e-6


def test_carbon_hops_into_the_vacancy_and_titanium_has_no_room_there():
    space = SearchSpace.from_system("Ti-C", (7, 7))
    parent, site = _with_vacancy()
    for seed in range(20):
        child = void_hop(parent, np.random.default_rng(seed), space)
        unlike = [k for k in range(7) if _distance_A(parent, child.positions[k], parent.positions[k]) > 0.5]
        assert [child.symbols[k] for k in unlike] == ["C"]
        assert _distance_A(parent, child.positions[unlike[0]], site) < CENTRE_A


def test_a_close_packing_has_no_void():
    """An hcp atom at the octahedron's centre keeps 0.71 of its distance, so nothing hops."""
    space = SearchSpace.from_system("Ti-C", (2, 2))
    made = [void_hop(bulk("Ti", "hcp", a=2.95), np.random.default_rng(s), space) for s in range(20)]
    assert made == [None] * 20


def test_parents_that_fit_no_allowed_cell_give_none():
    space = SearchSpace(("Ti",), 8, 8)
    assert void_hop(bulk("Ti", "fcc", a=4.1).repeat((3, 1, 1)), np.random.default_rng(0), space) is None
