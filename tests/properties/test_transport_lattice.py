"""Jumps, densities and Arrhenius' line of what is known: walkers on a lattice, lines with errors."""

import numpy as np
import pytest
from ase import units

from properties.transport import Density, TransportSettings, arrhenius, conductivity, density, ensembles, jumps
from properties.transport.diffusion import self_diffusion

from .synthetic_flows import TEMPERATURE_K, flow_of

SPACING_A = 3.0
CELLS = 3
RATE_PER_PS = 0.2
FRAME_PS = 0.1
CHARGES = {"Li": 1.0, "Cl": -1.0}
DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)]).astype(int)


def walker_flows(rng, back=None, replicas=5, walkers=20, frames=1500, shake_A=0.25):
    """Kinetic Monte Carlo on a simple cubic lattice, one ion knowing nothing of the other, read every 0.1 ps.

    back: probability of a jump to undo the one before; None takes 1/6, no memory.
    """
    flows = []
    start = np.stack(np.meshgrid(*[np.arange(CELLS)] * 3), axis=-1).reshape(-1, 3)[:walkers]
    for _ in range(replicas):
        places = np.empty((frames, walkers, 3))
        for w in range(walkers):
            places[:, w] = (start[w] + 0.5 + walk(rng, frames, back)) * SPACING_A
        places += shake_A * rng.standard_normal(places.shape)
        host = np.zeros((frames, 1, 3))
        velocities = np.diff(np.concatenate([places, host], axis=1), axis=0, append=0) / FRAME_PS
        velocities[-1] = 0
        flows.append(
            flow_of(
                ["Li"] * walkers + ["Cl"],
                np.eye(3) * SPACING_A * CELLS,
                np.concatenate([places, host], axis=1),
                velocities,
                FRAME_PS,
                1,
            )
        )
    return flows


def walk(rng, frames, back):
    times = np.cumsum(rng.exponential(1 / RATE_PER_PS, size=int(4 * frames * FRAME_PS * RATE_PER_PS) + 50))
    steps = np.empty((len(times), 3), int)
    last = None
    for k in range(len(times)):
        if last is not None and back is not None and rng.random() < back:
            last = -last
        else:
            others = DIRECTIONS if back is None or last is None else DIRECTIONS[np.any(DIRECTIONS + last, axis=1)]
            last = others[rng.integers(len(others))]
        steps[k] = last
    path = np.concatenate([np.zeros((1, 3), int), np.cumsum(steps, axis=0)])
    return path[np.searchsorted(times, np.arange(frames) * FRAME_PS)]


@pytest.mark.parametrize("back", [None, 0.5])
def test_jump_rates_of_a_lattice_walker_come_back_with_their_correlation(back):
    """f = (1 + c)/(1 − c), c = ⟨cos⟩ between one jump and the next (Compaan & Haven 1956, Markovian memory)."""
    rng = np.random.default_rng(21)
    (ensemble,), _ = ensembles(walker_flows(rng, back), CHARGES)
    where = density(ensemble, "Li", (CELLS,) * 3)
    found = jumps(ensemble, "Li", where)
    assert found.verdict == "sites" and len(found.sites_A) == CELLS**3
    assert np.mean(found.lengths_A) == pytest.approx(SPACING_A, rel=0.05)
    # Two jumps within a frame (2 % of stays) are seen as one or none
    assert found.rate_per_ps == pytest.approx(RATE_PER_PS, rel=0.05)
    assert found.residence_ps == pytest.approx(1 / RATE_PER_PS, rel=0.05)
    cosine = 0.0 if back is None else -back + (1 - back) / 5  # one of five other ways goes on
    exact = (1 + cosine) / (1 - cosine)
    D = self_diffusion(ensemble, "Li", {"Li": SPACING_A})
    assert abs(D.slope.value - exact * RATE_PER_PS * SPACING_A**2 / 6) < 3.5 * D.slope.error
    factor, error = found.correlation_factor(D.slope.value, D.slope.error)
    assert abs(factor - exact) < 3.5 * error + 0.02 and error < 0.1


def test_a_density_counts_ions_and_peaks_at_sites():
    (ensemble,), _ = ensembles(walker_flows(np.random.default_rng(22), frames=300), CHARGES)
    where = density(ensemble, "Li", (CELLS,) * 3)
    voxel = SPACING_A**3 / where.per_A3.size
    assert where.per_A3.sum() * voxel == pytest.approx(20 / 27)
    assert where.peaks() == pytest.approx(np.full((1, 3), 0.5), abs=0.06)  # a voxel is 1/12
    assert where.projection_per_A2(0, 1).sum() * SPACING_A**2 / 32**2 == pytest.approx(20 / 27)


def test_replicas_whose_host_has_drifted_share_one_density():
    """As after an equilibration, in which the host went one way and the ions the other."""
    flows = walker_flows(np.random.default_rng(22), frames=300)
    for k, flow in enumerate(flows):
        flow.positions_A[:] += 0.7 * k
    (ensemble,), _ = ensembles(flows, CHARGES)
    peaks = density(ensemble.seen_from("host", ("Li",)), "Li", (CELLS,) * 3).peaks()
    assert peaks == pytest.approx(np.full((1, 3), 0.5), abs=0.06)


def test_a_liquid_has_no_sites_and_says_so():
    rng = np.random.default_rng(23)
    flows = walker_flows(rng, frames=200)
    for flow in flows:
        flow.positions_A[:, :20] = 9.0 * rng.random((len(flow.positions_A), 20, 3))
    (ensemble,), _ = ensembles(flows, CHARGES)
    found = jumps(ensemble, "Li", density(ensemble, "Li"))
    assert found.verdict == "liquid-like" and "liquid-like" in found.note and found.rate_per_ps is None


