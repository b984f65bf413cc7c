"""Elastic constants, phonons and thermal expansion of six solids by 7net-0 and 7net-l3i5, against experiment and DFT.

python campaigns/benchmarks/solids/run.py            goes on where it was stopped; 20 minutes on two idle cores
python campaigns/benchmarks/solids/run.py --table    computes nothing, writes table and plot of what there is
python campaigns/benchmarks/solids/run.py --quick    Al with emt alone, results under build/

DFT's numbers are those of dft.jsonl, which dft.py makes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from crystals import CRYSTALS  # noqa: E402
from machine import machine  # noqa: E402
from shown import draw, text  # noqa: E402

POTENTIALS = ("7net-0", "7net-l3i5")
STAGES = ("elastic", "phonons", "thermal")
AT_K = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="compute nothing")
    parser.add_argument("--quick", action="store_true", help="Al with emt, results under build/")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    out = Path("build/solids-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    runs = out / "runs.jsonl"
    wanted = [("emt", "Al")] if given.quick else [(p, c) for p in POTENTIALS for c in CRYSTALS]
    if not given.table:
        done = {(r["potential"], r["crystal"]) for r in read(runs)}
        with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(one, *w) for w in wanted if w not in done]
            for future in as_completed(jobs):
                row = future.result()
                with runs.open("a") as f:
                    f.write(json.dumps(row) + "\n")
                print({k: row[k] for k in ("potential", "crystal", "seconds")}, flush=True)
    rows, dft = read(runs), read(HERE / "dft.jsonl")
    (out / "results.json").write_text(json.dumps({"machine": machine(("sevenn", "torch", "phonopy"))}, indent=1) + "\n")
    (out / "results.md").write_text(text(rows, dft))
    draw(rows, dft, out / "results.png")
    print(text(rows, dft))


def one(potential: str, crystal: str) -> dict[str, Any]:
    """Everything of one crystal with one potential; a stage that fails says why."""
    import torch
    from crystals import constants
    from crystals import crystal as cell_of

    from discover.compute.registry import computation
    from discover.progress import Silent
    from potentials import load
    from properties.errors import PropertyError

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    loaded = load(potential, "cpu")
    row: dict[str, Any] = {"potential": potential, "crystal": crystal, "seconds": {}, "failures": {}}
    for stage in STAGES:
        begun = time.perf_counter()
        chosen = computation(stage)
        try:
            found = chosen.compute(loaded, cell_of(crystal), chosen.Settings(), Silent()).json
        except PropertyError as error:
            row["failures"][stage] = str(error)
            continue
        row["seconds"][stage] = round(time.perf_counter() - begun, 1)
        row |= _told(stage, found, constants(crystal))
    return row


def _told(stage: str, found: dict[str, Any], constants: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """What the table shows of a stage."""
    if stage == "elastic":
        return {
            **{name: found["c_GPa"][i][j] for name, (i, j) in constants.items()},
            **{f"{name}_error": found["error_GPa"][i][j] for name, (i, j) in constants.items()},
            **{f"{name}_clamped": found["c_clamped_GPa"][i][j] for name, (i, j) in constants.items()},
            "debye_temperature_K": found["debye_temperature_K"],
        }
    if stage == "phonons":
        return {
            "optical_THz": max(found["frequencies_gamma_THz"]),
            "min_frequency_THz": found["min_frequency_THz"],
            "dynamically_stable": found["dynamically_stable"],
            "phonon_error_THz": found["error"]["frequency_THz"],
        }
    at = min(range(len(found["temperatures_K"])), key=lambda k: abs(found["temperatures_K"][k] - AT_K))
    expansion = found["volumetric_expansion_per_K"]
    cold = [t for t, alpha in zip(found["temperatures_K"], expansion, strict=True) if 0 < t < AT_K and alpha < 0]
    return {
        "alpha_V_1e6": 1e6 * expansion[at],
        "alpha_V_1e6_error": 1e6 * found["error_volumetric_expansion_per_K"][at],
        "alpha_from_grueneisen_1e6": 1e6 * found["expansion_from_grueneisen_per_K"][at],
        "mean_grueneisen": found["mean_grueneisen"][at],
        "gamma_optical": found["mode_grueneisen_gamma"][-1] if found["mode_grueneisen_gamma"] else None,
        "bulk_modulus_GPa": found["bulk_modulus_GPa"][at],
        "contracts_K": [cold[0], cold[-1]] if cold else None,
        "linear_expansion_1e6": {k: 1e6 * v[at] for k, v in found["linear_expansion_per_K"].items()},
    }


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
