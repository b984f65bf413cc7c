"""From two structures to the path of least energy between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from ase import Atoms

from potentials.potential import Potential
from properties.barriers.band import Band, relax_band
from properties.barriers.descent import descend
from properties.barriers.ends import SAME_PLACE_A, matched
from properties.barriers.idpp import idpp_path
from properties.barriers.saddle import SAME_VALLEY_A, same_place
from properties.barriers.settings import BarrierSettings
from properties.barriers.surface import AtomsSurface, BarrierError, News, surface_of, unheard, without_shift

DIP_EV = 0.01
"""An image lower than both neighbours by this may lie in a valley of its own."""


@dataclass(frozen=True)
class Path:
    """A path of least energy, of one hop or of several.

    Attributes:
        surface: what it lies on.
        bands: one for each hop, each beginning where the last has ended.
    """

    surface: AtomsSurface
    bands: Sequence[Band]

    @property
    def points(self) -> np.ndarray:
        """Of all images, (m, n, 3), Å: those of the atoms that move."""
        return _joined([band.points for band in self.bands])

    @property
    def energies_eV(self) -> np.ndarray:
        """Of all images, (m,)."""
        return _joined([band.energies_eV for band in self.bands])

    @property
    def slopes_eV_A(self) -> np.ndarray:
        """dE/ds along the path, (m,)."""
        return _joined([band.slopes_eV_A for band in self.bands])

    @property
    def distances_A(self) -> np.ndarray:
        """Along the path, over all coordinates, (m,)."""
        starts = np.cumsum([0.0] + [band.distances_A[-1] for band in self.bands])
        return _joined([start + band.distances_A for start, band in zip(starts, self.bands, strict=False)])

    @property
    def images(self) -> list[Atoms]:
        """All structures along it, unwrapped."""
        return [self.surface.at(point) for point in self.points]

    @property
    def barrier_eV(self) -> float:
        """Highest image above the first one."""
        return float(self.energies_eV.max() - self.energies_eV[0])

    @property
    def converged(self) -> bool:
        """Every band came to rest, and none sags into a minimum that nobody could split it at."""
        return all(settled(band) for band in self.bands)

    @property
    def steps(self) -> int:
        """Of the optimiser, over all bands."""
        return sum(band.steps for band in self.bands)


def settled(band: Band) -> bool:
    """At rest, with no minimum in between."""
    return band.converged and not _dips(band)


def _dips(band: Band) -> list[int]:
    """Images well below both their neighbours."""
    E = band.energies_eV
    return [k for k in range(1, len(E) - 1) if min(E[k - 1], E[k + 1]) - E[k] > DIP_EV]


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def neb(
    potential: Potential,
    initial: Atoms,
    final: Atoms,
    settings: BarrierSettings | None = None,
    progress: News = unheard,
) -> Path:
    """The path of least energy between two structures, by the climbing-image nudged elastic band.

    The ends are matched atom by atom and brought to rest in their cell (atoms that `FixAtoms` holds stay); the first
    guess is the image dependent pair potential's; where the band sags into a valley in between, it is split there.

    initial, final: the same atoms in one cell, in any order; not changed.

    Raises:
        BarrierError: ends that are not two states of the same atoms, that do not come to rest, or that come to rest
            in one place; settings that cannot be.
        EvaluationError: the potential gave no number.
    """
    settings = settings or BarrierSettings()
    surface, start, end = ends_at_rest(potential, initial, final, settings, progress)
    return Path(surface, bands_between(surface, start, end, settings, progress, settings.most_segments))


def ends_at_rest(
    potential: Potential, initial: Atoms, final: Atoms, settings: BarrierSettings, progress: News = unheard
) -> tuple[AtomsSurface, np.ndarray, np.ndarray]:
    """The surface and the two ends on it, at rest, (n, 3) each; as of `neb`."""
    surface = surface_of(potential, initial)
    ends = matched(initial, final, settings.match, surface.floats)
    held = np.setdiff1d(np.arange(len(initial)), surface.free)
    if len(held) and np.linalg.norm(ends.steps_A[held], axis=1).max() > SAME_PLACE_A:
        raise BarrierError("final: atoms that are held in the initial structure are elsewhere")
    given = np.stack([ends.initial.positions[surface.free], ends.final.positions[surface.free]])
    rest = descend(
        surface, given, settings.end_fmax_eV_A, settings.max_steps,
        on_step=lambda done, of: progress("ends: relaxing", done, of),
    )  # fmt: skip
    if not rest.converged.all():
        which = "initial" if not rest.converged[0] else "final"
        raise BarrierError(
            f"{which}: does not come to rest to {settings.end_fmax_eV_A:g} eV/Å within {settings.max_steps} steps"
        )
    start, end = rest.points
    end = start + without_shift(end - start, surface.floats)
    if same_place(start, end, surface.floats):
        raise BarrierError(
            f"final: relaxes into the initial structure (no atom is {SAME_VALLEY_A:g} Å from its place then): there is "
            "no barrier between them"
        )
    return surface, start, end


def bands_between(
    surface: AtomsSurface,
    start: np.ndarray,
    end: np.ndarray,
    settings: BarrierSettings,
    progress: News = unheard,
    most: int = 1,
    guess: np.ndarray | None = None,
) -> list[Band]:
    """Bands from one minimum to another, (n, 3) each, over those in between.

    guess: points to begin with, the ends among them; None takes the image dependent pair potential's.

    Raises:
        BarrierError: there are more valleys in between than `most` hops cross.
    """
    atoms = surface.atoms
    if guess is None:
        guess = idpp_path(atoms.positions, atoms.cell.array, surface.free, start, end, settings.images)
    loose = replace(
        settings.band, climb=False, band_fmax_eV_A=max(settings.band.climb_below_eV_A, settings.band.band_fmax_eV_A)
    )

    def tell(step: int, left: float) -> None:
        progress("band", step, settings.band.max_steps)

    band = relax_band(surface, guess, loose, tell)
    stops = _valleys(surface, band, start, end, settings)
    if stops:
        if len(stops) >= most:
            raise BarrierError(
                f"the path crosses {len(stops)} minima in between, more than {settings.most_segments} hops: give ends "
                "that are nearer to each other, or a larger most_segments"
            )
        chain = [start, *stops, end]
        share = most - len(stops)
        return [
            one
            for a, b in pairwise(chain)
            for one in bands_between(surface, a, b, settings, progress, share)
        ]
    return [relax_band(surface, band.points, settings.band, tell)]


def _valleys(
    surface: AtomsSurface, band: Band, start: np.ndarray, end: np.ndarray, settings: BarrierSettings
) -> list[np.ndarray]:
    """Minima that the band sags into between its ends, in order."""
    dips = _dips(band)
    if not dips:
        return []
    rest = descend(surface, band.points[dips], settings.end_fmax_eV_A, settings.max_steps)
    found = [start]
    for point, converged in zip(rest.points, rest.converged, strict=True):
        settled = start + without_shift(point - start, surface.floats)
        if converged and not any(same_place(settled, other, surface.floats) for other in (*found, end)):
            found.append(settled)
    return found[1:]
