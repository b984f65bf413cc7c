"""Fresh crystals: spread ones keep apart evenly, and what earns more is drawn more."""

import json

import numpy as np
import pytest
import spglib

from searchers import Candidate, Relaxed, SearchSpace
from searchers.candidate import Fate
from searchers.distances import far_enough, nearest_distances
from searchers.generation import SymmetricGenerator, random_p1
from searchers.spread import pushed, spread_crystal
from searchers.starts import ORDERS, SPREAD, SYMMETRIC, Starts, class_of

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


def told(operator, energy, id, group=1):
    atoms = random_p1({"Cu": 2}, 24.0, 0.6, np.random.default_rng(id))
    candidate = Candidate(id, atoms, operator, info={"space_group": group})
    return Relaxed(candidate, atoms, 2 * energy, Fate.CONVERGED, model_calls=20)


def classes(made, n=120):
    """Share of each class of symmetry among crystals drawn."""
    rng = np.random.default_rng(1)
    groups = [made.draw(rng)[2]["space_group"] for _ in range(n)]
    return {name: sum(class_of(group) == name for group in groups) / n for name in ORDERS}


def test_orders_of_point_groups_are_those_of_the_tables():
    named = {1: "1", 2: "2", 9: "2", 14: "3-4", 146: "3-4", 62: "6-8", 167: "12-48", 225: "12-48"}
    assert {group: class_of(group) for group in named} == named


@pytest.mark.parametrize("winner, group", [("1", 1), ("2", 2), ("12-48", 225)])
def test_the_class_that_earns_is_drawn_more_and_others_never_die_out(winner, group):
    made = starts()
    before = made.shares()
    assert before["2"] > before["12-48"] > 0.05
    for step in range(60):
        made.learn(told(SPREAD if group == 1 else SYMMETRIC, -3.0 - 0.01 * step, step, group))
        made.learn(told(SYMMETRIC, 0.0, 100 + step, 14))
    after = made.shares()
    assert after[winner] > max(1.5 * before[winner], 0.3)
    assert min(after.values()) > 0.01
    assert sum(after.values()) == pytest.approx(1.0)


def test_crystals_are_drawn_as_often_as_the_shares_say():
    made = starts(SearchSpace(("Cu",), 8, 8))
    drawn, shares = classes(made), made.shares()
    assert all(abs(drawn[name] - share) < 0.13 for name, share in shares.items())  # three standard errors of 120


@pytest.mark.parametrize("group", [2, 14, 62, 129, 166])
def test_pushes_keep_the_symmetry(group):
    space = SearchSpace(("Cu", "Au"), 8, 8, formula=(1, 1), space_groups=(group,))
    for seed in range(4):
        atoms = SymmetricGenerator(space).generate((4, 4), np.random.default_rng(seed))[0]
        apart = pushed(atoms)
        assert operations(apart) >= operations(atoms) > 1
        assert apart.get_volume() == pytest.approx(atoms.get_volume())


def operations(atoms):
    """Point operations that spglib finds in the crystal's primitive cell."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    dataset = spglib.get_symmetry_dataset(spglib.find_primitive(cell, symprec=1e-4), symprec=1e-4)
    return len(dataset.rotations)


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
    assert classes(twin, 30) == classes(made, 30)


def test_volumes_follow_what_is_found_near_the_hull():
    made = starts(SearchSpace(("Cu",), 4, 4))
    usual_A3 = made.volume_A3({"Cu": 4})
    for step in range(30):
        squeezed = random_p1({"Cu": 4}, 0.5 * usual_A3, 0.4, np.random.default_rng(step))
        made.learn(Relaxed(Candidate(step, squeezed, SPREAD), squeezed, -1.0 - step, Fate.CONVERGED, model_calls=20))
    assert made.volume_A3({"Cu": 4}) < 0.75 * usual_A3
    assert made.generator.volume({"Cu": 4}) == made.volume_A3({"Cu": 4})
