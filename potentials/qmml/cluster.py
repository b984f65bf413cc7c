"""A region cut out of a crystal and capped: its geometry in a box of vacuum, and forces and virial back from there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from matscipy.neighbours import neighbour_list
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from potentials.neighbours import Structure
from potentials.qmml.bonds import MOST_POLAR, Bonds
from potentials.qmml.elements import cap_share
from potentials.qmml.errors import CrowdedError, RegionError, TopologyError

CLOSEST_CAPS_A = 1.2
"""Two caps on one outside atom of Si are 1.4 Å apart, on one of C 1.0 Å (H of CH2: 1.8 Å)."""
SHORTEST, LONGEST = 0.6, 1.5
"""Of a cut bond's length at set-up: beyond, it is no longer the bond that was capped."""
NEW_BOND = 1.05
"""Of the sum of covalent radii: nearer than this, atoms on two sides of the boundary have bonded anew. Well below
BONDED: what vibrates between the two is none."""
SLACK_A = 6.0
"""Of the box, for atoms that move apart."""


@dataclass(frozen=True)
class Cluster:
    """A capped region, as it was cut; its bonds across the boundary are kept.

    Places of its atoms follow from one another along a tree of nearest images, whose steps were taken from the
    structure at set-up: later ones are those images nearest to these steps, in fractional coordinates, so that neither
    wrapping nor shifting the whole nor straining the cell makes a difference.

    Attributes:
        members: atoms, in the order of the tree, (m,).
        core: which of the members are the region itself, the others its buffer, (m,) of bool.
        parents: of each member the member before it in the tree, (m,); its own index for the first.
        steps: from there, fractional, (m, 3).
        hosts: of each cut bond the index of its inner atom among the members, (c,).
        ends: its outer atom in the structure, (c,).
        end_steps: from host to end, fractional, (c, 3).
        lengths_A: of the cut bonds, (c,).
        shares: g of each, (c,); r_cap = r_host + g (r_end − r_host).
        numbers: atomic numbers of members and caps, (m + c,).
        diameter_A: largest distance in it.
        charge: e.
        multiplicity: 2S + 1; None where nobody has said.
    """

    members: np.ndarray
    core: np.ndarray
    parents: np.ndarray
    steps: np.ndarray
    hosts: np.ndarray
    ends: np.ndarray
    end_steps: np.ndarray
    lengths_A: np.ndarray
    shares: np.ndarray
    numbers: np.ndarray
    diameter_A: float
    charge: int = 0
    multiplicity: int | None = None

    @property
    def n_caps(self) -> int:
        """Link atoms."""
        return len(self.hosts)

    def unwrapped(self, structure: Structure) -> tuple[np.ndarray, np.ndarray]:
        """Members, (m, 3), and cut bonds as vectors, (c, 3), Å."""
        fractional = structure.positions @ np.linalg.inv(structure.cell)
        own = fractional[self.members]
        steps = own - own[self.parents]
        steps -= np.round(steps - self.steps)
        placed = own.copy()
        for k, parent in enumerate(self.parents[1:], start=1):
            placed[k] = placed[parent] + steps[k]
        cut = fractional[self.ends] - own[self.hosts]
        cut -= np.round(cut - self.end_steps)
        return placed @ structure.cell, cut @ structure.cell

    def positions(self, structure: Structure) -> np.ndarray:
        """Members and then caps, Å, (m + c, 3), connected.

        Raises:
            TopologyError: a cut bond has broken, or new ones have formed across the boundary.
        """
        placed, cut = self.unwrapped(structure)
        self._check_cut(np.linalg.norm(cut, axis=1), structure)
        return np.concatenate([placed, placed[self.hosts] + self.shares[:, None] * cut])

    def _check_cut(self, lengths_A: np.ndarray, structure: Structure) -> None:
        share = lengths_A / self.lengths_A
        broken = np.flatnonzero((share < SHORTEST) | (share > LONGEST))
        if len(broken):
            k = broken[0]
            host, end = self.members[self.hosts[k]], self.ends[k]
            raise TopologyError(
                f"the cut bond between atoms {host} and {end} is {lengths_A[k]:.2f} Å long, and was "
                f"{self.lengths_A[k]:.2f} Å where the region was chosen: its cap stands for it no more; take both "
                "atoms into the region"
            )

    def check_new_bonds(self, structure: Structure) -> None:
        """Refuse a structure in which an atom outside has bonded to one of the region.

        Raises:
            TopologyError: it has.
        """
        inside = np.zeros(len(structure.numbers), bool)
        inside[self.members] = True
        radii = covalent_radii[structure.numbers]
        i, j, r = neighbour_list(
            "ijd", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool),
            cutoff=2 * NEW_BOND * float(radii.max()),
        )  # fmt: skip
        near = inside[i] & ~inside[j] & (r < NEW_BOND * (radii[i] + radii[j]))
        known = set(zip(self.members[self.hosts].tolist(), self.ends.tolist(), strict=True))
        for a, b, length in zip(i[near].tolist(), j[near].tolist(), r[near], strict=True):
            if (a, b) not in known:
                raise TopologyError(
                    f"atoms {a} (of the region) and {b} (outside) have come within {length:.2f} Å, a bond that was "
                    "none where the region was chosen; take both into the region"
                )

    def in_box(self, positions: np.ndarray, vacuum_A: float) -> Structure:
        """The capped cluster in a cube whose images are at least `vacuum_A` apart."""
        edge = self.diameter_A + SLACK_A + vacuum_A
        spread = float(np.ptp(positions, axis=0).max())
        edge = max(edge, spread + vacuum_A)
        centre = 0.5 * (positions.max(0) + positions.min(0))
        return Structure(self.numbers, positions - centre + 0.5 * edge, edge * np.eye(3))

    def pulled_back(self, forces: np.ndarray, n_atoms: int) -> np.ndarray:
        """Forces on all atoms of the structure, (n, 3), from those on members and caps, (m + c, 3): the chain rule.

        A cap's force goes to its bond's ends in shares of 1 − g and g.
        """
        m = len(self.members)
        found = np.zeros((n_atoms, 3))
        found[self.members] = forces[:m]
        on_caps, g = forces[m:], self.shares[:, None]
        np.add.at(found, self.members[self.hosts], (1 - g) * on_caps)
        np.add.at(found, self.ends, g * on_caps)
        return found


