"""How many steps a second? ASE's molecular dynamics with the same potential against ours, one command.

python campaigns/benchmarks/dynamics/run.py            a few minutes
python campaigns/benchmarks/dynamics/run.py --quick    one short round, to try it
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase.io import write

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent)]
from crystals import CRYSTALS, replicas  # noqa: E402
from machine import machine  # noqa: E402

# side, replicas of each process, threads of each (0: as by default), steps a round with 7net-0 and with lj
METHODS: dict[str, tuple[str, tuple[int, ...], int, int, int]] = {
    "ASE, 1 replica": ("ase", (1,), 0, 24, 60),
    "ours, 1 replica": ("ours", (1,), 0, 48, 120),
    "ASE, 8 replicas one after the other": ("ase", (8,), 0, 4, 10),
    "ASE, 8 replicas in 2 processes": ("ase", (4, 4), 1, 6, 15),
    "ours, 8 replicas in 1 process": ("ours", (8,), 0, 8, 40),
    "ours, 8 replicas in 2 processes": ("ours", (4, 4), 1, 12, 40),
}
AGAINST = {
    "ours, 1 replica": ("ASE, 1 replica",),
    "ours, 8 replicas in 1 process": ("ASE, 8 replicas one after the other", "ASE, 8 replicas in 2 processes"),
    "ours, 8 replicas in 2 processes": ("ASE, 8 replicas one after the other", "ASE, 8 replicas in 2 processes"),
}
FRAMES = 8


class Side:
    """The processes of one method."""

    def __init__(self, potential: str, side: str, counts: tuple[int, ...], threads: int) -> None:
        firsts = [sum(counts[:k]) for k in range(len(counts))]
        environment = dict(os.environ)
        environment.pop("OMP_NUM_THREADS", None)
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        self.processes = [
            subprocess.Popen(
                [sys.executable, str(HERE / "worker.py"), side, potential, str(first), str(count), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for first, count in zip(firsts, counts, strict=True)
        ]
        self.threads = [self._read(process)["threads"] for process in self.processes]

    def ask(self, line: str) -> list[Any]:
        """Tell every process at once, and wait for all."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(line + "\n")
            process.stdin.flush()
        return [self._read(process) for process in self.processes]

    def end(self) -> None:
        """No more steps."""
        for process in self.processes:
            process.communicate()

    @staticmethod
    def _read(process: subprocess.Popen[str]) -> Any:
        assert process.stdout is not None
        while line := process.stdout.readline():
            if line[0] in "{[0123456789":  # libraries print what they like
                return json.loads(line)
        raise RuntimeError("a worker ended early; its message stands above")


