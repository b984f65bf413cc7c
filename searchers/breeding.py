"""Children of a population: which operator makes the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from deap.base import Toolbox

from searchers.candidate import Relaxed
from searchers.composition_choice import CompositionChoice
from searchers.earnings import Earnings
from searchers.member import Member
from searchers.operators import OPERATORS, softmode
from searchers.operators.composition import factors_to
from searchers.operators.supercell import random_fitting
from searchers.selection import Selection
from searchers.space import SearchSpace
from searchers.starts import START_KINDS

OPERATOR_WEIGHTS = {
    "heredity": 0.3,
    "composition": 0.2,
    "permutation": 0.12,
    "strain": 0.08,
    "rattle": 0.05,
    "void_hop": 0.06,
    "softmode": 0.03,
    "wyckoff": 0.06,
    "subgroup": 0.06,
    "symmetrised": 0.05,
    "slip": 0.04,
    "ripple": 0.03,
    "supercell": 0.03,
    "reduction": 0.03,
}
# Heredity leads, as in Glass, Oganov and Hansen (2006); strain and rattle mostly fall back (71 of 99 children in a
# Ti-C search), composition earned as much as heredity there. Otherwise not tuned: a search adapts them.
SOFTMODE = "softmode"
"""The one operator that needs more than its parents: their vibrations, which are asked for first."""
COMPOSITION = "composition"
"""Where compositions are searched, its target is chosen first, then a parent from which one step leads there."""
MODES = "modes"
"""Operator of a candidate that asks for them."""
RANDOM = "random"
"""Fresh crystals, of whichever kind, beside the operators."""
_MODES_WANTED = 12
_FOR_ELEMENTS = ("heredity", "composition")
"""Where there are compounds, elements are parents of these alone: others make more of the element, whose structures are
few and mostly known (in a Ti-C search 1 of 46 children near the hull came of an element by itself)."""
_RANDOM_BOUNDS = (0.3, 1.5)  # times the random share that was asked for
_TARGETS_TRIED = 8  # compositions, before one is found that a parent is near
_OPERATORS_TRIED = 3  # before a child is given up for a random structure


def operator_names() -> list[str]:
    """What may be given weights; asked for each time, for users add operators."""
    return sorted([SOFTMODE, *OPERATORS])


@dataclass(frozen=True)
class Child:
    """What an operator made.

    Attributes:
        operator: its name.
        atoms: to be relaxed, or as they are where `modes` are wanted.
        parents: ids.
        modes: how many of the lowest vibrations are wanted of a parent's cell, so that it can have children by them.
    """

    operator: str
    atoms: Atoms
    parents: tuple[int, ...]
    modes: int = 0


class Pool(Protocol):
    """Whatever keeps possible parents."""

    members: list[Member]


class ParentChoice(Protocol):
    """Chooses parents of a pool; `state` must be JSON-able."""

    def draw(
        self,
        population: Any,
        k: int,
        rng: np.random.Generator,
        compounds: bool = False,
        among: Sequence[Member] | None = None,
    ) -> list[Member]:
        """Draw k parents, different ones where there are enough; with `compounds` no element if there are others.

        `among` are the only ones that may be drawn, in the order of the population, where it is given.
        """
        ...

    def state(self) -> dict[str, Any]:
        """All that it must not forget."""
        ...


class Breeder:
    """Draws an operator and parents for it; operators that lately earned more for their model calls are drawn more.

    An operator's share is its weight times its expected rate of earning (`searchers.earnings`), normalised; a
    quarter of the choices follow the weights alone. The soft-mode operator first asks for its parent's lowest
    vibrations, and is charged for them.

    Attributes:
        toolbox: deap's, with "select" and the operators by name; register another under a name to replace it.
        weights: how often each operator is tried, relative to the others, while nothing is known of them.
        adaptive: False keeps to the weights.
    """

    def __init__(
        self,
        space: SearchSpace,
        weights: Mapping[str, float] | None = None,
        adaptive: bool = True,
        selection: ParentChoice | None = None,
        choice: CompositionChoice | None = None,
    ) -> None:
        self.weights = _checked(_usual_weights(space) if weights is None else weights)
        self.adaptive = adaptive
        self.selection: ParentChoice = selection or Selection()
        self.toolbox = _toolbox(space, self.selection)
        self.earnings = Earnings([*self.weights, RANDOM])
        self._space = space
        self._choice = choice
        self._useful = sorted(n for n, weight in self.weights.items() if weight > 0 and _applies(n, space))

    def child(self, population: Pool, rng: np.random.Generator) -> Child | None:
        """A child of the population, or a question about one of its members; None where no operator tried had one."""
        if not self._useful:
            return None
        for name in rng.choice(self._useful, size=_OPERATORS_TRIED, p=self.shares()).tolist():
            if name == SOFTMODE:
                made = self._soft(population, rng)
            elif name == COMPOSITION and self._choice is not None:
                made = self._towards(self._choice, population, rng)
            else:
                made = self._varied(name, population, rng)
            if made is not None:
                return made
        return None

    def _varied(self, name: str, population: Pool, rng: np.random.Generator) -> Child | None:
        parents: list[Member] = self.toolbox.select(population, OPERATORS[name].parents, rng, name not in _FOR_ELEMENTS)
        atoms: Atoms | None = getattr(self.toolbox, name)(*(p.atoms for p in parents), rng)
        return None if atoms is None else Child(name, atoms, tuple(dict.fromkeys(p.id for p in parents)))

    def _towards(self, choice: CompositionChoice, population: Pool, rng: np.random.Generator) -> Child | None:
        """A child of a composition that promises most, from one of the parents that are one step away from it."""
        for _ in range(_TARGETS_TRIED):
            target = choice.target(rng)
            near = [m for m in population.members if factors_to(target, m.counts)]
            if not near:
                continue
            parent = self.toolbox.select(population, 1, rng, among=near)[0]
            atoms: Atoms | None = self.toolbox.composition(parent.atoms, rng, target=target)
            if atoms is not None:
                return Child(COMPOSITION, atoms, (parent.id,))
        return None

    def _soft(self, population: Pool, rng: np.random.Generator) -> Child | None:
        """A child along a soft mode, or the question for the modes of a parent that has not been asked."""
        parent: Member = self.toolbox.select(population, 1, rng, True)[0]
        if parent.cell is None:
            parent.cell = random_fitting(parent.atoms, rng, self._space)
            if parent.cell is None or len(parent.cell) < 2:
                return None
            return Child(MODES, parent.cell, (parent.id,), _MODES_WANTED)
        if parent.modes is None:
            return None
        atoms = softmode(parent.cell, parent.modes, rng, self._space)
        return None if atoms is None else Child(SOFTMODE, atoms, (parent.id,))

    def learn_modes(self, population: Pool, result: Relaxed) -> None:
        """Vibrations that were asked for have come, or could not be had."""
        self.earnings.credit(SOFTMODE, 0.0, result.model_calls)
        for member in population.members:
            if member.id in result.candidate.parents and result.modes is not None:
                member.cell, member.modes = result.candidate.atoms.copy(), result.modes

    def credit(self, result: Relaxed, reward: float) -> None:
        """Note what a result was worth to whatever made it; fresh crystals count as one, whichever their kind."""
        operator = result.candidate.operator
        self.earnings.credit(RANDOM if operator in START_KINDS else operator, reward, result.model_calls)

    def shares(self) -> np.ndarray:
        """Probability of each operator of use here, in the order of their names."""
        weights = {name: self.weights[name] for name in self._useful}
        if self.adaptive:
            return self.earnings.shares(weights)
        fixed = np.array(list(weights.values()))
        return fixed / fixed.sum()

    def random_share(self, usual: float) -> float:
        """Share of random crystals: the usual one times what they lately earn beside children, within 0.3 and 1.5."""
        if not self.adaptive or not self._useful:
            return usual
        children = float(self.shares() @ self.earnings.relative(self._useful))
        return usual * float(np.clip(self.earnings.relative([RANDOM])[0] / children, *_RANDOM_BOUNDS))

    def state(self) -> dict[str, Any]:
        """Settings and earnings as JSON-able values."""
        return {
            "operators": dict(self.weights),
            "adaptive": self.adaptive,
            "selection": self.selection.state(),
            "earnings": self.earnings.state(),
        }

    @classmethod
    def from_state(
        cls,
        space: SearchSpace,
        state: dict[str, Any],
        selection: ParentChoice,
        choice: CompositionChoice | None = None,
    ) -> Breeder:
        """The breeder whose `state()` this was, with the selection that was put back from its own part of it."""
        made = cls(space, state["operators"], state["adaptive"], selection, choice)
        made.earnings = Earnings.from_state(state["earnings"])
        return made


def _usual_weights(space: SearchSpace) -> dict[str, float]:
    """Where compositions are searched: twice as many changes of composition, and no soft modes.

    Every few results bring another parent there, whose vibrations took 13 % of all model calls of a Ti-C search, for
    nothing; the most of what lowered its hull were children of another composition than their parents'.
    """
    if not space.variable:
        return OPERATOR_WEIGHTS
    own = {COMPOSITION: 2 * OPERATOR_WEIGHTS[COMPOSITION]}
    return {name: weight for name, weight in (OPERATOR_WEIGHTS | own).items() if name != SOFTMODE}


def _applies(name: str, space: SearchSpace) -> bool:
    return space.max_atoms > 1 if name == SOFTMODE else OPERATORS[name].applies(space)


def _toolbox(space: SearchSpace, selection: ParentChoice) -> Toolbox:
    toolbox = Toolbox()
    toolbox.register("select", selection.draw)
    for name, operator in OPERATORS.items():
        toolbox.register(name, partial(operator.make, space=space))
    return toolbox


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(set(weights) - set(operator_names()))
    if unknown:
        raise ValueError(f"unknown operator {unknown[0]!r}; there are {', '.join(operator_names())}")
    if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(f"operators need weights of at least 0, one above (are {dict(weights)})")
    return {name: float(weight) for name, weight in weights.items()}
