"""How fast are random cells relaxed, and how well? FIRE as everyone runs it against ours, one command.

python campaigns/benchmarks/relaxation/run.py            48 cells
python campaigns/benchmarks/relaxation/run.py --quick    8 cells, to try it
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent)]
from cells import cells  # noqa: E402
from machine import machine  # noqa: E402
from methods import FMAX_EV_A, LOWEST_EV_PER_ATOM, MAX_STEPS, Run, fire, ours  # noqa: E402

LABELS = {
    "A": "ASE FIRE, conventional cells",
    "B": "ASE FIRE, primitive cells",
    "C": "ours, 2 processes",
}
BETTER_MEV = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="8 cells, results under build/, not beside this file")
    arguments = parser.parse_args()
    out = Path("build/relaxation-quick") if arguments.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    given = cells(8 if arguments.quick else 48)
    from potentials.primitive import primitive

    small = [primitive(atoms) for atoms in given]
    # Ours comes first: its children read the environment that it sets, and nothing else runs beside them
    outcomes = {"C": ours(given, "C"), "A": fire(given, "A"), "B": fire(small, "B")}
    result = {
        "machine": machine(("torch", "sevenn", "ase", "numpy", "matscipy", "pyxtal")),
        "settings": {"potential": "7net-0", "fmax_eV_A": FMAX_EV_A, "max_steps": MAX_STEPS},
        "cells": {
            "count": len(given),
            "atoms": [len(a) for a in given],
            "atoms_primitive": [len(a) for a in small],
            "formulas": [str(a.symbols) for a in given],
        },
        "methods": {key: summary(*outcomes[key]) for key in LABELS},
        "ours_against": {key: comparison(outcomes["C"][0], outcomes[key][0]) for key in "AB"},
        "runs": {key: [_without_nan(asdict(r)) for r in outcomes[key][0]] for key in LABELS},
    }
    (out / "results.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    (out / "results.md").write_text(table(result))
    draw(result, out / "results.png")
    print(table(result))


def summary(runs: Sequence[Run], facts: dict[str, Any]) -> dict[str, Any]:
    """One method's row."""
    calls = sum(r.model_calls for r in runs)
    sane = [r for r in runs if r.energy_eV_per_atom > LOWEST_EV_PER_ATOM]
    alone = [r.seconds for r in sane if r.seconds is not None]
    return facts | {
        "candidates_per_s_without_holes": len(alone) / sum(alone) if alone else None,
        "ended_sanely": len(sane),
        "candidates_per_s": len(runs) / facts["wall_s"],
        "model_calls": calls,
        "model_calls_per_candidate": calls / len(runs),
        "converged": sum(r.converged for r in runs),
    }


def comparison(mine: Sequence[Run], other: Sequence[Run]) -> dict[str, Any]:
    """Final energies, ours minus theirs, meV/atom, where both have one; holes of the potential are left out."""
    pairs = list(zip(mine, other, strict=True))
    difference = np.array([1000 * (a.energy_eV_per_atom - b.energy_eV_per_atom) for a, b in pairs])
    sane = np.array([b.energy_eV_per_atom > LOWEST_EV_PER_ATOM for b in other]) & np.isfinite(difference)
    both = difference[sane]
    return {
        "compared": int(sane.sum()),
        "only_ours_ended_sanely": int(sum(np.isfinite(a.energy_eV_per_atom) for a in mine) - sane.sum()),
        "only_theirs_ended_sanely": sum(
            b.energy_eV_per_atom > LOWEST_EV_PER_ATOM and not np.isfinite(a.energy_eV_per_atom) for a, b in pairs
        ),
        "median_meV_per_atom": float(np.median(both)),
        "mean_meV_per_atom": float(both.mean()),
        "best_meV_per_atom": float(both.min()),
        "worst_meV_per_atom": float(both.max()),
        "better_by_5_meV": int((both < -BETTER_MEV).sum()),
        "worse_by_5_meV": int((both > BETTER_MEV).sum()),
        "differences_meV_per_atom": [
            round(float(d), 3) if ok else None for d, ok in zip(difference, sane, strict=True)
        ],
    }


