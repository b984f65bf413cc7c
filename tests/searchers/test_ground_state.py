"""Searchers with a real relaxer find the close-packed ground state of the Lennard-Jones solid."""

import pytest
from ase.build import bulk
from ase.spacegroup import crystal

import potentials
from potentials.relax import RelaxSettings, relax
from searchers import (
    GeneticSearch,
    MinimaHopping,
    PortfolioSearch,
    RandomSearch,
    Relaxed,
    SearchSpace,
    SimulatedAnnealing,
)
from searchers.candidate import Fate

SETTINGS = RelaxSettings(fmax_eV_A=0.02, closest=0)  # argon's atoms are far larger than its covalent radius
SPACE = SearchSpace.from_system("Ar", (8, 8))
SEEDS = 20
BUDGET = 60  # candidates
BATCH = 5
CLOSE_eV = 0.005  # per atom; hcp and fcc differ by 0.010 here

SEARCHERS = {
    "annealing": lambda seed: SimulatedAnnealing(SPACE, seed=seed),
    "genetic": lambda seed: GeneticSearch(SPACE, seed=seed, population=10),
    "hopping": lambda seed: MinimaHopping(SPACE, seed=seed),
    "portfolio": lambda seed: PortfolioSearch(SPACE, seed=seed),
}


@pytest.fixture(scope="module")
def potential():
    return potentials.load("lj", "cpu", sigma_A=3.4, epsilon_eV=1.0)


@pytest.fixture(scope="module")
def ground_state_eV(potential):
    packings = [bulk("Ar", "fcc", a=5.3), bulk("Ar", "hcp", a=3.75)]
    return min(r.energy_eV / len(r.atoms) for r in relax(potential, packings, SETTINGS))


@pytest.mark.parametrize("name", SEARCHERS)
def test_finds_the_close_packed_ground_state(name, potential, ground_state_eV):
    """Every fourth spread crystal is the ground state; genetic needs 8 candidates on average (8 seeds)."""
    found = _needed_by_seed(SEARCHERS[name], SEEDS, potential, ground_state_eV)
    assert sum(n <= BUDGET for n in found) >= 18, f"candidates needed, by seed: {found}"


@pytest.mark.slow
def test_evolution_needs_fewer_candidates_than_random_search():
    """An ordering of copper and gold on a lattice; of Lennard-Jones cells every fourth random one is the ground state.

    By the harness of the benchmark "search", 2026-11-25: genetic 9 of 10 seeds within 2,000 model calls, median 480;
    random 2 of 8 within 1,500.
    """
    alloy = potentials.load("emt")
    b19 = crystal(
        ["Cu", "Au"], [(0.25, 0, 0.81), (0.25, 0.5, 0.31)], spacegroup=51, cellpar=[4.76, 3.15, 4.86, 90, 90, 90]
    )
    goal_eV = relax(alloy, [b19])[0].energy_eV / len(b19) - 0.004  # L1_0 is 0.003 higher, and CLOSE_eV is added
    space = SearchSpace.from_system("CuAu", (8, 8))
    genetic = _needed_by_seed(lambda seed: GeneticSearch(space, seed=seed, population=10), 4, alloy, goal_eV)
    random = _needed_by_seed(lambda seed: RandomSearch(space, seed=seed), 4, alloy, goal_eV)
    assert sum(genetic) < 0.75 * sum(random), f"{genetic} against {random}"


def _needed_by_seed(make, seeds, potential, ground_state_eV):
    return [_needed(make(seed), potential, ground_state_eV + CLOSE_eV) for seed in range(seeds)]


def _needed(search, potential, energy_eV_per_atom):
    """Id + 1 of the first candidate of this energy or lower, BUDGET + 1 where there was none."""
    for _ in range(BUDGET // BATCH):
        asked = search.ask(BATCH)
        ended = relax(potential, [c.atoms for c in asked], SETTINGS)
        news = [Relaxed(c, r.atoms, r.energy_eV, Fate(str(r.outcome))) for c, r in zip(asked, ended, strict=True)]
        search.tell(news)
        for result in news:
            if result.fate is Fate.CONVERGED and result.energy_eV_per_atom <= energy_eV_per_atom:
                return result.candidate.id + 1
    return BUDGET + 1
