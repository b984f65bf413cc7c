"""A relaxation is stopped where its end is foreseen, and only there."""

import numpy as np
import pytest
from ase.build import bulk

from discover.engine import LocalEngine
from discover.findings import Findings
from discover.forecast import Rung
from discover.pruning import Pruner
from discover.ray_engine import RayEngine
from discover.worker import Halted, Task, Verdict, WorkerSpec
from potentials import RelaxSettings
from potentials.relax.settings import Halt
from searchers.candidate import Candidate, useful_below
from searchers.fingerprint import fingerprint

FCC = bulk("Al", "fcc", a=4.05)
BCC = bulk("Al", "bcc", a=3.25)


def findings(*known):
    found = Findings(["Al"], {k: a for k, a, _ in known}.__getitem__, 0.01)
    for id, atoms, energy in known:
        found.add(id, atoms, energy, None)
    return found


def halted(atoms, energy, expected_drop, id=50):
    return Halted(Halt(id, atoms, energy * len(atoms), expected_drop * len(atoms), 4), fingerprint(atoms))


def candidate(wanted=float("inf"), id=50):
    return Candidate(id, FCC, "random", info=useful_below(wanted))


def test_what_will_not_end_low_enough_is_stopped_and_says_why():
    pruner = Pruner(findings((1, BCC, -3.5)), risk=0.05)
    verdict = pruner.verdict(candidate(-3.5), halted(BCC, -1.0, 1e-4))
    assert not verdict.go_on
    assert verdict.reason.startswith("hopeless: 0.")
    assert verdict.reason.endswith("% to end below -3.500 eV/atom")


def test_what_may_end_low_enough_goes_on():
    pruner = Pruner(findings((1, BCC, -3.0)), risk=0.05)
    assert pruner.verdict(candidate(-1.05), halted(BCC, -1.0, 0.01)).go_on
    assert pruner.verdict(candidate(), halted(BCC, -1.0, 1e-4)).go_on  # nobody said what is wanted


def test_what_may_be_a_hit_goes_on_whatever_the_searcher_wants():
    known = findings((1, bulk("Al", "sc", a=2.7), -1.05))
    strict, lax = Pruner(known, risk=0.05), Pruner(known, risk=0.05, near_hull_eV=0.049)
    step = halted(BCC, -1.0, 0.01)
    assert not strict.verdict(candidate(-9.0), halted(BCC, -0.2, 1e-4)).go_on
    assert lax.verdict(candidate(-9.0), step).go_on


def test_new_country_is_given_up_later_than_the_neighbourhood_of_the_known():
    """Between the two risks lies a goal that only what is known already is stopped for."""
    known = Pruner(findings((1, BCC, -9.0)), risk=0.2)
    chance = 0.1
    rung = Rung(-1.0, 1e-3)
    goal = -1.0 - known.forecast.largest_drop_eV(rung, chance)
    assert not known.verdict(candidate(goal), halted(BCC, -1.0, 1e-3)).go_on
    new = Pruner(findings((1, bulk("Al", "sc", a=2.0), -9.0)), risk=0.2)
    assert new.verdict(candidate(goal), halted(BCC, -1.0, 1e-3)).go_on


def nudged(atoms, seed=0):
    atoms = atoms.repeat((2, 1, 1))
    atoms.rattle(0.01, seed=seed)
    return atoms


def test_what_falls_into_a_known_structure_is_stopped_as_its_repeat():
    pruner = Pruner(findings((7, FCC, -3.0)), risk=0.02)
    verdict = pruner.verdict(candidate(), halted(nudged(FCC), -2.98, 0.01))
    assert verdict.reason == "falls into 7"
    assert pruner.end(50, None) == 7


@pytest.mark.parametrize("energy", [-2.0, -3.5], ids=["far above it", "far below it"])
def test_likeness_alone_does_not_stop_where_the_energy_is_another(energy):
    pruner = Pruner(findings((7, FCC, -3.0)), risk=0.02)
    assert pruner.verdict(candidate(), halted(nudged(FCC), energy, 1e-4)).go_on
    assert pruner.end(50, energy) is None


