"""Computations by name; a new one is one file and one line here.

A computation is a module with

    class Settings(BaseModel)           what `--set key=value` takes
    NEEDS: Sequence[str]                stages of the pipeline that come first: "rest", "validate"
    VERSION: int                        1 where it is not given; raised by whoever makes `compute` give other numbers,
                                        for the pipeline to compute again
    KEEPS: bool                         False where it is not given; True where `compute` takes `folder=` too: a place
                                        for files from which it goes on after a kill, None where there is none
    def needs(settings) -> Sequence     in place of NEEDS, where they hang on the settings (as JSON)
    def compute(potential, atoms, settings, progress) -> Computed
    def plots(json) -> Sequence[Plot]   figures of what `compute` gave as JSON, so that a report can be drawn again
    def table(json) -> head, rows, right    of the same, where the report shall show a table; may be left out
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from discover.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms
    from pydantic import BaseModel

    from discover.progress import Progress
    from discover.report.look import Plot
    from potentials import Potential

HOMES = {
    "barrier": "discover.compute.barrier",
    "conductivity": "discover.compute.conductivity",
    "elastic": "discover.compute.elastic",
    "exfoliation": "discover.compute.exfoliation",
    "kappa": "discover.compute.kappa",
    "kie": "discover.compute.kie",
    "phonons": "discover.compute.phonons",
    "thermal": "discover.compute.thermal",
    "uncertainty": "discover.compute.uncertainty",
    "validate": "discover.compute.validation",
}
"""Imported when asked for: `discover --help` must not wait for torch."""


@dataclass(frozen=True)
class Computed:
    """What a computation found of one structure.

    Attributes:
        json: what `--json` prints.
        title: one line above the table.
        head, rows: the table.
        right: columns of numbers.
        ok: False where `--strict` ends with exit code 1.
    """

    json: dict[str, Any]
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = field(default=())
    ok: bool = True


class Computation(Protocol):
    """A module of `HOMES`."""

    Settings: type[BaseModel]
    NEEDS: Sequence[str]

    def compute(self, potential: Potential, atoms: Atoms, settings: Any, progress: Progress) -> Computed:
        """Compute it for one structure, as it came: one that has to be at rest is brought to rest first.

        Raises:
            properties.errors.PropertyError: it cannot be had, with the reason.
            InputError: it cannot be asked for so.
        """

    def plots(self, json: Mapping[str, Any]) -> Sequence[Plot]:
        """Figures of what was computed; none is an answer too."""


def computation(name: str) -> Computation:
    """By name.

    Raises:
        InputError: no such name, with the nearest one.
    """
    if name not in HOMES:
        near = difflib.get_close_matches(name, HOMES, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(HOMES)}"
        raise InputError(f"NAME: nothing to compute is called {name!r}; {hint}")
    module: Any = import_module(HOMES[name])
    return module
