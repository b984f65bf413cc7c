"""Reference sets: structures with an oracle's energies and forces, which domains and calibrations are made of."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from potentials.neighbours import Structure
from potentials.potential import structure_of

AT_REST = "relaxed"
"""Kind of the structures, as `ReferenceStructure.kind` names it, that the domain is made of: crystals at rest, near
which potentials are trained. The others only calibrate: with rattled and strained ones in the domain, distances rank
errors on unseen systems a little worse, with melts much worse."""
SHIPPED = Path(__file__).parent / "data" / "reference.npz"


class ReferenceSetError(ValueError):
    """A reference set that cannot be read or used; the message says what to do."""


@dataclass(frozen=True)
class Labels:
    """An oracle's answers on one structure.

    Attributes:
        energy_eV: total energy.
        forces_eV_A: (n, 3).
    """

    energy_eV: float
    forces_eV_A: np.ndarray


@dataclass(frozen=True)
class ReferenceStructure:
    """One structure of a set.

    Attributes:
        structure: its arrays.
        system: its chemical system ("Mg-O"); structures of one are never on both sides of a calibration.
        kind: what it is, for people; those of kind AT_REST make the domain.
        labels: by the oracle's name.
    """

    structure: Structure
    system: str
    kind: str
    labels: Mapping[str, Labels] = field(default_factory=dict)


def save_reference(path: Path, structures: Sequence[ReferenceStructure]) -> None:
    """Write a set; positions to 1e-6 Å, energies in double, forces in single precision."""
    oracles = sorted(structures[0].labels)
    arrays: dict[str, Any] = {
        "counts": np.array([len(s.structure.numbers) for s in structures], np.int32),
        "numbers": np.concatenate([s.structure.numbers for s in structures]).astype(np.uint8),
        "positions": np.concatenate([s.structure.positions for s in structures]).astype(np.float32),
        "cells": np.array([s.structure.cell for s in structures], np.float32),
        "systems": np.array([s.system for s in structures]),
        "kinds": np.array([s.kind for s in structures]),
        "oracles": np.array(oracles),
    }
    for k, name in enumerate(oracles):
        arrays[f"energies_{k}"] = np.array([s.labels[name].energy_eV for s in structures])
        arrays[f"forces_{k}"] = np.concatenate([s.labels[name].forces_eV_A for s in structures]).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def read_reference(path: Path = SHIPPED) -> list[ReferenceStructure]:
    """The set in a file; the shipped one by default.

    Raises:
        ReferenceSetError: no such file, or another one.
    """
    try:
        with np.load(path) as file:
            arrays = {key: file[key] for key in file.files}
        ends = np.cumsum(arrays["counts"])[:-1]
        numbers, positions = (np.split(arrays[k], ends) for k in ("numbers", "positions"))
        oracles = [str(name) for name in arrays["oracles"]]
        forces = {name: np.split(arrays[f"forces_{k}"], ends) for k, name in enumerate(oracles)}
        energies = {name: arrays[f"energies_{k}"] for k, name in enumerate(oracles)}
    except FileNotFoundError:
        raise ReferenceSetError(f"{path}: no such reference set") from None
    except (KeyError, TypeError, AttributeError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ReferenceSetError(f"{path}: no reference set ({type(error).__name__}: {error})") from None
    return [
        ReferenceStructure(
            Structure(numbers[i].astype(int), positions[i].astype(float), arrays["cells"][i].astype(float)),
            str(arrays["systems"][i]),
            str(arrays["kinds"][i]),
            {name: Labels(float(energies[name][i]), forces[name][i].astype(float)) for name in oracles},
        )
        for i in range(len(numbers))
    ]


def from_atoms(frames: Sequence[Atoms], oracle: str) -> list[ReferenceStructure]:
    """A user's training set: frames with energy and forces in their calculator, as ASE reads extended XYZ.

    Raises:
        ReferenceSetError: a frame without energy or forces, or without three periodic directions.
    """
    found = []
    for k, atoms in enumerate(frames):
        if not atoms.cell.rank == 3:
            raise ReferenceSetError(f"frame {k + 1} has no cell; reference structures are periodic in three directions")
        results = getattr(atoms.calc, "results", {})
        if not {"energy", "forces"} <= set(results):
            raise ReferenceSetError(f"frame {k + 1} has no energy or no forces; write both, as ASE's extended XYZ does")
        labels = Labels(float(results["energy"]), np.asarray(results["forces"], float))
        system = "-".join(sorted(set(atoms.get_chemical_symbols())))
        kind = str(atoms.info.get("kind", "relaxed"))
        named = str(atoms.info.get("system", system))
        found.append(ReferenceStructure(structure_of(atoms), named, kind, {oracle: labels}))
    return found
