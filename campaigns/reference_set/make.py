"""Make the reference set that ships with the project, and each potential's domain from it.

    python campaigns/reference_set/make.py [--systems 700]

Structures: elements, salts, and crystals of chemical systems drawn at random (structures.py), relaxed by 7net-0, then
rattled, strained, melted, wrongly coordinated. Labels: 7net-0 and 7net-l3i5, each the other's oracle; CHGNet is held
against 7net-l3i5. Half an hour on one core; goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import pickle
import warnings
from pathlib import Path

import numpy as np
import torch
from structures import draw_system, known_samples, known_systems, samples_of

from potentials import Potential, load
from potentials.metadata import file_sha256
from potentials.potential import structure_of
from potentials.uncertainty import ReferenceStructure, build, read_reference, save_reference
from potentials.uncertainty.reference import SHIPPED, Labels
from potentials.uncertainty.uncertainty import DATA, SUFFIX
from potentials.words import in_words

ORACLES = {"7net-0": "7net-l3i5", "7net-l3i5": "7net-0", "chgnet": "7net-l3i5"}
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=700)
    parser.add_argument("--work", type=Path, default=Path("runs/reference_set"), help="where unfinished work is kept")
    parser.add_argument("--domains-only", action="store_true", help="of the set that is there")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if not given.domains_only:
        save_reference(SHIPPED, _structures(given.systems, given.work))
    reference = read_reference()
    provenance = {"reference_sha256": file_sha256(SHIPPED)}
    for name, oracle in ORACLES.items():
        found = build(load(name, "cpu"), reference, oracle, provenance, lambda done: None)
        found.save(DATA / f"{name}{SUFFIX}")
        print(f"{name}: threshold {found.threshold:.2f}, {len(found.domain.gaussians)} elements", flush=True)


def _structures(systems: int, work: Path) -> list[ReferenceStructure]:
    labellers = [load(name, "cpu") for name in ("7net-0", "7net-l3i5")]
    work.mkdir(parents=True, exist_ok=True)
    found: list[ReferenceStructure] = []
    elements = labellers[0].metadata.elements or ()
    known = [(f"known-{'-'.join(system)}", system) for system in known_systems(elements)]
    for k, (name, system) in enumerate([*((str(k), None) for k in range(systems)), *known]):
        kept = work / f"{name}.pickle"
        if not kept.is_file():
            kept.write_bytes(pickle.dumps(_system(k, system, labellers)))
        found += pickle.loads(kept.read_bytes())
        if k % 50 == 49:
            print(f"{k + 1} systems, {len(found)} structures", flush=True)
    return found


def _system(k: int, known: tuple[str, ...] | None, labellers: list[Potential]) -> list[ReferenceStructure]:
    """Structures of the k-th system, drawn at random where none is given; none where they cannot be made."""
    rng = np.random.default_rng([SEED, k])
    system = known or draw_system(labellers[0].metadata.elements or (), rng)
    try:
        samples = (known_samples if known else samples_of)(system, labellers[0], rng)
        return [
            ReferenceStructure(
                structure_of(s.atoms), s.system, s.kind,
                {p.metadata.name: _labels(p, s.atoms) for p in labellers},
            )
            for s in samples
        ]  # fmt: skip
    except Exception as error:  # noble gases that no crystal holds, cells that overflow: another system takes its place
        print(f"{'-'.join(system)}: {in_words(error)}", flush=True)
        return []


def _labels(potential: Potential, atoms: object) -> Labels:
    found = potential.evaluate([structure_of(atoms)])[0]  # type: ignore[arg-type]
    return Labels(found.energy_eV, found.forces_eV_A)


if __name__ == "__main__":
    main()
