"""What a surrogate foretells is believed as far as it has lately been right."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from discover.foretelling import Foretelling, Foretold

HERE = Foretold(-3.0, 0.02)


def taught(n=3000, scale=2.0, seed=0):
    """Of a world where errors are twice what the surrogate claims."""
    rng = np.random.default_rng(seed)
    foretelling = Foretelling()
    for error in rng.uniform(0.01, 0.1, n):
        foretelling.learn(Foretold(-3.0, error), -3.0 + scale * error * rng.normal())
    return foretelling


def test_it_learns_how_much_larger_the_errors_are():
    assert Foretelling().scale == 1.0
    assert taught().scale == pytest.approx(2.0, rel=3 / np.sqrt(2 * 3000))  # three standard errors


def test_no_claim_is_taken_for_better_than_it_is_made():
    foretelling = taught(scale=0.1)
    assert foretelling.scale == 1.0
    assert foretelling.chance_below(HERE, -3.04) == pytest.approx(norm.cdf(-2), abs=0.002)


def test_what_it_calls_ten_percent_happens_in_ten_percent():
    assert taught().chance_below(HERE, -3.0 - 2.0 * 0.02 * norm.isf(0.1)) == pytest.approx(0.1, abs=0.01)


def test_while_little_is_known_it_rules_out_less():
    goal = -3.0 - 4 * 0.02
    assert Foretelling().chance_below(HERE, goal) > 10 * taught(scale=1.0).chance_below(HERE, goal)


def test_where_it_is_foretold_chances_are_even():
    assert Foretelling().chance_below(HERE, -3.0) == 0.5


@pytest.mark.parametrize(
    ("energy", "may_be"),
    [(-3.0, True), (-3.05, True), (-3.2, False), (-2.9995, True), (-2.99, False)],
    ids=["there", "within three errors", "far lower", "a rounding higher", "higher than what is foretold"],
)
def test_only_what_is_not_foretold_to_end_lower_is_taken_for_known(energy, may_be):
    assert Foretelling().may_end_at(HERE, energy, 0.01) is may_be


def test_state_travels_as_json():
    foretelling = taught(20)
    again = Foretelling.from_state(json.loads(json.dumps(foretelling.state())))
    assert again.state() == foretelling.state()
    assert again.chance_below(HERE, -3.1) == foretelling.chance_below(HERE, -3.1)
