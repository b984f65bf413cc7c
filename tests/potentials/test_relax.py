"""Laws of relaxed structures."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from potentials import InFlightRelaxer, RelaxSettings
from potentials.potential import structure_of
from potentials.relax import Outcome, relax
from potentials.relax.quasi_newton import GPA
from tests.potentials.crystals import argon, argon_fcc, potential, rattled

# Argon's bonds are a hundred times weaker than a metal's: forces must be small beside 0.01 eV/Å
TIGHT = RelaxSettings(fmax_eV_A=1e-6)


def batch():
    return [rattled(argon_fcc().repeat((2, 1, 1)), 0.15, 0.03, seed) for seed in range(4)]


@pytest.fixture(scope="module")
def fcc():
    return relax(argon(), [argon_fcc()], TIGHT)[0]


def test_a_rattled_supercell_returns_to_fcc(fcc):
    for done in relax(argon(), [rattled(argon_fcc().repeat((2, 2, 1)), 0.2, 0.03, s) for s in range(3)], TIGHT):
        assert done.outcome is Outcome.CONVERGED
        assert done.energy_eV / len(done.atoms) == pytest.approx(fcc.energy_eV, abs=1e-8)
        assert len(done.atoms) == 1  # and its cell is primitive again


def test_converged_means_small_forces_and_stress():
    for done in relax(argon(), batch(), TIGHT):
        answer = argon().evaluate([structure_of(done.atoms)])[0]
        n, volume = len(done.atoms), done.atoms.get_volume()
        assert np.sqrt((answer.forces_eV_A**2).sum(1)).max() < 1.1e-6  # primitive() moves atoms within rounding
        assert np.abs(answer.stress_eV_A3).max() * volume / n < 1.1e-6
        assert answer.energy_eV == pytest.approx(done.energy_eV, abs=1e-9)


def test_pressure_balances_stress_and_shrinks_the_cell(fcc):
    done = relax(argon(), batch()[:1], replace(TIGHT, pressure_GPa=2.0))[0]
    volume, n = done.atoms.get_volume(), len(done.atoms)
    assert done.outcome is Outcome.CONVERGED
    assert done.stress_eV_A3[:3] == pytest.approx([-2.0 * GPA] * 3, abs=1e-6 * n / volume)
    assert done.stress_eV_A3[3:] == pytest.approx([0.0] * 3, abs=1e-6 * n / volume)
    assert done.enthalpy_eV == pytest.approx(done.energy_eV + 2.0 * GPA * volume, abs=1e-9)
    assert volume / n < fcc.atoms.get_volume()
    assert done.energy_eV / n > fcc.energy_eV


def test_silicon_by_sevennet():
    done = relax(potential("7net-0"), [rattled(bulk("Si"), 0.2, 0.03)], RelaxSettings(fmax_eV_A=0.01))[0]
    assert done.outcome is Outcome.CONVERGED
    assert done.energy_eV / 2 == pytest.approx(-5.4030, abs=1e-3)  # within the meV that forces of 0.01 eV/Å leave
    assert done.model_calls < 20  # 7 when this was written


def test_batched_equals_alone():
    structures = batch()
    for together, atoms in zip(relax(argon(), structures), structures, strict=True):
        alone = relax(argon(), [atoms])[0]
        assert together.energy_eV == pytest.approx(alone.energy_eV, abs=1e-9)
        assert together.model_calls == alone.model_calls


@pytest.mark.parametrize("batch_atoms", [1, 3, 1000])
def test_ids_in_equal_ids_out(batch_atoms):
    relaxer = InFlightRelaxer(argon(), batch_atoms=batch_atoms)
    for id, atoms in enumerate([*batch(), Atoms("Ar2", positions=np.zeros((2, 3)), cell=5 * np.eye(3))]):
        relaxer.add(10 * id, atoms)
    done = []
    while len(relaxer):
        done += relaxer.step()
    done += relaxer.step()
    assert sorted(r.id for r in done) == [0, 10, 20, 30, 40]


def test_unrelaxed_is_one_call_on_the_structure_as_it_is():
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True)
    relaxer = InFlightRelaxer(argon())
    relaxer.add(7, atoms, relax=False)
    (done,) = relaxer.step()
    assert (done.model_calls, done.steps, done.outcome) == (1, 0, Outcome.CONVERGED)
    assert np.array_equal(done.atoms.positions, atoms.positions)
    assert done.energy_eV == argon().evaluate([structure_of(atoms)])[0].energy_eV


def test_a_fixed_cell_stays():
    atoms = rattled(argon_fcc().repeat((2, 1, 1)))
    done = relax(argon(), [atoms], replace(TIGHT, relax_cell=False, primitive=False))[0]
    assert done.outcome is Outcome.CONVERGED
    assert np.array_equal(done.atoms.cell.array, atoms.cell.array)
    assert done.max_force_eV_A < 1e-6


def test_out_of_steps_is_said_and_gives_the_best_point():
    atoms = rattled(argon_fcc().repeat((2, 1, 1)), 0.3)
    done = relax(argon(), [atoms], replace(TIGHT, max_steps=3))[0]
    assert done.outcome is Outcome.UNCONVERGED
    assert done.reason == "not converged after 3 steps"
    assert (done.steps, done.model_calls) == (3, 4)
    assert np.isfinite(done.energy_eV)
    assert argon().evaluate([structure_of(done.atoms)])[0].energy_eV == pytest.approx(done.energy_eV, abs=1e-9)
    assert done.energy_eV < argon().evaluate([structure_of(atoms)])[0].energy_eV


def test_the_input_is_left_alone():
    atoms = batch()[0]
    before = atoms.copy()
    relax(argon(), [atoms])
    assert atoms == before
