"""How far apart two layers must be to feel nothing of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from potentials.potential import Potential
from potentials.sum_potential import SumPotential

LEAST_A = 15.0
"""For potentials that tell no cut-off, and those whose cut-off is short: a vacuum wider than need be costs nothing."""
MOST_A = 60.0
"""A cut-off beyond says that there is none; what is left there is measured."""


def vacuum_A(potential: Potential) -> float:
    """Beyond the longest cut-off among the parts of a potential."""
    reaches = [*_cutoffs(potential), LEAST_A]
    return min(max(reaches) + 1.0, MOST_A)


def _cutoffs(potential: Potential) -> Iterator[float]:
    if isinstance(potential, SumPotential):
        yield from _cutoffs(potential.short)
        yield from _cutoffs(potential.far)
        return
    if potential.cutoff_A is not None:
        yield potential.cutoff_A
    yield from _named(potential.metadata.parameters or {})


def _named(parameters: Mapping[str, Any]) -> Iterator[float]:
    """Whatever is called a cut-off, be it of pairs, triples or coordination numbers."""
    for key, value in parameters.items():
        if not key.startswith("cutoff") or not key.endswith("_A"):
            continue
        values = value.values() if isinstance(value, Mapping) else [value]
        yield from (float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool))
