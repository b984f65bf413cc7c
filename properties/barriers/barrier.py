"""A hop with everything that is to be known of it: path, proven saddles, prefactor, rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from ase import Atoms

from potentials.potential import Potential
from properties.barriers.band import Band
from properties.barriers.dimer import Dimer, dimer, softest_beside
from properties.barriers.modes import Modes, hessian, modes_of
from properties.barriers.path import Path, bands_between, ends_at_rest
from properties.barriers.rates import Rates, rates, vineyard_prefactor_THz, zero_point_eV
from properties.barriers.saddle import Saddle, connects, same_place, slide
from properties.barriers.settings import BarrierSettings
from properties.barriers.surface import AtomsSurface, News, lengths, unheard, without_shift

PUSH_OFF_A = 0.3
"""A band off a saddle of higher order, along a second imaginary mode."""
WIDER = (1.0, 1.5, np.inf)
"""Times the region, one after another, where the dimer goes down in a direction and no mode of the region does:
neighbours that are held stiffen it."""
MOVES = 0.5
"""Of the way of the atom that goes furthest: who goes this far hops too."""


@dataclass(frozen=True)
class Hop:
    """One band between neighbouring minima, with its saddle.

    Attributes:
        band: the path.
        energies_eV: of start, saddle and end, in double precision, (3,).
        saddle: None where it was not asked for.
        connects: the saddle's sides lead to the ends of the band.
        minima: vibrations of start and end, of the same atoms as the saddle's; None where there is no saddle.
    """

    band: Band
    energies_eV: tuple[float, float, float]
    saddle: Saddle | None
    connects: bool | None
    minima: tuple[Modes, Modes] | None

    @property
    def forward_eV(self) -> float:
        """Saddle above the start."""
        return self.energies_eV[1] - self.energies_eV[0]

    @property
    def reverse_eV(self) -> float:
        """Saddle above the end."""
        return self.energies_eV[1] - self.energies_eV[2]

    def prefactor_THz(self, reverse: bool = False) -> float | None:
        """Vineyard's; None where the saddle is not one of first order, or an end no minimum."""
        if self.saddle is None or self.minima is None:
            return None
        value = vineyard_prefactor_THz(self.minima[reverse].frequencies_THz, self.saddle.modes.frequencies_THz)
        return value if np.isfinite(value) else None

    def zero_point_change_eV(self, reverse: bool = False) -> float | None:
        """Zero-point energy at the saddle, without the imaginary mode, less that at the minimum."""
        if self.saddle is None or self.minima is None:
            return None
        return zero_point_eV(self.saddle.modes.frequencies_THz) - zero_point_eV(self.minima[reverse].frequencies_THz)

    def rates(self, temperatures_K: Sequence[float], reverse: bool = False) -> Rates | None:
        """Of this hop, one way."""
        if self.saddle is None or self.minima is None or self.prefactor_THz(reverse) is None:
            return None
        height = self.reverse_eV if reverse else self.forward_eV
        return rates(
            height, self.minima[reverse].frequencies_THz, self.saddle.modes.frequencies_THz, temperatures_K
        )

    def with_masses(self, masses_u: np.ndarray) -> Hop:
        """The same with other masses of all that moves, (n,): isotopes cost no model call."""
        if self.saddle is None or self.minima is None:
            return self
        own = masses_u[self.saddle.region]
        first, last = (one.with_masses(own) for one in self.minima)
        saddle = replace(self.saddle, modes=self.saddle.modes.with_masses(own))
        return replace(self, saddle=saddle, minima=(first, last))


