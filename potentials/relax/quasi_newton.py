"""Relaxing one crystal: BFGS on positions and cell together, with a trust radius.

Coordinates are displacements u (n, 3) and a symmetric strain ε of the current cell, r' = (r + u) exp(ε), so that they
never depend on where the relaxation started. The gradient is (-F, V(σ + P)). Steps follow Nocedal & Wright, Numerical
Optimization (2006), ch. 4 and 6: damped BFGS update, trust radius from the ratio of actual to predicted decrease, a
step that raises the energy is taken back. Plain BFGS and L-BFGS without these guards diverge on random cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, expm

from potentials.neighbours import Structure
from potentials.potential import Evaluation
from potentials.relax.pair_hessian import from_mandel, pair_hessian, to_mandel

GPA = 1 / 160.21766208
"""One GPa in eV/Å³."""
LONGEST_MOVE_A = 0.35
"""No atom moves further in a step: beyond, a quadratic model of a crystal's energy means nothing."""
LARGEST_STRAIN = 0.15
FIRST_MOVE_A = 0.15
REBUILD_AFTER_A = 0.8
"""After atoms have moved this far the learnt curvature belongs to another crystal: start from springs again."""


@dataclass(frozen=True)
class _Point:
    """A structure with its enthalpy (eV) and gradient (3n+6)."""

    structure: Structure
    enthalpy_eV: float
    gradient: np.ndarray


class QuasiNewton:
    """State of one relaxation: `structure` is what wants evaluating next, `update` takes the answer.

    `expected_drop_eV` says how far below the lowest point so far the quadratic model has its minimum.

    structure: the start.
    pressure_GPa: target pressure.
    relax_cell: False keeps the cell.
    """

    def __init__(self, structure: Structure, pressure_GPa: float = 0.0, relax_cell: bool = True) -> None:
        self.structure = structure
        self.steps = 0
        self.pressure = pressure_GPa * GPA
        self.relax_cell = relax_cell
        self._best: _Point | None = None
        self._hessian: np.ndarray | None = None
        self._stiffness = 8.0
        self._radius = FIRST_MOVE_A
        self._step = np.zeros(0)
        self._predicted = 0.0
        self.expected_drop_eV = 0.0
        self._travelled = 0.0
        self._fresh = True

    def update(self, evaluation: Evaluation) -> None:
        """Learn energy and gradient at `structure` and choose the next one."""
        new = self._point(evaluation)
        if self._best is None or self._hessian is None:
            self._best = new
            self._hessian = self._guess(new.structure)
        else:
            self._learn(self._best, new)
        self._advance()

    def _point(self, evaluation: Evaluation) -> _Point:
        volume = self.structure.volume_A3
        strain_gradient = volume * to_mandel(evaluation.stress_eV_A3 + self.pressure * np.eye(3))
        if not self.relax_cell:
            strain_gradient = np.zeros(6)
        gradient = np.concatenate([-evaluation.forces_eV_A.ravel(), strain_gradient])
        return _Point(self.structure, evaluation.energy_eV + self.pressure * volume, gradient)

    def _guess(self, structure: Structure) -> np.ndarray:
        self._fresh = True
        self._travelled = 0.0
        return pair_hessian(structure, self._stiffness)

    def _learn(self, old: _Point, new: _Point) -> None:
        """BFGS update from the step just evaluated; accept or take back; adapt the trust radius."""
        decrease = old.enthalpy_eV - new.enthalpy_eV
        ratio = decrease / max(self._predicted, 1e-12)
        length = _longest_move(self._step)
        self._bfgs(self._step, new.gradient - old.gradient)
        # Single-precision energies are good to a few 1e-7 of their size: below that a rise means nothing
        noise = 2e-6 * max(1.0, abs(old.enthalpy_eV)) + 1e-6
        if ratio < 0.25:
            self._radius = max(0.5 * min(length, self._radius), 1e-3)
        elif ratio > 0.75 and length > 0.9 * self._radius:
            self._radius = min(2 * self._radius, LONGEST_MOVE_A)
        if decrease >= -noise:
            self._best = new
            self._travelled += length
            if self._travelled > REBUILD_AFTER_A:
                self._hessian = self._guess(new.structure)

    def _bfgs(self, s: np.ndarray, y: np.ndarray) -> None:
        h = self._hessian
        assert h is not None
        hs = h @ s
        shs, sy = float(s @ hs), float(s @ y)
        if shs <= 0:
            return
        if self._fresh:
            # The springs' shape is a guess, their strength a worse one: one secant sets it
            scale = float(np.clip(sy / shs, 0.1, 10.0))
            h, hs, shs = scale * h, scale * hs, scale * shs
            self._stiffness = float(np.clip(self._stiffness * scale, 0.01, 500.0))
            self._fresh = False
        if sy < 0.2 * shs:  # Powell's damping keeps the update positive definite
            theta = 0.8 * shs / (shs - sy)
            y = theta * y + (1 - theta) * hs
            sy = float(s @ y)
        self._hessian = h + np.outer(y, y) / sy - np.outer(hs, hs) / shs

    def _advance(self) -> None:
        best, h = self._best, self._hessian
        assert best is not None
        assert h is not None
        try:
            step = -cho_solve(cho_factor(h), best.gradient)
        except LinAlgError:  # rounding broke positive definiteness
            h = self._hessian = self._guess(best.structure)
            step = -cho_solve(cho_factor(h), best.gradient)
        if not self.relax_cell:
            step[-6:] = 0.0
        self.expected_drop_eV = -0.5 * float(best.gradient @ step)
        scale = min(1.0, self._radius / max(_longest_move(step), 1e-12))
        self._step = scale * step
        self._predicted = -float(best.gradient @ self._step + 0.5 * self._step @ h @ self._step)
        self.structure = moved(best.structure, self._step)
        self.steps += 1


    def shorten(self) -> None:
        """Halve the step just proposed: where it leads to cannot be evaluated."""
        best, h = self._best, self._hessian
        assert best is not None
        assert h is not None
        self._step = 0.5 * self._step
        self._radius = max(_longest_move(self._step), 1e-3)
        self._predicted = -float(best.gradient @ self._step + 0.5 * self._step @ h @ self._step)
        self.structure = moved(best.structure, self._step)


def _longest_move(step: np.ndarray) -> float:
    """Largest displacement of an atom, Å; strain counts so that the largest allowed one is the longest move."""
    moves = np.sqrt((step[:-6].reshape(-1, 3) ** 2).sum(axis=1)).max()
    strain = np.sqrt((step[-6:] ** 2).sum())
    return float(max(moves, strain * LONGEST_MOVE_A / LARGEST_STRAIN))


def moved(structure: Structure, step: np.ndarray) -> Structure:
    """The structure after displacements step[:-6] (Å) and then the strain step[-6:] (Mandel)."""
    deformation = expm(from_mandel(step[-6:]))
    positions = (structure.positions + step[:-6].reshape(-1, 3)) @ deformation
    return Structure(structure.numbers, positions, structure.cell @ deformation)
