"""A held relaxation costs nothing, and goes on as if it had never been held."""

from dataclasses import replace

import numpy as np
import pytest

from potentials import InFlightRelaxer, RelaxSettings
from potentials.relax import Outcome, relax
from tests.potentials.crystals import argon, argon_fcc, rattled

SETTINGS = RelaxSettings(fmax_eV_A=1e-4)
HALTING = replace(SETTINGS, halt_every=3)


def batch():
    return [rattled(argon_fcc().repeat((2, 1, 1)), 0.2, 0.05, seed) for seed in range(4)]


def relaxer():
    made = InFlightRelaxer(argon(), HALTING)
    for id, atoms in enumerate(batch()):
        made.add(id, atoms)
    return made


def run(relaxer, verdict):
    finished, halts = [], []
    for _ in range(500):
        finished += relaxer.step()
        for halt in relaxer.halts():
            halts.append(halt)
            verdict(halt)
        if len(finished) == 4:
            return {f.id: f for f in finished}, halts
    raise AssertionError("did not end")


def test_halts_change_nothing_where_all_go_on():
    held = relaxer()
    finished, halts = run(held, lambda halt: held.go_on(halt.id))
    plain = {r.id: r for r in relax(argon(), batch(), SETTINGS)}
    assert {h.model_calls for h in halts} >= {3, 6}
    for id, done in finished.items():
        assert done.model_calls == plain[id].model_calls
        # Batches hold other neighbours then, and sums in another order
        assert done.energy_eV == pytest.approx(plain[id].energy_eV, abs=1e-9)


def test_what_is_held_is_not_evaluated():
    held = relaxer()
    for _ in range(10):
        held.step()
    assert len(held) == 0
    assert sorted(h.id for h in held.halts()) == [0, 1, 2, 3]
    assert {h.model_calls for h in held.halts()} == set()


def test_a_stopped_one_ends_at_its_lowest_point_with_its_reason():
    held = relaxer()
    seen = {}

    def verdict(halt):
        seen[halt.id] = halt
        held.stop(halt.id, "enough") if halt.id == 2 else held.go_on(halt.id)

    finished, _ = run(held, verdict)
    stopped = finished[2]
    assert (stopped.outcome, stopped.reason, stopped.model_calls) == (Outcome.STOPPED, "enough", 3)
    assert stopped.enthalpy_eV / len(stopped.atoms) == pytest.approx(seen[2].enthalpy_eV / len(seen[2].atoms), abs=1e-9)
    assert {finished[k].outcome for k in (0, 1, 3)} == {Outcome.CONVERGED}


def test_the_expected_drop_is_that_of_a_parabola_near_the_minimum():
    """Within an order of magnitude: the curvature is learnt, and exact only where a search has been everywhere."""
    held = relaxer()
    finished, halts = run(held, lambda halt: held.go_on(halt.id))
    last = {h.id: h for h in halts}
    for id, halt in last.items():
        n, final = len(halt.atoms), finished[id]
        drop = halt.enthalpy_eV / n - final.enthalpy_eV / len(final.atoms)
        if drop > 1e-6:
            assert 0.05 < drop / (halt.expected_drop_eV / n) < 20


def test_only_what_is_held_can_go_on_or_stop():
    held = relaxer()
    for call in (held.go_on, lambda id: held.stop(id, "x")):
        with pytest.raises(KeyError):
            call(0)


def test_a_structure_evaluated_as_it_is_never_halts():
    made = InFlightRelaxer(argon(), replace(SETTINGS, halt_every=1))
    made.add(7, batch()[0], relax=False)
    (done,) = made.step()
    assert done.model_calls == 1
    assert made.halts() == []
    assert np.isfinite(done.energy_eV)
