"""Hops that a crystal offers, from its structure alone: each path that symmetry does not make of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from ase.build import make_supercell
from ase.geometry import get_distances
from matscipy.neighbours import neighbour_list

from properties.barriers.surface import BarrierError
from properties.phonons.harmonic import integer_matrix
from properties.phonons.supercells import multiples_of, primitive_cell, supercell_matrix_for, symprec_of

SUPERCELL_LENGTH_A = 8.0
"""Of a defect from its own image: a start, to be checked with a longer one."""
REACH = 1.6
"""Times the nearest distance: hops further than that go over a site in between."""
GAP = 0.4
"""Of the nearest distance: after a gap this wide in the list of distances the next shell of neighbours begins."""
PASSES_A = 0.6
"""Between the straight line of a hop and another atom, at least."""
_ON_SITE = 0.1  # Å: rounding of files
Multiples = Sequence[int] | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Site:
    """A place in the cell.

    Attributes:
        scaled: fractions of the cell, (3,).
        kind: number of its orbit: sites of one kind are equal by symmetry.
    """

    scaled: np.ndarray
    kind: int


@dataclass(frozen=True)
class CrystalHop:
    """One path between neighbouring sites, ready for `barrier`.

    Attributes:
        name: "Li1 → Li1, 2.83 Å".
        mechanism: "vacancy" or "interstitial".
        species: that hops.
        distance_A: straight from site to site.
        per_site: so many equal paths leave a site of the first kind.
        symmetric: a symmetry of the crystal turns the path around: forward and reverse barrier are one.
        bottleneck_A: from the middle part of the straight line to the nearest other atom.
        initial, final: supercells with the hopping atom at either site, atom by atom, not at rest.
        hopper: index of the atom that hops.
    """

    name: str
    mechanism: str
    species: str
    distance_A: float
    per_site: int
    symmetric: bool
    bottleneck_A: float
    initial: Atoms
    final: Atoms
    hopper: int


@dataclass(frozen=True)
class SitePair:
    """An ordered pair of neighbouring sites that stands for all its equals.

    Attributes:
        first, second: indices of the sites.
        vector: from the first to the second's image, Å, (3,).
        per_site: equal pairs that begin at the first.
        symmetric: its reverse is among its equals.
    """

    first: int
    second: int
    vector: np.ndarray
    per_site: int
    symmetric: bool

    @property
    def distance_A(self) -> float:
        """Between the sites."""
        return float(np.linalg.norm(self.vector))


def vacancy_hops(
    atoms: Atoms,
    species: str,
    supercell_length_A: float = SUPERCELL_LENGTH_A,
    longest_A: float | None = None,
    supercell: Multiples | None = None,
    symprec_A: float | None = None,
) -> list[CrystalHop]:
    """Every symmetry-distinct hop of an atom into a vacancy among its neighbours of the same element, nearest first.

    In a potential that knows no charges the vacancy is neutral: it takes its atom's electrons with it.

    Args:
        atoms: a crystal at rest, periodic in three directions.
        species: the element that hops.
        supercell_length_A: shortest distance of the vacancy from its own image.
        longest_A: of a hop; None takes neighbours up to the first gap in their distances (`GAP`), at most `REACH` times
            the nearest. A hop whose straight line leads through an atom (`PASSES_A`) is none.
        supercell: explicit multiples of the cell as given, or a matrix of whole numbers, in place of the length.
        symprec_A: in which symmetry is looked for.

    Raises:
        BarrierError: no such element, no neighbour within `longest_A`.
    """
    if species not in atoms.get_chemical_symbols():
        raise BarrierError(
            f"hop: there is no {species} in {atoms.get_chemical_formula()}; an atom that is to hop between empty sites "
            "takes mechanism: interstitial"
        )
    given, atoms = atoms, primitive_cell(atoms, symprec_A)
    own = np.flatnonzero(np.array(atoms.get_chemical_symbols()) == species)
    operations = symmetry_operations(atoms, symprec_A)
    sites = kinds_of(atoms.get_scaled_positions()[own], operations, atoms.cell.array)
    pairs = distinct_pairs(sites, operations, atoms.cell.array, longest_A)
    whole = supercell_of(given, atoms, supercell_length_A, supercell, symprec_A)
    hops = [_vacancy_hop(whole, atoms, species, sites, pair) for pair in pairs]
    return [hop for hop in hops if hop.bottleneck_A >= PASSES_A]


def supercell_of(
    given: Atoms, primitive: Atoms, length_A: float, supercell: Multiples | None, symprec_A: float | None
) -> Atoms:
    """The crystal in which a defect is alone: multiples of the cell as given, or as small as the length allows."""
    if supercell is None:
        matrix = supercell_matrix_for(primitive, length_A, symprec_A)
    else:
        matrix = multiples_of(integer_matrix(supercell), given, primitive)
    return make_supercell(primitive, matrix, wrap=True)


def _vacancy_hop(whole: Atoms, atoms: Atoms, species: str, sites: Sequence[Site], pair: SitePair) -> CrystalHop:
    start = sites[pair.first].scaled @ atoms.cell.array
    hopper, empty = (_at(whole, place) for place in (start, start + pair.vector))
    final = whole.copy()
    # Where the vacancy was, seen from the atom that fills it: it may lie beyond the cell's edge
    final.positions[hopper] = whole.positions[hopper] + pair.vector
    initial = whole.copy()
    del initial[empty], final[empty]
    return crystal_hop("vacancy", species, sites, pair, initial, final, hopper - (empty < hopper))


def _at(whole: Atoms, place: np.ndarray) -> int:
    """Index of the atom at a place, whatever its image."""
    apart = get_distances(place[None], whole.positions, cell=whole.cell, pbc=True)[1][0]
    k = int(np.argmin(apart))
    assert apart[k] < _ON_SITE
    return k


def crystal_hop(
    mechanism: str, species: str, sites: Sequence[Site], pair: SitePair, initial: Atoms, final: Atoms, hopper: int
) -> CrystalHop:
    """The hop of an atom that stands at the pair's first site in the one supercell, and at its second in the other."""
    one, other = (sites[k].kind for k in (pair.first, pair.second))
    line = initial.positions[hopper] + np.linspace(0.3, 0.7, 9)[:, None] * pair.vector
    others = np.delete(initial.positions, hopper, axis=0)
    apart = get_distances(line, others, cell=initial.cell, pbc=True)[1]
    return CrystalHop(
        name=f"{species}{one + 1} → {species}{other + 1}, {pair.distance_A:.2f} Å",
        mechanism=mechanism,
        species=species,
        distance_A=pair.distance_A,
        per_site=pair.per_site,
        symmetric=pair.symmetric,
        bottleneck_A=float(apart.min()),
        initial=initial,
        final=final,
        hopper=hopper,
    )


