"""Searchers with a real relaxer find the close-packed ground state of the Lennard-Jones solid."""

import pytest
from ase.build import bulk

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
    """Measured: genetic needs 11 candidates on average, 21 at most (16 and 28 with its default population).

    Annealing needs 13 on average, 35 at most; hopping 8 and 13, a portfolio 13 and 30.
    """
    found = _needed_by_seed(SEARCHERS[name], SEEDS, potential, ground_state_eV)
    assert sum(n <= BUDGET for n in found) >= 18, f"candidates needed, by seed: {found}"


def test_evolution_needs_fewer_candidates_than_random_search(potential, ground_state_eV):
    """Measured: 11 on average against 24 (a search that spent its budget counts as 61)."""
    genetic = _needed_by_seed(SEARCHERS["genetic"], 8, potential, ground_state_eV)
    random = _needed_by_seed(lambda seed: RandomSearch(SPACE, seed=seed), 8, potential, ground_state_eV)
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
