"""Isotope effects against closed forms: Eckart's and Wigner's factors, harmonic ratios, both by path integrals."""

import json
from functools import lru_cache

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk

from potentials import load
from properties.errors import PropertyError
from properties.isotopes import (
    ISOTOPES_U,
    Exchange,
    IsotopeSettings,
    eckart,
    eckart_transmission,
    fractionation,
    kinetic_isotope_effect,
    wigner,
)
from properties.isotopes import masses as masses_module
from properties.isotopes.harmonic import frequencies_on_plane, log_partition, modes_of
from properties.isotopes.instanton import NoInstantonError, instanton
from properties.isotopes.mass_integration import Place, integrate_masses, nodes
from properties.isotopes.result import _undrifted
from properties.isotopes.stationary import force_constants, stationary
from properties.path_integrals import PathSettings
from properties.path_integrals.ring_polymer import HBAR, PER_CM, log_oscillator_partition
from tests.properties.model_surfaces import CENTRE_A, SurfacePotential, alone, well

T_K = 298.15
KT = units.kB * T_K
H, D = ISOTOPES_U["H"], ISOTOPES_U["D"]
SIGMAS = 3.0


def anchored(displaced_A):
    """A hydrogen beside an atom that is fixed and far: without it, a lone atom's motion would be a rigid shift."""
    return alone(displaced_A=displaced_A) + Atoms("He", positions=[[0.5, 0.5, 0.5]])


QUICK = PathSettings(beads=24, time_step_fs=0.7, equilibrate_ps=0.1, produce_ps=0.5, every=2)


# Tunnelling in one dimension


@pytest.mark.parametrize(("x", "kappa"), [(2, 1.2239), (4, 2.0713), (6, 5.1987), (8, 21.769), (10, 161.91)])
def test_symmetric_eckart_barrier_has_its_known_transmission(x, kappa):
    quantum = 0.1
    height = 12 * quantum / (2 * np.pi)
    # Five figures are given
    assert eckart(height, height, quantum / HBAR, quantum / x) == pytest.approx(kappa, rel=5e-5)


def test_transmission_is_the_same_from_both_sides_and_rises_to_one():
    omega = 0.1 / HBAR
    energies = np.linspace(0.31, 3, 50)
    forward = eckart_transmission(energies, 0.5, 0.2, omega)
    backward = eckart_transmission(energies - 0.3, 0.2, 0.5, omega)
    assert forward == pytest.approx(backward, rel=1e-12)
    assert (np.diff(forward) >= 0).all()
    assert forward[-1] == pytest.approx(1, abs=1e-6)
    assert eckart_transmission(np.array(0.29), 0.5, 0.2, omega) == 0
    # Detailed balance: with κ alike in both directions rates keep the equilibrium constant
    assert eckart(0.5, 0.2, omega, KT) == pytest.approx(eckart(0.2, 0.5, omega, KT), rel=1e-7)


def test_eckart_becomes_wigner_where_it_is_hot_and_the_barrier_high():
    omega = 0.1 / HBAR
    # The next terms: 7 (βħω)⁴/5760 of any parabola, and k_BT/V of the barrier that is none
    assert eckart(5.0, 5.0, omega, 0.1) == pytest.approx(wigner(omega, 0.1), abs=4e-3)
    assert wigner(omega, 0.1) == pytest.approx(1 + 1 / 24)


def test_tunnelling_without_a_barrier_is_refused():
    with pytest.raises(ValueError, match="heights above zero on both sides"):
        eckart(0.5, 0.0, 1.0, KT)


# Harmonic partition functions


def test_ratio_of_zero_points_is_the_closed_form():
    light, heavy = (HBAR * PER_CM * nu for nu in (2900, 2100))
    assert np.exp((light - heavy) / 2 / KT) == pytest.approx(6.891, abs=5e-4)
    logs = log_oscillator_partition(np.array([light, heavy]), KT)
    # Excited states have e^(−10)
    assert np.exp(logs[1] - logs[0]) == pytest.approx(6.891, rel=2e-4)


def test_product_rule_holds_between_vibrations_of_two_isotopologues():
    """Teller and Redlich: Π ω_light/ω_heavy = Π (m_heavy/m_light)^3/2 (M_light/M_heavy)^3/2, rigid shifts left out."""
    atoms = bulk("NiPd", "cesiumchloride", a=2.96).repeat((2, 1, 1))
    constants = force_constants(load("emt"), atoms, np.ones(4, bool))
    light, heavy = atoms.get_masses(), atoms.get_masses() * np.array([1.5, 1, 1, 1])
    a, b = (modes_of(constants, m, np.ones(4, bool)) for m in (light, heavy))
    assert len(a.frequencies) + len(a.unstable) == 9
    left = np.log(np.concatenate([a.frequencies, a.unstable])).sum()
    left -= np.log(np.concatenate([b.frequencies, b.unstable])).sum()
    right = 1.5 * np.log(heavy[0] / light[0]) + 1.5 * np.log(light.sum() / heavy.sum())
    # Differences of 0.01 Å leave the rigid shifts a force of third order
    assert left == pytest.approx(right, abs=1e-5)


def test_plane_across_an_unstable_mode_leaves_the_stable_ones():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(9, 9))
    _, vectors = np.linalg.eigh(raw + raw.T)
    constants = vectors @ np.diag([-1.0, *np.linspace(1, 3, 8)]) @ vectors.T
    masses, moving = np.array([1.0, 2.0, 12.0]), np.array([True, True, True])
    # One atom more that is fixed, so that no shift is projected out
    constants = np.pad(constants, (0, 3))
    masses, moving = np.append(masses, 5.0), np.append(moving, False)
    modes = modes_of(constants, masses, moving)
    normal = masses[:, None] * modes.directions[0]
    assert frequencies_on_plane(constants, masses, moving, normal) == pytest.approx(modes.frequencies, rel=1e-9)


# Integration over the mass


def test_nodes_integrate_a_zero_point_energy_exactly():
    mass, weight = nodes(1.0, 2.0, 1)
    # K ∝ 1/√m is constant in 1/√m; a classical K is left with the error of one node
    assert weight @ mass**-0.5 == pytest.approx(2 * (1 - 2**-0.5), rel=1e-12)
    mass, weight = nodes(1.0, 2.0, 3)
    assert weight.sum() == pytest.approx(np.log(2), rel=1e-6)


def test_isotope_ratio_by_path_integrals_is_the_harmonic_one(monkeypatch):
    """2900 → 2100 cm⁻¹ at 298.15 K: 6.891 for each of three directions."""
    monkeypatch.setitem(masses_module.ISOTOPES_U, "D", H * (2900 / 2100) ** 2)
    omega, beads = 2900 * PER_CM, 32
    atoms = alone()
    place = Place("well", atoms, Exchange.of(atoms))
    settings = PathSettings(beads=beads, time_step_fs=0.5, equilibrate_ps=0.1, produce_ps=0.6, every=2)
    ((found,),) = integrate_masses(well(H * omega**2), [place], [T_K], settings, replicas=8)
    quanta = HBAR * omega * np.array([1, 2100 / 2900])

    def log_ratio(beads):
        logs = log_oscillator_partition(quanta, KT, beads)
        return logs[1] - logs[0]

    assert found.enough
    assert found.error / 3 < 0.02
    assert abs(found.log_ratio / 3 - log_ratio(beads)) < SIGMAS * found.error / 3
    # Finitely many beads are off by 4 %, which is known
    corrected = np.exp(found.log_ratio / 3 + log_ratio(None) - log_ratio(beads))
    assert corrected == pytest.approx(6.891, abs=6.891 * SIGMAS * found.error / 3)


# Kinetic isotope effect


STRETCH, BEND, BARRIER, UNSTABLE = 2900 * PER_CM, 1200 * PER_CM, 0.5, 1000 * PER_CM
FAR_A = 1.2


def _ridge(x):
    """A harmonic well about the middle, an inverted one 1.2 Å along x; both bend alike along y and z."""
    d = x[:, 0] - CENTRE_A
    q = d[:, 0]
    t = torch.clamp((q - 0.45) / 0.3, 0, 1)
    blend = t**3 * (10 - 15 * t + 6 * t * t)
    inner, outer = 0.5 * H * STRETCH**2 * q**2, BARRIER - 0.5 * H * UNSTABLE**2 * (q - FAR_A) ** 2
    return (1 - blend) * inner + blend * outer + 0.5 * H * BEND**2 * (d[:, 1] ** 2 + d[:, 2] ** 2)


RIDGE = SurfacePotential(_ridge)


