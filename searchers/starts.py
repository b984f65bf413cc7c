"""Random crystals to start from: of few or many symmetries or none, whichever lately earned more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from math import exp
from typing import Any

import numpy as np
import spglib
from ase import Atoms

from searchers.candidate import Relaxed
from searchers.composition_choice import CompositionChoice
from searchers.distances import far_enough
from searchers.earnings import Earnings, reward_of
from searchers.generation import SymmetricGenerator
from searchers.local_hull import LocalHull
from searchers.operators.child import converged_counts
from searchers.space import SearchSpace
from searchers.spread import pushed, spread_crystal
from searchers.volume import estimate_volume

SYMMETRIC, SPREAD = START_KINDS = "random", "spread"
"""Operators of crystals with and without a space group, as candidates name them."""
ORDERS = {"1": (1, 1, 0.25), "2": (2, 2, 1.0), "3-4": (3, 4, 1.0), "6-8": (6, 8, 0.25), "12-48": (12, 48, 0.25)}
"""Classes of starts: lowest and highest order of the point group, and how often each is drawn relative to the others
while nothing is known."""
_VOLUME_FACTORS = (0.9, 1.2)  # of the estimate, whose error is 12 % rms
_LEARNING = 0.2  # of a crystal's volume ratio that goes into the mean: the last five count
_LARGEST_LN = 1.2  # of the logarithm: 0.3 to 3.3 times the estimate; further off is another world


class Starts:
    """Crystals of a class of symmetry: the order of their point group.

    Few symmetries leave a cell free to fall where it will and make equal atoms see equal surroundings; many leave it
    so few coordinates that it falls into the same few structures again and again. A draw among all space groups is
    mostly one of many symmetries. The best order differs with the crystal that is searched for, so a search draws each
    class by what it has lately earned per model call (`searchers.earnings`). Pickard and Needs, J. Phys.: Condens.
    Matter 23, 053201 (2011), too, prefer two to four operations. Where the space asks for space groups, all are of
    those.

    Atoms are pushed apart before anything is relaxed, their symmetry kept (`searchers.spread`).

    Volumes are those estimated for ambient pressure times what crystals near the hull have turned out to have by it (a
    fading geometric mean), so that pressure and a potential's bias are soon known.

    Where compositions are searched, the one with most promise is drawn (`searchers.composition_choice`).

    Attributes:
        generator: of the symmetric ones.
        earnings: of each class.
        choice: of compositions; None where there is one alone.
    """

    def __init__(self, space: SearchSpace, generator: SymmetricGenerator) -> None:
        self.generator = generator
        self.earnings = Earnings(ORDERS)
        self._space = space
        self._hull = LocalHull(space.elements)
        self.choice = CompositionChoice(space, self._hull) if space.variable else None
        self._ln_ratio = 0.0
        generator.volume = self.volume_A3

    def volume_A3(self, atoms_of: Mapping[str, int]) -> float:
        """Expected volume of so many atoms of each symbol, Å^3."""
        return estimate_volume(atoms_of) * exp(self._ln_ratio)

    def learn(self, result: Relaxed) -> None:
        """What a result, anybody's, says of the class of start that it came from."""
        counts, energy = converged_counts(result, self._space), float(result.energy_eV_per_atom)
        reward = 0.0
        if counts is not None:
            reward = reward_of(self._hull.above(counts, energy))
            self._hull.add(counts, energy)
            if reward:
                self._learn_volume(result.atoms)
        if self.choice is not None:
            self.choice.learn(result)
        if result.candidate.operator in START_KINDS:
            group = int(result.candidate.info.get("space_group", 1))
            self.earnings.credit(class_of(group), reward, result.model_calls)

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
        if among is None and self.choice is not None:
            among = [self.choice.cell(rng)]
        shares = self.shares()
        drawn = str(rng.choice(list(shares), p=list(shares.values())))
        if drawn == "1" and self._space.space_groups is None:
            counts = self._space.draw_composition(rng) if among is None else among[int(rng.integers(len(among)))]
            return SPREAD, self._spread(counts, rng), {"space_group": 1}
        atoms, group = self.generator.draw(rng, among, _groups_of(drawn))
        apart = pushed(atoms)
        usable = far_enough(apart, self._space.min_distance_scale)
        return SYMMETRIC, apart if usable else atoms, {"space_group": group}

    def shares(self) -> dict[str, float]:
        """How often each class is drawn."""
        shares = self.earnings.shares({name: weight for name, (*_, weight) in ORDERS.items()})
        return dict(zip(ORDERS, shares.tolist(), strict=True))

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
            "choice": None if self.choice is None else self.choice.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: Mapping[str, Any]) -> Starts:
        """The starts whose `state()` this was."""
        made = cls(space, SymmetricGenerator(space, bad_choices=state["bad_choices"]))
        made.earnings = Earnings.from_state(state["earnings"])
        made._ln_ratio = state["ln_ratio"]
        made._hull = LocalHull.from_state(space.elements, state["hull"])
        if made.choice is not None:
            made.choice = CompositionChoice.from_state(space, made._hull, state["choice"])
        return made


@cache
def _orders() -> dict[int, int]:
    """Order of the point group of each space group."""
    found: dict[int, int] = {}
    for hall in range(1, 531):
        kind, operations = spglib.get_spacegroup_type(hall), spglib.get_symmetry_from_database(hall)
        assert kind is not None and operations is not None, f"spglib's tables lack Hall number {hall}"
        found.setdefault(kind.number, len({rotation.tobytes() for rotation in operations["rotations"]}))
    return found


def class_of(group: int) -> str:
    """Name of a space group's class in `ORDERS`."""
    order = _orders()[group]
    return next(name for name, (low, high, _) in ORDERS.items() if low <= order <= high)


@cache
def _groups_of(name: str) -> tuple[int, ...]:
    low, high, _ = ORDERS[name]
    return tuple(group for group, order in _orders().items() if low <= order <= high)
