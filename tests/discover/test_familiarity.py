"""What lies outside a potential's domain is said on the hull, in the report, and goes to DFT first."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk

from discover.cli.reading import print_hull
from discover.familiarity import Familiarity, familiarity
from discover.hull import build_hull
from discover.report.headline import caveats
from discover.worker import RelaxWorker, Task, WorkerSpec
from potentials import RelaxSettings, load
from potentials.potential import structure_of
from potentials.uncertainty import uncertainty_of
from tests.discover.report_samples import binary
from tests.discover.test_anchoring import Instant, loop
from tests.discover.test_hull import record


def known(distance, error=0.05):
    return Familiarity(distance, 20.0, error).to_properties()


def test_it_survives_the_store_s_properties():
    there = Familiarity(31.0, 20.0, 0.2)
    assert Familiarity.from_properties(json.loads(json.dumps(there.to_properties()))) == there
    assert not there.in_domain and Familiarity.from_properties({"bulk_modulus_GPa": 3.0}) is None


def test_hull_entries_know_it_and_json_has_no_infinity():
    history = [
        replace(record(0, {"Si": 1.0}, -5.4), properties=known(5.0)),
        replace(record(1, {"Ge": 1.0}, -4.6), properties=known(float("inf"), float("inf"))),
        record(2, {"Si": 0.5, "Ge": 0.5}, -5.1),
    ]
    hull = build_hull("Si-Ge", ("Si", "Ge"), {}, history)
    by_id = {e.id: e for e in hull.entries}
    assert [by_id[k].in_domain for k in range(3)] == [True, False, None]
    shown = {e["id"]: e for e in json.loads(json.dumps(hull.to_json(), allow_nan=False))["entries"]}
    assert shown[0]["expected_error_eV_per_atom"] == 0.05 and shown[1]["domain_distance"] is None


def test_the_table_marks_what_is_outside(capsys):
    history = [
        replace(record(0, {"Si": 1.0}, -5.4), properties=known(5.0)),
        replace(record(1, {"Ge": 1.0}, -4.6), properties=known(50.0, 0.3)),
    ]
    print_hull(build_hull("Si-Ge", ("Si", "Ge"), {"name": "x"}, history), 0.1)
    said = capsys.readouterr().out
    assert "0.3000 !" in said and "1 structure is unlike anything" in said


def test_the_report_warns_of_low_structures_outside():
    run = binary()
    assert not any("outside the domain" in c for c in caveats(run))
    lowest = [replace(e, in_domain=False) if e.on_hull else e for e in run.hull.entries]
    (said,) = [c for c in caveats(replace(run, hull=replace(run.hull, entries=lowest))) if "outside the domain" in c]
    assert "on the hull" in said


def test_strangers_go_to_dft_first_the_lowest_ahead():
    asked = loop(np.random.default_rng(3), 7)
    far = sorted([5, 6, 7], key=lambda k: asked.above[k])
    asked.strangers = [7, 5, 6]
    steps = list(asked.run(Instant()))
    assert [s.place for s in steps[2:5]] == far
    assert all("outside what the potential knows" in s.why for s in steps[2:5])


def test_a_crystal_is_familiar_and_costs_no_gradient():
    potential = load("7net-0", "cpu")
    found = familiarity(potential, uncertainty_of(potential), bulk("Si"))
    at_rest = uncertainty_of(potential).judge(np.array([14, 14]), potential.evaluate([structure_of(bulk("Si"))])[0])
    assert found.in_domain
    assert found.distance == pytest.approx(at_rest.distance.max(), rel=1e-3)
    assert found.expected_error_eV_per_atom == pytest.approx(at_rest.expected_error_meV_per_atom / 1000, rel=0.02)


def test_a_worker_tells_it_of_what_converges():
    worker = RelaxWorker(WorkerSpec("7net-0", "cpu", RelaxSettings()))
    ended, tasks = [], [Task(0, bulk("Si"))]
    while not ended:
        ended, tasks = worker.advance(tasks), []
    assert Familiarity.from_properties(ended[0].properties).in_domain


def test_a_worker_says_nothing_where_nothing_is_known():
    worker = RelaxWorker(WorkerSpec("emt", "cpu", RelaxSettings()))
    assert worker.advance([Task(0, bulk("Cu"), relax=False)])[0].properties == {}
