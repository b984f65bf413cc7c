"""Chemical potentials for walks through compositions: the lowest energies known of the elements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

from ase import Atoms

from searchers.candidate import Relaxed


class ElementEnergies:
    """The lowest energy per atom seen of each element, until `freeze`.

    Boltzmann's weights of E - Σ μ_i N_i need μ that stay, so a walk through compositions begins when every
    element has been seen, and what is found later of the elements no longer counts.

    Attributes:
        lowest_eV: by element, per atom; lacks those not seen.
        frozen: True where results change nothing any more.
    """

    def __init__(
        self, elements: Sequence[str], lowest_eV: Mapping[str, float] | None = None, frozen: bool = False
    ) -> None:
        self._elements = tuple(elements)
        self.lowest_eV = dict(lowest_eV or {})
        self.frozen = frozen

    @property
    def missing(self) -> list[str]:
        """Elements of which no energy is known."""
        return [e for e in self._elements if e not in self.lowest_eV]

    def learn(self, relaxed: Relaxed) -> None:
        """Take a result, if it is of one element and lower than what is known."""
        species = set(relaxed.atoms.get_chemical_symbols())
        energy = float(relaxed.energy_eV_per_atom)
        if self.frozen or not relaxed.fate.has_energy or len(species) != 1 or not isfinite(energy):
            return
        element = species.pop()
        if element in self._elements:
            self.lowest_eV[element] = min(self.lowest_eV.get(element, energy), energy)

    def freeze(self) -> None:
        """Keep the potentials from now on; nothing happens while an element is missing."""
        self.frozen = self.frozen or not self.missing

    def of(self, atoms: Atoms) -> float:
        """Σ μ_i N_i, eV; elements not yet seen count 0."""
        counts = Counter(atoms.get_chemical_symbols())
        return sum(n * self.lowest_eV.get(e, 0.0) for e, n in counts.items())
