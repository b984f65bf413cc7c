"""The moves and acceptance rules visit states by the weights they claim."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import kB

from searchers import moves
from searchers.acceptance import acceptance_probability, swap_probability
from searchers.cooling import Schedule, schedule_from
from searchers.distances import min_distance_ratio
from searchers.supercell import _superlattices, supercell_of


def test_two_levels_are_visited_by_boltzmanns_weights():
    rng = np.random.default_rng(1)
    gap_eV, temperature_K = 0.05, 600.0
    level, visits = 0, [0, 0]
    for _ in range(40_000):
        rise_eV = gap_eV if level == 0 else -gap_eV
        if rng.random() < acceptance_probability(rise_eV, temperature_K):
            level = 1 - level
        visits[level] += 1
    assert visits[1] / visits[0] == pytest.approx(np.exp(-gap_eV / (kB * temperature_K)), rel=0.05)


def _toy_chain(with_factor: bool, steps: int = 60_000) -> np.ndarray:
    """A hub and three spokes: the hub proposes a spoke by 1/3, a spoke proposes the hub always."""
    rng = np.random.default_rng(2)
    energies_eV = np.array([0.0, 0.01, 0.03, 0.05])
    visits, here = np.zeros(4), 0
    for _ in range(steps):
        there = int(rng.integers(1, 4)) if here == 0 else 0
        ln_q = (np.log(3) if here == 0 else -np.log(3)) if with_factor else 0.0
        if rng.random() < acceptance_probability(energies_eV[there] - energies_eV[here], 400.0, ln_q):
            here = there
        visits[here] += 1
    return visits / steps


def test_asymmetric_proposals_need_hastings_factor():
    weights = np.exp(-np.array([0.0, 0.01, 0.03, 0.05]) / (kB * 400.0))
    weights /= weights.sum()
    assert _toy_chain(with_factor=True) == pytest.approx(weights, abs=0.01)
    assert np.abs(_toy_chain(with_factor=False) - weights).max() > 0.1


def test_tempering_exchanges_keep_the_joint_weights():
    rng = np.random.default_rng(3)
    energies_eV, temperatures_K = np.array([0.0, 0.04, 0.08]), (300.0, 900.0)
    where, visits = [0, 2], np.zeros((2, 3))
    for _ in range(40_000):
        for rung, temperature_K in enumerate(temperatures_K):
            there = int(rng.integers(3))
            if rng.random() < acceptance_probability(energies_eV[there] - energies_eV[where[rung]], temperature_K):
                where[rung] = there
        first_eV, second_eV = energies_eV[where]
        if rng.random() < swap_probability(first_eV, temperatures_K[0], second_eV, temperatures_K[1]):
            where.reverse()
        visits[[0, 1], where] += 1
    for rung, temperature_K in enumerate(temperatures_K):
        weights = np.exp(-energies_eV / (kB * temperature_K))
        assert visits[rung] / visits[rung].sum() == pytest.approx(weights / weights.sum(), abs=0.015)


def test_swap_always_brings_the_low_energy_to_the_cold():
    assert swap_probability(-1.0, 1000.0, 0.0, 300.0) == 1.0
    expected = np.exp((1 / (kB * 1000) - 1 / (kB * 300)) * 0.1)
    assert swap_probability(0.1, 1000.0, 0.0, 300.0) == pytest.approx(expected)


def test_strain_samples_the_ideal_gas_volume():
    """<V> = (N + 1) kT / P and its variance (N + 1) (kT / P)^2, the gamma distribution of the ideal gas."""
    rng = np.random.default_rng(4)
    n, temperature_K, pressure_eV_A3 = 3, 1000.0, 0.01
    atoms = Atoms("Ar3", positions=rng.random((n, 3)), cell=np.eye(3) * 3, pbc=True)
    volumes_A3 = []
    for _ in range(5_000):
        moved, ln_q = moves.strain(atoms, 0.25, rng)
        rise_eV = pressure_eV_A3 * (moved.cell.volume - atoms.cell.volume)
        if rng.random() < acceptance_probability(rise_eV, temperature_K, ln_q):
            atoms = moved
        volumes_A3.append(atoms.cell.volume)
    unit_A3 = kB * temperature_K / pressure_eV_A3
    assert np.mean(volumes_A3) == pytest.approx((n + 1) * unit_A3, rel=0.1)
    assert np.var(volumes_A3) == pytest.approx((n + 1) * unit_A3**2, rel=0.35)


@pytest.mark.parametrize("with_factor", [True, False])
def test_add_remove_substitute_sample_the_ideal_mixture(with_factor):
    """Ideal gas at constant volume per cell: P(N_A, N_B) ~ z^N / (N_A! N_B!) with walls at 1 and 6 atoms.

    add and remove scale the cell, so the weight is integrated over the volume by strains at a pressure:
    ∫ (V/v0)^N exp(-PV/kT) dV = N! z^N with z = kT / (P v0), P(N_A, N_B) ~ z^N N! / (N_A! N_B!) = z^N binomial.
    """
    rng = np.random.default_rng(5)
    elements, gas_A3, temperature_K, z = [18, 36], 20.0, 1000.0, 0.7
    pressure_eV_A3 = kB * temperature_K / (z * gas_A3)
    atoms = Atoms([18], positions=[[0, 0, 0]], cell=np.eye(3) * 3, pbc=True)
    visits = np.zeros((7, 7))
    for _ in range(9_000):
        proposal = _propose_mixture(atoms, elements, gas_A3, rng)
        if proposal is not None and 1 <= len(proposal[0]) <= 6:
            rise_eV = pressure_eV_A3 * (proposal[0].cell.volume - atoms.cell.volume)
            ln_q = proposal[1] if with_factor or len(proposal[0]) == len(atoms) else 0.0
            if rng.random() < acceptance_probability(rise_eV, temperature_K, ln_q):
                atoms = proposal[0]
        visits[(atoms.numbers == 18).sum(), (atoms.numbers == 36).sum()] += 1
    weights = np.zeros((7, 7))
    for a in range(7):
        for b in range(7 - a):
            weights[a, b] = z ** (a + b) * _binomial(a + b, a) if a + b else 0.0
    worst = np.abs(visits / visits.sum() - weights / weights.sum()).max()
    assert (worst < 0.04) if with_factor else (worst > 0.1)


def _propose_mixture(atoms, elements, gas_A3, rng):
    match int(rng.integers(4)):
        case 0:
            return moves.add(atoms, elements, gas_A3, rng)
        case 1:
            return moves.remove(atoms, elements, gas_A3, rng)
        case 2:
            return moves.substitute(atoms, elements, rng)
    return moves.strain(atoms, 0.3, rng)


def _binomial(n, k):
    return np.prod(np.arange(n - k + 1, n + 1)) / np.prod(np.arange(1, k + 1))


def test_add_and_remove_undo_each_other():
    rng = np.random.default_rng(6)
    atoms = Atoms("Ar2Kr", positions=rng.random((3, 3)), cell=np.eye(3) * 4, pbc=True)
    grown, ln_up = moves.add(atoms, [36], 20.0, rng)
    shrunk, ln_down = moves.remove(grown, [36], 20.0, rng)
    assert grown.cell.volume / 4 == pytest.approx(atoms.cell.volume / 3)
    assert shrunk.cell.volume == pytest.approx(atoms.cell.volume)
    assert ln_down == pytest.approx(-ln_up)


def test_moves_leave_their_argument_alone():
    rng = np.random.default_rng(7)
    atoms = Atoms("ArKr", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=np.eye(3) * 4, pbc=True)
    before = atoms.copy()
    moves.rattle(atoms, 0.1, rng), moves.strain(atoms, 0.1, rng), moves.swap(atoms, rng)
    moves.substitute(atoms, [18, 36], rng), moves.add(atoms, [18], 20.0, rng), moves.remove(atoms, [18], 20.0, rng)
    assert atoms == before


def test_moves_that_do_not_exist_are_none():
    rng = np.random.default_rng(8)
    atoms = Atoms("Ar", cell=np.eye(3) * 4, pbc=True)
    assert moves.rattle(atoms, 0.1, rng) is None
    assert moves.swap(atoms, rng) is None
    assert moves.substitute(atoms, [18], rng) is None
    assert moves.remove(atoms, [18], 20.0, rng) is None


def test_cooling_is_geometric_and_ends():
    schedule = Schedule(1000.0, 10.0, 5)
    temperatures_K = [schedule.at(step) for step in range(5)]
    assert temperatures_K[0] == 1000.0 and temperatures_K[-1] == pytest.approx(10.0)
    assert np.diff(np.log(temperatures_K)) == pytest.approx(np.log(0.01) / 4)
    assert schedule.at(99) == pytest.approx(10.0)
    assert schedule.ladder(3) == pytest.approx([1000.0, 100.0, 10.0])
    assert Schedule(7.0, 7.0, 1).at(0) == 7.0


def test_start_is_half_the_spread_with_a_floor():
    schedule = schedule_from([0.0, 2.0], None, None, 10)
    assert schedule.start_K == pytest.approx(0.5 / kB)
    assert schedule.end_K == pytest.approx(schedule.start_K / 50)
    assert schedule_from([1.0, 1.0], None, None, 10).start_K == 50.0
    with pytest.raises(ValueError, match="t_start"):
        schedule_from([], 10.0, 20.0, 5)


@pytest.mark.parametrize(("copies", "sublattices"), [(1, 1), (2, 7), (4, 35), (8, 155)])
def test_supercells_are_the_same_crystal(copies, sublattices):
    """155 superlattices of index 8: OEIS A001001."""
    rng = np.random.default_rng(9)
    assert len(_superlattices(copies)) == sublattices
    copper = bulk("Cu")
    made = supercell_of(copper, copies, rng)
    assert len(made) == copies
    assert made.cell.volume == pytest.approx(copies * copper.cell.volume)
    assert min_distance_ratio(made) == pytest.approx(min_distance_ratio(copper))
    assert supercell_of(bulk("NaCl", "rocksalt", a=5.6), 3, rng) is None
