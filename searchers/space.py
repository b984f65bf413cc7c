"""The space that is searched: elements, compositions, numbers of atoms."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np
from ase.data import atomic_numbers

_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*)")


class SpaceError(ValueError):
    """A search space that cannot be searched; the message says what to change."""


@dataclass(frozen=True)
class SearchSpace:
    """Elements and sizes that candidates may have.

    Attributes:
        elements: chemical symbols, in the user's order.
        min_atoms: fewest atoms in a candidate's cell.
        max_atoms: most atoms in a candidate's cell.
        formula: reduced counts aligned with `elements` for a fixed composition; None searches all compositions,
            the pure elements included.
        min_distance_scale: atoms may not come closer than this times the sum of their covalent radii.
        space_groups: space groups random candidates are drawn from; None allows all 230.

    Raises:
        SpaceError: unknown element, no cell of the allowed size has the composition, and the like.
    """

    elements: tuple[str, ...]
    min_atoms: int = 1
    max_atoms: int = 8
    formula: tuple[int, ...] | None = None
    min_distance_scale: float = 0.65
    space_groups: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        unknown = [e for e in self.elements if e not in atomic_numbers or e == "X"]
        if unknown:
            raise SpaceError(f"unknown element {unknown[0]!r}; write symbols, as in Si-Ge or TiC")
        if len(set(self.elements)) != len(self.elements) or not self.elements:
            raise SpaceError("name each element once, and at least one")
        if not 1 <= self.min_atoms <= self.max_atoms:
            raise SpaceError(
                f"atoms must be [fewest, most] with 1 <= fewest <= most (is [{self.min_atoms}, {self.max_atoms}])"
            )
        if self.formula is not None and not self.compositions:
            n = sum(self.formula)
            raise SpaceError(
                f"no cell of {self.min_atoms} to {self.max_atoms} atoms holds whole formula units of {n} atoms; "
                f"allow a multiple of {n}"
            )

    @classmethod
    def from_system(cls, system: str, atoms: tuple[int, int], **kwargs: object) -> SearchSpace:
        """A space from "Si-Ge" (all compositions) or "TiC", "Al2O3" (one composition).

        Raises:
            SpaceError: where the text is neither.
        """
        if "-" in system:
            elements = tuple(part.strip() for part in system.split("-"))
            formula = None
        else:
            counts = parse_formula(system)
            divisor = gcd(*counts.values())
            elements = tuple(counts)
            formula = tuple(c // divisor for c in counts.values())
        return cls(elements, atoms[0], atoms[1], formula, **kwargs)  # type: ignore[arg-type]

    @property
    def variable(self) -> bool:
        """True where the composition is searched too."""
        return self.formula is None

    @cached_property
    def compositions(self) -> tuple[tuple[int, ...], ...]:
        """All atom counts (aligned with `elements`) of the allowed sizes."""
        if self.formula is not None:
            n = sum(self.formula)
            return tuple(
                tuple(z * c for c in self.formula)
                for z in range(1, self.max_atoms // n + 1)
                if z * n >= self.min_atoms
            )
        return tuple(
            c for n in range(self.min_atoms, self.max_atoms + 1) for c in _partitions(n, len(self.elements))
        )

    def draw_composition(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Atom counts: first the reduced composition evenly, then its number of formula units evenly.

        What a searcher draws where nothing says which composition promises more (`searchers.composition_choice`).
        """
        reduced = list(self.cells_of)
        choices = self.cells_of[reduced[int(rng.integers(len(reduced)))]]
        return choices[int(rng.integers(len(choices)))]

    @cached_property
    def cells_of(self) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
        """`compositions` by their reduced one (35 ms for 4 elements and 20 atoms, so once)."""
        reduced: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for counts in self.compositions:
            divisor = gcd(*counts)
            reduced.setdefault(tuple(c // divisor for c in counts), []).append(counts)
        return reduced

    @cached_property
    def composition_array(self) -> np.ndarray:
        """`compositions` as an array, shape (compositions, elements)."""
        return np.array(self.compositions)

    @cached_property
    def allowed_counts(self) -> frozenset[tuple[int, ...]]:
        """`compositions` to look one up in."""
        return frozenset(self.compositions)

    def allows(self, symbols: list[str]) -> bool:
        """True where a cell of these atoms belongs to the space."""
        counts = Counter(symbols)
        known = set(counts) <= set(self.elements)
        return known and tuple(counts.get(e, 0) for e in self.elements) in self.allowed_counts


def parse_formula(formula: str) -> dict[str, int]:
    """Counts of "Al2O3".

    Raises:
        SpaceError: where it is no formula.
    """
    counts: dict[str, int] = {}
    end = 0
    for match in _TOKEN.finditer(formula):
        if match.start() != end:
            break
        counts[match[1]] = counts.get(match[1], 0) + int(match[2] or 1)
        end = match.end()
    if end != len(formula) or not counts or 0 in counts.values():
        raise SpaceError(f"{formula!r} is neither a formula (TiC) nor a system (Ti-C)")
    return counts


def _partitions(n: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(n,)]
    return [(first, *rest) for first in range(n + 1) for rest in _partitions(n - first, parts - 1)]
