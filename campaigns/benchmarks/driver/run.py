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
from ase import Atoms

from discover.config import CampaignConfig
from discover.engine import Finished, Task
from discover.progress import Silent
from discover.run_folder import RunFolder
from discover.steady_state import SteadyState
from discover.store import StoredResult
from discover.worker import Verdict
from potentials import Metadata, Relaxation
from potentials.relax.settings import Outcome
from searchers.candidate import Candidate, Fate, Relaxed
from searchers.fingerprint import fingerprint
from searchers.generation import random_p1
from searchers.volume import estimate_volume

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))
from machine import machine  # noqa: E402

PASSING = 400
REPEATS = 0.3
FIRST_SYNTHETIC_ID = 10_000_000
CHUNK = 500
PARTS = ("ask", "duplicate check", "tell", "store", "rest of the loop")


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
    settings = {"candidates": PASSING, "atoms": [1, 8], "prototypes": False}
    config = CampaignConfig.model_validate({"system": "Ti-C", "potential": "7net-0", "search": settings})
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
        search = config.search.model_copy(update={"candidates": passed})
        rows.append(one_size(config.model_copy(update={"search": search}), path, stock))
        print(f"\r{rows[-1]}", file=sys.stderr, flush=True)
    return rows


def one_size(config: CampaignConfig, path: Path, stock: Stock) -> dict[str, Any]:
    """Resume on the store as it is and let candidates pass through."""
    folder = RunFolder.claim(path, config, resume=True)
    engine = Playback(stock)
    start = time.perf_counter()
    loop = SteadyState(config, folder, engine, Silent())
    resume_s = time.perf_counter() - start
    clocks = {
        "ask": [Clock(loop._searcher, "ask")],
        "duplicate check": [Clock(loop._findings, name) for name in ("add", "repeated_by")],
        "tell": [Clock(loop._searcher, "tell")],
        "store": [Clock(folder.store, name) for name in ("ask", "finish")],
    }
    start = time.perf_counter()
    loop.run()
    whole_s = time.perf_counter() - start - engine.seconds
    parts = {name: sum(c.seconds for c in own) for name, own in clocks.items()}
    parts["rest of the loop"] = whole_s - sum(parts.values())
    return {
        "stored": len(stock),
        "ms_per_candidate": {name: round(1000 * s / PASSING, 3) for name, s in parts.items()},
        "driver_ms_per_candidate": round(1000 * (whole_s - parts["ask"]) / PASSING, 3),
        "duplicates": loop._tally.duplicates,
        "resume_s": round(resume_s, 1),
        "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "database_MB": round((path / "candidates.db").stat().st_size / 1e6),
    }


class Clock:
    """Replaces a method of an object by itself, its time added up."""

    def __init__(self, owner: Any, name: str) -> None:
        self.seconds = 0.0
        self._method: Callable[..., Any] = getattr(owner, name)
        setattr(owner, name, self._timed)

    def _timed(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return self._method(*arguments)
        finally:
            self.seconds += time.perf_counter() - start


class Stock:
    """Synthetic crystals, made as the store is filled; every hundredth is kept to be repeated."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.kept: list[tuple[Atoms, float]] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def more(self, n: int) -> list[StoredResult]:
        """As many further results."""
        return [self._one() for _ in range(n)]

    def _one(self) -> StoredResult:
        rng, id = self.rng, FIRST_SYNTHETIC_ID + self._n
        n = int(rng.integers(1, 9))
        ti = int(rng.integers(0, n + 1))
        counts = {e: k for e, k in (("Ti", ti), ("C", n - ti)) if k}
        volume_A3 = estimate_volume(counts) * rng.uniform(0.9, 1.3)
        atoms = random_p1(counts, volume_A3, 0.65, rng)
        energy = energy_of(ti / n) + float(rng.uniform(0.001, 1.0))
        if self._n % 100 == 0:
            self.kept.append((atoms, energy))
        self._n += 1
        relaxed = Relaxed(Candidate(id, atoms, "random"), atoms, energy * n, Fate.CONVERGED, 0.01, np.zeros(6), 20, 21)
        return StoredResult(relaxed, 0.0, 1, fingerprint(atoms))


def energy_of(ti: float) -> float:
    """A hull with TiC on it, eV/atom."""
    return -9.2 + 1.4 * ti - 0.85 * (1 - abs(2 * ti - 1))


class Playback:
    """An engine that relaxes nothing; the time it takes itself is kept apart."""

    def __init__(self, stock: Stock) -> None:
        self.description = {"metadata": Metadata("7net-0", "played").to_json(), "elements": None, "batch_atoms": 16}
        self.seconds = 0.0
        self._stock = stock
        self._tasks: list[Task] = []

    def free(self) -> int:
        """Room for what two workers would hold."""
        return 12 - len(self._tasks)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        self._tasks.extend(tasks)

    def collect(self) -> list[Finished]:
        """The oldest two: about what comes back at a time from two workers."""
        start = time.perf_counter()
        ended, self._tasks = self._tasks[:2], self._tasks[2:]
        finished = [self._finished(task) for task in ended]
        self.seconds += time.perf_counter() - start
        return finished

    def _finished(self, task: Task) -> Finished:
        rng = self._stock.rng
        atoms, energy = task.atoms.copy(), energy_of(task.atoms.symbols.count("Ti") / len(task.atoms))
        energy += float(rng.uniform(0.001, 1.0))
        if self._stock.kept and rng.random() < REPEATS:
            original, energy = self._stock.kept[int(rng.integers(len(self._stock.kept)))]
            atoms = original.copy()
            atoms.rattle(0.01, seed=int(rng.integers(2**31)))
        total = energy * len(atoms)
        done = Relaxation(task.id, atoms, total, total, 0.01, np.zeros(6), 20, 21, Outcome.CONVERGED)
        return Finished(done, 1, fingerprint(atoms))

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Nothing ever halts."""

    def second_opinion(self, atoms: Atoms) -> float:
        """There is no witness."""
        return float("nan")

    def close(self) -> None:
        """Nothing to stop."""


def table(result: dict[str, Any]) -> str:
    """The result as markdown."""
    m = result["machine"]
    own = PARTS[1:]
    head = ["stored", "**driver**", *own, "ask (the searcher's)", "peak memory, MB", "database, MB", "resume, s"]
    lines = [
        f"ms a candidate, mean of {result['candidates']}; {result['repeats']:.0%} repeat stored structures. "
        f"{m['processor']}, {m['cores']} cores, Python {m['python']}.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for row in result["rows"]:
        parts = row["ms_per_candidate"]
        cells = [f"{row['stored']:,}", f"**{row['driver_ms_per_candidate']:.2f}**"]
        cells += [f"{parts[name]:.2f}" for name in own]
        cells += [f"{parts['ask']:.2f}", *(str(row[k]) for k in ("peak_memory_MB", "database_MB", "resume_s"))]
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
    for name, colour in zip(PARTS[1:], ("#1f77b4", "#e07b39", "#5f7183", "#c5ccd3"), strict=True):
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
