"""What DFT made of the hull: who left it and who joined, what was calculated, what should be next, and the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from discover.anchoring.stored import Anchoring, AnchorStep
from discover.records import HullEntry, RunRecord
from discover.report.landscape import Landscape, fractions_of
from discover.report.look import Look, Plot
from discover.report.notation import formula_html, formula_tex, potential_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_MOVED, MAX_NEEDS, MAX_LABELS = 12, 10, 10
NEAR_EV = 0.1
"""Above the hull; what lies higher is no part of the picture."""


@dataclass(frozen=True)
class Move:
    """A structure on either hull, by both. `before` is None where the potential's hull does not hold it."""

    before: HullEntry | None
    after: HullEntry

    @property
    def verb(self) -> str:
        """What became of it."""
        was = self.before is not None and self.before.on_hull
        return ("stays" if was else "joined") if self.after.on_hull else "left"

    @property
    def why(self) -> str:
        """How that is known."""
        if self.after.anchored:
            return "calculated"
        return "by what was learnt from the calculated ones"


@dataclass(frozen=True)
class Need:
    """An entry that is not calculated, and by how much that would lower the hull's error (eV/atom)."""

    entry: HullEntry
    gain_eV: float


@dataclass(frozen=True)
class AnchoredPart:
    """Everything the page says of an anchoring; `settings` and `cost` are label to value."""

    anchoring: Anchoring
    sentence: Markup
    moves: Sequence[Move]
    shifts_eV: Mapping[int | str, float]
    needs: Sequence[Need]
    n_needs: int
    settings: Mapping[str, str]

    def shift_eV(self, step: AnchorStep) -> float | None:
        """Formation energy by DFT less that by the potential; None where one of them is unknown."""
        return self.shifts_eV.get(step.id) if step.energy_eV_per_atom is not None else None


def anchored_part(run: RunRecord) -> AnchoredPart | None:
    """None where the run is not anchored."""
    if run.anchoring is None or run.unanchored is None:
        return None
    before = {e.id: e for e in run.unanchored.entries}
    moves = [
        Move(before.get(e.id), e)
        for e in run.anchoring.entries
        if e.on_hull or (e.id in before and before[e.id].on_hull)
    ]
    entries = {e.id: e for e in run.anchoring.entries}
    needs = [Need(entries[id], gain) for id, gain in run.anchoring.needs if id in entries]
    return AnchoredPart(
        anchoring=run.anchoring,
        sentence=_sentence(run, run.anchoring, moves),
        moves=sorted(moves, key=lambda m: ("left", "joined", "stays").index(m.verb))[:MAX_MOVED],
        shifts_eV=_shifts(run, before, entries),
        needs=needs[:MAX_NEEDS],
        n_needs=len(needs),
        settings=_settings(run.anchoring),
    )


def _shifts(
    run: RunRecord, before: Mapping[int | str, HullEntry], after: Mapping[int | str, HullEntry]
) -> dict[int | str, float]:
    pairs = {id: (before[id], e) for id, e in after.items() if id in before}
    found = {id: a.formation_energy_eV_per_atom - b.formation_energy_eV_per_atom for id, (b, a) in pairs.items()}
    if any(np.isnan(v) for v in found.values()):  # one composition: what moves is the distance to the lowest
        found = {id: a.e_above_hull_eV_per_atom - b.e_above_hull_eV_per_atom for id, (b, a) in pairs.items()}
    return found


def _sentence(run: RunRecord, anchoring: Anchoring, moves: Sequence[Move]) -> Markup:
    done = [s for s in anchoring.steps if s.energy_eV_per_atom is not None]
    said = Markup("{} structures with {} against {}: ").format(
        len(done), anchoring.method, potential_name(run.hull.potential)
    )
    parts = []
    for verb, words in (("left", "left the hull"), ("joined", "joined it"), ("stays", "stayed")):
        names = list(dict.fromkeys(m.after.formula for m in moves if m.verb == verb))
        listed = Markup(", ").join(formula_html(n) for n in names[:6])
        more = f" and {len(names) - 6} others" if len(names) > 6 else ""
        parts.append(Markup("{}{} {}").format(listed or "nothing", more, words))
    lost = f" {len(anchoring.left_out)} references without a structure are left out." if anchoring.left_out else ""
    return said + Markup("; ").join(parts) + Markup(".") + lost


