"""PdH and solid neon by path integrals: ours and i-PI's, the same potential; agreement, and time a bead-step.

python campaigns/benchmarks/path_integrals/run.py             both parts; half an hour on two idle cores
python campaigns/benchmarks/path_integrals/run.py --only pace  the time alone, a few minutes
python campaigns/benchmarks/path_integrals/run.py --table      run nothing
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from machine import machine  # noqa: E402
from peer_environment import install  # noqa: E402

TEMPERATURE_K = 300.0
DT_FS = 0.5
AGREEMENT: dict[str, dict[str, Any]] = {
    "lj": {"isotopes": "20Ne>22Ne", "temperature_K": 20.0, "dt_fs": 5.0, "beads": 8, "steps": 1200, "nodes": 2},
    "7net-0": {"isotopes": "H>D", "temperature_K": 300.0, "dt_fs": 1.0, "beads": 8, "steps": 1600, "nodes": 1},
}
"""Both sides take as many steps, of which a tenth is forgotten."""
EVERY = 2
PACE_BEADS = 32
PACE_STEPS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("agreement", "pace"))
    parser.add_argument("--potential", choices=tuple(AGREEMENT), help="agreement with this one alone")
    parser.add_argument("--one-thread", action="store_true", help="pace by one thread each, where cores are shared")
    parser.add_argument("--table", action="store_true", help="run nothing")
    given = parser.parse_args()
    file = HERE / "results.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if not given.table:
        python = install(Path("build/ipi-env"), HERE / "requirements-ipi.txt")
        server = str(Path(python).with_name("i-pi").absolute())
        found["machine"] = machine(("sevenn", "torch", "ase")) | {"ipi": _pinned("ipi")}
        parts = {
            "pace": lambda: pace(server, given.one_thread),
            "agreement": lambda: agreement(server, given.potential, found.get("agreement", {})),
        }
        for part, work in parts.items():
            if given.only in (None, part):
                found[part] = work()
                file.write_text(json.dumps(found, indent=1) + "\n")
    from shown import draw, text

    (HERE / "results.md").write_text(text(found))
    draw(found, HERE / "results.png")
    print(text(found))


def crystal(potential: str) -> Any:
    """PdH, the primitive cell, with 7net-0; four atoms of neon with Lennard-Jones."""
    from ase.build import bulk

    return bulk("Ne", "fcc", a=4.46, cubic=True) if potential == "lj" else bulk("PdH", "rocksalt", a=4.13)


def pace(server: str, one_thread: bool) -> dict[str, Any]:
    """Seconds a bead-step with 7net-0, in turns: i-PI by one client of two threads and by two of one; ours."""
    from peer import run

    atoms = crystal("7net-0")
    rows: dict[str, list[tuple[float, float]]] = {}
    for turn in range(1 if one_thread else 2):
        for clients, threads in ((1, 1),) if one_thread else ((1, 2), (2, 1)):
            name = f"i-PI, {clients} client{'s' * (clients > 1)} of {threads} thread{'s' * (threads > 1)}"
            there = run(
                server, Path(f"build/ipi-pace-{clients}"), atoms, atoms.get_masses(), "7net-0", beads=PACE_BEADS,
                temperature_K=TEMPERATURE_K, dt_fs=DT_FS, steps=PACE_STEPS, every=1, seed=turn, clients=clients,
                threads=threads,
            )  # fmt: skip
            rows.setdefault(name, []).append((there.seconds_per_step / PACE_BEADS, there.cpu_s))
            print(name, rows[name], flush=True)
        for compiled in (False, True):
            threads = 1 if one_thread else 2
            name = f"ours{', compiled' * compiled}, {threads} thread{'s' * (threads > 1)}"
            rows.setdefault(name, []).append(_our_pace(compiled, threads))
            print(name, rows[name], flush=True)
    return {"beads": PACE_BEADS, "atoms": len(atoms), "seconds_and_cpu_per_bead_step": rows}


def _our_pace(compiled: bool, threads: int) -> tuple[float, float]:
    command = [sys.executable, str(HERE / "ours.py"), str(int(compiled)), str(PACE_BEADS), str(PACE_STEPS)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    wall, cpu = (float(word) / PACE_BEADS for word in done.stdout.split()[-2:])
    return wall, cpu


def agreement(server: str, only: str | None, before: dict[str, Any]) -> dict[str, Any]:
    """Energies, and ln Q_heavy/Q_light by integration over the mass, of both; what is known of others stays."""
    chosen = [potential for potential in AGREEMENT if only in (None, potential)]
    return before | {potential: _agreement(server, potential, **AGREEMENT[potential]) for potential in chosen}


def _agreement(
    server: str, potential: str, isotopes: str, temperature_K: float, dt_fs: float, beads: int, steps: int, nodes: int
) -> dict[str, Any]:
    import numpy as np
    from client import LENNARD_JONES
    from peer import run

    from potentials import load
    from properties.isotopes.mass_integration import Place, integrate_masses
    from properties.isotopes.mass_integration import nodes as mass_nodes
    from properties.isotopes.masses import Exchange
    from properties.path_integrals import PathSettings, mean_with_error

    atoms = crystal(potential)
    exchange = Exchange.of(atoms, isotopes)
    settings = PathSettings(
        beads=beads, time_step_fs=dt_fs, every=EVERY, equilibrate_ps=0.1 * steps * dt_fs / 1e3,
        produce_ps=0.9 * steps * dt_fs / 1e3,
    )  # fmt: skip
    loaded = load(potential, "cpu", **(LENNARD_JONES if potential == "lj" else {}))
    ((ours,),) = integrate_masses(loaded, [Place("bulk", atoms, exchange)], [temperature_K], settings, nodes)
    masses, weights = mass_nodes(*exchange.masses_u, nodes)
    rows = []
    for k, (mass, mine) in enumerate(zip(masses, ours.runs, strict=True)):
        there = run(
            server, Path(f"build/ipi-{potential}-{k}"), atoms, exchange.masses_of(atoms, float(mass)), potential,
            beads=beads, temperature_K=temperature_K, dt_fs=dt_fs, steps=steps, every=EVERY, seed=10 + k,
            element=atoms.symbols[-1],
        )  # fmt: skip
        series = there.rows[len(there.rows) // 10 :]
        theirs = [mean_with_error(series[:, j]) for j in (1, 2, 3)]
        exchanged = mean_with_error(mine.kinetic_blocks_eV[:, list(exchange.atoms)].sum(1))
        pairs = zip((mine.potential_eV, mine.kinetic_eV, exchanged), theirs, strict=True)
        names = ("potential_eV", "kinetic_eV", "kinetic_exchanged_eV")
        numbers = [[float(x) for e in pair for x in (e.mean, e.error)] for pair in pairs]
        rows.append({"mass_u": float(mass)} | dict(zip(names, numbers, strict=True)))
        print(potential, rows[-1], flush=True)
    kT = temperature_K * 8.617333e-5
    their_log = float(weights @ [r["kinetic_exchanged_eV"][2] for r in rows]) / kT
    their_error = float(np.linalg.norm(weights * [r["kinetic_exchanged_eV"][3] for r in rows])) / kT
    return {
        "formula": atoms.get_chemical_formula(),
        "temperature_K": temperature_K,
        "isotopes": isotopes,
        "beads": beads,
        "steps": steps,
        "nodes": rows,
        "log_ratio": [ours.log_ratio, ours.error, their_log, their_error],
    }


def _pinned(name: str) -> str:
    lines = (HERE / "requirements-ipi.txt").read_text().splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{name}=="))


if __name__ == "__main__":
    main()
