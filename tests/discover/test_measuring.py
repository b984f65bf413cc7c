"""Properties that a search is after: measured once a structure has converged low enough, and charged for."""

from math import inf

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from discover.config import CampaignConfig
from discover.measuring import MEASURES, measure
from discover.strategy import measured_properties
from discover.worker import RelaxWorker, Task, WorkerSpec
from potentials import RelaxSettings, load
from potentials.relax.settings import Outcome
from searchers.objectives import MEASURED

B = "bulk_modulus_GPa"


WANTED = Task(0, bulk("Cu", "fcc", a=3.7), measured_below_eV_per_atom=inf)


class Fragile(EMT):
    """EMT that has no answer for a cell of copper that is smaller than at rest."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if atoms.get_volume() / len(atoms) < 11.4:  # at rest 11.56 Å^3
            raise RuntimeError("too small for me")
        super().calculate(atoms, properties, system_changes)


def worker(measured=(B,), potential="emt"):
    return RelaxWorker(WorkerSpec(potential, "cpu", RelaxSettings(fmax_eV_A=0.01), measured=measured))


def ended(worker, *tasks):
    found, wanted = {}, list(tasks)
    while len(found) < len(tasks):
        for item in worker.advance(wanted):
            found[item.relaxation.id] = item
        wanted = []
    return found


def test_every_objective_that_must_be_measured_can_be_and_no_other():
    assert set(MEASURES) == set(MEASURED)


def test_measures_give_the_value_of_the_pure_function_and_say_what_it_costs():
    copper = bulk("Cu", "fcc", a=3.6)
    found, calls, reason = measure(load("emt"), copper, (B,))
    assert found == {B: MEASURES[B].of(load("emt"), copper)}
    assert (calls, reason) == (MEASURES[B].model_calls, "")
    assert measure(load("emt"), copper, ()) == ({}, 0, "")


def test_what_converges_low_enough_is_measured_and_charged_and_nothing_else_is():
    copper = bulk("Cu", "fcc", a=3.7)
    low, high = Task(0, copper, measured_below_eV_per_atom=0.1), Task(1, copper, measured_below_eV_per_atom=-0.1)
    found = ended(worker(), low, high)
    assert set(found[0].properties) == {B} and found[1].properties == {}
    assert found[0].relaxation.model_calls == found[1].relaxation.model_calls + MEASURES[B].model_calls
    # ASE's equation of state of EMT's copper gives 134.5 GPa; a relaxation to 0.01 eV/Å leaves 0.1 % of volume
    assert found[0].properties[B] == pytest.approx(134.5, abs=1.0)


def test_a_campaign_that_wants_no_property_pays_for_none():
    found = ended(worker(measured=()), WANTED)
    assert found[0].properties == {}


def test_a_measurement_that_fails_ends_alone_with_its_reason():
    (found,) = ended(worker(potential=f"ase:{__name__}:Fragile"), WANTED).values()
    assert found.relaxation.outcome is Outcome.CONVERGED
    assert found.properties == {}
    assert found.relaxation.reason.startswith(f"no {B}: ") and "too small for me" in found.relaxation.reason
    assert np.isfinite(found.relaxation.energy_eV)


def test_only_a_pareto_search_wants_properties():
    pareto = {"objectives": {B: "max", "density_g_cm3": "min"}}
    wanted = {"system": "Si", "search": {"searcher": "pareto", "pareto": pareto}}
    assert measured_properties(CampaignConfig.model_validate(wanted)) == (B,)
    wanted["search"]["searcher"] = "genetic"
    assert measured_properties(CampaignConfig.model_validate(wanted)) == ()
