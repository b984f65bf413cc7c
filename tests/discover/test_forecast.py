"""A forecast learns how relaxations end, and its uncertainty is true."""

import json

import numpy as np
import pytest

from discover.forecast import Forecast, Rung


def ended(rng, n, offset=1.0, slope=0.8, scatter=0.5):
    """Rungs and final energies of a world where ln(drop) = offset + slope ln(expected) + scatter."""
    expected = np.exp(rng.normal(-4, 1.5, n))
    drops = np.exp(offset + slope * np.log(expected) + rng.normal(0, scatter, n))
    return [(Rung(-3.0, float(x)), -3.0 - float(d)) for x, d in zip(expected, drops, strict=True)]


def taught(n=400):
    forecast = Forecast()
    for rung, final in ended(np.random.default_rng(0), n):
        forecast.learn([rung], final)
    return forecast


def test_what_it_calls_ten_percent_happens_in_ten_percent():
    forecast = taught(3000)  # so many that the prior, which is less sure, does not count
    world = ended(np.random.default_rng(1), 1000)
    exceeded = np.mean([rung.energy_eV_per_atom - final > forecast.largest_drop_eV(rung, 0.1) for rung, final in world])
    assert exceeded == pytest.approx(0.10, abs=0.03)  # three standard errors of 1,000 draws


def test_chance_and_largest_drop_say_the_same():
    forecast, rung = taught(50), Rung(-3.0, 0.02)
    assert forecast.chance_below(rung, -3.0 - forecast.largest_drop_eV(rung, 0.05)) == pytest.approx(0.05, abs=1e-9)


def test_a_lower_goal_is_less_likely_and_one_already_reached_is_certain():
    forecast, rung = Forecast(), Rung(-3.0, 0.02)
    chances = [forecast.chance_below(rung, e) for e in (-2.9, -3.0, -3.01, -3.1, -4.0)]
    assert chances[:2] == [1.0, 1.0]
    assert chances == sorted(chances, reverse=True)


def test_one_that_knows_nothing_is_less_sure_than_one_that_was_taught():
    rung = Rung(-3.0, 0.02)
    assert Forecast().largest_drop_eV(rung, 0.05) > 2 * taught().largest_drop_eV(rung, 0.05)


def test_many_rungs_of_one_relaxation_count_as_one():
    rung = Rung(-3.0, 0.02)
    once, often = Forecast(), Forecast()
    once.learn([rung], -3.1)
    often.learn([rung] * 10, -3.1)
    assert often.largest_drop_eV(rung, 0.1) == pytest.approx(once.largest_drop_eV(rung, 0.1))


def test_it_goes_on_from_its_state():
    forecast = taught(30)
    twin = Forecast.from_state(json.loads(json.dumps(forecast.state())))
    assert twin.largest_drop_eV(Rung(-1, 0.3), 0.2) == forecast.largest_drop_eV(Rung(-1, 0.3), 0.2)
