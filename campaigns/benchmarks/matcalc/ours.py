"""Our side: python ours.py TASK.json OUT.json; the pipeline of `discover properties` on a few crystals, on two workers.

TASK as peer.py has it; `stages` beside: settings of each stage.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEGUN = time.perf_counter()
warnings.simplefilter("ignore")
AT_K = 300.0


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text())
    from discover.compute.registry import computation
    from discover.pipeline.pipeline import Pipeline
    from discover.pipeline.stages import planned
    from discover.pipeline.tasks import PotentialSpec, RayWorkers
    from discover.progress import Silent

    chosen = {
        name: computation(name).Settings(**given).model_dump(mode="json") for name, given in task["stages"].items()
    }
    workers = RayWorkers(PotentialSpec(task["potential"]), task["threads"], task["threads"])
    metadata = workers.metadata().to_json()
    out: dict[str, Any] = {"start_s": time.perf_counter() - BEGUN, "crystals": {}}
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(Path(folder), _hits(task["crystals"]), planned(chosen), metadata, Silent())
        ended = pipeline.run(lambda most: workers)
    out["total_s"] = time.perf_counter() - BEGUN
    for (name, stage), result in ended.items():
        if result.reason:
            raise SystemExit(f"{name}, {stage}: {result.reason}")
        mine = out["crystals"].setdefault(str(name), {"seconds": {}})
        mine["seconds"][stage] = result.seconds
        mine |= _told(stage, result.result)
    Path(sys.argv[2]).write_text(json.dumps(out))


def _hits(crystals: Mapping[str, Any]) -> list[Any]:
    """The crystals as if a hull had them."""
    from ase import Atoms

    from discover.pipeline.hits import Hit
    from discover.records import HullEntry

    hits = []
    for name, (symbols, cell, scaled) in crystals.items():
        atoms = Atoms(symbols, cell=cell, scaled_positions=scaled, pbc=True)
        hits.append(Hit(HullEntry(name, name, {}, 0.0, 0.0, 0.0, None, True), atoms))
    return hits


def _told(stage: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What is compared."""
    if stage == "rest":
        return {"structure": found["structure"]}
    if stage == "elastic":
        return {"c_GPa": found["c_clamped_GPa"], "c_relaxed_GPa": found["c_GPa"]}
    if stage == "phonons":
        return {"supercell_atoms": found["supercell_atoms"]}
    if stage == "thermal":
        at = min(range(len(found["temperatures_K"])), key=lambda k: abs(found["temperatures_K"][k] - AT_K))
        return {
            "expansion_per_K": found["volumetric_expansion_per_K"][at],
            "bulk_modulus_GPa": found["bulk_modulus_GPa"][at],
            "volumes": len(found["volumes"]),
        }
    return {}


main()
