"""Simulated annealing keeps the searchers' contract, its schedule and its place after a resume."""

from searchers.annealing import SimulatedAnnealing
from searchers.conformance import check_searcher
from searchers.space import SearchSpace


def test_conformance():
    check_searcher(lambda space: SimulatedAnnealing(space, seed=3))


def test_conformance_of_tempering_on_the_landscape():
    check_searcher(
        lambda space: SimulatedAnnealing(space, seed=5, replicas=4, tempering=True, walk="landscape"),
    )
