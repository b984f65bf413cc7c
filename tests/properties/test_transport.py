"""Conductivity against what is known exactly: Langevin charges, pairs, coloured noise, and honest refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase import units
from scipy.integrate import cumulative_trapezoid
from scipy.signal import lfilter

from properties.dynamics import Flow
from properties.errors import PropertyError
from properties.transport import TransportSettings, conductivity, ensembles, self_diffusion
from properties.transport.diffusion import charge_displacement
from properties.transport.green_kubo import autocorrelation, integral

from .synthetic_flows import S_PER_CM, TEMPERATURE_K, flow_of, langevin_paths, thermal_velocity2

CHARGES = {"Li": 1.0, "Cl": -1.0}
FRICTION_PER_PS = 20.0
IONS = 16
EDGE_A = 12.0
D_A2_PS = thermal_velocity2("Li") / FRICTION_PER_PS
FAST = TransportSettings(spectrum="exppoly", jump_A={"Li": 3.0, "Cl": 3.0})


def grid(count, edge_A=EDGE_A):
    places = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3)[:count]
    return places * edge_A / 3


def langevin_flows(rng, move=lambda x: x, replicas=5, steps=4000, temperature_K=TEMPERATURE_K, cell=None, **path):
    """Li⁺ that know nothing of each other between Cl⁻ that stand still; `move` maps (steps, ions, 3) of Li."""
    cell = np.eye(3) * EDGE_A if cell is None else cell
    velocity2 = thermal_velocity2("Li", temperature_K)
    path = {"friction_per_ps": FRICTION_PER_PS, "velocity2": velocity2} | path
    xs, vs = langevin_paths(rng, (replicas, IONS, 3), steps, 0.01, **path)
    sites = grid(IONS)
    host = np.broadcast_to(sites + 2.0, (steps, IONS, 3))
    return [
        flow_of(
            ["Li"] * IONS + ["Cl"] * IONS,
            cell,
            np.concatenate([move(xs[:, r]) + sites, host], axis=1),
            np.concatenate([move(vs[:, r]), np.zeros_like(host)], axis=1),
            0.01,
            10,
            temperature_K,
        )
        for r in range(replicas)
    ]


def exact_S_per_cm(ions=IONS, charge=1.0, temperature_K=TEMPERATURE_K, diffusion=D_A2_PS):
    """N q² D/(V k_B T)."""
    return S_PER_CM * ions * charge**2 * diffusion / (EDGE_A**3 * units.kB * temperature_K)


def ar1(rng, shape, phi):
    """Stationary, unit innovations, after 300 steps that are thrown away; phi^300 is nothing."""
    return lfilter([1.0], [1.0, -phi], rng.standard_normal((*shape[:-1], shape[-1] + 300)), axis=-1)[..., 300:]


def ar1_integral(phi):
    """Half the sum over all lags of phi^|k|/(1 − phi²), steps of 1: STACIE's rule for the integral of a series."""
    return 0.5 / (1 - phi) ** 2


def within(value, truth, error, times=3.5):
    """3.5 errors: one draw in 2000 beyond, and the draws here are fixed by their seeds."""
    return abs(value - truth) < times * error


# --- Green–Kubo --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spectrum", ["pade", "exppoly", "lorentz"])
def test_integral_of_coloured_noise_has_its_closed_form(spectrum):
    found = integral(ar1(np.random.default_rng(5), (15, 6000), 0.8), 1.0, 1.0, spectrum)
    assert found.reason == ""
    assert within(found.value, ar1_integral(0.8), found.error)
    assert found.error < 0.12 * found.value  # 15 series of 1200 integrated correlation times


def test_stacie_equals_a_plain_running_integral_of_a_long_series():
    """Of 12 e-folds, where what is left of the correlation is 6e-6; the trapezoid leaves its h²/12 rule, 0.4 %."""
    series = ar1(np.random.default_rng(6), (15, 60000), 0.8)
    found = integral(series, 1.0, 1.0, "pade")
    shown = autocorrelation(series, 1.0, 1.0, 54.0)
    assert within(shown.running[-1], found.value, np.hypot(found.error, shown.running_error[-1]), 2.5)
    # The autocorrelation by the definition, for one lag
    plain = (series[:, :-7] * series[:, 7:]).mean() / np.square(series).mean()
    assert shown.normalised[7] == pytest.approx(plain, abs=1e-3)
    assert shown.running == pytest.approx(
        cumulative_trapezoid(shown.normalised, initial=0) * np.square(series).mean(), rel=1e-9
    )


def coverage(spectrum, runs, steps, phi):
    rng = np.random.default_rng(11)
    found = [integral(ar1(rng, (15, steps), phi), 1.0, 1.0, spectrum) for _ in range(runs)]
    return np.mean([within(f.value, ar1_integral(phi), f.error, 1.0) for f in found])


def test_green_kubo_errors_cover_the_truth_in_68_percent_of_200_runs():
    assert coverage("exppoly", 200, steps=500, phi=0.4) == pytest.approx(0.683, abs=0.07)


@pytest.mark.slow
def test_green_kubo_errors_of_the_default_spectrum_cover_the_truth_in_68_percent_of_200_runs():
    assert coverage("pade", 200, steps=1000, phi=0.6) == pytest.approx(0.683, abs=0.07)


# --- diffusion and Einstein --------------------------------------------------------------------------------------


def test_errors_of_diffusion_and_of_einstein_cover_the_truth_in_68_percent_of_200_runs():
    rng = np.random.default_rng(12)
    inside = []
    for _ in range(200):
        (ensemble,), _ = ensembles(langevin_flows(rng, steps=1500), CHARGES)
        found = self_diffusion(ensemble, "Li", {"Li": 3.0})
        charge = charge_displacement(ensemble, found.settled)
        exact = IONS * D_A2_PS
        inside.append(
            (
                within(found.slope.value, D_A2_PS, found.slope.error, 1.0),
                within(charge.slope.value, exact, charge.slope.error, 1.0),
            )
        )
    assert np.mean(inside, axis=0) == pytest.approx([0.683, 0.683], abs=0.07)


def test_a_cage_does_not_count_as_diffusion():
    """Langevin walkers that also rattle by 0.5 Å: the rattling is in the displacement, not in its slope."""
    rng = np.random.default_rng(13)
    flows = langevin_flows(rng, move=lambda x: x + 0.5 * rng.standard_normal(x.shape))
    (ensemble,), _ = ensembles(flows, CHARGES)
    found = self_diffusion(ensemble, "Li", {"Li": 3.0})
    assert within(found.slope.value, D_A2_PS, found.slope.error)


# --- exact rows --------------------------------------------------------------------------------------------------


def test_independent_charges_have_haven_ratio_1_and_both_routes_agree():
    found = conductivity(langevin_flows(np.random.default_rng(1)), CHARGES, TransportSettings(jump_A={"Li": 3.0}))
    (point,) = found.points
    exact = exact_S_per_cm()
    assert found.mobile == ("Li",) and not found.warnings
    assert within(point.green_kubo_S_per_cm, exact, point.green_kubo_error_S_per_cm)
    assert within(point.einstein_S_per_cm, exact, point.einstein_error_S_per_cm)
    assert within(point.nernst_einstein[0], exact, point.nernst_einstein[1])
    assert within(point.haven_ratio[0], 1.0, point.haven_ratio[1])
    assert point.gap < 3 and point.green_kubo_error_S_per_cm < 0.15 * exact
    assert point.diffusion["Cl"].slope is None and "immobile" in point.diffusion["Cl"].reason


