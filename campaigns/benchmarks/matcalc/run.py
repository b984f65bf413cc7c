"""Elastic constants, phonons and quasi-harmonic expansion of Si, MgO and TiC: ours and matcalc's, 7net-0, two cores.

python campaigns/benchmarks/matcalc/run.py           both sides, one after the other; 20 minutes on two idle cores
python campaigns/benchmarks/matcalc/run.py --quick   small supercells of silicon alone, results under build/
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
from shown import draw, text  # noqa: E402

POTENTIAL = "7net-0"
THREADS = 2
CRYSTALS = {"Si": ("diamond", 5.47), "MgO": ("rocksalt", 4.25), "TiC": ("rocksalt", 4.34)}
Q_POINTS = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.0))
"""Γ, X, L and half-way to X, fractional in the primitive cell."""
SAME_MATRIX = (4, 4, 4)
DISPLACEMENT_A = 0.015
"""matcalc's own."""
SCALES = (0.95, 0.96, 0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03, 1.04, 1.05)
"""matcalc's own, of lengths."""
STRAINS = (-0.002, -0.001, 0.001, 0.002)
"""For equal constants: matcalc's own, up to 6 % of shear, are beyond the linear."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="silicon alone, results under build/")
    parser.add_argument("--table", action="store_true", help="run nothing")
    given = parser.parse_args()
    out = Path("build/matcalc-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    file = out / "runs.json"
    if not given.table:
        python = install(Path("build/matcalc-env"), HERE / "requirements-matcalc.txt")
        crystals = list(CRYSTALS)[:1] if given.quick else list(CRYSTALS)
        runs = {}
        for kind in ("same work",) if given.quick else ("same work", "own defaults"):
            task = _task(crystals, kind, given.quick)
            for side, command in (("ours", sys.executable), ("matcalc", python)):
                runs[f"{kind}, {side}"] = _run(command, side, kind, task, out)
                print(f"{kind}, {side}: {runs[f'{kind}, {side}']['total_s']:.0f} s", flush=True)
        runs["frequencies_THz"] = _our_frequencies(runs["same work, ours"], task_q=Q_POINTS, quick=given.quick)
        file.write_text(json.dumps({"machine": machine(("sevenn", "torch", "phonopy")), **runs}, indent=1) + "\n")
    runs = json.loads(file.read_text())
    (out / "results.md").write_text(text(runs))
    draw(runs, out / "results.png")
    print(text(runs))


def _task(crystals: list[str], kind: str, quick: bool) -> dict[str, Any]:
    """What both sides are told. `same work`: equal supercells, as many volumes over the same range."""
    from ase.build import bulk

    cells = {name: bulk(name, CRYSTALS[name][0], a=CRYSTALS[name][1]) for name in crystals}
    task: dict[str, Any] = {
        "potential": POTENTIAL,
        "threads": THREADS,
        "crystals": {
            name: [a.get_chemical_symbols(), a.cell.tolist(), a.get_scaled_positions().tolist()]
            for name, a in cells.items()
        },
        "q_points": Q_POINTS,
        "stages": {"elastic": {}, "phonons": {}, "thermal": {}},
        "peer": {},
    }
    if kind == "same work":
        matrix = (2, 2, 2) if quick else SAME_MATRIX
        smallest, largest = (s**3 - 1 for s in (SCALES[0], SCALES[-1]))
        volumes = {"volumes": len(SCALES), "smallest": smallest, "largest": largest, "extensions": 0}
        phonons = {"supercell": matrix, "displacement_A": DISPLACEMENT_A}
        task["stages"] = {"elastic": {}, "phonons": {**phonons, "error": False}, "thermal": {**phonons, **volumes}}
        task["peer"] = {"supercell_matrix": [[m if i == j else 0 for j in range(3)] for i, m in enumerate(matrix)]}
        task |= {"norm_strains": STRAINS, "shear_strains": STRAINS}
    return task


def _run(python: str, side: str, kind: str, task: dict[str, Any], out: Path) -> dict[str, Any]:
    """One side in a process of its own; wall time counts from its start, imports and all."""
    script = HERE / ("ours.py" if side == "ours" else "peer.py")
    told, answer = out / "task.json", out / "answer.json"
    told.write_text(json.dumps(task))
    threads = {"OMP_NUM_THREADS": "1" if side == "ours" else str(THREADS)}
    with (out / "log.txt").open("a") as log:
        subprocess.run(
            [python, str(script), str(told), str(answer)],
            check=True, env=os.environ | threads, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    found: dict[str, Any] = json.loads(answer.read_text())
    for file in (told, answer, out / "log.txt"):
        file.unlink()
    return found


def _our_frequencies(ours: dict[str, Any], task_q: Any, quick: bool) -> dict[str, list[list[float]]]:
    """Of the same supercells and displacements, at the same q; not timed."""
    import numpy as np

    from discover.pipeline.results import structure_from
    from potentials import load
    from properties.phonons import DisplacementSettings, harmonic_crystals

    potential = load(POTENTIAL, "cpu")
    settings = DisplacementSettings(supercell=(2, 2, 2) if quick else SAME_MATRIX, displacement_A=DISPLACEMENT_A)
    found = {}
    for name, told in ours["crystals"].items():
        (crystal,) = harmonic_crystals(potential, [structure_from(told["structure"])], settings)
        found[name] = np.asarray(crystal.frequencies_THz(np.array(task_q))).tolist()
    return found


if __name__ == "__main__":
    main()
