"""Model calls go to compositions where something may still lie below the hull."""

import json
from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from searchers import Candidate, GeneticSearch, Relaxed, SearchSpace
from searchers.candidate import Fate
from searchers.composition_choice import CompositionChoice
from searchers.local_hull import LocalHull, reduced

SPACE = SearchSpace.from_system("Ti-C", (2, 11))
TRIES = 400


def tried(counts, fate=Fate.CONVERGED, parents=(), calls=0):
    atoms = Atoms("Ti" * counts[0] + "C" * counts[1])
    return Relaxed(Candidate(0, atoms, "x", parents), atoms, 0.0, fate, model_calls=calls)


def choice(told, space=SPACE):
    """A choice that has heard of these: (counts, formation energies of tries)."""
    hull = LocalHull(space.elements)
    made = CompositionChoice(space, hull)
    for element in ((1, 0), (0, 1)):
        hull.add(element, 0.0)
        for _ in range(40):
            made.learn(tried(element))
    for counts, energies in told:
        for energy in energies:
            hull.add(counts, energy)
            made.learn(tried(counts))
    return made


def shares(draw):
    drawn = Counter(reduced(draw(np.random.default_rng(seed))) for seed in range(TRIES))
    return {counts: n / TRIES for counts, n in drawn.items()}


def test_simple_compositions_come_first_while_nothing_is_known():
    simple = shares(choice([]).cell)
    assert simple[1, 1] > 0.1  # of 43; evenly it would be 0.02
    assert simple[1, 1] > simple[2, 1] > simple.get((6, 5), 0.0)
    assert simple[1, 1] + simple[2, 1] + simple[1, 2] > 0.3


def test_elements_whose_forms_are_known_rest():
    drawn = shares(choice([]).cell)
    assert drawn.get((1, 0), 0.0) + drawn.get((0, 1), 0.0) < 0.06  # by their simplicity it would be half


def test_what_lies_far_above_the_hull_beside_its_like_rests():
    """Carbon-rich compositions, 0.5 eV/atom above the hull, against metal-rich ones upon it; equally often tried."""
    found = [((1, 1), [-0.8] * 5)]
    found += [((1, n), [-1.6 / (n + 1) + 0.5] * 5) for n in (2, 3, 4)] + [((2, 3), [-0.14] * 5)]
    found += [((n, 1), [-1.6 / (n + 1)] * 5) for n in (2, 3, 4)] + [((3, 2), [-0.64] * 5)]
    drawn = shares(choice(found).cell)
    rich = sum(share for (metal, carbon), share in drawn.items() if carbon > metal > 0)
    poor = sum(share for (metal, carbon), share in drawn.items() if metal > carbon > 0)
    assert poor > 2 * rich


def test_one_unlucky_try_is_not_the_end_where_kindred_compositions_lie_low():
    """TiC's first crystal may be a bad one; that Ti3C2 and Ti2C3 lie low says that it was."""
    low_beside = [((1, 1), [-0.2]), ((3, 2), [-0.6] * 6), ((2, 3), [-0.6] * 6)]
    drawn = shares(choice(low_beside).cell)
    assert drawn[1, 1] > 1 / 43  # no less than evenly, though it lies 0.4 eV/atom above the hull


def test_larger_formula_units_need_more_tries():
    """Twenty tries exhaust two atoms (but not ten, in which the lowest may be: one time in four), and never eleven."""
    made = choice([((1, 1), [0.05] * 20), ((6, 5), [0.05] * 20)])
    best = Counter(made.best([(1, 1), (6, 5)], np.random.default_rng(seed)) for seed in range(TRIES))
    assert best[1] > 0.8 * TRIES


