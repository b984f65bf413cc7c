"""The report's key numbers are what computations really give."""

import pytest
from ase.build import bulk

from discover.compute.registry import computation
from discover.pipeline.record import HitRecord, PropertiesRecord
from discover.pipeline.results import StageResult, clean
from discover.progress import Silent
from discover.report.key_numbers import KEY_NUMBERS, _rounded
from discover.report.properties_part import part_of
from potentials import load

QUICK = {
    "elastic": {},
    "phonons": {"mesh_length_A": 15},
    "thermal": {"supercell": [2, 2, 2], "mesh_length_A": 15, "temperatures_K": [0, 300]},
}


@pytest.mark.parametrize("stage", QUICK)
def test_every_key_number_is_in_what_its_stage_gives(stage):
    module = computation(stage)
    found = module.compute(load("emt"), bulk("Al", a=4.0), module.Settings(**QUICK[stage]), Silent())
    value = clean(found.json)
    for spec in (k for k in KEY_NUMBERS if k.stage == stage):
        for path in filter(None, (spec.path, spec.error)):
            here = value
            for key in path:
                assert key in here, f"{stage} has no {'.'.join(path)}"
                here = here[key]
            if spec.at_K is not None and isinstance(here, list):
                assert len(here) == len(value["temperatures_K"])


def test_an_error_below_the_last_digit_is_said_to_be_so():
    assert _rounded(0.26, 1) == "0.3" and _rounded(2e-7, 1) == "< 0.1" and _rounded(0.0, 1) == "0.0"


def test_what_a_stage_warns_of_stands_on_the_page():
    warned = {"warnings": ["the barrier is taken as symmetric", "too few beads."]}
    stage = StageResult("told", "done", {"name": "lj"}, {}, result=warned, title="it is told")
    hit = {"id": 1, "formula": "NaCl", "space_group": None, "e_above_hull_eV_per_atom": None, "on_hull": None}
    record = PropertiesRecord({"name": "lj"}, [HitRecord(hit, {"told": stage})], ())
    (card,) = part_of(record).cards
    assert card.notes == ["told: the barrier is taken as symmetric.", "told: too few beads."]
