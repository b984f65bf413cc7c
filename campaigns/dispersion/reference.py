"""dftd4's own numbers that the energy needs beside C6, asked from it: C8/C6 of elements, damping of functionals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FUNCTIONALS = (
    "pbe", "pbesol", "revpbe", "rpbe", "scan", "rscan", "r2scan", "blyp", "pbe0", "hse06", "am05", "pw91", "bp",
)  # fmt: skip
FAR_BOHR = 12.0


def r4r2(numbers: Sequence[int]) -> np.ndarray:
    """Q of elements, C8 = 3 Q_i Q_j C6, from the energy of two atoms with the C8 term alone, undamped."""
    from dftd4.interface import DampingParam, DispersionModel

    eight = DampingParam(s6=0.0, s8=1.0, s9=0.0, a1=0.0, a2=0.0)
    six = DampingParam(s6=1.0, s8=0.0, s9=0.0, a1=0.0, a2=0.0)
    found = []
    for number in numbers:
        model = DispersionModel(np.array([number] * 2), np.array([[0, 0, 0], [0, 0, FAR_BOHR]]))
        energies = [float(model.get_dispersion(param, grad=False)["energy"]) for param in (eight, six)]
        found.append(np.sqrt(energies[0] / energies[1] * FAR_BOHR**2 / 3))
    return np.array(found)


def functionals() -> dict[str, dict[str, float]]:
    """D4's s6, s8, a1, a2 (bohr) of semilocal and a few hybrid functionals."""
    from dftd4.parameters import get_damping_param

    found: dict[str, dict[str, float]] = {}
    for name in FUNCTIONALS:
        got = get_damping_param(name, defaults=["bj-eeq-atm"])
        found[name] = {"s6": got.get("s6", 1.0), "s8": got["s8"], "a1": got["a1"], "a2_bohr": got["a2"]}
    return found


def write_functionals(path: Path, keep: dict[str, Any] | None = None) -> None:
    """The file of damping parameters, fitted ones kept."""
    path.write_text(json.dumps({"functionals": functionals(), "potentials": keep or {}}, indent=1) + "\n")