def test_few_jumps_give_no_rate():
    (ensemble,), _ = ensembles(walker_flows(np.random.default_rng(24), replicas=1, walkers=2, frames=60), CHARGES)
    found = jumps(ensemble, "Li", density(ensemble, "Li", (CELLS,) * 3))
    assert found.verdict == "too few jumps" and found.rate_per_ps is None


def test_walkers_conduct_by_their_jumps():
    """Independent walkers: σ by all three routes, from velocities that are differences of frames."""
    flows = walker_flows(np.random.default_rng(25))
    settings = TransportSettings(spectrum="exppoly", jump_A={"Li": SPACING_A}, repeats=(CELLS,) * 3)
    found = conductivity(flows, {"Li": 1.0, "Cl": -20.0}, settings)
    (point,) = found.points
    exact = 16.02176634 * 20 * RATE_PER_PS * SPACING_A**2 / 6 / (9.0**3 * units.kB * TEMPERATURE_K)
    for value, error in (
        (point.green_kubo_S_per_cm, point.green_kubo_error_S_per_cm),
        (point.einstein_S_per_cm, point.einstein_error_S_per_cm),
        point.nernst_einstein,
    ):
        assert abs(value - exact) < 3.5 * error
    shown = found.to_json()["points"][0]["jumps"]["Li"]
    assert shown["verdict"] == "sites" and shown["correlation_factor"] == pytest.approx(1.0, abs=0.15)


# --- Arrhenius ---------------------------------------------------------------------------------------------------

T = np.array([450.0, 500.0, 550.0, 600.0, 700.0, 800.0, 900.0, 1000.0])


def of_line(energy_eV, log_prefactor, temperatures_K=T):
    return np.exp(log_prefactor - energy_eV / (units.kB * temperatures_K)) / temperatures_K


def test_arrhenius_recovers_an_energy_with_its_error():
    """5 % noise: over 300 draws one standard error covers 68 ± 8 % (three errors of a share of 300)."""
    rng = np.random.default_rng(31)
    clean = of_line(0.3, 9.0)
    found = []
    for _ in range(300):
        values = clean * np.exp(0.05 * rng.standard_normal(len(T)))
        found.append(arrhenius(T, values, 0.05 * values, per_K=False))
    energies = np.array([f.line.activation_energy_eV for f in found])
    assert energies.mean() == pytest.approx(0.3, abs=2e-3)
    inside = [abs(f.line.activation_energy_eV - 0.3) < f.line.activation_energy_error_eV for f in found]
    assert 0.60 < np.mean(inside) < 0.82  # errors are widened where chi-square is above 1, never narrowed
    assert np.mean([f.broken is not None for f in found]) < 0.02
    log, error = found[0].line.at(300.0)
    assert abs(log - (9.0 - 0.3 / (units.kB * 300))) < 3.5 * error


def test_a_break_is_flagged_and_the_colder_side_speaks_for_the_cold():
    values = np.where(T < 650, of_line(0.5, 15.0), of_line(0.15, 15.0 - 0.35 / (units.kB * 650)))
    found = arrhenius(T, values, 0.05 * values, per_K=False)
    assert found.broken is not None and "between 600 and 700 K" in found.broken_note
    assert found.broken.colder.activation_energy_eV == pytest.approx(0.5, abs=1e-6)
    assert found.broken.hotter.activation_energy_eV == pytest.approx(0.15, abs=1e-6)
    assert found.coldest_line is found.broken.colder


def test_too_few_temperatures_tell_neither_an_energy_nor_a_break():
    values = of_line(0.3, 9.0)
    assert "needs 3" in arrhenius(T[:2], values[:2], 0.05 * values[:2], per_K=False).reason
    assert "too few to tell a break" in arrhenius(T[:5], values[:5], 0.05 * values[:5], per_K=False).broken_note
    missing = np.where(T < 850, np.nan, values)
    assert arrhenius(T, missing, 0.05 * values, per_K=False).line is None


def test_a_line_that_does_not_fall_is_not_carried_on():
    from properties.transport.as_json import arrhenius_json

    flat = arrhenius(T[:4], np.full(4, 2.0) / T[:4], np.full(4, 0.4) / T[:4], per_K=False)
    assert arrhenius_json(flat, 300.0, per_K=False)["at_300_K"] is None
    steep = arrhenius_json(arrhenius(T, of_line(0.3, 9.0), 0.05 * of_line(0.3, 9.0), per_K=False), 300.0, per_K=False)
    read = steep["at_300_K"]
    assert read["extrapolated"] and read["lower"] < read["value"] < read["upper"]
    assert read["value"] == pytest.approx(of_line(0.3, 9.0, 300.0), rel=1e-9)
    assert steep["line"]["extrapolated"][-1] and not steep["line"]["extrapolated"][0]


def test_peaks_of_a_triclinic_cell_are_found_at_its_sites():
    rng = np.random.default_rng(26)
    cell = np.array([[5.0, 0, 0], [1.0, 6.0, 0], [-1.0, 1.0, 7.0]])
    sites = np.array([[0.1, 0.2, 0.3], [0.6, 0.7, 0.05]])
    places = (sites[rng.integers(2, size=20000)] + 0.0) @ cell + 0.3 * rng.standard_normal((20000, 3))
    fractional = np.linalg.solve(cell.T, places.T).T % 1.0
    counts = np.histogramdd(fractional, bins=[20, 25, 28], range=[(0, 1)] * 3)[0]
    peaks = Density(cell, counts, fractional, 2.0).peaks()
    assert len(peaks) == 2
    for site in sites:
        gap = (peaks - site - np.round(peaks - site)) @ cell
        assert np.linalg.norm(gap, axis=1).min() < 0.3  # a voxel's diagonal is 0.43
