"""How many GPUs can one driver feed? Computed from what was measured here; no GPU was.

python campaigns/benchmarks/driver/model.py            reads *.json, writes scale.md, scale.png; a minute
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
GPUS = (1, 3, 10, 30, 100, 300, 1000)
RATES_PER_S = (0.1, 1.0, 10.0, 100.0)
"""Candidates that one GPU relaxes in a second: the parameter, for no GPU was measured."""
FLIGHT = 16
"""Structures in one GPU's batch; with more of them each waits longer between steps, and the driver for nobody."""
HALT_EVERY = 4
STORED = 100_000
SIMULATED = 2000
STARTING_SHARE = 0.3


@dataclass(frozen=True)
class Costs:
    """What one candidate takes of the driver, ms of one core.

    Attributes:
        rows: `results.json`, a row for every number of candidates stored.
        ask_ms: making it.
        messages: `messages.json`, a row for every number of workers.
    """

    rows: Sequence[dict[str, Any]]
    ask_ms: float
    messages: Sequence[dict[str, Any]]

    def judging_ms(self, stored: float | np.ndarray) -> Any:
        """Verdicts, duplicates, `tell`, store: a + b ln(stored), fitted to three sizes."""
        sizes = np.log([row["stored"] for row in self.rows])
        slope, constant = np.polyfit(sizes, [row["driver_ms_per_candidate"] for row in self.rows], 1)
        return constant + slope * np.log(stored)

    def messages_ms(self, workers: float) -> float:
        """Ray's and the engine's part of the driver's thread, between the numbers of workers that were measured."""
        known = [(row["workers"], row["driver_thread_ms_per_candidate"]) for row in self.messages]
        return float(np.interp(np.log(workers), np.log([n for n, _ in known]), [ms for _, ms in known]))

    def whole_ms(self, workers: float, stored: float | np.ndarray = STORED) -> Any:
        """All of it."""
        return self.judging_ms(stored) + self.ask_ms + self.messages_ms(workers)

    def halt_ms(self, workers: float) -> float:
        """One halt with its message."""
        row = self.rows[-1]
        return row["ms_per_halt"] + self.messages_ms(workers) / (row["halts_per_candidate"] + 1)


