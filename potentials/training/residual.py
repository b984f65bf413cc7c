"""What is left of labels when charges are taken off, for a network that is used with them added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from potentials.electrostatics import ChargeError
from potentials.electrostatics.settings import Electrostatics
from potentials.neighbours import Structure
from potentials.potential import Evaluation, batches
from potentials.training.labels import Label
from potentials.training.offsets import fit_offsets

NEUTRAL_E = 1e-6
"""A cell with less charge than this is neutral."""


@dataclass(frozen=True)
class Residual:
    """Electrostatics to take off labels.

        E_left = E − E_C + Σ_atoms c(Z),  F_left = F − F_C,  σ_left = σ − σ_C

    The constants c are what E_C comes to on average, fitted to the labels' compositions: with them the residual has the
    energies per atom that the network already gives, and it learns what varies instead of a Madelung energy of several
    eV. The sum takes them off again, so they are a choice of zero and nothing else.

    Attributes:
        settings: of the charges.
        constants_eV: c, by chemical symbol.
    """

    settings: Electrostatics
    constants_eV: Mapping[str, float]

    @classmethod
    def fit(cls, settings: Electrostatics, labels: Sequence[Label]) -> Residual:
        """With constants for these labels.

        Raises:
            ChargeError: an element of theirs has no charge.
        """
        here = cls(settings, {})
        here.check(labels)
        far = [
            Label(x.structure, e.energy_eV, e.forces_eV_A, e.stress_eV_A3)
            for x, e in zip(labels, here._charges(labels), strict=True)
        ]
        return cls(settings, fit_offsets(far, [0.0] * len(far)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Residual:
        """What `to_json` gave."""
        record = dict(value)
        constants = record.pop("constants_eV")
        return cls(Electrostatics.of(record), constants)

    def to_json(self) -> dict[str, Any]:
        """As a lineage keeps it."""
        return {**self.settings.to_json(), "constants_eV": dict(self.constants_eV)}

    def check(self, labels: Sequence[Label]) -> None:
        """Refuse labels of elements without a charge, with a ChargeError."""
        numbers = {int(z) for label in labels for z in label.structure.numbers}
        strangers = sorted({chemical_symbols[z] for z in numbers} - set(self.elements))
        if strangers:
            raise ChargeError(f"electrostatics.charges: {', '.join(strangers)} of the labels has none; give it one")

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols that have charges."""
        charges = self.settings.charges
        return tuple(charges.get("equilibrate", charges))

    def of(self, labels: Sequence[Label]) -> list[Label]:
        """Labels less their charges."""
        constants = np.zeros(len(chemical_symbols))
        for symbol, value in self.constants_eV.items():
            constants[atomic_numbers[symbol]] = value
        left = []
        for label, far in zip(labels, self._charges(labels), strict=True):
            energy = label.energy_eV - far.energy_eV + float(constants[label.structure.numbers].sum())
            stress = None if label.stress_eV_A3 is None else label.stress_eV_A3 - far.stress_eV_A3
            left.append(Label(label.structure, energy, label.forces_eV_A - far.forces_eV_A, stress))
        return left

    def of_replay(self, labels: Sequence[Label]) -> list[Label]:
        """What of the parent's own answers a network must keep so that the sum still gives them.

        * Every atom has a charge and the cell is neutral: less the charges, as new labels are.
        * No atom has a charge: as it is, for there is nothing to add.
        * Else it is left out. Charges belong to the ions of one compound: a metal of the same element is a charged
          cell, and so is a compound of which half the elements have charges; what the sum says there means nothing.
        """
        whole = [x for x in labels if self._ionic(x.structure)]
        bare = [x for x in labels if not self._any(x.structure)]
        return [*self.of(whole), *bare]

    def _charges(self, labels: Sequence[Label]) -> list[Evaluation]:
        far = self.settings.potential()
        calls = batches([label.structure for label in labels], far.batch_atoms)
        return [answer for call in calls for answer in far.evaluate(call)]

    def _any(self, structure: Structure) -> bool:
        return any(chemical_symbols[z] in self.elements for z in structure.numbers)

    def _ionic(self, structure: Structure) -> bool:
        symbols = [chemical_symbols[z] for z in structure.numbers]
        if not set(symbols) <= set(self.elements):
            return False
        charges = self.settings.charges
        return "equilibrate" in charges or abs(sum(charges[symbol] for symbol in symbols)) < NEUTRAL_E
