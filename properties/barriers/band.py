"""The nudged elastic band on any surface: a chain of points between two minima that comes to rest on the path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from properties.barriers.stepping import Fire, Lbfgs
from properties.barriers.surface import BarrierError, Surface, largest, lengths

OVERSHOT = 4.0
"""Times the smallest force so far: the band has left the neighbourhood that L-BFGS has learnt, and is put back."""
FALLS = 3
"""So often it is put back before FIRE, which is slower and does not run away, takes over."""


@dataclass(frozen=True)
class BandSettings:
    """How a band is brought to rest.

    Attributes:
        tangent: "improved": Henkelman & Jónsson, J. Chem. Phys. 113, 9978 (2000). There is no other: the older
            central difference kinks where the force along the path is large.
        climb: the highest image climbs to the saddle once the band has come to rest.
        spring_eV_A2: between neighbouring images.
        fmax_eV_A: the climbing image is at rest where no particle feels more.
        band_fmax_eV_A: for all others, of what does not point along the path.
        climb_below_eV_A: the first rest, after which the highest image climbs.
        optimiser: "lbfgs", with FIRE to fall back on, or "fire" from the beginning.
        max_steps: of the band, both phases together.
        longest_A: step of a particle.
    """

    tangent: Literal["improved"] = "improved"
    climb: bool = True
    spring_eV_A2: float = 1.0
    fmax_eV_A: float = 0.02
    band_fmax_eV_A: float = 0.05
    climb_below_eV_A: float = 0.15
    optimiser: Literal["lbfgs", "fire"] = "lbfgs"
    max_steps: int = 300
    longest_A: float = 0.1


@dataclass(frozen=True)
class Band:
    """A chain of points, the ends among them.

    Attributes:
        points: (m, n, d), Å.
        energies_eV: (m,).
        forces_eV_A: (m, n, d), the surface's own.
        climbing: index of the image that climbed; None where none did.
        converged: within the settings' forces.
        steps: of the optimiser.
        rest_eV_A: largest force that is left on an image (without its part along the path, where it does not climb).
    """

    points: np.ndarray
    energies_eV: np.ndarray
    forces_eV_A: np.ndarray
    climbing: int | None
    converged: bool
    steps: int
    rest_eV_A: float

    @property
    def distances_A(self) -> np.ndarray:
        """Along the path from the first point, over all coordinates, (m,)."""
        return np.concatenate([[0.0], np.cumsum(lengths(np.diff(self.points, axis=0)))])

    @property
    def slopes_eV_A(self) -> np.ndarray:
        """dE/ds along the path, (m,)."""
        tangents = np.concatenate(
            [
                _unit(self.points[1:2] - self.points[:1]),
                improved_tangents(self.points, self.energies_eV),
                _unit(self.points[-1:] - self.points[-2:-1]),
            ]
        )
        return -(self.forces_eV_A * tangents).sum(axis=(-2, -1))

    @property
    def top(self) -> int:
        """Index of the highest image between the ends."""
        return 1 + int(np.argmax(self.energies_eV[1:-1]))


def improved_tangents(points: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Unit tangents of the images between the ends, (m − 2, n, d).

    Towards the higher neighbour; at extrema of the energy both neighbours, weighted by it (Henkelman & Jónsson 2000,
    Eqs. 8 to 11).
    """
    forward, backward = points[2:] - points[1:-1], points[1:-1] - points[:-2]
    up, down = energies[2:] - energies[1:-1], energies[:-2] - energies[1:-1]
    most, least = np.maximum(abs(up), abs(down)), np.minimum(abs(up), abs(down))
    higher_ahead = energies[2:] > energies[:-2]
    w_forward = np.where(higher_ahead, most, least)
    w_backward = np.where(higher_ahead, least, most)
    climbing, falling = (up > 0) & (down < 0), (up < 0) & (down > 0)
    w_forward, w_backward = np.where(climbing, 1.0, w_forward), np.where(climbing, 0.0, w_backward)
    w_forward, w_backward = np.where(falling, 0.0, w_forward), np.where(falling, 1.0, w_backward)
    flat = w_forward + w_backward == 0
    w_forward, w_backward = np.where(flat, 0.5, w_forward), np.where(flat, 0.5, w_backward)
    return _unit(w_forward[:, None, None] * forward + w_backward[:, None, None] * backward)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(lengths(vectors), 1e-300)[:, None, None])


def straight(initial: np.ndarray, final: np.ndarray, images: int) -> np.ndarray:
    """A straight line with so many points between the ends, (images + 2, n, d)."""
    share = np.linspace(0, 1, images + 2)[:, None, None]
    return initial + share * (final - initial)