@dataclass(frozen=True)
class Operations:
    """A crystal's symmetry: x → R x + t in fractions of the cell.

    Attributes:
        rotations: (k, 3, 3).
        translations: (k, 3).
    """

    rotations: np.ndarray
    translations: np.ndarray

    def images(self, scaled: np.ndarray) -> np.ndarray:
        """Of one place (3,): (k, 3)."""
        return np.asarray(self.rotations @ scaled + self.translations)


def symmetry_operations(atoms: Atoms, symprec_A: float | None = None) -> Operations:
    """By spglib, in the tolerance that phonons take too."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry(cell, symprec=symprec_of(atoms, symprec_A))
    if found is None:
        raise BarrierError(f"spglib finds no symmetry in {atoms.get_chemical_formula()}: take another symprec_A")
    return Operations(np.asarray(found["rotations"]), np.asarray(found["translations"]))


def kinds_of(scaled: np.ndarray, operations: Operations, cell: np.ndarray) -> list[Site]:
    """Places (n, 3), complete under the symmetry, with the numbers of their orbits."""
    kinds = np.full(len(scaled), -1)
    for k in range(len(scaled)):
        if kinds[k] < 0:
            kinds[[_index(scaled, image, cell) for image in operations.images(scaled[k])]] = kinds.max() + 1
    return [Site(place, int(kind)) for place, kind in zip(scaled, kinds, strict=True)]


def _index(scaled: np.ndarray, place: np.ndarray, cell: np.ndarray) -> int:
    """Which of the places it is, whatever its image."""
    off = scaled - place
    apart = np.linalg.norm((off - off.round()) @ cell, axis=1)
    return int(np.argmin(apart))


def distinct_pairs(
    sites: Sequence[Site], operations: Operations, cell: np.ndarray, longest_A: float | None = None
) -> list[SitePair]:
    """Pairs of neighbouring sites, one of each orbit under symmetry and reversal, nearest first.

    Raises:
        BarrierError: none within `longest_A`.
    """
    scaled = np.array([site.scaled for site in sites])
    first, second, shifts, apart = _neighbours(scaled, cell, longest_A)
    keys = {key: k for k, key in enumerate(zip(first, second, map(tuple, shifts), strict=True))}
    seen = np.zeros(len(first), bool)
    pairs = []
    for k in np.argsort(apart.round(4), kind="stable"):
        if seen[k]:
            continue
        ways = _orbit(keys, k, scaled, operations, cell, first, second, shifts)
        back = keys[second[k], first[k], tuple(-shifts[k])]
        seen[list(ways)] = True
        seen[list(_orbit(keys, back, scaled, operations, cell, first, second, shifts))] = True
        vector = (scaled[second[k]] + shifts[k] - scaled[first[k]]) @ cell
        per_site = sum(1 for way in ways if first[way] == first[k])
        pairs.append(SitePair(int(first[k]), int(second[k]), vector, per_site, back in ways))
    return pairs


def _neighbours(
    scaled: np.ndarray, cell: np.ndarray, longest_A: float | None
) -> tuple[list[int], list[int], np.ndarray, np.ndarray]:
    """Ordered pairs (i, j, S, d): from place i to place j + S; a pair is near where it is so for one of its sites."""
    own = float(np.linalg.norm(cell, axis=1).min()) * 1.001  # an image of one's own is never further
    if longest_A is None:
        i, _, _, d = _list(scaled, cell, own)
        nearest = np.array([d[i == k].min() for k in range(len(scaled))])
        i, j, s, d = _list(scaled, cell, REACH * nearest.max() * (1 + 1e-6))
        shells = np.array([_shell(np.sort(d[i == k])) for k in range(len(scaled))])
        kept = d <= np.maximum(shells[i], shells[j]) + 1e-4
    else:
        i, j, s, d = _list(scaled, cell, longest_A * (1 + 1e-6))
        kept = np.ones(len(d), bool)
    if not kept.any():
        raise BarrierError(f"longest_A: no two sites are within {longest_A:g} Å")
    return i[kept].tolist(), j[kept].tolist(), s[kept], d[kept]


def _shell(distances: np.ndarray) -> float:
    """The longest of ascending distances before the first gap, and within reach of the nearest."""
    near = distances[distances <= REACH * distances[0] * (1 + 1e-6)]
    gaps = np.flatnonzero(np.diff(near) > GAP * near[0])
    return float(near[gaps[0]] if len(gaps) else near[-1])


def _list(scaled: np.ndarray, cell: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    i, j, s, d = neighbour_list("ijSd", cell=cell, positions=scaled @ cell, pbc=np.ones(3, bool), cutoff=reach)
    return i, j, s, d


def _orbit(
    keys: dict[tuple[int, int, tuple[int, ...]], int],
    k: int,
    scaled: np.ndarray,
    operations: Operations,
    cell: np.ndarray,
    first: Sequence[int],
    second: Sequence[int],
    shifts: np.ndarray,
) -> set[int]:
    """Indices of all pairs that symmetry makes of one."""
    found = set()
    starts = operations.images(scaled[first[k]])
    ends = operations.images(scaled[second[k]] + shifts[k])
    for start, end in zip(starts, ends, strict=True):
        i, j = _index(scaled, start, cell), _index(scaled, end, cell)
        shift = (end - scaled[j]).round() - (start - scaled[i]).round()
        if (key := (i, j, tuple(shift.astype(int).tolist()))) in keys:
            found.add(keys[key])
    return found