def virial_eV(positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """dE/d(strain) of a cluster whose places, caps included, are strained with the crystal: −Σ f ⊗ x, (3, 3)."""
    product = -forces.T @ positions
    return 0.5 * (product + product.T)


def cut_out(
    bonds: Bonds,
    members: Collection[int],
    core: Collection[int],
    cap: str = "H",
    most_polar: float = MOST_POLAR,
    charge: int = 0,
    multiplicity: int | None = None,
) -> Cluster:
    """Cut a region out of a structure.

    Raises:
        RegionError: it cuts a bond that must not be cut, holds all atoms, reaches itself around the cell.
        CrowdedError: two of its caps would sit in one place.
    """
    structure = bonds.structure
    if len(members) == len(structure.numbers) and len(bonds.crossing(members)) == 0 and _wraps_alone(bonds, members):
        grown = f", grown from {len(core)} atoms over bonds that must not be cut,"
        raise RegionError(
            f"the region{grown if len(core) < len(members) else ''} holds every atom and reaches its own images: "
            "nothing is left around it; take a supercell, or a smaller region"
        )
    crossing = bonds.crossing(members)
    _check_cuts(bonds, crossing, most_polar)
    order, parents, steps = _tree(structure, np.array(sorted(members)))
    place = {int(atom): k for k, atom in enumerate(order)}
    cell = np.linalg.inv(structure.cell)
    hosts = np.array([place[int(a)] for a in bonds.first[crossing]], int)
    numbers = structure.numbers
    shares = np.array(
        [cap_share(numbers[bonds.first[k]], numbers[bonds.second[k]], atomic_numbers[cap]) for k in crossing], float
    )
    all_numbers = np.concatenate([numbers[order], np.full(len(crossing), atomic_numbers[cap])]).astype(int)
    found = Cluster(
        order, np.isin(order, list(core)), parents, steps @ cell, hosts, bonds.second[crossing].astype(int),
        bonds.vectors[crossing].reshape(-1, 3) @ cell, bonds.lengths_A[crossing], shares, all_numbers, 0.0, charge,
        multiplicity,
    )  # fmt: skip
    _check_whole(bonds, found)
    positions = found.positions(structure)
    _check_caps(bonds, found, positions)
    return _with_diameter(found, positions)


def _with_diameter(cluster: Cluster, positions: np.ndarray) -> Cluster:
    far = np.linalg.norm(positions[:, None] - positions[None], axis=-1).max()
    return replace(cluster, diameter_A=float(far))


def _wraps_alone(bonds: Bonds, members: Collection[int]) -> bool:
    """Whether some bond leads from the region to an image of itself; a molecule in a box has none."""
    order, parents, steps = _tree(bonds.structure, np.array(sorted(members)))
    return bool(len(_torn(bonds, order, parents, steps)))


def _check_cuts(bonds: Bonds, crossing: np.ndarray, most_polar: float) -> None:
    for k in crossing:
        why = bonds.why_not_cut(int(k), most_polar)
        if why is not None:
            raise RegionError(refusal(bonds, int(k), why))


def refusal(bonds: Bonds, bond: int, why: str) -> str:
    """The message for a bond that must not be cut, and how to mend it."""
    outer = bonds.name(int(bonds.second[bond]))
    metal = bonds.to_metal(bond)
    mend = "QM/ML by capped clusters is not for metals" if metal else f"take {outer} into the region too"
    return f"the region cuts what must not be cut: {why}; {mend}"


def _tree(structure: Structure, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members in the order of a tree of shortest distances, each one's parent, and the steps between them, Å."""
    m = len(members)
    fractional = structure.positions[members] @ np.linalg.inv(structure.cell)
    vectors = _nearest(fractional[None] - fractional[:, None], structure.cell)
    # A length of zero (to 1e-8) is no edge to scipy; what is added to all of them changes no tree
    lengths = np.linalg.norm(vectors, axis=-1) + 1.0
    tree = minimum_spanning_tree(np.triu(lengths, 1))
    both = coo_matrix(tree + tree.T).tocsr()
    order, before = breadth_first_order(both, 0, directed=False, return_predecessors=True)
    rank = np.empty(m, int)
    rank[order] = np.arange(m)
    parents = np.array([0 if k == order[0] else rank[before[k]] for k in order], int)
    steps = np.array([np.zeros(3) if k == order[0] else vectors[before[k], k] for k in order])
    return members[order], parents, steps


def _nearest(fractional: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Shortest images of vectors, (..., 3) fractional, in Å, in cells of any shape."""
    from ase.geometry import find_mic

    return np.asarray(find_mic((fractional @ cell).reshape(-1, 3), cell, pbc=True)[0]).reshape(fractional.shape)


def _torn(bonds: Bonds, order: np.ndarray, parents: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Indices of bonds inside a region that its connected picture does not hold: they lead around the cell."""
    placed = np.zeros((len(order), 3))
    for k in range(1, len(order)):
        placed[k] = placed[parents[k]] + steps[k]
    where = np.full(len(bonds.structure.numbers), -1)
    where[order] = np.arange(len(order))
    inside = np.flatnonzero((where[bonds.first] >= 0) & (where[bonds.second] >= 0))
    seen = placed[where[bonds.second[inside]]] - placed[where[bonds.first[inside]]]
    off = np.linalg.norm(seen - bonds.vectors[inside], axis=1)
    return inside[off > 1e-3]


def _check_whole(bonds: Bonds, cluster: Cluster) -> None:
    torn = _torn(bonds, cluster.members, cluster.parents, cluster.steps @ bonds.structure.cell)
    if len(torn):
        a, b = (bonds.name(int(k)) for k in (bonds.first[torn[0]], bonds.second[torn[0]]))
        raise RegionError(
            f"the region is too large for the cell: it is bonded to its own image ({a}-{b} across the boundary); take "
            "a supercell, or a smaller region or buffer"
        )


def _check_caps(bonds: Bonds, cluster: Cluster, positions: np.ndarray) -> None:
    m = len(cluster.members)
    caps = positions[m:]
    apart = np.linalg.norm(caps[:, None] - positions[None], axis=-1)
    for k in range(len(caps)):
        apart[k, m + k] = np.inf
        apart[k, cluster.hosts[k]] = np.inf
    if len(caps) and apart.min() < CLOSEST_CAPS_A:
        k = int(np.argmin(apart.min(axis=1)))
        outer = bonds.name(int(cluster.ends[k]))
        raise CrowdedError(
            f"the cap in place of {outer} would be {apart[k].min():.2f} Å from another atom of the cluster; take "
            f"{outer} into the region too",
            int(cluster.ends[k]),
        )
