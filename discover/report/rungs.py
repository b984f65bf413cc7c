"""How two rungs of the ladder differ: in a sentence, in a plot, and structure by structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from discover.records import CandidateRecord, Hull, HullEntry, RunRecord
from discover.report.look import Look, Plot
from discover.report.notation import formula_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAME_EV = 1e-4
"""Differences per atom below are none: relaxations stop that far apart."""
MAX_NAMED = 5


@dataclass(frozen=True)
class Climb:
    """One structure on both rungs; energies per atom above each rung's own hull.

    `top` is None where the higher potential did not relax it, `fate` and `reason` say why.
    """

    low: HullEntry
    top: HullEntry | None
    fate: str
    reason: str

    @property
    def shift_eV(self) -> float:
        """How much higher above its hull the upper rung has it."""
        return self.top.e_above_hull_eV_per_atom - self.low.e_above_hull_eV_per_atom if self.top else float("nan")


def climbs(run: RunRecord) -> list[Climb]:
    """Every re-ranked structure, in the order of the search's hull; none where there is one rung."""
    if run.search_hull is None:
        return []
    structure = {r.id: r.structure for r in run.history}
    low = {structure[e.id]: e for e in run.search_hull.entries if isinstance(e.id, int)}
    top = _tops(run.hull, run.reranked)
    found = [(low.get(structure.get(r.id)), r) for r in run.reranked]
    paired = [Climb(entry, top.get(r.structure), r.fate, r.reason) for entry, r in found if entry is not None]
    return sorted(paired, key=lambda c: (c.low.e_above_hull_eV_per_atom, c.low.energy_eV_per_atom))


def _tops(hull: Hull, reranked: Sequence[CandidateRecord]) -> dict[int | None, HullEntry]:
    """Entries of the top rung by the first structure that relaxed into each."""
    entries = {e.id: e for e in hull.own_entries}
    return {r.structure: entries[r.id] for r in reranked if r.id in entries}


def difference(run: RunRecord, found: Sequence[Climb]) -> Markup:
    """What the higher rung changed, in a sentence; empty where there is one rung."""
    both = [c for c in found if c.top is not None]
    if not both:
        return Markup("")
    low, high = (rung["rung"] for rung in run.hull.ladder)
    shifts = np.array([1000 * c.shift_eV for c in both])
    said = Markup(
        "Searched with {}, then {} of the lowest structures relaxed again with {}, whose hull this is: "
        "energies above the hull changed by {} meV/atom in the mean (from {} to {}); {}; {}; {}."
    )
    mean, least, most = (_signed(f(shifts)) for f in (np.mean, np.min, np.max))
    left = [c.low for c in both if c.low.on_hull and c.top is not None and not c.top.on_hull]
    stood = {c.top.id for c in both if c.top is not None and c.low.on_hull}
    joined = {c.top.id: c.top for c in both if c.top is not None and c.top.on_hull and c.top.id not in stood}
    moves = (_moved(left, "left the hull"), _moved(list(joined.values()), "joined it"))
    failed = len(found) - len(both)
    lost = Markup(" {} could not be relaxed and stayed below.").format(failed) if failed else Markup("")
    return said.format(low, len(both), high, mean, least, most, _swaps(both), *moves) + lost


def _swaps(both: Sequence[Climb]) -> str:
    """How many pairs the two rungs order differently."""
    heights = [(c.low.e_above_hull_eV_per_atom, c.top.e_above_hull_eV_per_atom) for c in both if c.top is not None]
    pairs = [(b[0] - a[0], b[1] - a[1]) for a, b in combinations(heights, 2)]
    swapped = sum(x * y < 0 and min(abs(x), abs(y)) > SAME_EV for x, y in pairs)
    return f"{swapped} of {len(pairs)} pairs swapped places"


def _moved(entries: Sequence[HullEntry], what: str) -> Markup:
    names = Markup(", ").join(
        Markup("{}{}").format(formula_html(e.formula), f" ({e.space_group})" if e.space_group else "")
        for e in entries[:MAX_NAMED]
    )
    more = f" and {len(entries) - MAX_NAMED} others" if len(entries) > MAX_NAMED else ""
    return Markup("{}{} {}").format(names or "none", more, what)


def _signed(meV: float) -> str:
    return f"{meV:+.0f}".replace("-", "−") if round(float(meV)) else "0"


def rungs_plot(run: RunRecord, found: Sequence[Climb]) -> Plot | None:
    """Energy above the hull by the search's potential against that by the better one."""
    both = [c for c in found if c.top is not None]
    if not both:
        return None
    low, high = (str(rung["rung"]) for rung in run.hull.ladder)
    points = np.array([(c.low.e_above_hull_eV_per_atom, c.top.e_above_hull_eV_per_atom) for c in both if c.top])
    points *= 1000
    stable = np.array([c.top.on_hull for c in both if c.top])

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        axes.grid()
        end = max(1.0, 1.06 * float(points.max()))
        axes.plot([0, end], [0, end], color=look.quiet, linewidth=0.8, zorder=2)
        x, y = points.T
        axes.scatter(x[~stable], y[~stable], s=26, color=look.quiet, linewidths=0, alpha=0.85, zorder=3)
        axes.scatter(x[stable], y[stable], s=48, color=look.accent, edgecolors=look.paper, linewidths=1.2, zorder=4)
        axes.set(xlim=(-0.03 * end, end), ylim=(-0.03 * end, end), aspect="equal")
        axes.set_xlabel(f"above the hull of {_short(low)} (meV/atom)")
        axes.set_ylabel(f"above the hull of {_short(high)} (meV/atom)")

    return Plot(
        "rungs",
        alt=f"Energy above the hull of {len(both)} structures by {high} against that by {low}.",
        caption=f"Structures that were relaxed with both potentials; on the line the two agree, above it {high} has a"
        " structure higher. Coloured: on its hull.",
        draw=draw,
        wide_in=(5.0, 4.4),
        narrow_in=(3.5, 3.5),
    )


def _short(name: str) -> str:
    """A name that fits an axis: the class or file at the end of a long one."""
    return name if len(name) <= 16 else name.replace("/", ":").rpartition(":")[2][-16:]


def top_view(run: RunRecord) -> RunRecord:
    """The run as its hull's own potential has it: nothing of a lower rung in it."""
    if run.search_hull is None:
        return run
    return replace(run, hull=replace(run.hull, entries=run.hull.own_entries), history=run.reranked)


def search_view(run: RunRecord) -> RunRecord:
    """The run as the search's potential has it: every candidate is held against the hull of its own rung."""
    alone = run.search_hull or run.unanchored
    return run if alone is None else replace(run, hull=alone)
