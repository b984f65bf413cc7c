"""Children of a population: which operator makes the next one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from ase import Atoms
from deap.base import Toolbox

from searchers.earnings import Earnings
from searchers.member import Member
from searchers.operators import OPERATORS
from searchers.population import Population
from searchers.selection import Selection
from searchers.space import SearchSpace

OPERATOR_WEIGHTS = {"heredity": 0.4, "strain": 0.2, "rattle": 0.15, "permutation": 0.15, "composition": 0.1}
# Heredity leads, as in Glass, Oganov and Hansen (2006); the shares were not tuned.
_OPERATORS_TRIED = 3  # before a child is given up for a random structure
_FIXED_SHARE = 0.25  # of the choices that follow the weights alone, so that no operator dies out


class Breeder:
    """Draws an operator and parents for it; operators that lately earned more for their model calls are drawn more.

    An operator's share is its weight times its expected rate of earning (`searchers.earnings`), normalised; a
    quarter of the choices follow the weights alone.

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
        selection: Selection | None = None,
    ) -> None:
        self.weights = _checked(OPERATOR_WEIGHTS if weights is None else weights)
        self.adaptive = adaptive
        self.selection = selection or Selection()
        self.toolbox = _toolbox(space, self.selection)
        self.earnings = Earnings(self.weights)
        self._useful = sorted(n for n, weight in self.weights.items() if weight > 0 and OPERATORS[n].applies(space))

    def child(self, population: Population, rng: np.random.Generator) -> tuple[str, Atoms, tuple[int, ...]] | None:
        """The operator, the child and the ids of its parents; None where no operator tried had one."""
        if not self._useful:
            return None
        for name in rng.choice(self._useful, size=_OPERATORS_TRIED, p=self.shares()).tolist():
            parents: list[Member] = self.toolbox.select(population, OPERATORS[name].parents, rng)
            atoms: Atoms | None = getattr(self.toolbox, name)(*(p.atoms for p in parents), rng)
            if atoms is not None:
                return name, atoms, tuple(dict.fromkeys(p.id for p in parents))
        return None

    def shares(self) -> np.ndarray:
        """Probability of each operator of use here, in the order of their names."""
        weights = np.array([self.weights[name] for name in self._useful])
        fixed = weights / weights.sum()
        if not self.adaptive:
            return fixed
        earned = weights * self.earnings.relative(self._useful)
        return _FIXED_SHARE * fixed + (1 - _FIXED_SHARE) * earned / earned.sum()

    def state(self) -> dict[str, Any]:
        """Settings and earnings as JSON-able values."""
        return {
            "operators": dict(self.weights),
            "adaptive": self.adaptive,
            "selection": self.selection.state(),
            "earnings": self.earnings.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Breeder:
        """The breeder whose `state()` this was."""
        made = cls(space, state["operators"], state["adaptive"], Selection.from_state(state["selection"]))
        made.earnings = Earnings.from_state(state["earnings"])
        return made


def _toolbox(space: SearchSpace, selection: Selection) -> Toolbox:
    toolbox = Toolbox()
    toolbox.register("select", selection.draw)
    for name, operator in OPERATORS.items():
        toolbox.register(name, partial(operator.make, space=space))
    return toolbox


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    unknown = sorted(set(weights) - set(OPERATORS))
    if unknown:
        raise ValueError(f"unknown operator {unknown[0]!r}; there are {', '.join(OPERATORS)}")
    if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(f"operators need weights of at least 0, one above (are {dict(weights)})")
    return {name: float(weight) for name, weight in weights.items()}