def main() -> None:
    """Both potentials, rounds in turn, so that others' load hits all alike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round, results under build/")
    arguments = parser.parse_args()
    out = Path("build/dynamics-quick") if arguments.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    rounds = 1 if arguments.quick else 3
    result = {
        "machine": machine(("torch", "torch-sim-atomistic", "sevenn", "ase", "numpy", "matscipy")),
        "potentials": {name: compare(name, rounds, out) for name in CRYSTALS},
    }
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "results.md").write_text(table(result))
    draw(result, out / "results.png")
    print(table(result))


def compare(potential: str, rounds: int, out: Path) -> dict[str, Any]:
    """Steps per second times atoms of every method with one potential."""
    atoms = len(replicas(potential, 1)[0])
    sides = {name: Side(potential, *how[:3]) for name, how in METHODS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    loads = []
    for k in range(rounds):
        for name, (_, _, _, *steps) in METHODS.items():
            seconds[name].append(max(sides[name].ask(str(steps[potential == "lj"]))))
            loads.append(os.getloadavg()[0])
            print(f"{potential}, round {k + 1}: {name}: {seconds[name][-1]:.2f} s", flush=True)
    agreement = energies_agree(potential, sides, out)
    threads = {name: side.threads for name, side in sides.items()}
    for side in sides.values():
        side.end()
    rows = {}
    for name, (_, counts, _, *steps) in METHODS.items():
        done = steps[potential == "lj"] * sum(counts)
        rates = [done / s for s in seconds[name]]
        rows[name] = {
            "replicas": sum(counts),
            "processes": len(counts),
            "threads": threads[name][0],
            "seconds": seconds[name],
            "replica_steps_per_s": done * rounds / sum(seconds[name]),
            "replica_steps_per_s_of_rounds": rates,
            "atom_steps_per_s": atoms * done * rounds / sum(seconds[name]),
        }
    return {"atoms": atoms, "methods": rows, "load_average": [min(loads), max(loads)], "energies": agreement}


def energies_agree(potential: str, sides: dict[str, Side], out: Path) -> dict[str, float]:
    """Frames of a short run of ours, asked of both sides: the largest differences, meV/atom."""
    from potentials import load
    from properties.dynamics import DynamicsSettings, Replica, simulate

    sys.path.append(str(HERE))
    from crystals import LJ

    _, kelvin, dt_fs = CRYSTALS[potential]
    start = replicas(potential, 1)[0]
    loaded = load(potential, "cpu", **(LJ if potential == "lj" else {}))
    settings = DynamicsSettings(
        time_step_fs=dt_fs, equilibrate_ps=0, produce_ps=1e-3 * dt_fs * 5 * (FRAMES - 1), frame_every=5
    )
    flow = simulate(loaded, [Replica(start, kelvin, 1)], settings)[0]
    frames = []
    for positions in flow.positions_A:
        frame = start.copy()
        frame.positions = positions
        frames.append(frame)
    file = out / "common.extxyz"
    write(file, frames, format="extxyz")
    ours, theirs = (np.array(sides[name].ask(f"energies {file}")[0]) for name in ("ours, 1 replica", "ASE, 1 replica"))
    file.unlink()
    difference = 1e3 * (ours - theirs) / len(start)
    return {
        "frames": len(frames),
        "largest_meV_per_atom": float(np.abs(difference).max()),
        "about_their_mean_meV_per_atom": float(np.abs(difference - difference.mean()).max()),
        "swing_meV_per_atom": float(1e3 * np.ptp(ours) / len(start)),
    }


def ratios(methods: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Ours over theirs."""
    rate = {name: row["replica_steps_per_s"] for name, row in methods.items()}
    return {mine: {other: rate[mine] / rate[other] for other in others} for mine, others in AGAINST.items()}


def table(result: dict[str, Any]) -> str:
    """The result as markdown."""
    m = result["machine"]
    lines = [
        f"{m['processor']}, {m['cores']} cores; torch {m['torch']}, torch-sim {m['torch-sim-atomistic']}, "
        f"sevenn {m['sevenn']}, ase {m['ase']}."
    ]
    for potential, found in result["potentials"].items():
        low, high = found["load_average"]
        e = found["energies"]
        lines += [
            "",
            f"**{potential}**, {found['atoms']} atoms a replica; load average {low:.1f} to {high:.1f} "
            "(our own is 2 at most: more is somebody else's).",
            "",
            "| method | processes × threads | replica steps/s (rounds) | atom steps/s "
            "| against ASE one after the other | against ASE's best |",
            "|---|---|---|---|---|---|",
        ]
        for name, row in found["methods"].items():
            rounds = ", ".join(f"{x:.3g}" for x in row["replica_steps_per_s_of_rounds"])
            gains = list(ratios(found["methods"]).get(name, {}).values())
            gain = f"{gains[0]:.2f} × | {min(gains):.2f} ×" if gains else "| "
            lines.append(
                f"| {name} | {row['processes']} × {row['threads']} | {row['replica_steps_per_s']:.3g} ({rounds}) "
                f"| {row['atom_steps_per_s']:.0f} | {gain} |"
            )
        lines += [
            "",
            f"Energies of {e['frames']} frames of one trajectory, ours − ASE's: at most "
            f"{e['largest_meV_per_atom']:.2g} meV/atom, {e['about_their_mean_meV_per_atom']:.2g} about their mean; "
            f"the energy itself moves by "
            f"{e['swing_meV_per_atom']:.3g}.",
        ]
    return "\n".join(lines) + "\n"


def draw(result: dict[str, Any], file: Path) -> None:
    """Rates of all methods."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(result["potentials"]), figsize=(11, 3.2), layout="constrained")
    for axes, (potential, found) in zip(panels, result["potentials"].items(), strict=True):
        names = list(found["methods"])[::-1]
        rates = [found["methods"][name]["replica_steps_per_s"] for name in names]
        colours = ["#1f77b4" if name.startswith("ours") else "#9aa5b1" for name in names]
        bars = axes.barh(names, rates, color=colours)
        axes.bar_label(bars, [f"{rate:.3g}" for rate in rates], padding=3)
        axes.margins(x=0.15)
        axes.set_title(f"{potential}, {found['atoms']} atoms: replica steps per second", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
