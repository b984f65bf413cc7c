"""What do messages cost the driver? The campaign's Ray engine with up to 1,000 workers, all played by one process.

python campaigns/benchmarks/driver/messages.py            writes messages.json; two minutes
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk

from discover.engine import Finished, Task
from discover.ray_cluster import start_ray
from discover.ray_engine import RayEngine, _Actor
from discover.worker import Halted, Verdict
from potentials import Relaxation
from potentials.relax.settings import Halt, Outcome
from searchers.fingerprint import fingerprint

WORKERS = (1, 10, 100, 1000)
BATCH = 16
CALLS = 20
HALT_EVERY = 4
CANDIDATES = 4000
CELL = bulk("NaCl", "rocksalt", a=4.3, cubic=True)


class Player:
    """All workers: a call is one step of one worker's batch, whose relaxations halt now and then and end."""

    def __init__(self) -> None:
        self.flying: dict[int, dict[int, int]] = {}
        self.held: dict[int, int] = {}
        self.fingerprint = fingerprint(CELL)

    def advance(self, worker: int, tasks: Sequence[Task], verdicts: Sequence[Verdict]) -> list[Finished | Halted]:
        """What of one worker's batch halts or ends in its next model call."""
        flying = self.flying.setdefault(worker, {})
        flying |= {verdict.id: self.held.pop(verdict.id) for verdict in verdicts}
        # As if they had been under way for a while: not all halt in one step
        flying |= {task.id: task.id % HALT_EVERY for task in tasks}
        news: list[Finished | Halted] = []
        for id in list(flying):
            flying[id] += 1
            if flying[id] >= CALLS:
                del flying[id]
                news.append(self._finished(id))
            elif flying[id] % HALT_EVERY == 0:
                self.held[id] = flying.pop(id)
                news.append(Halted(Halt(id, CELL, -40.0, 0.1, self.held[id]), self.fingerprint))
        return news

    def _finished(self, id: int) -> Finished:
        done = Relaxation(id, CELL, -40.0, -40.0, 0.01, np.zeros(6), CALLS - 1, CALLS, Outcome.CONVERGED)
        return Finished(done, 225, self.fingerprint)


@dataclass
class Handle:
    """One worker's door to the player."""

    player: Any
    worker: int

    @property
    def advance(self) -> Handle:
        """What Ray's handles have."""
        return self

    def remote(self, tasks: Sequence[Task], verdicts: Sequence[Verdict]) -> Any:
        """Reference to the answer."""
        return self.player.advance.remote(self.worker, tasks, verdicts)


def engine_of(ray: Any, player: Any, workers: int) -> RayEngine:
    """The campaign's engine, with played workers in place of its own."""
    engine = RayEngine.__new__(RayEngine)
    engine._ray, engine._own, engine._slots = ray, False, BATCH + 3
    engine._actors = [_Actor(Handle(player, worker), None, node="here") for worker in range(workers)]
    engine._queue, engine._suspects = deque(), deque()
    engine._tries, engine._holder = {}, {}
    engine._say = lambda _: None
    return engine


def measure(ray: Any, workers: int) -> dict[str, Any]:
    """Time of the driver's own thread, and of its whole process, for a candidate with all its halts."""
    engine = engine_of(ray, ray.remote(num_cpus=1)(Player).remote(), workers)
    total = max(CANDIDATES, 3 * workers * BATCH)
    asked = ended = halts = rounds = 0
    start, start_all = time.thread_time(), time.process_time()
    while ended < total:
        room = min(engine.free(), total - asked)
        if room > 0:
            engine.submit([Task(asked + k, CELL) for k in range(room)])
            asked += room
        news = engine.collect()
        stopping = [item.halt.id for item in news if isinstance(item, Halted)]
        engine.answer([Verdict(id) for id in stopping])
        rounds, halts, ended = rounds + 1, halts + len(stopping), ended + len(news) - len(stopping)
    return {
        "workers": workers,
        "candidates": total,
        "halts_per_candidate": round(halts / total, 2),
        "news_per_round": round((halts + ended) / rounds, 1),
        "driver_thread_ms_per_candidate": round(1000 * (time.thread_time() - start) / total, 3),
        "process_ms_per_candidate": round(1000 * (time.process_time() - start_all) / total, 3),
    }


def main() -> None:
    import ray

    start_ray(ray, None, 1)
    rows = []
    for workers in WORKERS:
        rows.append(measure(ray, workers))
        print(rows[-1], flush=True)
    ray.shutdown()
    result = {"batch": BATCH, "model_calls": CALLS, "halt_every": HALT_EVERY, "rows": rows}
    (Path(__file__).parent / "messages.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
