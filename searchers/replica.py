"""What one walker of simulated annealing remembers, and what it has asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ase import Atoms

from searchers.encoding import atoms_from_json, atoms_to_json

FIRST_WIDTHS = {"rattle": 0.15, "strain": 0.12}
_NARROWEST, _WIDEST = 0.02, 0.4
_WIDEN, _NARROW = 1.15, 0.9  # in balance where 43 % of the proposals are accepted


@dataclass
class Replica:
    """One walker.

    Attributes:
        atoms: its present state; None before its first structure has come back.
        energy_eV: total energy of the state, scaled to the cell of `atoms`.
        origin: id of the candidate that the state is.
        step: proposals judged since its last fresh start.
        asked: candidates made for it in all, so that those who waited longest come first.
        rung: its place on the ladder of temperatures, 0 the hottest.
        pending: id of its candidate that has not come back.
        widths: of the moves that have one, see `searchers.moves`.
    """

    atoms: Atoms | None = None
    energy_eV: float = 0.0
    origin: int = -1
    step: int = 0
    asked: int = 0
    rung: int = 0
    pending: int | None = None
    widths: dict[str, float] = field(default_factory=lambda: dict(FIRST_WIDTHS))

    def clear(self) -> None:
        """Forget the state: the next candidate is a fresh start."""
        self.atoms, self.energy_eV, self.origin, self.step = None, 0.0, -1, 0
        self.widths = dict(FIRST_WIDTHS)

    def settle(self, atoms: Atoms, energy_eV: float, origin: int) -> None:
        """Go on from this state."""
        self.atoms, self.energy_eV, self.origin = atoms, energy_eV, origin

    def adapt(self, move: str, accepted: bool) -> None:
        """Widen the move after an accepted proposal, narrow it after a rejected one; for burn-in only."""
        if move in self.widths:
            width = self.widths[move] * (_WIDEN if accepted else _NARROW)
            self.widths[move] = min(max(width, _NARROWEST), _WIDEST)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            **self.__dict__,
            "atoms": None if self.atoms is None else atoms_to_json(self.atoms),
            "widths": dict(self.widths),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The replica that `to_json` wrote."""
        atoms = data["atoms"]
        return cls(
            **{
                **data,
                "atoms": None if atoms is None else atoms_from_json(atoms),
                "widths": dict(data["widths"]),
            }
        )


@dataclass(frozen=True)
class Pending:
    """A proposal that has not come back.

    Attributes:
        replica: index of the walker that made it.
        atoms: its geometry, before relaxation.
        ln_hastings: see `searchers.moves`.
        move: "random" for a fresh start.
    """

    replica: int
    atoms: Atoms
    ln_hastings: float
    move: str

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {**self.__dict__, "atoms": atoms_to_json(self.atoms)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The proposal that `to_json` wrote."""
        return cls(**{**data, "atoms": atoms_from_json(data["atoms"])})
