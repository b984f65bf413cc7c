"""The structures of a benchmark: energies by 7net-0 and, held for true as if it were DFT, by 7net-l3i5."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from discover.anchoring.delta_model import Features
from discover.anchoring.hull_distances import hull_distances
from discover.campaign import Campaign
from discover.config import CampaignConfig
from potentials import load
from potentials.dft import symmetric_primitive
from potentials.potential import structure_of

DFT = ".gpaw"
CHEAP, TRUE = "7net-0", "7net-l3i5"
SEARCH = {"candidates": 200, "atoms": [2, 8]}


@dataclass(frozen=True)
class System:
    """All distinct structures that one campaign found.

    Attributes:
        name: as in a campaign, "Si-Ge".
        elements: columns of the fractions.
        atoms: of each structure.
        features: of all.
        cheap: (n,) eV/atom.
        true: (n,) eV/atom, of the same cells.
    """

    name: str
    elements: tuple[str, ...]
    atoms: Sequence[Atoms]
    features: Features
    cheap: np.ndarray
    true: np.ndarray


def system(name: str, folder: Path) -> System:
    """Read it from `folder`/structures, or make it: a campaign and two potentials, some minutes.

    A name that ends in ".gpaw" is of those whose truth is DFT (`dft.py` makes them).
    """
    file = folder / "structures" / f"{name}.extxyz"
    if not file.is_file():
        if name.endswith(DFT):
            raise FileNotFoundError(f"{file}: make it with dft.py {name.removesuffix(DFT)}")
        file.parent.mkdir(exist_ok=True)
        ase.io.write(file, make(name), format="extxyz")
    frames = ase.io.read(file, ":")
    potential = load(CHEAP, "cpu")
    elements = tuple(name.removesuffix(DFT).split("-"))
    fractions = [[a.get_chemical_symbols().count(e) / len(a) for e in elements] for a in frames]
    descriptors = [potential.descriptors(structure_of(a)).mean(axis=0) for a in frames]
    truth = "true" if name.endswith(DFT) else TRUE
    cheap, true = (np.array([a.info[f"{p}_eV_per_atom"] for a in frames]) for p in (CHEAP, truth))
    above = hull_distances(np.array(fractions), cheap[None])[0]
    return System(name, elements, frames, Features(np.array(fractions), np.array(descriptors), above), cheap, true)


def make(name: str) -> list[Atoms]:
    """A campaign with the defaults and the energies of what it found."""
    config = CampaignConfig.model_validate({"system": name, "seed": 1, "search": SEARCH, "relax": {"compile": "off"}})
    with tempfile.TemporaryDirectory() as scratch:
        run = Campaign(config).run(Path(scratch) / "run", workers=0)
        found = [symmetric_primitive(run.atoms_of(e.id)) for e in run.hull.entries]
    energies = {}
    for potential in (CHEAP, TRUE):
        loaded = load(potential, "cpu")
        energies[potential] = [loaded.evaluate([structure_of(a)])[0].energy_eV / len(a) for a in found]
    for k, atoms in enumerate(found):
        atoms.info = {f"{p}_eV_per_atom": round(float(energies[p][k]), 6) for p in (CHEAP, TRUE)}
    return found
