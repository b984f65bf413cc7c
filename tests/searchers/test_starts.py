"""Fresh crystals: spread ones keep apart evenly, and what earns more is drawn more."""

import json

import numpy as np
import pytest

from searchers import Candidate, Relaxed, SearchSpace
from searchers.candidate import Fate
from searchers.distances import far_enough, nearest_distances
from searchers.generation import SymmetricGenerator, random_p1
from searchers.spread import spread_crystal
from searchers.starts import SPREAD, SYMMETRIC, Starts

SPACE = SearchSpace(("Cu", "Au"), 2, 8)


def starts(space=SPACE):
    return Starts(space, SymmetricGenerator(space))


def nearest(atoms):
    distances = nearest_distances(atoms)
    np.fill_diagonal(distances, np.inf)
    return distances.min(1)


def test_spread_crystals_have_their_atoms_volume_and_distances():
    for seed in range(20):
        atoms = spread_crystal({"Cu": 5, "Au": 3}, 130.0, 0.65, np.random.default_rng(seed))
        assert sorted(atoms.get_chemical_symbols()) == ["Au"] * 3 + ["Cu"] * 5
        assert far_enough(atoms, 0.65)
        assert atoms.get_volume() == pytest.approx(130.0, rel=1e-6)


def test_pushes_spread_atoms_more_evenly_than_chance():
    spread = [nearest(spread_crystal({"Cu": 8}, 96.0, 0.65, np.random.default_rng(s))).min() for s in range(10)]
    chance = [nearest(random_p1({"Cu": 8}, 96.0, 0.65, np.random.default_rng(s))).min() for s in range(10)]
    assert np.mean(spread) > 1.15 * np.mean(chance)


def test_a_clash_that_no_push_undoes_gives_a_roomier_crystal():
    """Eight atoms in the volume of one: no rounds of pushes part them, and the fall-back grows the cell."""
    atoms = spread_crystal({"Cu": 8}, 10.0, 0.65, np.random.default_rng(0))
    assert far_enough(atoms, 0.65)
    assert atoms.get_volume() > 10.0


def told(operator, energy, id):
    atoms = random_p1({"Cu": 2}, 24.0, 0.6, np.random.default_rng(id))
    return Relaxed(Candidate(id, atoms, operator), atoms, 2 * energy, Fate.CONVERGED, model_calls=20)


def kinds(made, n=120):
    rng = np.random.default_rng(1)
    drawn = [made.draw(rng)[0] for _ in range(n)]
    return drawn.count(SPREAD) / n


@pytest.mark.parametrize("winner, loser", [(SPREAD, SYMMETRIC), (SYMMETRIC, SPREAD)])
def test_the_kind_that_earns_is_drawn_more_and_the_other_never_dies_out(winner, loser):
    made = starts()
    assert 0.4 < kinds(made) < 0.6
    for step in range(60):
        made.learn(told(winner, -3.0 - 0.01 * step, step))
        made.learn(told(loser, 0.0, 100 + step))
    share = kinds(made) if winner == SPREAD else 1 - kinds(made)
    assert 0.75 < share < 0.95


def test_where_space_groups_are_asked_for_all_have_one():
    made = starts(SearchSpace(("Cu",), 4, 4, space_groups=(225,)))
    rng = np.random.default_rng(0)
    drawn = [made.draw(rng) for _ in range(6)]
    assert {(operator, info["space_group"]) for operator, _, info in drawn} == {(SYMMETRIC, 225)}


def test_they_go_on_from_their_state():
    made = starts()
    for step in range(10):
        made.learn(told(SPREAD, -3.0 - 0.01 * step, step))
    twin = Starts.from_state(SPACE, json.loads(json.dumps(made.state())))
    assert twin.state() == made.state()
    assert kinds(twin, 30) == kinds(made, 30)


def test_volumes_follow_what_is_found_near_the_hull():
    made = starts(SearchSpace(("Cu",), 4, 4))
    usual_A3 = made.volume_A3({"Cu": 4})
    for step in range(30):
        squeezed = random_p1({"Cu": 4}, 0.5 * usual_A3, 0.4, np.random.default_rng(step))
        made.learn(Relaxed(Candidate(step, squeezed, SPREAD), squeezed, -1.0 - step, Fate.CONVERGED, model_calls=20))
    assert made.volume_A3({"Cu": 4}) < 0.75 * usual_A3
    assert made.generator.volume({"Cu": 4}) == made.volume_A3({"Cu": 4})
