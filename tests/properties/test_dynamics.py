"""What molecular dynamics must conserve, sample and give back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import units
from ase.build import bulk

from potentials import load
from potentials.potential import Evaluation, Potential
from potentials.torch_sim_adapter import dynamics_model
from properties.dynamics import DynamicsSettings, Replica, run, simulate
from properties.dynamics.batch import Batch
from properties.dynamics.motion import (
    KELVIN,
    PS,
    Barostat,
    kinetic_energies,
    langevin_npt,
    maxwell_momenta,
    rescale_velocities,
    without_total_momentum,
)
from properties.dynamics.stages import Course
from properties.dynamics.standing import Pace
from properties.errors import PropertyError


@pytest.fixture(scope="module")
def lj():
    """Argon."""
    return load("lj", "cpu", sigma_A=3.4, epsilon_eV=0.0104, cutoff_A=8.0)


class Springs(Potential):
    """Each atom on a spring of its own, to where it was: exactly soluble, and a thousand steps a second."""

    def __init__(self, atoms, stiffness_eV_A2=2.0):
        self.metadata = load("emt").metadata
        self.places, self.stiffness = atoms.positions.copy(), stiffness_eV_A2
        self.batch_atoms = 10**6

    def evaluate(self, structures):
        """Energy and forces; the cell holds nothing."""
        found = []
        for s in structures:
            u = s.positions - self.places[: len(s.positions)]
            energy = 0.5 * self.stiffness * float((u * u).sum())
            found.append(Evaluation(energy, -self.stiffness * u, np.zeros((3, 3))))
        return found


def argon(n=2, a=5.4):
    return bulk("Ar", "fcc", a=a, cubic=True).repeat(n)


def settings(**given):
    steps = {"time_step_fs": 5.0, "equilibrate_ps": 0.0, "produce_ps": 0.5, "frame_every": 10}
    return DynamicsSettings(**(steps | given))


def test_energy_swings_as_the_square_of_the_time_step(lj):
    spreads = []
    for dt in (4.0, 8.0):
        flow = simulate(lj, [Replica(argon(), 40.0, 1)], settings(ensemble="nve", time_step_fs=dt, produce_ps=4.0))[0]
        spreads.append(flow.energy_spread_meV_atom)
        # A slope that a run of 4 ps cannot tell from the swing
        assert abs(flow.energy_drift_meV_atom_ps) < 0.3 * flow.energy_spread_meV_atom
    assert spreads[1] / spreads[0] == pytest.approx(4, rel=0.25)  # the same path only for a while


@pytest.mark.parametrize("ensemble", ["nvt", "nve"])
def test_total_momentum_is_zero(lj, ensemble):
    atoms = argon()
    atoms.symbols[::3] = "Kr"
    flow = simulate(lj, [Replica(atoms, 40.0, 1)], settings(ensemble=ensemble, equilibrate_ps=0.1))[0]
    masses = np.array([flow.masses[flow.numbers == z][0] for z in np.unique(flow.numbers)])
    momentum = np.einsum("s,tsi->ti", masses, flow.currents_A_ps)
    assert np.abs(momentum).max() < 1e-9 * np.abs(flow.currents_A_ps).max() * masses.max()


def test_displacement_is_the_integral_of_velocity(lj):
    """Velocity Verlet: x(t + dt) − x(t) = dt (v(t) + v(t + dt))/2 + O(dt³), summed over the atoms of a species."""
    atoms = argon()
    atoms.symbols[::4] = "Kr"
    atoms.positions += 3.0  # so that some atoms lie on faces of the cell
    flow = simulate(lj, [Replica(atoms, 60.0, 3)], settings(ensemble="nve", frame_every=1, produce_ps=1.0))[0]
    for s, z in enumerate(np.unique(flow.numbers)):
        moved = flow.positions_A[1:, flow.numbers == z].sum(axis=1)
        v = flow.currents_A_ps[:, s]
        integral = np.cumsum(0.5 * (v[1:] + v[:-1]), axis=0) * flow.step_ps
        assert np.abs(moved[1:] - moved[0] - integral).max() < 2e-3 * np.abs(moved).std()
    assert np.abs(np.diff(flow.positions_A, axis=0)).max() < 0.1  # nobody jumps by a lattice vector


def test_a_mixed_batch_equals_single_runs(lj):
    kr = argon(a=5.6)
    kr.symbols[:] = "Kr"
    replicas = [Replica(argon(), 40.0, 1), Replica(bulk("Ar", "fcc", a=5.4).repeat(3), 70.0, 2), Replica(kr, 20.0, 3)]
    how = settings(pressure_GPa=0.0, npt_ps=0.2, equilibrate_ps=0.2, produce_ps=0.3)
    together = simulate(lj, replicas, how)
    for replica, flow in zip(replicas, together, strict=True):
        alone = simulate(lj, [replica], how)[0]
        # Rounding, grown by chaos over 140 steps
        assert np.allclose(alone.positions_A, flow.positions_A, atol=1e-9)
        assert np.allclose(alone.currents_A_ps, flow.currents_A_ps, atol=1e-8)
        assert np.allclose(alone.cell, flow.cell, atol=1e-9)


def test_seeds_and_not_places_make_a_run(lj):
    flows = simulate(lj, [Replica(argon(), 40.0, s) for s in (1, 2, 1)], settings(equilibrate_ps=0.1))
    assert np.allclose(flows[0].positions_A, flows[2].positions_A, atol=1e-10)
    assert not np.allclose(flows[0].positions_A, flows[1].positions_A, atol=1e-3)


def test_velocities_are_maxwells_without_their_centre():
    """Each species has (1 − m/M) of equipartition, exactly what a fixed centre of mass leaves."""
    rng = np.random.default_rng(0)
    masses = np.array([7.0, 7.0, 120.0, 35.0])
    draws = np.array([maxwell_momenta(masses, 0.05, rng) for _ in range(20000)])
    assert np.abs(draws.sum(axis=1)).max() < 1e-12
    share = (draws**2).mean(axis=(0, 2)) / masses / 0.05
    assert np.allclose(share, 1 - masses / masses.sum(), atol=4 * np.sqrt(2 / 60000))  # four standard errors


def _velocities(course, stage, steps, every):
    """Of a stage of a course, after 400 steps of it, (samples, n, 3), √(eV/u)."""
    course.stage = stage
    course._follow()
    samples = []
    for k in range(1, 401 + steps):
        course.step = 0
        course._advance(course.stages[stage])
        if k > 400 and k % every == 0:
            samples.append((course.batch.state.momenta / course.batch.state.masses[:, None]).numpy())
    return np.array(samples)


def _course(potential, replicas, **given):
    return Course(potential, replicas, settings(**given), [], lambda news: None, lambda arrays: None)


def test_langevins_bath_warms_each_species_to_maxwells_law():
    """Independent oscillators, from rest: each has its own kT, and the fourth moment of a Gaussian."""
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(3)
    atoms.symbols = ["Al" if z == 11 else "Au" for z in atoms.numbers]
    course = _course(Springs(atoms), [Replica(atoms, 300.0, 5)], equilibrate_ps=2.0, friction_per_ps=10.0)
    samples = _velocities(course, 0, 2000, 20)
    for symbol in ("Al", "Au"):
        here = atoms.symbols == symbol
        v = samples[:, here] * np.sqrt(atoms.get_masses()[here])[None, :, None]
        n = v.size / 2  # 0.1 ps apart, a correlation time of the energy
        assert v.var() == pytest.approx(300.0 * units.kB, rel=4 * np.sqrt(2 / n))
        assert (v**4).mean() / v.var() ** 2 == pytest.approx(3, rel=4 * np.sqrt(24 / n) / 3)


def test_rescaling_leaves_each_species_its_share(lj):
    """Crystals of unlike masses in "nvt": the thermostat knows the total alone, forces share it out."""
    atoms = argon()
    atoms.symbols[::4] = "Xe"
    replicas = [Replica(atoms, 50.0, seed) for seed in range(4)]
    course = _course(lj, replicas, equilibrate_ps=2.0, thermostat_ps=0.5, friction_per_ps=5.0)
    _velocities(course, 0, 0, 1)
    without_total_momentum(course.batch.state)
    samples = _velocities(course, 1, 800, 20)
    masses, xenon = np.tile(atoms.get_masses(), 4), np.tile(atoms.symbols == "Xe", 4)
    for here in (xenon, ~xenon):
        twice = (samples[:, here] ** 2).mean(axis=(0, 2)) * masses[here]
        # 4 ps hold four times a picosecond, in which a crystal shares out its energy
        tolerance = 4 * np.sqrt(2 / (3 * here.sum() * 4))
        assert twice.mean() == pytest.approx(50.0 * units.kB, rel=tolerance)


def test_kinetic_energy_of_rescaling_is_canonical():
    """Mean N_f kT/2, variance N_f (kT)²/2; a thermostat that is too gentle or counts wrongly has another one."""
    atoms = bulk("Cu", cubic=True)
    batch = Batch.begin([Replica(atoms, 500.0, k) for k in range(4)], torch.device("cpu"))
    around = batch.around(DynamicsSettings())
    kinetic, heat = [], torch.zeros(4, dtype=torch.float64)
    start = kinetic_energies(batch.state)
    for _ in range(6000):
        heat += rescale_velocities(batch.state, around, over_tau=0.5)
        kinetic.append(kinetic_energies(batch.state).numpy())
    assert np.allclose((start + heat).numpy(), kinetic[-1])  # the books balance
    kinetic, kT, free = np.array(kinetic[100:]), 500.0 * units.kB, 9
    independent = kinetic.size * np.tanh(0.25)  # autocorrelation c^k, c = exp(−0.5)
    assert kinetic.mean() == pytest.approx(free * kT / 2, rel=4 * np.sqrt(2 / free / independent))
    # Of a gamma variate the variance's own relative error is √((2 + 12/N_f)/n)
    assert kinetic.var() == pytest.approx(free * kT**2 / 2, rel=4 * np.sqrt((2 + 12 / free) / independent))


@pytest.mark.parametrize("barostat", ["isotropic", "anisotropic"])
def test_volume_under_pressure_has_that_pressure(lj, barostat):
    """The mean cell of NPT, run at fixed volume, has the pressure that was asked for."""
    replicas = [Replica(argon(a=5.3), 40.0, seed) for seed in range(3)]
    how = settings(
        pressure_GPa=0.2, npt_ps=8.0, barostat=barostat, barostat_ps=0.5, bulk_modulus_GPa=3.0, equilibrate_ps=0.5,
        produce_ps=3.0, frame_every=10, time_step_fs=8.0,
    )  # fmt: skip
    flows = simulate(lj, replicas, how)
    found = np.array([flow.pressure_GPa for flow in flows])
    # Of the mean: a volume of 32 atoms fluctuates by 1.5 %, thus pressures by 0.045 GPa; 4 ps hold about eight of them
    assert found.mean() == pytest.approx(0.2, abs=4 * 0.045 / np.sqrt(8 * 3))
    lengths = np.array([np.diag(flow.cell) for flow in flows])
    assert (np.ptp(lengths, axis=1) < 1e-9).all() == (barostat == "isotropic")


def test_volume_fluctuates_as_an_ideal_gas_does():
    """Atoms without forces: P V = N kT and var(V)/V² = 1/N, exactly (N + 1 for N in both, by V's own weight)."""
    atoms = bulk("Cu", cubic=True).repeat((2, 2, 1))
    model = dynamics_model(Springs(atoms, 0.0))
    n, pressure = len(atoms), 16 * 300.0 * KELVIN / atoms.cell.volume
    batch = Batch.begin([Replica(atoms, 300.0, k) for k in range(60)], torch.device("cpu"))
    around = batch.around(DynamicsSettings(time_step_fs=5.0))
    barostat = Barostat(pressure, 1 / (pressure * 0.1 * PS), isotropic=True)
    volumes = []
    for k in range(1500):
        langevin_npt(batch.state, model, around, 10.0 / PS, barostat)
        if k >= 300 and k % 10 == 0:
            volumes.append(torch.linalg.det(batch.state.cell).numpy())
    ratio = np.array(volumes) * pressure / (300.0 * KELVIN)
    # Gamma law of V with n + 1: correlation time about 0.1 ps, 20 steps
    independent = ratio.size / 4
    assert ratio.mean() == pytest.approx(n + 1, rel=4 / np.sqrt((n + 1) * independent))
    assert ratio.var() == pytest.approx(n + 1, rel=4 * np.sqrt(2.4 / independent))


def test_a_potential_without_a_model_runs():
    copper = Replica(bulk("Cu", cubic=True), 300.0, 1)
    flow = simulate(load("emt"), [copper], settings(time_step_fs=2.0, produce_ps=0.2))[0]
    assert flow.species == ("Cu",)
    assert flow.currents_A_ps.shape == (100, 1, 3)
    assert flow.positions_A.shape == (11, 4, 3)


class Breaking(Springs):
    """Lets go of one replica, known by its number of atoms."""

    calls = 0

    def evaluate(self, structures):
        """As springs, until the thirtieth call."""
        self.calls += 1
        found = super().evaluate(structures)
        breaks = [self.calls > 30 and len(s.numbers) == 4 for s in structures]
        return [replace(e, forces_eV_A=e.forces_eV_A * np.nan) if b else e for e, b in zip(found, breaks, strict=True)]


def test_one_that_breaks_is_stopped_and_the_others_go_on():
    atoms = bulk("Cu", cubic=True).repeat((2, 1, 1))
    small = atoms[:4]
    small.cell = bulk("Cu", cubic=True).cell
    replicas = [Replica(small, 300.0, 1), Replica(atoms, 300.0, 2)]
    found = run(Breaking(atoms), replicas, settings(time_step_fs=2.0))
    assert [(s.replica, s.stage) for s in found.stopped] == [(0, "produce")]
    assert "not finite" in found.stopped[0].reason
    alone = simulate(Springs(atoms), replicas[1:], settings(time_step_fs=2.0))[0]
    assert np.allclose(found.flows[0].positions_A, alone.positions_A, atol=1e-12)
    message = r"no replica came to its end; the first was stopped in step \d+ of 'produce': .*not finite"
    with pytest.raises(PropertyError, match=message):
        run(Breaking(atoms), replicas[:1], settings(time_step_fs=2.0))


def test_an_explosion_is_told(lj):
    close = argon()
    close.positions[0] = close.positions[1] + 1.2
    with pytest.raises(PropertyError, match=r"exploded: \d+ K where 40 K was asked for|collapsed|not finite"):
        simulate(lj, [Replica(close, 40.0, 1)], settings())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"time_step_fs": 0.0}, "time_step_fs: must be above 0"),
        ({"every": 0}, "every: must be at least 1"),
        ({"ensemble": "npt"}, "ensemble: must be one of nvt, nve"),
        ({"produce_ps": 0.01}, "produce_ps: must hold 50 steps"),
        ({"produce_ps": 0.2, "every": 200}, "produce_ps: must hold 200 steps"),
        ({"pressure_GPa": 0.0, "npt_ps": 0}, "npt_ps: a pressure needs some ps to find its cell"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given, message):
    with pytest.raises(PropertyError, match=message):
        DynamicsSettings(**given)


