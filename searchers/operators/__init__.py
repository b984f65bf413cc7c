"""Variation operators: parents' atoms, a random generator and the space in; a child, or None, out.

Parents come as relaxed, in primitive cells, and are never changed. A child belongs to the space and keeps its
minimum distances; None says that no such child was found in a bounded number of tries.
"""

from collections.abc import Callable
from typing import NamedTuple

from ase import Atoms

from searchers.operators.composition import applies as composition_applies
from searchers.operators.composition import composition
from searchers.operators.heredity import heredity
from searchers.operators.permutation import applies as permutation_applies
from searchers.operators.permutation import permutation
from searchers.operators.rattle import rattle
from searchers.operators.strain import strain
from searchers.space import SearchSpace


class Operator(NamedTuple):
    """A variation: `make(*parents, rng, space)`, how many parents it takes, and whether a space has use for it.

    Where `applies` is False, `make` gives None for all parents of the space's compositions; where it is True,
    some parents may still not do.
    """

    make: Callable[..., Atoms | None]
    parents: int = 1
    applies: Callable[[SearchSpace], bool] = lambda space: True


OPERATORS: dict[str, Operator] = {
    "composition": Operator(composition, applies=composition_applies),
    "heredity": Operator(heredity, parents=2),
    "permutation": Operator(permutation, applies=permutation_applies),
    "rattle": Operator(rattle),
    "strain": Operator(strain),
}

__all__ = ["OPERATORS", "Operator", "composition", "heredity", "permutation", "rattle", "strain"]
