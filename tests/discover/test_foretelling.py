"""What a surrogate foretells is believed as far as it has lately been right."""

import json
from math import inf

import numpy as np
import pytest

from discover.foretelling import Foretelling, Foretold

ERROR, HULL = 0.02, -4.0


def foretold(height, error=ERROR, hull=HULL):
    """So many errors above the hull."""
    return Foretold(hull + height * error, error, hull)


def heights(rng, n, slope=0.7, offset=1.0, scatter=0.5):
    """Foretold and final heights above the hull, in errors, of a world where final = offset + slope foretold."""
    x = rng.uniform(0, 6, n)
    return np.array([x, offset + slope * x + scatter * rng.normal(size=n)]).T


def taught(world):
    foretelling = Foretelling()
    for x, y in world:
        foretelling.learn(foretold(x), HULL + y * ERROR)
    return foretelling


def expected(foretelling, height):
    """Height at which chances are even."""
    goals = np.linspace(-10, 10, 2001)
    chances = [foretelling.chance_below(foretold(height), HULL + g * ERROR) for g in goals]
    return goals[np.searchsorted(chances, 0.5)]


def test_at_first_the_surrogate_is_believed():
    assert [expected(Foretelling(), x) for x in (0, 2, 5)] == pytest.approx([0, 2, 5], abs=0.02)
    # Student's t with ten rows, one error wide and a little more: two errors below lie 4 to 5 %
    assert 0.035 < Foretelling().chance_below(foretold(2), HULL) < 0.06


def test_it_learns_how_far_off_the_surrogate_is():
    foretelling = taught(heights(np.random.default_rng(0), 1000))
    # A hundred cases count, beside ten that say otherwise
    assert expected(foretelling, 3.0) == pytest.approx(1 + 0.7 * 3, abs=0.25)


def test_it_is_not_misled_by_who_was_let_go_on():
    """Errors and energies are drawn, and those alone go on that the surrogate puts low: they end higher than foretold,
    the others do not."""
    rng = np.random.default_rng(1)
    true = rng.normal(4, 1, 40_000)
    said = true + rng.normal(0, 1, 40_000)
    passed = said < 3
    foretelling = taught(np.array([said, true]).T[passed][:3000])
    for height in (2.0, 4.0):  # by theory the mean of those foretold there is halfway to the mean of all
        assert expected(foretelling, height) == pytest.approx((height + 4) / 2, abs=0.5)  # a shift alone says 5.3 for 4


def test_what_it_calls_ten_percent_happens_in_ten_percent():
    rng, foretelling, below = np.random.default_rng(3), Foretelling(), []
    for n, (x, y) in enumerate(heights(rng, 3000)):
        if n > 200:
            goal = rng.uniform(-1, 6)
            below.append((foretelling.chance_below(foretold(x), HULL + goal * ERROR), y <= goal))
        foretelling.learn(foretold(x), HULL + y * ERROR)
    chances, happened = np.array(below).T
    near = abs(chances - 0.1) < 0.05
    assert near.sum() > 150
    assert happened[near].mean() == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / near.sum()) + 0.02)


def test_where_it_has_seen_no_case_it_rules_out_less():
    """As sure as the prior of the slope, and no more."""
    low = taught([(x, x) for x in np.linspace(-1, 1, 100)])
    all_over = taught([(x, x) for x in np.linspace(-1, 10, 100)])
    assert low.chance_below(foretold(9), HULL + 8 * ERROR) > all_over.chance_below(foretold(9), HULL + 8 * ERROR)


def test_what_it_learnt_long_ago_no_longer_counts():
    rng = np.random.default_rng(4)
    foretelling = taught([*heights(rng, 500, offset=4), *heights(rng, 1000, offset=0, slope=1, scatter=0.1)])
    assert expected(foretelling, 3.0) == pytest.approx(3.0, abs=0.1)


def test_what_lies_far_beyond_counts_as_far():
    foretelling = taught([(x, x) for x in np.linspace(0, 9, 100)])
    before = expected(foretelling, 3.0)
    foretelling.learn(foretold(0), HULL + 1e6)
    assert expected(foretelling, 3.0) == pytest.approx(before, abs=0.4)
    assert foretelling.chance_below(foretold(500), HULL + 20 * ERROR) < 1e-6
    assert foretelling.chance_below(foretold(500), HULL + 520 * ERROR) > 0.99


def test_where_any_end_will_do_or_no_hull_is_known_it_is_certain():
    foretelling = Foretelling()
    nowhere = Foretold(-3.0, ERROR, inf)
    foretelling.learn(nowhere, -3.1)
    assert foretelling.state() == Foretelling().state()
    assert foretelling.chance_below(foretold(3), inf) == 1.0
    assert foretelling.chance_below(nowhere, -9.0) == 1.0


@pytest.mark.parametrize(
    ("energy", "may_be"),
    [(-3.0, True), (-3.05, True), (-3.2, False), (-2.9995, True), (-2.99, False)],
    ids=["there", "within three errors", "far lower", "a rounding higher", "higher than what is foretold"],
)
def test_only_what_is_not_foretold_to_end_lower_is_taken_for_known(energy, may_be):
    assert Foretelling().may_end_at(Foretold(-3.0, ERROR, HULL), energy, 0.01) is may_be


def test_state_travels_as_json():
    foretelling = taught(heights(np.random.default_rng(5), 20))
    again = Foretelling.from_state(json.loads(json.dumps(foretelling.state())))
    assert again.state() == foretelling.state()
    assert again.chance_below(foretold(2), -3.9) == foretelling.chance_below(foretold(2), -3.9)