def test_the_odds_are_those_that_the_docstring_gives():
    """By hand: TiC tried 4 times and found 0.3 eV/atom above the elements, asked for itself and for Ti6C5."""
    hull = LocalHull(("Ti", "C"))
    for counts, energy in (((1, 0), 0.0), ((0, 1), 0.0), ((1, 1), 0.3)):
        hull.add(counts, energy)
    made = CompositionChoice(SPACE, hull)
    for _ in range(4):
        made.learn(tried((1, 1)))
    unseen, mean, scatter = made.odds([(1, 1), (6, 5)])
    assert unseen == pytest.approx([0.75 * 0.8**4 + 0.25 * (1 - 0.2 * 0.2**2) ** 4, 1.0])  # cells of 2 to 10 atoms
    for k, carbon in enumerate((0.5, 5 / 11)):
        w = np.exp(-2 * (np.array([0.5]) - carbon) ** 2 / (2 * 0.07**2))  # of compounds, so of TiC
        above = np.array([0.3])
        assert mean[k] == pytest.approx((w @ above) / (0.5 + w.sum()))
        assert scatter[k] ** 2 == pytest.approx((0.5 * 0.1**2 + w @ (above - mean[k]) ** 2) / (0.5 + w.sum()))


def test_where_nothing_is_left_unseen_the_least_exhausted_comes_next():
    made = choice([((1, 1), [0.0] * 4000), ((6, 5), [0.0] * 4000)])  # ten atoms against eleven
    assert all(made.best([(1, 1), (6, 5)], np.random.default_rng(seed)) == 1 for seed in range(20))


def test_a_choice_put_back_draws_the_same():
    made = choice([((1, 1), [-0.8, -0.7, -0.75]), ((2, 1), [-0.5])])
    hull = LocalHull.from_state(SPACE.elements, json.loads(json.dumps(made._hull.state())))
    twin = CompositionChoice.from_state(SPACE, hull, json.loads(json.dumps(made.state())))
    for seed in range(50):
        assert twin.cell(np.random.default_rng(seed)) == made.cell(np.random.default_rng(seed))
        assert twin.target(np.random.default_rng(seed)) == made.target(np.random.default_rng(seed))


def test_a_search_turns_to_where_the_hull_may_still_fall():
    """Carbon-rich crystals end 0.4 to 0.6 eV/atom above the hull, metal-rich ones within 0.05 of it."""
    search = GeneticSearch(SearchSpace.from_system("Ti-C", (2, 6)), population=6)
    rng = np.random.default_rng(0)
    asked = []
    for _ in range(250):
        for candidate in search.ask(1):
            carbon = candidate.atoms.get_chemical_symbols().count("C") / len(candidate.atoms)
            hull_eV = -1.6 * min(carbon, 1 - carbon)
            above_eV = rng.uniform(0.4, 0.6) if 0.5 < carbon < 1 else rng.uniform(0.0, 0.05)
            energy_eV = (hull_eV + above_eV) * len(candidate.atoms)
            search.tell([Relaxed(candidate, candidate.atoms, energy_eV, Fate.CONVERGED, model_calls=10)])
            asked.append(carbon)
    late = np.array(asked[100:])
    assert np.mean((late > 0) & (late <= 0.5)) > 0.65  # evenly it would be a half
    assert np.mean((late > 0.5) & (late < 1)) < 0.25


def test_a_child_that_falls_back_is_a_fifth_of_a_try():
    made = CompositionChoice(SPACE, LocalHull(SPACE.elements))
    for fate, parents in ((Fate.DUPLICATE, (3,)), (Fate.DUPLICATE, ()), (Fate.PRUNED, (3,)), (Fate.FAILED, ())):
        made.learn(tried((2, 2), fate, parents))
    assert made.state() == [[[1, 1], pytest.approx(3.2), 0]]
    made.learn(Relaxed(Candidate(0, Atoms("Al"), "x"), Atoms("Al"), 0.0, Fate.CONVERGED))
    assert len(made.state()) == 1


def test_dear_compositions_are_drawn_less():
    """A try of carbon-rich crystals costs 30 calls, of metal-rich ones 5: by hand for TiC3, whose kin are all dear."""
    hull = LocalHull(SPACE.elements)
    made = CompositionChoice(SPACE, hull)
    assert made.thrift([(1, 3)]) == pytest.approx(1.0)
    for counts, calls in (((1, 3), 30), ((3, 1), 5)):
        for _ in range(10):
            made.learn(tried(counts, calls=calls))
    mean = 350 / 20
    assert made.thrift([(1, 3)]) == pytest.approx(mean / ((0.5 * mean + 300) / 10.5), rel=1e-3)
    assert made.thrift([(3, 1)]) == 1.0
    best = Counter(made.best([(1, 3), (3, 1)], np.random.default_rng(seed)) for seed in range(TRIES))
    assert best[1] > 1.2 * best[0]