@lru_cache
def ridge_effect(**given):
    settings = IsotopeSettings(temperatures_K=(T_K,), replicas=4, path=QUICK)
    start, top = anchored((0.02, 0, 0.01)), anchored((FAR_A - 0.03, 0, 0))
    return kinetic_isotope_effect(RIDGE, start, top, Exchange.of(start), settings, fixed=[1])


def test_kinetic_isotope_effect_of_a_harmonic_surface_is_that_of_its_zero_points():
    found = ridge_effect()
    (factors,) = found.factors
    quanta = HBAR * STRETCH * np.array([1, np.sqrt(H / D)])
    logs = log_oscillator_partition(quanta, KT)
    # The bends are alike on both sides, and cancel
    assert factors.zero_point == pytest.approx(np.exp((quanta[0] - quanta[1]) / 2 / KT), rel=1e-6)
    assert factors.harmonic == pytest.approx(np.exp(logs[1] - logs[0]), rel=1e-6)
    assert factors.plane == pytest.approx(1, abs=1e-9)
    assert abs(factors.path_integral - factors.harmonic) < SIGMAS * factors.path_integral_error
    assert factors.path_integral_error < 0.05 * factors.path_integral
    omegas = [UNSTABLE, UNSTABLE * np.sqrt(H / D)]
    kappas = [eckart(BARRIER, BARRIER, omega, KT) for omega in omegas]
    assert factors.tunnelling == pytest.approx(kappas[0] / kappas[1], rel=1e-5)
    assert factors.rate_ratio == pytest.approx(factors.path_integral * factors.tunnelling)
    assert factors.wigner == pytest.approx(wigner(omegas[0], KT) / wigner(omegas[1], KT), rel=1e-6)
    assert found.barrier_eV == pytest.approx(BARRIER, abs=1e-6)


def test_beads_at_the_saddle_stay_on_its_plane():
    (factors,) = ridge_effect().factors
    for run in factors.exchanged[1].runs:
        assert np.abs(run.beads_A[:, 0, 0] - CENTRE_A - FAR_A).max() < 1e-6
        assert run.beads_A[:, 0, 1].std() > 0.01


def test_json_has_the_keys_of_the_design_and_is_json():
    found = json.loads(json.dumps(ridge_effect().to_json()))
    for key in ("rate_ratio", "rate_ratio_error", "zero_point", "path_integral", "tunnelling"):
        assert len(found[key]) == len(found["temperatures_K"]) == 1
    assert found["isotopologues"][0]["unstable_per_cm"] == pytest.approx(1000, rel=1e-4)
    assert np.shape(found["bead_pictures"][1]["beads_A"]) == (1, 24, 3)


def test_without_path_integrals_the_ratio_is_harmonic():
    start, top = anchored((0.02, 0, 0.01)), anchored((FAR_A - 0.03, 0, 0))
    settings = IsotopeSettings(temperatures_K=(200.0, 300.0), path=None, tunnelling="none")
    found = kinetic_isotope_effect(RIDGE, start, top, Exchange.of(start), settings, fixed=[1])
    assert [f.rate_ratio for f in found.factors] == [f.harmonic for f in found.factors]
    assert found.to_json()["rate_ratio_error"] == [None, None]


@pytest.mark.parametrize(
    ("start", "top", "says"),
    [
        ((0, 0, 0), (0.05, 0, 0), "saddle: has 0 unstable modes; a first-order saddle has exactly one"),
        ((FAR_A, 0, 0), (FAR_A, 0, 0), "reactant: has 1 unstable modes; a minimum has none"),
    ],
)
def test_wrong_stationary_points_are_refused(start, top, says):
    with pytest.raises(PropertyError) as caught:
        kinetic_isotope_effect(
            RIDGE, anchored(start), anchored(top), Exchange.of(anchored(start)), IsotopeSettings(path=None), fixed=[1]
        )
    assert str(caught.value) == says


def test_saddle_of_other_atoms_or_another_cell_is_refused():
    start = anchored((0, 0, 0))
    other = start.copy()
    other.set_cell(other.cell * 1.1)
    for saddle, says in ((start[::-1], "same order"), (other, "reactant's cell")):
        with pytest.raises(PropertyError, match=says):
            kinetic_isotope_effect(RIDGE, start, saddle, Exchange.of(start), IsotopeSettings(path=None))


