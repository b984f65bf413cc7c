"""Ring polymers against closed forms: energies by number of beads, sizes, motion, interrupted runs."""

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk

from potentials import load
from properties.errors import PropertyError
from properties.path_integrals import PathSettings, Plane, RingSystem, mean_with_error, sample
from properties.path_integrals import sampling as sampling_module
from properties.path_integrals.averages import correlation_time
from properties.path_integrals.holding import dimensions
from properties.path_integrals.ring_polymer import (
    HBAR,
    free_gyration_A2,
    log_oscillator_partition,
    mode_frequencies,
    normal_modes,
    oscillator_energy_eV,
    rotation,
)
from properties.path_integrals.rings import Propagator, Rings, Surface, step
from tests.properties.model_surfaces import alone, well

T_K = 300.0
KT = units.kB * T_K
STIFF = 10 * KT  # ħω of the exact rows: βħω = 10
SIGMAS = 3.0


def stiffness(hbar_omega_eV, mass_u=1.0):
    return mass_u * (hbar_omega_eV / HBAR) ** 2


def oscillators(beads, count=24, mass_u=1.0, seed=0, **settings):
    """So many three-dimensional oscillators, 3 count of one dimension each, sampled in one batch."""
    # At this step ω dt is 0.4: a fifteenth of a period
    usual = {"time_step_fs": 1.0, "equilibrate_ps": 0.1, "produce_ps": 0.6, "every": 2}
    given = PathSettings(beads=beads, **usual | settings)
    systems = [RingSystem(alone(mass_u), T_K, seed=seed + k) for k in range(count)]
    return sample(well(stiffness(STIFF, mass_u)), systems, given)


def pooled(runs, name):
    """Mean over independent runs and its standard error from their spread."""
    means = np.array([getattr(r, name).mean for r in runs])
    return means.mean(0), means.std(0, ddof=1) / np.sqrt(len(runs))


# Closed forms


@pytest.mark.parametrize(("beads", "exact"), [(4, 0.31249076), (16, 0.47729064), (64, 0.49852680), (None, 0.50004540)])
def test_oscillator_has_the_exact_energy_at_each_number_of_beads(beads, exact):
    assert oscillator_energy_eV(STIFF, KT, beads) / STIFF == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize("beads", [1, 2, 5, 16])
def test_bias_of_finite_beads_is_that_of_the_discrete_path(beads):
    """Without any sampling: Gaussian integrals over beads by a determinant, and ∂/∂β of ln Q by differences."""
    omega = STIFF / HBAR

    def log_partition(beta):
        omega_p = beads / (beta * HBAR)
        ring = 2 * np.eye(beads) - np.roll(np.eye(beads), 1, 0) - np.roll(np.eye(beads), -1, 0)
        # Q = Π_k 1/(β_P ħ √(ω_k² + ω²))
        squares = omega_p**2 * ring + omega**2 * np.eye(beads)
        return -0.5 * np.linalg.slogdet(squares)[1] - beads * np.log(beta * HBAR / beads)

    beta, h = 1 / KT, 1e-4 / KT
    assert log_partition(beta) == pytest.approx(log_oscillator_partition(STIFF, KT, beads), rel=1e-10)
    slope = -(log_partition(beta + h) - log_partition(beta - h)) / (2 * h)
    assert slope == pytest.approx(oscillator_energy_eV(STIFF, KT, beads), rel=1e-6)


@pytest.mark.parametrize("beads", [1, 2, 7, 8])
def test_normal_modes_are_orthogonal_and_diagonalise_the_springs(beads):
    modes = normal_modes(beads)
    assert modes @ modes.T == pytest.approx(np.eye(beads), abs=1e-13)
    ring = 2 * np.eye(beads) - np.roll(np.eye(beads), 1, 0) - np.roll(np.eye(beads), -1, 0)
    squares = (beads * KT / HBAR) ** 2 * ring
    assert modes @ squares @ modes.T == pytest.approx(np.diag(mode_frequencies(beads, KT) ** 2), abs=1e-9 * beads**2)


