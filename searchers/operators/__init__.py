"""Variation operators: parents' atoms, a random generator and the space in; a child, or None, out.

Parents come as relaxed, in primitive cells, and are never changed. A child belongs to the space and keeps its
minimum distances; None says that no such child was found in a bounded number of tries.
"""

from collections.abc import Callable
from typing import NamedTuple

from ase import Atoms

from searchers.operators.composition import composition
from searchers.operators.heredity import heredity
from searchers.operators.permutation import permutation
from searchers.operators.rattle import rattle
from searchers.operators.strain import strain


class Operator(NamedTuple):
    """A variation: `make(*parents, rng, space)`, and how many parents it takes."""

    make: Callable[..., Atoms | None]
    parents: int = 1


OPERATORS: dict[str, Operator] = {
    "composition": Operator(composition),
    "heredity": Operator(heredity, parents=2),
    "permutation": Operator(permutation),
    "rattle": Operator(rattle),
    "strain": Operator(strain),
}

__all__ = ["OPERATORS", "Operator", "composition", "heredity", "permutation", "rattle", "strain"]
