"""Empty sites of a crystal, where an added atom rests, and hops between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atom, Atoms
from ase.geometry import get_distances
from scipy.spatial import Voronoi

from potentials.potential import Potential
from properties.barriers.descent import descend
from properties.barriers.hops import (
    SUPERCELL_LENGTH_A,
    CrystalHop,
    Multiples,
    Operations,
    Site,
    SitePair,
    crystal_hop,
    distinct_pairs,
    kinds_of,
    supercell_of,
    symmetry_operations,
)
from properties.barriers.surface import AtomsSurface, BarrierError, News, surface_of, unheard
from properties.phonons.supercells import primitive_cell, spacing_A

ROOM_A = 1.0
"""From an empty site to the nearest atom, at least: hydrogen sits 1.7 Å from palladium, lithium 2 Å from oxygen."""
TOGETHER_A = 0.4
"""Empty sites nearer than this are one."""
STIRRED_A = 0.05
"""Random step of the added atom off a site's symmetry, which would hold it on a maximum."""
SAME_ENERGY_EV = 0.005


@dataclass(frozen=True)
class EmptySite:
    """Where an added atom rests.

    Attributes:
        scaled: fractions of the primitive cell, (3,).
        energy_eV: above that of the lowest site.
        room_A: to the nearest atom of the unrelaxed crystal.
        multiplicity: equal sites in the primitive cell.
    """

    scaled: np.ndarray
    energy_eV: float
    room_A: float
    multiplicity: int


def empty_sites(atoms: Atoms, operations: Operations, room_A: float = ROOM_A) -> list[np.ndarray]:
    """One place of each orbit of voids, fractions of the cell, (3,) each, widest first.

    A void is a corner of the atoms' Voronoi cells: as far from four atoms or more, and nearer to none. Corners nearer
    to one another than `TOGETHER_A` are merged into the widest of them.
    """
    cell = atoms.cell.array
    corners = Voronoi(_images(atoms)).vertices @ np.linalg.inv(cell)
    inside = corners[((corners > -1e-6) & (corners < 1 - 1e-6)).all(1)] % 1.0
    if not len(inside):
        return []
    room = get_distances(inside @ cell, atoms.positions, cell=cell, pbc=True)[1].min(1)
    left = [k for k in np.argsort(-room.round(4), kind="stable") if room[k] >= room_A]
    kept: list[np.ndarray] = []
    taken = np.zeros((0, 3))
    for k in left:
        if len(taken) and _apart(inside[k], taken, cell).min() < TOGETHER_A:
            continue
        kept.append(inside[k])
        taken = np.concatenate([taken, operations.images(inside[k]) % 1.0])
    return kept


def _images(atoms: Atoms) -> np.ndarray:
    """The crystal around the cell, wide enough for the Voronoi cells of what is inside to be whole."""
    reach = 3 * spacing_A(atoms)
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    n = [int(np.ceil(reach / h)) + 1 for h in heights]
    grid = np.array(np.meshgrid(*(np.arange(-k, k + 1) for k in n), indexing="ij")).reshape(3, -1).T
    return np.asarray((atoms.positions[None] + (grid @ atoms.cell.array)[:, None]).reshape(-1, 3))


