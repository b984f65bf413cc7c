"""Pareto search: the front is exactly what nothing dominates, whatever comes when; both ends of a landscape stay."""

import json
from itertools import permutations

import numpy as np
import pytest
from ase.build import bulk, make_supercell

from searchers import Candidate, ParetoSearch, Relaxed, SearchSpace
from searchers.candidate import Fate, useful_below_eV_per_atom
from searchers.conformance import check_searcher, fingerprints_of, run, toy_relax
from searchers.crowded_tournament import CrowdedTournament
from searchers.objectives import density_g_cm3
from searchers.pareto_population import ParetoPopulation

DENSE = {"density_g_cm3": "max"}


def told(id_, atoms, energy_per_atom, **properties):
    return Relaxed(
        Candidate(id_, atoms, "x"), atoms, energy_per_atom * len(atoms), Fate.CONVERGED, properties=properties
    )


def crystal(seed, a=4.05, symbol="Al"):
    """Four atoms without symmetry, unlike those of other seeds."""
    atoms = make_supercell(bulk(symbol, "fcc", a=a), [[2, 0, 0], [0, 2, 0], [0, 0, 1]])
    atoms.rattle(0.6, seed=seed)
    return atoms


def landscape(n=14, seed=0):
    """Crystals of many energies and densities; the cut of 0.3 eV/atom leaves some out."""
    rng = np.random.default_rng(seed)
    return [told(k, crystal(k, rng.uniform(3.6, 4.6)), -3.0 + rng.uniform(0.0, 0.45)) for k in range(n)]


def brute_force(news, within=0.3):
    """Ids of what nothing beats in energy and density, of one composition."""
    lowest = min(r.energy_eV_per_atom for r in news)
    points = {r.candidate.id: (r.energy_eV_per_atom, -density_g_cm3(r.atoms)) for r in news}
    near = {i: p for i, p in points.items() if p[0] - lowest <= within}

    def beaten(p):
        return any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in near.values())

    return {i for i, p in near.items() if not beaten(p)}


def ids(front):
    return [p.id for p in front]


def filled(news, elements=("Al",), senses=None, size=20, within=0.3):
    population = ParetoPopulation(elements, senses or DENSE, size, within)
    for r in news:
        counts = tuple(r.atoms.get_chemical_symbols().count(e) for e in elements)
        population.add(r, counts)
    return population


def test_keeps_the_contract_in_every_space():
    check_searcher(lambda space: ParetoSearch(space, seed=3, population=4))


def test_keeps_the_contract_with_a_property_that_nobody_measures():
    space = SearchSpace(("Al",), 1, 3)
    objectives = {"bulk_modulus_GPa": "max"}
    check_searcher(lambda s: ParetoSearch(s, seed=1, first_id=9, objectives=objectives), [space], first_id=9)


@pytest.mark.parametrize("seed", range(6))
def test_the_front_is_complete_and_non_dominated_by_brute_force(seed):
    news = landscape(seed=seed)
    front = filled(news, size=4).front()  # fewer parents than the front has points, which must cost it none
    assert set(ids(front)) == brute_force(news)
    population = filled(news)
    assert {r.candidate.id for r in news if population.on_front(r.candidate.id, (4,))} == brute_force(news)
    energies = [p.e_above_hull_eV_per_atom for p in front]
    densities = [p.objectives["density_g_cm3"] for p in front]
    assert energies == sorted(energies) and densities == sorted(densities)


def test_the_front_does_not_depend_on_the_order_of_telling():
    news = landscape(5)
    fronts = {tuple(ids(filled(order).front())) for order in permutations(news)}
    assert len(fronts) == 1


def test_at_variable_composition_a_hull_that_falls_brings_back_what_it_had_hidden():
    """AlCu is less stiff than AlCu3 and further above the hull, until the copper end falls below both."""
    elements, stiff = ("Al", "Cu"), {"bulk_modulus_GPa": "max"}

    def of(id_, symbols, energy, modulus):
        atoms = crystal(id_)
        atoms.symbols = symbols
        return told(id_, atoms, energy, bulk_modulus_GPa=modulus)

    news = [of(0, "Al4", -3.0, 10), of(1, "Cu4", -3.0, 20), of(2, "Al2Cu2", -2.9, 70), of(3, "AlCu3", -2.95, 80)]
    assert ids(filled(news, elements, stiff).front()) == [1, 3]
    news.append(of(4, "Cu4", -3.24, 30))
    for order in permutations(news):
        front = filled(order, elements, stiff).front()
        assert ids(front) == [4, 2, 3]
        # Copper's fall counts half at AlCu and three quarters at AlCu3
        assert [p.e_above_hull_eV_per_atom for p in front] == pytest.approx([0.0, 0.1 + 0.12, 0.05 + 0.18])


def test_where_the_lowest_and_the_densest_are_different_crystals_both_are_kept_and_bred_from():
    rng = np.random.default_rng(1)
    middling = [told(k, crystal(k, 4.1 + 0.02 * rng.random()), -2.9 + 0.05 * rng.random()) for k in range(20)]
    lowest, densest = told(100, crystal(100, 4.3), -3.0), told(101, crystal(101, 3.8), -2.8)
    population = filled([lowest, *middling[:10], densest, *middling[10:]], size=6)
    members = [m.id for m in population.members]
    assert {100, 101} <= set(members)
    assert {100, 101} <= set(ids(population.front()))
    drawn = {m.id for k in range(200) for m in CrowdedTournament().draw(population, 2, np.random.default_rng(k))}
    assert {100, 101} <= drawn


