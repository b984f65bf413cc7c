"""What a surrogate foretells is believed as far as it has lately been right."""

import json

import numpy as np
import pytest

from discover.foretelling import Foretelling, Foretold

HERE = Foretold(-3.0, 0.02)


def taught(n=3000, scale=2.0, shift=0.0, seed=0):
    """Of a world where errors are twice what the surrogate claims."""
    rng = np.random.default_rng(seed)
    foretelling = Foretelling()
    for error in rng.uniform(0.01, 0.1, n):
        foretelling.learn(Foretold(-3.0, error), -3.0 + error * (shift + scale * rng.normal()))
    return foretelling


def test_it_learns_how_much_larger_the_errors_are_and_where_their_mean_lies():
    assert (Foretelling().scale, Foretelling().shift) == (1.0, 0.0)
    # A hundred cases count, beside ten that say 1 and 0: three standard errors, and a tenth of the way back
    assert taught(scale=0.5).scale == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(200) + 0.1)
    assert taught(scale=0.5, shift=1.0).shift == pytest.approx(1.0, abs=3 * 0.5 / np.sqrt(100) + 0.1)


def test_what_it_calls_ten_percent_happens_in_ten_percent():
    """In a world that changes: chances of each next case, the goal drawn with it."""
    rng, foretelling, below = np.random.default_rng(3), Foretelling(), []
    for n in range(3000):
        z = 0.5 + 0.6 * rng.normal()
        if n > 200:
            goal = -3.0 + 0.02 * rng.normal()
            below.append((foretelling.chance_below(HERE, goal), -3.0 + 0.02 * z <= goal))
        foretelling.learn(HERE, -3.0 + 0.02 * z)
    chances, happened = np.array(below).T
    near = abs(chances - 0.1) < 0.05
    assert near.sum() > 150
    assert happened[near].mean() == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / near.sum()) + 0.02)


def test_what_it_learnt_long_ago_no_longer_counts():
    foretelling = taught(scale=3.0)
    for _ in range(1000):
        foretelling.learn(HERE, -3.0)
    assert foretelling.scale < 0.4  # of the ten cases that it began with


def test_one_that_was_led_astray_does_not_spoil_the_rest():
    foretelling = taught(200, scale=0.5)
    foretelling.learn(HERE, 20.0)
    assert foretelling.scale < 1.0


def test_while_little_is_known_it_rules_out_less():
    goal = -3.0 - 4 * 0.02
    assert Foretelling().chance_below(HERE, goal) > 3 * taught(scale=1.0).chance_below(HERE, goal)


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
