"""Is a crystal a network, layers, chains or molecules? From its atoms' places alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from properties.layers.contacts import WIDEST, Contacts, contacts
from properties.layers.periodic_graph import Component, PeriodicGraph

WORDS = ("molecules", "chains", "layers", "a 3D network")
NOBLE = (2, 10, 18, 36, 54, 86)
SOFTNESS = 0.15
"""Of Larsen's score: how far beyond the sum of covalent radii a bond may be before it counts half."""
ALIKE = 1e-6
"""Ratios that differ by less are one shell: what rounding of a structure file makes of equal bonds."""


@dataclass(frozen=True)
class Interval:
    """Bond lengths between which the crystal is taken for the same thing.

    Attributes:
        low, high: of the length over the sum of covalent radii; the last one has no upper end.
        counts: components of dimensionality 0, 1, 2, 3.
        lone: an atom without any bond is among them.
    """

    low: float
    high: float
    counts: tuple[int, int, int, int]
    lone: bool

    @property
    def kind(self) -> str:
        """As in 3D, 2D, 0D+2D."""
        return "+".join(f"{d}D" for d, n in enumerate(self.counts) if n)

    @property
    def score(self) -> float:
        """How much of the way from no bond to bond lies within (Larsen et al., equation 2)."""
        return _unbonded(self.high) - _unbonded(self.low)

    @property
    def middle(self) -> float:
        """A length that makes no difference to take for the longest bond."""
        return (self.low + self.high) / 2 if np.isfinite(self.high) else self.low * (1 + ALIKE) + ALIKE


@dataclass(frozen=True)
class Dimensionality:
    """What a crystal is.

    Attributes:
        kind: "3D", "2D" (layers), "1D", "0D", or a mixture as "0D+2D".
        score: of that kind, 0 to 1.
        scores: of every kind that some choice of the longest bond makes it.
        longest_bond, next_contact: for people; without the first it would be of another kind, and with the second as a
            bond too.
        bond_scale: over the sum of covalent radii: what is closer was taken for a bond.
        components: what hangs together.
    """

    kind: str
    score: float
    scores: Mapping[str, float]
    longest_bond: str
    next_contact: str
    bond_scale: float
    components: tuple[Component, ...]

    @property
    def layered(self) -> bool:
        """Whether it is layers and nothing else."""
        return self.kind == "2D"

    @property
    def words(self) -> str:
        """For people: "a 3D network", "molecules between layers"."""
        named = [WORDS[int(part[0])] for part in self.kind.split("+")]
        return named[0] if len(named) == 1 else " and ".join(named)

    def to_json(self) -> dict[str, object]:
        """Without the components."""
        return {
            "dimensionality": self.kind,
            "dimensionality_score": self.score,
            "dimensionality_scores": dict(self.scores),
            "longest_bond": self.longest_bond,
            "next_contact": self.next_contact,
            "bond_scale": self.bond_scale,
        }


def dimensionality(atoms: Atoms, bond_scale: float | None = None) -> Dimensionality:
    """What hangs together, and in how many directions for ever.

    Bonds are made one by one, those shortest in units of the sum of covalent radii first. Between two lengths at which
    something changes the crystal is of one kind, and the kind whose lengths say most of the way from a bond (1) to
    none wins: f(high) − f(low), f(x) = u/(1 + u), u = ((x − 1)/0.15)², summed over its intervals
    (Larsen et al., Phys. Rev. Mater. 3, 034003 (2019)). There is no tolerance to choose.

    One rule of ours: lengths that leave an atom without a bond are no choice, unless it is a noble gas's: no solid has
    lone atoms between its layers, but ions, whose contacts are longer than bonds. So LiCoO2 and KC8 are networks, and
    BiOCl, whose Bi-Cl is long, is layers.

    atoms: periodic in three directions.
    bond_scale: bonds are what is closer than this times the sum of covalent radii; None looks for the gap.
    """
    pairs = contacts(atoms, max(WIDEST, bond_scale or 0.0))
    intervals = _intervals(pairs)
    if bond_scale is None:
        chosen, scores = _chosen(intervals)
        cut = chosen.middle
    else:
        cut = bond_scale
        chosen = next(i for i in intervals if i.low <= cut < i.high)
        scores = _scores(intervals)
    graph = PeriodicGraph(len(atoms))
    bonds = int(np.searchsorted(pairs.ratio, cut, side="right"))
    for k in range(bonds):
        graph.add(int(pairs.first[k]), int(pairs.second[k]), pairs.shift[k])
    needed = int(np.searchsorted(pairs.ratio, chosen.low + ALIKE))
    beyond = int(np.searchsorted(pairs.ratio, chosen.high - ALIKE))
    return Dimensionality(
        kind=chosen.kind,
        score=scores[chosen.kind],
        scores=scores,
        longest_bond=pairs.said(needed - 1) if needed else "none",
        next_contact=pairs.said(beyond) if beyond < len(pairs) else "none",
        bond_scale=float(cut),
        components=tuple(graph.components()),
    )


def _unbonded(ratio: float) -> float:
    """0 at a bond and below, 1 far apart."""
    if not np.isfinite(ratio):
        return 1.0
    u = (max(0.0, ratio - 1.0) / SOFTNESS) ** 2
    return u / (1 + u)


def _intervals(pairs: Contacts) -> list[Interval]:
    """From no bond at all to all contacts."""
    numbers = pairs.numbers
    graph = PeriodicGraph(len(numbers))
    counts, lone = [len(numbers), 0, 0, 0], int((~np.isin(numbers, NOBLE)).sum())
    marks: list[tuple[float, tuple[int, ...], bool]] = [(0.0, tuple(counts), lone > 0)]
    for k in range(len(pairs)):
        i, j = int(pairs.first[k]), int(pairs.second[k])
        before = {root: graph.lattice(root).rank for root in (graph.find(i)[0], graph.find(j)[0])}
        lonely = {root: graph.size(root) == 1 and not rank for root, rank in before.items()}
        changed = graph.add(i, j, pairs.shift[k])
        if not changed:
            continue
        for root in changed:
            counts[before[root]] -= 1
            lone -= lonely[root] and numbers[root] not in NOBLE
        counts[graph.lattice(graph.find(i)[0]).rank] += 1
        marks.append((float(pairs.ratio[k]), tuple(counts), lone > 0))
        if counts[3] == sum(counts) == 1:
            break
    ends = [*(m[0] for m in marks[1:]), np.inf]
    return [
        Interval(low, high, (c[0], c[1], c[2], c[3]), alone)
        for (low, c, alone), high in zip(marks, ends, strict=True)
        if high - low > ALIKE
    ]


def _scores(intervals: list[Interval]) -> dict[str, float]:
    found: dict[str, float] = {}
    for interval in intervals:
        found[interval.kind] = found.get(interval.kind, 0.0) + interval.score
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _chosen(intervals: list[Interval]) -> tuple[Interval, dict[str, float]]:
    """The best interval of the best kind, and every kind's score."""
    allowed = [i for i in intervals if not i.lone] or intervals
    scores = _scores(allowed)
    kind = next(iter(scores))
    return max((i for i in allowed if i.kind == kind), key=lambda i: i.score), scores