def simulate(gpus: int, rate_per_s: float, costs: Costs, calls: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Steady state of so many GPUs and one driver: efficiency, and the wait of a message in the driver's queue.

    Each GPU keeps FLIGHT structures. A step evaluates all that are not held once and takes time in proportion to them,
    as where a batch fills the GPU. What has made HALT_EVERY calls or its last goes to the driver, which answers
    messages one by one in the order in which they come; an ended structure is replaced by the answer.
    """
    call_s, halt_s = 1 / (rate_per_s * calls.mean()), costs.halt_ms(gpus) / 1000
    end_s = costs.whole_ms(gpus) / 1000 - float(np.mean((calls - 1) // HALT_EVERY)) * halt_s
    left = np.ceil(rng.choice(calls, (gpus, FLIGHT)) * rng.random((gpus, FLIGHT))).astype(int)  # under way already
    made = rng.integers(0, HALT_EVERY, left.shape)
    back_s = np.zeros(left.shape)
    # Every GPU's step that is under way: its end, and the structures in it
    steps = [(float(rng.random()) * FLIGHT * call_s, gpu, np.arange(FLIGHT)) for gpu in range(gpus)]
    heapq.heapify(steps)
    total = max(SIMULATED, int(1.5 * gpus * FLIGHT))
    free_s, ended, began, waits = 0.0, 0, (0.0, 0), []
    while ended < total:
        now_s, gpu, flying = heapq.heappop(steps)
        left[gpu, flying] -= 1
        made[gpu, flying] += 1
        over = flying[left[gpu, flying] <= 0]
        held = flying[(left[gpu, flying] > 0) & (made[gpu, flying] >= HALT_EVERY)]
        if len(over) + len(held):
            waits.append(max(free_s - now_s, 0.0))
            free_s = max(free_s, now_s) + len(over) * end_s + len(held) * halt_s
            both = np.concatenate([over, held])
            back_s[gpu, both], made[gpu, both] = free_s, 0
            left[gpu, over] = rng.choice(calls, len(over))
            ended += len(over)
            if ended < STARTING_SHARE * total:
                began = (free_s, ended)
        start_s = max(now_s, float(back_s[gpu].min()))
        flying = np.flatnonzero(back_s[gpu] <= start_s)
        heapq.heappush(steps, (start_s + len(flying) * call_s, gpu, flying))
    rate = (ended - began[1]) / (free_s - began[0])
    return {
        "gpus": gpus,
        "rate_per_s": rate_per_s,
        "candidates_per_s": rate,
        "efficiency": min(1.0, rate / (gpus * rate_per_s)),
        "wait_s": float(np.mean(waits[len(waits) // 3 :])),
    }


def hours_to(candidates: int, gpus: int, rate_per_s: float, costs: Costs) -> float:
    """Time to so many candidates; the store begins empty, so that the first are cheaper."""
    stored = np.linspace(100, candidates, 500)
    seconds = np.maximum(costs.whole_ms(gpus, stored) / 1000, 1 / (gpus * rate_per_s))
    return float(np.mean(seconds)) * candidates / 3600


def main() -> None:
    costs = measured()
    relaxation = json.loads((HERE.parent / "relaxation" / "results.json").read_text())
    calls = np.array([run["model_calls"] for run in relaxation["runs"]["C"]])
    rows = [simulate(gpus, rate, costs, calls, np.random.default_rng(gpus)) for rate in RATES_PER_S for gpus in GPUS]
    text = table(rows, costs)
    (HERE / "scale.md").write_text(text)
    draw(rows, costs, HERE / "scale.png")
    print(text)


def measured() -> Costs:
    """What stands in this folder."""
    ask = json.loads((HERE / "asking.json").read_text())
    rows = json.loads((HERE / "results.json").read_text())["rows"]
    return Costs(rows, sum(ask.values()), json.loads((HERE / "messages.json").read_text())["rows"])


def table(rows: Sequence[dict[str, Any]], costs: Costs) -> str:
    """The result as markdown."""
    last = costs.rows[-1]
    parts, messages = last["ms_per_candidate"], costs.messages_ms(1000)
    lines = [
        f"One candidate takes {costs.whole_ms(1000):.1f} ms of the driver at {STORED:,} stored and 1,000 workers: "
        f"{costs.ask_ms:.1f} asking, {costs.judging_ms(STORED):.1f} judging and storing "
        f"(fit: {costs.judging_ms(1):.2f} + {costs.judging_ms(np.e) - costs.judging_ms(1):.2f} ln n; "
        f"{costs.judging_ms(1e6):.1f} at a million), {messages:.2f} messages.",
        "",
        "Efficiency of the GPUs, simulated; mean wait of a message for the driver; hours to 100,000 candidates:",
        "",
        "| GPUs | " + " | ".join(f"{rate:g}/s each" for rate in RATES_PER_S) + " |",
        "|---|" + "---|" * len(RATES_PER_S),
    ]
    for gpus in GPUS:
        cells = [
            f"{row['efficiency']:.0%}, {_time(row['wait_s'])}, {hours_to(STORED, gpus, row['rate_per_s'], costs):.2g} h"
            for row in rows
            if row["gpus"] == gpus
        ]
        lines.append(f"| {gpus:,} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"What the driver would feed at {STORED:,} stored if a part cost nothing, and how long a GPU may then take for",
        "a candidate if 1,000 of them are to be fed:",
        "",
        "| without | ms | candidates/s | GPU seconds a candidate for 1,000 GPUs |",
        "|---|---|---|---|",
    ]
    lookups = parts["verdicts"] + parts["duplicate check"]
    steps = [
        ("nothing: as it is", 0.0),
        ("asking (candidates made by the workers)", costs.ask_ms),
        ("that, and the store (commits of many results, by a process of their own)", costs.ask_ms + parts["store"]),
        ("those, and all comparisons (done by the workers)", costs.ask_ms + parts["store"] + lookups),
    ]
    for name, saved in steps:
        ms = costs.whole_ms(1000) - saved
        lines.append(f"| {name} | {ms:.1f} | {1000 / ms:.0f} | {ms:.1f} |")
    return "\n".join([*lines, ""])


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.0f} s"


def draw(rows: Sequence[dict[str, Any]], costs: Costs, file: Path) -> None:
    """Efficiency and throughput against the number of GPUs."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    gpus = np.geomspace(1, 1000, 200)
    limit = np.array([1000 / costs.whole_ms(n) for n in gpus])
    for rate, colour in zip(RATES_PER_S, ("#4aa28a", "#1f77b4", "#e07b39", "#5f7183"), strict=True):
        own = [row for row in rows if row["rate_per_s"] == rate]
        xs = [row["gpus"] for row in own]
        left.plot(gpus, np.minimum(1, limit / (gpus * rate)), color=colour, lw=1)
        left.plot(xs, [row["efficiency"] for row in own], "o", ms=4, color=colour, label=f"{rate:g} candidates/s each")
        right.plot(xs, [row["candidates_per_s"] for row in own], "o-", ms=4, lw=1, color=colour)
    right.plot(gpus, limit, color="0.5", ls="--", lw=1)
    right.text(1, limit[0] * 1.15, "the driver's limit", fontsize=8, color="0.4")
    right.set_yscale("log")
    left.set_title("efficiency of the GPUs (points simulated, lines the limit)", fontsize=10)
    right.set_title("candidates a second", fontsize=10)
    right.legend(*left.get_legend_handles_labels(), frameon=False, fontsize=8, loc="lower right")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("GPUs")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
