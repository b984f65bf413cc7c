"""A layer in a vacuum at rest: its ions, and the two vectors of its plane."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from scipy.linalg import expm

from potentials.potential import Potential, structure_of
from properties.evaluating import evaluate_all
from properties.layers.layers import formula_of
from properties.rest import NotAtRestError, relaxed

PROBE = 2e-3
"""Strain by which the first curvature is measured."""
LONGEST = 0.04
"""Strain of one step."""
SOFTEST_EV = 0.5
"""Curvature of a layer's energy against strain that is taken at least, for each atom: crumpled ones have little."""
STEPS = 60
_BASIS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0.5**0.5], [0.5**0.5, 0]]])
"""Strains in the plane, orthonormal."""


@dataclass(frozen=True)
class LayerAtRest:
    """Geometry, energy (eV), stress (eV/Å³, (3, 3), ASE's sign) and model calls spent."""

    atoms: Atoms
    energy_eV: float
    stress_eV_A3: np.ndarray
    model_calls: int


def ions_at_rest(potential: Potential, layer: Atoms, fmax_eV_A: float, max_steps: int) -> LayerAtRest:
    """Ions alone.

    Raises:
        NotAtRestError: they do not come to rest.
    """
    (walk,) = relaxed(
        potential, [layer], [0.0], fmax_eV_A, max_steps, relax_cell=False, largest_volume_A3_per_atom=np.inf
    )
    if walk.outcome != "converged":
        raise NotAtRestError(f"a layer of {formula_of(layer)} by itself does not come to rest: {walk.reason}")
    return LayerAtRest(walk.atoms, walk.energy_eV, voigt_6_to_full_3x3_stress(walk.stress_eV_A3), walk.model_calls)


def layer_at_rest(potential: Potential, layer: Atoms, fmax_eV_A: float, max_steps: int) -> LayerAtRest:
    """Ions and cell in the plane; the vacuum keeps its width and no height changes but by forces.

    Relaxing cell and ions together would stretch the vacuum to pull atoms apart. Here the plane's three strains are
    relaxed by BFGS (Nocedal and Wright, Numerical Optimization (2006), ch. 6), ions at rest at each; the first
    curvature is that of clamped ions, which is the stiffer one: steps begin too short rather than too long.

    layer: in a cell whose first two vectors lie in the plane and whose third is upright.

    Raises:
        NotAtRestError: it does not come to rest.
        EvaluationError: as of `evaluate_all`.
    """
    frame = _frame(layer)
    here = ions_at_rest(potential, layer, fmax_eV_A, max_steps)
    gradient = _gradient(here.atoms, here.stress_eV_A3, frame)
    curvature = _clamped(potential, here.atoms, gradient, frame)
    calls = here.model_calls + len(_BASIS)
    limit = 1.0
    for _ in range(STEPS):
        if np.abs(gradient).max() / len(layer) < fmax_eV_A:
            return replace(here, model_calls=calls)
        step = -np.linalg.solve(curvature, gradient)
        step *= limit * min(1.0, LONGEST / np.linalg.norm(step))
        there = ions_at_rest(potential, _strained(here.atoms, step, frame), fmax_eV_A, max_steps)
        calls += there.model_calls
        after = _gradient(there.atoms, there.stress_eV_A3, frame)
        curvature = _learnt(curvature, step, after - gradient)
        if there.energy_eV > here.energy_eV + 1e-6 * len(layer):
            limit /= 2  # it went too far: once more from where it was
            continue
        here, gradient, limit = there, after, 1.0
    raise NotAtRestError(f"the cell of a layer of {formula_of(layer)} by itself does not come to rest in {STEPS} steps")


def _frame(layer: Atoms) -> np.ndarray:
    """Two unit vectors in the plane, (2, 3)."""
    right = layer.cell.array[0] / np.linalg.norm(layer.cell.array[0])
    up = np.cross(layer.cell.array[0], layer.cell.array[1])
    return np.array([right, np.cross(up / np.linalg.norm(up), right)])


def _gradient(layer: Atoms, stress_eV_A3: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """dE/dε of the three strains, eV."""
    plane = frame @ stress_eV_A3 @ frame.T
    return np.asarray(layer.get_volume() * np.einsum("kij,ij->k", _BASIS, plane))


def _strained(layer: Atoms, strain: np.ndarray, frame: np.ndarray) -> Atoms:
    matrix = expm(frame.T @ np.tensordot(strain, _BASIS, axes=1) @ frame)
    found = layer.copy()
    found.set_cell(layer.cell.array @ matrix, scale_atoms=True)
    return found


def _clamped(potential: Potential, layer: Atoms, gradient: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Second derivatives by the strains, ions clamped, made positive."""
    cells = [_strained(layer, PROBE * unit, frame) for unit in np.eye(len(_BASIS))]
    told = evaluate_all(potential, [structure_of(cell) for cell in cells])
    rows = [(_gradient(c, t.stress_eV_A3, frame) - gradient) / PROBE for c, t in zip(cells, told, strict=True)]
    values, vectors = np.linalg.eigh((np.array(rows) + np.array(rows).T) / 2)
    return np.asarray((vectors * np.maximum(np.abs(values), SOFTEST_EV * len(layer))) @ vectors.T)


def _learnt(curvature: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """BFGS, damped by Powell's rule so that it stays positive."""
    pushed = curvature @ step
    before, now = float(step @ pushed), float(step @ change)
    if now < 0.2 * before:
        mix = 0.8 * before / (before - now)
        change = mix * change + (1 - mix) * pushed
        now = float(step @ change)
    return np.asarray(curvature - np.outer(pushed, pushed) / before + np.outer(change, change) / now)