def test_the_pruner_learns_from_what_went_to_its_end():
    pruner = Pruner(findings(), risk=0.02)
    rung = Rung(-1.0, 0.01)
    before = pruner.forecast.largest_drop_eV(rung, 0.05)
    for id in range(200):
        pruner.verdict(candidate(id=id), halted(BCC, -1.0, 0.01, id))
        pruner.end(id, -1.02)
    assert pruner.forecast.largest_drop_eV(rung, 0.05) < before / 5


def foretold(atoms, energy, error, id=50):
    halt = Halt(id, atoms, energy * len(atoms), 0.0, 0, error * len(atoms))
    return Halted(halt, fingerprint(atoms))


def test_what_is_foretold_to_end_high_is_stopped_before_its_first_call():
    pruner = Pruner(findings((1, BCC, -9.0)), risk=0.02)
    assert not pruner.verdict(candidate(-3.5), foretold(BCC, -3.2, 0.05)).go_on
    assert pruner.verdict(candidate(-3.5), foretold(BCC, -3.2, 0.5, 51)).go_on  # it does not know
    assert pruner.verdict(candidate(), foretold(BCC, -3.2, 0.05, 52)).go_on  # nobody said what is wanted


def test_what_is_foretold_to_end_in_a_known_structure_is_its_repeat():
    pruner = Pruner(findings((7, FCC, -3.0)), risk=0.02)
    assert pruner.verdict(candidate(), foretold(nudged(FCC), -2.98, 0.02)).reason == "falls into 7"
    assert pruner.end(50, None) == 7


def test_a_likeness_that_is_foretold_to_end_lower_is_asked_about():
    """D0_19 and a distorted stacking, 9 meV/atom above it, look alike to the matcher."""
    pruner = Pruner(findings((7, FCC, -3.0)), risk=0.02)
    assert pruner.verdict(candidate(), foretold(nudged(FCC), -3.005, 0.02)).go_on


def test_the_pruner_learns_how_far_the_surrogate_was_wrong():
    pruner = Pruner(findings(), risk=0.02)
    for id in range(50):
        pruner.verdict(candidate(id=id), foretold(BCC, -1.0, 0.01, id))
        pruner.end(id, -0.9)
    assert pruner.foretelling.scale > 5
    pruner.verdict(candidate(id=99), foretold(BCC, -1.0, 0.01, 99))
    before = pruner.foretelling.state()
    pruner.end(99, None)  # stopped: nobody knows where it would have ended
    assert pruner.foretelling.state() == before


HALTING = WorkerSpec("emt", "cpu", RelaxSettings(halt_every=2))


def ends(engine, answer):
    cells = {10 + k: bulk(s, cubic=True) for k, s in enumerate(("Cu", "Al", "Ni"))}
    for id, atoms in cells.items():
        atoms.rattle(0.15, seed=id)
    engine.submit([Task(id, atoms) for id, atoms in cells.items()])
    ended = {}
    try:
        for _ in range(2000):
            news = engine.collect()
            engine.answer([answer(item.halt.id) for item in news if isinstance(item, Halted)])
            ended |= {item.relaxation.id: item.relaxation for item in news if not isinstance(item, Halted)}
            if len(ended) == len(cells):
                return ended
        raise AssertionError(f"only {sorted(ended)} ended")
    finally:
        engine.close()


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_engines_halt_and_obey(kind):
    engine = LocalEngine(HALTING, 4) if kind == "local" else RayEngine(HALTING, 1, 4)
    ended = ends(engine, lambda id: Verdict(id, "no use" if id == 11 else ""))
    assert (ended[11].outcome, ended[11].reason, ended[11].model_calls) == ("stopped", "no use", 2)
    assert {ended[id].outcome for id in (10, 12)} == {"converged"}
    assert np.isfinite([ended[id].energy_eV for id in (10, 12)]).all()
