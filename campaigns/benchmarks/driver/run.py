"""What does the driver cost a candidate, and does it grow with the store? One command.

python campaigns/benchmarks/driver/run.py            1,000, 10,000 and 100,000 stored candidates
python campaigns/benchmarks/driver/run.py --quick    500 and 2,000, to try it
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from discover.config import CampaignConfig
from discover.progress import Silent
from discover.run_folder import RunFolder
from discover.steady_state import SteadyState

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))
from machine import machine  # noqa: E402
from played import REPEATS, Playback, Stock  # noqa: E402

PASSING = 400
CHUNK = 500
PARTS = ("ask", "verdicts", "duplicate check", "tell", "store", "rest of the loop")
RISK = 1e-9
"""Nothing is stopped as hopeless: whatever repeats no structure halts at every rung, the dearest case."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500 and 2,000, results under build/")
    quick = parser.parse_args().quick
    out = Path("build/driver-quick") if quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        rows = measure(Path(scratch) / "run", (500, 2_000) if quick else (1_000, 10_000, 100_000))
    result = {"machine": machine(), "candidates": PASSING, "repeats": REPEATS, "rows": rows}
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "results.md").write_text(table(result))
    draw(rows, out / "results.png")
    print(table(result))


def measure(path: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """One row a size."""
    search = {"candidates": PASSING, "atoms": [1, 8], "prototypes": False}
    settings = {"system": "Ti-C", "potential": "7net-0", "search": search, "relax": {"risk": RISK}}
    config = CampaignConfig.model_validate(settings)
    folder = RunFolder.claim(path, config, resume=False)
    folder.begin()
    stock = Stock(np.random.default_rng(0))
    SteadyState(config, folder, Playback(stock), Silent()).run()  # fills the population
    rows, passed = [], PASSING
    for size in sizes:
        while len(stock) < size:
            folder.store.finish(stock.more(min(CHUNK, size - len(stock))), {})
            print(f"\r{len(stock)} stored", end="", file=sys.stderr, flush=True)
        passed += PASSING
        larger = config.search.model_copy(update={"candidates": passed})
        rows.append(one_size(config.model_copy(update={"search": larger}), path, stock))
        print(f"\r{rows[-1]}", file=sys.stderr, flush=True)
    return rows


def one_size(config: CampaignConfig, path: Path, stock: Stock) -> dict[str, Any]:
    """Resume on the store as it is and let candidates pass through."""
    folder = RunFolder.claim(path, config, resume=True)
    engine = Playback(stock)
    start = time.process_time()
    loop = SteadyState(config, folder, engine, Silent())
    resume_s = time.process_time() - start
    clocks = {
        "ask": [Clock(loop._searcher, "ask")],
        "verdicts": [Clock(loop._pruner, "verdict")],
        "duplicate check": [Clock(loop._findings, name) for name in ("add", "repeated_by")],
        "tell": [Clock(loop._searcher, "tell")],
        "store": [Clock(folder.store, name) for name in ("ask", "finish")],
    }
    start, start_wall = time.process_time(), time.perf_counter()
    loop.run()
    whole_s = time.process_time() - start - engine.seconds
    wall_s = time.perf_counter() - start_wall - engine.wall_seconds
    parts = {name: sum(c.seconds for c in own) for name, own in clocks.items()}
    parts["rest of the loop"] = whole_s - sum(parts.values())
    return {
        "stored": len(stock),
        "ms_per_candidate": {name: round(1000 * s / PASSING, 3) for name, s in parts.items()},
        "driver_ms_per_candidate": round(1000 * (whole_s - parts["ask"]) / PASSING, 3),
        "wall_over_processor_time": round(wall_s / whole_s, 2),
        "halts_per_candidate": engine.halts / PASSING,
        "ms_per_halt": round(1000 * parts["verdicts"] / engine.halts, 3),
        "duplicates": loop._tally.duplicates,
        "resume_s": round(resume_s, 1),
        "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "database_MB": round((path / "candidates.db").stat().st_size / 1e6),
    }


class Clock:
    """Replaces a method of an object by itself, its processor time added up; within another clock's it counts there."""

    running = False

    def __init__(self, owner: Any, name: str) -> None:
        self.seconds = 0.0
        self._method: Callable[..., Any] = getattr(owner, name)
        setattr(owner, name, self._timed)

    def _timed(self, *arguments: Any) -> Any:
        if Clock.running:
            return self._method(*arguments)
        Clock.running, start = True, time.process_time()
        try:
            return self._method(*arguments)
        finally:
            self.seconds += time.process_time() - start
            Clock.running = False


def table(result: dict[str, Any]) -> str:
    """The result as markdown."""
    m = result["machine"]
    own = PARTS[1:]
    head = ["stored", "**driver**", *own, "one halt", "ask (the searcher's)", "memory, MB", "database, MB", "resume, s"]
    lines = [
        f"Processor time, ms a candidate, mean of {result['candidates']}; {result['repeats']:.0%} repeat stored "
        f"structures. {m['processor']}, {m['cores']} cores, Python {m['python']}.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for row in result["rows"]:
        parts = row["ms_per_candidate"]
        cells = [f"{row['stored']:,}", f"**{row['driver_ms_per_candidate']:.2f}**"]
        cells += [f"{parts[name]:.2f}" for name in own]
        cells += [f"{row['ms_per_halt']:.2f}", f"{parts['ask']:.2f}"]
        cells += [str(row[k]) for k in ("peak_memory_MB", "database_MB", "resume_s")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Time a candidate and memory against the size of the store."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (times, memory) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    sizes = [row["stored"] for row in rows]
    floor = np.zeros(len(rows))
    for name, colour in zip(PARTS[1:], ("#4aa28a", "#1f77b4", "#e07b39", "#5f7183", "#c5ccd3"), strict=True):
        values = np.array([row["ms_per_candidate"][name] for row in rows])
        times.bar([f"{n:,}" for n in sizes], values, bottom=floor, label=name, color=colour, width=0.6)
        floor += values
    times.axhline(5, color="0.5", lw=1, ls="--")
    times.text(-0.4, 5.05, "the design's limit", va="bottom", fontsize=8, color="0.4")
    times.set_title("driver, ms a candidate", fontsize=10)
    times.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), reverse=True)
    memory.plot([f"{n:,}" for n in sizes], [row["peak_memory_MB"] for row in rows], "o-", color="#1f77b4")
    memory.set_ylim(0, None)
    memory.set_title("peak memory of the process, MB", fontsize=10)
    for axes in (times, memory):
        axes.set_xlabel("candidates stored")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
