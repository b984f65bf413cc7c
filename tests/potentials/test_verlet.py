"""A list that serves many steps gives what no list gives."""

import numpy as np
import pytest
import torch
import torch_sim as ts
from ase.build import bulk

from potentials import load
from potentials.torch_sim_adapter import dynamics_model, failures_of, features_of, set_stress


@pytest.fixture(scope="module")
def lj():
    return load("lj", "cpu", sigma_A=2.3, epsilon_eV=0.1, cutoff_A=5.5)


def state_of(*crystals):
    return ts.initialize_state(list(crystals), device=torch.device("cpu"), dtype=torch.float64)


def crystals():
    one = bulk("Ar", "fcc", a=3.6, cubic=True).repeat(2)
    sheared = bulk("Ar", "fcc", a=3.6).repeat((2, 3, 2))
    sheared.set_cell(sheared.cell.array @ np.array([[1, 0.2, 0], [0, 1, 0.1], [0.05, 0, 1]]), scale_atoms=True)
    return one, sheared


def test_answers_are_those_without_a_list_while_atoms_and_cells_move(lj):
    state, model, rng = state_of(*crystals()), dynamics_model(lj, 0.5), torch.Generator().manual_seed(1)
    for step in range(40):
        noise = torch.randn(state.positions.shape, generator=rng, dtype=torch.float64)
        state.positions = state.positions + 0.03 * noise
        if step % 3 == 0:  # as a barostat does, back and forth
            strain = torch.eye(3, dtype=torch.float64) + 0.01 * torch.randn((3, 3), generator=rng, dtype=torch.float64)
            state.positions, state.cell = state.positions @ strain.T, strain @ state.cell
        if step == 20:  # and somebody wraps
            state.positions = state.wrap_positions
        found, expected = model(state), lj.model(state)
        for key, value in expected.items():
            assert torch.allclose(found[key], value, atol=1e-10, rtol=1e-10), (step, key)
    assert 2 < model.lists_made < 60


def test_a_list_is_made_for_who_has_moved_alone(lj):
    state, model = state_of(*crystals()), dynamics_model(lj, 0.5)
    model(state)
    assert model.lists_made == 2
    moved = state.positions.clone()
    moved[0, 0] += 0.24
    state.positions = moved
    model(state)
    assert model.lists_made == 2
    moved = moved.clone()
    moved[0, 0] += 0.02
    state.positions = moved
    model(state)
    assert model.lists_made == 3


def test_one_that_collapses_leaves_the_others_their_answers(lj):
    whole, other = crystals()
    state, model = state_of(whole, other), dynamics_model(lj, 0.5)
    expected = model(state)["forces"]
    crushed = state.cell.clone()
    crushed[0] *= 0.05
    state.cell = crushed
    found = model(state)
    n = len(whole)
    assert bool(found["forces"][:n].isnan().all() and found["energy"][0].isnan())
    assert torch.allclose(found["forces"][n:], expected[n:], atol=1e-12)
    assert list(failures_of(model)) == [0]
    assert "collapsed" in failures_of(model)[0]


def test_stress_is_saved_where_nobody_asks(lj):
    model = dynamics_model(lj)
    set_stress(model, False)
    assert set(model(state_of(*crystals()))) == {"energy", "forces"}


def test_features_of_sevennet_come_along():
    potential = load("7net-0", "cpu")
    atoms = bulk("Si", cubic=True)
    atoms.positions += np.random.default_rng(0).normal(size=atoms.positions.shape) * 0.05
    model = dynamics_model(potential)
    found = model(state_of(atoms, bulk("Si")))
    features = features_of(model)
    from potentials.potential import structure_of

    alone = potential.evaluate([structure_of(atoms)])[0]
    assert np.allclose(features[:8].numpy(), alone.features, atol=1e-4)  # single precision
    assert np.allclose(found["forces"][:8].numpy(), alone.forces_eV_A, atol=1e-4)
    assert found["forces"].dtype == torch.float64
