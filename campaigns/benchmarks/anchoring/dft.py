"""Real DFT as the truth: GPAW energies of one system's structures near the hull, some minutes for each ten of them.

python campaigns/benchmarks/anchoring/dft.py Si-Ge          goes on where it was stopped
"""

from __future__ import annotations

import argparse
from pathlib import Path

import ase.io
import numpy as np
from truth import CHEAP, system

from potentials.dft import DFTPool, DFTSettings, identity

HERE = Path(__file__).parent
SETTINGS = DFTSettings(cutoff_eV=350.0, kpoint_density_A=3.0)
"""Cheaper than a campaign's: what is compared here is how well differences are learned, not the differences."""
WITHIN_EV = 0.5
SMALL, LARGE = 6, 16
"""All structures of so few atoms, and of the larger ones so many, the nearest to the potential's hull first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="Si-Ge")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    found = system(arguments.name, HERE)
    order = [int(k) for k in np.argsort(found.features.above, kind="stable") if found.features.above[k] <= WITHIN_EV]
    large = [k for k in order if len(found.atoms[k]) > SMALL][:LARGE]
    wanted = sorted([*large, *(k for k in order if len(found.atoms[k]) <= SMALL)])
    scratch = Path("build/anchoring") / arguments.name
    scratch.mkdir(parents=True, exist_ok=True)
    energies: dict[int, float] = {}
    with DFTPool(SETTINGS, identity(SETTINGS, found.elements), scratch, arguments.workers) as pool:
        waiting, running = list(wanted), {}
        while waiting or running:
            while waiting and pool.free:
                k = waiting.pop(0)
                running[pool.submit(found.atoms[k])] = k
            for key, result in pool.collect(60).items():
                k = running.pop(key)
                print(
                    k, found.atoms[k].symbols, f"{result.seconds:.0f} s", result.energy_eV, *result.attempts, flush=True
                )
                if result.energy_eV is not None:
                    energies[k] = result.energy_eV_per_atom
    frames = [found.atoms[k].copy() for k in sorted(energies)]
    for k, atoms in zip(sorted(energies), frames, strict=True):
        atoms.info = {f"{CHEAP}_eV_per_atom": float(found.cheap[k]), "true_eV_per_atom": round(energies[k], 6)}
    ase.io.write(HERE / "structures" / f"{arguments.name}.gpaw.extxyz", frames, format="extxyz")


if __name__ == "__main__":
    main()