def table(result: dict[str, Any]) -> str:
    """The result as markdown."""
    methods, against, m = result["methods"], result["ours_against"], result["machine"]
    lines = [
        f"{result['cells']['count']} random cells, 7net-0, force limit {FMAX_EV_A} eV/Å, at most {MAX_STEPS} steps. "
        f"{m['processor']}, {m['cores']} cores; torch {m['torch']}, sevenn {m['sevenn']}, ase {m['ase']}.",
        "",
        "| method | candidates/s | wall, s | start-up, s | calls | per candidate | converged | in a hole or failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key, label in LABELS.items():
        s = methods[key]
        lines.append(
            f"| {key}: {label} | {s['candidates_per_s']:.3f} | {s['wall_s']:.1f} | {s['startup_s']:.1f} "
            f"| {s['model_calls']} | {s['model_calls_per_candidate']:.1f} | {s['converged']} "
            f"| {result['cells']['count'] - s['ended_sanely']} |"
        )
    lines += [
        "",
        "| ours against | candidates/s | without cells that fell into holes | median ΔE, meV/atom | best | worst "
        "| better by > 5 | worse by > 5 | compared |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for key, c in against.items():
        ratio = methods["C"]["candidates_per_s"] / methods[key]["candidates_per_s"]
        # Ours counts only cells that ended sanely, but pays for the failed ones too
        ours_sane = methods["C"]["ended_sanely"] / methods["C"]["wall_s"]
        sane = ours_sane / methods[key]["candidates_per_s_without_holes"]
        lines.append(
            f"| {key} | {ratio:.1f} × | {sane:.1f} × | {c['median_meV_per_atom']:.2f} | {c['best_meV_per_atom']:.1f} "
            f"| {c['worst_meV_per_atom']:.1f} | {c['better_by_5_meV']} | {c['worse_by_5_meV']} | {c['compared']} |"
        )
    o = methods["C"]
    loads = ", ".join(f"{key} {methods[key]['load_average_before']:.1f}" for key in "CAB")
    lines += ["", f"Load average as each method began (others' work makes the times worthless): {loads}."]
    lines += [
        "",
        f"Where our time goes: network {o['network_share']:.1%}, neighbour lists {o['neighbour_list_share']:.1%}, "
        f"optimiser and checks {o['optimiser_share']:.1%}; the processes were busy {o['busy_share']:.1%} of the wall "
        f"time. "
        f"FIRE's calculator (with its own neighbour lists) had {methods['A']['calculator_share']:.1%} of A.",
        "",
    ]
    return "\n".join(lines)


def draw(result: dict[str, Any], file: Path) -> None:
    """Rates, model calls, and final energies against A's."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (rates, calls, energies) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    methods = result["methods"]
    colours = {"A": "#9aa5b1", "B": "#5f7183", "C": "#1f77b4"}
    names = ["FIRE,\nconventional", "FIRE,\nprimitive", "ours"]
    for axes, key, title, form in (
        (rates, "candidates_per_s", "candidates per second", "{:.2f}"),
        (calls, "model_calls_per_candidate", "model calls per candidate", "{:.0f}"),
    ):
        values = [methods[k][key] for k in LABELS]
        bars = axes.bar(names, values, color=[colours[k] for k in LABELS])
        axes.bar_label(bars, [form.format(v) for v in values], padding=2)
        axes.set_title(title, fontsize=10)
    for key, marker in (("A", "o"), ("B", "x")):
        found = [d for d in result["ours_against"][key]["differences_meV_per_atom"] if d is not None]
        label = "conventional" if key == "A" else "primitive"
        energies.plot(sorted(found), marker, ms=4, color=colours[key], label=f"against FIRE, {label}")
    energies.axhline(0, color="0.6", lw=0.8, zorder=0)
    energies.set_yscale("symlog", linthresh=BETTER_MEV)
    energies.set_yticks([-1000, -100, -10, 0, 10, 100, 1000])
    energies.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    energies.set_title("final energy, ours − FIRE (meV/atom)", fontsize=10)
    energies.set_xlabel("cells, sorted")
    energies.legend(frameon=False, fontsize=8)
    for axes in (rates, calls, energies):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}


if __name__ == "__main__":
    main()
