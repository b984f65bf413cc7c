"""Saddles where only one end is known: two points, a hair apart, that turn into the softest direction and climb it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from properties.barriers.stepping import Lbfgs
from properties.barriers.surface import Surface, largest, without_shift

APART_A = 0.01
"""Of the two points, over all coordinates."""
TURNED_ENOUGH = np.radians(3.0)
STIFF_EV_A2 = 50.0
SETTLED = 0.02
"""Of the lowest curvature, from one iteration to the next: its sign is what is asked for."""
LEAST_ITERATIONS = 8
MOST_ITERATIONS = 24


@dataclass(frozen=True)
class Dimer:
    """Where it came to rest.

    Attributes:
        point: (n, d), Å.
        energy_eV: there.
        force_eV_A: (n, d).
        mode: unit vector of the lowest curvature, (n, d).
        curvature_eV_A2: along it; negative at a saddle.
        converged: no particle feels more than asked, and the curvature is negative.
        steps: translations.
    """

    point: np.ndarray
    energy_eV: float
    force_eV_A: np.ndarray
    mode: np.ndarray
    curvature_eV_A2: float
    converged: bool
    steps: int


def dimer(
    surface: Surface,
    point: np.ndarray,
    direction: np.ndarray,
    fmax_eV_A: float = 0.005,
    max_steps: int = 300,
    rotations: int = 4,
    longest_A: float = 0.1,
    floats: bool = False,
    on_step: Callable[[int, float], None] | None = None,
) -> Dimer:
    """Climb along the softest mode and descend across it, to a saddle of first order.

    Henkelman & Jónsson, J. Chem. Phys. 111, 7010 (1999), with forward differences and the angle of each rotation by a
    trial one (Heyden, Bell & Keil, J. Chem. Phys. 123, 224101 (2005); Kästner & Sherwood, J. Chem. Phys. 128, 014106
    (2008)). Its two points are one batch.

    Args:
        surface: asked for both points at once, and again at each rotation.
        point: start, (n, d).
        direction: first guess of the mode, (n, d), of any length; sign and small errors do not matter.
        fmax_eV_A: at rest where no particle feels more.
        max_steps: translations.
        rotations: at most, between two translations; four times as many before the first.
        longest_A: step of a particle.
        floats: shifts of the whole cost nothing and are no mode.
        on_step: told each step and the largest force.
    """
    x = np.array(point, float)
    mode = _unit(without_shift(np.asarray(direction, float), floats))
    walker, downhill = Lbfgs(STIFF_EV_A2, longest_A), True
    for step in range(max_steps + 1):
        energies, forces = surface(np.stack([x, x + APART_A * mode]))
        energy, force = float(energies[0]), forces[0]
        if not np.isfinite(forces).all():
            # It has run up a wall that has no end: the softest mode does not always lead to a saddle
            curvature, done = np.nan, False
            break
        pulled = without_shift((force - forces[1]) / APART_A, floats)
        mode, curvature = _turned(surface, x, force, mode, pulled, rotations * (1 if step else 4), floats)
        left = float(largest(force[None])[0])
        if on_step is not None:
            on_step(step, left)
        done = left < fmax_eV_A and curvature < 0
        if done or step == max_steps:
            break
        along = float((force * mode).sum())
        if curvature >= 0:
            # Out of the valley straight along the mode, at full length
            way = -mode * (np.sign(along) or 1.0)
            x = x + way * (longest_A / np.linalg.norm(way, axis=-1).max())
            walker.forget()
        else:
            x = x + walker.step(x, force - 2 * along * mode)
        if downhill != (downhill := curvature >= 0):
            walker.forget()
    return Dimer(x, energy, force, mode, curvature, done, step)


@dataclass(frozen=True)
class Beside:
    """The softest direction across a saddle's mode.

    Attributes:
        vector: unit vector, (n, d).
        curvature_eV_A2: along it; negative where the saddle is one of higher order.
    """

    vector: np.ndarray
    curvature_eV_A2: float


def softest_beside(surface: Surface, point: np.ndarray, mode: np.ndarray, floats: bool, seed: int = 0) -> Beside:
    """Lowest curvature of all particles across a mode, by Lanczos' method; one evaluation an iteration.

    It takes the place of a Hessian of everything: an eigenvalue below all others is found first. It begins with a
    random direction, most of it where the mode is: symmetry would keep one of the mode's own kind among its like.

    point, mode: (n, d), the mode a unit vector. floats: as of `dimer`.
    """
    rng = np.random.default_rng(seed)

    def across(vector: np.ndarray) -> np.ndarray:
        vector = without_shift(vector, floats)
        return vector - (vector * mode).sum() * mode

    where = np.linalg.norm(mode, axis=-1, keepdims=True)
    vector = _unit(across((where + 0.05 * where.max()) * rng.normal(size=mode.shape)))
    _, (force,) = surface(point[None])
    basis = [vector]
    diagonal: list[float] = []
    beside: list[float] = []
    last = np.inf
    while True:
        _, (there,) = surface((point + APART_A * basis[-1])[None])
        pulled = across((force - there) / APART_A)
        diagonal.append(float((pulled * basis[-1]).sum()))
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        # Twice over, for rounding brings back what has been taken off
        for _ in range(2):
            pulled = pulled - sum((pulled * one).sum() * one for one in basis)
        length = float(np.linalg.norm(pulled))
        settled = abs(values[0] - last) < SETTLED * abs(values[0]) and len(basis) > LEAST_ITERATIONS
        if settled or length < 1e-6 or len(basis) == MOST_ITERATIONS:
            found = np.tensordot(vectors[:, 0], np.array(basis), 1)
            return Beside(_unit(found), float(values[0]))
        last = float(values[0])
        beside.append(length)
        basis.append(pulled / length)


def _turned(
    surface: Surface, x: np.ndarray, force: np.ndarray, mode: np.ndarray, pulled: np.ndarray, most: int, floats: bool
) -> tuple[np.ndarray, float]:
    """Mode and curvature after at most so many rotations; pulled: H·mode, eV/Å²."""
    for _ in range(most):
        curvature = float((mode * pulled).sum())
        across = -(pulled - curvature * mode)
        steep = 2 * float(np.linalg.norm(across))
        trial = 0.5 * np.arctan2(steep, 2 * abs(curvature))
        if trial < TURNED_ENOUGH:
            break
        across = _unit(across)
        tried = np.cos(trial) * mode + np.sin(trial) * across
        _, (there,) = surface((x + APART_A * tried)[None])
        pulled_there = without_shift((force - there) / APART_A, floats)
        angle = _best_angle(curvature, -steep, trial, float((tried * pulled_there).sum()))
        # H is linear: what it does to the turned mode follows from two directions
        pulled_across = (pulled_there - np.cos(trial) * pulled) / np.sin(trial)
        mode, pulled = (
            _unit(np.cos(angle) * mode + np.sin(angle) * across),
            np.cos(angle) * pulled + np.sin(angle) * pulled_across,
        )
    return mode, float((mode * pulled).sum())


def _best_angle(curvature: float, slope: float, trial: float, there: float) -> float:
    """Where C(φ) = a₀/2 + a₁ cos 2φ + b₁ sin 2φ is least, of its value and slope at 0 and its value at a trial."""
    b = slope / 2
    a = (curvature - there + b * np.sin(2 * trial)) / (1 - np.cos(2 * trial))
    angle = 0.5 * np.arctan2(b, a)
    least = curvature - a + a * np.cos(2 * angle) + b * np.sin(2 * angle)
    most = curvature - a - a * np.cos(2 * angle) - b * np.sin(2 * angle)
    return float(angle if least <= most else angle + np.pi / 2)


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-300))