def test_nothing_beyond_the_cut_counts_and_the_cut_follows_the_hull():
    rubbish = told(0, crystal(0, 3.0), -2.6)
    population = filled([rubbish])
    assert ids(population.front()) == [0]  # the best there is
    population.add(told(1, crystal(1), -3.0), (4,))
    assert ids(population.front()) == [1]
    assert [m.id for m in population.members] == [1]
    assert population.useful_below_eV((4,)) == pytest.approx(-2.7)


def test_repeats_and_crowds_are_kept_out_as_in_any_population():
    news = [told(k, crystal(1), -3.0 + 0.0001 * k) for k in range(4)]  # one crystal four times
    population = filled(news)
    assert [m.id for m in population.members] == [0]
    assert ids(population.front()) == [0]
    near = [told(10 + k, crystal(1, 4.05 - 0.005 * k), -3.0 + 0.01 * k) for k in range(6)]  # relatives, each denser
    crowded = filled(near)
    assert len(crowded.members) == 2
    assert ids(crowded.front()) == [10, 11, 12, 13, 14, 15]  # the front shows them all


def test_the_better_of_two_becomes_a_parent_with_the_candidate_s_own_numbers():
    population = filled(landscape(20))
    place = {m.id: k for k, m in enumerate(population.members)}
    drawn = [CrowdedTournament().draw(population, 2, np.random.default_rng(k)) for k in range(300)]
    assert all(len({m.id for m in pair}) == 2 for pair in drawn)
    again = [CrowdedTournament().draw(population, 2, np.random.default_rng(k)) for k in range(300)]
    assert [[m.id for m in p] for p in drawn] == [[m.id for m in p] for p in again]
    counts = np.bincount([place[pair[0].id] for pair in drawn], minlength=len(place))
    assert counts[0] > counts[-1] == 0  # the last wins against nobody


def test_measured_properties_decide_and_what_has_none_moves_the_hull_only():
    population = ParetoPopulation(("Al",), {"bulk_modulus_GPa": "max"}, 20, 0.3)
    population.add(told(0, crystal(0), -3.0), (4,))
    population.add(told(1, crystal(1), -2.9, bulk_modulus_GPa=80.0), (4,))
    population.add(told(2, crystal(2), -2.8, bulk_modulus_GPa=70.0), (4,))
    population.add(told(3, crystal(3), -2.7, bulk_modulus_GPa=90.0), (4,))
    assert ids(population.front()) == [1, 3]
    assert population.front()[0].e_above_hull_eV_per_atom == pytest.approx(0.1)


def test_children_descend_from_the_dense_and_say_how_low_they_must_end():
    search = ParetoSearch(SearchSpace(("Al",), 4, 4), population=2, random_share=0.0)
    search.ask(2)
    search.tell([told(900, crystal(0, 3.8), -2.9), told(901, crystal(1, 4.3), -3.0)])
    children = [c for c in search.ask(12) if c.operator != "modes"]
    assert {p for c in children for p in c.parents} == {900, 901}
    assert [useful_below_eV_per_atom(c) for c in children] == pytest.approx([-2.7] * len(children))


def test_an_operator_that_extends_the_front_earns():
    search = ParetoSearch(SearchSpace(("Al",), 4, 4), population=4)
    search.tell([told(900, crystal(0), -3.0)])
    child = Candidate(901, crystal(1, 3.8), "strain")
    search.tell([Relaxed(child, child.atoms, -2.8 * 4, Fate.CONVERGED, model_calls=20)])
    assert search.breeder.earnings.state()["strain"] == [1.0, 20.0]


@pytest.mark.parametrize("system", ["Si-Ge", "TiC"])
def test_resumes_exactly_in_a_late_stage(system):
    space = SearchSpace.from_system(system, (2, 4))
    objectives = {"density_g_cm3": "max", "shortest_distance_A": "min"}
    search = ParetoSearch(space, seed=2, population=5, objectives=objectives)
    run(search, 25)
    twin = ParetoSearch.from_state(space, json.loads(json.dumps(search.state())))
    assert twin.front() == search.front()
    assert fingerprints_of(run(twin, 15)) == fingerprints_of(run(search, 15))
    assert twin.front() == search.front()


def test_the_front_of_a_search_is_that_of_all_it_was_told():
    search = ParetoSearch(SearchSpace(("Al",), 2, 4), seed=5, population=6)
    news = [toy_relax(c) for c in run(search, 40) if not c.modes]
    assert set(ids(search.front())) <= brute_force(news)
    # What it leaves out repeats a structure that it shows
    shown = [r for r in news if r.candidate.id in ids(search.front())]
    for r in news:
        if r.candidate.id in brute_force(news) - set(ids(search.front())):
            assert any(abs(r.energy_eV_per_atom - s.energy_eV_per_atom) < 0.002 for s in shown)


def test_settings_that_make_no_sense_are_refused():
    space = SearchSpace(("Al",), 1, 3)
    with pytest.raises(ValueError, match="unknown objective 'magic'; there are bulk_modulus_GPa, density_g_cm3"):
        ParetoSearch(space, objectives={"magic": "max"})
    with pytest.raises(ValueError, match="within_eV_per_atom above 0"):
        ParetoSearch(space, within_eV_per_atom=0.0)
