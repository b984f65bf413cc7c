"""Graphs whose edges lead into neighbouring cells: which nodes hang together, and along which directions for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from properties.layers.integer_lattice import IntegerLattice


@dataclass(frozen=True)
class Component:
    """Nodes that hang together.

    Attributes:
        nodes: (m,), ascending.
        cells: (m, d): the cell in which each node lies when the component is drawn in one piece.
        lattice: of the shifts that lead from a node to its own images; its rank is the component's dimensionality.
    """

    nodes: np.ndarray
    cells: np.ndarray
    lattice: IntegerLattice


class PeriodicGraph:
    """Grows edge by edge; a union-find whose trees carry the cell of each node.

    An edge between nodes of one component closes a cycle, and the cells that it crosses in all are a vector by which
    the component repeats: the rank of these vectors is its dimensionality (Mounet et al., Nat. Nanotechnol. 13, 246
    (2018); Larsen et al., Phys. Rev. Mater. 3, 034003 (2019)).
    """

    def __init__(self, nodes: int, dimensions: int = 3) -> None:
        self._parent = list(range(nodes))
        self._cell = [(0,) * dimensions] * nodes
        self._size = [1] * nodes
        self._lattice = [IntegerLattice() for _ in range(nodes)]

    def add(self, i: int, j: int, shift: Sequence[int]) -> tuple[int, ...]:
        """Join node i with node j in the cell `shift` away.

        Returns the roots of the components that this has changed as they were before: two that became one, one that
        extends in a new direction, or none.
        """
        (root, here), (other, there) = self.find(i), self.find(j)
        step = tuple(a + int(s) - b for a, s, b in zip(here, shift, there, strict=True))
        if root == other:
            before = self._lattice[root].rank
            if any(step):
                self._lattice[root].put_in(step)
            return (root,) if self._lattice[root].rank > before else ()
        self._join(root, other, step)
        return (root, other)

    def _join(self, root: int, other: int, step: tuple[int, ...]) -> None:
        if self._size[root] < self._size[other]:
            root, other, step = other, root, tuple(-x for x in step)
        self._parent[other], self._cell[other] = root, step
        self._size[root] += self._size[other]
        self._lattice[root] = self._lattice[root].joined(self._lattice[other])

    def find(self, node: int) -> tuple[int, tuple[int, ...]]:
        """The root of a node's component, and the node's cell when the root is in the first."""
        path = []
        while self._parent[node] != node:
            path.append(node)
            node = self._parent[node]
        cell = (0,) * len(self._cell[node])
        for step in reversed(path):
            cell = tuple(a + b for a, b in zip(cell, self._cell[step], strict=True))
            self._parent[step], self._cell[step] = node, cell
        return node, cell

    def lattice(self, root: int) -> IntegerLattice:
        """Of the shifts by which a root's component repeats; its rank is the dimensionality."""
        return self._lattice[root]

    def size(self, root: int) -> int:
        """Nodes of a root's component."""
        return self._size[root]

    def components(self) -> list[Component]:
        """All of them, by their first node."""
        members: dict[int, list[int]] = {}
        for node in range(len(self._parent)):
            members.setdefault(self.find(node)[0], []).append(node)
        return [
            Component(np.array(nodes), np.array([self.find(n)[1] for n in nodes]), self._lattice[root])
            for root, nodes in members.items()
        ]
