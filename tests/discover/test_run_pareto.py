"""A Pareto campaign from YAML to its files: the front is exact, its structures are kept, resuming changes nothing."""

import csv
import json
import math
from dataclasses import replace

import pytest

from discover import Campaign
from discover.config import CampaignConfig
from discover.measuring import MEASURES
from discover.pareto import front_of, pareto_of
from discover.report import write_report
from discover.report.figures_pareto import LABELS
from potentials import load
from properties.bulk_modulus import bulk_modulus_GPa
from searchers.objectives import OBJECTIVE_NAMES
from tests.discover import report_samples as samples

DENSE_AND_STIFF = {"bulk_modulus_GPa": "max", "density_g_cm3": "max"}
B = "bulk_modulus_GPa"


def beats(a, b, senses):
    """Whether a point of pareto.json is nowhere worse than another and somewhere better."""

    def cost(point, name):
        return -point["objectives"][name] if senses[name] == "max" else point["objectives"][name]

    pairs = [(cost(a, name), cost(b, name)) for name in senses]
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Cu-Au by EMT, dense and stiff, within 0.2 eV/atom; EMT is smooth enough for 4 calls to give a modulus."""
    pareto = {"population": 5, "objectives": DENSE_AND_STIFF, "within_eV_per_atom": 0.2}
    search = {"searcher": "pareto", "candidates": 12, "atoms": [1, 4], "pareto": pareto}
    config = CampaignConfig.model_validate(
        # Few pictures: they take most of the time
        {"system": "Cu-Au", "potential": "emt", "seed": 1, "search": search, "report": {"near_hull_eV_per_atom": 0.01}}
    )
    folder = tmp_path_factory.mktemp("runs") / "cu-au"
    return folder, Campaign(config).run(folder, workers=0)


def written(folder):
    return json.loads((folder / "pareto.json").read_text())


def test_the_file_holds_every_structure_within_the_cut(run):
    folder, record = run
    near = [e.id for e in record.hull.entries if e.e_above_hull_eV_per_atom <= 0.2]
    assert [p["id"] for p in written(folder)["points"]] == near
    assert written(folder)["objectives"] == {"e_above_hull_eV_per_atom": "min", **DENSE_AND_STIFF}


def test_the_front_in_the_file_is_complete_and_non_dominated(run):
    folder, _ = run
    senses, points = written(folder)["objectives"], written(folder)["points"]
    known = [p for p in points if None not in p["objectives"].values()]
    assert len(known) > 3
    front = {p["id"] for p in points if p["on_front"]}
    assert front == {p["id"] for p in known if not any(beats(q, p, senses) for q in known)}


def test_what_is_near_the_hull_was_measured_and_paid_for(run):
    _, record = run
    near = {e.id for e in record.hull.entries if e.e_above_hull_eV_per_atom <= 0.2}
    relaxed = {r.id: r for r in record.history if r.fate == "converged"}
    assert all(B in relaxed[i].properties for i in near & relaxed.keys())
    potential = load("emt")
    for i in near & relaxed.keys():
        # Positions come back from the store to the last bit
        assert relaxed[i].properties[B] == pytest.approx(bulk_modulus_GPa(potential, record.atoms_of(i)), rel=1e-9)
        assert relaxed[i].model_calls > MEASURES[B].model_calls


def test_structures_on_the_front_are_kept_as_files_however_far_from_the_hull(run):
    folder, _ = run
    names = {path.name.split("_")[0] for path in (folder / "structures").glob("*.cif")}
    assert {str(p["id"]) for p in written(folder)["points"] if p["on_front"]} <= names


def test_the_report_shows_plot_and_table(run):
    folder, record = run
    report = folder / "report"
    page = (report / "index.html").read_text()
    assert (report / "pareto.png").stat().st_size > 0
    assert "Pareto front" in page and "Bulk modulus" in page
    with (report / "pareto.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(r["id"]) for r in rows if r["on_front"] == "True"] == [
        p["id"] for p in written(folder)["points"] if p["on_front"]
    ]
    front = pareto_of(record).front
    assert f"{len(front)} of {len(rows)} structures within" in page


def test_other_searches_have_no_front():
    record = samples.binary(20)
    assert pareto_of(record) is None


def test_a_structure_without_the_property_is_listed_but_not_on_the_front():
    record = samples.binary(40)
    measured = {r.id for r in record.history if r.id % 2}
    history = [replace(r, properties={B: 100.0 + r.id} if r.id in measured else {}) for r in record.history]
    front = front_of(replace(record, history=history), record.hull.entries, {B: "max"}, 0.5)
    assert {p.entry.id for p in front.front} <= measured
    assert any(math.isnan(p.values[0]) for p in front.points)
    assert any(p["objectives"][B] is None for p in front.to_json()["points"])


def test_a_front_that_nothing_reaches_is_a_sentence_and_no_figure(tmp_path):
    record = samples.nothing_converged()
    pareto = {"objectives": {B: "max"}, "within_eV_per_atom": 0.3}
    campaign = {**record.campaign, "search": {**record.campaign["search"], "searcher": "pareto", "pareto": pareto}}
    page = write_report(replace(record, campaign=campaign), tmp_path / "report").read_text()
    assert "has all that was asked for" in page
    assert not (tmp_path / "report" / "pareto.png").exists()


def test_every_objective_has_a_name_and_a_unit_for_people():
    assert set(LABELS) == set(OBJECTIVE_NAMES)
