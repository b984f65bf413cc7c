"""Structures as plain lists, for states that become JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import Atoms


def atoms_to_json(atoms: Atoms) -> dict[str, list[Any]]:
    """Numbers, positions (Å, n x 3) and cell (Å, 3 x 3), as Python floats, which JSON gives back exactly."""
    return {
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
    }


def atoms_from_json(data: Mapping[str, Any]) -> Atoms:
    """The atoms that `atoms_to_json` wrote, periodic in three directions."""
    positions = np.array(data["positions"], dtype=float).reshape(-1, 3)
    return Atoms(np.array(data["numbers"], dtype=int), positions=positions, cell=data["cell"], pbc=True)