@pytest.mark.parametrize("motion", ["cayley", "exact"])
def test_free_ring_polymer_keeps_its_energy_and_runs_back(motion):
    rng = np.random.default_rng(1)
    beads, mass = 8, 2.0
    omega = mode_frequencies(beads, KT)
    q0, p0 = rng.normal(0, 0.1, beads), rng.normal(0, 1, beads)

    def energy(q, p):
        return (p**2 / 2 / mass + mass * omega**2 * q**2 / 2).sum()

    c, over, back = rotation(omega, 0.4, motion)
    q, p = q0, p0
    for _ in range(1000):
        q, p = c * q + over * p / mass, c * p + mass * back * q
    assert energy(q, p) == pytest.approx(energy(q0, p0), rel=1e-11)
    p = -p
    for _ in range(1000):
        q, p = c * q + over * p / mass, c * p + mass * back * q
    assert q == pytest.approx(q0, abs=1e-11)
    # The centroid flies freely
    assert (c[0], over[0], back[0]) == (1.0, 0.4, 0.0)


# Sampling


@pytest.mark.parametrize("beads", [1, 4, 16, 64])
def test_sampled_energies_of_the_oscillator_are_exact_by_both_estimators(beads):
    runs = oscillators(beads, count=8 if beads == 64 else 24)
    each = 1.5 * oscillator_energy_eV(STIFF, KT, beads)
    for name in ("potential_eV", "kinetic_eV", "primitive_eV"):
        mean, error = pooled(runs, name)
        # One bead has nothing but the classical kinetic energy, without any noise
        assert abs(mean - each) <= SIGMAS * error + 1e-12, name


def test_error_bars_are_what_independent_runs_scatter_by():
    runs = oscillators(8, count=48)
    for name in ("potential_eV", "kinetic_eV", "primitive_eV"):
        scatter = np.std([getattr(r, name).mean for r in runs], ddof=1)
        said = np.sqrt(np.mean([getattr(r, name).error ** 2 for r in runs]))
        # 48 runs know their scatter to 10 %, at three of which; the largest of several levels errs to be large
        assert 0.7 < said / scatter < 1.6, name


def test_gyration_follows_from_the_normal_modes():
    beads = 16
    runs = oscillators(beads)
    omegas = mode_frequencies(beads, KT)[1:] ** 2 + (STIFF / HBAR) ** 2
    mean, error = pooled(runs, "gyration_A2")
    assert abs(mean[0] - 3 * KT * np.sum(1 / omegas)) < SIGMAS * error[0]


def test_free_particle_has_its_thermal_wavelength_and_classical_kinetic_energy():
    settings = PathSettings(beads=8, time_step_fs=1.0, equilibrate_ps=0.1, produce_ps=0.6, every=2)
    runs = sample(well(0.0), [RingSystem(alone(1.0), T_K, seed=k) for k in range(24)], settings)
    mean, error = pooled(runs, "gyration_A2")
    assert abs(mean[0] - free_gyration_A2(1.0, KT, 8)) < SIGMAS * error[0]
    assert runs[0].kinetic_eV.mean == pytest.approx(1.5 * KT, rel=1e-12)


def test_heavy_nuclei_are_classical():
    runs = oscillators(8, mass_u=1.0, count=1)
    heavy = sample(
        well(stiffness(0.05 * KT, 200.0)), [RingSystem(alone(200.0), T_K)],
        PathSettings(beads=8, time_step_fs=20.0, equilibrate_ps=1, produce_ps=8, every=2),
    )  # fmt: skip
    # (βħω)²/24 of a thousandth is left, and no noise where beads lie together
    assert heavy[0].kinetic_eV.mean == pytest.approx(1.5 * KT, rel=1e-3)
    assert runs[0].kinetic_eV.mean > 3 * 1.5 * KT / 2


