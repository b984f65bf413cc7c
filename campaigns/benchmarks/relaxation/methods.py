"""The methods compared: ASE's FIRE with sevenn's calculator, and our batched quasi-Newton in two processes.

Every method returns (list of `Run`, facts about the whole); clocks start when everything is loaded and warm.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any

from ase import Atoms
from ase.build import bulk

FMAX_EV_A = 0.05
MAX_STEPS = 500
LOWEST_EV_PER_ATOM = -20.0
WORKERS = 2
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


@dataclass(frozen=True)
class Run:
    """One cell's relaxation: energy in eV/atom (NaN where it failed), model calls, its end, s where it ran alone."""

    index: int
    energy_eV_per_atom: float
    model_calls: int
    converged: bool
    reason: str = ""
    seconds: float | None = None


def fire(cells: Sequence[Atoms], name: str) -> tuple[list[Run], dict[str, Any]]:
    """One structure after another: FIRE on positions and cell (FrechetCellFilter), default threads."""
    import torch
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    load = os.getloadavg()[0]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sevenn.calculator import SevenNetCalculator

        calculator = _counted(SevenNetCalculator)("7net-0", device="cpu")
    _call(calculator, bulk("Si"))
    startup_s, calculator.calls, calculator.seconds = time.perf_counter() - start, 0, 0.0
    runs, start = [], time.perf_counter()
    for index, cell in enumerate(cells):
        atoms, before, began = cell.copy(), calculator.calls, time.perf_counter()
        atoms.calc = calculator
        energy, converged, reason = float("nan"), False, ""
        optimiser = FIRE(FrechetCellFilter(atoms), logfile=None)
        optimiser.attach(_stop_in_a_hole, atoms=atoms)
        try:
            converged = bool(optimiser.run(fmax=FMAX_EV_A, steps=MAX_STEPS))
            energy = atoms.get_potential_energy() / len(atoms)
        except Exception as error:  # a cell that collapses must not end the comparison
            reason = f"{type(error).__name__}: {error}"[:200]
        seconds = time.perf_counter() - began
        runs.append(Run(index, energy, calculator.calls - before, converged, reason, seconds))
        calls = runs[-1].model_calls
        print(f"{name} {index + 1}/{len(cells)}: {energy:.4f} eV/atom, {calls} calls {reason}", flush=True)
    wall_s = time.perf_counter() - start
    print(f"{name}: {wall_s:.1f} s for {len(cells)} cells, start-up {startup_s:.1f} s", flush=True)
    return runs, {
        "wall_s": wall_s,
        "startup_s": startup_s,
        "load_average_before": load,
        "calculator_share": calculator.seconds / wall_s,
        "threads": torch.get_num_threads(),
    }


def _stop_in_a_hole(atoms: Atoms) -> None:
    """No solid lies below: on its way to thousands of eV a cell would only cost time, and that is granted to FIRE."""
    energy = atoms.get_potential_energy() / len(atoms)
    if not energy > LOWEST_EV_PER_ATOM:
        raise RuntimeError(f"hole in the potential: {energy:.1f} eV an atom")


def _counted(base: type) -> type:
    """The calculator class with its calls and the time inside them counted."""

    class Counted(base):  # type: ignore[misc, valid-type]
        calls, seconds = 0, 0.0

        def calculate(self, *arguments: Any, **options: Any) -> None:
            start = time.perf_counter()
            super().calculate(*arguments, **options)
            self.calls += 1
            self.seconds += time.perf_counter() - start

    return Counted


def _call(calculator: Any, atoms: Atoms) -> None:
    atoms = atoms.copy()
    atoms.calc = calculator
    atoms.get_stress()


def ours(cells: Sequence[Atoms], name: str) -> tuple[list[Run], dict[str, Any]]:
    """Two processes of one thread each that take cells from one queue; compiled network, batched quasi-Newton."""
    load = os.getloadavg()[0]
    os.environ |= WORKER_ENVIRONMENT  # children read them when they start
    context = mp.get_context("spawn")
    tasks, results, clocks = context.Queue(), context.Queue(), context.Queue()
    ready = context.Barrier(WORKERS + 1)
    for index in range(len(cells)):
        tasks.put((index, cells[index]))
    for _ in range(WORKERS):
        tasks.put(None)
    start = time.perf_counter()
    children = [context.Process(target=_worker, args=(tasks, results, clocks, ready)) for _ in range(WORKERS)]
    for child in children:
        child.start()
    ready.wait(timeout=1200)
    startup_s, start = time.perf_counter() - start, time.perf_counter()
    runs: list[Run] = []
    while len(runs) < len(cells):
        run = results.get(timeout=600)
        runs.append(run)
        print(
            f"{name} {len(runs)}/{len(cells)}: cell {run.index}, {run.energy_eV_per_atom:.4f} eV/atom, "
            f"{run.model_calls} calls {run.reason}",
            flush=True,
        )
    wall_s = time.perf_counter() - start
    print(f"{name}: {wall_s:.1f} s for {len(cells)} cells, start-up {startup_s:.1f} s", flush=True)
    times = [clocks.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    busy = sum(c["busy_s"] for c in times)
    return sorted(runs, key=lambda r: r.index), {
        "wall_s": wall_s,
        "startup_s": startup_s,
        "load_average_before": load,
        "threads": 1,
        "processes": WORKERS,
        "network_share": sum(c["network_s"] for c in times) / busy,
        "neighbour_list_share": sum(c["neighbours_s"] for c in times) / busy,
        "optimiser_share": sum(c["busy_s"] - c["model_s"] for c in times) / busy,
        "busy_share": busy / (WORKERS * wall_s),
    }


def _worker(tasks: Queue, results: Queue, clocks: Queue, ready: Barrier) -> None:
    import torch

    from potentials import InFlightRelaxer, RelaxSettings, load, pair_vector

    torch.set_num_threads(1)
    potential = load("7net-0", "cpu", compiled=True)
    potential.warm_up()
    model = potential.model
    model.derivatives = whole = _Clock(model.derivatives)
    pair_vector.batch_pairs = neighbours = _Clock(pair_vector.batch_pairs)
    relaxer = InFlightRelaxer(potential, RelaxSettings(fmax_eV_A=FMAX_EV_A, max_steps=MAX_STEPS))
    ready.wait()
    start, more = time.perf_counter(), True
    while more or len(relaxer):
        # Held back until there is room: the other process may be free sooner
        while more and sum(len(w.start) for w in relaxer._flying) < relaxer.batch_atoms and not relaxer._waiting:
            task = tasks.get()
            more = task is not None
            if more:
                relaxer.add(*task)
        for r in relaxer.step():
            energy = r.energy_eV / len(r.atoms)
            results.put(Run(r.id, energy, r.model_calls, r.outcome == "converged", r.reason))
    for r in relaxer.step():  # refused before they were ever evaluated
        results.put(Run(r.id, float("nan"), r.model_calls, False, r.reason))
    busy_s = time.perf_counter() - start
    clocks.put(
        {
            "busy_s": busy_s,
            "model_s": whole.seconds,
            "neighbours_s": neighbours.seconds,
            "network_s": whole.seconds - neighbours.seconds,
        }
    )


class _Clock:
    """A function with the time inside it added up."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return self.function(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - start
