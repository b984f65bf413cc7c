"""The hull at temperature, held against Einstein solids whose transitions have a closed form."""

import numpy as np
import pytest
from scipy.optimize import linprog

from discover.hull_at_temperature import FreeEnergy, NoHullError, hull_at_temperature

K_B = 8.617333262e-5  # eV/K
T = np.arange(0.0, 1001.0, 10.0)


def einstein(quantum_eV, temperatures=T):
    """Helmholtz free energy per atom of three oscillators."""
    with np.errstate(divide="ignore", over="ignore"):
        thermal = K_B * temperatures * np.log1p(-np.exp(-quantum_eV / (K_B * temperatures)))
    return 3 * (quantum_eV / 2 + np.where(temperatures > 0, thermal, 0.0))


def phase(id, formula, composition, static, quantum_eV, temperatures=T):
    return FreeEnergy(id, formula, composition, static, temperatures, einstein(quantum_eV, temperatures))


def cosh_transition(quantum_eV, at_K):
    """By how much a phase of half the frequency must lie higher to be stable from this temperature on.

    With y = exp(-ħω/2kT): F(ω) - F(ω/2) = 3 kT [ħω/4kT + ln(1 + y)] = 3 kT ln(2 cosh(ħω/4kT)).
    """
    return 3 * K_B * at_K * np.log(2 * np.cosh(quantum_eV / (4 * K_B * at_K)))


@pytest.mark.parametrize("at_K", [45.0, 437.3, 910.0])
def test_two_einstein_solids_change_places_where_the_closed_form_says(at_K):
    quantum = 0.03
    stiff = phase(1, "A", {"A": 1.0}, 0.0, quantum)
    soft = phase(2, "A", {"A": 1.0}, cosh_transition(quantum, at_K), quantum / 2)
    hull = hull_at_temperature(("A",), [stiff, soft])
    ((low, high),), ((above, top),) = hull.stable_K
    assert (low, top) == (0.0, 1000.0)
    # What is left is the spline's: 10 K apart, and F ~ exp(-ħω/kT) is no polynomial at the cold end
    assert high == pytest.approx(at_K, abs=0.02)
    assert above == pytest.approx(at_K, abs=0.02)


def test_a_compound_decomposes_where_its_formation_free_energy_vanishes():
    """AB of frequency ω between A and B of ω/2 each is held by its energy until the elements' entropy wins."""
    quantum, at_K = 0.04, 600.0
    compound = phase(3, "AB", {"A": 0.5, "B": 0.5}, -cosh_transition(quantum, at_K), quantum)
    elements = [phase(1, "A", {"A": 1.0}, -3.0, quantum / 2), phase(2, "B", {"B": 1.0}, -4.0, quantum / 2)]
    lifted = FreeEnergy(
        3, "AB", compound.composition, compound.static_energy_eV_per_atom - 3.5, T, compound.vibrational_eV_per_atom
    )
    hull = hull_at_temperature(("A", "B"), [*elements, lifted])
    assert hull.stable_K[2] == [(0.0, pytest.approx(at_K, abs=0.02))]
    assert hull.stable_K[0] == hull.stable_K[1] == [(0.0, 1000.0)]
    at = np.flatnonzero(at_K == T)
    assert hull.formation_eV_per_atom[2][at] == pytest.approx(0.0, abs=1e-9)
    assert hull.above_hull_eV_per_atom[2][T == 1000.0] == pytest.approx(hull.formation_eV_per_atom[2][T == 1000.0])


def test_formation_energies_at_zero_kelvin_hold_the_zero_point_energy():
    quanta = {"A": 0.02, "B": 0.05, "AB": 0.06}
    phases = [
        phase(1, "A", {"A": 1.0}, -1.0, quanta["A"]),
        phase(2, "B", {"B": 1.0}, -2.0, quanta["B"]),
        phase(3, "AB", {"A": 0.5, "B": 0.5}, -1.6, quanta["AB"]),
    ]
    hull = hull_at_temperature(("A", "B"), phases)
    zero_point = 1.5 * (quanta["AB"] - (quanta["A"] + quanta["B"]) / 2)
    assert hull.formation_eV_per_atom[2, 0] == pytest.approx(-0.1 + zero_point, abs=1e-12)


def test_distances_are_those_of_a_linear_programme():
    """Three elements, phases anywhere: the least energy of a mixture, by an independent solver."""
    rng = np.random.default_rng(3)
    elements = ("A", "B", "C")
    corners = [dict.fromkeys([e], 1.0) for e in elements]
    inner = [dict(zip(elements, x, strict=True)) for x in rng.dirichlet([1, 1, 1], 9)]
    phases = [
        phase(k, f"X{k}", x, float(rng.normal(0, 0.05)), float(rng.uniform(0.02, 0.04)))
        for k, x in enumerate([*corners, *inner])
    ]
    hull = hull_at_temperature(elements, phases)
    fractions = np.array([[p.composition.get(e, 0.0) for e in elements] for p in phases])
    for t in (0, 40, 100):
        energies = np.array([p.static_energy_eV_per_atom + p.vibrational_eV_per_atom[t] for p in phases])
        for k in range(len(phases)):
            least = linprog(energies, A_eq=fractions.T, b_eq=fractions[k]).fun
            assert hull.above_hull_eV_per_atom[k, t] == pytest.approx(energies[k] - least, abs=1e-9)


def test_intervals_cover_exactly_the_temperatures_with_no_distance():
    rng = np.random.default_rng(5)
    phases = [phase(0, "A", {"A": 1.0}, 0.0, 0.03), phase(1, "B", {"B": 1.0}, 0.0, 0.03)]
    phases += [
        phase(k, f"AB{k}", {"A": 1 / k, "B": 1 - 1 / k}, float(rng.normal(0, 0.004)), float(rng.uniform(0.02, 0.04)))
        for k in range(2, 9)
    ]
    hull = hull_at_temperature(("A", "B"), phases)
    for intervals, above in zip(hull.stable_K, hull.above_hull_eV_per_atom, strict=True):
        inside = np.array([any(low - 1e-6 <= t <= high + 1e-6 for low, high in intervals) for t in T])
        assert (inside == (above <= 1e-9)).all()


def test_phases_with_temperatures_of_their_own_meet_on_those_that_all_cover():
    coarse, fine = np.arange(0.0, 801.0, 50.0), np.arange(100.0, 1001.0, 20.0)
    phases = [phase(1, "A", {"A": 1.0}, 0.0, 0.02, coarse), phase(2, "A", {"A": 1.0}, 0.001, 0.02, fine)]
    hull = hull_at_temperature(("A",), phases)
    assert hull.temperatures_K[0] == 100.0 and hull.temperatures_K[-1] == 800.0
    assert hull.stable_K == [[(100.0, 800.0)], []]
    # The same oscillators: the second lies above by its static energy, to what a spline over 50 K leaves
    assert np.allclose(hull.above_hull_eV_per_atom[1], 0.001, atol=2e-5)


def test_without_an_element_there_is_no_hull_and_the_element_is_named():
    with pytest.raises(NoHullError, match="B has no phase with a free energy"):
        hull_at_temperature(("A", "B"), [phase(1, "A", {"A": 1.0}, 0.0, 0.02)])
    apart = [phase(1, "A", {"A": 1.0}, 0, 0.02, T[:20]), phase(2, "A", {"A": 1.0}, 0, 0.02, T[50:])]
    with pytest.raises(NoHullError, match="do not overlap"):
        hull_at_temperature(("A",), apart)