def band_forces(
    points: np.ndarray, energies: np.ndarray, forces: np.ndarray, spring: float, climbing: int | None
) -> np.ndarray:
    """Nudged force on each image between the ends, (m − 2, n, d).

    The surface's own across the path, the springs' along it: k(|R₊ − R| − |R − R₋|)τ (Henkelman & Jónsson 2000, Eq.
    12). The climbing image has no springs and its force along the path turned around: F − 2(F·τ)τ (Henkelman,
    Uberuaga & Jónsson, J. Chem. Phys. 113, 9901 (2000), Eq. 5).
    """
    tangents = improved_tangents(points, energies)
    apart = lengths(np.diff(points, axis=0))
    along = (forces[1:-1] * tangents).sum(axis=(-2, -1))
    pull = spring * (apart[1:] - apart[:-1])
    factor = -along + pull
    if climbing is not None:
        factor[climbing - 1] = -2 * along[climbing - 1]
    return np.asarray(forces[1:-1] + factor[:, None, None] * tangents)


def relax_band(
    surface: Surface,
    points: np.ndarray,
    settings: BandSettings | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Band:
    """Bring a chain to rest; its ends, (n, d) each, stay where they are.

    surface: asked once a step, for all images together.
    points: first guess with its ends, at least three, (m, n, d).
    on_step: told each step and the largest force that is left.
    """
    settings = settings or BandSettings()
    if len(points) < 3:
        raise BarrierError("images: a band needs at least one between its ends")
    return _Relaxing(surface, points, settings).run(on_step)


class _Relaxing:
    """A band under way."""

    def __init__(self, surface: Surface, points: np.ndarray, settings: BandSettings) -> None:
        self.surface, self.settings = surface, settings
        self.points = np.array(points, float)
        self.energies, self.forces = surface(self.points)
        self.climbing: int | None = None
        self.lbfgs = self._lbfgs()
        self.fire = Fire(settings.longest_A) if settings.optimiser == "fire" else None
        self.falls = 0
        self.best: tuple[float, np.ndarray] = (np.inf, self.points)

    def _lbfgs(self) -> Lbfgs:
        # 50 eV/Å² is stiffer than atoms in solids: a first step that is too short costs little
        return Lbfgs(50.0, self.settings.longest_A)

    def run(self, on_step: Callable[[int, float], None] | None) -> Band:
        step = 0
        while True:
            force = self._nudged()
            left = largest(force)
            if on_step is not None:
                on_step(step, float(left.max()))
            done = self._at_rest(left)
            if done and self.settings.climb and self.climbing is None:
                self._climb()
                continue
            if done or step == self.settings.max_steps:
                return Band(self.points, self.energies, self.forces, self.climbing, done, step, float(left.max()))
            self._move(force, float(left.max()))
            step += 1

    def _nudged(self) -> np.ndarray:
        return band_forces(self.points, self.energies, self.forces, self.settings.spring_eV_A2, self.climbing)

    def _at_rest(self, left: np.ndarray) -> bool:
        s = self.settings
        if s.climb and self.climbing is None:
            return bool(left.max() < max(s.climb_below_eV_A, s.band_fmax_eV_A))
        others = left if self.climbing is None else np.delete(left, self.climbing - 1)
        climbed = self.climbing is None or left[self.climbing - 1] < s.fmax_eV_A
        return bool(climbed and others.max(initial=0.0) < s.band_fmax_eV_A)

    def _climb(self) -> None:
        self.climbing = 1 + int(np.argmax(self.energies[1:-1]))
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.lbfgs = self._lbfgs()
        self.best = (np.inf, self.points)
        if self.fire is not None:
            self.fire = Fire(self.settings.longest_A)

    def _move(self, force: np.ndarray, left: float) -> None:
        if self.fire is None and left > OVERSHOT * max(self.best[0], self.settings.fmax_eV_A):
            self._fall_back()
            return
        if left < self.best[0]:
            self.best = (left, self.points.copy())
        inner = self.points[1:-1]
        step = self.lbfgs.step(inner, force) if self.fire is None else self.fire.step(force)
        self._go(inner + step)
        # A climbing image that another one has overtaken hands over
        if self.climbing is not None and (top := 1 + int(np.argmax(self.energies[1:-1]))) != self.climbing:
            self.climbing = top
            self._begin_anew()

    def _fall_back(self) -> None:
        self.falls += 1
        start = self.best[1][1:-1]
        self._begin_anew()
        if self.falls >= FALLS:
            self.fire = Fire(self.settings.longest_A)
        self._go(start)

    def _go(self, inner: np.ndarray) -> None:
        self.points = np.concatenate([self.points[:1], inner, self.points[-1:]])
        energies, forces = self.surface(inner)
        self.energies = np.concatenate([self.energies[:1], energies, self.energies[-1:]])
        self.forces = np.concatenate([self.forces[:1], forces, self.forces[-1:]])