def test_each_normal_mode_has_the_temperature_of_the_bath():
    runs = oscillators(8, time_step_fs=0.25, produce_ps=0.5)
    temperatures = np.array([r.mode_temperatures_K for r in runs])
    error = temperatures.std(0, ddof=1) / np.sqrt(len(runs))
    # Momenta at the end of a step are cold by (ω dt)²/4 in this splitting, 0.25 % here
    assert (np.abs(temperatures.mean(0) - T_K) < SIGMAS * error + 0.01 * T_K).all()


def test_kinetic_energy_tensor_tells_directions_and_atoms_apart():
    stiff, soft = STIFF, 0.5 * KT
    potential = well([stiffness(stiff), stiffness(soft), 0.0])
    settings = PathSettings(beads=8, time_step_fs=1.0, equilibrate_ps=0.1, produce_ps=0.6, every=2)
    runs = sample(potential, [RingSystem(alone(1.0), T_K, seed=k) for k in range(24)], settings)
    mean, error = pooled(runs, "kinetic_tensors_eV")
    exact = [oscillator_energy_eV(w, KT, 8) / 2 for w in (stiff, soft)] + [KT / 2]
    assert (np.abs(np.diag(mean[0]) - exact) <= SIGMAS * np.diag(error[0]) + 1e-12).all()
    assert (np.abs(mean[0][np.triu_indices(3, 1)]) <= SIGMAS * error[0][np.triu_indices(3, 1)] + 1e-12).all()


# What is held


def test_beads_on_a_plane_stay_there_and_lose_one_direction():
    normal = np.array([[1.0, 1.0, 0.0]])
    settings = PathSettings(beads=8, time_step_fs=1.0, equilibrate_ps=0.1, produce_ps=0.6, every=2)
    potential = well(stiffness(STIFF))
    systems = [RingSystem(alone(1.0), T_K, seed=k, plane=Plane(normal)) for k in range(24)]
    assert dimensions(systems[0]).sum() == pytest.approx(2)
    runs = sample(potential, systems, settings)
    assert max(np.abs((r.beads_A - 5.0)[:, 0] @ normal[0]).max() for r in runs) < 1e-12
    for name in ("potential_eV", "kinetic_eV", "primitive_eV"):
        mean, error = pooled(runs, name)
        assert abs(mean - oscillator_energy_eV(STIFF, KT, 8)) < SIGMAS * error, name


def test_a_held_centroid_stays_while_its_beads_spread():
    normal = np.array([[0.0, 0.0, 1.0]])
    settings = PathSettings(beads=8, time_step_fs=1.0, equilibrate_ps=0.1, produce_ps=0.6, every=2)
    systems = [RingSystem(alone(1.0), T_K, seed=k, plane=Plane(normal, "centroid")) for k in range(24)]
    runs = sample(well(stiffness(STIFF)), systems, settings)
    beads = np.array([r.beads_A[:, 0] - 5.0 for r in runs])
    assert np.abs(beads.mean(1) @ normal[0]).max() < 1e-13
    assert beads[:, :, 2].std() > 0.03
    # Less the classical energy of the one centroid mode that is held; kinetic energy has all three directions
    mean, error = pooled(runs, "potential_eV")
    assert abs(mean - (1.5 * oscillator_energy_eV(STIFF, KT, 8) - KT / 2)) < SIGMAS * error
    mean, error = pooled(runs, "kinetic_eV")
    assert abs(mean - 1.5 * oscillator_energy_eV(STIFF, KT, 8)) < SIGMAS * error


