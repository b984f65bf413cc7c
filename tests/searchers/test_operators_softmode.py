"""Soft modes: which are drawn, how far atoms go, and what a searcher is told of them."""

import json
from collections import Counter

import numpy as np
import pytest
from ase.build import bulk

from searchers import SearchSpace
from searchers.distances import far_enough
from searchers.modes import Modes
from searchers.operators import softmode
from searchers.operators.softmode import AMPLITUDE

SPACE = SearchSpace(("Ar",), 8, 8, min_distance_scale=0.3)
PARENT = bulk("Ar", "sc", a=4.0).repeat((2, 2, 2))


def modes(n=6):
    """Mode k moves one pair of atoms against each other along one axis."""
    displacements = np.zeros((n, 8, 3))
    for k in range(n):
        displacements[k, [2 * (k % 4), 2 * (k % 4) + 1], k % 3] = 1, -1
    return Modes(np.linspace(-2, 5, n), displacements)


def drawn(child):
    """(mode, sign times amplitude) by which atom moved and how."""
    moved = child.get_scaled_positions() - PARENT.get_scaled_positions()
    moved = (moved - np.rint(moved)) @ PARENT.cell.array
    size = np.abs(moved).max()
    patterns = modes().displacements
    overlaps = np.einsum("nx,knx->k", moved, patterns) / size / 2
    return int(np.abs(overlaps).argmax()), size * np.sign(overlaps[np.abs(overlaps).argmax()])


def test_children_are_displaced_along_one_mode_lower_ones_more_often():
    before = PARENT.copy()
    found = [drawn(softmode(PARENT, modes(), np.random.default_rng(seed), SPACE)) for seed in range(300)]
    assert before == PARENT
    counts = Counter(mode for mode, _ in found)
    assert set(counts) == set(range(6)) and counts[0] > counts[5]
    # 8 times between modes 0 and 9 leaves 3.2 between 0 and 5; a third of that is beyond four deviations of 300 draws
    assert counts[0] + counts[1] + counts[2] > 1.2 * (counts[3] + counts[4] + counts[5])
    amounts = np.array([amount for _, amount in found])
    assert {-1.0, 1.0} == set(np.sign(amounts))
    assert (np.abs(amounts) >= 4.0 * AMPLITUDE[0] - 1e-9).all() and (np.abs(amounts) <= 4.0 * AMPLITUDE[1] + 1e-9).all()


def test_children_keep_their_distances():
    space = SearchSpace(("Ar",), 8, 8)
    for seed in range(30):
        child = softmode(PARENT, modes(), np.random.default_rng(seed), space)
        assert child is None or (far_enough(child, space.min_distance_scale) and len(child) == 8)


def test_shifts_of_the_whole_crystal_are_never_drawn():
    rigid = np.broadcast_to(np.eye(3)[:, None], (3, 8, 3))
    alone = Modes(np.zeros(3), rigid.copy())
    assert softmode(PARENT, alone, np.random.default_rng(0), SPACE) is None
    both = Modes(np.array([-1.0, 0.0, 0.0, 0.0]), np.concatenate([modes(1).displacements, rigid]))
    assert all(drawn(softmode(PARENT, both, np.random.default_rng(s), SPACE))[0] == 0 for s in range(20))


def test_cells_outside_the_space_have_no_child():
    assert softmode(PARENT, modes(), np.random.default_rng(0), SearchSpace(("Ar",), 1, 4)) is None


def test_modes_of_other_cells_are_refused():
    with pytest.raises(ValueError, match="modes of 8 atoms"):
        softmode(bulk("Ar", "fcc", a=5.3), modes(), np.random.default_rng(0), SPACE)
    with pytest.raises(ValueError, match=r"shape \(3, n, 3\)"):
        Modes(np.zeros(3), np.zeros((2, 8, 3)))


@pytest.mark.parametrize("number", [0, 1, 6])
def test_modes_survive_json(number):
    told = Modes(modes().frequencies_THz[:number], modes().displacements[:number])
    again = Modes.from_json(json.loads(json.dumps(told.to_json())))
    assert (again.frequencies_THz == told.frequencies_THz).all()
    assert again.displacements.tolist() == told.displacements.tolist()
