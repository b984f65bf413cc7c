"""Niches: how many parents may be alike."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from searchers.member import Member

_NICHE_DISTANCE = 0.3  # of fingerprints: 1.5 times what two relaxations of one soft crystal are apart
_NICHE_SIZE = 2  # members of one fingerprint niche: a structure and its nearest relative
_GROUP_SHARE = 0.34  # of the population that one space group of one composition may hold


class Niches:
    """Takes in members, the fittest first, and says who finds no room beside those that were taken.

    No structure is kept twice, at most two whose fingerprints are close, and at most a third of a population of `size`
    shares a composition and a space group: crowding by niches, after S. W. Mahfoud, "Niching methods for genetic
    algorithms" (1995).

    Attributes:
        kept: members taken, in the order in which they came.
    """

    def __init__(self, size: int) -> None:
        self.kept: list[Member] = []
        self._of_group: Counter[Any] = Counter()
        self._limit = max(_NICHE_SIZE, round(_GROUP_SHARE * size))

    def full(self, member: Member) -> bool:
        """True where it repeats a fitter member, or its niche is full of them."""
        # P1 says that no symmetry was found, which is not a likeness
        if member.space_group != 1 and self._of_group[_group(member)] >= self._limit:
            return True
        alike = [m for m in self.kept if m.composition == member.composition]
        if any(member.repeats(m) for m in alike):
            return True
        close = sum(float(np.linalg.norm(member.fingerprint - m.fingerprint)) < _NICHE_DISTANCE for m in alike)
        return close >= _NICHE_SIZE

    def take(self, member: Member) -> None:
        """Give it a place."""
        self.kept.append(member)
        self._of_group[_group(member)] += 1


def _group(member: Member) -> tuple[tuple[int, ...], int]:
    return member.composition, member.space_group