def test_fixed_atoms_do_not_move_and_have_no_kinetic_energy():
    atoms = bulk("Cu", cubic=True)
    fixed = np.array([False, True, True, True])
    settings = PathSettings(beads=4, time_step_fs=2.0, equilibrate_ps=0, produce_ps=0.3, every=1)
    (run,) = sample(load("emt"), [RingSystem(atoms, T_K, fixed=fixed)], settings)
    assert run.beads_A[:, 1:] == pytest.approx(np.broadcast_to(atoms.positions[1:], (4, 3, 3)), abs=1e-12)
    assert run.kinetic_by_atom_eV.mean[1:] == pytest.approx(0)
    assert run.gyration_A2.mean[0] > 0


# Batches and interruptions


def copper(seed=0):
    return RingSystem(bulk("Cu", cubic=True), T_K, seed=seed)


SHORT = PathSettings(beads=4, time_step_fs=2.0, equilibrate_ps=0.02, produce_ps=0.26, every=1, checkpoint_every=25)


def lj():
    return load("lj", sigma_A=2.3, epsilon_eV=0.4, cutoff_A=5.0)


def test_a_system_runs_alike_alone_and_in_company():
    alone_, (first, second) = sample(lj(), [copper(3)], SHORT), sample(lj(), [copper(1), copper(3)], SHORT)
    # Sums over pairs run in another order
    assert second.series_eV == pytest.approx(alone_[0].series_eV, abs=1e-9)
    assert not np.allclose(first.series_eV, second.series_eV, atol=1e-3)


def test_all_beads_are_one_call_of_the_model(monkeypatch):
    calls = []
    original = Surface.__call__
    monkeypatch.setattr(Surface, "__call__", lambda self, q: calls.append(q.shape) or original(self, q))
    sample(lj(), [copper(0), copper(1)], SHORT)
    assert len(calls) == SHORT.steps + 1
    assert set(calls) == {(4, 8, 3)}


