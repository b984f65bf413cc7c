"""Does QM/ML come nearer to the full quantum answer as the buffer grows? A Si vacancy, GFN1-xTB inside 7net-0.

python campaigns/benchmarks/qmml/run.py            measures; what is there already is not computed again
python campaigns/benchmarks/qmml/run.py --table    computes nothing, writes table and plot of what there is
python campaigns/benchmarks/qmml/run.py --quick    a small nanocrystal and two buffers, results under build/
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from machine import machine  # noqa: E402
from shown import draw, text  # noqa: E402
from vacancy import Vacancy, nanocrystal, supercell  # noqa: E402

MODEL = "GFN1-xTB"
SCHEMES = ("subtractive", "force_mixing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="compute nothing")
    parser.add_argument("--quick", action="store_true", help="a small system, results under build/")
    given = parser.parse_args()
    out = Path("build/qmml-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    if not given.table:
        systems = [nanocrystal(6.0, images=3)] if given.quick else [nanocrystal(), supercell()]
        hops = (0, 1) if given.quick else (0, 1, 2, 3)
        found = [measured(system, hops, out / "runs.jsonl") for system in systems]
        told = {"model": MODEL, "systems": found, "machine": machine(("sevenn", "tblite", "torch", "ase"))}
        _write(out / "results.json", json.dumps(told, indent=1) + "\n")
    rows = json.loads((out / "results.json").read_text())
    _write(out / "results.md", text(rows))
    draw(rows, out / "results.png")
    print(text(rows))


def measured(system: Vacancy, hops: Sequence[int], log: Path) -> dict[str, Any]:
    """Full quantum, full 7net-0, and both schemes by buffer; each evaluation is kept as soon as it is made."""
    kept = Kept(log)
    full = [kept.of((system.name, MODEL, k), lambda a=a: quantum(a)) for k, a in enumerate(system.images)]
    alone = [kept.of((system.name, "7net-0", k), lambda a=a: learnt(a)) for k, a in enumerate(system.images)]
    rows = [row("7net-0 alone", 0, alone, full, system)]
    for n in hops:
        told: dict[str, list[dict[str, Any]]] = {scheme: [] for scheme in SCHEMES}
        for k, atoms in enumerate(system.images):
            both = kept.of((system.name, f"buffer {n}", k), lambda a=atoms, n=n: mixed(a, system, n))
            if both is None:
                break
            for scheme in SCHEMES:
                told[scheme].append(both[scheme] | {"quantum_atoms": both["quantum_atoms"], "seconds": both["seconds"]})
        for scheme in SCHEMES:
            if len(told[scheme]) == len(system.images):
                rows.append(row(scheme, n, told[scheme], full, system))
    return {"name": system.name, "formula": system.images[0].get_chemical_formula(), "rows": rows,
            "quantum_energy_eV": full[-1]["energy_eV"] - full[0]["energy_eV"],
            "seconds_full": float(np.mean([one["seconds"] for one in full]))}  # fmt: skip


def row(
    way: str, hops: int, told: Sequence[dict[str, Any]], full: Sequence[dict[str, Any]], system: Vacancy
) -> dict[str, Any]:
    """Errors of one way: forces on the four core atoms, of all images; the energy gained from the first to the last."""
    core = system.core
    off = [np.array(a["forces_eV_A"])[core] - np.array(b["forces_eV_A"])[core] for a, b in zip(told, full, strict=True)]
    ways = [image.positions[core[0]] for image in system.images]
    work = _work(told, ways, core[0])
    truth = full[-1]["energy_eV"] - full[0]["energy_eV"]
    return {
        "way": way,
        "hops": hops,
        "quantum_atoms": told[0].get("quantum_atoms", 0),
        "force_error_eV_A": float(np.sqrt(np.mean(np.square(off)))),
        "energy_error_eV": (work if way == "force_mixing" else told[-1]["energy_eV"] - told[0]["energy_eV"]) - truth,
        "work_error_eV": work - truth,
        "seconds": float(np.mean([one["seconds"] for one in told])),
    }


def _work(told: Sequence[dict[str, Any]], places: Sequence[np.ndarray], hopper: int) -> float:
    """−∫F·dx along the hopper's way by Simpson's rule over evenly spaced images: an energy where there is none."""
    step = places[1] - places[0]
    slopes = np.array([-np.array(one["forces_eV_A"])[hopper] @ step for one in told])
    weights = np.ones(len(slopes))
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return float(weights @ slopes / 3)


def quantum(atoms: Atoms) -> dict[str, Any]:
    """Everything by xTB."""
    from tblite.ase import TBLite

    return _told(atoms, TBLite(method=MODEL, verbosity=0, accuracy=0.1))


def learnt(atoms: Atoms) -> dict[str, Any]:
    """Everything by 7net-0; the molecule in a box."""
    boxed = atoms.copy()
    if not boxed.pbc.any():
        boxed.center(vacuum=6.0)
        boxed.pbc = True
    return _told(boxed, _ml().calculator())


def mixed(atoms: Atoms, system: Vacancy, hops: int) -> dict[str, Any] | None:
    """Both schemes from one quantum calculation; None where the cell is too small for the buffer."""
    from potentials.qmml import RegionError, qmml

    found: dict[str, Any] = {}
    shared = None
    begun = time.monotonic()
    for scheme in SCHEMES:
        settings = {
            "method": "xtb", "model": MODEL, "region": {"atoms": system.core}, "scheme": scheme,
            "buffer": {"hops": hops},
        }  # fmt: skip
        try:
            potential = qmml(_ml(), system.images[0], settings)
        except RegionError as error:
            print(f"{system.name}, buffer {hops}: {error}", flush=True)
            return None
        shared = potential.qm = shared or Once(potential.qm)
        found[scheme] = _told(atoms, potential.calculator())
        found["quantum_atoms"] = len(potential.clusters[0].numbers)
    return found | {"seconds": time.monotonic() - begun}


class Once:
    """A quantum method that remembers its last answer: both schemes ask for the same."""

    def __init__(self, method: Any) -> None:
        self.method, self.last = method, (b"", [])
        self.name, self.reach_A = method.name, method.reach_A

    def evaluate(self, structures: Sequence[Any], *state: Any) -> list[Any]:
        """As of `QMMethod`."""
        key = b"".join(s.positions.tobytes() for s in structures)
        if key != self.last[0]:
            self.last = key, self.method.evaluate(structures, *state)
        return self.last[1]


def _told(atoms: Atoms, calculator: Any) -> dict[str, Any]:
    begun = time.monotonic()
    asked = atoms.copy()
    asked.calc = calculator
    energy, forces = float(asked.get_potential_energy()), asked.get_forces()
    return {"energy_eV": energy, "forces_eV_A": forces.round(6).tolist(), "seconds": time.monotonic() - begun}


def _ml() -> Any:
    from potentials import load

    if not _LOADED:
        _LOADED.append(load("7net-0", "cpu").in_double_precision())
    return _LOADED[0]


_LOADED: list[Any] = []


class Kept:
    """Answers by key, one a line of a file, so that a run goes on from where it was killed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text().splitlines() if file.exists() else []
        self.known: dict[str, Any] = {}
        for line in lines:
            try:
                one = json.loads(line)
            except json.JSONDecodeError:  # the line that a kill cut short
                continue
            self.known[one["key"]] = one["told"]

    def of(self, key: Sequence[Any], compute: Any) -> Any:
        """The kept answer, or the computed one, which is kept then."""
        name = hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()[:16]
        if name not in self.known:
            self.known[name] = compute()
            print(f"{key}: {time.strftime('%H:%M:%S')}", flush=True)
            with self.file.open("a") as f:
                f.write(json.dumps({"key": name, "of": list(key), "told": self.known[name]}) + "\n")
        return self.known[name]


def _write(file: Path, content: str) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(content)
    partial.replace(file)


if __name__ == "__main__":
    main()
