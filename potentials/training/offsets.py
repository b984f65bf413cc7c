"""Two oracles' energies differ by a constant for each atom of an element before they differ in anything of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from potentials.training.labels import Label

Offsets = dict[str, float]
"""eV an atom, by chemical symbol: what the oracle's scale lies above the network's."""


def fit_offsets(
    labels: Sequence[Label], energies_eV: Sequence[float], known: Mapping[str, float] | None = None
) -> Offsets:
    """Offsets that take the labels' energies closest to `energies_eV` of the same structures.

    Least squares of the difference per atom on composition, of least norm where compositions cannot tell elements
    apart.
    known: offsets that stay as they are.
    """
    known = dict(known or {})
    symbols = sorted({chemical_symbols[z] for label in labels for z in label.structure.numbers} - known.keys())
    n = np.array([len(label) for label in labels])
    excess = np.array([label.energy_eV for label in shifted(labels, known)]) - np.asarray(energies_eV)
    share = np.array([[np.mean(label.structure.numbers == atomic_numbers[s]) for s in symbols] for label in labels])
    fitted = np.linalg.lstsq(share, excess / n, rcond=None)[0] if symbols else []
    return known | {symbol: float(value) for symbol, value in zip(symbols, fitted, strict=True)}


def shifted(labels: Sequence[Label], offsets: Mapping[str, float], sign: int = -1) -> list[Label]:
    """The labels with the offsets of their atoms taken off; put back on with sign = 1."""
    table = np.zeros(len(chemical_symbols))
    for symbol, value in offsets.items():
        table[atomic_numbers[symbol]] = value
    return [
        Label(
            label.structure,
            label.energy_eV + sign * float(table[label.structure.numbers].sum()),
            label.forces_eV_A,
            label.stress_eV_A3,
        )
        for label in labels
    ]
