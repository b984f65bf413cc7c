"""The search in numbers: operators, failures, cost."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from discover.records import CandidateRecord, RunRecord

EXAMPLES = 5


@dataclass(frozen=True)
class OperatorRow:
    """How one operator did. Its candidates by fate add up to `made`.

    `relaxed` counts new structures that converged; `near_hull` those that stand near the final hull.
    """

    operator: str
    made: int
    relaxed: int
    duplicates: int
    unconverged: int
    pruned: int
    failed: int
    near_hull: int
    best_above_hull_meV_per_atom: float | None
    model_calls: int


@dataclass(frozen=True)
class FailureRow:
    """Candidates that ended alike: one reason, its numbers put aside."""

    fate: str
    reason: str
    count: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """What the run has spent; calls of the other rungs' potentials are counted apart."""

    candidates: int
    model_calls: int
    wall_s: float
    rerank_calls: int = 0
    tidy_calls: int = 0

    @property
    def calls_per_candidate(self) -> float | None:
        """Mean model calls a candidate."""
        return self.model_calls / self.candidates if self.candidates else None


def operator_rows(run: RunRecord, near_hull_eV_per_atom: float) -> list[OperatorRow]:
    """One row per operator, the most used first."""
    above = {e.id: e.e_above_hull_eV_per_atom for e in run.hull.entries}
    made: dict[str, list[CandidateRecord]] = defaultdict(list)
    for record in run.history:
        made[record.operator].append(record)
    rows = [_operator_row(name, mine, above, near_hull_eV_per_atom) for name, mine in made.items()]
    return sorted(rows, key=lambda r: (-r.made, r.operator))


def _operator_row(
    name: str, records: list[CandidateRecord], above: dict[int | str, float], near_hull_eV_per_atom: float
) -> OperatorRow:
    fates = Counter(str(r.fate) for r in records)
    mine = [above[r.id] for r in records if r.id in above]
    return OperatorRow(
        operator=name,
        made=len(records),
        relaxed=fates["converged"],
        duplicates=fates["duplicate"],
        unconverged=fates["unconverged"],
        pruned=fates["pruned"],
        failed=fates["failed"],
        near_hull=sum(a <= near_hull_eV_per_atom for a in mine),
        best_above_hull_meV_per_atom=1000 * min(mine) if mine else None,
        model_calls=sum(r.model_calls for r in records),
    )


def failure_rows(run: RunRecord) -> list[FailureRow]:
    """What failed, was pruned or did not converge, grouped by reason; the most frequent first."""
    groups: dict[tuple[str, str], list[CandidateRecord]] = defaultdict(list)
    for record in run.history:
        if record.fate in ("failed", "pruned", "unconverged"):
            groups[str(record.fate), _without_numbers(record.reason)].append(record)
    rows = [
        FailureRow(fate, mine[0].reason or "no reason given", len(mine), tuple(r.id for r in mine[:EXAMPLES]))
        for (fate, _), mine in groups.items()
    ]
    return sorted(rows, key=lambda r: (-r.count, r.fate, r.reason))


def _without_numbers(reason: str) -> str:
    return re.sub(r"[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", "#", reason)


def cost_of(run: RunRecord) -> Cost:
    """Candidates, model calls, wall time."""
    return Cost(
        len(run.history),
        sum(r.model_calls for r in run.history),
        run.wall_s,
        sum(r.model_calls for r in run.reranked),
        sum(r.tidy_calls for r in run.history),
    )
