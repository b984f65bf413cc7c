"""Any torch-sim integrator or sum of models can take our models."""

import numpy as np
import pytest
import torch
import torch_sim as ts
from ase.build import bulk, molecule
from torch_sim.models.interface import SumModel, validate_model_outputs

from potentials.potential import structure_of
from tests.potentials.crystals import argon, argon_fcc, potential, rattled, triclinic

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["7net-0", "7net-0+64", "lj"])
def test_passes_torch_sims_own_validation(name):
    model = potential(name).model
    validate_model_outputs(model, CPU, model.dtype)


@pytest.mark.parametrize("name", ["7net-0", "7net-0+64"])
def test_a_sim_state_gets_the_same_numbers(name):
    batch = [triclinic(), rattled(bulk("Si"))]
    model = potential(name).model
    result = model(ts.initialize_state(batch, CPU, model.dtype))
    answers = potential(name).evaluate([structure_of(a) for a in batch])
    # The state's positions are single precision where the model is
    assert result["energy"].numpy() == pytest.approx([a.energy_eV for a in answers], rel=2e-6)
    assert result["forces"].numpy() == pytest.approx(np.concatenate([a.forces_eV_A for a in answers]), abs=1e-4)
    assert result["stress"].numpy() == pytest.approx(np.stack([a.stress_eV_A3 for a in answers]), abs=1e-5)
    assert {t.dtype for t in result.values()} == {model.dtype}


def test_a_molecule_feels_no_images():
    """No periodicity: the same atoms in a cell too small for them, without a cell, and far apart in a large one."""
    model = potential("7net-0+64").model
    free = molecule("H2O")
    boxed = molecule("H2O", vacuum=1.0)
    lonely = molecule("H2O", vacuum=10.0)
    lonely.pbc = True
    energies = [model(ts.initialize_state([a], CPU, torch.float64))["energy"].item() for a in (free, boxed, lonely)]
    assert energies == pytest.approx([energies[2]] * 3, abs=1e-9)


def test_a_sum_of_two_is_double():
    model, state = argon().model, ts.initialize_state([argon_fcc()], CPU, torch.float64)
    both = SumModel(model, argon.__wrapped__().model)(state)
    assert both["energy"].item() == pytest.approx(2 * model(state)["energy"].item(), rel=1e-12)


@pytest.mark.parametrize("name", ["7net-0", "lj"])
def test_molecular_dynamics_conserves_energy(name):
    atoms = bulk("Si") if name == "7net-0" else argon_fcc().repeat((2, 2, 2))
    model = potential("7net-0").model if name == "7net-0" else argon().model
    state = ts.initialize_state([atoms], CPU, model.dtype)
    dt = torch.tensor(1e-3 * ts.units.MetalUnits.time, dtype=model.dtype)
    state = ts.nve_init(state, model, kT=torch.tensor(0.01, dtype=model.dtype))
    totals = []
    for _ in range(20):
        state = ts.nve_step(state, model, dt=dt)
        totals.append((state.energy + ts.calc_kinetic_energy(masses=state.masses, momenta=state.momenta)).item())
    assert np.ptp(totals) < 1e-4 * len(atoms)  # of a kinetic energy of 0.015 eV an atom


