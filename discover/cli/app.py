"""The commands by name; a new one is one file and one line here."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from discover.cli.anchoring import anchor
from discover.cli.computing import compute
from discover.cli.exporting import export
from discover.cli.learning import learn
from discover.cli.models import potentials
from discover.cli.properties import properties
from discover.cli.reading import hull, report, status
from discover.cli.searching import run

app = typer.Typer(
    help="Which crystal structures of a chemical system are stable? Searches, relaxes, and builds the hull.",
    epilog="First steps: `discover run campaigns/si-ge.yaml`, then open runs/si-ge/report/index.html.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help takes 0.2 s to import; plain help is there at once
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (run, status, report, hull, anchor, properties, learn, compute, export, potentials):
    app.command()(command)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"discover {version('discover-materials')}")
        raise typer.Exit


@app.callback()
def discover(
    tells: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and leave.")
    ] = False,
) -> None:
    """Search a chemical system for stable crystal structures."""