def test_replicas_that_cannot_be_run_are_refused(lj):
    with pytest.raises(PropertyError, match="there is none"):
        run(lj, [])
    with pytest.raises(PropertyError, match="replica 1: its temperature must be above 0"):
        run(lj, [Replica(argon(), 0.0)])
    with pytest.raises(PropertyError, match="replica 1: has 1 atom; give a supercell"):
        run(lj, [Replica(bulk("Ar", "fcc", a=5.4), 40.0)])
    with pytest.raises(PropertyError, match="watch: no reference set is known of lj"):
        run(lj, [Replica(argon(), 40.0)], settings(watch="note"))


def test_news_say_how_long_it_takes():
    heard, now = [], [0.0]
    pace = Pace(heard.append, 200, lambda: now[0])
    for step in range(1, 101):
        now[0] = 0.04 * step
        pace.news("producing", step, 8, 1)
    assert str(heard[-1]).startswith("producing, step ")
    assert str(heard[-1]).endswith("8 replicas, 1 stopped, 40 ms a step, 4 s left")
    assert heard[-1].seconds_left == pytest.approx(0.04 * (200 - heard[-1].done))
    assert 7 <= len(heard) <= 10  # about twice a second




@pytest.mark.slow  # loads SevenNet
def test_who_leaves_the_domain_is_told_and_stopped_where_asked():
    """Silicon at 300 K is known to 7net-0; at 100 000 K nobody knows it. Watching changes no step."""
    potential = load("7net-0", "cpu")
    cold, hot = (Replica(bulk("Si", cubic=True), kelvin, 2) for kelvin in (300.0, 100000.0))
    how = {"time_step_fs": 1.0, "produce_ps": 0.04}
    noted = run(potential, [cold, hot], settings(**how, watch="note"))
    assert noted.flows[0].departure is None
    departure = noted.flows[1].departure
    assert departure is not None
    assert departure.stage == "produce"
    assert departure.distance > departure.threshold
    found = run(potential, [cold, hot], settings(**how, watch="stop"))
    assert [(s.replica, s.step) for s in found.stopped] == [(1, departure.step)]
    assert "left the potential's domain: an atom at distance" in found.stopped[0].reason
    unwatched = simulate(potential, [cold], settings(**how))[0]
    assert np.allclose(found.flows[0].positions_A, unwatched.positions_A, atol=1e-5)  # single precision
