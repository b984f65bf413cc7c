"""Many relaxations at once: one batch that is refilled as structures leave it, each its own risk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from potentials.neighbours import NeighbourOverflowError, Structure
from potentials.potential import Evaluation, Potential, structure_of
from potentials.primitive import primitive
from potentials.relax.quasi_newton import GPA, QuasiNewton
from potentials.relax.sanity import unphysical_energy, unphysical_geometry
from potentials.relax.settings import Halt, Outcome, Relaxation, RelaxSettings
from potentials.surrogate import LinearSurrogate
from potentials.words import in_words

FINAL_SYMPREC_A = 0.01
"""Two relaxed atoms closer than this to a translation of each other are one: a tenth of a typical thermal amplitude."""

REHEARSAL_STEPS = 80
"""On the surrogate, of which each costs a millisecond."""
HOLE_EV = 0.5
"""Per atom: what a surrogate puts so far below all that it has learnt from is its own invention."""
MISLED_EV = 0.5
"""Per atom: where the first energy lies so far above the one foretold, the relaxation begins again as it was given."""
HALVINGS = 3
"""Of a step that leads into an overlap, before the structure itself is blamed: 0.35 Å become 0.04 Å."""


@dataclass
class _Walker:
    """One structure in flight."""

    id: int
    start: Atoms
    optimiser: QuasiNewton
    relax: bool
    pressure_GPa: float
    rough: bool = False
    foretold_eV: float | None = None
    calls: int = 0
    lowest: tuple[float, Structure, Evaluation] | None = None


class InFlightRelaxer:
    """Keeps a batch full: `add` queues, `step` evaluates every structure in flight once and returns the finished.

    With `settings.halt_every`, structures are held now and then: `halts` gives those newly held, and each waits outside
    the batch until `go_on` or `stop` is called with its id.

    With a surrogate, rough structures are rehearsed: relaxed on it when their turn comes, so that the potential begins
    near where they end. It learns from every evaluation; whom it misleads (`MISLED_EV`), begins as it was given.

    potential: what evaluates.
    settings: when a structure is finished.
    batch_atoms: atoms in flight; None takes the potential's own.
    surrogate: learnt on the way; None rehearses nothing.
    """

    def __init__(
        self,
        potential: Potential,
        settings: RelaxSettings | None = None,
        batch_atoms: int | None = None,
        surrogate: LinearSurrogate | None = None,
    ) -> None:
        self.potential = potential
        self.settings = settings or RelaxSettings()
        self.batch_atoms = batch_atoms or potential.batch_atoms
        self._surrogate = surrogate
        self._waiting: deque[_Walker] = deque()
        self._flying: list[_Walker] = []
        self._finished: list[Relaxation] = []
        self._held: dict[int, _Walker] = {}
        self._halts: list[Halt] = []

    def __len__(self) -> int:
        """Structures waiting or in flight, without those that are held."""
        return len(self._waiting) + len(self._flying)

    def add(
        self, id: int, atoms: Atoms, relax: bool = True, rough: bool = False, pressure_GPa: float | None = None
    ) -> None:
        """Queue a structure; with relax=False it is evaluated once as it is, a rough one may be rehearsed.

        pressure_GPa: its own, where it is not that of the settings.
        """
        pressure = self.settings.pressure_GPa if pressure_GPa is None else pressure_GPa
        start = atoms.copy()
        start.pbc = True
        # Before anything else: spglib dies, and the process with it, on positions that are not finite
        reason = unphysical_geometry(structure_of(start), self.settings)
        if self.settings.primitive and relax and not reason:
            try:
                start = primitive(start)
            except Exception as error:  # a cell that no lattice reduction foresaw ends alone
                reason = in_words(error)
        walker = _Walker(id, start, self._optimiser(start, pressure), relax, pressure, rough and relax)
        if reason:
            self._finished.append(self._failed(walker, reason))
        else:
            self._waiting.append(walker)

    def step(self) -> list[Relaxation]:
        """One model call for everything in flight; what has ended since the last step."""
        self._refill()
        walkers, self._flying = self._flying, []
        for walker, answer in zip(walkers, self._evaluate([w.optimiser.structure for w in walkers]), strict=True):
            walker.calls += 1
            done = self._judged(walker, answer)
            if done is not None:
                self._finished.append(done)
            elif self._due(walker):
                self._hold(walker)
            else:
                self._flying.append(walker)
        finished, self._finished = self._finished, []
        return finished

    def _due(self, walker: _Walker) -> bool:
        """Whether it is held now: every so often, and where a rehearsal has led it near its end at once."""
        if not self.settings.halt_every or walker.lowest is None:
            return False
        return walker.calls % self.settings.halt_every == 0 or (walker.calls == 1 and walker.foretold_eV is not None)

    def _hold(self, walker: _Walker) -> None:
        assert walker.lowest is not None
        enthalpy, here, _ = walker.lowest
        self._held[walker.id] = walker
        self._halts.append(Halt(walker.id, _atoms(here), enthalpy, walker.optimiser.expected_drop_eV, walker.calls))

    def _hold_rehearsed(self, walker: _Walker) -> None:
        """Before the first model call: where the surrogate says that it will end."""
        assert self._surrogate is not None and walker.foretold_eV is not None
        here = walker.optimiser.structure
        enthalpy = walker.foretold_eV + walker.pressure_GPa * GPA * here.volume_A3
        self._held[walker.id] = walker
        self._halts.append(Halt(walker.id, _atoms(here), enthalpy, 0.0, 0, self._surrogate.error_eV(here)))

    def halts(self) -> list[Halt]:
        """Structures held since the last call of this."""
        halts, self._halts = self._halts, []
        return halts

    def go_on(self, id: int) -> None:
        """Let a held structure go on, before those that have not begun.

        Raises:
            KeyError: it is not held.
        """
        self._waiting.appendleft(self._held.pop(id))

    def stop(self, id: int, reason: str) -> None:
        """End a held structure; the next `step` returns it as STOPPED, at its lowest point so far.

        One that was rehearsed alone has no energy: it comes back as the surrogate left it.

        Raises:
            KeyError: it is not held.
        """
        walker = self._held.pop(id)
        if walker.lowest is None:
            walker.start = _atoms(walker.optimiser.structure)
            self._finished.append(replace(self._failed(walker, reason), outcome=Outcome.STOPPED))
        else:
            self._finished.append(self._ended(walker, *walker.lowest[1:], Outcome.STOPPED, reason))

    def _refill(self) -> None:
        atoms = sum(len(w.start) for w in self._flying)
        while self._waiting and (not atoms or atoms + len(self._waiting[0].start) <= self.batch_atoms):
            walker = self._waiting.popleft()
            atoms += len(walker.start)
            if walker.rough and self._rehearse(walker) and self.settings.halt_rehearsed:
                self._hold_rehearsed(walker)
            else:
                self._flying.append(walker)

    def _optimiser(self, atoms: Atoms, pressure_GPa: float) -> QuasiNewton:
        return QuasiNewton(structure_of(atoms), pressure_GPa, self.settings.relax_cell)

    def _rehearse(self, walker: _Walker) -> bool:
        """Relax it on the surrogate, True where that went well; what fails there begins as it was given."""
        walker.rough = False
        if self._surrogate is None or not self._surrogate.ready or not self._surrogate.knows(walker.start.numbers):
            return False
        settings = replace(
            self.settings,
            pressure_GPa=walker.pressure_GPa,
            max_steps=REHEARSAL_STEPS,
            primitive=False,
            halt_every=0,
            lowest_eV_per_atom=self._surrogate.lowest_eV_per_atom - HOLE_EV,
        )
        (done,) = relax(self._surrogate, [walker.start], settings)
        if done.outcome is not Outcome.FAILED:
            walker.optimiser = self._optimiser(done.atoms, walker.pressure_GPa)
            walker.foretold_eV = done.energy_eV
        return walker.foretold_eV is not None

    def _learn(self, structure: Structure, answer: Evaluation | Exception) -> None:
        """Let the surrogate know what can be believed."""
        if self._surrogate is None or isinstance(answer, Exception) or not self._surrogate.knows(structure.numbers):
            return
        if unphysical_energy(structure, answer, self.settings):
            return
        with suppress(NeighbourOverflowError):  # more neighbours than a crystal has: nothing to learn
            self._surrogate.learn(structure, answer)

    def _evaluate(self, structures: Sequence[Structure]) -> list[Evaluation | Exception]:
        """Evaluate all; where the batch breaks, halve it until the culprit stands alone."""
        if not structures:
            return []
        try:
            return list(self.potential.evaluate(structures))
        except Exception as error:
            if len(structures) == 1:
                return [error]
            if "out of memory" in str(error):
                self.batch_atoms = max(1, self.batch_atoms // 2)
            half = len(structures) // 2
            return self._evaluate(structures[:half]) + self._evaluate(structures[half:])

    def _judged(self, walker: _Walker, answer: Evaluation | Exception) -> Relaxation | None:
        """As `_judge`; a geometry on which our own mathematics fails ends alone, too."""
        try:
            self._learn(walker.optimiser.structure, answer)
            return self._judge(walker, answer)
        except Exception as error:
            return self._failed(walker, in_words(error))

    def _judge(self, walker: _Walker, answer: Evaluation | Exception) -> Relaxation | None:
        """The walker's end, or None where it goes on."""
        here = walker.optimiser.structure
        reason = in_words(answer) if isinstance(answer, Exception) else unphysical_energy(here, answer, self.settings)
        if walker.foretold_eV is not None and walker.calls == 1 and (reason or self._misled(walker, answer)):
            walker.optimiser, walker.foretold_eV = self._optimiser(walker.start, walker.pressure_GPa), None
            return None
        if reason or isinstance(answer, Exception):
            return self._failed(walker, reason)
        if not walker.relax or self._converged(walker, here, answer):
            return self._ended(walker, here, answer, Outcome.CONVERGED)
        enthalpy = self._enthalpy(walker, here, answer)
        if walker.lowest is None or enthalpy < walker.lowest[0]:
            walker.lowest = enthalpy, here, answer
        if walker.optimiser.steps >= self.settings.max_steps:
            reason = f"not converged after {walker.optimiser.steps} steps"
            return self._ended(walker, *walker.lowest[1:], Outcome.UNCONVERGED, reason)
        walker.optimiser.update(answer)
        reason = unphysical_geometry(walker.optimiser.structure, self.settings)
        for _ in range(HALVINGS):
            if not reason:
                return None
            walker.optimiser.shorten()
            reason = unphysical_geometry(walker.optimiser.structure, self.settings)
        return self._failed(walker, reason) if reason else None

    def _misled(self, walker: _Walker, answer: Evaluation | Exception) -> bool:
        """Whether the surrogate foretold something else altogether."""
        if isinstance(answer, Exception) or walker.foretold_eV is None:
            return False
        return answer.energy_eV - walker.foretold_eV > MISLED_EV * len(walker.start)

    def _enthalpy(self, walker: _Walker, structure: Structure, answer: Evaluation) -> float:
        return answer.energy_eV + walker.pressure_GPa * GPA * structure.volume_A3

    def _converged(self, walker: _Walker, structure: Structure, answer: Evaluation) -> bool:
        limit = self.settings.fmax_eV_A
        if _largest_force(answer) > limit:
            return False
        if not self.settings.relax_cell:
            return True
        residual = answer.stress_eV_A3 + walker.pressure_GPa * GPA * np.eye(3)
        return bool(np.abs(residual).max() * structure.volume_A3 / len(structure.numbers) <= limit)

    def _ended(
        self, walker: _Walker, here: Structure, answer: Evaluation, outcome: Outcome, reason: str = ""
    ) -> Relaxation:
        atoms = _atoms(here)
        smallest = primitive(atoms, FINAL_SYMPREC_A) if walker.relax and self.settings.primitive else atoms
        share = len(smallest) / len(atoms)
        enthalpy = self._enthalpy(walker, here, answer)
        return Relaxation(
            walker.id,
            smallest,
            answer.energy_eV * share,
            enthalpy * share,
            _largest_force(answer),
            full_3x3_to_voigt_6_stress(answer.stress_eV_A3),
            walker.optimiser.steps,
            walker.calls,
            outcome,
            reason,
        )

    def _failed(self, walker: _Walker, reason: str) -> Relaxation:
        nan = float("nan")
        return Relaxation(
            walker.id,
            walker.start,
            nan,
            nan,
            nan,
            np.full(6, nan),
            walker.optimiser.steps,
            walker.calls,
            Outcome.FAILED,
            reason,
        )


def relax(
    potential: Potential, structures: Iterable[Atoms], settings: RelaxSettings | None = None
) -> list[Relaxation]:
    """Relax all structures in one refilled batch; results in the order given, ids counted from 0."""
    relaxer = InFlightRelaxer(potential, settings)
    for id, atoms in enumerate(structures):
        relaxer.add(id, atoms)
    finished: list[Relaxation] = []
    while len(relaxer):
        finished += relaxer.step()
    finished += relaxer.step()
    return sorted(finished, key=lambda r: r.id)


def _atoms(structure: Structure) -> Atoms:
    return Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=True)


def _largest_force(answer: Evaluation) -> float:
    return float(np.sqrt((answer.forces_eV_A**2).sum(axis=1)).max())