@pytest.mark.parametrize(
    ("isotopes", "which", "says"),
    [
        ("H-D", None, "isotopes: write light>heavy, as in H>D (is 'H-D')"),
        ("D>H", None, "D is not lighter than H"),
        ("H>7Li", None, "H and 7Li are not isotopes of one element"),
        ("6Li>7Li", None, "there is no Li to exchange"),
        ("H>D", [1], "exchange: atom 1 is no H (is He)"),
    ],
)
def test_wrong_exchanges_are_refused(isotopes, which, says):
    with pytest.raises(PropertyError) as caught:
        Exchange.of(anchored((0, 0, 0)), isotopes, which)
    assert str(caught.value) == says


# Instantons


def _eckart_surface(height_eV, omega):
    width = np.sqrt(2 * height_eV / H) / omega

    def energy(x):
        d = x[:, 0] - CENTRE_A
        return height_eV / torch.cosh(d[:, 0] / width) ** 2 + 0.5 * H * BEND**2 * (d[:, 1] ** 2 + d[:, 2] ** 2)

    return SurfacePotential(energy)


def test_instanton_tunnels_as_eckart_does_far_below_the_crossover():
    omega, height = 1000 * PER_CM, 0.5
    potential = _eckart_surface(height, omega)
    top = stationary(potential, anchored((0.01, 0, 0)), np.array([True, False]), 1, "saddle", lambda *_: None)
    masses = np.array([H, 4.0])
    # 229 K is where the path shrinks onto the saddle; a quarter and more below it the action is many ħ
    for kelvin in (100, 150):
        found = instanton(potential, top, masses, units.kB * kelvin, 64)
        # What is of higher order in ħ is about a tenth of κ, which itself is 10³ and 10⁹
        assert found.kappa == pytest.approx(eckart(height, height, omega, units.kB * kelvin), rel=0.12)
    with pytest.raises(NoInstantonError, match="no instanton above the crossover temperature, 229 K"):
        instanton(potential, top, masses, units.kB * 240, 64)


# Equilibrium


def test_fractionation_of_two_wells_is_bigeleisen_and_mayers():
    soft, stiff = 1000 * PER_CM, 2000 * PER_CM

    def energy(x):
        # Two wells far apart along x, in one cell: the same surface for both structures
        near = 0.5 * H * soft**2 * (x[:, 0] - torch.tensor([2.0, 5.0, 5.0])) ** 2
        far = 0.5 * H * stiff**2 * (x[:, 0] - torch.tensor([8.0, 5.0, 5.0])) ** 2
        return torch.where(x[:, 0, 0] < 5, near.sum(-1), far.sum(-1))

    structures = [anchored((at - CENTRE_A, 0, 0)) for at in (8.0, 2.0)]
    exchange = Exchange.of(structures[0])
    settings = IsotopeSettings(temperatures_K=(T_K,), replicas=4, path=QUICK)
    found = fractionation(
        SurfacePotential(energy), (structures[0], exchange), (structures[1], exchange), settings, fixed=[1]
    )

    def log_beta(omega):
        quanta = HBAR * omega * np.array([1, np.sqrt(H / D)])
        logs = log_oscillator_partition(quanta, KT)
        return 3 * (logs[1] - logs[0] + np.log(quanta[1] / quanta[0]))

    assert found.one[0].log_harmonic == pytest.approx(log_beta(stiff), rel=1e-5)
    assert found.alpha_harmonic[0] == pytest.approx(np.exp(log_beta(stiff) - log_beta(soft)), rel=1e-4)
    assert abs(np.log(found.alpha[0] / found.alpha_harmonic[0])) < SIGMAS * found.alpha_error[0] / found.alpha[0]
    assert found.alpha[0] > 1
    assert log_partition(np.array([soft]), KT) == pytest.approx(float(log_oscillator_partition(HBAR * soft, KT)))


def test_beads_of_a_crystal_that_has_drifted_are_shown_where_it_was():
    crystal = bulk("Ne", cubic=True, a=4.4)
    exchange = Exchange.of(crystal, "20Ne>22Ne")
    beads = crystal.positions + np.random.default_rng(3).normal(0, 0.1, (6, 4, 3))
    beads -= beads.mean((0, 1)) - crystal.positions.mean(0)
    drifted = beads + np.array([0.4, -0.2, 0.1])
    assert np.allclose(_undrifted(drifted, Place("reactant", crystal, exchange)), beads)
    held = Place("reactant", crystal, exchange, np.array([True, False, False, False]))
    assert np.allclose(_undrifted(drifted, held), drifted)
