"""From a campaign's configuration to its search space and searcher."""

from __future__ import annotations

from typing import Any

import searchers
from discover.config import ANY_SIZE, CampaignConfig
from searchers import Searcher, SearchSpace
from searchers.objectives import measured_names

SEARCHERS = {
    "random": "RandomSearch",
    "genetic": "GeneticSearch",
    "annealing": "SimulatedAnnealing",
    "hopping": "MinimaHopping",
    "pareto": "ParetoSearch",
    "portfolio": "PortfolioSearch",
}
"""A new searcher is one file in `searchers/`, a name here and in its `__init__.py`, and its settings in `config.py`."""


def searcher_class(name: str) -> type[Any]:
    """The class behind a name in YAML."""
    return getattr(searchers, SEARCHERS[name])


def search_space(config: CampaignConfig) -> SearchSpace:
    """The space the campaign searches."""
    search = config.search
    return SearchSpace.from_system(
        config.system,
        ANY_SIZE if config.structures else (search.atoms[0], search.atoms[1]),
        min_distance_scale=search.min_distance_scale,
        space_groups=tuple(search.space_groups) if search.space_groups else None,
    )


def make_searcher(config: CampaignConfig, space: SearchSpace, first_id: int) -> Searcher:
    """The searcher that the campaign names, with its own settings."""
    name = config.search.searcher
    settings = _settings(config, name)
    if name == "portfolio":
        settings = {"members": {member: _settings(config, member) for member in config.search.portfolio.members}}
    return searcher_class(name)(space, seed=config.seed, first_id=first_id, **settings)


def measured_properties(config: CampaignConfig) -> tuple[str, ...]:
    """Properties that the searcher wants of every structure near the hull."""
    return measured_names(config.search.pareto.objectives) if config.search.searcher == "pareto" else ()


def _settings(config: CampaignConfig, name: str) -> dict[str, Any]:
    """What a searcher's own section says; random search has none."""
    return {} if name == "random" else getattr(config.search, name).model_dump(exclude_none=True)
