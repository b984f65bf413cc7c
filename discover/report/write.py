"""A run's record in, the report's folder out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from discover.free_energies import temperature_hull
from discover.pareto import pareto_of
from discover.records import RunRecord
from discover.report.anchored import anchored_part, anchored_plot
from discover.report.figures_hull import hull_plot
from discover.report.figures_pareto import pareto_plot
from discover.report.figures_search import operators_plot, progress_plot
from discover.report.headline import caveats, headline
from discover.report.landscape import survey
from discover.report.look import render
from discover.report.page import Page, page_html
from discover.report.phases import cif_of, near_phases, picture_of
from discover.report.properties_part import properties_part
from discover.report.rungs import climbs, difference, rungs_plot, search_view, top_view
from discover.report.search_summary import cost_of, failure_rows, operator_rows
from discover.report.tables import anchors_csv, candidates_csv, hull_csv, operators_csv, pareto_csv, rungs_csv
from discover.report.temperature import temperature_part, temperature_plot
from discover.whole_files import remove_others, write_files

MAX_ROWS = 30  # phases with a row and a picture on the page; hull.csv has them all


def write_report(run: RunRecord, folder: Path, near_hull_eV_per_atom: float = 0.1) -> Path:
    """Write the report of `run` into `folder` and return the path of its page.

    Phases up to `near_hull_eV_per_atom` above the hull are counted as near it: they get a CIF and, up to 30,
    a row with a picture. Files are replaced once all are written, the page last: a kill leaves the old one.
    """
    land = survey(top_view(run))
    searched = search_view(run)
    found = climbs(run)
    phases = list(near_phases(run, near_hull_eV_per_atom))
    operators = operator_rows(searched, near_hull_eV_per_atom)
    pareto = pareto_of(run)
    warm = temperature_hull(run)
    properties = properties_part(run)
    plots = (
        hull_plot(land),
        anchored_plot(run, land),
        pareto_plot(pareto) if pareto else None,
        temperature_plot(warm),
        rungs_plot(run, found),
        progress_plot(survey(searched)),
        operators_plot(operators),
    )
    figures = {p.name: render(p) for p in plots if p is not None}
    cifs = {p.file_stem: text for p in phases if (text := cif_of(p)) is not None}
    pictures = {p.file_stem: png for p in phases[:MAX_ROWS] if (png := picture_of(p)) is not None}
    page = Page(
        run=run,
        kind=land.kind,
        headline=headline(run, land, phases),
        caveats=caveats(run),
        near_hull_meV=1000 * near_hull_eV_per_atom,
        n_near=len(phases),
        phases=phases[:MAX_ROWS],
        cifs=cifs,
        pictures=pictures,
        figures=figures,
        operators=operators,
        failures=failure_rows(run),
        cost=cost_of(run),
        difference=difference(run, found),
        pareto=pareto,
        anchored=anchored_part(run),
        properties=properties,
        temperature=temperature_part(warm),
    )
    files = {f"structures/{stem}.cif": text.encode() for stem, text in cifs.items()}
    files |= {f"structures/{stem}.png": png for stem, png in pictures.items()}
    files |= {f"properties/{name}": png for name, png in (properties.files if properties else {}).items()}
    files |= {f"{name}.png": figure.light for name, figure in figures.items()}
    files |= {
        "hull.csv": hull_csv(run, phases).encode(),
        "candidates.csv": candidates_csv(run).encode(),
        "operators.csv": operators_csv(operators).encode(),
        "hull.json": _json(run.hull.to_json()),
        **({"hull_at_temperature.json": _json(warm.to_json())} if warm else {}),
        **({"pareto.csv": pareto_csv(pareto).encode()} if pareto else {}),
        **({"anchors.csv": anchors_csv(run.anchoring).encode()} if run.anchoring else {}),
        **({"rungs.csv": rungs_csv(found).encode()} if found else {}),
        "index.html": page_html(page).encode(),
    }
    write_files(folder, files)
    remove_others(folder, files)
    remove_others(folder, files, "properties")
    return folder / "index.html"


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
