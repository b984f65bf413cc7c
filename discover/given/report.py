"""The report of a run whose structures were given: no hull, no search; what was computed, and how."""

from __future__ import annotations

import io
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ase.io
from ase import Atoms

from discover.config import campaign_json
from discover.pipeline.record import PropertiesRecord, read_properties
from discover.pipeline.results import StageResult
from discover.report.look import Rendered, render
from discover.report.notation import group_symbol, potential_name
from discover.report.page import UNKNOWN, environment
from discover.report.properties_part import PropertiesPart, part_of
from discover.whole_files import remove_others, write_files

if TYPE_CHECKING:
    from discover.given.folder import GivenFolder
    from discover.learning.record import LearningRecord

PACKAGES = ("discover-materials", "torch", "torch-sim-atomistic", "sevenn", "ase", "stacie", "ray")


@dataclass(frozen=True)
class GivenPage:
    """Everything that the template shows.

    Attributes:
        answers: one line a structure: its formula, its id, what the last stage that has a result says.
        failed: stages without a result, over all structures.
        learning: what was learnt first, with its figures; None where nothing was.
    """

    system: str
    potential: str
    complete: bool
    answers: Sequence[tuple[str, str, str]]
    stages: Sequence[str]
    failed: int
    seconds: float
    properties: PropertiesPart | None
    learning: LearningRecord | None
    figures: Mapping[str, Rendered]
    provenance: Mapping[str, Any]
    campaign: Mapping[str, Any]
    given: bool = True


def write_report(folder: GivenFolder) -> Path:
    """Write `structures/` and `report/` of a run and give the path of the report's page."""
    page = _page(folder)
    html = environment().get_template("given.html").render(page=page, unknown=UNKNOWN, group_symbol=group_symbol)
    files = {f"structures/{hit.id}.cif": _cif(hit.atoms) for hit in folder.hits()}
    pictures = page.properties.files if page.properties is not None else {}
    report = {f"report/properties/{name}": content for name, content in pictures.items()}
    report |= {f"report/{name}.png": figure.light for name, figure in page.figures.items()}
    write_files(folder.path, {**files, **report, "report/index.html": html.encode()})
    remove_others(folder.path, files)
    remove_others(folder.path, report, "report/properties")
    return folder.path / "report" / "index.html"


def _cif(atoms: Atoms) -> bytes:
    cif = io.BytesIO()
    ase.io.write(cif, atoms, format="cif")
    return cif.getvalue()


def _page(folder: GivenFolder) -> GivenPage:
    record, learning = read_properties(folder.path), folder.learning
    results = [r for hit in record.hits for r in hit.results.values()] if record else []
    metadata = dict(record.potential) if record else {"name": folder.config.potential}
    return GivenPage(
        system=folder.config.system,
        potential=potential_name(metadata),
        complete=folder.complete,
        answers=_answers(record, folder.stages),
        stages=folder.stages,
        failed=sum(not r.done for r in results),
        seconds=sum(r.seconds for r in results),
        properties=_part(record, folder.stages) if record else None,
        learning=learning,
        figures=_figures(learning),
        provenance=_provenance(metadata, folder.config.seed),
        campaign=campaign_json(folder.config),
    )


def _part(record: PropertiesRecord, stages: Sequence[str]) -> PropertiesPart:
    """The cards, without notes that say what stands at the top of the page already."""
    part = part_of(record)
    said = [text for _, _, text in _answers(record, stages)]
    cards = [replace(c, notes=[n for n in c.notes if not any(text in n for text in said)]) for c in part.cards]
    return replace(part, cards=cards)


def _answers(record: PropertiesRecord | None, stages: Sequence[str]) -> list[tuple[str, str, str]]:
    found = []
    for hit in record.hits if record else ():
        last = _last(hit.results, stages)
        said = "nothing is computed yet" if last is None else last.title if last.done else f"no answer: {last.reason}"
        found.append((hit.hit["formula"], str(hit.id), said))
    return found


def _last(results: Mapping[str, StageResult], stages: Sequence[str]) -> StageResult | None:
    """What was asked for last and is there; a result before a failure."""
    there = [results[name] for name in stages if name in results]
    done = [r for r in there if r.done]
    return next(reversed(done or there), None)


def _figures(learning: LearningRecord | None) -> dict[str, Rendered]:
    from discover.learning.figures import plots

    return {} if learning is None else {f"learning-{p.name}": render(p) for p in plots(learning)}


def _provenance(potential: Mapping[str, Any], seed: int) -> dict[str, Any]:
    described = {f"potential {k.replace('_', ' ')}": v for k, v in potential.items() if v is not None}
    return described | {
        "seed": seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }
