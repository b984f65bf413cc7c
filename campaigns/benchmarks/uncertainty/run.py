"""Does the distance say how wrong 7net-0 is? On systems that its calibration has never seen.

python campaigns/benchmarks/uncertainty/run.py            goes on where it was stopped; 15 minutes on two cores
python campaigns/benchmarks/uncertainty/run.py --table    runs nothing, writes table and plots of what there is
python campaigns/benchmarks/uncertainty/run.py --quick    three systems, no DFT, results under build/
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE.parents[1] / "reference_set")]
from figures import draw  # noqa: E402
from machine import machine  # noqa: E402
from measures import measured, text  # noqa: E402

POTENTIAL, ORACLE = "7net-0", "7net-l3i5"
DRAWS = 8
"""Crystals of each system; each gives one structure a kind."""
STIR_A = 0.02
"""By which every atom is moved: at a symmetric site there is no force, nor an error of it."""
SEED = 99
GPAW_SYSTEMS = ("Ge-Si", "Cl-Na", "As-Ga", "B-N", "Al-Ni")
GPAW_MOST_ATOMS, GPAW_EACH = 4, 5
GPAW_LEVEL = {"cutoff_eV": 450.0, "kpoint_density_A": 4.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--quick", action="store_true", help="a few, results under build/")
    parser.add_argument("--jobs", type=int, default=2, help="DFT calculations at a time")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    out = Path("build/uncertainty-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    systems = json.loads((HERE / "systems.json").read_text())
    file, timing = out / "runs.jsonl", out / "overhead.json"
    if not given.table:
        known = _unseeing(systems)
        _by_oracle(file, systems[:3] if given.quick else systems, known)
        if not given.quick:
            _by_gpaw(file, given.jobs, known)
        timing.write_text(json.dumps(overhead(), indent=1) + "\n")
    rows = _read(file)
    result = {
        "machine": machine(("sevenn", "torch", "gpaw")),
        **measured(rows),
        "overhead": json.loads(timing.read_text()),
    }
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "results.md").write_text(text(result))
    draw(rows, out)
    print(text(result))


def _unseeing(systems: list[str]) -> Any:
    """7net-0's domain and calibration by the shipped set without what shares two elements with one of the systems."""
    from potentials import load
    from potentials.uncertainty import build, read_reference

    held = [set(system.split("-")) for system in systems]
    reference = [r for r in read_reference() if all(len(set(r.system.split("-")) & h) < 2 for h in held)]
    print(f"{len(reference)} reference structures", flush=True)
    return build(load(POTENTIAL, "cpu"), reference, ORACLE)


def _by_oracle(file: Path, systems: list[str], known: Any) -> None:
    from structures import samples_of

    from potentials import load
    from potentials.potential import structure_of

    done = {(r["system"], r["draw"]) for r in _read(file)}
    potential, oracle = load(POTENTIAL, "cpu"), load(ORACLE, "cpu")
    for s, system in enumerate(systems):
        for k in range(DRAWS):
            if (system, k) in done:
                continue
            rng = np.random.default_rng([SEED, s, k])
            rows = []
            for sample in samples_of(system.split("-"), potential, rng):
                if sample.kind == "relaxed":
                    continue
                atoms = sample.atoms.copy()
                atoms.positions += STIR_A * rng.normal(size=atoms.positions.shape)
                structure = structure_of(atoms)
                answer, truth = potential.evaluate([structure])[0], oracle.evaluate([structure])[0]
                rows.append(_row(system, k, sample.kind, atoms, known, answer, truth, ORACLE))
            with file.open("a") as f:
                f.writelines(json.dumps(row) + "\n" for row in rows)
        print(system, flush=True)


