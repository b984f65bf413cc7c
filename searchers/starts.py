"""Random crystals to start from: with a space group or without any, whichever lately earned more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

import numpy as np
from ase import Atoms

from searchers.candidate import Relaxed
from searchers.earnings import Earnings, reward_of
from searchers.generation import SymmetricGenerator
from searchers.local_hull import LocalHull
from searchers.operators.child import converged_counts
from searchers.space import SearchSpace
from searchers.spread import spread_crystal
from searchers.volume import estimate_volume

SYMMETRIC, SPREAD = START_KINDS = "random", "spread"
"""Operators of the two kinds, as candidates name them."""
_VOLUME_FACTORS = (0.9, 1.2)  # of the estimate, whose error is 12 % rms
_LEARNING = 0.2  # of a crystal's volume ratio that goes into the mean: the last five count
_LARGEST_LN = 1.2  # of the logarithm: 0.3 to 3.3 times the estimate; further off is another world
_FIXED_SHARE = 0.25  # of each kind, whatever it earns


class Starts:
    """Symmetric crystals reach ordered compounds, of atoms on few orbits; spread ones fall into close packings.

    Measured, model calls per ground state found from random starts alone: Lennard-Jones solid of 16 atoms 785 from
    symmetric and 90 to 137 from spread crystals; EMT's Cu4Au4 480 and above 1,600. Nobody knows beforehand, so a search
    draws either by what it has lately earned (`searchers.earnings`), each at least an eighth of the time. Where the
    space asks for space groups, all are symmetric.

    Volumes are those estimated for ambient pressure times what crystals near the hull have turned out to have by it (a
    fading geometric mean), so that pressure and a potential's bias are soon known.

    Attributes:
        generator: of the symmetric ones.
        earnings: of both kinds.
    """

    def __init__(self, space: SearchSpace, generator: SymmetricGenerator) -> None:
        self.generator = generator
        self.earnings = Earnings([SYMMETRIC, SPREAD])
        self._space = space
        self._hull = LocalHull(space.elements)
        self._ln_ratio = 0.0
        generator.volume = self.volume_A3

    def volume_A3(self, atoms_of: Mapping[str, int]) -> float:
        """Expected volume of so many atoms of each symbol, Å^3."""
        return estimate_volume(atoms_of) * exp(self._ln_ratio)

    def learn(self, result: Relaxed) -> None:
        """What a result, anybody's, says of the kind of start that it came from."""
        counts, energy = converged_counts(result, self._space), float(result.energy_eV_per_atom)
        reward = 0.0
        if counts is not None:
            reward = reward_of(self._hull.above(counts, energy))
            self._hull.add(counts, energy)
            if reward:
                self._learn_volume(result.atoms)
        self.earnings.credit(result.candidate.operator, reward, result.model_calls)

    def _learn_volume(self, atoms: Atoms) -> None:
        usual_A3 = estimate_volume(Counter(atoms.get_chemical_symbols()))
        ln_ratio = float(np.clip(np.log(abs(atoms.cell.volume) / usual_A3), -_LARGEST_LN, _LARGEST_LN))
        self._ln_ratio += _LEARNING * (ln_ratio - self._ln_ratio)

    def draw(
        self, rng: np.random.Generator, among: Sequence[tuple[int, ...]] | None = None
    ) -> tuple[str, Atoms, dict[str, Any]]:
        """Which kind, the crystal, and for `Candidate.info` the space group it was made with.

        among: compositions to choose from; None draws from the space.

        Raises:
            NoStructureError, GenerationError: as `SymmetricGenerator.draw`.
        """
        if self._space.space_groups is None and rng.random() < self._spread_share():
            counts = self._space.draw_composition(rng) if among is None else among[int(rng.integers(len(among)))]
            return SPREAD, self._spread(counts, rng), {"space_group": 1}
        atoms, group = self.generator.draw(rng, among)
        return SYMMETRIC, atoms, {"space_group": group}

    def _spread_share(self) -> float:
        symmetric, spread = self.earnings.relative([SYMMETRIC, SPREAD])
        return float(0.5 * _FIXED_SHARE + (1 - _FIXED_SHARE) * spread / (symmetric + spread))

    def _spread(self, counts: Sequence[int], rng: np.random.Generator) -> Atoms:
        atoms_of = {e: int(n) for e, n in zip(self._space.elements, counts, strict=True) if n > 0}
        volume_A3 = self.volume_A3(atoms_of) * rng.uniform(*_VOLUME_FACTORS)
        return spread_crystal(atoms_of, volume_A3, self._space.min_distance_scale, rng)

    def state(self) -> dict[str, Any]:
        """Earnings, hull and the choices that pyxtal hung on, JSON-able."""
        bad_choices = sorted(self.generator.bad_choices)
        return {
            "earnings": self.earnings.state(),
            "hull": self._hull.state(),
            "ln_ratio": self._ln_ratio,
            "bad_choices": bad_choices,
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: Mapping[str, Any]) -> Starts:
        """The starts whose `state()` this was."""
        made = cls(space, SymmetricGenerator(space, bad_choices=state["bad_choices"]))
        made.earnings = Earnings.from_state(state["earnings"])
        made._ln_ratio = state["ln_ratio"]
        made._hull = LocalHull.from_state(space.elements, state["hull"])
        return made
