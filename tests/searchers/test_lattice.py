"""The shortest vectors are those that ASE finds, and the lattice stays."""

import numpy as np
import pytest
from ase.geometry import minkowski_reduce
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers.lattice import shortest_basis


def _skewed(seed: int) -> np.ndarray:
    """A cell of any shape and handedness, some of them long needles."""
    rng = np.random.default_rng(seed)
    cell = rng.normal(size=(3, 3)) * 3
    for _ in range(int(rng.integers(0, 5))):
        i, j = rng.permutation(3)[:2]
        cell[i] += int(rng.integers(-9, 10)) * cell[j]
    return cell


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6))
def test_vectors_are_as_short_as_ases(seed):
    cell = _skewed(seed)
    ours, theirs = shortest_basis(cell), minkowski_reduce(cell)[0]
    lengths, expected = (np.sort(np.linalg.norm(c, axis=1)) for c in (ours, theirs))
    np.testing.assert_allclose(lengths, expected, rtol=1e-7)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_lattice_and_handedness_stay(seed):
    cell = _skewed(seed)
    change = shortest_basis(cell) @ np.linalg.inv(cell)
    np.testing.assert_allclose(change, np.rint(change), atol=1e-5)
    assert np.linalg.det(change) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "cell", [np.eye(3) * 4, [[0, 2, 2], [2, 0, 2], [2, 2, 0]], [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]]
)
def test_reduced_cells_stay_as_they_are(cell):
    """Cubic lattices have many equally short bases; going on between them would never end."""
    np.testing.assert_array_equal(shortest_basis(np.array(cell, dtype=float)), cell)


def test_very_long_needles_are_reduced():
    needle = np.array([[1.0, 0, 0], [0, 1.0, 0], [123456.25, 98765.5, 1.0]])
    assert np.linalg.norm(shortest_basis(needle), axis=1).max() < 1.2