def _apart(scaled: np.ndarray, others: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return np.asarray(get_distances(scaled[None] @ cell, others @ cell, cell=cell, pbc=True)[1][0])


def interstitial_hops(
    potential: Potential,
    atoms: Atoms,
    species: str,
    supercell_length_A: float = SUPERCELL_LENGTH_A,
    longest_A: float | None = None,
    supercell: Multiples | None = None,
    symprec_A: float | None = None,
    fmax_eV_A: float = 0.02,
    progress: News = unheard,
) -> tuple[list[EmptySite], list[CrystalHop]]:
    """Sites at which an added atom rests, and every symmetry-distinct hop between neighbouring ones, nearest first.

    Voids of the crystal are relaxed with the atom in them, the cell of the supercell held, and those that lead to one
    place are merged; sites that are no minima of the potential vanish so.

    Args:
        potential: says which voids hold the atom.
        atoms: a crystal at rest, periodic in three directions, without the atom.
        species: the element that is added.
        supercell_length_A: as of `vacancy_hops`, as are the next three.
        longest_A: of a hop.
        supercell: explicit multiples.
        symprec_A: of symmetry.
        fmax_eV_A: sites are at rest to this.
        progress: told what is being done.

    Raises:
        BarrierError: the crystal has no void, the atom rests in none.
    """
    given, atoms = atoms, primitive_cell(atoms, symprec_A)
    operations = symmetry_operations(atoms, symprec_A)
    voids = empty_sites(atoms, operations)
    if not voids:
        raise BarrierError(f"{atoms.get_chemical_formula()} has no void wider than {ROOM_A:g} Å for {species}")
    whole = supercell_of(given, atoms, supercell_length_A, supercell, symprec_A)
    rested = _rested(potential, whole, atoms, species, voids, fmax_eV_A, progress)
    sites = _merged(rested, atoms, operations)
    places = [(image, k) for k, site in enumerate(sites) for image in _star(site.scaled, operations, atoms)]
    known = kinds_of(np.array([place for place, _ in places]), operations, atoms.cell.array)
    pairs = distinct_pairs(known, operations, atoms.cell.array, longest_A)
    return sites, [_between(whole, atoms, species, known, pair) for pair in pairs]


def _rested(
    potential: Potential,
    whole: Atoms,
    atoms: Atoms,
    species: str,
    voids: Sequence[np.ndarray],
    fmax_eV_A: float,
    progress: News,
) -> list[tuple[np.ndarray, float]]:
    """Fractions of the primitive cell and energy of the atom that was put into each void and came to rest."""
    rng = np.random.default_rng(0)
    filled = [_with(whole, species, void @ atoms.cell.array) for void in voids]
    surface: AtomsSurface = surface_of(potential, filled[0])
    starts = np.stack([one.positions[surface.free] for one in filled])
    starts[:, -1] += STIRRED_A * rng.normal(size=(len(starts), 3))
    ended = descend(
        surface, starts, fmax_eV_A, on_step=lambda done, of: progress(f"{species}: sites", done, of)
    )  # fmt: skip
    rested = []
    for k in np.flatnonzero(ended.converged):
        # Less the shift of the crystal as a whole; the framework about the atom has moved, sites are the unmoved one's
        drift = (ended.points[k, :-1] - whole.positions).mean(0)
        place = np.linalg.solve(atoms.cell.array.T, ended.points[k, -1] - drift)
        rested.append((place % 1.0, float(ended.energies_eV[k])))
    if not rested:
        raise BarrierError(f"{species} comes to rest in no void of {atoms.get_chemical_formula()}")
    return rested


def _with(whole: Atoms, species: str, place: np.ndarray) -> Atoms:
    filled = whole.copy()
    filled.append(Atom(species, place))
    return filled


def _merged(
    rested: Sequence[tuple[np.ndarray, float]], atoms: Atoms, operations: Operations
) -> list[EmptySite]:
    """One of each orbit of resting places, lowest first; those very near to a symmetric place are put onto it."""
    cell = atoms.cell.array
    lowest = min(energy for _, energy in rested)
    sites: list[EmptySite] = []
    for place, energy in sorted(rested, key=lambda one: one[1]):
        settled = _onto_symmetry(place, operations, cell)
        stars = [_star(site.scaled, operations, atoms) for site in sites]
        known = any(
            _apart(settled, star, cell).min() < TOGETHER_A and abs(energy - lowest - site.energy_eV) < SAME_ENERGY_EV
            for star, site in zip(stars, sites, strict=True)
        )
        if not known:
            room = float(_apart(settled, atoms.get_scaled_positions(), cell).min())
            sites.append(EmptySite(settled, energy - lowest, room, len(_star(settled, operations, atoms))))
    return sites


def _onto_symmetry(place: np.ndarray, operations: Operations, cell: np.ndarray) -> np.ndarray:
    """The mean of the place's images near itself: what relaxation leaves of its symmetry is rounding."""
    off = operations.images(place) - place
    off = off - off.round()
    near = np.linalg.norm(off @ cell, axis=1) < TOGETHER_A / 2
    return np.asarray((place + off[near].mean(0)) % 1.0)


def _star(place: np.ndarray, operations: Operations, atoms: Atoms) -> np.ndarray:
    """All places in the cell that are equal by symmetry, (m, 3)."""
    found: list[np.ndarray] = []
    for image in operations.images(place) % 1.0:
        if not found or _apart(image, np.array(found), atoms.cell.array).min() > 1e-2:
            found.append(image)
    return np.array(found)


def _between(whole: Atoms, atoms: Atoms, species: str, sites: Sequence[Site], pair: SitePair) -> CrystalHop:
    start = sites[pair.first].scaled @ atoms.cell.array
    initial, final = (_with(whole, species, place) for place in (start, start + pair.vector))
    return crystal_hop("interstitial", species, sites, pair, initial, final, len(whole))
