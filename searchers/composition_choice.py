"""Which composition deserves the next model calls: Thompson sampling of what may still lie unseen below the hull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from searchers.local_hull import LocalHull, reduced
from searchers.space import SearchSpace

_FRESH_GAP_eV, _CHILD_GAP_eV = 0.3, 0.1  # per atom, while nothing is known: Ti-C's are 0.4 and 0.06 in the end
_LARGEST_GAP_eV = 2.0  # a crystal further up is wreckage, not a try
_LEARNING = 0.05  # of a try's gap that goes into the mean: the last twenty count
_EASY_ATOMS = 2  # in a formula unit; tries count in inverse proportion to the square of its atoms
_KINDRED = 0.1  # atomic fractions over which compositions tell of each other
_COMPARED = 8  # compositions drawn by size alone, of which the most promising is taken

Counts = tuple[int, ...]


class CompositionChoice:
    """Draws compositions in proportion to the odds that a structure nobody has seen there lies lowest above the hull.

    Of a composition with r atoms in its formula unit, n tries count as m = n (2/r)², for larger units have more ways to
    be arranged. One try ends s above the lowest structure of its composition on average, so that after m tries the
    lowest known one, a above the hull, leaves the true one expected at y = a − s min(1, 1/m), give or take s/m. The
    prior is 0 ± s. Kindred compositions count by a Gaussian w of their distance in atomic fractions (0.1 wide), so that
    the posterior is that of a precision-weighted mean,

        mean = Σ w m² y / (1 + Σ w m²),    scatter = s / √(1 + Σ w m²),

    from which one value is drawn for each composition compared; the lowest wins: Thompson, Biometrika 25, 285 (1933).
    s is a fading mean of its own for fresh crystals and for children of good parents. So simple compositions are
    tried first, one that lies high beside low ones is tried again, and what is hopeless or exhausted rests.

    space: whose compositions are drawn.
    hull: of what was told, kept by whoever made this.
    """

    def __init__(self, space: SearchSpace, hull: LocalHull) -> None:
        self._space = space
        self._hull = hull
        self._tries: dict[Counts, int] = {}
        self._gap_eV = {True: _FRESH_GAP_eV, False: _CHILD_GAP_eV}
        self._cells: dict[Counts, list[Counts]] = {}
        for counts in space.compositions:
            self._cells.setdefault(reduced(counts), []).append(counts)
        simple = [sum(_simplicity(counts) for counts in cells) for cells in self._cells.values()]
        self._shares = np.array(simple) / sum(simple)

    def learn(self, counts: Counts, energy_eV_per_atom: float | None, fresh: bool) -> None:
        """Note a try, once the hull knows of it.

        Args:
            counts: of what was tried.
            energy_eV_per_atom: where it converged.
            fresh: a crystal without parents.
        """
        composition = reduced(counts)
        tries, lowest = self._tries.get(composition, 0), self._hull.lowest(composition)
        self._tries[composition] = tries + 1
        if energy_eV_per_atom is not None and lowest is not None and tries > 1:
            gap_eV = min(max(0.0, energy_eV_per_atom - lowest), _LARGEST_GAP_eV)
            self._gap_eV[fresh] += _LEARNING * (gap_eV - self._gap_eV[fresh])

    def cell(self, rng: np.random.Generator) -> Counts:
        """Atoms of each element for a fresh crystal: the most promising of some, few atoms more often than many."""
        compositions, compared = list(self._cells), min(_COMPARED, len(self._cells))
        drawn = rng.choice(len(compositions), size=compared, replace=False, p=self._shares)
        among = [compositions[int(i)] for i in drawn]
        cells = self._cells[among[self.best(among, rng, fresh=True)]]
        simple = np.array([_simplicity(counts) for counts in cells])
        return cells[int(rng.choice(len(cells), p=simple / simple.sum()))]

    def target(self, rng: np.random.Generator) -> Counts:
        """Atoms of each element that a parent may be brought to: the most promising of some, of whatever size."""
        drawn = rng.integers(len(self._space.compositions), size=_COMPARED)
        cells = [self._space.compositions[int(i)] for i in drawn]
        return cells[self.best(cells, rng)]

    def best(self, among: Sequence[Counts], rng: np.random.Generator, fresh: bool = False) -> int:
        """Index of the composition that a draw from the posterior puts lowest; of equal ones the first."""
        compositions = [reduced(counts) for counts in among]
        distinct = list(dict.fromkeys(compositions))
        mean_eV, scatter_eV = self._posterior(distinct, self._gap_eV[fresh])
        drawn_eV = mean_eV + scatter_eV * rng.standard_normal(len(distinct))
        return compositions.index(distinct[int(drawn_eV.argmin())])

    def _posterior(self, compositions: Sequence[Counts], s_eV: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scatter of the lowest unseen structure's energy above the hull, eV/atom, both (compositions,)."""
        if not self._tries:
            return np.zeros(len(compositions)), np.full(len(compositions), s_eV)
        tried = np.array(list(self._tries))
        m = np.array(list(self._tries.values())) * (_EASY_ATOMS / tried.sum(1)) ** 2
        known_eV = self._hull.heights()
        above_eV = np.array([known_eV.get(c, 2 * self._gap_eV[True]) for c in self._tries])  # nothing converged: high
        away = _fractions(np.array(compositions))[:, None] - _fractions(tried)
        weights = np.exp(-(away**2).sum(-1) / (2 * _KINDRED**2)) * m**2
        precision = 1 + weights.sum(1)
        return weights @ (above_eV - s_eV * np.minimum(1, 1 / m)) / precision, s_eV / np.sqrt(precision)

    def state(self) -> dict[str, Any]:
        """Tries and gaps as JSON-able values."""
        tries = [[list(counts), n] for counts, n in self._tries.items()]
        return {"tries": tries, "fresh_gap_eV": self._gap_eV[True], "child_gap_eV": self._gap_eV[False]}

    @classmethod
    def from_state(cls, space: SearchSpace, hull: LocalHull, state: dict[str, Any]) -> CompositionChoice:
        """The choice whose `state()` this was, with the hull that goes with it."""
        made = cls(space, hull)
        made._tries = {tuple(counts): int(n) for counts, n in state["tries"]}
        made._gap_eV = {True: float(state["fresh_gap_eV"]), False: float(state["child_gap_eV"])}
        return made


def _simplicity(counts: Counts) -> float:
    """How often a cell is drawn, relative to others, while nothing is known."""
    return float(sum(counts)) ** -2


def _fractions(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts / counts.sum(1)[:, None])
