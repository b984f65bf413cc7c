"""A vector of a crystal that does not depend on how the crystal is written down.

Lengths are measured in a = (estimated volume per atom)^(1/3), which depends on the composition alone. The
neighbours of each atom, periodic images included, give two kinds of numbers, averaged over atoms so that
primitive cell, conventional cell and supercell agree:

- radial: R_kab = ⟨u_a(i) Σ_j u_b(j) g_k(r_ij)⟩ with 8 Gaussian windows g_k and 4 weights u of a species: 1,
  two from a hash of the atomic number, one from its row in the periodic table. Pair distribution functions
  of all pairs of species, compressed as in Artrith, Urban and Ceder, PRB 96, 014112 (2017): no list of
  elements is needed.
- angular: q_lb = ⟨|Σ_j u_b(j) s(r_ij) Y_l(r_ij)|⟩ / Σ s, l = 1 ... 6, in two smooth windows s: bond order of
  Steinhardt, Nelson and Ronchetti, PRB 28, 784 (1983), with smooth weights, from Legendre polynomials of
  the angles between neighbours. They tell fcc from hcp and diamond from lonsdaleite, whose distances hardly
  differ.

With the logarithm of the volume that makes 117 numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from ase import Atoms

from searchers.lattice import shortest_basis
from searchers.volume import estimate_volume

_CUTOFF = 2.4  # in a; about 58 neighbours
_CENTRES = np.linspace(0.6, 2.3, 8)
_WIDTH = 0.17  # in a; narrower windows would see a 0.03 Å rattle as another structure
_SHELLS = (1.6, 2.0)  # ranges of the angular windows, in a: the first shell, and the second
_MAX_L = 6
_ANGULAR_WEIGHTS = 3  # 1 and the two hashed ones
_ANGULAR_SCALE = 2.0  # brings polymorphs of equal distances as far apart as others
_FLOOR = 0.03  # squared norm below which a norm counts little: symmetry makes many zero, any rattle not
_EMPTY = 1e-4  # keeps an atom without neighbours from dividing by zero
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_ROW_ENDS = np.array([2, 10, 18, 36, 54, 86, 118])
_UPPER = np.triu_indices(4)

FINGERPRINT_SIZE = len(_UPPER[0]) * len(_CENTRES) + len(_SHELLS) * _ANGULAR_WEIGHTS * _MAX_L + 1


@dataclass(frozen=True)
class _Neighbours:
    """Neighbours of each atom within the cutoff, padded with zero strength.

    Attributes:
        distances: in a, shape (n, m).
        directions: unit vectors, shape (n, m, 3).
        weights: species weights of the neighbour, zero where there is none, shape (n, m, 4).
    """

    distances: np.ndarray
    directions: np.ndarray
    weights: np.ndarray


def fingerprint(atoms: Atoms) -> np.ndarray:
    """Fingerprint of a crystal, shape (117,), float32.

    Invariant to rotation, reflection, translation, order of the atoms and choice of the cell; smooth in the
    coordinates. Distances between fingerprints mean something within one reduced composition. 1 ms for 8
    atoms.

    Raises:
        ValueError: no atoms, or a cell without volume.
    """
    if not len(atoms) or not abs(atoms.cell.volume) > 1e-6:
        raise ValueError("a fingerprint needs atoms in a cell that has a volume")
    volume_A3 = estimate_volume(Counter(atoms.get_chemical_symbols()))
    length_A = (volume_A3 / len(atoms)) ** (1 / 3)
    own = _species_weights(atoms.numbers)
    near = _neighbours(atoms, own, length_A)
    scale = np.log(atoms.cell.volume / volume_A3)
    return np.concatenate([_radial(own, near), _angular(near), [scale]]).astype(np.float32)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of two fingerprints; 0 for the same crystal, see `searchers.duplicates`."""
    return float(np.linalg.norm(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)))


def _species_weights(numbers: np.ndarray) -> np.ndarray:
    """Weights of each atom's species, shape (n, 4).

    The golden angle sets elements apart that are up to 54 numbers apart; the row those that are more.
    """
    angle = numbers * _GOLDEN_ANGLE
    row = np.searchsorted(_ROW_ENDS, numbers)
    return np.stack([np.ones(len(numbers)), np.cos(angle), np.sin(angle), (row - 3) / 3], axis=1)


