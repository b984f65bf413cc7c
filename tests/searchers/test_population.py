"""A population keeps the best of every niche, and its selection turns away from what has stopped earning."""

import json
from collections import Counter

import numpy as np
import pytest
import spglib
from ase.build import bulk, make_supercell

from searchers import Candidate, Relaxed
from searchers.breeding import Breeder
from searchers.candidate import Fate
from searchers.member import Member
from searchers.population import Population
from searchers.selection import Selection
from searchers.space import SearchSpace


def told(id_, atoms, energy_per_atom, group=None):
    return Relaxed(Candidate(id_, atoms, "x"), atoms, energy_per_atom * len(atoms), Fate.CONVERGED, space_group=group)


def rattled(seed, amplitude=0.6):
    atoms = make_supercell(bulk("Al", "fcc", a=4.05), [[2, 0, 0], [0, 2, 0], [0, 0, 1]])
    atoms.rattle(amplitude, seed=seed)
    return atoms


def test_a_fingerprint_niche_holds_two_members_and_they_are_its_fittest():
    population = Population(["Al"], size=10)
    for k in range(5):  # one crystal to a hundredth of an Å, energies 10 meV apart, so none repeats another
        population.add(told(k, rattled(1) if k == 0 else _nudged(rattled(1), k), -3.0 + 0.01 * ((k + 2) % 5)), (4,))
    assert [m.id for m in population.members] == [3, 4]


def _nudged(atoms, seed):
    atoms.rattle(0.005, seed=seed)
    return atoms


def test_one_space_group_cannot_fill_the_population():
    population = Population(["Al"], size=9)
    for k in range(12):
        population.add(told(k, rattled(k), -3.0 + 0.01 * k, group=225 if k < 8 else 1), (4,))
    kept = Counter(m.space_group for m in population.members)
    assert kept == {225: 3, 1: 4}


def test_a_crystal_in_which_spglib_finds_no_symmetry_has_none(monkeypatch):
    def fail(*arguments, **options):
        raise spglib.SpglibError("no bravais lattice")

    monkeypatch.setattr("spglib.get_symmetry_dataset", fail)
    assert Member.of(told(0, rattled(0), -3.0), (4,)).space_group == 1


def test_structures_without_symmetry_are_no_niche():
    population = Population(["Al"], size=9)
    for k in range(9):
        population.add(told(k, rattled(k), -3.0 + 0.01 * k, group=1), (4,))
    assert len(population.members) == 9


def test_each_composition_near_the_hull_keeps_its_own_elite():
    population = Population(["Al", "Cu"], size=2, elite=2)
    for k in range(4):
        population.add(told(k, rattled(k), -3.0 + 0.01 * k), (4, 0))
        copper = rattled(10 + k)
        copper.symbols = "Cu4"
        population.add(told(10 + k, copper, -3.5 + 0.01 * k), (0, 4))
    assert sorted(m.id for m in population.members) == [0, 1, 10, 11]
    assert [[m.id for m in group] for group in population.by_composition()] in ([[0, 1], [10, 11]], [[10, 11], [0, 1]])


def drawn(selection, population, n=400):
    rng = np.random.default_rng(0)
    return Counter(selection.draw(population, 1, rng)[0].id for _ in range(n))


@pytest.fixture
def three():
    population = Population(["Al"], size=5)
    for k in range(3):
        population.add(told(k, rattled(k), -3.0 + 0.05 * k), (4,))
    return population


def test_the_fittest_is_chosen_most_often(three):
    counts = drawn(Selection(), three)
    assert counts[0] > counts[1] > counts[2]


def test_a_parent_whose_children_earn_nothing_ages_and_is_young_again_when_one_does(three):
    selection, usual = Selection(lifetime=5, patience=0), drawn(Selection(), three)
    for _ in range(30):
        selection.note(three, (0,), reward=0.0)
    assert drawn(selection, three)[0] < usual[0] / 4
    selection.note(three, (0,), reward=0.1)
    assert drawn(selection, three) == usual


@pytest.mark.parametrize("reward", [0.0, 0.1], ids=["nothing", "only new structures"])
def test_a_search_that_finds_nothing_lower_turns_away_from_its_leader(three, reward):
    selection = Selection(patience=10)
    for _ in range(40):
        selection.note(three, (), reward)
    assert drawn(selection, three)[0] < drawn(Selection(), three)[0] / 4


def test_selection_goes_on_from_its_state(three):
    selection = Selection(lifetime=7, patience=3)
    for _ in range(10):
        selection.note(three, (1,), reward=0.0)
    twin = Selection.from_state(json.loads(json.dumps(selection.state())))
    assert drawn(twin, three) == drawn(selection, three)


