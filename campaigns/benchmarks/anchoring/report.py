"""The benchmark's table and plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from strategies import CHOOSERS

AT = (4, 8, 16, 24)
REACH = (8, 16, 24)
COLOURS = {"ours": "#D55E00", "random": "#7F7F7F", "random near the hull": "#0072B2", "nearest to the hull": "#009E73"}


def curves(rows: Sequence[Mapping[str, Any]], name: str, way: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of calculations and, (cases, numbers), what was measured there; each case as far as the shortest."""
    found = [r["curve"] for r in rows if r["system"] == name and r["way"] == way]
    if not found:
        return np.array([]), np.zeros((0, 0))
    length = min(map(len, found))
    numbers = np.array([row["calculations"] for row in found[0][:length]])
    return numbers, np.array([[row[key] for row in c[:length]] for c in found])


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean error of each way on each system after each number of calculations."""
    found = []
    for name, way in dict.fromkeys((r["system"], r["way"]) for r in rows):
        numbers, values = curves(rows, name, way, "error_meV")
        error = [round(float(v), 2) for v in values.mean(axis=0)]
        found.append({"system": name, "way": way, "calculations": numbers.tolist(), "error_meV": error})
    return found


def table(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[str]]) -> str:
    """Markdown."""
    there = {r["system"] for r in rows if r["way"] == "ours"}
    shown = [(group, name) for group, names in groups.items() for name in names if name in there]
    lines = ["Mean error of the distance to the hull, meV/atom, of what truly lies within 100 meV/atom of it.", ""]
    head = ["system", "parts", "uncorrected", "offsets", *(f"{way}, {k}" for k in AT for way in CHOOSERS)]
    lines += [_row(head), _row(["---"] * len(head))]
    lines += [_row(_errors(rows, name, group)) for group, name in shown]
    lines += [
        "",
        "Calculations until ours has the error that another way has after so many (mean curves):",
    ]
    others = [(way, k) for way in CHOOSERS if way != "ours" for k in REACH]
    lines += ["", _row(["system", *(f"{way}, {k}" for way, k in others)]), _row(["---"] * (1 + len(others)))]
    lines += [_row([name, *(_reach(rows, name, *other) for other in others)]) for _, name in shown]
    lines += [
        "",
        "Phases that are said to be on the hull and lie 2 meV/atom or more above it, share of those said to be:",
    ]
    lines += ["", _row(["system", "uncorrected", *(f"{w}, {k}" for k in (8, 24) for w in CHOOSERS)])]
    lines += [_row(["---"] * (2 + 2 * len(CHOOSERS)))]
    for _, name in shown:
        uncorrected = curves(rows, name, "ours", "offsets_false_stable")[1][:, 0].mean()
        said = [_at(rows, name, w, "false_stable", k, 2) for k in (8, 24) for w in CHOOSERS]
        lines.append(_row([name, f"{uncorrected:.2f}", *said]))
    lines += [
        "",
        "Of the entries that are not calculated, share whose true energy lies within σ and 2 σ, by our choice,",
    ]
    lines += ["mean over 8 to 24 calculations (all entries; those within 100 meV/atom of the potential's hull):"]
    lines += ["", _row(["system", "σ", "2 σ", "σ, near", "2 σ, near"]), _row(["---"] * 5)]
    every = [_calibration(rows, name) for _, name in shown]
    lines += [_row([name, *(f"{v:.2f}" for v in values)]) for (_, name), values in zip(shown, every, strict=True)]
    if every:
        lines.append(_row(["**mean**", *(f"**{v:.2f}**" for v in np.nanmean(every, axis=0))]))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _errors(rows: Sequence[Mapping[str, Any]], name: str, group: str) -> list[str]:
    _, offsets = curves(rows, name, "ours", "offsets_error_meV")
    said = [_at(rows, name, way, "error_meV", k, 1) for k in AT for way in CHOOSERS]
    # With the elements alone the offsets change no distance: the first is the uncorrected hull's
    return [
        f"{name} ({group})",
        str(len(offsets)),
        f"{offsets[:, 0].mean():.1f}",
        f"{offsets[:, -1].mean():.1f}",
        *said,
    ]


def _at(rows: Sequence[Mapping[str, Any]], name: str, way: str, key: str, number: int, digits: int) -> str:
    numbers, values = curves(rows, name, way, key)
    at = np.flatnonzero(numbers == number)
    return f"{values[:, at[0]].mean():.{digits}f}" if len(at) else "-"


def _reach(rows: Sequence[Mapping[str, Any]], name: str, other: str, number: int) -> str:
    numbers, ours = curves(rows, name, "ours", "error_meV")
    theirs_numbers, theirs = curves(rows, name, other, "error_meV")
    at = np.flatnonzero(theirs_numbers == number)
    if not len(at):
        return "-"
    below = np.flatnonzero(ours.mean(axis=0) <= theirs.mean(axis=0)[at[0]])
    return str(numbers[below[0]]) if len(below) else f"> {numbers[-1]}"


def _calibration(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    found = []
    for key in ("within_1", "within_2", "near_within_1", "near_within_2"):
        numbers, values = curves(rows, name, "ours", key)
        found.append(float(np.nanmean(values[:, numbers >= 8])))
    return found


def draw(rows: Sequence[Mapping[str, Any]], names: Sequence[str], key: str, label: str, file: Path) -> None:
    """A panel a system: mean of `key` with its standard error against the number of calculations."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [n for n in names if curves(rows, n, "ours", key)[1].size]
    columns = min(3, len(shown))
    height = -(-len(shown) // columns)
    figure, axes = plt.subplots(
        height, columns, figsize=(4.2 * columns, 3.1 * height), squeeze=False, layout="constrained"
    )
    for ax, name in zip(axes.flat, shown, strict=False):
        for way, colour in COLOURS.items():
            numbers, values = curves(rows, name, way, key)
            if not values.size:
                continue
            mean, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(len(values))
            ax.plot(numbers, mean, color=colour, label=way)
            ax.fill_between(numbers, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        numbers, offsets = curves(rows, name, "ours", f"offsets_{key}")
        ax.axhline(offsets[:, 0].mean(), color="black", linewidth=0.9, linestyle="--", label="uncorrected")
        ax.set(title=name, xlabel="calculations", ylim=(0, None))
        ax.set_ylabel(label)
    axes.flat[0].legend(fontsize=7)
    for ax in list(axes.flat)[len(shown) :]:
        ax.set_axis_off()
    figure.savefig(file, dpi=150)
