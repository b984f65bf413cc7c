"""What several commands that run a campaign, or something on one, take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Run folder; runs/<name of the campaign> by default."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="In place of the campaign's seed.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="a.b=c", help="Change a key of the campaign; repeat for more."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Processes; one a GPU or core by default, 0: all in this one."),
]
RayAddress = Annotated[
    str | None, typer.Option(metavar="A", help="A Ray cluster to run on, as in auto or ray://head:10001.")
]
