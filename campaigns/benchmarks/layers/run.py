"""Exfoliation energies and interlayer distances of nine crystals: 7net-0 alone, with D3, with D4, with learnt C6.

python campaigns/benchmarks/layers/run.py                       goes on where it was stopped
python campaigns/benchmarks/layers/run.py --potentials 7net-0+c6 --again      these only, and anew
python campaigns/benchmarks/layers/run.py --table               computes nothing, writes table and plot of what there is
python campaigns/benchmarks/layers/run.py --quick               graphite with 7net-0+d3 alone, results under build/
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from crystals import CRYSTALS  # noqa: E402
from machine import machine  # noqa: E402
from shown import draw, text  # noqa: E402

POTENTIALS = ("7net-0", "7net-0+c6", "7net-l3i5+c6", "7net-0+d4", "7net-0+d3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="compute nothing")
    parser.add_argument("--quick", action="store_true", help="graphite with 7net-0+d3, results under build/")
    parser.add_argument("--potentials", default=",".join(POTENTIALS), help="comma-separated")
    parser.add_argument("--again", action="store_true", help="compute anew what is known of these potentials")
    given = parser.parse_args()
    out = Path("build/layers-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    potentials = ["7net-0+d3"] if given.quick else given.potentials.split(",")
    crystals = ["graphite"] if given.quick else list(CRYSTALS)
    if not given.table:
        compute(out / "runs.jsonl", potentials, crystals, given.again)
    rows = read(out / "runs.jsonl")
    (out / "results.md").write_text(text(rows))
    packages = ("sevenn", "torch", "dftd3", "dftd4")
    (out / "results.json").write_text(json.dumps({"machine": machine(packages)}, indent=1) + "\n")
    draw(rows, out / "results.png")
    print(text(rows))


def compute(file: Path, potentials: list[str], crystals: list[str], again: bool) -> None:
    """Each crystal with each potential; a line is written as soon as it is known."""
    import torch

    from potentials import load

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    known = {(r["potential"], r["crystal"]) for r in read(file)} if not again else set()
    for potential in potentials:
        wanted = [crystal for crystal in crystals if (potential, crystal) not in known]
        loaded = load(potential, "cpu") if wanted else None
        for crystal in wanted:
            row = one(loaded, potential, crystal)
            with file.open("a") as f:
                f.write(json.dumps(row) + "\n")
            print({k: row.get(k) for k in ("potential", "crystal", "seconds", "meV_per_A2", "reason")}, flush=True)


def one(loaded: Any, potential: str, crystal: str) -> dict[str, Any]:
    """Numbers of the table; a crystal that does not come to rest says why."""
    from properties.errors import PropertyError
    from properties.layers import ExfoliationSettings, exfoliation

    begun = time.perf_counter()
    row: dict[str, Any] = {"potential": potential, "crystal": crystal}
    try:
        found = exfoliation(loaded, CRYSTALS[crystal].atoms(), ExfoliationSettings(sliding=False)).to_json()
    except PropertyError as error:
        return row | {"reason": str(error), "seconds": round(time.perf_counter() - begun, 1)}
    return row | {
        "seconds": round(time.perf_counter() - begun, 1),
        "model_calls": found["model_calls"],
        "sha256": found["potential"]["checkpoint_sha256"],
        "distance_A": found["interlayer_distance_A"],
        "meV_per_atom": found["exfoliation_energy_meV_per_atom"],
        "meV_per_A2": found["exfoliation_energy_meV_per_A2"],
        "rigid_meV_per_A2": found["with_layers"]["rigid"]["meV_per_A2"],
        "c33_GPa": found["curve"]["c33_GPa"],
        "c6_eV_A6": found["c6_eV_A6"],
        "cell": found["structure"]["cell"],
    }


def read(file: Path) -> list[dict[str, Any]]:
    """The newest line of each crystal with each potential."""
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return list({(row["potential"], row["crystal"]): row for row in lines}.values())


if __name__ == "__main__":
    main()
