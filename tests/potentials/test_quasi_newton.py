"""The optimiser's own laws, and those of its first guess."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from matscipy.neighbours import neighbour_list

from potentials.potential import structure_of
from potentials.relax.pair_hessian import (
    DECAY,
    FLOOR,
    STRAIN_BASIS,
    TRANSVERSE,
    from_mandel,
    pair_hessian,
    to_mandel,
)
from potentials.relax.quasi_newton import QuasiNewton, moved
from tests.potentials.crystals import rattled, triclinic
from tests.potentials.fakes import Quadratic

CRYSTALS = {"Si": rattled(bulk("Si")), "TiC": bulk("TiC", "rocksalt", a=4.33), "triclinic": triclinic()}
each = pytest.mark.parametrize("crystal", list(CRYSTALS))


@each
def test_pair_hessian_is_symmetric_and_positive_definite(crystal):
    h = pair_hessian(structure_of(CRYSTALS[crystal]))
    assert np.allclose(h, h.T)
    assert np.linalg.eigvalsh(h).min() > 0


@each
def test_moving_all_atoms_costs_only_the_floor(crystal):
    h = pair_hessian(structure_of(CRYSTALS[crystal]), 8.0)
    n = len(CRYSTALS[crystal])
    together = np.concatenate([np.tile(np.eye(3), (n, 1)), np.zeros((6, 3))])
    assert h @ together == pytest.approx((FLOOR + 1e-3) * 8.0 * together, abs=1e-9)


@each
def test_pair_hessian_is_the_same_for_a_shifted_crystal(crystal):
    atoms = CRYSTALS[crystal].copy()
    before = pair_hessian(structure_of(atoms))
    atoms.positions += [0.3, -1.7, 2.2]
    atoms.wrap()
    assert pair_hessian(structure_of(atoms)) == pytest.approx(before, abs=1e-9)


@each
def test_pair_hessian_is_the_springs_second_derivative(crystal):
    """Springs k/2 [(1-t)(u·Δ)² + t Δ²] on every pair, written as an energy of displacements and strain."""
    s = structure_of(CRYSTALS[crystal])
    n = len(s.numbers)
    radius = 1.5 * (s.volume_A3 / n) ** (1 / 3)
    i, j, d, r = neighbour_list("ijDd", cell=s.cell, positions=s.positions, pbc=np.ones(3, bool), cutoff=2 * radius)
    nearest = np.array([r[i == a].min() for a in range(n)])
    r0 = (nearest[i] + nearest[j]) / 2
    keep = r < 2 * r0
    i, j, d, r, r0 = i[keep], j[keep], d[keep], r[keep], r0[keep]
    k = 8.0 * np.exp(-DECAY * (r / r0 - 1)) / 2

    def energy(x):
        u, strain = x[:-6].reshape(-1, 3), np.einsum("m,mab->ab", x[-6:], STRAIN_BASIS)
        change = u[j] - u[i] + d @ strain
        along = (change * d).sum(1) / r
        return 0.5 * (k * ((1 - TRANSVERSE) * along**2 + TRANSVERSE * (change**2).sum(1))).sum()

    rng = np.random.default_rng(0)
    h = pair_hessian(s, 8.0) - 8.0 * np.diag(np.r_[np.full(3 * n, FLOOR), np.zeros(6)] + 1e-3)
    for x in (*rng.normal(size=(3, 3 * n + 6)), np.r_[np.zeros(3 * n), rng.normal(size=6)]):
        assert 0.5 * x @ h @ x == pytest.approx(energy(x), rel=1e-9)  # a quadratic form is its second derivative


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_mandel_components_keep_lengths(components):
    tensor = from_mandel(np.array(components))
    assert to_mandel(tensor) == pytest.approx(np.array(components), abs=1e-12)
    assert np.linalg.norm(tensor) == pytest.approx(np.linalg.norm(components), abs=1e-12)


def test_gradient_of_strain_is_volume_times_stress():
    """A strain step along the negative gradient changes the volume as the pressure asks."""
    s = structure_of(bulk("Si"))
    grown = moved(s, np.r_[np.zeros(6), 0.01, 0.01, 0.01, 0, 0, 0])
    assert grown.volume_A3 / s.volume_A3 == pytest.approx(np.exp(0.03), rel=1e-12)


@given(seed=st.integers(0, 1000), ripple=st.sampled_from([0.0, 0.02, 0.2]))
@settings(max_examples=25, deadline=None)
def test_no_accepted_step_raises_the_energy(seed, ripple):
    """On springs from soft to stiff, with ripples that make the surface rough."""
    rng = np.random.default_rng(seed)
    s = structure_of(bulk("Si", cubic=True))
    fake = Quadratic(s.positions.copy(), 10 ** rng.uniform(-1, 2, size=s.positions.shape), ripple)
    s.positions[:] += rng.normal(scale=0.15, size=s.positions.shape)
    optimiser = QuasiNewton(s, relax_cell=False)
    accepted = []
    for _ in range(60):
        answer = fake.evaluate([optimiser.structure])[0]
        optimiser.update(answer)
        accepted.append(optimiser._best.enthalpy_eV)
    rises = np.diff(accepted)
    assert rises.max() <= 2e-6 * max(1.0, np.abs(accepted).max()) + 1e-6
    assert accepted[-1] < accepted[0]
    if not ripple:
        assert accepted[-1] < 1e-2 * accepted[0]
