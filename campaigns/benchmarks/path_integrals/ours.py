"""Our side of the race: seconds a step, of the clock and of the processor. `ours.py COMPILED BEADS STEPS`."""

from __future__ import annotations

import sys
import time

from run import DT_FS, TEMPERATURE_K, crystal

from potentials import load
from properties.path_integrals import PathSettings, RingSystem, sample


def main() -> None:
    compiled, beads, steps = (int(word) for word in sys.argv[1:])
    potential = load("7net-0", "cpu", compiled=bool(compiled))
    potential.warm_up()
    seen: list[tuple[float, float, int]] = []
    total = 2 * steps
    settings = PathSettings(
        beads=beads, time_step_fs=DT_FS, equilibrate_ps=0, produce_ps=total * DT_FS / 1e3, every=1, blocks=8
    )
    sample(
        potential, [RingSystem(crystal("7net-0"), TEMPERATURE_K)], settings,
        progress=lambda news: seen.append((time.perf_counter(), time.process_time(), news.done)),
    )  # fmt: skip
    # As of i-PI: the first quarter is the start
    first = next(row for row in seen if row[2] >= total // 4)
    print(*((seen[-1][k] - first[k]) / (seen[-1][2] - first[2]) for k in (0, 1)))


if __name__ == "__main__":
    main()
