"""One side of the comparison, loaded and warm, that runs so many steps whenever it is told to.

python worker.py ase|ours POTENTIAL FIRST COUNT THREADS     threads 0: as by default

Reads a number of steps from a line of stdin, prints how many seconds they took; "energies FILE" prints the potential
energies of that file's frames.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from ase import units
from ase.io import read

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parents[2])]
from crystals import CRYSTALS, LJ, replicas  # noqa: E402

FRICTION_PER_PS = 5.0


def calculator_of(potential: str) -> Any:
    """What a user of ASE gives his atoms."""
    if potential == "lj":
        from potentials import load

        return load("lj", "cpu", **LJ).calculator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sevenn.calculator import SevenNetCalculator

        return SevenNetCalculator(potential, device="cpu")


def ase_side(potential: str, first: int, count: int) -> tuple[Callable[[int], None], Callable[[Any], list[float]]]:
    """ASE's Langevin dynamics, one replica after another with one calculator."""
    from ase.md.langevin import Langevin
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

    _, kelvin, dt_fs = CRYSTALS[potential]
    calculator = calculator_of(potential)
    runs = []
    for atoms in replicas(potential)[first : first + count]:
        atoms.calc = calculator
        MaxwellBoltzmannDistribution(atoms, temperature_K=kelvin)
        runs.append(
            Langevin(atoms, dt_fs * units.fs, temperature_K=kelvin, friction=1e-3 * FRICTION_PER_PS / units.fs)
        )

    def go(steps: int) -> None:
        for run in runs:
            run.run(steps)

    def energies(frames: Any) -> list[float]:
        for atoms in frames:
            atoms.calc = calculator
        return [float(atoms.get_potential_energy()) for atoms in frames]

    return go, energies


def our_side(potential: str, first: int, count: int) -> tuple[Callable[[int], None], Callable[[Any], list[float]]]:
    """Ours, as `simulate` does it: recorded at every step, with checkpoints, into files."""
    from potentials import load
    from properties.dynamics import DynamicsSettings, Replica
    from properties.dynamics.folder import RunFolder
    from properties.dynamics.memory import keep_freed_memory
    from properties.dynamics.stages import Course, Stage

    keep_freed_memory()
    _, kelvin, dt_fs = CRYSTALS[potential]
    loaded = load("lj", "cpu", **LJ) if potential == "lj" else load(potential, "cpu", compiled=True)
    loaded.warm_up()
    crystals = [Replica(a, kelvin, first + k) for k, a in enumerate(replicas(potential)[first : first + count])]
    settings = DynamicsSettings(
        time_step_fs=dt_fs, equilibrate_ps=0, produce_ps=1e4, friction_per_ps=FRICTION_PER_PS, frame_every=10
    )
    folder = RunFolder.open(Path(tempfile.mkdtemp()), loaded, crystals, settings)
    files = folder.part(range(count))
    parts = files.__enter__()
    course = Course(loaded, crystals, settings, parts.keepers, lambda news: None, parts.save)
    course.begin()

    def go(steps: int) -> None:
        course.stages = (Stage("produce", course.step + steps), Stage("produce", 1))
        before = course.step
        while course.step < before + steps:
            course._advance(course.stages[0])
        course._hand_on()
        course._checkpoint()

    def energies(frames: Any) -> list[float]:
        from potentials.potential import structure_of

        return [loaded.evaluate([structure_of(atoms)])[0].energy_eV for atoms in frames]

    return go, energies


def main() -> None:
    """Serve until stdin ends."""
    side, potential, first, count, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    if threads:
        torch.set_num_threads(threads)
    go, energies = (ase_side if side == "ase" else our_side)(potential, first, count)
    go(2)
    print(json.dumps({"threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        if line.startswith("energies "):
            print(json.dumps(energies(read(line.split(maxsplit=1)[1].strip(), ":"))), flush=True)
            continue
        start = time.perf_counter()
        go(int(line))
        print(json.dumps(time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
