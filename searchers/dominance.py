"""Non-dominated sorting and crowding, by deap's NSGA-II on plain tuples of costs.

A point dominates another where no cost of it is larger and one is smaller. Deb, Pratap, Agarwal and Meyarivan, IEEE
Trans. Evol. Comput. 6, 182 (2002). Only deap's sorting is used: its tournaments draw from Python's global generator,
which would make a candidate depend on more than its seed.
"""

from __future__ import annotations

from collections.abc import Sequence

from deap.base import Fitness
from deap.tools.emo import assignCrowdingDist, selNSGA2, sortNondominated

Costs = Sequence[float]
"""Of one point: less is better, none of them NaN."""


class _Least(Fitness):
    """deap's fitness for any number of costs."""

    def __init__(self, costs: Costs) -> None:
        self.weights = (-1.0,) * len(costs)
        super().__init__(tuple(costs))


class _Point:
    """What deap sorts."""

    def __init__(self, index: int, costs: Costs) -> None:
        self.index = index
        self.fitness = _Least(costs)


def dominates(a: Costs, b: Costs) -> bool:
    """True where a is nowhere worse than b, and somewhere better."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def non_dominated(costs: Sequence[Costs]) -> list[int]:
    """Indices of the points that no other dominates, ascending; equal ones stand side by side."""
    if not costs:
        return []
    front = sortNondominated(_points(costs), len(costs), first_front_only=True)[0]
    return sorted(point.index for point in front)


def surviving(costs: Sequence[Costs], n: int) -> list[int]:
    """Indices of the n points that NSGA-II keeps, the best first: whole fronts, then whoever has most room."""
    kept = selNSGA2(_points(costs), n) if costs else []
    return by_crowded_comparison([costs[p.index] for p in kept], [p.index for p in kept])


def by_crowded_comparison(costs: Sequence[Costs], names: Sequence[int] | None = None) -> list[int]:
    """Indices (or the names given) in the order of front, then of room around the point, then as they came."""
    ordered: list[int] = []
    for front in sortNondominated(_points(costs), len(costs)) if costs else ():
        assignCrowdingDist(front)
        front.sort(key=lambda point: (-point.fitness.crowding_dist, point.index))
        ordered += [point.index for point in front]
    return ordered if names is None else [names[i] for i in ordered]


def _points(costs: Sequence[Costs]) -> list[_Point]:
    return [_Point(k, c) for k, c in enumerate(costs)]
