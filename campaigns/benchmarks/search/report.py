"""Tables and plot of the runs that were made."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))
from machine import machine

PEERS = ("cryspy", "agox", "agox-cell")
LABELS = {
    "random": "ours: random",
    "genetic": "ours: genetic",
    "annealing": "ours: annealing",
    "hopping": "ours: hopping",
    "portfolio": "ours: portfolio",
    "genetic-full": "ours: genetic, none stopped",
    "genetic-unaided": "ours: genetic, no surrogate",
    "fire": "pyxtal + FIRE",
    "cryspy": "CrySPY EA",
    "agox": "AGOX, its cell fixed",
    "agox-cell": "AGOX, cell relaxed",
}
COLOURS = {
    "random": "#9ecae1",
    "genetic": "#1f77b4",
    "annealing": "#17a2a2",
    "hopping": "#2ca02c",
    "portfolio": "#08306b",
    "genetic-full": "#b39ddb",
    "genetic-unaided": "#c49c94",
    "fire": "#999999",
    "cryspy": "#d62728",
    "agox": "#f4a582",
    "agox-cell": "#e07b39",
}
Z = 1.96
Runs = Sequence[Mapping[str, Any]]


def write(runs: Runs, references: Mapping[str, Any], methods: Sequence[str], out: Path) -> None:
    """results.json, results.md and results.png from all runs that have an end."""
    sound = [r for r in runs if r["ended"] not in ("crashed", "hung")]
    groups = {
        system: {m: own for m in methods if (own := [r for r in sound if (r["system"], r["method"]) == (system, m)])}
        for system in references
    }
    groups = {system: by_method for system, by_method in groups.items() if by_method}
    rows = {system: {m: summary(own) for m, own in by.items()} for system, by in groups.items()}
    for by_method in rows.values():
        _against_best_peer(by_method)
    packages = ("ase", "numpy", "pymatgen", "pyxtal", "sevenn", "torch")
    result = {
        "machine": machine(packages),
        "references": dict(references),
        "rows": rows,
        "failed_runs": [[r["system"], r["method"], r["seed"], r["ended"]] for r in runs if r not in sound],
    }
    (out / "results.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    (out / "results.md").write_text(table(result, groups))
    if groups:
        draw(groups, references, out / "results.png")
    print(table(result, groups))


def summary(runs: Runs) -> dict[str, Any]:
    """One method on one system. Runs without success count as more than they spent."""
    needed = [r["calls_at_success"] if r["calls_at_success"] is not None else math.inf for r in runs]
    quartiles = [_quantile(needed, q) for q in (0.25, 0.5, 0.75)]
    found = sum(math.isfinite(n) for n in needed)
    return {
        "runs": len(runs),
        "found": found,
        "share_interval": [round(x, 3) for x in wilson(found, len(runs))],
        "calls_quartiles": [None if math.isinf(q) else round(q) for q in quartiles],
        "budget": max(r["budget"] for r in runs),
        "candidates_median": median(r["candidates"] for r in runs),
        "calls_mean_spent": round(float(np.mean([r["calls"] for r in runs]))),
        "seconds_median": median(r["seconds"] for r in runs),
        "calls_per_success": round(sum(r["calls"] for r in runs) / found) if found else None,
        "out_of_time": sum(r["ended"] == "time" for r in runs),
        "below_reference": [r["seed"] for r in runs if r.get("below_reference")],
    }


def _quantile(values: Sequence[float], q: float) -> float:
    """Between the two nearest, as usual; infinite as soon as one of the two is."""
    ordered, place = sorted(values), q * (len(values) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    if math.isinf(high):
        return high if place > math.floor(place) else low
    return low + (place - math.floor(place)) * (high - low)


def wilson(found: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share; Wilson, J. Am. Stat. Assoc. 22, 209 (1927)."""
    share, n = found / runs, runs
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _against_best_peer(rows: dict[str, dict[str, Any]]) -> None:
    """Ratio of medians to the best peer's, and what is known of it where a median lies beyond the budget."""
    peers = [rows[m] for m in PEERS if m in rows]
    medians = [m for r in peers if (m := r["calls_quartiles"][1]) is not None]
    best = min(medians) if medians else None
    for row in rows.values():
        own = row["calls_quartiles"][1]
        if not peers or (own is None and best is None):
            row["to_best_peer"] = None
        elif own is None:
            row["to_best_peer"] = f"> {row['budget'] / best:.2f}"
        elif best is None:
            row["to_best_peer"] = f"< {own / max(r['budget'] for r in peers):.2f}"
        else:
            row["to_best_peer"] = f"{own / best:.2f}"


