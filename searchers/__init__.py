"""Where to look next: ask/tell searchers, random symmetric generation, variation operators, fingerprints."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from searchers.candidate import Candidate, Fate, Relaxed, candidate_rng
from searchers.searcher import Searcher
from searchers.space import SearchSpace, SpaceError

if TYPE_CHECKING:
    from searchers.annealing import SimulatedAnnealing
    from searchers.duplicates import DuplicateIndex
    from searchers.genetic import GeneticSearch
    from searchers.hopping import MinimaHopping
    from searchers.pareto import ParetoSearch
    from searchers.portfolio import PortfolioSearch
    from searchers.random_search import RandomSearch

_HOME = {
    "DuplicateIndex": "duplicates",
    "GeneticSearch": "genetic",
    "MinimaHopping": "hopping",
    "ParetoSearch": "pareto",
    "PortfolioSearch": "portfolio",
    "RandomSearch": "random_search",
    "SimulatedAnnealing": "annealing",
}

__all__ = [
    "Candidate",
    "DuplicateIndex",
    "Fate",
    "GeneticSearch",
    "MinimaHopping",
    "ParetoSearch",
    "PortfolioSearch",
    "RandomSearch",
    "Relaxed",
    "SearchSpace",
    "Searcher",
    "SimulatedAnnealing",
    "SpaceError",
    "candidate_rng",
]


def __getattr__(name: str) -> object:
    """Import on first use: deap and pyxtal take seconds."""
    if name not in _HOME:
        raise AttributeError(f"module 'searchers' has no attribute {name!r}")
    return getattr(import_module(f"searchers.{_HOME[name]}"), name)
