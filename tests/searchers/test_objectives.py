"""Objectives against handbook values, and the sorting against brute force."""

from itertools import pairwise

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from searchers.dominance import by_crowded_comparison, dominates, non_dominated, surviving
from searchers.objectives import OBJECTIVE_NAMES, OF_STRUCTURE, Objective, measured_names, objectives_of


def test_values_are_those_of_handbooks():
    silicon = bulk("Si", "diamond", a=5.431)
    # CRC Handbook: 2.329 g/cm^3; the lattice constant is given to 2e-4
    assert OF_STRUCTURE["density_g_cm3"](silicon) == pytest.approx(2.329, abs=2e-3)
    assert OF_STRUCTURE["volume_A3_per_atom"](silicon) == pytest.approx(5.431**3 / 8)
    assert OF_STRUCTURE["shortest_distance_A"](silicon) == pytest.approx(5.431 * np.sqrt(3) / 4)
    assert OF_STRUCTURE["mean_mass_u"](bulk("MgO", "rocksalt", a=4.21)) == pytest.approx((24.305 + 15.999) / 2)


@pytest.mark.parametrize("name", OF_STRUCTURE)
def test_values_do_not_depend_on_the_cell_that_is_written_down(name):
    crystal = bulk("NaCl", "rocksalt", a=5.64)
    # Sums in another order
    assert OF_STRUCTURE[name](crystal.repeat((1, 2, 2))) == pytest.approx(OF_STRUCTURE[name](crystal), rel=1e-9)


def test_what_was_not_measured_is_not_a_number():
    modulus = Objective("bulk_modulus_GPa", "max")
    assert np.isnan(modulus.value(bulk("Si"), {}))
    assert modulus.value(bulk("Si"), {"bulk_modulus_GPa": 90.0}) == 90.0
    assert measured_names({"bulk_modulus_GPa": "max", "density_g_cm3": "min"}) == ("bulk_modulus_GPa",)


def test_unknown_names_and_senses_are_refused_with_the_choices():
    with pytest.raises(ValueError) as caught:
        Objective("hardness", "max")
    assert str(caught.value) == (
        f"unknown objective 'hardness'; there are {', '.join(OBJECTIVE_NAMES)} "
        "(the energy above the hull is always one)"
    )
    with pytest.raises(ValueError, match="objective density_g_cm3 must be 'min' or 'max' \\(is 'more'\\)"):
        objectives_of({"density_g_cm3": "more"})
    with pytest.raises(ValueError, match="at least one objective beside the energy"):
        objectives_of({})


COSTS = st.integers(2, 3).flatmap(
    lambda n: st.lists(st.tuples(*[st.integers(0, 6).map(float)] * n), min_size=1, max_size=14)
)


@given(COSTS)
def test_the_front_is_what_brute_force_finds(costs):
    def beats(a, b):
        return all(x <= y for x, y in zip(a, b, strict=True)) and a != b

    assert non_dominated(costs) == [i for i, c in enumerate(costs) if not any(beats(other, c) for other in costs)]
    assert all(dominates(a, b) == beats(a, b) for a in costs for b in costs)


@given(COSTS, st.integers(1, 14))
def test_survivors_are_whole_fronts_before_any_of_the_next(costs, n):
    kept = surviving(costs, n)
    assert len(kept) == len(set(kept)) == min(n, len(costs))
    assert not any(dominates(costs[lost], costs[i]) for i in kept for lost in set(range(len(costs))) - set(kept))


@given(COSTS)
def test_the_order_never_sets_a_point_before_one_that_dominates_it(costs):
    ordered = by_crowded_comparison(costs)
    assert sorted(ordered) == list(range(len(costs)))
    assert not any(dominates(costs[b], costs[a]) for i, a in enumerate(ordered) for b in ordered[i:])


def test_of_one_front_the_ends_come_first_and_the_lonely_before_the_crowded():
    costs = [(0.0, 10.0), (1.0, 8.0), (1.2, 7.8), (1.4, 7.6), (5.0, 2.0), (10.0, 0.0)]
    ordered = by_crowded_comparison(costs)
    assert set(ordered[:2]) == {0, 5}
    assert ordered[2:] == [4, 3, 1, 2]
    # The reason, as Deb et al. (2002) define it: half the rim of the box that the two neighbours span
    rim = {k: costs[k + 1][0] - costs[k - 1][0] + costs[k - 1][1] - costs[k + 1][1] for k in range(1, 5)}
    assert all(rim[a] >= rim[b] for a, b in pairwise(ordered[2:]))
