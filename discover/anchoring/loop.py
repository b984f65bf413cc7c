"""The loop: choose a structure, calculate it, learn, choose again, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from ase import Atoms

from discover.anchoring.assessment import Assessment, Assessor, undetermined
from discover.anchoring.choice import next_choice
from potentials.dft import DFTResult


class Oracle(Protocol):
    """Whoever calculates: `potentials.dft.DFTPool`, or a stand-in."""

    @property
    def free(self) -> int:
        """How many more structures may be submitted now."""
        ...

    def key(self, atoms: Atoms) -> str:
        """Of this structure."""
        ...

    def stored(self, atoms: Atoms) -> DFTResult | None:
        """An energy of this structure that was calculated before."""
        ...

    def submit(self, atoms: Atoms) -> str:
        """Begin a calculation; gives its key."""
        ...

    def collect(self, patience_s: float = 10.0) -> Mapping[str, DFTResult]:
        """Results by key as soon as there are any."""
        ...


@dataclass(frozen=True)
class Step:
    """One calculation that has ended.

    Attributes:
        place: of the structure.
        key: of the calculation.
        result: what came of it.
        delta_eV_per_atom: DFT − potential; NaN where it failed.
        why: for which reason it was chosen, for people.
    """

    place: int
    key: str
    result: DFTResult
    delta_eV_per_atom: float
    why: str


@dataclass
class Loop:
    """Which structures are calculated, in which order.

    Attributes:
        assessor: of all structures.
        fractions: (n, n_elements) of all structures.
        above: (n,) energy above the potential's own hull, eV/atom: who is tried first for an element's offset.
        strangers: places of structures that may be on the hull by an energy that the potential cannot know; they are
            calculated first, lowest first.
        atoms: of each structure.
        delta: DFT − potential of a result, by place; NaN for a failure.
        budget: calculations in all, failures included, those that were stored included.
        barred: places that must not be chosen.
        known: differences that come from elsewhere, by place.
    """

    assessor: Assessor
    fractions: np.ndarray
    above: np.ndarray
    atoms: Sequence[Atoms]
    delta: Callable[[int, DFTResult], float]
    budget: int
    strangers: Sequence[int] = ()
    barred: set[int] = field(default_factory=set)
    known: dict[int, float] = field(default_factory=dict)
    _running: dict[str, tuple[int, str]] = field(default_factory=dict)
    _spent: int = 0

    def run(self, oracle: Oracle, steps: Sequence[Step] = ()) -> Iterator[Step]:
        """Each calculation as it ends, those of an earlier run (`steps`) first; the budget counts them."""
        for step in steps:
            self._learn(step)
            yield step
        while True:
            while oracle.free and self._spent + len(self._running) < self.budget:
                choice = self._choose()
                if choice is None:
                    break
                place, why = choice
                self._running[oracle.submit(self.atoms[place])] = place, why
            if not self._running:
                return
            for key, result in oracle.collect().items():
                place, why = self._running.pop(key)
                step = Step(place, key, result, self.delta(place, result), why)
                self._learn(step)
                yield step

    def assessment(self) -> Assessment | None:
        """What is known now; None where an element has not been calculated yet."""
        return None if self._open(self.known) else self.assessor.assess(self.known)

    def _learn(self, step: Step) -> None:
        self._spent += 1
        self.barred.add(step.place)
        if np.isfinite(step.delta_eV_per_atom):
            self.known[step.place] = step.delta_eV_per_atom

    def _open(self, rows: Mapping[int, float] | Sequence[int]) -> list[int]:
        return undetermined(self.fractions, list(rows))

    def _choose(self) -> tuple[int, str] | None:
        """The next structure and why; None where nothing is to be learnt, or everybody must wait."""
        running = [place for place, _ in self._running.values()]
        barred = self.barred | set(running)
        for element in self._open([*self.known, *running]):
            place = self._reference(element, barred)
            if place is not None:
                return place, "reference: the zero of formation energies"
        if self._open(self.known):  # the references are being calculated; what is on the hull is wanted in any case
            on_hull = [k for k in np.argsort(self.above, kind="stable") if k not in barred and self.above[k] <= 0]
            return (int(on_hull[0]), "on the potential's hull") if on_hull else None
        unasked = [k for k in self.strangers if k not in barred]
        if unasked:
            return min(unasked, key=lambda k: self.above[k]), "low, and outside what the potential knows"
        found = self.assessor.assess(self.assessor.expected(self.known, running)).knowledge
        place = next_choice(found, barred)
        if place is None:
            return None
        return place, f"{1000 * found.gain[place]:.1f} meV/atom expected off the hull's error"

    def _reference(self, element: int, barred: set[int]) -> int | None:
        """The lowest structure of an element that may be tried; of one composition alone the lowest of all."""
        alike = np.allclose(self.fractions, self.fractions[0])
        pure = np.flatnonzero(alike | np.isclose(self.fractions[:, element], 1.0))
        left = [int(k) for k in pure[np.argsort(self.above[pure], kind="stable")] if k not in barred]
        return left[0] if left else None
