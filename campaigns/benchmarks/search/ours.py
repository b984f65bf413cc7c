"""Our searchers through the code that `discover run --workers 0` runs; only its engine is watched."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from systems import FMAX_EV_A, MAX_STEPS, System
from trial import Trial

import discover.campaign
import potentials
from discover.campaign import Campaign
from discover.config import CampaignConfig
from discover.engine import Finished, Halted, LocalEngine, Lost, Task
from potentials import Potential
from potentials.neighbours import Structure
from potentials.potential import Evaluation
from potentials.relax.settings import Outcome

VARIANTS: dict[str, dict[str, Any]] = {"full": {"risk": 0.0}, "unaided": {"surrogate": "off"}}
"""What stands behind a method's hyphen: every candidate relaxed to its end; no surrogate."""


def campaign(system: System, method: str, seed: int) -> CampaignConfig:
    """What a user would write, but for two keys (and one of `VARIANTS`).

    Known crystals would give the answer away: none. And `batch_atoms` is one cell's, so that about four candidates are
    out at a time: model calls are the measure, and a search that hears of each result soon spends fewer of them.
    """
    searcher, _, variant = method.partition("-")
    return CampaignConfig.model_validate(
        {
            "system": system.formula,
            "potential": system.potential,
            "potential_options": dict(system.options),
            "device": "cpu",
            "seed": seed,
            "search": {
                "searcher": searcher,
                "candidates": None,
                "model_calls": 10 * system.budget,
                "atoms": [system.atoms, system.atoms],
                "prototypes": "none",
            },
            "relax": {
                "fmax_eV_A": FMAX_EV_A,
                "max_steps": MAX_STEPS,
                "batch_atoms": system.atoms,
                "compile": "off",
                **VARIANTS.get(variant, {}),
            },
        }
    )


def run(system: System, method: str, seed: int, trial: Trial) -> None:
    """Search until the trial stops it. Replaces two names for good, so it wants a process of its own."""
    potentials.load = _counting(potentials.load, trial)
    discover.campaign.LocalEngine = lambda *given: Watched(LocalEngine(*given), trial)  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as scratch:
        Campaign(campaign(system, method, seed)).run(Path(scratch) / "run", workers=0)


def _counting(load: Any, trial: Trial) -> Any:
    """`potentials.load` whose potentials, the witness included, are charged to the trial."""

    def loaded(*arguments: Any, **options: Any) -> Potential:
        potential = load(*arguments, **options)
        evaluate = potential.evaluate

        def counted(structures: Sequence[Structure]) -> list[Evaluation]:
            trial.charge(len(structures))
            return evaluate(structures)

        potential.evaluate = counted
        return potential

    return loaded


class Watched:
    """An engine whose results are judged as they come in."""

    def __init__(self, engine: LocalEngine, trial: Trial) -> None:
        self._engine, self._trial = engine, trial
        self._operators: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        self._engine.submit(tasks)

    def collect(self) -> list[Finished | Lost | Halted]:
        """What has ended; only what the program itself would call converged can be a success."""
        ended = self._engine.collect()
        for item in ended:
            if isinstance(item, Halted):
                continue
            relaxation = None if isinstance(item, Lost) else item.relaxation
            if relaxation is not None and relaxation.outcome is Outcome.CONVERGED:
                self._trial.candidate(relaxation.atoms, relaxation.energy_eV)
            else:
                self._trial.failed()
        return ended