@dataclass(frozen=True)
class Barrier:
    """A path of one or more hops.

    Attributes:
        path: of all of them together.
        hops: in order.
        settings: as computed.
        model_calls: spent.
        precision: in what saddle and vibrations were computed.
    """

    path: Path
    hops: Sequence[Hop]
    settings: BarrierSettings
    model_calls: int
    precision: str

    @property
    def highest_place(self) -> int:
        """Of the hop whose saddle is the highest, among the hops."""
        return max(range(len(self.hops)), key=lambda k: self.hops[k].energies_eV[1])

    @property
    def highest(self) -> Hop:
        """That hop."""
        return self.hops[self.highest_place]

    @property
    def forward_eV(self) -> float:
        """Highest saddle above the initial structure."""
        return self.highest.energies_eV[1] - self.hops[0].energies_eV[0]

    @property
    def reverse_eV(self) -> float:
        """Highest saddle above the final structure."""
        return self.highest.energies_eV[1] - self.hops[-1].energies_eV[2]

    @property
    def converged(self) -> bool:
        """Bands and saddles at rest, each saddle proven where that was asked for."""
        saddles = [hop.saddle for hop in self.hops if hop.saddle is not None]
        return self.path.converged and all(s.found.converged and s.n_imaginary == 1 for s in saddles)

    def with_mass(self, symbol: str, mass_u: float) -> Barrier:
        """The same with another isotope of an element; energies are what they were."""
        surface = self.path.surface
        masses = np.where(surface.atoms.symbols[surface.free] == symbol, mass_u, surface.masses_u)
        return replace(self, hops=[hop.with_masses(masses) for hop in self.hops])


def barrier(
    potential: Potential,
    initial: Atoms,
    final: Atoms,
    settings: BarrierSettings | None = None,
    progress: News = unheard,
) -> Barrier:
    """Path, saddles, vibrations and rates between two structures; arguments and errors as of `properties.barriers.neb`.

    From the climbing image a dimer goes on in double precision; curvatures there and a descent down both sides prove
    the saddle. Where a side leads to another minimum than the band's end, the path is continued over that.
    """
    settings = settings or BarrierSettings()
    surface, start, end = ends_at_rest(potential, initial, final, settings, progress)
    bands = bands_between(surface, start, end, settings, progress, settings.most_segments)
    if settings.prove:
        double = surface.in_double_precision()
        hops = [hop for band in bands for hop in _proven(surface, double, band, settings, progress, len(bands))]
    else:
        double = surface
        hops = [_unproven(band) for band in bands]
    path = Path(surface, [hop.band for hop in hops])
    return Barrier(path, hops, settings, surface.calls.n, double.potential.precision)


def _unproven(band: Band) -> Hop:
    E = band.energies_eV
    return Hop(band, (float(E[0]), float(E[band.top]), float(E[-1])), None, None, None)


def _proven(
    surface: AtomsSurface,
    double: AtomsSurface,
    band: Band,
    settings: BarrierSettings,
    progress: News,
    hops: int,
    pushed: bool = False,
) -> list[Hop]:
    """The hop with its saddle, or the hops over minima that the saddle's sides have led to."""
    saddle = prove(double, *_summit(band), settings, progress, band.points)
    if saddle.n_imaginary > 1 and not pushed:
        # Symmetry holds such a band on a ridge: the path turns off to one side, into minima that lie there
        bent, most = _pushed_off(band, saddle), settings.most_segments
        bands = bands_between(surface, band.points[0], band.points[-1], settings, progress, most, bent)
        more = hops + len(bands) - 1
        return [hop for one in bands for hop in _proven(surface, double, one, settings, progress, more, pushed=True)]
    if saddle.slid is None or not saddle.found.converged:
        return [_hop(double, band, saddle, settings, progress)]
    start, end = band.points[0], band.points[-1]
    if connects(saddle.slid, start, end, double.floats) or hops >= settings.most_segments:
        return [_hop(double, band, saddle, settings, progress)]
    before, after = _in_order(saddle, start, end, double.floats)
    chain = [start, before, after, end]
    legs = [(a, b) for a, b in pairwise(chain) if not same_place(a, b, double.floats)]
    found: list[Hop] = []
    for a, b in legs:
        for one in bands_between(surface, a, b, settings, progress, 1):
            found += _proven(surface, double, one, settings, progress, hops + len(legs) - 1)
    return found


def _pushed_off(band: Band, saddle: Saddle) -> np.ndarray:
    """The band bent along the second imaginary mode of its summit."""
    way = saddle.second_mode
    bent = np.sin(np.linspace(0, np.pi, len(band.points)))[:, None, None]
    return band.points + PUSH_OFF_A * bent * way / np.linalg.norm(way, axis=-1).max()


