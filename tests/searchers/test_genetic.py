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
from searchers.modes import Modes
from searchers.starts import START_KINDS


def test_keeps_the_contract_in_every_space():
    check_searcher(lambda space: GeneticSearch(space, seed=3, population=4))


def test_counts_ids_from_the_first():
    space = SearchSpace(("Al",), 1, 3)
    check_searcher(lambda s: GeneticSearch(s, seed=1, first_id=50, population=5), [space], first_id=50)


def test_makes_children_by_every_operator_that_can_work():
    """Soft modes at fixed compositions alone, changes of composition at variable ones."""
    usual = {"random", "spread", "heredity", "strain", "rattle", "permutation", "wyckoff", "subgroup", "slip", "ripple"}
    for system, own in (("Ti-C", "composition"), ("TiC", "modes")):
        space = SearchSpace.from_system(system, (2, 4))
        search = GeneticSearch(space, population=6, random_share=0.1, adaptive=False)
        made = {c.operator for c in run(search, 250)}
        # Nobody answers the questions for modes here; random crystals are symmetric and have no needless translations
        assert made - {"symmetrised", "reduction", "supercell"} == usual | {"void_hop", own}


def told_modes(candidate):
    """The candidate's own cell with one soft mode: its first atom moves along x, against the second."""
    shape = np.zeros((1, len(candidate.atoms), 3))
    shape[0, 0, 0], shape[0, 1, 0] = 1.0, -1.0
    energy = -0.1 * len(candidate.atoms)
    modes = Modes(np.array([1.0]), shape)
    return Relaxed(candidate, candidate.atoms, energy, Fate.CONVERGED, model_calls=30, modes=modes)


def soft(**settings):
    space, operators = SearchSpace(("Al",), 4, 4), {"softmode": 1.0}
    return GeneticSearch(space, population=2, random_share=0.0, operators=operators, **settings)


def test_a_parent_is_asked_for_its_modes_once_and_then_has_children_along_them():
    search = soft()
    search.tell([toy_relax(c) for c in search.ask(2)])
    asked = search.ask(12)
    questions = [c for c in asked if c.operator == "modes"]
    assert len(questions) == 2 and len({c.parents for c in questions}) == 2
    assert all(c.modes > 0 and not c.relax for c in questions)
    search.tell([told_modes(c) for c in questions])
    children = [c for c in search.ask(10) if c.operator == "softmode"]
    assert len(children) >= 8
    cells = {c.parents: c.atoms for c in questions}
    for child in children:
        parent = cells[child.parents]
        assert child.atoms.cell.array == pytest.approx(parent.cell.array)
        # Two atoms that the mode leaves alone are as far apart as they were, but for pushes out of clashes
        assert child.atoms.get_distance(2, 3, mic=True) == pytest.approx(parent.get_distance(2, 3, mic=True), abs=0.1)


def test_modes_are_charged_to_the_operator_that_wanted_them():
    search = soft(adaptive=True)
    search.tell([toy_relax(c) for c in search.ask(2)])
    (question,) = [c for c in search.ask(1) if c.operator == "modes"]
    search.tell([told_modes(question)])
    assert search.breeder.earnings.state()["softmode"] == [0.0, 30.0]


def test_modes_survive_a_resume():
    search = soft()
    search.tell([toy_relax(c) for c in search.ask(2)])
    search.tell([told_modes(c) for c in search.ask(4) if c.operator == "modes"])
    twin = GeneticSearch.from_state(search.space, json.loads(json.dumps(search.state())))
    assert fingerprints_of(twin.ask(6)) == fingerprints_of(search.ask(6))


def test_all_operators_failing_gives_random_candidates():
    # A swap needs unlike atoms, which an element has not.
    search = GeneticSearch(SearchSpace(("Al",), 2, 2), population=2, operators={"permutation": 1.0})
    assert {c.operator for c in run(search, 8)} <= set(START_KINDS)


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
        atoms = search._starts.generator.generate(counts, rng)[0]
        search.tell([Relaxed(Candidate(id_, atoms, "x"), atoms, 0.01 * len(atoms), Fate.CONVERGED)])
    compositions = {m.composition for m in search._population.members}
    assert compositions == {(0, 1), (1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (1, 0)}


def test_unknown_operators_and_bad_settings_are_refused():
    space = SearchSpace(("Al",), 1, 3)
    with pytest.raises(ValueError, match="unknown operator 'magic'"):
        GeneticSearch(space, operators={"magic": 1.0})
    with pytest.raises(ValueError, match="population"):
        GeneticSearch(space, population=1)
