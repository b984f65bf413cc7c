"""What the head learns from: 7net-0's features of each atom and dftd4's C6 and polarizability of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from recipe import Example, examples, tightest

from potentials import load
from potentials.dispersion.coefficients import d4_properties
from potentials.dispersion.head import BOND_A
from potentials.neighbours import NeighbourOverflowError, Structure, half_list
from potentials.potential import Potential, structure_of

PARTS = ("train", "watch", "held out")
LEAST_RATIO = 0.6
"""Structures with atoms nearer than so many sums of covalent radii are left out: nothing ever goes there."""
BOND_RADIUS = 4 / 3
"""Of D4's coordination number, in covalent radii."""
MOST_OF_A_BOND = 1.45
MOST_BONDS = 10_000.0
MOST_FEATURE = 300.0
"""Features are below 80 wherever 7net-0 is at home; in collapsed cells they go to 10¹⁶."""


@dataclass(frozen=True)
class Labelled:
    """Atoms of many structures, one after the other.

    Attributes:
        features: float32, (n, d). numbers: (n,).
        c6_au, alpha_au, coordination, charge_e: dftd4's, (n,).
        first, second, distance_A: bonds, a half list as of `neighbours.half_list`, (n_bonds,).
        kind, part: of each atom's structure, indices into `kinds` and PARTS, (n,).
        structure: index of it, (n,).
    """

    features: np.ndarray
    numbers: np.ndarray
    c6_au: np.ndarray
    alpha_au: np.ndarray
    coordination: np.ndarray
    charge_e: np.ndarray
    first: np.ndarray
    second: np.ndarray
    distance_A: np.ndarray
    kind: np.ndarray
    part: np.ndarray
    structure: np.ndarray
    kinds: tuple[str, ...]

    def save(self, path: Path) -> None:
        """As one npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".part").open("wb") as f:
            np.savez(f, **vars(self))
        path.with_suffix(".part").replace(path)

    @classmethod
    def read(cls, path: Path) -> Labelled:
        """What `save` wrote."""
        with np.load(path) as f:
            return cls(**{key: tuple(f[key].tolist()) if key == "kinds" else f[key] for key in f.files})


def known_elements(potential: Potential) -> list[str]:
    """Chemical symbols that both 7net-0 and dftd4 know."""
    from ase import Atoms

    known = []
    for symbol in potential.metadata.elements or ():
        try:
            values = d4_properties(structure_of(Atoms(symbol, cell=np.eye(3) * 15, pbc=True)))
        except RuntimeError:
            continue
        if values["c6 coefficients"][0, 0] > 0:
            known.append(symbol)
    return known


def labelled(found: list[Example], potential: Potential) -> tuple[Labelled, int]:
    """All examples that both can take, and how many were left out."""
    columns: dict[str, list[np.ndarray]] = {field.name: [] for field in fields(Labelled) if field.name != "kinds"}
    kinds = tuple(dict.fromkeys(example.kind for example in found))
    left_out = atoms = 0
    for k, example in enumerate(found):
        row = _row(example, potential)
        if row is None:
            left_out += 1
            continue
        n = len(row["numbers"])
        row |= {"first": row["first"] + atoms, "second": row["second"] + atoms}
        atoms += n
        row |= {
            "kind": np.full(n, kinds.index(example.kind)),
            "part": np.full(n, PARTS.index(example.part)),
            "structure": np.full(n, k),
        }
        for key, value in row.items():
            columns[key].append(value)
    return Labelled(**{k: np.concatenate(v) for k, v in columns.items()}, kinds=kinds), left_out


def _row(example: Example, potential: Potential) -> dict[str, np.ndarray] | None:
    if tightest(example.atoms) < LEAST_RATIO:
        return None
    structure = structure_of(example.atoms)
    try:
        values = d4_properties(structure)
        features = potential.descriptors(structure)
    except (RuntimeError, NeighbourOverflowError):  # dftd4's charges do not settle; too dense for a network
        return None
    c6, alpha = np.diag(values["c6 coefficients"]).copy(), values["polarizabilities"]
    assert features is not None
    if not (np.isfinite(c6).all() and (c6 > 0).all() and (alpha > 0).all() and np.abs(features).max() < MOST_FEATURE):
        return None
    return {
        "features": features.astype(np.float32), "numbers": structure.numbers, "c6_au": c6, "alpha_au": alpha,
        **_bonds(structure),
        "coordination": values["coordination numbers"], "charge_e": values["partial charges"],
    }  # fmt: skip


def _bonds(structure: Structure) -> dict[str, np.ndarray]:
    """Pairs that count at least 10⁻⁶ in a coordination number."""
    from dftd4.data import covalent_radii

    first, second, vectors = half_list(structure, BOND_A, MOST_BONDS)
    radii = BOND_RADIUS * np.asarray(covalent_radii)[structure.numbers]
    distance = np.linalg.norm(vectors, axis=1)
    near = distance < MOST_OF_A_BOND * (radii[first] + radii[second])
    return {"first": first[near], "second": second[near], "distance_A": distance[near].astype(np.float32)}


def made(seed: int, counts: dict[str, int], store: Path) -> Labelled:
    """From the store where it is there, else made and stored."""
    if store.is_file():
        return Labelled.read(store)
    potential = load("7net-0", "cpu")
    found = list(examples(known_elements(potential), seed, counts))
    data, left_out = labelled(found, potential)
    print(f"{len(found)} structures, {left_out} left out, {len(data.numbers)} atoms", flush=True)
    data.save(store)
    return data