def table(result: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """The result as markdown."""
    m = result["machine"]
    lines = [
        "Model calls until the ground state; a run that never found it counts as more than its budget. "
        f"{m['processor']}, {m['cores']} cores, Python {m['python']}; ase {m['ase']}, pyxtal {m['pyxtal']}, "
        f"pymatgen {m['pymatgen']}, sevenn {m['sevenn']}, torch {m['torch']}.",
    ]
    for system, by_method in result["rows"].items():
        known = result["references"][system]
        lines += [
            "",
            f"### {system}: {known['formula']} on {known['potential']}, to find {known['name']}",
            "",
            "| method | found | 95 % | median calls | quartiles | calls a success | median candidates | to best peer |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for method, row in by_method.items():
            low, mid, high = (f"> {row['budget']}" if q is None else str(q) for q in row["calls_quartiles"])
            share = " to ".join(f"{100 * x:.0f}" for x in row["share_interval"])
            lines.append(
                f"| {LABELS[method]} | {row['found']}/{row['runs']} | {share} % | {mid} | {low} to {high} "
                f"| {row['calls_per_success'] or '—'} | {row['candidates_median']:g} | {row['to_best_peer'] or '—'} |"
            )
        below = {LABELS[m]: row["below_reference"] for m, row in by_method.items() if row["below_reference"]}
        if below:
            told = "; ".join(f"{label}, seeds {', '.join(map(str, seeds))}" for label, seeds in below.items())
            lines += ["", f"Ended more than 1 meV/atom below the reference: {told}."]
        late = {LABELS[m]: row["out_of_time"] for m, row in by_method.items() if row["out_of_time"]}
        if late:
            told = "; ".join(f"{label}, {n} runs" for label, n in late.items())
            lines += ["", f"Out of wall time before the budget: {told}."]
    if result["failed_runs"]:
        lines += ["", f"Runs that crashed or hung and are not counted: {len(result['failed_runs'])}."]
    return "\n".join([*lines, ""])


def kaplan_meier(runs: Runs) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Calls, share found until then, and its 95 % band.

    Kaplan and Meier, J. Am. Stat. Assoc. 53, 457 (1958); Greenwood's variance on log(−log S), which stays in 0 to 1.
    """
    ends = sorted((r["calls_at_success"] or r["calls"], r["calls_at_success"] is not None) for r in runs)
    left, surviving, variance = len(ends), 1.0, 0.0
    rows = [(0.0, 1.0, 1.0, 1.0)]
    for calls, found in ends:
        if found:
            surviving *= 1 - 1 / left
            variance += 1 / (left * (left - 1)) if left > 1 else 0.0
            low, high = _band(surviving, variance)
            rows.append((float(calls), surviving, low, high))
        left -= 1
    rows.append((float(max(r["budget"] for r in runs)), *rows[-1][1:]))
    x, s, low, high = np.array(rows).T
    return x, 1 - s, 1 - high, 1 - low


def _band(surviving: float, variance: float) -> tuple[float, float]:
    if not 0 < surviving < 1:
        return surviving, surviving
    spread = Z * math.sqrt(variance) / abs(math.log(surviving))
    return surviving ** math.exp(spread), surviving ** math.exp(-spread)


def draw(groups: Mapping[str, Mapping[str, Runs]], references: Mapping[str, Any], file: Path) -> None:
    """Share of runs that have found it, against calls; one panel a system."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(3, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.1 * rows + 0.6), layout="constrained", squeeze=False, sharey=True
    )
    for axes, (system, by_method) in zip(panels.flat, groups.items(), strict=False):
        for method, runs in by_method.items():
            x, share, low, high = kaplan_meier(runs)
            ours = LABELS[method].startswith("ours")
            style = {"lw": 1.8 if ours else 1.4, "ls": "-" if ours else "--", "color": COLOURS[method]}
            axes.step(x, share, where="post", label=LABELS[method], **style)
            axes.fill_between(x, low, high, step="post", color=COLOURS[method], alpha=0.08, lw=0)
        known = references[system]
        axes.set_title(f"{known['formula']}, {known['potential']}: {known['name']}", fontsize=9)
        axes.set_xscale("symlog", linthresh=100)
        axes.set_xlim(0, max(r["budget"] for runs in by_method.values() for r in runs))
        axes.set_ylim(-0.02, 1.02)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels.flat[len(groups) :]:
        axes.set_visible(False)
    for axes in panels.flat[max(0, len(groups) - columns) : len(groups)]:
        axes.set_xlabel("model calls", fontsize=9)
    figure.supylabel("share of runs that found it, with 95 % bands", fontsize=9)
    handles = {
        label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(file, dpi=150)
    plt.close(figure)
