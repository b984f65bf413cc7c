"""Which structures should DFT be spent on? Error of a hull against the number of calculations, by four ways to choose.

python campaigns/benchmarks/anchoring/run.py            goes on where it was stopped; 10 minutes on two idle cores
python campaigns/benchmarks/anchoring/run.py --table    runs nothing, writes table and plot of what there is
python campaigns/benchmarks/anchoring/run.py --quick    two systems, two parts of each, results under build/
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent)]
from machine import machine  # noqa: E402
from report import draw, means, table  # noqa: E402
from strategies import CHOOSERS, case, curve  # noqa: E402
from truth import System, system  # noqa: E402

CHOSEN_ON = ("Mg-Si", "Al-Ni", "Li-S")
"""Features and priors were chosen on these; what they show is in part what they were chosen for."""
UNSEEN = ("Si-Ge", "Ti-C", "Cu-Zr", "Li-Sn", "Li-Al-Si")
BY_DFT = ("Si-Ge.gpaw",)
CASES, SHARE = 8, 0.7
"""Random parts of each system's structures, and how large they are."""
MOST = 24
"""Calculations."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--quick", action="store_true", help="a few, results under build/")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    out = Path("build/anchoring-quick") if arguments.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    runs = out / "runs.jsonl"
    systems = ("Mg-Si", "Si-Ge") if arguments.quick else (*CHOSEN_ON, *UNSEEN, *BY_DFT)
    cases = 2 if arguments.quick else CASES
    if not arguments.table:
        _run(runs, [(s, way, k) for s in systems for k in range(cases) for way in CHOOSERS], arguments.jobs)
    rows = _read(runs)
    groups = {"chosen on": CHOSEN_ON, "unseen": UNSEEN, "by DFT": BY_DFT}
    result = {"machine": machine(("numpy", "scipy")), "groups": groups, "mean_error_meV": means(rows)}
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    text = table(rows, groups)
    (out / "results.md").write_text(text)
    names = [s for group in groups.values() for s in group]
    draw(rows, names, "error_meV", "error (meV/atom)", out / "results.png")
    draw(rows, names, "false_stable", "falsely stable, share", out / "false-stable.png")
    print(text)


def _run(runs: Path, wanted: Sequence[tuple[str, str, int]], jobs: int) -> None:
    done = {(r["system"], r["way"], r["case"]) for r in _read(runs)}
    missing = [w for w in wanted if w not in done]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(one, *w) for w in missing]):
            with runs.open("a") as f:
                f.write(json.dumps(future.result()) + "\n")
            print({k: future.result()[k] for k in ("system", "way", "case")}, flush=True)


def one(name: str, way: str, k: int) -> dict[str, Any]:
    """A way to choose on one part of a system."""
    rows = curve(case(_system(name), SHARE, k), way, MOST, k)
    return {"system": name, "way": way, "case": k, "curve": [{n: round(v, 5) for n, v in row.items()} for row in rows]}


@lru_cache
def _system(name: str) -> System:
    return system(name, HERE)


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