def _summit(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """The highest image and the direction of the path there."""
    top = band.top
    return band.points[top], band.points[top + 1] - band.points[top - 1]


def _in_order(saddle: Saddle, start: np.ndarray, end: np.ndarray, floats: bool) -> tuple[np.ndarray, np.ndarray]:
    """The minima beside a saddle, the one nearer to the start first."""
    assert saddle.slid is not None
    one, other = (start + without_shift(point - start, floats) for point in saddle.slid.points)
    straight = float(lengths((one - start)[None])[0] + lengths((other - end)[None])[0])
    crossed = float(lengths((other - start)[None])[0] + lengths((one - end)[None])[0])
    return (one, other) if straight <= crossed else (other, one)


def prove(
    surface: AtomsSurface,
    point: np.ndarray,
    direction: np.ndarray,
    settings: BarrierSettings,
    progress: News = unheard,
    path: np.ndarray | None = None,
) -> Saddle:
    """Bring a guess of a saddle to rest, take its curvatures and slide down both sides.

    point, direction: guess and its mode, (n, 3). path: images whose atoms' ways say who hops; None takes the mode.
    """
    found = dimer(
        surface, point, direction, settings.saddle_fmax_eV_A, settings.max_steps, floats=surface.floats,
        on_step=lambda step, left: progress("saddle", step, settings.max_steps),
    )  # fmt: skip
    ways = np.linalg.norm(found.mode if path is None else path[-1] - path[0], axis=-1)
    region, modes = _curvatures(surface, found, ways, settings, progress)
    saddle = Saddle(found, modes, region, softest_beside(surface, found.point, found.mode, surface.floats), None)
    if not found.converged or saddle.n_imaginary != 1:
        return saddle
    progress("saddle: sliding down", 0, 1)
    slid = slide(surface, found.point, found.mode, settings.end_fmax_eV_A, settings.max_steps)
    return replace(saddle, slid=slid)


def _curvatures(
    surface: AtomsSurface, found: Dimer, ways: np.ndarray, settings: BarrierSettings, progress: News
) -> tuple[np.ndarray, Modes]:
    """Region and vibrations there; a region whose held neighbours leave no mode imaginary is widened."""
    for wider in WIDER:
        region = _region(surface, found.point, ways, settings, wider * settings.region_A)
        modes = _modes(surface, found.point, region, "saddle: curvatures", progress)
        if modes.n_imaginary or found.curvature_eV_A2 >= 0 or len(region) == len(surface.free):
            break
    return region, modes


def _region(
    surface: AtomsSurface, point: np.ndarray, ways: np.ndarray, settings: BarrierSettings, radius_A: float
) -> np.ndarray:
    """Free atoms whose vibrations are taken: all of few, else those near to who hops; indices among the free, (k,)."""
    if len(surface.free) <= settings.few_atoms:
        return np.arange(len(surface.free))
    atoms = surface.at(point)
    near = np.zeros(len(atoms), bool)
    for k in np.flatnonzero(ways >= MOVES * ways.max()):
        near |= atoms.get_distances(surface.free[k], range(len(atoms)), mic=True) <= radius_A
    return np.flatnonzero(near[surface.free])


def _modes(surface: AtomsSurface, point: np.ndarray, region: np.ndarray, doing: str, progress: News) -> Modes:
    own = surface.of(surface.free[region], point)
    second = hessian(own, point[region], on_done=lambda done, of: progress(doing, done, of))
    return modes_of(second, own.masses_u, own.floats)


def _hop(
    double: AtomsSurface, band: Band, saddle: Saddle, settings: BarrierSettings, progress: News
) -> Hop:
    """With energies and vibrations of the ends in the saddle's precision."""
    ends = band.points[[0, -1]]
    energies, _ = double(ends)
    minima = None
    if saddle.n_imaginary == 1:
        first, last = (_modes(double, point, saddle.region, "ends: curvatures", progress) for point in ends)
        minima = first, last
    joined = None if saddle.slid is None else connects(saddle.slid, band.points[0], band.points[-1], double.floats)
    return Hop(band, (float(energies[0]), saddle.found.energy_eV, float(energies[1])), saddle, joined, minima)
