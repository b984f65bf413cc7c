"""The unit that scales: a potential and one batch in flight, in the process or behind a Ray actor."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

import potentials
from discover.familiarity import familiarity
from discover.measuring import measure
from discover.tidy import Tidier, TidySpec
from potentials import InFlightRelaxer, Potential, Relaxation, RelaxSettings, resolve_device
from potentials.potential import structure_of
from potentials.relax.settings import Halt, Outcome
from potentials.surrogate import LinearSurrogate
from potentials.uncertainty import NoDomainError, Uncertainty, uncertainty_of
from potentials.words import in_words
from searchers.modes import Modes


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker needs to know; picklable.

    Attributes:
        potential: name for `potentials.load`.
        device: auto, cpu, cuda, cuda:N.
        settings: of the relaxations.
        compiled: fuse the potential's tensor products.
        threads: of PyTorch on a CPU.
        batch_atoms: atoms in flight; None takes the potential's own.
        options: further arguments of `potentials.load`.
        witness: another potential, asked for a second opinion on what would change the hull; None asks nobody.
        measured: properties to measure of what converges low enough (`discover.measuring`).
        tidy: the cheap potential that comes first; None for none.
        surrogate: whether candidates are rehearsed on a potential learnt on the way; auto does where the device is a
            processor, for on a GPU a model call costs less than what is learnt from it.
        elements: that may occur, chemical symbols; a surrogate wants to know them all.
    """

    potential: str
    device: str
    settings: RelaxSettings
    compiled: bool = False
    threads: int = 1
    batch_atoms: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    witness: str | None = None
    measured: tuple[str, ...] = ()
    tidy: TidySpec | None = None
    surrogate: Literal["auto", "on", "off"] = "off"
    elements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One structure to relax, or to evaluate as it is, with so many of its lowest modes.

    `tidy` where a cheap potential or a surrogate may have it first; the worker's properties are measured where it
    converges at `measured_below_eV_per_atom` or lower.
    """

    id: int
    atoms: Atoms
    relax: bool = True
    modes: int = 0
    tidy: bool = False
    measured_below_eV_per_atom: float = -inf


@dataclass(frozen=True)
class Finished:
    """A relaxation with what the driver would otherwise have to compute itself.

    Attributes:
        relaxation: the result.
        space_group: of the final geometry, None where unknown.
        fingerprint: of the final geometry, None where it failed.
        tidy_calls: evaluations by the cheap potential; not among the relaxation's model calls.
        modes: lowest vibrations, where the task asked for them.
        properties: what was measured of it, by name.
    """

    relaxation: Relaxation
    space_group: int | None = None
    fingerprint: np.ndarray | None = None
    modes: Modes | None = None
    properties: Mapping[str, float] = field(default_factory=dict)
    tidy_calls: int = 0


@dataclass(frozen=True)
class Halted:
    """A relaxation that waits for a verdict, with what the verdict needs.

    Attributes:
        halt: where it stands.
        fingerprint: of that geometry.
    """

    halt: Halt
    fingerprint: np.ndarray


@dataclass(frozen=True)
class Verdict:
    """Whether a halted relaxation goes on; where it does not, why."""

    id: int
    reason: str = ""

    @property
    def go_on(self) -> bool:
        """True where there is no reason to stop."""
        return not self.reason


class RelaxWorker:
    """Relaxes tasks in a batch that stays full while there are tasks."""

    def __init__(self, spec: WorkerSpec) -> None:
        import torch

        self.spec = spec
        self.device = resolve_device(spec.device)
        self._measured_below: dict[int, float] = {}
        if self.device == "cpu":
            torch.set_num_threads(spec.threads)
        self._tidy_calls: dict[int, int] = {}

    @cached_property
    def potential(self) -> Potential:
        """What evaluates; not loaded in `__init__`, for an actor that fails while it is made cannot say why."""
        return potentials.load(self.spec.potential, self.device, self.spec.compiled, **self.spec.options)

    @cached_property
    def relaxer(self) -> InFlightRelaxer:
        """The batch in flight."""
        return InFlightRelaxer(self.potential, self.spec.settings, self.spec.batch_atoms, self._surrogate())

    def _surrogate(self) -> LinearSurrogate | None:
        """Nothing learnt yet: each worker learns from what it evaluates itself."""
        wanted = self.spec.surrogate == "on" or (self.spec.surrogate == "auto" and self.device == "cpu")
        return LinearSurrogate([atomic_numbers[e] for e in self.spec.elements]) if wanted else None

    def load(self) -> None:
        """Load the potential, which takes seconds, and a witness that might not load.

        Raises:
            potentials.LoadError: one of them cannot be loaded as asked for.
        """
        _ = self.potential
        if self.spec.witness is not None and self.spec.witness not in potentials.NAMES:
            _ = self._witness

    def describe(self) -> dict[str, Any]:
        """The potential's metadata, its elements (None: any) and the atoms that one batch holds, after warming up."""
        self.potential.warm_up()
        elements = self.potential.metadata.elements
        return {
            "metadata": self.potential.metadata.to_json(),
            "elements": None if elements is None else list(elements),
            "batch_atoms": self.relaxer.batch_atoms,
        }

    @cached_property
    def _witness(self) -> Potential | None:
        """Loaded when first asked: most campaigns ask a few dozen times, some never."""
        return None if self.spec.witness is None else potentials.load(self.spec.witness, self.device)

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this very geometry, eV/atom.

        NaN where there is no witness or it does not know the elements, infinity where it fails on the geometry.
        """
        if self._witness is None:
            return float("nan")
        known = self._witness.metadata.elements
        if known is not None and not set(atoms.symbols) <= set(known):
            return float("nan")
        try:
            return self._witness.evaluate([structure_of(atoms)])[0].energy_eV / len(atoms)
        except Exception:  # whatever its code meets in what may be a hole: no energy is an answer, and against it
            return float("inf")

    def advance(
        self, tasks: Sequence[Task], verdicts: Sequence[Verdict] = (), patience_s: float = 10.0
    ) -> list[Finished | Halted]:
        """Take tasks and verdicts and work until something has ended or halts, nothing is left, or patience ends."""
        for verdict in verdicts:
            if verdict.go_on:
                self.relaxer.go_on(verdict.id)
            else:
                self.relaxer.stop(verdict.id, verdict.reason)
        vibrating = [self._vibrating(task) for task in tasks if task.modes]
        for task in self._tidied(tasks):
            if not task.modes:
                self.relaxer.add(task.id, task.atoms, task.relax, rough=task.tidy)
                self._measured_below[task.id] = task.measured_below_eV_per_atom
        deadline = time.monotonic() + patience_s
        finished, halts = self.relaxer.step(), self.relaxer.halts()
        while not (finished or halts or vibrating) and len(self.relaxer) and time.monotonic() < deadline:
            finished, halts = self.relaxer.step(), self.relaxer.halts()
        ended = [self._measured(self._with_tidy_calls(_dressed(r))) for r in finished]
        return [*vibrating, *ended, *(_halted(halt) for halt in halts)]

    def _measured(self, finished: Finished) -> Finished:
        """The same with how familiar it is, the properties that are wanted of it, and the calls that they cost."""
        done = finished.relaxation
        below_eV = self._measured_below.pop(done.id)
        if done.outcome is not Outcome.CONVERGED:
            return finished
        if self._known is not None:
            known = familiarity(self.potential, self._known, done.atoms)
            finished = replace(finished, properties=known.to_properties())
        if not self.spec.measured or done.enthalpy_eV / len(done.atoms) > below_eV:
            return finished
        found, calls, reason = measure(self.potential, done.atoms, self.spec.measured)
        counted = replace(done, model_calls=done.model_calls + calls, reason=reason or done.reason)
        return replace(finished, relaxation=counted, properties={**finished.properties, **found})

    @cached_property
    def _known(self) -> Uncertainty | None:
        """What the potential knows; None where nobody has made a domain of it."""
        try:
            return uncertainty_of(self.potential)
        except NoDomainError:
            return None

    def _vibrating(self, task: Task) -> Finished:
        """The cell as it is, with its lowest modes; one that the potential fails on ends alone."""
        from properties.gamma_modes import gamma_modes

        alone = InFlightRelaxer(self.potential, replace(self.spec.settings, primitive=False))
        alone.add(task.id, task.atoms, relax=False)
        (relaxation,) = alone.step()
        if relaxation.outcome is Outcome.FAILED:
            return Finished(relaxation)
        try:
            found, calls = gamma_modes(self.potential, task.atoms, task.modes)
        except Exception as error:  # as for relaxations: whatever a potential's code meets in a displaced cell
            return Finished(replace(relaxation, outcome=Outcome.FAILED, reason=in_words(error)))
        counted = replace(relaxation, model_calls=relaxation.model_calls + calls)
        return replace(_dressed(counted), modes=Modes(found.frequencies_THz, found.displacements))

    def _with_tidy_calls(self, item: Finished) -> Finished:
        return replace(item, tidy_calls=self._tidy_calls.pop(item.relaxation.id, 0))

    def _tidied(self, tasks: Sequence[Task]) -> list[Task]:
        """The same tasks; those that may be are tidied by the cheap potential first."""
        rough = [t for t in tasks if t.tidy and t.relax and not t.modes] if self._tidier is not None else []
        if self._tidier is None or not rough:
            return list(tasks)
        tidied = dict(zip((t.id for t in rough), self._tidier.tidy([t.atoms for t in rough]), strict=True))
        self._tidy_calls |= {id: done.calls for id, done in tidied.items()}
        return [replace(t, atoms=tidied[t.id].atoms) if t.id in tidied else t for t in tasks]

    @cached_property
    def _tidier(self) -> Tidier | None:
        return None if self.spec.tidy is None else Tidier(self.spec.tidy, self.device)


def _halted(halt: Halt) -> Halted:
    from searchers.fingerprint import fingerprint

    return Halted(halt, fingerprint(halt.atoms))


def _dressed(relaxation: Relaxation) -> Finished:
    from potentials.primitive import space_group
    from searchers.fingerprint import fingerprint

    if not np.isfinite(relaxation.energy_eV):
        return Finished(relaxation)
    try:
        return Finished(relaxation, space_group(relaxation.atoms), fingerprint(relaxation.atoms))
    except Exception as error:  # a geometry that no rule foresaw ends alone
        failed = replace(relaxation, outcome=Outcome.FAILED, reason=in_words(error))
        return Finished(replace(failed, energy_eV=np.nan, enthalpy_eV=np.nan))
