"""`discover anchor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from discover.cli.interruption import Interrupted, sigterm_interrupts
from discover.cli.output import chatter_to_stderr, duration, print_json
from discover.cli.reading import AsJson, Folder, print_hull

if TYPE_CHECKING:
    from discover.records import RunRecord


def anchor(
    folder: Folder,
    calculator: Annotated[
        str | None, typer.Option(metavar="NAME", help="gpaw, espresso, abinit or vasp; gpaw by default.")
    ] = None,
    budget: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="DFT calculations in all, those already made included.")
    ] = None,
    energies: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="DFT energies that you have, in place of a calculator; repeat for more."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Calculations at a time, one thread each; one a core.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="a=b", help="Another key of the campaign's anchor section; repeat for more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Anchor a run's hull to DFT: calculate the structures that decide it, and correct all others by what is learnt.

    Stop it whenever you like: a finished calculation is never made again. A larger --budget goes on.

    \b
    Examples:
      discover anchor runs/si-ge
      discover anchor runs/si-ge --budget 12 --set cutoff_eV=600
      discover anchor runs/si-ge --energies vasp-energies.json
    """  # noqa: D301 - \b is what keeps the lines below it apart
    from rich.console import Console

    from discover.cli.progress import progress_on
    from discover.config import anchor_settings

    given = {"calculator": calculator, "budget": budget, "files": energies or None, "workers": workers}
    try:
        with chatter_to_stderr(), sigterm_interrupts() as claim:
            from discover.anchoring.run import anchor_run
            from discover.run_folder import RunFolder

            run = RunFolder.open(folder)
            settings = anchor_settings(run.config, given, overrides or ())
            progress = progress_on(Console(stderr=True), claim)
            from discover.anchoring.anchor import check_anchor
            from discover.strategy import search_space

            check_anchor(settings, search_space(run.config).elements, run.config.search.pressure_GPa)
            run.begin()
            try:
                anchor_run(run, settings, progress)
                run.keep(settings)
                record = run.write_results()
            finally:
                progress.finish()
                run.release()
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; finished calculations are kept in {folder}/anchors; the same command goes on"
        ) from None
    if as_json:
        print_json(record.hull.to_json())
    else:
        print_hull(record.hull, run.config.report.near_hull_eV_per_atom)
        print(_summary(record, folder))


def _summary(record: RunRecord, folder: Path) -> str:
    """What it took."""
    anchoring = record.anchoring
    assert anchoring is not None
    done = [s for s in anchoring.steps if s.energy_eV_per_atom is not None]
    seconds = sum(s.seconds for s in anchoring.steps)
    failed = f", {len(anchoring.steps) - len(done)} failed" if len(done) < len(anchoring.steps) else ""
    return "\n".join(
        [
            f"{len(done)} DFT energies ({anchoring.method}){failed}, {duration(seconds)} of processor time",
            f"report: {folder / 'report' / 'index.html'}",
        ]
    )
