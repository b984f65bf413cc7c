"""The Pareto front of a run: the structures that no other beats in energy and in all else that was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from discover.records import HullEntry, RunRecord
from searchers.dominance import non_dominated
from searchers.objectives import Objective, Sense, objectives_of


@dataclass(frozen=True)
class ParetoPoint:
    """A structure near the hull, and how it stands.

    Attributes:
        entry: its place beside the hull.
        values: by objective, in the order of the front's; NaN where one is not known: then it is not on the front.
        on_front: True where nothing beats it in everything.
    """

    entry: HullEntry
    values: tuple[float, ...]
    on_front: bool


@dataclass(frozen=True)
class ParetoFront:
    """Every structure within the cut above the hull, by energy above it, and which of them make the front.

    Attributes:
        objectives: beside the energy above the hull.
        within_eV_per_atom: the cut.
        points: all of them.
    """

    objectives: tuple[Objective, ...]
    within_eV_per_atom: float
    points: Sequence[ParetoPoint]

    @cached_property
    def front(self) -> list[ParetoPoint]:
        """Those that nothing beats."""
        return [p for p in self.points if p.on_front]

    def to_json(self) -> dict[str, Any]:
        """What pareto.json holds; a value that is not known is null."""
        return {
            "objectives": {"e_above_hull_eV_per_atom": "min", **{o.name: o.sense for o in self.objectives}},
            "within_eV_per_atom": self.within_eV_per_atom,
            "points": [self._point_json(p) for p in self.points],
        }

    def _point_json(self, point: ParetoPoint) -> dict[str, Any]:
        entry = point.entry
        known = {o.name: None if math.isnan(v) else v for o, v in zip(self.objectives, point.values, strict=True)}
        return {
            "id": entry.id,
            "formula": entry.formula,
            "space_group": entry.space_group,
            "objectives": {"e_above_hull_eV_per_atom": entry.e_above_hull_eV_per_atom, **known},
            "on_front": point.on_front,
        }


def pareto_of(run: RunRecord) -> ParetoFront | None:
    """The front of a run, None where its searcher was after the energy alone.

    With a ladder the energies are those of the search's own potential, which is also what measured the properties.
    """
    search = run.campaign.get("search", {})
    if search.get("searcher") != "pareto":
        return None
    hull = run.search_hull or run.hull
    settings = search["pareto"]
    return front_of(run, hull.entries, settings["objectives"], settings["within_eV_per_atom"])


def front_of(
    run: RunRecord, entries: Sequence[HullEntry], senses: Mapping[str, Sense], within_eV_per_atom: float
) -> ParetoFront:
    """The front of those entries that lie within the cut.

    run: has the structures and what was measured of them.
    """
    objectives = objectives_of(senses)
    properties = _properties(run)
    near = [e for e in entries if e.e_above_hull_eV_per_atom <= within_eV_per_atom]
    values = [_values(run, entry, objectives, properties.get(entry.id, {})) for entry in near]
    known = [i for i, own in enumerate(values) if not any(map(math.isnan, own))]
    costs = [(near[i].e_above_hull_eV_per_atom, *_costs(objectives, values[i])) for i in known]
    front = {known[k] for k in non_dominated(costs)}
    points = [ParetoPoint(e, v, i in front) for i, (e, v) in enumerate(zip(near, values, strict=True))]
    return ParetoFront(objectives, within_eV_per_atom, points)


def _costs(objectives: Sequence[Objective], values: Sequence[float]) -> tuple[float, ...]:
    return tuple(o.cost(v) for o, v in zip(objectives, values, strict=True))


def _properties(run: RunRecord) -> dict[int | str, Mapping[str, float]]:
    """What was measured of each candidate, or of the first that ended in the same structure."""
    own = {r.id: r.properties for r in run.history}
    return {
        r.id: {**own.get(r.structure if r.structure is not None else r.id, {}), **r.properties} for r in run.history
    }


def _values(
    run: RunRecord, entry: HullEntry, objectives: Sequence[Objective], properties: Mapping[str, float]
) -> tuple[float, ...]:
    try:
        atoms = run.atoms_of(entry.id)
    except KeyError:  # a reference may be an energy without a structure
        return (math.nan,) * len(objectives)
    return tuple(o.value(atoms, properties) for o in objectives)
