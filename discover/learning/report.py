"""The report of a learning run: one page, its figures and tables beside it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from discover.learning.figures import plots
from discover.learning.record import LearningRecord
from discover.report.look import render
from discover.report.page import environment
from discover.whole_files import write_files


def write_report(record: LearningRecord, folder: Path) -> Path:
    """Write `folder`/report and give the path of its page."""
    figures = {plot.name: render(plot) for plot in plots(record)}
    html = environment().get_template("learning.html").render(
        record=record, figures=figures, headline=headline(record), oracle=record.oracle["name"],
        potential=record.potential.get("name"), growth=growth(record),
        paths=[g for g in record.generations if g.path is not None],
    )  # fmt: skip
    files = {f"report/{name}.png": figure.light for name, figure in figures.items()}
    files |= {
        "report/labels.csv": _labels_csv(record).encode(),
        "report/learning.json": json.dumps(record.to_json(), indent=1, allow_nan=False).encode(),
        "report/index.html": html.encode(),
    }
    write_files(folder, files)
    return folder / "report" / "index.html"


def headline(record: LearningRecord) -> str:
    """What came of it, in a sentence."""
    first, last = record.generations[0], record.generations[-1]
    labels = len(record.labels)
    barriers = barrier_headline(record)
    if barriers:
        return barriers
    if last.number == 0:
        return "Nothing is learnt yet"
    if first.held_out_force_eV_A is None or last.held_out_force_eV_A is None:
        return f"{labels} labels, {last.number} generations"
    share = 1 - last.held_out_force_eV_A / first.held_out_force_eV_A
    verb = "fell" if share > 0 else "rose"
    return f"Force errors {verb} by {100 * abs(share):.0f} % with {labels} labels"


def barrier_headline(record: LearningRecord) -> str:
    """Of a path: the first and the last barrier, and how wrong they were; empty where there is no last one yet."""
    told = [g.path for g in record.generations if g.path is not None]
    if len(told) < 2:
        return ""
    first, last = told[0], told[-1]
    words = f"Barrier {first.forward_eV:.3f} eV before, {last.forward_eV:.3f} eV with {len(record.labels)} labels"
    wrong = [path.error_forward_eV for path in told if path.error_forward_eV is not None]
    if first.error_forward_eV is None or len(wrong) < 2:
        return words
    return f"{words}: {1000 * abs(wrong[0]):.0f} meV off, then {1000 * abs(wrong[-1]):.0f}"


def growth(record: LearningRecord) -> float | None:
    """By how much the error on reference structures of other systems has grown, a share."""
    first, last = record.generations[0], record.generations[-1]
    if not first.reference_force_eV_A or last.reference_force_eV_A is None:
        return None
    return last.reference_force_eV_A / first.reference_force_eV_A - 1


def _labels_csv(record: LearningRecord) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["generation", "walker", f"place_{record.unit}", "distance", "force_error_eV_A", "energy_error_meV_per_atom",
         "why"]
    )  # fmt: skip
    for r in record.labels:
        writer.writerow(
            [r.generation, r.walker, r.place, r.distance, r.force_error_eV_A, r.energy_error_meV_per_atom, r.why]
        )
    return out.getvalue()
