"""Variation operators: parents' atoms, a random generator and the space in; a child, or None, out.

Parents come as relaxed, in primitive cells, and are never changed. A child belongs to the space and keeps its
minimum distances; None says that no such child was found in a bounded number of tries. `softmode` stands outside
the table, for it also takes the parent's vibrations.
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
from searchers.operators.reduction import reduction
from searchers.operators.ripple import ripple
from searchers.operators.slip import slip
from searchers.operators.softmode import softmode
from searchers.operators.strain import strain
from searchers.operators.subgroup import subgroup
from searchers.operators.supercell import has_supercells
from searchers.operators.supercell_move import supercell_move
from searchers.operators.symmetrised import symmetrised
from searchers.operators.void_hop import void_hop
from searchers.operators.wyckoff import wyckoff
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
    "reduction": Operator(reduction, applies=has_supercells),
    "ripple": Operator(ripple, applies=lambda space: space.max_atoms > 1),
    "slip": Operator(slip),
    "strain": Operator(strain),
    "subgroup": Operator(subgroup),
    "supercell": Operator(supercell_move, applies=has_supercells),
    "symmetrised": Operator(symmetrised),
    "void_hop": Operator(void_hop),
    "wyckoff": Operator(wyckoff),
}

__all__ = [
    "OPERATORS",
    "Operator",
    "composition",
    "heredity",
    "permutation",
    "rattle",
    "reduction",
    "ripple",
    "slip",
    "softmode",
    "strain",
    "subgroup",
    "supercell_move",
    "symmetrised",
    "void_hop",
    "wyckoff",
]
