"""Labels that leave least to guess, or at random? 7net-0 learns Li3N at 900 K from 7net-l3i5, both ways.

python campaigns/benchmarks/learning/run.py            goes on where it was stopped; an hour on two idle cores
python campaigns/benchmarks/learning/run.py --table    runs nothing, writes table and plot of what there is
python campaigns/benchmarks/learning/run.py --quick    one seed, few labels, results under build/
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from curves import draw, text  # noqa: E402
from machine import machine  # noqa: E402

CAMPAIGN = HERE.parents[1] / "learn-li3n.yaml"
WAYS = ("distance", "random")
CASES = {
    "4 atoms": (
        ("learn.supercell=[1, 1, 1]", "learn.labels=16", "learn.per_generation=8", "learn.train.steps=400"),
        (1, 2, 3),
    ),
    "4 atoms, 150 to 900 K": (
        ("learn.supercell=[1, 1, 1]", "learn.labels=16", "learn.per_generation=8", "learn.train.steps=400",
         "learn.md.temperature_K=[150, 300, 600, 900]"),
        (1, 2, 3, 4),
    ),
}  # fmt: skip
"""Changes to the campaign, and seeds. In a small cell each label tells of few surroundings, and it matters which. Where
walkers have several temperatures, as a conductivity needs them, frames are unequal."""
QUICK = {
    "4 atoms": (
        ("learn.supercell=[1, 1, 1]", "learn.labels=6", "learn.per_generation=3", "learn.md.picoseconds=0.2",
         "learn.train.steps=10"),
        (1,),
    )
}  # fmt: skip
TRUTH_PS, TRUTH_FRAMES = 2.0, 50
"""The oracle's own dynamics: what the taught potential is for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--quick", action="store_true", help="a few, results under build/")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    out = Path("build/learning-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    runs = out / "runs.jsonl"
    cases = QUICK if given.quick else CASES
    work = Path("runs/learning-quick" if given.quick else "runs/learning-bench")
    if not given.table:
        done = {(r["case"], r["way"], r["seed"]) for r in _read(runs)}
        wanted = [(case, way, seed) for case, (_, seeds) in cases.items() for seed in seeds for way in WAYS]
        missing = [w for w in wanted if w not in done]
        truths = {case: str(_truth(work / case.replace(" ", "-"), cases[case][0])) for case, _, _ in missing}
        with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(one, *m, cases[m[0]][0], str(work), truths[m[0]]) for m in missing]
            for future in as_completed(jobs):
                with runs.open("a") as f:
                    f.write(json.dumps(future.result()) + "\n")
                print({k: future.result()[k] for k in ("case", "way", "seed")}, flush=True)
    rows = _read(runs)
    (out / "results.json").write_text(json.dumps({"machine": machine(("sevenn", "torch", "ase"))}, indent=1) + "\n")
    (out / "results.md").write_text(text(rows))
    draw(rows, out / "results.png")
    print(text(rows))


def _truth(work: Path, changes: tuple[str, ...]) -> Path:
    """Frames of the oracle's own dynamics, with its labels."""
    import numpy as np
    import torch

    from discover.config import load_campaign
    from discover.learning.md_walk import MDWalk
    from discover.learning.walks import read_structure
    from potentials import load
    from potentials.potential import structure_of
    from potentials.training import answers, write_labels

    file = work / "truth.extxyz"
    if file.is_file():
        return file
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    config = load_campaign(CAMPAIGN, changes)
    assert config.learn is not None and config.learn.oracle.potential is not None
    oracle = load(config.learn.oracle.potential, "cpu")
    settings = config.learn.md.model_copy(update={"picoseconds": TRUTH_PS})
    start = read_structure(config.learn.structures[0], config.learn)
    walk = MDWalk(oracle, start, settings, max(settings.temperatures_K), np.random.default_rng(12345), 0)
    frames = []
    while (frame := walk.step()) is not None:
        frames.append(frame.atoms)
    kept = [frames[k] for k in np.linspace(len(frames) // 10, len(frames) - 1, TRUTH_FRAMES).astype(int)]
    write_labels(file, answers(oracle, [structure_of(a) for a in kept]))
    print("the oracle has walked", flush=True)
    return file


def one(case: str, way: str, seed: int, changes: tuple[str, ...], work: str, truth: str) -> dict[str, Any]:
    """One learning run, and its generations' errors on the oracle's dynamics."""
    import numpy as np
    import torch

    from discover.config import load_campaign
    from discover.learning.assay import errors_of, reference_labels
    from discover.learning.folder import learn_in
    from discover.progress import Silent
    from potentials import load
    from potentials.training import answers, fit_offsets, read_labels
    from properties.validation import validate

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = Path(work) / case.replace(" ", "-") / f"{way}-{seed}"
    config = load_campaign(CAMPAIGN, [*changes, f"learn.choose={way}", "learn.domain=false"], seed)
    assert config.learn is not None
    record = learn_in(folder, config, (folder / "campaign.yaml").exists(), Silent())
    labels = read_labels(Path(truth))
    root_energies = [a.energy_eV for a in answers(load(config.potential, "cpu"), [x.structure for x in labels])]
    tested = reference_labels(load(config.potential, "cpu"), config.learn.replay, seed)
    generations = []
    for generation in record.generations:
        name = str(folder / generation.checkpoint) if generation.number else generation.checkpoint
        errors = errors_of(load(name, "cpu"), labels, fit_offsets(labels, root_energies))
        generations.append(
            {
                "labels": generation.labels,
                "force_eV_A": round(errors.force_eV_A, 5),
                "force_q95_eV_A": round(float(np.quantile(errors.each_force_eV_A, 0.95)), 5),
                "energy_meV": round(errors.energy_meV_per_atom, 3),
                "held_out_force_eV_A": generation.held_out_force_eV_A,
                "reference_force_eV_A": errors_of(load(name, "cpu"), tested, {}).force_eV_A,
                "seconds": dict(generation.seconds),
            }
        )
    taught = load(str(folder / record.generations[-1].checkpoint), "cpu", dtype="float64")
    checked = validate(taught, labels[0].atoms(), ("derivatives", "invariances", "smoothness"))
    force = float(np.sqrt(np.mean([np.mean(label.forces_eV_A**2) for label in labels])))
    return {
        "case": case, "way": way, "seed": seed, "generations": generations, "true_force_eV_A": round(force, 4),
        "validate": checked.passed, "failures": [c.name for c in checked.failures],
    }  # fmt: skip


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
