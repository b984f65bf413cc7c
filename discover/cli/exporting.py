"""`discover export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from discover.cli.output import chatter_to_stderr
from discover.cli.reading import Folder


class Format(StrEnum):
    """What `--format` takes."""

    CIF = "cif"
    EXTXYZ = "extxyz"
    CSV = "csv"
    ENTRIES = "entries"


_DEFAULT_NAME = {
    Format.CIF: "cif",
    Format.EXTXYZ: "structures.extxyz",
    Format.CSV: "hull.csv",
    Format.ENTRIES: "entries.json",
}


def export(
    folder: Folder,
    fmt: Annotated[Format, typer.Option("--format", help="cif writes a folder, the others one file.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="Where to; a name in DIR/export by default.")
    ] = None,
    near_hull: Annotated[
        float | None, typer.Option(min=0, metavar="EV", help="Only phases this close to the hull, eV/atom.")
    ] = None,
) -> None:
    """Write a run's distinct structures for other programs.

    entries are pymatgen ComputedStructureEntry objects that name their potential: another run with the same
    potential takes them as --references.

    \b
    Examples:
      discover export runs/si-ge --format cif --near-hull 0.05
      discover export runs/si-ge --format entries --out si-ge.json
    """  # noqa: D301 - \b is what keeps the lines below it apart
    with chatter_to_stderr():
        from discover.export import export as write
        from discover.run_folder import RunFolder

        path = out or folder / "export" / _DEFAULT_NAME[fmt]
        done = write(RunFolder.open(folder).record(), fmt.value, path, near_hull)
    left = f" ({len(done.left_out)} references or structures from files are not among them)" if done.left_out else ""
    left += f" ({done.lower} that were not re-ranked have energies of another potential)" if done.lower else ""
    print(f"{done.written} {'phase' if done.written == 1 else 'phases'} in {path}{left}")
