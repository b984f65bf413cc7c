"""Stages: computations of `discover compute` in the order in which they can run, with what they need put in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from discover.compute.registry import computation
from discover.errors import InputError
from properties.rest import FMAX_EV_A, MAX_STEPS

REST = "rest"
VALIDATE = "validate"
REST_VERSION = 1
BRIEF: Mapping[str, Mapping[str, Any]] = {VALIDATE: {"only": ["derivatives", "invariances"]}}
"""Settings of a stage that nobody has asked for by name and that another one needs: laws that differences of energies
and forces rest on, a second's work."""
GIVES_FREE_ENERGY = ("phonons", "thermal")


@dataclass(frozen=True)
class Stage:
    """One computation as the pipeline runs it.

    Attributes:
        name: of the computation, or "rest".
        settings: every one written out, JSON-able.
        needs: stages that have to have gone well before.
        version: of its code; one that gives other numbers than before has another.
    """

    name: str
    settings: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    version: int = 1

    @property
    def at_rest(self) -> bool:
        """Whether it is given the structure at rest, and not the one that the search has left."""
        return REST in self.needs

    @property
    def bears_pressure(self) -> bool:
        """Whether it gives the numbers of a crystal under pressure.

        One that has a `pressure_GPa` of its own is told the campaign's; any other needs a campaign at none.
        """
        return not self.at_rest or "pressure_GPa" in self.settings


def planned(
    chosen: Mapping[str, Mapping[str, Any]], only: Collection[str] = (), pressure_GPa: float = 0.0
) -> list[Stage]:
    """The stages in an order in which each comes after those that it needs, each once.

    chosen: settings by stage, as a campaign gives them.
    only: of these, with what they need; empty takes all.
    pressure_GPa: of the campaign.

    Raises:
        InputError: `only` names what is not among them, stages that need each other.
    """
    unknown = [name for name in only if name not in chosen]
    if unknown:
        raise InputError(f"--only: {unknown[0]!r} is no stage of this run; there are {', '.join(chosen)}")
    found: dict[str, Stage] = {}
    for name in only or chosen:
        _add(name, chosen, found, ())
    return [_under(stage, pressure_GPa) for stage in found.values()]


def _under(stage: Stage, pressure_GPa: float) -> Stage:
    """The same at the campaign's pressure."""
    if not stage.at_rest or stage.settings.get("pressure_GPa") != 0.0:
        return stage
    return replace(stage, settings={**stage.settings, "pressure_GPa": pressure_GPa})


def _add(name: str, chosen: Mapping[str, Mapping[str, Any]], found: dict[str, Stage], above: Sequence[str]) -> None:
    if name in above:
        raise InputError(f"properties: the stages {' and '.join(above)} need each other")
    if name in found:
        return
    stage = _stage(name, chosen)
    for need in stage.needs:
        _add(need, chosen, found, (*above, name))
    found[name] = stage


def _stage(name: str, chosen: Mapping[str, Mapping[str, Any]]) -> Stage:
    if name == REST:
        return Stage(REST, {"fmax_eV_A": FMAX_EV_A, "max_steps": MAX_STEPS}, version=REST_VERSION)
    module: Any = computation(name)
    settings = chosen[name] if name in chosen else module.Settings(**BRIEF.get(name, {})).model_dump(mode="json")
    needs = module.needs(settings) if hasattr(module, "needs") else module.NEEDS
    return Stage(name, settings, tuple(needs), getattr(module, "VERSION", 1))