def _row(
    system: str, draw: int, kind: str, atoms: Any, known: Any, answer: Any, truth: Any, oracle: str
) -> dict[str, Any]:
    """One structure: what was foretold, and what the oracle says."""
    estimate = known.judge(atoms.numbers, answer)
    errors = np.linalg.norm(answer.forces_eV_A - truth.forces_eV_A, axis=1)
    levels = (0.5, 0.68, 0.8, 0.9, 0.95)
    judged = {level: known.judge(atoms.numbers, answer, level) for level in levels}
    return {
        "system": system, "draw": draw, "kind": kind, "oracle": oracle, "n": len(atoms),
        "distance": round(estimate.structure_distance, 4),
        "expected_energy_meV": round(estimate.expected_error_meV_per_atom, 3),
        "expected_force_eV_A": round(float(np.sqrt(np.mean(estimate.expected_force_error_eV_A**2))), 5),
        "energy_bounds_meV": {str(v): round(e.error_bound_meV_per_atom, 3) for v, e in judged.items()},
        "force_bounds_eV_A": {str(v): round(e.force_error_bound_eV_A, 5) for v, e in judged.items()},
        "in_domain": estimate.in_domain,
        "energy_error_meV": round(1000 * abs(answer.energy_eV - truth.energy_eV) / len(atoms), 3),
        "force_error_eV_A": round(float(np.sqrt(np.mean(errors**2))), 5),
        "numbers": atoms.numbers.tolist(), "positions": atoms.positions.round(6).tolist(),
        "cell": atoms.cell.array.round(6).tolist(),
    }  # fmt: skip


def _by_gpaw(file: Path, jobs: int, known: Any) -> None:
    """The smallest structures of a few systems by DFT; forces only, for its energies have another zero."""
    from ase import Atoms

    from discover.config_learning import OracleSettings
    from discover.learning.oracle import oracle_of
    from potentials import load
    from potentials.potential import Evaluation, structure_of

    rows = _read(file)
    done = {(r["system"], r["draw"], r["kind"]) for r in rows if r["oracle"] == "gpaw"}
    chosen = []
    for system in GPAW_SYSTEMS:
        small = [r for r in rows if r["system"] == system and r["oracle"] == ORACLE and r["n"] <= GPAW_MOST_ATOMS]
        small.sort(key=lambda r: (r["n"], r["draw"]))
        chosen += [r for r in small[:GPAW_EACH] if (r["system"], r["draw"], r["kind"]) not in done]
    if not chosen:
        return
    elements = sorted({e for s in GPAW_SYSTEMS for e in s.split("-")})
    settings = OracleSettings(calculator="gpaw", workers=jobs, **GPAW_LEVEL)
    oracle = oracle_of(settings, elements, Path("runs/uncertainty-gpaw"))
    potential = load(POTENTIAL, "cpu")
    structures = [Atoms(r["numbers"], positions=r["positions"], cell=r["cell"], pbc=True) for r in chosen]
    for answer in oracle.label(structures):
        if answer.label is None:
            print(chosen[answer.place]["system"], answer.reason, flush=True)
            continue
        r, atoms, label = chosen[answer.place], structures[answer.place], answer.label
        mine = potential.evaluate([structure_of(atoms)])[0]
        truth = Evaluation(label.energy_eV, label.forces_eV_A, np.zeros((3, 3)))
        row = _row(r["system"], r["draw"], r["kind"], atoms, known, mine, truth, "gpaw")
        row["energy_error_meV"] = None
        with file.open("a") as f:
            f.write(json.dumps(row) + "\n")
        print("gpaw", r["system"], r["kind"], flush=True)


def overhead(repeats: int = 20) -> list[dict[str, float]]:
    """Time of a model call, and of judging it, alternating; medians."""
    from ase.build import bulk

    from potentials import load
    from potentials.potential import structure_of
    from potentials.uncertainty import uncertainty_of

    potential = load(POTENTIAL, "cpu")
    known = uncertainty_of(potential)
    rows = []
    for repeat in ((1, 1, 1), (2, 2, 2)):
        atoms = bulk("NaCl", "rocksalt", 5.6, cubic=True).repeat(repeat)
        atoms.rattle(0.05, seed=0)
        structure = structure_of(atoms)
        calls, judgements = [], []
        for _ in range(repeats):
            begun = time.perf_counter()
            evaluation = potential.evaluate([structure])[0]
            between = time.perf_counter()
            known.judge(structure.numbers, evaluation)
            calls.append(between - begun)
            judgements.append(time.perf_counter() - between)
        rows.append({"atoms": len(atoms), "call_s": float(np.median(calls)), "judge_s": float(np.median(judgements))})
    return rows


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
