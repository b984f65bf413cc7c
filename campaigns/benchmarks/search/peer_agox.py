"""AGOX's basin hopping in a periodic cell; runs in AGOX's own environment.

The set-up is AGOX's own for bulk (agox/test/run_tests/tests_bh/script_bh_bulk_emt.py and its page on basin hopping): a
cubic cell, periodic confinement, MetropolisSampler at 0.25 eV, RattleGenerator, LocalOptimizationEvaluator with BFGS.
The cube has the volume that our searchers estimate. AGOX moves atoms, not cells; with `cell` in the settings its local
optimisation (the evaluator's `optimizer`) is BFGS on ASE's FrechetCellFilter, which is our addition.
"""

from __future__ import annotations

import numpy as np
from served import Served, settings

ITERATIONS = 10**6


def main() -> None:
    told = settings()
    calculator = Served()
    from agox import AGOX
    from agox.databases import Database
    from agox.environments import Environment
    from agox.evaluators import LocalOptimizationEvaluator
    from agox.generators import RattleGenerator
    from agox.samplers import MetropolisSampler
    from ase import Atoms
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS

    class CellBFGS(BFGS):
        """BFGS on positions and cell."""

        def __init__(self, atoms: Atoms, **options: object) -> None:
            super().__init__(FrechetCellFilter(atoms), **options)

    class Told(LocalOptimizationEvaluator):
        """AGOX's evaluator; each end of a relaxation is told to the benchmark."""

        def evaluate_candidate(self, candidate: Atoms) -> bool:
            done = super().evaluate_candidate(candidate)
            calculator.finish(candidate if done else None, candidate.get_potential_energy() if done else np.nan)
            return done

    template = Atoms("", cell=np.eye(3) * told["volume_A3"] ** (1 / 3), pbc=True)
    symbols = "".join(f"{symbol}{n}" for symbol, n in told["counts"].items())
    environment = Environment(
        template=template,
        symbols=symbols,
        confinement_cell=template.cell.copy(),
        confinement_corner=np.zeros(3),
        box_constraint_pbc=[True, True, True],
        print_report=False,
    )
    database = Database(filename="db0.db", order=4)
    sampler = MetropolisSampler(temperature=0.25, order=3)
    generator = RattleGenerator(**environment.get_confinement(), environment=environment, sampler=sampler, order=1)
    evaluator = Told(
        calculator,
        gets={"get_key": "candidates"},
        store_trajectory=False,
        optimizer=CellBFGS if told["cell"] else BFGS,
        optimizer_run_kwargs={"fmax": told["fmax_eV_A"], "steps": told["max_steps"]},
        order=2,
        constraints=environment.get_constraints(),
    )
    AGOX(generator, database, sampler, evaluator, seed=told["seed"]).run(N_iterations=ITERATIONS)


if __name__ == "__main__":
    main()
