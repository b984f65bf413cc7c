"""Properties that a search can be after: measured by the worker that has just relaxed a structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ase import Atoms

from potentials import Potential
from potentials.words import in_words
from properties.bulk_modulus import BULK_MODULUS_CALLS, bulk_modulus_GPa


@dataclass(frozen=True)
class Measure:
    """How a property is had.

    Attributes:
        of: potential and relaxed atoms in, value out, in the unit that the property's name ends in.
        model_calls: what it costs.
    """

    of: Callable[[Potential, Atoms], float]
    model_calls: int


MEASURES: Mapping[str, Measure] = {"bulk_modulus_GPa": Measure(bulk_modulus_GPa, BULK_MODULUS_CALLS)}
"""A new property is one function in `properties/`, a line here, and its name in `searchers.objectives.MEASURED`."""


def measure(potential: Potential, atoms: Atoms, names: Sequence[str]) -> tuple[dict[str, float], int, str]:
    """Values of the named properties, the model calls they cost, and why one is missing (empty where none is)."""
    found: dict[str, float] = {}
    reasons = []
    for name in names:
        try:
            found[name] = MEASURES[name].of(potential, atoms)
        except Exception as error:  # as for relaxations: whatever a potential's code meets in a distorted cell
            reasons.append(f"no {name}: {in_words(error, 120)}")
    return found, sum(MEASURES[name].model_calls for name in names), "; ".join(reasons)