def test_a_population_goes_on_from_its_state(three):
    twin = Population.from_state(["Al"], json.loads(json.dumps(three.state())))
    assert twin.state() == three.state()
    assert all(np.array_equal(a.fingerprint, b.fingerprint) for a, b in zip(twin.members, three.members, strict=True))


def test_operators_that_earn_are_used_more_and_none_dies_out():
    breeder = Breeder(SearchSpace(("Al",), 1, 8), {"rattle": 1.0, "strain": 1.0})
    assert breeder.shares() == pytest.approx([0.5, 0.5])
    for _ in range(40):
        breeder.earnings.credit("rattle", 0.0, 20)
        breeder.earnings.credit("strain", 0.1, 20)
    rattle, strain = breeder.shares()
    assert strain > 1.8 * rattle
    assert rattle >= 0.125  # half of the quarter that follows the weights


def test_of_operators_that_earn_alike_the_cheaper_is_used_more():
    breeder = Breeder(SearchSpace(("Al",), 1, 8), {"rattle": 1.0, "strain": 1.0})
    for _ in range(40):
        breeder.earnings.credit("rattle", 0.1, 10)
        breeder.earnings.credit("strain", 0.1, 40)
    rattle, strain = breeder.shares()
    assert rattle > 1.5 * strain


def test_weights_rule_where_rates_do_not_adapt():
    breeder = Breeder(SearchSpace(("Al",), 1, 8), {"rattle": 3.0, "strain": 1.0}, adaptive=False)
    for _ in range(40):
        breeder.earnings.credit("strain", 1.0, 20)
    assert breeder.shares() == pytest.approx([0.75, 0.25])


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="lifetime must be at least 1"):
        Selection(lifetime=0)


def test_random_crystals_are_made_less_where_children_earn_more_and_never_stop():
    breeder = Breeder(SearchSpace(("Al",), 1, 8), {"rattle": 1.0})
    assert breeder.random_share(0.2) == pytest.approx(0.2)
    for _ in range(60):
        breeder.earnings.credit("random", 0.0, 20)
        breeder.earnings.credit("rattle", 1.0, 20)
    assert breeder.random_share(0.2) == pytest.approx(0.06)


def test_elements_make_way_for_compounds_where_asked():
    population = Population(["Al", "Cu"], size=6)
    for k in range(3):
        population.add(told(k, rattled(k), -3.5 + 0.01 * k), (4, 0))
    compound = rattled(7)
    compound.symbols = "Al2Cu2"
    assert drawn_compounds(population) == {0, 1, 2}  # there is nothing else
    population.add(told(9, compound, -3.0), (2, 2))
    assert drawn_compounds(population) == {9}


def drawn_compounds(population):
    rng = np.random.default_rng(0)
    return {Selection().draw(population, 1, rng, compounds=True)[0].id for _ in range(60)}


def test_a_structure_is_of_use_where_it_would_be_among_the_better_half():
    population = Population(["Al"], size=8)
    counts = (4,)
    assert population.useful_below_eV(counts) == float("inf")
    for k in range(8):
        population.add(told(k, rattled(k), -3.0 + 0.05 * k, group=1), counts)
    assert population.useful_below_eV(counts) == pytest.approx(-3.0 + 0.05 * 4)
    assert [population.leads(k) for k in (0, 3, 4, 7)] == [True, True, False, False]


def test_a_composition_without_its_elite_may_be_as_high_as_is_near_the_hull():
    population = Population(["Al", "Cu"], size=6, elite=2)
    for k in range(6):
        population.add(told(k, rattled(k), -3.0 + 0.01 * k, group=1), (4, 0))
    copper = rattled(20)
    copper.symbols = "Cu4"
    population.add(told(20, copper, -3.5), (0, 4))
    assert population.useful_below_eV((0, 4)) == pytest.approx(-3.5 + 0.1)


def test_one_composition_does_not_fill_a_population_where_compositions_are_searched():
    """Ten polytypes of an element on the hull, and compounds 0.3 eV/atom above it: there is room for these too."""
    for variable, most in ((True, 2), (False, 10)):
        population = Population(["Al", "Cu"], size=10, variable=variable)
        for k in range(10):
            population.add(told(k, rattled(k), -3.0 + 0.003 * k), (4, 0))
        population.add(told(98, bulk("Cu"), -3.0), (0, 1))
        for k in range(10):
            population.add(told(100 + k, bulk("CuAl", "rocksalt", a=5.0 + 0.1 * k), -2.7 + 0.01 * k), (1 + k, 1))
        held = Counter(m.composition for m in population.members)
        assert held[1, 0] <= most
        assert (len(held) > 3) is variable