def _neighbours(atoms: Atoms, own: np.ndarray, length_A: float) -> _Neighbours:
    cell = shortest_basis(np.asarray(atoms.cell.array, dtype=float)) / length_A
    inverse = np.linalg.inv(cell)
    fractional = atoms.positions / length_A @ inverse
    delta = fractional[None] - fractional[:, None]
    delta -= np.rint(delta)
    # Wrapped vectors reach half a cell beyond the origin's.
    reach = np.ceil(_CUTOFF * np.linalg.norm(inverse, axis=0) + 0.5).astype(int)
    shifts = _shifts(tuple(reach.tolist()))
    n = len(atoms)
    vectors = ((delta @ cell)[:, :, None] + (shifts @ cell)[None, None]).reshape(n, -1, 3)
    squares = np.einsum("npx,npx->np", vectors, vectors)
    centre, pair = np.nonzero((squares < _CUTOFF**2) & (squares > 1e-12))
    counts = np.bincount(centre, minlength=n)
    slot = np.arange(len(centre)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (n, int(counts.max(initial=1)))
    distances, directions, weights = np.full(shape, _CUTOFF), np.zeros((*shape, 3)), np.zeros((*shape, 4))
    r = np.sqrt(squares[centre, pair])
    distances[centre, slot] = r
    directions[centre, slot] = vectors[centre, pair] / r[:, None]
    weights[centre, slot] = own[pair // len(shifts)]
    return _Neighbours(distances, directions, weights)


@lru_cache(256)
def _shifts(reach: tuple[int, ...]) -> np.ndarray:
    """Cells up to `reach` away in each direction, shape (cells, 3)."""
    return np.array(list(product(*(range(-k, k + 1) for k in reach))), dtype=float)


def _radial(own: np.ndarray, near: _Neighbours) -> np.ndarray:
    """Pair distribution per pair of species weights, about 1 where atoms are spread evenly, shape (80,)."""
    r = near.distances[..., None]
    windows = np.exp(-(((r - _CENTRES) / _WIDTH) ** 2) / 2) * _smooth(r, _CUTOFF)
    even = 4 * np.pi * _CENTRES**2 * _WIDTH * np.sqrt(2 * np.pi)
    sums = np.einsum("nmk,nmb->nkb", windows / even, near.weights)
    table = np.einsum("na,nkb->abk", own, sums) / len(own)
    return (table + table.transpose(1, 0, 2))[_UPPER].ravel() / 2


def _angular(near: _Neighbours) -> np.ndarray:
    """Bond-order norms per window, species weight and l, shape (36,)."""
    inner = near.distances < max(_SHELLS)
    keep = max(1, int(inner.sum(1).max()))
    order = np.argsort(near.distances, axis=1)[:, :keep]
    rows = np.arange(len(order))[:, None]
    r, directions = near.distances[rows, order], near.directions[rows, order]
    weights = near.weights[rows, order, :_ANGULAR_WEIGHTS]
    windows = np.stack([_smooth(r, shell) for shell in _SHELLS], axis=-1)
    totals = (windows * weights[..., :1]).sum(1)[:, :, None] + _EMPTY
    flat = np.einsum("nms,nmb->nmsb", windows, weights).reshape(*r.shape, -1)
    norms = []
    for polynomial in _legendre(directions @ directions.transpose(0, 2, 1)):
        power = ((polynomial @ flat) * flat).sum(1).reshape(len(r), len(_SHELLS), _ANGULAR_WEIGHTS)
        norms.append((np.sqrt(np.maximum(power, 0) / totals**2 + _FLOOR) - np.sqrt(_FLOOR)).mean(0))
    return _ANGULAR_SCALE * np.array(norms).ravel()


def _legendre(x: np.ndarray) -> list[np.ndarray]:
    """P_1(x) ... P_6(x) by Bonnet's recursion."""
    values = [np.ones_like(x), x]
    for n in range(1, _MAX_L):
        values.append(((2 * n + 1) * x * values[n] - n * values[n - 1]) / (n + 1))
    return values[1:]


def _smooth(r: np.ndarray, cutoff: float) -> np.ndarray:
    """1 at r = 0, 0 from the cutoff on, with continuous first and second derivative."""
    return np.asarray(np.clip(1 - (r / cutoff) ** 2, 0, None) ** 3)
