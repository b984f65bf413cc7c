"""Which composition deserves the next model calls: Thompson sampling of what may still lie unseen below the hull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from searchers.candidate import Fate, Relaxed
from searchers.local_hull import LocalHull, reduced
from searchers.operators.child import counts_of
from searchers.space import SearchSpace

_FOUND_BY_A_TRY = 0.2  # chance that a try finds the lowest structure of a formula unit of two atoms: TiC needs 3 to 12
_EASY_ATOMS = 2
_FALLEN_BACK = 0.2  # of a try: a small change to a known structure seldom leads elsewhere
_MOST_CHANCE = 0.5
_LARGE = 0.25  # share of compounds whose lowest structure needs their largest cell
_ROUGH_eV = 0.1  # per atom: how far lowest structures scatter about their kindred compositions', before any is known
_PRIOR = 0.5  # of a kindred composition: what counts for that, and for something on the hull
_KINDRED = 0.07  # atomic fractions over which compositions tell of each other
_COMPARED_FRESH, _COMPARED_TARGETS = 4, 8  # compositions drawn by size alone, of which the most promising is taken

Counts = tuple[int, ...]


class CompositionChoice:
    """Draws compositions by the odds that a structure nobody has seen there lies lowest above the hull.

    A try finds the lowest structure in cells of N atoms with the chance p = 0.2 (2/N)², at most a half. Three times in
    four a compound's has its smallest cell, once its largest; after n tries it is left unseen with the chance q = ¾ (1
    − p_small)^n + ¼ (1 − p_large)^n, where a child that only fell back into what was known is a fifth of a try. (The
    known forms of elements are tried before; of them the smallest cell says enough.) How high it may lie the lowest
    known structures of kindred compounds tell, a' above the hull each, which count by a Gaussian w of their distance
    in atomic fractions (0.07 wide); its own is one of them, for it may just have been unlucky:

        μ = Σ w a' / (½ + Σ w),    σ² = (½ (0.1 eV)² + Σ w (a' − μ)²) / (½ + Σ w).

    For each composition compared it is drawn whether (q) and how high (normal, μ ± σ) something lies unseen; the lowest
    wins: Thompson, Biometrika 25, 285 (1933). Where nothing is drawn at all, the highest q does. Where kindred tries
    have cost more model calls than the mean, q counts for as much less. So simple compositions are tried first, one
    that lies high beside low ones is tried again, and what is hopeless, exhausted or dear rests.

    space: whose compositions are drawn.
    hull: of what was told, kept by whoever made this.
    """

    def __init__(self, space: SearchSpace, hull: LocalHull) -> None:
        self._space = space
        self._hull = hull
        self._tries: dict[Counts, float] = {}
        self._calls: dict[Counts, int] = {}
        simple = [sum(_simplicity(counts) for counts in cells) for cells in space.cells_of.values()]
        self._shares = np.array(simple) / sum(simple)

    def learn(self, result: Relaxed) -> None:
        """Note a try, however it ended; of other elements it is passed over."""
        counts = counts_of(result.candidate.atoms, self._space)
        if counts is None:
            return
        fell_back = result.fate is Fate.DUPLICATE and bool(result.candidate.parents)
        composition = reduced(counts)
        self._tries[composition] = self._tries.get(composition, 0.0) + (_FALLEN_BACK if fell_back else 1.0)
        self._calls[composition] = self._calls.get(composition, 0) + result.model_calls

    def cell(self, rng: np.random.Generator) -> Counts:
        """Atoms of each element for a fresh crystal: the most promising of some, few atoms more often than many."""
        compositions = list(self._space.cells_of)
        compared = min(_COMPARED_FRESH, len(compositions))
        drawn = rng.choice(len(compositions), size=compared, replace=False, p=self._shares)
        among = [compositions[int(i)] for i in drawn]
        cells = self._space.cells_of[among[self.best(among, rng)]]
        simple = np.array([_simplicity(counts) for counts in cells])
        return cells[int(rng.choice(len(cells), p=simple / simple.sum()))]

    def target(self, rng: np.random.Generator) -> Counts:
        """Atoms of each element that a parent may be brought to: the most promising of some, of whatever size."""
        drawn = rng.integers(len(self._space.compositions), size=_COMPARED_TARGETS)
        cells = [self._space.compositions[int(i)] for i in drawn]
        return cells[self.best(cells, rng)]

    def best(self, among: Sequence[Counts], rng: np.random.Generator) -> int:
        """Index of the composition where the lowest unseen structure was drawn; of equal ones the first."""
        compositions = [reduced(counts) for counts in among]
        distinct = list(dict.fromkeys(compositions))
        unseen, mean_eV, scatter_eV = self.odds(distinct)
        unseen = unseen * self.thrift(distinct)
        heights_eV = mean_eV + scatter_eV * rng.standard_normal(len(distinct))
        left = rng.random(len(distinct)) < unseen
        chosen = np.where(left, heights_eV, np.inf).argmin() if left.any() else unseen.argmax()
        return compositions.index(distinct[int(chosen)])

    def odds(self, compositions: Sequence[Counts]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Chance that the lowest structure is unseen, its expected energy above the hull and the scatter of that.

        Three arrays of shape (compositions,), the latter two in eV/atom.
        """
        asked = np.array(compositions)
        tries = np.array([self._tries.get(c, 0.0) for c in compositions])
        sizes = asked.sum(1)
        largest = sizes * np.maximum(1, self._space.max_atoms // sizes)
        large = np.where((asked > 0).sum(1) > 1, _LARGE, 0.0)
        unseen = (1 - large) * (1 - _chance(sizes)) ** tries + large * (1 - _chance(largest)) ** tries
        heights_eV = self._hull.heights()
        known = np.array(list(heights_eV)).reshape(-1, asked.shape[1])
        # Elements are on the hull whatever their energy: they tell of nothing but themselves.
        compounds = (known > 0).sum(1) > 1
        if not compounds.any():
            return unseen, np.zeros(len(asked)), np.full(len(asked), _ROUGH_eV)
        above_eV = np.array(list(heights_eV.values()))[compounds]
        weights = _kinship(asked, known[compounds])
        total = _PRIOR + weights.sum(1)
        mean_eV = weights @ above_eV / total
        squares = (weights * (above_eV - mean_eV[:, None]) ** 2).sum(1)
        return unseen, mean_eV, np.sqrt((_PRIOR * _ROUGH_eV**2 + squares) / total)

    def thrift(self, compositions: Sequence[Counts]) -> np.ndarray:
        """Model calls of a mean try over those of a try of each composition's kind, at most 1; (compositions,)."""
        if not any(self._calls.values()):
            return np.ones(len(compositions))
        tries, calls = np.array(list(self._tries.values())), np.array(list(self._calls.values()), dtype=float)
        mean = calls.sum() / tries.sum()
        weights = _kinship(np.array(compositions), np.array(list(self._tries)))
        costs = (_PRIOR * mean + weights @ calls) / (_PRIOR + weights @ tries)
        return np.minimum(1.0, mean / costs)

    def state(self) -> list[Any]:
        """[counts, tries, calls] of each composition, JSON-able."""
        return [[list(counts), n, self._calls[counts]] for counts, n in self._tries.items()]

    @classmethod
    def from_state(cls, space: SearchSpace, hull: LocalHull, state: Sequence[Any]) -> CompositionChoice:
        """The choice whose `state()` this was, with the hull that goes with it."""
        made = cls(space, hull)
        made._tries = {tuple(counts): float(n) for counts, n, _ in state}
        made._calls = {tuple(counts): int(calls) for counts, _, calls in state}
        return made


def _chance(atoms: np.ndarray) -> np.ndarray:
    """That a try finds the lowest structure in cells of so many atoms."""
    return np.asarray(np.minimum(_MOST_CHANCE, _FOUND_BY_A_TRY * (_EASY_ATOMS / atoms) ** 2))


def _kinship(counts: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much each of the others tells of each composition, shape (counts, others)."""
    away = (counts / counts.sum(1)[:, None])[:, None] - others / others.sum(1)[:, None]
    return np.asarray(np.exp(-(away**2).sum(-1) / (2 * _KINDRED**2)))


def _simplicity(counts: Counts) -> float:
    """How often a cell is drawn, relative to others, while nothing is known."""
    return float(sum(counts)) ** -2