def _settings(anchoring: Anchoring) -> dict[str, str]:
    level, seconds = anchoring.level, sum(s.seconds for s in anchoring.steps)
    if "files" in level:
        return {"Energies of": ", ".join(level["files"])}
    relaxed = (
        f"relaxed by at most {level['relax_steps']} steps" if level["relax_steps"] else "as the potential relaxed it"
    )
    return {
        "Method": anchoring.method,
        "Plane waves up to": f"{level['cutoff_eV']:g} eV",
        "k-points": f"{level['kpoint_density_A']:g} per Å⁻¹, Γ among them",
        "Smearing": f"{level['smearing_eV']:g} eV, energies extrapolated to none",
        "Spin": {"auto": "where an element asks for it", "on": "polarised", "off": "none"}[level["spin"]],
        "Structure": relaxed,
        "Versions": ", ".join(f"{k} {v}" for k, v in anchoring.identity.items()),
        "Calculations": f"{len(anchoring.steps)} of {anchoring.budget}",
        "Processor time": f"{seconds / 60:.1f} min",
    }


def anchored_plot(run: RunRecord, land: Landscape) -> Plot | None:
    """Both hulls on one figure; None where the run is not anchored."""
    if run.anchoring is None or run.unanchored is None:
        return None
    return _hulls(run, land) if land.kind == "binary" else _parity(run)


