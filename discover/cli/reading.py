"""`discover status`, `report` and `hull`: what a run's folder says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discover.cli.output import chatter_to_stderr, duration, number, print_json, print_table

if TYPE_CHECKING:
    from discover.records import Hull, HullEntry

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A run's folder, what --out was.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def status(folder: Folder, as_json: AsJson = False) -> None:
    """Show where a run stands: how much is done, what became of it, what is on the hull.

    \b
    Examples:
      discover status runs/si-ge
      discover status runs/si-ge --json
    """  # noqa: D301 - \b is what keeps the lines below it apart
    with chatter_to_stderr():
        from discover.given.folder import GivenFolder
        from discover.learning.record import LearningRecord

        learning, given = LearningRecord.read(folder), GivenFolder.open(folder)
        if learning is not None:
            now, text = learning.status(), learning.status_text()
        elif given is not None:
            now, text = given.status(), given.status_text()
        else:
            from discover.run_folder import RunFolder

            now = RunFolder.open(folder).status()
            text = _status_text(now)
    if as_json:
        print_json(now)
    else:
        print(text)


def report(folder: Folder) -> None:
    """Write a run's report again, also of one that was interrupted or is still running.

    \b
    Example:
      discover report runs/si-ge
    """  # noqa: D301 - \b is what keeps the lines below it apart
    with chatter_to_stderr():
        from discover.given.folder import GivenFolder
        from discover.learning.record import LearningRecord

        learning, given = LearningRecord.read(folder), GivenFolder.open(folder)
        if learning is not None:
            from discover.learning.report import write_report

            write_report(learning, folder)
        elif given is not None:
            given.write_results()
        else:
            from discover.run_folder import RunFolder

            RunFolder.open(folder).write_results()
    print(folder / "report" / "index.html")


def hull(
    folder: Folder,
    as_json: AsJson = False,
    references: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="pymatgen ComputedStructureEntry JSON that joins the hull."),
    ] = None,
) -> None:
    """Show the convex hull: stable phases first, then by energy above the hull.

    Energies are in eV per atom. References must come from the same potential as the run.

    \b
    Examples:
      discover hull runs/si-ge
      discover hull runs/si-ge --json
      discover hull runs/si-ge --references runs/si-ge-2/export/entries.json
    """  # noqa: D301 - \b is what keeps the lines below it apart
    with chatter_to_stderr():
        from discover.run_folder import RunFolder

        run = RunFolder.open(folder)
        found = run.record(references).hull
    if as_json:
        print_json(found.to_json())
    else:
        print_hull(found, run.config.report.near_hull_eV_per_atom)


def _status_text(now: dict[str, Any]) -> str:
    candidates = now["candidates"]
    budget = f"/{candidates['budget']}" if candidates.get("budget") else ""
    fates = ", ".join(f"{n} {fate}" for fate, n in sorted(candidates["by_fate"].items())) or "none yet"
    rerank = [_rerank_text(now["rerank"])] if "rerank" in now else []
    return "\n".join(
        [
            f"{now['system']} with {now['potential']['name']}: {now['state']}",
            f"candidates: {candidates['done']}{budget}",
            f"structures, references included: {fates}",
            f"spent: {now['model_calls']} model calls, {duration(now['wall_s'])}",
            *rerank,
            f"on the hull: {', '.join(map(str, now['on_hull'])) or 'nothing yet'}",
        ]
    )


def _rerank_text(rerank: dict[str, Any]) -> str:
    fates = ", ".join(f"{n} {fate}" for fate, n in sorted(rerank["by_fate"].items()))
    calls = f"; {rerank['model_calls']} model calls" if rerank["done"] else ""
    done = f"re-ranked with {rerank['potential']}: {rerank['done']}/{rerank['wanted']}"
    return f"{done}{f' ({fates})' if fates else ''}{calls}"


def print_hull(found: Hull, near_eV: float) -> None:
    """The hull as a table: what lies on it, and near it."""
    near = [e for e in found.entries if e.on_hull or e.e_above_hull_eV_per_atom <= near_eV]
    pressure = f", enthalpies at {found.pressure_GPa:g} GPa" if found.pressure_GPa else ""
    anchored = ", anchored to DFT" if found.anchored else ""
    print(f"{found.system} with {found.potential.get('name')}{anchored}{pressure}")
    head = ["formula", "group", "eV/atom", "formation", "above hull"]
    head += ["sigma", "P(stable)", "DFT"] if found.anchored else []
    known = any(e.in_domain is not None for e in near)
    head += ["expected error"] if known else []
    head += ["id"]
    rung = ["rung"] if found.ladder else []
    rows = [_row(e, found.anchored, known) + ([e.rung] if rung else []) for e in near]
    print_table([*head, *rung], rows, right=head[1:])
    strangers = sum(e.in_domain is False for e in near)
    if strangers:
        what = "structure is" if strangers == 1 else "structures are"
        print(f"! {strangers} {what} unlike anything the potential is known to be good for: anchor before you believe")
    if found.ladder:
        print(f"rung {found.ladder[0]['rung']}: not re-ranked; above the hull of that potential alone")
    if len(near) < len(found.entries):
        far = len(found.entries) - len(near)
        print(f"{far} more than {near_eV:g} eV/atom above the hull; --json has them all")


def _row(entry: HullEntry, anchored: bool, known: bool) -> list[str]:
    above = "on hull" if entry.on_hull else number(entry.e_above_hull_eV_per_atom)
    energies = [number(entry.energy_eV_per_atom), number(entry.formation_energy_eV_per_atom)]
    sure = [number(entry.sigma_eV_per_atom), number(entry.p_stable, 2), "yes" if entry.anchored else "-"]
    error = number(entry.expected_error_eV_per_atom) + (" !" if entry.in_domain is False else "")
    shown = [entry.formula, str(entry.space_group or "-"), *energies, above]
    return [*shown, *(sure if anchored else []), *([error] if known else []), str(entry.id)]