def test_resumed_run_equals_uninterrupted_bit_for_bit(tmp_path, monkeypatch):
    whole = sample(lj(), [copper(0), copper(1)], SHORT)
    original, count = sampling_module.step, []

    def killed(*args):
        count.append(1)
        if len(count) == 88:
            raise KeyboardInterrupt
        original(*args)

    monkeypatch.setattr(sampling_module, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        sample(lj(), [copper(0), copper(1)], SHORT, tmp_path)
    monkeypatch.undo()
    told = []
    again = sample(lj(), [copper(0), copper(1)], SHORT, tmp_path, told.append)
    assert told[0].done == 76
    assert "left" in str(told[-1])
    for a, b in zip(whole, again, strict=True):
        assert np.array_equal(a.series_eV, b.series_eV)
        assert np.array_equal(a.beads_A, b.beads_A)
        assert np.array_equal(a.kinetic_blocks_eV, b.kinetic_blocks_eV)
        assert np.array_equal(a.mode_temperatures_K, b.mode_temperatures_K)


def test_checkpoint_of_another_run_is_refused(tmp_path):
    sample(lj(), [copper(0)], SHORT, tmp_path)
    with pytest.raises(PropertyError, match=r"is of another run .*; give another folder, or remove it"):
        sample(lj(), [copper(1)], SHORT, tmp_path)
    finished = sample(lj(), [copper(0)], SHORT, tmp_path)
    assert finished[0].series_eV.shape == (130, 3)


def test_a_system_that_explodes_is_named():
    close = Atoms("Cu2", positions=[[0, 0, 0], [0.5, 0, 0]], cell=[20] * 3, pbc=True)
    with pytest.raises(PropertyError, match=r"Cu2 \(system 2 of 2\) has left what the potential can evaluate"):
        sample(lj(), [copper(), RingSystem(close, T_K)], SHORT)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PathSettings(beads=0), "beads: must be at least 1 (is 0)"),
        (lambda: PathSettings(time_step_fs=0), "time_step_fs: must be above 0 (is 0)"),
        (lambda: PathSettings(motion="verlet"), "motion: must be cayley or exact (is 'verlet')"),
        (lambda: PathSettings(produce_ps=0.01), "produce_ps: 0.01 ps hold 5 samples; 128 blocks need as many"),
        (lambda: RingSystem(alone(), 0), "temperature_K: must be above 0 (is 0)"),
        (lambda: RingSystem(alone(), 1, fixed=np.array([True])), "fixed: no atom is left to move"),
        (lambda: RingSystem(alone(), 1, plane=Plane(np.zeros(3))), "plane: its normal must have the shape (1, 3)"),
        (lambda: RingSystem(alone(), 1, plane=Plane(np.zeros((1, 3)))), "plane: its normal is zero for all atoms"),
        (lambda: sample(lj(), []), "systems: there is nothing to sample"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(make, says):
    with pytest.raises(PropertyError) as caught:
        make()
    assert str(caught.value).startswith(says)


# Errors of means


def test_correlation_time_of_an_autoregressive_series_is_its_closed_form():
    rng, kept = np.random.default_rng(0), 0.9
    x = np.zeros(100_000)
    for k, noise in enumerate(rng.standard_normal(len(x) - 1)):
        x[k + 1] = kept * x[k] + noise
    exact = 0.5 * (1 + kept) / (1 - kept)
    # 5000 correlation times and a window of five: 5 % of noise, under 1 % left out
    assert correlation_time(x) == pytest.approx(exact, rel=0.1)
    assert mean_with_error(x).error == pytest.approx(x.std() * np.sqrt(2 * exact / len(x)), rel=0.35)


def test_too_short_a_run_says_so():
    rng = np.random.default_rng(0)
    assert mean_with_error(rng.standard_normal(1000)).enough
    assert not mean_with_error(np.cumsum(rng.standard_normal(1000))).enough


def test_time_step_of_cayley_motion_has_no_bias_in_a_well():
    """Linear maps: the stationary covariance of one mode's step is solved for, no sampling."""
    beads, dt = 8, 1.2 / (STIFF / HBAR)
    system = RingSystem(alone(1.0), T_K)
    variance = {}
    for motion in ("cayley", "exact"):
        settings = PathSettings(beads=beads, time_step_fs=dt / units.fs, motion=motion, produce_ps=10)
        by = Propagator.of([system], settings, torch.device("cpu"))
        found = []
        for k in range(beads):
            kick = np.array([[1, 0], [-0.5 * by.dt * stiffness(STIFF), 1]])
            c, over, back = (float(t[k, 0, 0]) for t in (by.cosine, by.over, by.back))
            fly, bath = np.array([[c, over], [back, c]]), np.diag([1, float(by.kept[k, 0, 0])])
            whole = kick @ fly @ bath @ fly @ kick
            shaken = kick @ fly @ np.array([0, float(by.width[k, 0, 0])])
            ones = np.eye(4) - np.kron(whole, whole)
            found.append(np.linalg.solve(ones, np.outer(shaken, shaken).ravel())[0])
        variance[motion] = np.array(found)
    exact = beads * KT / (mode_frequencies(beads, KT) ** 2 + (STIFF / HBAR) ** 2)
    assert variance["cayley"] == pytest.approx(exact, rel=1e-9)
    assert np.abs(variance["exact"] / exact - 1).max() > 0.02


def test_step_follows_from_positions_momenta_and_noise_alone():
    """Two batches at the same point, one of them made from arrays, go on alike."""
    potential = well(stiffness(STIFF))
    systems = [RingSystem(alone(1.0), T_K, seed=2)]
    by = Propagator.of(systems, PathSettings(beads=4), torch.device("cpu"))
    surface = Surface(potential.model, systems, 4)
    one = Rings.begin(systems, by, surface)
    for _ in range(3):
        step(one, systems, by, surface)
    other = Rings.from_arrays(one.to_arrays(), torch.device("cpu"))
    for rings in (one, other):
        step(rings, systems, by, surface)
    assert torch.equal(one.q, other.q)
