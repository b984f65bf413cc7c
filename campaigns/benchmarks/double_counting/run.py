"""Charges counted once, twice, or not at all far away: 7net-0 learns a salt whose forces are known to the last digit.

python campaigns/benchmarks/double_counting/run.py            trains twice and measures; 5 minutes on one idle core
python campaigns/benchmarks/double_counting/run.py --table    trains nothing, writes table and plot of what there is
python campaigns/benchmarks/double_counting/run.py --quick    few steps, results under build/
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from machine import machine  # noqa: E402
from salt import ION_PAIRS_A, Salt  # noqa: E402
from shown import draw, text  # noqa: E402

WAYS = ("7net-0", "direct", "residual", "naive")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="train nothing")
    parser.add_argument("--quick", action="store_true", help="few steps, results under build/")
    given = parser.parse_args()
    out = Path("build/double-counting-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    if not given.table:
        work = Path("runs/double-counting-quick" if given.quick else "runs/double-counting")
        found = measured(work, steps=20 if given.quick else 900)
        found["machine"] = machine(("sevenn", "torch", "ase"))
        (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    rows = json.loads((out / "results.json").read_text())
    (out / "results.md").write_text(text(rows))
    draw(rows, out / "results.png")
    print(text(rows))


def measured(work: Path, steps: int) -> dict[str, Any]:
    """Both trainings, without replay: what is compared is the labels' doing alone; and the errors of all four ways."""
    import torch

    from potentials import load
    from potentials.sum_potential import SumPotential
    from potentials.training import TrainSettings, fine_tune

    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    salt = Salt()
    labels, held_out = salt.labels(), salt.labels(seed=2, frames=10, pairs=False)
    root = load("7net-0", "cpu")
    offsets: dict[str, dict[str, float]] = {}
    potentials = {"7net-0": root}
    for way in ("direct", "residual"):
        beside = {"electrostatics": {"charges": salt.charges}} if way == "residual" else {}
        settings = TrainSettings(steps=steps, batch_atoms=16, learning_rate=2e-3, seed=1)
        made = fine_tune("7net-0", labels, work / f"{way}-{steps}.pth", settings, oracle={"name": "salt"}, **beside)
        print(f"{way}: {made.seconds:.0f} s, forces {made.train.force_eV_A:.4f} eV/Å on its labels", flush=True)
        potentials[way] = load(str(made.path), "cpu")
        offsets[way] = dict(made.offsets_eV)
    offsets |= {"7net-0": offsets["direct"], "naive": offsets["direct"]}
    potentials["naive"] = SumPotential(potentials["direct"], salt.far, potentials["direct"].metadata)
    ways = {way: salt.errors(potentials[way], held_out, offsets[way]) for way in WAYS}
    said = {"steps": steps, "labels": len(labels), "ion_pair_A": list(ION_PAIRS_A)}
    return said | {"oracle": salt.truth(), "ways": ways}


if __name__ == "__main__":
    main()