def test_rigid_pairs_of_like_charges_conduct_twice_nernst_einstein():
    flows = langevin_flows(np.random.default_rng(2), move=lambda x: np.repeat(x[:, : IONS // 2], 2, axis=1))
    (point,) = conductivity(flows, CHARGES, FAST).points
    ratio, error = point.haven_ratio
    assert within(1 / ratio, 2.0, error / ratio**2)
    assert error < 0.1


def opposite_pairs(rng, bond_A):
    """Li⁺ and Cl⁻ that diffuse together, their bond an Ornstein–Uhlenbeck process of 0.5 ps."""
    steps, decay = 4000, np.exp(-0.01 / 0.5)
    flows = []
    for flow in langevin_flows(rng, steps=steps):
        common = flow.positions_A[:, :IONS]
        every = 10
        noise = bond_A * np.sqrt(1 - decay**2) * rng.standard_normal((steps, IONS, 3))
        bond = lfilter([1.0], [1.0, -decay], noise, axis=0)
        slip = np.diff(bond, axis=0, prepend=bond[:1]).sum(axis=1) / 0.01
        currents = np.stack([flow.currents_A_ps[:, 0], flow.currents_A_ps[:, 0] + slip], axis=1)
        positions = np.concatenate([common, common + bond[::every]], axis=1)
        flows.append(Flow(TEMPERATURE_K, TEMPERATURE_K, "nvt", flow.numbers, flow.cell, 0.01, currents, 0.1, positions))
    return flows


@pytest.mark.parametrize("bond_A", [0.0, 0.7])
def test_opposite_pairs_give_no_conductivity(bond_A):
    """Diffusing as fast as ever, they carry nothing: consistent with zero, and no number that says otherwise."""
    (point,) = conductivity(opposite_pairs(np.random.default_rng(3), bond_A), CHARGES, FAST).points
    assert point.green_kubo_S_per_cm is None and point.einstein_S_per_cm is None and point.haven_ratio is None
    assert "not told from zero" in point.reason
    assert point.nernst_einstein[0] > 15
    slope = point.charge.slope
    assert abs(slope.value) <= 3.5 * slope.error
    assert point.upper_bound_S_per_cm < 0.02 * point.nernst_einstein[0]


# --- frames of reference and directions --------------------------------------------------------------------------


def drifting(flow, velocity):
    """The same seen by somebody who walks by."""
    times = np.arange(len(flow.positions_A)) * flow.frame_ps
    counts = np.array([IONS, IONS])
    return Flow(
        flow.temperature_K,
        flow.mean_temperature_K,
        flow.ensemble,
        flow.numbers,
        flow.cell,
        flow.step_ps,
        flow.currents_A_ps + counts[:, None] * velocity,
        flow.frame_ps,
        flow.positions_A + times[:, None, None] * velocity,
    )


def test_a_neutral_cell_conducts_the_same_in_any_frame_and_a_charged_one_says_its_frame():
    flows = [drifting(f, np.array([1.0, 0.0, 0.0])) for f in langevin_flows(np.random.default_rng(4))]

    def seen(frame, charges):
        settings = TransportSettings(frame=frame, spectrum="exppoly", mobile=("Li",), jump_A={"Li": 3.0})
        return conductivity(flows, charges, settings)

    values = [seen(f, CHARGES).points[0].integral.value for f in ("host", "centre of mass", "laboratory")]
    assert values == pytest.approx([values[0]] * 3, rel=1e-6)
    charged = {"Li": 1.0, "Cl": 0.0}
    host, mass = seen("host", charged), seen("centre of mass", charged)
    assert any("depends on the frame" in w for w in host.warnings)
    assert host.points[0].integral.value == pytest.approx(values[0], rel=1e-6)
    # Li's share of the mass is 0.16: what it does, the centre of mass does by that share
    share = 6.94 / (6.94 + 35.45)
    assert mass.points[0].integral.value / values[0] == pytest.approx((1 - share) ** 2, rel=1e-3)


def test_replicas_of_cells_that_a_barostat_found_are_seen_in_their_mean_cell():
    """A strain of each replica's own, which sums to none, is nothing that fractional coordinates know of."""
    flows = langevin_flows(np.random.default_rng(4), steps=1000)
    expected = ensembles(flows, CHARGES)[0][0]
    strains = [np.eye(3) + s * np.diag([1, 0, -1]) for s in (-0.02, -0.01, 0, 0.01, 0.02)]
    strained = [
        replace(f, cell=f.cell @ m, positions_A=f.positions_A @ m, currents_A_ps=f.currents_A_ps @ m)
        for f, m in zip(flows, strains, strict=True)
    ]
    (found,), warnings = ensembles(strained, CHARGES)
    assert found.cell == pytest.approx(expected.cell)
    assert found.positions_A == pytest.approx(expected.positions_A)
    assert found.currents_A_ps == pytest.approx(expected.currents_A_ps)
    assert any("cells differ from their mean by 2" in w for w in warnings)


def test_a_triclinic_crystal_has_a_tensor():
    """Friction 5, 20, 80 along axes turned away from x, y, z."""
    rng = np.random.default_rng(8)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    cell = np.array([[12.0, 0, 0], [2.0, 12.0, 0], [1.0, -2.0, 12.0]])
    friction = np.array([10.0, 20.0, 80.0])
    flows = langevin_flows(rng, move=lambda x: x @ turn.T, cell=cell, friction_per_ps=friction)
    found = conductivity(flows, CHARGES, FAST)
    (point,) = found.points
    exact = turn @ np.diag(thermal_velocity2("Li") / friction) @ turn.T
    slope = point.diffusion["Li"].slope
    assert point.diffusion["Li"].anisotropic
    assert (np.abs(slope.tensor - exact) < 4 * slope.tensor_error).all()  # nine at once
    assert np.linalg.eigvalsh(slope.tensor) == pytest.approx(np.linalg.eigvalsh(exact), rel=0.15)
    factor = exact_S_per_cm(diffusion=1.0)
    for direction, wanted in zip(point.directions, np.diag(exact) * factor, strict=True):
        assert within(direction.value, wanted, direction.error)
    tensor = np.array(found.to_json()["points"][0]["conductivity_tensor_S_per_cm"])
    error = np.array(found.to_json()["points"][0]["conductivity_tensor_error_S_per_cm"])
    assert (np.abs(tensor - exact * factor) < 4 * error).all()


def test_pairs_of_species_add_up_to_the_whole():
    """Rigid Li–Cl pairs, +1 and −½: half a charge each. At rest in the centre of mass they would carry nothing."""
    settings = replace(FAST, frame="laboratory")
    json_ = conductivity(opposite_pairs(np.random.default_rng(9), 0.0), {"Li": 1.0, "Cl": -0.5}, settings).to_json()
    parts = json_["points"][0]["conductivity_by_pair_S_per_cm"]
    assert sum(parts.values()) == pytest.approx(json_["einstein_S_per_cm"][0], rel=1e-6)
    assert parts["Li-Cl"] < 0 < parts["Li-Li"]


# --- charges that change -----------------------------------------------------------------------------------------


def test_charges_of_each_atom_take_the_place_of_species_charges():
    flows = langevin_flows(np.random.default_rng(10))
    own = [Flow(**(vars(f) | {"charge_current_eA_ps": 0.5 * f.currents_A_ps[:, 0]})) for f in flows]
    (plain,), (half,) = (conductivity(f, CHARGES, FAST).points for f in (flows, own))
    assert half.integral.value == pytest.approx(0.25 * plain.integral.value, rel=1e-6)
    # Einstein's from the current's integral now; the sum over steps is a position but for the ends of a window
    assert half.einstein_S_per_cm == pytest.approx(0.25 * plain.einstein_S_per_cm, rel=0.05)
    assert half.charge.pairs is None


# --- no number from noise ----------------------------------------------------------------------------------------


def test_a_run_too_short_says_so():
    short = langevin_flows(np.random.default_rng(14), steps=100)
    (point,) = conductivity(short, CHARGES, TransportSettings(jump_A={"Li": 8.0})).points
    assert point.green_kubo_S_per_cm is None and point.nernst_einstein is None
    assert "too short to tell" in point.reason and "Å²" in point.reason


def test_a_memory_longer_than_the_run_is_told():
    found = integral(ar1(np.random.default_rng(15), (15, 500), 0.99), 1.0, 1.0, "exppoly")
    assert found.value is None and "several times longer" in found.reason
    assert "too few for a spectrum" in integral(np.ones((3, 20)), 1.0, 1.0, "pade").reason


def test_an_uncertain_value_is_no_number():
    strict = TransportSettings(spectrum="exppoly", jump_A={"Li": 3.0}, largest_relative_error=0.01)
    (point,) = conductivity(langevin_flows(np.random.default_rng(16), steps=2000), CHARGES, strict).points
    assert point.green_kubo_S_per_cm is None and "less certain than 1%" in point.reason


def test_one_long_run_takes_its_errors_from_pieces_and_warns():
    found = conductivity(langevin_flows(np.random.default_rng(17), replicas=1, steps=12000), CHARGES, FAST)
    assert within(found.points[0].einstein_S_per_cm, exact_S_per_cm(), found.points[0].einstein_error_S_per_cm)
    assert any("fewer than 5" in w for w in found.warnings)


def test_messages_say_what_is_wrong():
    flows = langevin_flows(np.random.default_rng(18), replicas=2, steps=200)
    with pytest.raises(PropertyError, match="charges: none for Cl; every species needs one"):
        conductivity(flows, {"Li": 1.0})
    with pytest.raises(PropertyError, match="all are zero"):
        conductivity(flows, {"Li": 0.0, "Cl": 0.0})
    with pytest.raises(PropertyError, match="flows: there is none"):
        conductivity([], CHARGES)
    other = Flow(**(vars(flows[1]) | {"cell": 2 * flows[1].cell}))
    with pytest.raises(PropertyError, match="cells differ between the replicas at 600 K"):
        conductivity([flows[0], other], CHARGES)
    with pytest.raises(PropertyError, match="largest_relative_error: must be above 0"):
        TransportSettings(largest_relative_error=0)


def test_json_holds_the_keys_and_stays_small():
    flows = [f for T in (500.0, 600.0, 700.0) for f in langevin_flows(np.random.default_rng(19), temperature_K=T)]
    text = json.dumps(conductivity(flows, CHARGES, FAST).to_json(), allow_nan=False)
    found = json.loads(text)
    assert len(text) < 300_000
    assert found["temperatures_K"] == [500, 600, 700]
    for key in (
        "green_kubo_S_per_cm",
        "green_kubo_error_S_per_cm",
        "nernst_einstein_S_per_cm",
        "haven_ratio",
        "einstein_S_per_cm",
    ):
        assert len(found[key]) == 3 and None not in found[key]
    # D ∝ T: σ T ∝ T as well, which is no Arrhenius line that anyone should follow to 300 K
    assert found["activation_energy_eV"] is not None
