"""Steps of an optimiser, for forces of an energy as for those of a band, which have none."""

from __future__ import annotations

from collections import deque

import numpy as np

MEMORY = 30
"""Pairs that L-BFGS remembers."""


class Lbfgs:
    """Limited-memory BFGS without a line search: one evaluation a step, and no energy asked for.

    A band's force is the gradient of nothing, and a search along a line would look for a minimum that is not there;
    L-BFGS on the force of the whole band, its step capped, took the fewest evaluations in Sheppard, Terrell &
    Henkelman, J. Chem. Phys. 128, 134106 (2008). Pairs of negative curvature are left out, for the step must go
    downhill; a step that goes against the force forgets all.
    """

    def __init__(self, curvature: float, longest: float) -> None:
        """curvature: of the first step, eV/Å²; longest: step of a particle, Å."""
        self._curvature = curvature
        self._longest = longest
        self._pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=MEMORY)
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def forget(self) -> None:
        """Begin anew, as where the force has become another function."""
        self._pairs.clear()
        self._last = None

    def step(self, x: np.ndarray, force: np.ndarray) -> np.ndarray:
        """Where to go from x; both (..., d), as is the step."""
        flat_x, flat_f = x.ravel(), force.ravel()
        if self._last is not None:
            s, y = flat_x - self._last[0], self._last[1] - flat_f
            if (sy := float(s @ y)) > 1e-8 * float(np.linalg.norm(s) * np.linalg.norm(y)):
                self._pairs.append((s, y, sy))
        self._last = flat_x.copy(), flat_f.copy()
        direction = self._direction(flat_f)
        if direction @ flat_f <= 0:
            self._pairs.clear()
            direction = flat_f / self._curvature
        step = direction.reshape(x.shape)
        length = float(np.linalg.norm(step, axis=-1).max())
        return step if length <= self._longest else step * (self._longest / length)

    def _direction(self, force: np.ndarray) -> np.ndarray:
        """Two loops (Nocedal, Math. Comput. 35, 773 (1980))."""
        q, alphas = force.copy(), []
        for s, y, sy in reversed(self._pairs):
            alphas.append(a := (s @ q) / sy)
            q = q - a * y
        if self._pairs:
            _, y, sy = self._pairs[-1]
            q = q * (sy / (y @ y))
        else:
            q = q / self._curvature
        for (s, y, sy), a in zip(self._pairs, reversed(alphas), strict=True):
            q = q + s * (a - (y @ q) / sy)
        return q


class Fire:
    """Fast inertial relaxation (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)), on forces of any kind."""

    def __init__(self, longest: float, dt: float = 0.1, dt_most: float = 1.0) -> None:
        """longest: step of a particle, Å; times as ASE counts them, masses one."""
        self._longest, self._dt, self._most = longest, dt, dt_most
        self._velocity: np.ndarray | None = None
        self._alpha, self._downhill = 0.1, 0

    def step(self, force: np.ndarray) -> np.ndarray:
        """The next displacement, (..., d)."""
        v = np.zeros_like(force) if self._velocity is None else self._velocity
        if (v * force).sum() > 0:
            ratio = np.linalg.norm(v) / max(float(np.linalg.norm(force)), 1e-300)
            v = (1 - self._alpha) * v + self._alpha * ratio * force
            self._downhill += 1
            if self._downhill > 5:
                self._dt, self._alpha = min(1.1 * self._dt, self._most), 0.99 * self._alpha
        else:
            v, self._downhill, self._alpha = np.zeros_like(force), 0, 0.1
            self._dt *= 0.5 if self._velocity is not None else 1.0
        self._velocity = v = v + self._dt * force
        step = self._dt * v
        length = float(np.linalg.norm(step, axis=-1).max())
        return step if length <= self._longest else step * (self._longest / length)
