"""Which split of a machine's cores between workers and threads relaxes most candidates a second? One command.

python campaigns/benchmarks/workers/run.py
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from discover.placement import own_cores
from discover.ray_engine import RayEngine
from discover.worker import Task, WorkerSpec
from potentials import RelaxSettings

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))
from machine import machine  # noqa: E402

CELLS = HERE.parent / "relaxation" / "cells.extxyz"
COUNT = 32


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    cells = ase.io.read(CELLS, index=f":{COUNT}")
    cores = own_cores()
    rows = []
    for compiled in (False, True):
        for workers in (n for n in range(1, cores + 1) if cores % n == 0):
            rows.append(split(cells, workers, cores // workers, compiled))
            print(rows[-1], flush=True)
    result = {"machine": machine(("torch", "ray")), "rows": rows}
    (HERE / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (HERE / "results.md").write_text(table(result))
    draw(rows, HERE / "results.png")
    print(table(result))


def split(cells: Sequence[Atoms], workers: int, threads: int, compiled: bool) -> dict[str, Any]:
    """Relax all cells once."""
    spec = WorkerSpec("7net-0", "cpu", RelaxSettings(), compiled, threads)
    load = os.getloadavg()[0]
    start = time.perf_counter()
    engine = RayEngine(spec, workers, mean_atoms=6.0)
    startup_s, start = time.perf_counter() - start, time.perf_counter()
    calls, ended, waiting = 0, 0, [Task(k, atoms) for k, atoms in enumerate(cells)]
    while ended < len(cells):
        room = engine.free()
        engine.submit(waiting[:room])
        waiting = waiting[room:]
        for item in engine.collect():
            calls += item.relaxation.model_calls
            ended += 1
    wall_s = time.perf_counter() - start
    engine.close()
    return {
        "workers": workers,
        "threads": threads,
        "compiled": compiled,
        "candidates_per_s": round(ended / wall_s, 2),
        "ms_per_model_call": round(1000 * wall_s / calls, 1),
        "startup_s": round(startup_s, 1),
        "load_average_before": round(load, 1),
    }


def table(result: dict[str, Any]) -> str:
    """The result as markdown."""
    m = result["machine"]
    lines = [
        f"{COUNT} random cells, 7net-0. {m['processor']}, {m['cores']} cores; torch {m['torch']}, ray {m['ray']}.",
        "",
        "| workers × threads | compiled | candidates/s | ms a model call, wall | start-up, s | load before |",
        "|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        lines.append(
            f"| {r['workers']} × {r['threads']} | {'yes' if r['compiled'] else 'no'} | {r['candidates_per_s']:.2f} "
            f"| {r['ms_per_model_call']:.1f} | {r['startup_s']:.0f} | {r['load_average_before']:.1f} |"
        )
    return "\n".join([*lines, ""])


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Candidates a second of each split."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    names = [f"{r['workers']} × {r['threads']}\n{'compiled' if r['compiled'] else 'as it is'}" for r in rows]
    bars = axes.bar(names, [r["candidates_per_s"] for r in rows], color=["#c5d3e0", "#1f77b4"] * len(rows), width=0.6)
    axes.bar_label(bars, [f"{r['candidates_per_s']:.1f}" for r in rows], padding=2)
    axes.set_title("candidates a second, by workers × threads", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
