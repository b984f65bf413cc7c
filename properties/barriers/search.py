"""Saddles around one minimum, where nobody knows what lies beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from potentials.potential import Potential
from properties.barriers.barrier import prove
from properties.barriers.descent import descend
from properties.barriers.saddle import Saddle, same_place
from properties.barriers.settings import BarrierSettings
from properties.barriers.surface import AtomsSurface, BarrierError, News, surface_of, unheard, without_shift

SPREAD_A = 2.5
"""Of a random push about an atom: its neighbours move along."""
FAR_A = 0.3
"""Of the push, of the atom that moves most."""


@dataclass(frozen=True)
class FoundSaddle:
    """A saddle and the way over it.

    Attributes:
        surface: what it lies on.
        start: the minimum that was begun from, of the free atoms, (n, 3), Å.
        start_eV: its energy.
        saddle: with what proves it.
        leads_back: one of its sides leads to the start.
        model_calls: spent.
    """

    surface: AtomsSurface
    start: np.ndarray
    start_eV: float
    saddle: Saddle
    leads_back: bool
    model_calls: int

    @property
    def barrier_eV(self) -> float:
        """Saddle above the start."""
        return self.saddle.found.energy_eV - self.start_eV

    @property
    def ends(self) -> list[Atoms]:
        """Where the saddle's sides lead, the start first where it is one of them; empty where it is no saddle."""
        if self.saddle.slid is None:
            return []
        back = [_same(self.surface, point, self.start) for point in self.saddle.slid.points]
        order = sorted(range(2), key=lambda k: not back[k])
        return [self.surface.at(self.saddle.slid.points[k]) for k in order]


def saddle_from(
    potential: Potential,
    start: Atoms,
    direction: np.ndarray | None = None,
    around: int | None = None,
    seed: int = 0,
    settings: BarrierSettings | None = None,
    progress: News = unheard,
) -> FoundSaddle:
    """Climb from a minimum to a saddle by the dimer method, prove it, and slide down both its sides.

    Args:
        potential: climbs in double precision where it has one.
        start: brought to rest first; atoms that `FixAtoms` holds stay. Not changed.
        direction: in which to leave, (N, 3), of any length; None is random.
        around: atom that a random push has its centre at; None takes one by chance.
        seed: of the random push.
        settings: as of `barrier`.
        progress: told what is being done.

    Raises:
        BarrierError: the start does not come to rest, a direction that moves nothing.
    """
    settings = settings or BarrierSettings()
    surface = surface_of(potential, start).in_double_precision()
    rest = descend(surface, start.positions[surface.free][None], settings.end_fmax_eV_A, settings.max_steps)
    if not rest.converged[0]:
        raise BarrierError(f"start: does not come to rest to {settings.end_fmax_eV_A:g} eV/Å")
    minimum = rest.points[0]
    if direction is None:
        push = _random_push(surface, minimum, around, np.random.default_rng(seed))
    else:
        push = without_shift(np.asarray(direction, float)[surface.free], surface.floats)
    longest = float(np.linalg.norm(push, axis=-1).max())
    if longest < 1e-12:
        raise BarrierError("direction: moves no atom that is free to move")
    saddle = prove(surface, minimum + push * (FAR_A / longest), push, settings, progress)
    back = saddle.slid is not None and any(_same(surface, p, minimum) for p in saddle.slid.points)
    return FoundSaddle(surface, minimum, float(rest.energies_eV[0]), saddle, back, surface.calls.n)


def _random_push(
    surface: AtomsSurface, point: np.ndarray, around: int | None, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian in every coordinate, and about one atom in space, (n, 3)."""
    centre = int(rng.choice(surface.free)) if around is None else around
    apart = surface.at(point).get_distances(centre, surface.free, mic=True)
    weights = np.exp(-((apart / SPREAD_A) ** 2))
    return without_shift(weights[:, None] * rng.normal(size=point.shape), surface.floats)


def _same(surface: AtomsSurface, a: np.ndarray, b: np.ndarray) -> bool:
    return same_place(a, b, surface.floats)
