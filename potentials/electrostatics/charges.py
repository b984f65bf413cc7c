"""Charges of ions, by species: given, or read from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from ase.io import read

from potentials.words import in_words

SPREAD_E = 0.05
"""By so much charges of one species in a structure may differ and still be meant as one."""


class ChargeError(ValueError):
    """Charges that cannot be used; one line that says which and why."""


def charges_of(given: Mapping[str, float] | str | Path) -> dict[str, float]:
    """Charges in e by chemical symbol, in the order of atomic numbers.

    given: {"Na": 1, "Cl": -1}; or a file: JSON or YAML with such a mapping, or a structure that ASE reads, whose
        initial charges are averaged over each species.

    Raises:
        ChargeError: no charges, a symbol that is none, a value that is no number, a file that has no charges, or
            charges of one species that differ.
    """
    if not isinstance(given, str | Path):
        return _checked(given, "charges")
    path = Path(given)
    if not path.is_file():
        raise ChargeError(f"charges: {path}: no such file; give one, or charges as in {{Na: 1, Cl: -1}}")
    if path.suffix.lower() in (".json", ".yaml", ".yml"):
        return _checked(_mapping(path), f"charges: {path}")
    return _averaged(path)


def _mapping(path: Path) -> Any:
    import yaml

    try:
        return json.loads(path.read_text()) if path.suffix.lower() == ".json" else yaml.safe_load(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ChargeError(f"charges: {path} cannot be read ({in_words(error)})") from error


def _checked(given: Any, where: str) -> dict[str, float]:
    if not isinstance(given, Mapping) or not given:
        raise ChargeError(f"{where}: needs a charge of each species, as in {{Na: 1, Cl: -1}}")
    for symbol, value in given.items():
        if symbol not in atomic_numbers or symbol == "X":
            raise ChargeError(f"{where}: {symbol!r} is no element")
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise ChargeError(f"{where}: {symbol}: must be a number of e (is {value!r})")
    return {symbol: float(given[symbol]) for symbol in sorted(given, key=lambda s: atomic_numbers[s])}


def _averaged(path: Path) -> dict[str, float]:
    try:
        atoms = read(path)
    except Exception as error:  # of a foreign file ASE may make anything
        raise ChargeError(f"charges: {path} cannot be read ({in_words(error)})") from error
    assert not isinstance(atoms, list)
    values, symbols = atoms.get_initial_charges(), np.array(atoms.get_chemical_symbols())
    if not values.any():
        raise ChargeError(f"charges: {path} holds no initial charges")
    found = {}
    for symbol in sorted(set(symbols.tolist())):
        own = values[symbols == symbol]
        if np.ptp(own) > SPREAD_E:
            raise ChargeError(
                f"charges: {path}: {symbol} has charges from {own.min():g} to {own.max():g}, and one is needed for "
                f"all; if their mean is meant, give {{{symbol}: {own.mean():.4g}}}"
            )
        found[symbol] = round(float(own.mean()), 12)
    return _checked(found, f"charges: {path}")