def _hulls(run: RunRecord, land: Landscape) -> Plot:
    assert run.anchoring is not None and run.unanchored is not None
    name = potential_name(run.hull.potential)
    before = {e.id: e for e in run.unanchored.own_entries}
    after = list(run.anchoring.entries)
    stable = _line(after, land.elements)
    was = _line(list(before.values()), land.elements)
    shown = _lowest([e for e in after if e.e_above_hull_eV_per_atom <= NEAR_EV or e.anchored], land.elements)

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        axes.grid(axis="y")
        axes.axhline(0, color=look.quiet, linewidth=0.8)
        axes.plot(*was.T, color=look.quiet, linewidth=1.2, linestyle="--", marker="o", markersize=3.5, label=name)
        for entry in shown:
            if entry.anchored and entry.id in before:
                _arrow(axes, before[entry.id], entry, land, look)
        for calculated, colour, size in ((False, look.quiet, 12), (True, look.accent, 30)):
            points = np.array([_point(e, land.elements) for e in shown if e.anchored is calculated]).reshape(-1, 3)
            axes.errorbar(
                points[:, 0],
                points[:, 1],
                yerr=points[:, 2],
                fmt="none",
                ecolor=colour,
                elinewidth=1.0,
                capsize=2,
                zorder=3,
            )
            label = "calculated by DFT" if calculated else "corrected, with σ"
            marker = "s" if calculated else "o"
            axes.scatter(
                points[:, 0], points[:, 1], s=size, color=colour, marker=marker, linewidths=0, zorder=4, label=label
            )
        axes.plot(*stable.T, color=look.accent, linewidth=1.8, zorder=5, label="anchored hull")
        for x, y, text in _labels(after, before, land)[:MAX_LABELS]:
            axes.annotate(
                formula_tex(text), (x, y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9, zorder=7
            )
        axes.set(
            xlabel=f"atomic fraction of {land.elements[1]}", ylabel="formation energy (eV/atom)", xlim=(-0.04, 1.04)
        )
        axes.margins(y=0.12)
        axes.legend(fontsize=8, loc="best")

    return Plot(
        "anchored",
        alt=f"Formation energies by {name} and by DFT against composition; the two hulls.",
        caption=f"Dashed: the hull by {name} alone. Full: the hull anchored to DFT. Bars are one standard error; arrows"
        " show how far DFT moved what it calculated.",
        draw=draw,
    )


def _point(entry: HullEntry, elements: Sequence[str]) -> tuple[float, float, float]:
    x = fractions_of(entry.composition, elements)[1]
    return x, entry.formation_energy_eV_per_atom, entry.sigma_eV_per_atom or 0.0


def _line(entries: Sequence[HullEntry], elements: Sequence[str]) -> np.ndarray:
    """Points of a hull from left to right, (n, 2)."""
    points = {_point(e, elements)[:2] for e in entries if e.on_hull}
    return np.array(sorted(points)).reshape(-1, 2)


def _lowest(entries: Sequence[HullEntry], elements: Sequence[str]) -> list[HullEntry]:
    """The lowest of each composition, and whatever was calculated."""
    first: dict[tuple[float, ...], HullEntry] = {}
    for e in sorted(entries, key=lambda e: e.e_above_hull_eV_per_atom):
        first.setdefault(fractions_of(e.composition, elements), e)
    return list({e.id: e for e in [*first.values(), *(e for e in entries if e.anchored)]}.values())


def _arrow(axes: Axes, before: HullEntry, after: HullEntry, land: Landscape, look: Look) -> None:
    x, y0, _ = _point(before, land.elements)
    y1 = after.formation_energy_eV_per_atom
    if abs(y1 - y0) < 1e-3:
        return
    style = {"arrowstyle": "->", "color": look.accent, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 3}
    axes.annotate("", (x, y1), xytext=(x, y0), arrowprops=style, zorder=2)


def _labels(
    after: Sequence[HullEntry], before: Mapping[int | str, HullEntry], land: Landscape
) -> list[tuple[float, float, str]]:
    """Phases that lie on either hull, once each."""
    named = [e for e in after if e.on_hull or (e.id in before and before[e.id].on_hull)]
    return list({e.formula: (*_point(e, land.elements)[:2], e.formula) for e in reversed(named)}.values())


def _parity(run: RunRecord) -> Plot:
    assert run.anchoring is not None and run.unanchored is not None
    name = potential_name(run.hull.potential)
    before = {e.id: e for e in run.unanchored.own_entries}
    both = [(before[e.id], e) for e in run.anchoring.entries if e.id in before]
    near = [(b, a) for b, a in both if min(b.e_above_hull_eV_per_atom, a.e_above_hull_eV_per_atom) <= NEAR_EV]

    def draw(figure: Figure, look: Look) -> None:
        axes = figure.add_subplot()
        axes.grid()
        x = np.array([1000 * b.e_above_hull_eV_per_atom for b, _ in near])
        y = np.array([1000 * a.e_above_hull_eV_per_atom for _, a in near])
        errors = np.array([1000 * (a.sigma_eV_per_atom or 0.0) for _, a in near])
        end = max(1.0, 1.06 * float(np.max([*x, *y], initial=1.0)))
        axes.plot([0, end], [0, end], color=look.quiet, linewidth=0.8)
        for calculated, colour in ((False, look.quiet), (True, look.accent)):
            here = np.array([a.anchored is calculated for _, a in near], bool)
            label = "calculated by DFT" if calculated else "corrected, with σ"
            axes.errorbar(
                x[here],
                y[here],
                yerr=errors[here],
                fmt="s" if calculated else "o",
                markersize=4,
                color=colour,
                elinewidth=0.8,
                label=label,
            )
        axes.set(xlim=(-0.03 * end, end), ylim=(-0.03 * end, end))
        axes.set_xlabel(f"above the hull of {name} (meV/atom)")
        axes.set_ylabel("above the anchored hull (meV/atom)")
        axes.legend(fontsize=8, loc="best")

    return Plot(
        "anchored",
        alt=f"Energy above the anchored hull against that by {name}.",
        caption="On the line DFT and the potential agree. Bars are one standard error.",
        draw=draw,
        wide_in=(5.4, 4.4),
        narrow_in=(3.5, 3.5),
    )
