"""A portfolio keeps the searchers' contract, pays for what is earned, and lets its members learn from each other."""

from collections import Counter

import numpy as np
import pytest

from searchers.candidate import Candidate, Fate, Relaxed
from searchers.conformance import check_searcher, run, toy_relax
from searchers.portfolio import PortfolioSearch
from searchers.space import SearchSpace
from searchers.starts import START_KINDS

SPACE = SearchSpace.from_system("TiC", (2, 6))


def test_conformance():
    members = {"genetic": {"population": 4}, "hopping": {"walkers": 3}, "annealing": {"replicas": 3}, "random": {}}
    check_searcher(lambda space: PortfolioSearch(space, seed=3, members=members))


def test_all_members_are_asked_and_make_different_structures():
    made = run(PortfolioSearch(SPACE, seed=1), 40)
    assert {c.info["searcher"] for c in made} == {"genetic", "hopping", "random"}
    first = [c.atoms.get_volume() for c in made if c.operator in START_KINDS]
    assert len(set(np.round(first, 6))) == len(first)


def test_the_budget_follows_what_is_earned():
    """Whatever hopping makes lowers the hull; what the others make is nothing new."""
    search = PortfolioSearch(SPACE, seed=2, members={"genetic": {}, "hopping": {}, "random": {}})
    asked = []
    for step in range(150):
        (candidate,) = search.ask(1)
        asked.append(candidate.info["searcher"])
        energy = -5.0 - 0.01 * step if asked[-1] == "hopping" else 0.0
        atoms = candidate.atoms
        search.tell([Relaxed(candidate, atoms, energy * len(atoms), Fate.CONVERGED, model_calls=20)])
    assert Counter(asked[-60:])["hopping"] > 45


def test_a_cheap_member_is_preferred_to_a_dear_one_that_earns_as_much():
    search = PortfolioSearch(SPACE, seed=4, members={"genetic": {}, "random": {}})
    asked = []
    for step in range(150):
        (candidate,) = search.ask(1)
        asked.append(candidate.info["searcher"])
        atoms, calls = candidate.atoms, 10 if asked[-1] == "random" else 100
        search.tell([Relaxed(candidate, atoms, (-5 - 0.01 * step) * len(atoms), Fate.CONVERGED, model_calls=calls)])
    assert Counter(asked[-60:])["random"] > 40


def test_the_genetic_member_breeds_from_what_others_found():
    search = PortfolioSearch(SPACE, seed=5, members={"genetic": {"population": 4, "random_share": 0}})
    (first,) = search.ask(1)
    stranger = toy_relax(Candidate(10**6, first.atoms.copy(), "prototype"))
    search.tell([stranger])
    parents = {p for c in (search.ask(1)[0] for _ in range(8)) for p in c.parents}
    assert parents == {10**6}


def test_members_are_checked():
    with pytest.raises(ValueError, match=r"needs members out of annealing, genetic, hopping, random \(are pso\)"):
        PortfolioSearch(SPACE, members={"pso": {}})
