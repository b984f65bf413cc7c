"""Rank correlation, the worst tenth, coverage: numbers and their table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)


def measured(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All numbers, by oracle."""
    found: dict[str, Any] = {"groups": []}
    bulk = [r for r in rows if r["oracle"] != "gpaw"]
    for name, part in (("all systems", bulk), ("GPAW", [r for r in rows if r["oracle"] == "gpaw"])):
        if len(part) >= 5:
            found["groups"].append({"name": name, "structures": len(part), **_numbers(part)})
    systems = sorted({r["system"] for r in bulk})
    found["systems"] = [
        {
            "name": s,
            "structures": sum(r["system"] == s for r in bulk),
            **_numbers([r for r in bulk if r["system"] == s]),
        }
        for s in systems
    ]
    threes = [_numbers([r for r in bulk if r["system"] in three]) for three in combinations(systems, 3)]
    found["threes"] = {
        "count": len(threes),
        "energy_coverage_90": _spread([t["energy"]["coverage"]["0.9"] for t in threes]),
        "force_coverage_90": _spread([t["force"]["coverage"]["0.9"] for t in threes]),
        "energy_spearman": _spread([t["energy"]["spearman_distance"] for t in threes]),
        "force_spearman": _spread([t["force"]["spearman_distance"] for t in threes]),
    }
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    low, mid, high = np.quantile(values, (0.05, 0.5, 0.95))
    return {"q05": round(float(low), 3), "median": round(float(mid), 3), "q95": round(float(high), 3)}


def _numbers(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    keys = {"force": ("force_error_eV_A", "expected_force_eV_A", "force_bounds_eV_A")}
    if all(r["energy_error_meV"] is not None for r in rows):
        keys["energy"] = ("energy_error_meV", "expected_energy_meV", "energy_bounds_meV")
    found: dict[str, Any] = {"outside_domain": round(float(np.mean([not r["in_domain"] for r in rows])), 3)}
    distances = np.array([r["distance"] for r in rows])
    for kind, (error, expected, bounds) in keys.items():
        errors, foretold = (np.array([r[k] for r in rows]) for k in (error, expected))
        found[kind] = {
            "median_error": float(np.median(errors)),
            "spearman_distance": round(float(spearmanr(distances, errors)[0]), 3),
            "spearman_expected": round(float(spearmanr(foretold, errors)[0]), 3),
            "auroc_distance": round(auroc(distances, errors), 3),
            "auroc_expected": round(auroc(foretold, errors), 3),
            "mean_expected_over_mean_error": round(float(foretold.mean() / errors.mean()), 3),
            "coverage": {
                str(v): round(float(np.mean([r[error] <= r[bounds][str(v)] for r in rows])), 3) for v in LEVELS
            },
        }
    return found


def auroc(scores: np.ndarray, errors: np.ndarray) -> float:
    """Probability that a structure of the worst tenth has a higher score than another (Mann-Whitney)."""
    worst = errors >= np.quantile(errors, 0.9)
    n, m = int(worst.sum()), int((~worst).sum())
    return float((rankdata(scores)[worst].sum() - n * (n + 1) / 2) / (n * m))


def text(result: dict[str, Any]) -> str:
    """Markdown."""
    head = ["set", "structures", "error of", "median", "ρ distance", "ρ expected", "AUROC distance", "AUROC expected"]
    head += ["expected/true", *(f"cover {100 * v:g} %" for v in LEVELS)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for group in (*result["groups"], *result["systems"]):
        for kind, unit in (("energy", "meV/atom"), ("force", "eV/Å")):
            if kind not in group:
                continue
            g = group[kind]
            lines.append(
                f"| {group['name']} | {group['structures']} | {kind} | {g['median_error']:.3g} {unit} "
                f"| {g['spearman_distance']:.2f} | {g['spearman_expected']:.2f} | {g['auroc_distance']:.2f} "
                f"| {g['auroc_expected']:.2f} | {g['mean_expected_over_mean_error']:.2f} | "
                + " | ".join(f"{100 * g['coverage'][str(v)]:.0f}" for v in LEVELS)
                + " |"
            )
    three = result["threes"]
    if three["count"]:
        lines += ["", f"Over all {three['count']} choices of three of these systems, median (5 to 95 %):"]
        for key, value in three.items():
            if key != "count":
                lines.append(
                    f"- {key.replace('_', ' ')}: {value['median']:.2f} ({value['q05']:.2f}-{value['q95']:.2f})"
                )
    lines += ["", "| atoms | model call | distance, errors and bounds | share |", "|---|---|---|---|"]
    for row in result["overhead"]:
        share = 100 * row["judge_s"] / row["call_s"]
        lines.append(
            f"| {row['atoms']} | {1000 * row['call_s']:.1f} ms | {1000 * row['judge_s']:.2f} ms | {share:.1f} % |"
        )
    return "\n".join(lines) + "\n"
