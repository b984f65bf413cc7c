"""A potential that learns with every evaluation of a better one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from potentials.metadata import Metadata
from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential
from potentials.surrogate.basis import VOIGT, Basis

SIGMA_ENERGY_EV = 0.02
"""Per atom: how well three bodies can describe a crystal's energy at best."""
SIGMA_FORCE_EV_A = 0.08
SHARE = 0.15
"""Of the largest force: how much of it three bodies miss far from a minimum."""
ENERGY_SHARE_A = 0.015
"""The same for the energy per atom, in units of the largest force."""
PRIOR_EV = (20.0, 3.0, 0.1)
"""Standard deviations of the weights of one, two and three bodies."""
READY_AFTER = 40
"""Structures learnt from, two or three relaxations' worth, before anything is foretold."""


class LinearSurrogate(Potential):
    """Bayesian linear regression of energies, forces and stresses on two- and three-body features (`basis`).

    Weights have a normal prior and each datum a normal error that grows with the forces, for only the region near
    minima is wanted well (Bishop, Pattern Recognition and Machine Learning (2006), section 3.3). The data are kept as
    sums, so that the ten thousandth structure costs what the first did.

    Attributes:
        learnt: structures learnt from.
        lowest_eV_per_atom: the lowest energy among them; infinity before the first.

    numbers: atomic numbers of the elements that may occur.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.metadata = Metadata(
            name="surrogate", version="1", training_functional="learnt in this run from the potential's own energies"
        )
        self.basis = Basis(numbers)
        self.learnt = 0
        self.lowest_eV_per_atom = np.inf
        precision = np.empty(self.basis.size)
        for block, sigma in zip(self.basis.blocks, PRIOR_EV, strict=True):
            precision[block] = sigma**-2
        self._precision = np.diag(precision)
        self._moment = np.zeros(self.basis.size)
        self._factor: tuple[np.ndarray, bool] | None = None
        self._weights = np.zeros(self.basis.size)

    @property
    def ready(self) -> bool:
        """Whether it has seen enough to be asked."""
        return self.learnt >= READY_AFTER

    def knows(self, numbers: np.ndarray) -> bool:
        """Whether all of these atomic numbers are among its elements."""
        return set(numbers.tolist()) <= set(self.basis.numbers)

    def learn(self, structure: Structure, answer: Evaluation) -> None:
        """Take in one evaluation of the better potential.

        Raises:
            NeighbourOverflowError: a collapsed cell, of which nothing is learnt.
        """
        n = len(structure.numbers)
        strain = (structure.volume_A3 * answer.stress_eV_A3)[VOIGT]
        data = np.concatenate([[answer.energy_eV], answer.forces_eV_A.ravel(), strain])
        largest = max(float(np.abs(answer.forces_eV_A).max()), float(np.abs(strain).max()) / n)
        force = np.hypot(SIGMA_FORCE_EV_A, SHARE * largest)
        errors = np.full(len(data), force)
        errors[0] = n * (SIGMA_ENERGY_EV + ENERGY_SHARE_A * largest)
        errors[-6:] *= np.sqrt(n)
        rows = self.basis.design(structure) / errors[:, None]
        self._precision += rows.T @ rows
        self._moment += rows.T @ (data / errors)
        self._factor = None
        self.learnt += 1
        self.lowest_eV_per_atom = min(self.lowest_eV_per_atom, answer.energy_eV / n)

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """What it expects the better potential to say of each.

        Raises:
            NeighbourOverflowError: a collapsed cell.
        """
        self._solve()
        found = ((s, self.basis.energy(s, self._weights)) for s in structures)
        return [Evaluation(energy, forces, strain / s.volume_A3) for s, (energy, forces, strain) in found]

    def error_eV(self, structure: Structure) -> float:
        """Standard error of the energy: of the weights (their posterior) and of three bodies by themselves.

        Raises:
            NeighbourOverflowError: a collapsed cell.
        """
        row = self.basis.design(structure)[0]
        spread = float(row @ cho_solve(self._solve(), row))
        return float(np.sqrt(spread + (len(structure.numbers) * SIGMA_ENERGY_EV) ** 2))

    def _solve(self) -> tuple[np.ndarray, bool]:
        """Weights of all that was learnt; the precision's Cholesky factor."""
        if self._factor is None:
            self._factor = cho_factor(self._precision)
            self._weights = cho_solve(self._factor, self._moment)
        return self._factor
