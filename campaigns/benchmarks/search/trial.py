"""One run's counter of model calls, its clock and its judge: the same for everyone who searches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ase import Atoms

from potentials import Potential
from potentials.neighbours import Structure
from potentials.potential import Evaluation

WITHIN_EV = 0.005
"""Per atom, of the reference's energy."""
BELOW_EV = 0.001
"""Per atom: whoever ends this far below the reference has found something that the reference should be."""
LOWEST_EV_PER_ATOM = -20.0
"""Below lie only holes of the potential, and a relaxation that falls into one ends: as ours, so everyone's."""


class Stop(BaseException):
    """The run is over: found, or its budget or time spent. No search's `except Exception` may catch it."""


class HoleError(RuntimeError):
    """The potential has no believable energy there."""


@dataclass(frozen=True)
class Reference:
    """The lowest structure known of a system: what is searched for.

    Attributes:
        name: of the structure.
        atoms: relaxed on the system's potential.
        energy_eV_per_atom: there.
        others: energies of all that were tried, eV/atom.
    """

    name: str
    atoms: Atoms
    energy_eV_per_atom: float
    others: dict[str, float]


class Trial:
    """Counts, and stops the search by raising `Stop`.

    reference: what counts as success.
    budget: model calls; no more are granted.
    seconds: of wall time, after which the run counts as censored at the calls it had made.
    beyond: go on where the reference is found.
    """

    def __init__(self, reference: Reference, budget: int, seconds: float, beyond: bool = False) -> None:
        self._reference, self._budget, self._seconds = reference, budget, seconds
        self._beyond = beyond
        self._start: float | None = None
        self.calls, self.candidates = 0, 0
        self.lowest: tuple[float, Atoms] | None = None
        self.why = "ended by itself"
        self.found_by = ""

    def charge(self, structures: int) -> None:
        """So many model calls are about to be made."""
        if self.calls + structures > self._budget:
            self._stop("budget")
        if self.seconds() > self._seconds:
            self._stop("time")
        self.calls += structures

    def seconds(self) -> float:
        """Since the first model call: what loads and imports before it differs too much to tell anything."""
        now = time.monotonic()
        self._start = self._start or now
        return now - self._start

    def evaluate(self, potential: Potential, structure: Structure) -> Evaluation:
        """One model call.

        Raises:
            HoleError: an energy that no solid has.
        """
        self.charge(1)
        answer = potential.evaluate([structure])[0]
        if not answer.finite or answer.energy_eV < LOWEST_EV_PER_ATOM * len(structure.numbers):
            raise HoleError(f"hole in the potential: {answer.energy_eV / len(structure.numbers):.1f} eV an atom")
        return answer

    def failed(self) -> None:
        """A candidate that ended without an energy."""
        self.candidates += 1

    def candidate(self, atoms: Atoms, energy_eV: float, label: str = "") -> None:
        """A candidate's final structure."""
        self.candidates += 1
        energy = energy_eV / len(atoms)
        if not energy > LOWEST_EV_PER_ATOM:
            return
        if self.lowest is None or energy < self.lowest[0]:
            self.lowest = energy, Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        near = energy < self._reference.energy_eV_per_atom + WITHIN_EV
        if near and not self._beyond and same(atoms, self._reference.atoms):
            self.found_by = label
            self._stop("found")

    def _stop(self, why: str) -> None:
        self.why = why
        raise Stop

    def outcome(self) -> dict[str, Any]:
        """What is kept of the run; with the structure where it is below the reference."""
        above = None if self.lowest is None else self.lowest[0] - self._reference.energy_eV_per_atom
        below = self.lowest[1] if self.lowest is not None and above is not None and above < -BELOW_EV else None
        return {
            "calls_at_success": self.calls if self.why == "found" else None,
            "calls": self.calls,
            "candidates": self.candidates,
            "seconds": round(self.seconds(), 1),
            "ended": self.why,
            "found_by": self.found_by,
            "lowest_above_reference_eV_per_atom": None if above is None else round(above, 5),
            "below_reference": below and plain(below),
        }


def same(one: Atoms, other: Atoms) -> bool:
    """True where pymatgen's StructureMatcher, as it is by default, takes them for one crystal."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    bare = (Atoms(a.numbers, a.positions, cell=a.cell, pbc=True) for a in (one, other))
    return bool(StructureMatcher().fit(*(AseAtomsAdaptor.get_structure(a) for a in bare)))


def plain(atoms: Atoms) -> dict[str, Any]:
    """A structure as JSON takes it."""
    cell, positions = atoms.cell.array.round(6).tolist(), atoms.positions.round(6).tolist()
    return {"numbers": atoms.numbers.tolist(), "positions": positions, "cell": cell}
