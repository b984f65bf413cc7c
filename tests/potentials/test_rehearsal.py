"""Relaxing on a surrogate first: fewer calls, the same ends, and no harm where it is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from potentials import Evaluation, InFlightRelaxer, RelaxSettings
from potentials.potential import structure_of
from potentials.relax import Outcome, relax
from potentials.relax.quasi_newton import GPA
from potentials.surrogate import LinearSurrogate
from tests.potentials.crystals import argon, argon_fcc, rattled
from tests.potentials.fakes import KRYPTON, OnKrypton, hole, nan

SETTINGS = RelaxSettings(fmax_eV_A=1e-3)


def batch(seeds=range(6)):
    return [rattled(argon_fcc().repeat((2, 1, 1)), 0.25, 0.05, seed) for seed in seeds]


def taught(seeds=range(100, 150)):
    surrogate = LinearSurrogate([18])
    structures = [structure_of(a) for a in batch(seeds)]
    for structure, answer in zip(structures, argon().evaluate(structures), strict=True):
        surrogate.learn(structure, answer)
    return surrogate


class Wrong(LinearSurrogate):
    """Wants atoms elsewhere, and promises much."""

    ready = True

    def __init__(self, promised_eV):
        super().__init__([18])
        self.lowest_eV_per_atom, self.promised_eV = -1000.0, promised_eV

    def evaluate(self, structures):
        return [
            Evaluation(
                self.promised_eV + (s.positions[:, 0] ** 2).sum(), -2 * s.positions * [1, 0, 0], np.zeros((3, 3))
            )
            for s in structures
        ]


def run(relaxer, verdict=None):
    finished, halts = {}, []
    while len(relaxer) or relaxer._held or not finished:
        finished |= {r.id: r for r in relaxer.step()}
        for halt in relaxer.halts():
            halts.append(halt)
            (verdict or (lambda h: relaxer.go_on(h.id)))(halt)
    return finished | {r.id: r for r in relaxer.step()}, halts


def relaxed(surrogate, settings=SETTINGS, potential=None, structures=None, rough=True):
    relaxer = InFlightRelaxer(potential or argon(), settings, surrogate=surrogate)
    for id, atoms in enumerate(batch() if structures is None else structures):
        relaxer.add(id, atoms, rough=rough)
    return run(relaxer)


def test_rehearsed_structures_take_a_fraction_of_the_calls_to_the_same_ends():
    plain = {r.id: r for r in relax(argon(), batch(), SETTINGS)}
    rehearsed, _ = relaxed(taught())
    assert {r.outcome for r in rehearsed.values()} == {Outcome.CONVERGED}
    assert sum(r.model_calls for r in rehearsed.values()) < 0.5 * sum(r.model_calls for r in plain.values())
    for id, done in rehearsed.items():
        per_atom = done.energy_eV / len(done.atoms)
        assert per_atom == pytest.approx(plain[id].energy_eV / len(plain[id].atoms), abs=1e-5)


def test_it_learns_on_the_way():
    fresh = LinearSurrogate([18])
    first, _ = relaxed(fresh, structures=batch(range(3)))
    assert fresh.learnt == sum(r.model_calls for r in first.values())
    later, _ = relaxed(fresh, structures=batch(range(3, 6)))
    assert sum(r.model_calls for r in later.values()) < 0.5 * sum(r.model_calls for r in first.values())


def test_what_is_not_rough_is_relaxed_from_where_it_is():
    plain = {r.id: r for r in relax(argon(), batch(), SETTINGS)}
    left_alone, _ = relaxed(taught(), rough=False)
    assert {id: r.model_calls for id, r in left_alone.items()} == {id: r.model_calls for id, r in plain.items()}


def test_whom_it_misleads_begins_as_given():
    plain = {r.id: r for r in relax(argon(), batch(), SETTINGS)}
    misled, _ = relaxed(Wrong(promised_eV=-100.0))
    for id, done in misled.items():
        assert done.energy_eV == pytest.approx(plain[id].energy_eV, abs=1e-9)
    assert {done.model_calls - plain[id].model_calls for id, done in misled.items()} == {1}  # that showed it


def test_what_fails_on_the_surrogate_begins_as_given():
    class Broken(Wrong):
        def evaluate(self, structures):
            raise RuntimeError("no idea")

    plain = {r.id: r for r in relax(argon(), batch(), SETTINGS)}
    done, _ = relaxed(Broken(0.0))
    assert {id: r.model_calls for id, r in done.items()} == {id: r.model_calls for id, r in plain.items()}


def test_a_structure_that_cannot_be_learnt_from_ends_alone_and_says_why():
    class Dunce(LinearSurrogate):
        def learn(self, structure, answer):
            if len(structure.numbers) == 1:
                raise IndexError("no such thing")
            super().learn(structure, answer)

    done, _ = relaxed(Dunce([18]), structures=[argon_fcc(), *batch(range(1))])
    assert (done[0].outcome, done[0].reason) == (Outcome.FAILED, "IndexError: no such thing")
    assert done[1].outcome is Outcome.CONVERGED


@pytest.mark.parametrize("act", [nan, hole])
def test_it_learns_nothing_from_what_is_not_believed(act):
    surrogate = LinearSurrogate([18, KRYPTON])
    krypton = Atoms("Kr2", positions=[[0, 0, 0], [2.9, 2.9, 0.4]], cell=5.8 * np.eye(3), pbc=True)
    done, _ = relaxed(surrogate, potential=OnKrypton(act), structures=[krypton])
    assert done[0].outcome is Outcome.FAILED
    assert surrogate.learnt == 0


def test_what_holds_other_elements_is_relaxed_as_ever():
    surrogate = taught()
    learnt = surrogate.learnt
    mixed = batch(range(1))[0]
    mixed.numbers[0] = KRYPTON
    done, _ = relaxed(surrogate, structures=[mixed], potential=OnKrypton(lambda structure, answer: answer))
    assert done[0].outcome is Outcome.CONVERGED
    assert surrogate.learnt == learnt


HALTING = replace(SETTINGS, halt_every=4, halt_rehearsed=True)


def test_it_is_held_after_its_first_call_alone_where_nobody_asks_for_more():
    _, halts = relaxed(taught(), replace(SETTINGS, halt_every=4))
    calls = {h.model_calls for h in halts}
    assert 1 in calls
    assert all(n == 1 or (n and n % 4 == 0) for n in calls)


def test_it_is_held_before_its_first_call_and_after_it():
    done, halts = relaxed(taught(), HALTING)
    for id, end in done.items():
        at = [h.model_calls for h in halts if h.id == id]
        assert at == [k for k in range(end.model_calls) if k <= 1 or k % HALTING.halt_every == 0]
    assert {h.model_calls for h in halts if h.foretold_error_eV is not None} == {0}


def test_a_halt_before_the_first_call_shows_where_the_surrogate_has_led_it():
    surrogate, potential = taught(), Counted()
    _, halts = relaxed(surrogate, HALTING, potential)
    first = [h for h in halts if h.model_calls == 0]
    assert sorted(h.id for h in first) == list(range(6))
    for halt in first:
        (there,) = potential.evaluate([structure_of(halt.atoms)])
        # The claimed error is a standard one: three of it
        assert abs(halt.enthalpy_eV - there.energy_eV) < 3 * halt.foretold_error_eV
        assert np.abs(there.forces_eV_A).max() < 0.1  # eV/Å; at the start 0.4 and more


class Counted:
    """Argon, and how many structures were evaluated."""

    def __init__(self):
        self.potential, self.calls = argon(), 0
        self.batch_atoms, self.metadata = self.potential.batch_atoms, self.potential.metadata

    def evaluate(self, structures):
        self.calls += len(structures)
        return self.potential.evaluate(structures)


def test_what_is_stopped_before_its_first_call_costs_none_and_has_no_energy():
    potential, surrogate = Counted(), taught()
    learnt = surrogate.learnt
    relaxer = InFlightRelaxer(potential, HALTING, surrogate=surrogate)
    for id, atoms in enumerate(batch()):
        relaxer.add(id, atoms, rough=True)
    done, halts = run(relaxer, lambda h: relaxer.stop(h.id, "known"))
    assert potential.calls == 0
    assert surrogate.learnt == learnt
    assert len(halts) == len(done) == 6
    for end in done.values():
        assert (end.outcome, end.model_calls, end.reason) == (Outcome.STOPPED, 0, "known")
        assert np.isnan([end.energy_eV, end.enthalpy_eV, end.max_force_eV_A]).all()


def test_rehearsals_that_wait_for_a_verdict_take_room_in_the_batch():
    """A queue is not rehearsed all at once: the surrogate knows more when their turn comes."""
    relaxer = InFlightRelaxer(argon(), HALTING, batch_atoms=8, surrogate=taught())
    for id, atoms in enumerate(batch()):
        relaxer.add(id, atoms, rough=True)
    relaxer.step()
    assert sum(len(h.atoms) for h in relaxer.halts()) <= 8


def test_a_halt_under_pressure_has_the_enthalpy():
    squeezed = replace(HALTING, pressure_GPa=2.0)
    _, halts = relaxed(taught(), squeezed)
    first = [h for h in halts if h.model_calls == 0]
    assert len(first) == 6
    for halt in first:
        (there,) = argon().evaluate([structure_of(halt.atoms)])
        enthalpy_eV = there.energy_eV + 2.0 * GPA * halt.atoms.cell.volume
        assert abs(halt.enthalpy_eV - enthalpy_eV) < 3 * halt.foretold_error_eV + 0.02 * len(halt.atoms)


def test_under_pressure_the_rehearsal_is_of_the_enthalpy():
    squeezed = replace(SETTINGS, pressure_GPa=2.0)
    plain = {r.id: r for r in relax(argon(), batch(), squeezed)}
    surrogate = LinearSurrogate([18])
    relaxed(surrogate, squeezed, structures=batch(range(100, 104)))
    rehearsed, _ = relaxed(surrogate, squeezed)
    assert sum(r.model_calls for r in rehearsed.values()) < 0.5 * sum(r.model_calls for r in plain.values())
    for id, done in rehearsed.items():
        per_atom = done.enthalpy_eV / len(done.atoms)
        assert per_atom == pytest.approx(plain[id].enthalpy_eV / len(plain[id].atoms), abs=1e-4)
