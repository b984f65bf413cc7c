"""The evolutionary search keeps the searchers' contract and resumes exactly.

That it learns is shown with a real relaxer in test_ground_state.py: the toy relaxer moves no atoms, which is
what an evolutionary search lives on.
"""

import json

import numpy as np
import pytest

from searchers import Candidate, GeneticSearch, RandomSearch, Relaxed, SearchSpace
from searchers.candidate import Fate
from searchers.conformance import check_searcher, failed, fingerprints_of, run, toy_relax


def test_keeps_the_contract_in_every_space():
    check_searcher(lambda space: GeneticSearch(space, seed=3, population=4))


def test_counts_ids_from_the_first():
    space = SearchSpace(("Al",), 1, 3)
    check_searcher(lambda s: GeneticSearch(s, seed=1, first_id=50, population=5), [space], first_id=50)


def test_makes_children_by_every_operator_that_can_work():
    search = GeneticSearch(SearchSpace.from_system("Ti-C", (2, 4)), population=6, random_share=0.1)
    made = {c.operator for c in run(search, 70)}
    assert made == {"random", "heredity", "strain", "rattle", "permutation", "composition"}


def test_all_operators_failing_gives_random_candidates():
    # A swap needs unlike atoms, which an element has not.
    search = GeneticSearch(SearchSpace(("Al",), 2, 2), population=2, operators={"permutation": 1.0})
    assert {c.operator for c in run(search, 8)} == {"random"}


def test_resumes_exactly_in_a_late_stage():
    space = SearchSpace.from_system("Si-Ge", (2, 4))
    search = GeneticSearch(space, seed=2, population=5)
    run(search, 25)
    twin = GeneticSearch.from_state(space, json.loads(json.dumps(search.state())))
    assert fingerprints_of(run(twin, 15)) == fingerprints_of(run(search, 15))


def test_prototypes_may_be_parents_and_failures_never_are():
    space = SearchSpace.from_system("TiC", (2, 4))
    search = GeneticSearch(space, population=2, random_share=0.0)
    search.tell([failed(c) for c in search.ask(2)])
    prototype = Candidate(999, RandomSearch(space, seed=5).ask(1)[0].atoms, "prototype")
    search.tell([toy_relax(prototype)])
    children = search.ask(5)
    assert {c.parents for c in children} == {(999,)}


def test_keeps_the_best_of_every_composition_near_the_hull():
    space = SearchSpace.from_system("Si-Ge", (1, 4))
    search = GeneticSearch(space, population=2)
    rng = np.random.default_rng(0)
    for id_, counts in enumerate(space.compositions):
        atoms = search._generator.generate(counts, rng)[0]
        search.tell([Relaxed(Candidate(id_, atoms, "x"), atoms, 0.01 * len(atoms), Fate.CONVERGED)])
    compositions = {m.composition for m in search._population.members}
    assert compositions == {(0, 1), (1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (1, 0)}


def test_unknown_operators_and_bad_settings_are_refused():
    space = SearchSpace(("Al",), 1, 3)
    with pytest.raises(ValueError, match="unknown operator 'magic'"):
        GeneticSearch(space, operators={"magic": 1.0})
    with pytest.raises(ValueError, match="population"):
        GeneticSearch(space, population=1)
