"""The report's tables as CSV: one header line, units in the names, empty cells where a value is unknown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

from discover.anchoring.stored import Anchoring
from discover.pareto import ParetoFront
from discover.records import RunRecord
from discover.report.notation import group_symbol
from discover.report.phases import Phase
from discover.report.rungs import Climb
from discover.report.search_summary import OperatorRow


def hull_csv(run: RunRecord, phases: Sequence[Phase]) -> str:
    """Every entry of the hull; volume and prototype for those near it."""
    near = {p.entry.id: p for p in phases}
    found: dict[int | str, tuple[int | None, str]] = {
        r.id: (n, r.operator) for n, r in enumerate(run.history, 1)
    }
    rows = []
    for e in run.hull.entries:
        number, operator = found.get(e.id, (None, "reference"))
        phase = near.get(e.id)
        group = phase.space_group if phase else e.space_group
        volume = phase.volume_A3_per_atom if phase else None
        rows.append(
            {
                "id": e.id,
                "formula": e.formula,
                **_fractions(e.composition, run.elements),
                "energy_eV_per_atom": _number(e.energy_eV_per_atom),
                "formation_energy_eV_per_atom": _number(e.formation_energy_eV_per_atom),
                "e_above_hull_eV_per_atom": _number(e.e_above_hull_eV_per_atom),
                "sigma_eV_per_atom": _number(e.sigma_eV_per_atom),
                "p_stable": _number(e.p_stable),
                "domain_distance": _number(e.domain_distance),
                "in_domain": e.in_domain,
                "expected_error_eV_per_atom": _number(e.expected_error_eV_per_atom),
                "on_hull": e.on_hull,
                "anchored": e.anchored,
                "rung": e.rung,
                "space_group": group,
                "space_group_symbol": group_symbol(group) if group else None,
                "prototype": str(phase.prototype) if phase and phase.prototype else None,
                "volume_A3_per_atom": _number(volume),
                "operator": operator,
                "candidate_number": number,
            }
        )
    return _csv(rows, ["id"])


def candidates_csv(run: RunRecord) -> str:
    """Every candidate, in the order they finished."""
    rows = (
        {
            "candidate_number": n,
            "id": r.id,
            "operator": r.operator,
            "parents": " ".join(map(str, r.parents)),
            "formula": r.formula,
            **_fractions(r.composition, run.elements),
            "n_atoms": r.n_atoms,
            "fate": str(r.fate),
            "reason": r.reason,
            "duplicate_of": r.duplicate_of,
            "energy_eV_per_atom": _number(r.energy_eV_per_atom),
            "space_group": r.space_group,
            "max_force_eV_A": _number(r.max_force_eV_A),
            "model_calls": r.model_calls,
            "steps": r.steps,
            "tidy_calls": r.tidy_calls,
            "finished_s": _number(r.finished_s),
        }
        for n, r in enumerate(run.history, 1)
    )
    return _csv(rows, ["candidate_number", "id"])


def operators_csv(rows: Sequence[OperatorRow]) -> str:
    """How each operator did."""
    return _csv((asdict(r) for r in rows), ["operator", "made"])


def rungs_csv(found: Sequence[Climb]) -> str:
    """Every re-ranked structure by both potentials, in the order of the search's hull."""
    rows = (
        {
            "id": c.low.id,
            "formula": c.low.formula,
            "search_rung": c.low.rung,
            "search_energy_eV_per_atom": _number(c.low.energy_eV_per_atom),
            "search_e_above_hull_eV_per_atom": _number(c.low.e_above_hull_eV_per_atom),
            "search_space_group": c.low.space_group,
            "rung": c.top.rung if c.top else None,
            "energy_eV_per_atom": _number(c.top.energy_eV_per_atom) if c.top else None,
            "e_above_hull_eV_per_atom": _number(c.top.e_above_hull_eV_per_atom) if c.top else None,
            "space_group": c.top.space_group if c.top else None,
            "hull_id": c.top.id if c.top else None,
            "fate": str(c.fate),
            "reason": c.reason,
        }
        for c in found
    )
    return _csv(rows, ["id"])


def anchors_csv(anchoring: Anchoring) -> str:
    """Every DFT energy, in the order in which they came."""
    rows = (
        {
            "id": s.id,
            "formula": s.formula,
            "space_group": s.space_group,
            "dft_energy_eV_per_atom": _number(s.energy_eV_per_atom),
            "dft_minus_potential_eV_per_atom": _number(s.delta_eV_per_atom),
            "n_atoms": s.n_atoms,
            "k_points": "x".join(map(str, s.grid)),
            "moment_muB": _number(s.moment),
            "seconds": _number(s.seconds),
            "why": s.why,
            "failed_attempts": "; ".join(s.attempts),
            "calculation": s.key,
        }
        for s in anchoring.steps
    )
    return _csv(rows, ["id"])


def pareto_csv(pareto: ParetoFront) -> str:
    """Every structure within the cut of a Pareto search, and which of them make the front."""
    rows = (
        {
            "id": p.entry.id,
            "formula": p.entry.formula,
            "space_group": p.entry.space_group,
            "e_above_hull_eV_per_atom": _number(p.entry.e_above_hull_eV_per_atom),
            **{o.name: _number(None if isnan(v) else v) for o, v in zip(pareto.objectives, p.values, strict=True)},
            "on_front": p.on_front,
        }
        for p in pareto.points
    )
    return _csv(rows, ["id", "on_front"])


def _fractions(composition: Mapping[str, float], elements: Sequence[str]) -> dict[str, Any]:
    return {f"fraction_{e}": _number(composition.get(e, 0.0)) for e in elements}


def _number(value: float | None) -> str | None:
    """Nine significant digits: more than any energy means, few enough to read."""
    return None if value is None else f"{value:.9g}"


def _csv(rows: Iterable[Mapping[str, Any]], header_if_empty: Sequence[str]) -> str:
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else header_if_empty, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
