"""Minima hopping keeps the searchers' contract, pushes harder where it falls back, starts afresh where it is stuck."""

import json

import numpy as np
import pytest
from ase.build import bulk

from searchers.candidate import Fate, Relaxed, candidate_rng
from searchers.conformance import check_searcher, failed, fingerprints_of, run, toy_relax
from searchers.distances import min_distance_ratio
from searchers.hopping import MinimaHopping, hop
from searchers.space import SearchSpace
from searchers.starts import START_KINDS

SPACE = SearchSpace.from_system("Si-Ge", (2, 4))


def test_conformance():
    check_searcher(lambda space: MinimaHopping(space, seed=3, walkers=4, patience=5))


def test_a_resumed_search_goes_on_the_same():
    search = MinimaHopping(SPACE, seed=1, walkers=3, patience=6)
    run(search, 25)
    out = search.ask(2)
    twin = MinimaHopping.from_state(SPACE, json.loads(json.dumps(search.state(), allow_nan=False)))
    for one in (search, twin):
        one.tell([toy_relax(c) for c in reversed(out)])
    assert fingerprints_of(run(search, 20)) == fingerprints_of(run(twin, 20))


def told(search, energies, atoms=None, known_as=None):
    """Candidates of one walker that all end at these energies; returns the candidates."""
    made = []
    for energy in energies:
        (candidate,) = search.ask(1)
        end = candidate.atoms if atoms is None else atoms
        fate = Fate.CONVERGED if known_as is None or not made else Fate.DUPLICATE
        known = None if fate is Fate.CONVERGED else known_as
        search.tell([Relaxed(candidate, end, energy * len(end), fate, duplicate_of=known)])
        made.append(candidate)
    return made


def widths(candidates):
    return [c.info["width"] for c in candidates if c.operator == "hop"]


def test_falling_back_makes_escapes_wider_and_new_minima_narrower():
    space = SearchSpace(("Si",), 2, 4)
    back = widths(told(MinimaHopping(space, walkers=1), [-5.0] * 6))
    assert np.allclose(np.diff(np.log(back)), np.log(1.1), atol=2e-3)
    new = widths(told(MinimaHopping(space, walkers=1), [-5.0 - 0.01 * k for k in range(6)]))
    assert np.allclose(np.diff(np.log(new)), -np.log(1.1), atol=2e-3)
    known = widths(told(MinimaHopping(space, walkers=1), [-5.0 - 0.01 * k for k in range(6)], known_as=77))
    assert np.allclose(np.diff(np.log(known)), np.log(1.05), atol=2e-3)


def test_half_of_the_hops_are_taken_in_the_long_run():
    """Rises drawn evenly from 0 to 0.1 eV: a threshold that takes half of them settles near 0.05."""
    space, rng = SearchSpace(("Si",), 2, 2), np.random.default_rng(0)
    search = MinimaHopping(space, walkers=1, patience=10**6)
    told(search, [-5.0])
    walker = search._walkers[0]
    thresholds = []
    for _ in range(600):
        told(search, [walker.energy_eV_per_atom + rng.uniform(0, 0.1)])
        # Stand at one height, so that rises stay what they are
        walker.energy_eV_per_atom = -5.0
        thresholds.append(walker.threshold_eV)
    assert np.mean(thresholds[200:]) == pytest.approx(0.05, abs=0.01)


def test_a_walker_that_comes_no_lower_starts_afresh():
    space = SearchSpace(("Si",), 2, 4)
    made = told(MinimaHopping(space, walkers=1, patience=4), [-5.0] * 11)
    assert [k for k, c in enumerate(made) if c.operator in START_KINDS] == [0, 5, 10]


def test_failures_do_not_move_a_walker():
    search = MinimaHopping(SearchSpace(("Si",), 2, 4), walkers=1)
    first = told(search, [-5.0])[0]
    (candidate,) = search.ask(1)
    search.tell([failed(candidate)])
    assert search.ask(1)[0].parents == (first.id,)


def test_compositions_are_walked_through():
    names = {c.operator for c in run(MinimaHopping(SPACE, seed=2, walkers=4), 60)}
    assert names - {"spread"} == {"random", "hop", "permutation", "composition"}
    fixed = {c.operator for c in run(MinimaHopping(SearchSpace.from_system("TiC", (2, 4)), seed=2, walkers=4), 40)}
    assert fixed - {"spread"} == {"random", "hop", "permutation"}


@pytest.mark.parametrize("width", [0.03, 0.12, 0.4])
def test_a_hop_keeps_volume_and_distances_and_grows_with_its_width(width):
    space, atoms = SearchSpace(("Si",), 8, 8), bulk("Si")
    made = [hop(atoms, width, candidate_rng(0, k), space) for k in range(10)]
    assert all(m is not None and len(m) == 8 for m in made)
    assert all(m.cell.volume / 8 == pytest.approx(atoms.cell.volume / 2) for m in made)
    assert all(min_distance_ratio(m) >= space.min_distance_scale for m in made)


def test_settings_are_checked():
    with pytest.raises(ValueError, match=r"at least one walker and a patience of 1 \(are 0, 5\)"):
        MinimaHopping(SPACE, walkers=0)
