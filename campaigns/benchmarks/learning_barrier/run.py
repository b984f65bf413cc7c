"""How many labels does a barrier cost? 7net-0 learns two hops from 7net-l3i5: where the loop asks, and everywhere.

python campaigns/benchmarks/learning_barrier/run.py            goes on where it was stopped; minutes on an idle core
python campaigns/benchmarks/learning_barrier/run.py --table    runs nothing, writes table and plot of what there is
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE)]
from machine import machine  # noqa: E402
from shown import draw, text  # noqa: E402

CAMPAIGN = HERE.parents[1] / "learn-pdh-barrier.yaml"
STRUCTURES = HERE.parents[1] / "structures"
CASES = {
    "H in Pd": (),
    "C vacancy in TiC": (
        "system=Ti-C", f"learn.path.ends=[{STRUCTURES / 'tic-vacancy-1.cif'}, {STRUCTURES / 'tic-vacancy-2.cif'}]",
    ),
}  # fmt: skip
"""Changes to the campaign. Hydrogen goes from an octahedral to a tetrahedral site of Pd4H, five atoms; a carbon atom
into the vacancy beside it in Ti8C7."""
WAYS = {"saddle and farthest": ("learn.choose=distance",), "every image": ("learn.choose=all", "learn.labels=28")}
"""Changes to the campaign. Twenty-eight labels are four passes of seven images."""
SEEDS = (1,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="run nothing")
    given = parser.parse_args()
    work, file = Path("runs/learning-barrier-bench"), HERE / "results.json"
    found = json.loads(file.read_text()) if file.is_file() else {"truth": {}, "runs": []}
    if not given.table:
        for case, way, seed in [(c, w, s) for c in CASES for s in SEEDS for w in WAYS]:
            if any((r["case"], r["way"], r["seed"]) == (case, way, seed) for r in found["runs"]):
                continue
            if case not in found["truth"]:
                found["truth"][case] = _truth(case)
            found["runs"].append(_one(case, way, seed, work))
            found["machine"] = machine(("sevenn", "torch", "ase"))
            file.write_text(json.dumps(found, indent=1) + "\n")
    table = text(found)
    (HERE / "results.md").write_text(table)
    draw(found, HERE / "results.png")
    print(table)


def _truth(case: str) -> dict[str, float]:
    """The oracle's own band between the same ends, with its settings."""
    from discover.config import load_campaign
    from discover.learning.path_walk import walk_path
    from discover.learning.walks import read_structure
    from potentials import load

    learn = load_campaign(CAMPAIGN, CASES[case]).learn
    assert learn is not None and learn.path is not None and learn.oracle.potential is not None
    first, last = (read_structure(end, learn) for end in learn.path.ends)
    path = walk_path(load(learn.oracle.potential, "cpu"), first, last, learn.path)
    assert path.converged, "the oracle's band is not at rest"
    E = path.energies_eV
    print(f"{case}: the oracle's barrier is {E[path.top] - E[0]:.4f} eV", flush=True)
    return {"forward_eV": float(E[path.top] - E[0]), "reverse_eV": float(E[path.top] - E[-1])}


def _one(case: str, way: str, seed: int, work: Path) -> dict[str, Any]:
    """One learning run: labels, barriers and errors by generation."""
    import torch

    from discover.config import load_campaign
    from discover.learning.folder import learn_in
    from discover.progress import Silent

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = work / f"{case}-{way}-{seed}".replace(" ", "-")
    config = load_campaign(CAMPAIGN, [*CASES[case], *WAYS[way], "learn.domain=false"], seed)
    record = learn_in(folder, config, (folder / "campaign.yaml").exists(), Silent())
    print(f"{case}, {way}, seed {seed}: {record.finished}", flush=True)
    generations = [
        {
            "labels": g.labels,
            "seconds": {k: round(v, 1) for k, v in g.seconds.items()},
            "reference_force_eV_A": g.reference_force_eV_A,
            **{
                k: getattr(g.path, k)
                for k in ("forward_eV", "reverse_eV", "error_forward_eV", "error_reverse_eV", "farthest", "converged")
            },
            "edge": g.inner,
        }
        for g in record.generations
        if g.path is not None
    ]
    return {
        "case": case, "way": way, "seed": seed, "labels": len(record.labels), "finished": record.finished,
        "generations": generations,
    }  # fmt: skip


if __name__ == "__main__":
    main()
