"""Two- and three-body features of a crystal, with their derivatives by positions and strain.

The energy is taken to be linear in them,

    E = Σ_i e(Z_i) + ½ Σ_ij Σ_n w(Z_i Z_j n) R_n(r_ij) + Σ_i Σ_l Σ_a≤b w(Z_i l a b) Σ_m A_ialm A_iblm,
    A_ialm = Σ_j R_a(r_ij) M_lm(r_ij / r_ij),

where a names a neighbour's species and a radial function, and M_lm are the monomials x^p y^q z^s of degree
l = p + q + s times √(l! / p! q! s!), so that Σ_m M_lm(u) M_lm(v) = (u·v)^l. It is the body-ordered expansion of
Shapeev, Multiscale Model. Simul. 14, 1153 (2016), and Drautz, Phys. Rev. B 99, 014104 (2019), cut after the third body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial, sqrt

import numpy as np
from ase.data import covalent_radii
from matscipy.neighbours import neighbour_list

from potentials.neighbours import MAX_NEIGHBOURS_PER_ATOM, NeighbourOverflowError, Structure

PAIR_CUTOFF_A = 6.5
TRIPLET_CUTOFF_A = 4.5
"""For atoms of up to `USUAL_RADIUS_A`; larger ones see as much further."""
USUAL_RADIUS_A = 1.6
PAIR_FUNCTIONS = 14
TRIPLET_FUNCTIONS = (5, 4, 3, 2, 1)
"""Radial functions a species; as many as keep the features below `MOST_FEATURES`."""
DEGREE = 3
MOST_FEATURES = 750
"""A regression of so many takes 20 ms on one core, each structure that it learns from 10 ms."""
VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


@dataclass(frozen=True)
class _Radial:
    """Gaussians on a grid of distances, switched off by a cosine."""

    centres: np.ndarray
    width: float
    cutoff: float

    def __call__(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and derivatives, (pairs, functions) each."""
        x = (r[:, None] - self.centres) / self.width
        bell = np.exp(-0.5 * x * x)
        angle = np.pi * r[:, None] / self.cutoff
        switch, slope = 0.5 * (1 + np.cos(angle)), -0.5 * np.pi / self.cutoff * np.sin(angle)
        return bell * switch, bell * (slope - x / self.width * switch)


@dataclass(frozen=True)
class _Surroundings:
    """What features are made of, for one structure: pairs both ways, and the sums over neighbours."""

    species: np.ndarray
    far: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    radial: tuple[np.ndarray, np.ndarray]
    near: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    near_radial: tuple[np.ndarray, np.ndarray]
    angular: tuple[np.ndarray, np.ndarray]
    sums: np.ndarray


class Basis:
    """Features of crystals of these elements.

    Attributes:
        numbers: atomic numbers, sorted.
        size: number of features.
        blocks: slices of the features: one-body, two-body, three-body.

    numbers: of all elements that may occur.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = sorted({int(z) for z in numbers})
        kinds = len(self.numbers)
        self._species = np.full(max(self.numbers) + 1, -1)
        self._species[self.numbers] = np.arange(kinds)
        self._pair = np.zeros((kinds, kinds), int)
        upper = np.triu_indices(kinds)
        self._pair[upper] = self._pair.T[upper] = np.arange(len(upper[0]))
        self._powers = [
            (p, q, k - p - q) for k in range(DEGREE + 1) for p in range(k, -1, -1) for q in range(k - p, -1, -1)
        ]
        self._degrees = np.array([sum(power) for power in self._powers])
        two = len(upper[0]) * PAIR_FUNCTIONS
        self._functions = next(
            (n for n in TRIPLET_FUNCTIONS if kinds + two + kinds * _triplets(kinds * n) <= MOST_FEATURES), 0
        )
        self._channels = kinds * self._functions
        self._upper = np.triu_indices(self._channels)
        three = kinds * _triplets(self._channels)
        self.size = kinds + two + three
        self.blocks = (slice(0, kinds), slice(kinds, kinds + two), slice(kinds + two, self.size))
        wider = max(1.0, max(covalent_radii[self.numbers]) / USUAL_RADIUS_A)
        self._far = _radial(0.8, PAIR_CUTOFF_A * wider, PAIR_FUNCTIONS)
        self._near = _radial(1.0, TRIPLET_CUTOFF_A * wider, self._functions)

    def design(self, structure: Structure) -> np.ndarray:
        """Rows of the linear model: energy, forces, strain derivatives (Voigt, eV): (1 + 3n + 6, size).

        Raises:
            NeighbourOverflowError: a collapsed cell.
        """
        around = self._surroundings(structure)
        s, n = around.species, len(around.species)
        energy, by_position, by_strain = np.zeros(self.size), np.zeros((n, 3, self.size)), np.zeros((3, 3, self.size))
        np.add.at(energy, s, 1.0)
        i, j, d, r = around.far
        radial, slope = around.radial
        gradient = 0.5 * slope[:, None, :] * (d / r[:, None])[:, :, None]
        kind = self._pair[s[i], s[j]]
        for k in np.unique(kind):
            here = kind == k
            columns = slice(start := self.blocks[1].start + k * PAIR_FUNCTIONS, start + PAIR_FUNCTIONS)
            energy[columns] += 0.5 * radial[here].sum(axis=0)
            _gather(by_position, by_strain, columns, (i[here], j[here], d[here]), gradient[here])
        if self._functions:
            self._add_triplets(around, energy, by_position, by_strain)
        strain = 0.5 * (by_strain + by_strain.transpose(1, 0, 2))[VOIGT]
        return np.concatenate([energy[None], -by_position.reshape(3 * n, self.size), strain])

    def _add_triplets(
        self, around: _Surroundings, energy: np.ndarray, by_position: np.ndarray, by_strain: np.ndarray
    ) -> None:
        s = around.species
        i, j, d, _ = around.near
        a, b = self._upper
        sums = around.sums.reshape(len(s), self._channels, -1)
        slopes = self._slopes(around)
        for z in range(len(self.numbers)):
            for degree in range(DEGREE + 1):
                of = self._degrees == degree
                columns = slice(start := self._triplet_column(z, degree), start + len(a))
                mine = sums[s == z][:, :, of]
                energy[columns] = np.einsum("iam,ibm->ab", mine, mine)[a, b]
                for t in range(len(self.numbers)):
                    here = (s[i] == z) & (s[j] == t)
                    own = slice(t * self._functions, (t + 1) * self._functions)
                    product = slopes[here][:, :, :, of] @ sums[i[here]][:, None, :, of].transpose(0, 1, 3, 2)
                    both = np.zeros((here.sum(), 3, self._channels, self._channels))
                    both[:, :, own] = product
                    gradient = both[:, :, a, b] + both[:, :, b, a]
                    _gather(by_position, by_strain, columns, (i[here], j[here], d[here]), gradient)

    def _triplet_column(self, z: int, degree: int) -> int:
        return self.blocks[2].start + (z * (DEGREE + 1) + degree) * len(self._upper[0])

    def _slopes(self, around: _Surroundings) -> np.ndarray:
        """Derivative of what a neighbour adds to a sum by its vector, (pairs, 3, functions, monomials)."""
        _, _, d, r = around.near
        (value, slope), (angular, turn) = around.near_radial, around.angular
        along = (d / r[:, None])[:, :, None, None] * (slope[:, :, None] * angular[:, None, :])[:, None]
        return along + value[:, None, :, None] * turn[:, :, None, :]

    def energy(self, structure: Structure, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Energy (eV), forces (n, 3) and strain derivatives (3, 3), eV, of the linear model with these weights.

        Raises:
            NeighbourOverflowError: a collapsed cell.
        """
        around = self._surroundings(structure)
        s, n = around.species, len(around.species)
        i, j, d, r = around.far
        pair = weights[self.blocks[1]].reshape(-1, PAIR_FUNCTIONS)[self._pair[s[i], s[j]]]
        energy = float(weights[s].sum() + 0.5 * (pair * around.radial[0]).sum())
        pull = 0.5 * ((pair * around.radial[1]).sum(axis=1) / r)[:, None] * d
        forces, strain = _pulled(n, i, j, pull), d.T @ pull
        if self._functions:
            more, pull = self._triplet_energy(around, weights[self.blocks[2]])
            i, j, d, _ = around.near
            energy, forces, strain = energy + more, forces + _pulled(n, i, j, pull), strain + d.T @ pull
        return energy, forces, 0.5 * (strain + strain.T)

    def _triplet_energy(self, around: _Surroundings, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The third body's energy, and its derivative by each pair's vector."""
        s, kinds = around.species, len(self.numbers)
        i, j, d, r = around.near
        (value, slope), (angular, turn) = around.near_radial, around.angular
        matrix = np.zeros((kinds, DEGREE + 1, self._channels, self._channels))
        matrix[:, :, self._upper[0], self._upper[1]] = weights.reshape(kinds, DEGREE + 1, -1)
        matrix = 0.5 * (matrix + matrix.transpose(0, 1, 3, 2))
        sums = around.sums.reshape(len(s), self._channels, -1)
        answer = (matrix[s][:, self._degrees] @ sums.transpose(0, 2, 1)[..., None])[..., 0].transpose(0, 2, 1)
        back = 2 * answer.reshape(around.sums.shape)[i, s[j]]
        radial = (np.einsum("pnm,pm->pn", back, angular, optimize=False) * slope).sum(axis=1)
        turning = np.einsum("pnm,pn->pm", back, value, optimize=False)
        pull = (radial / r)[:, None] * d + (turn @ turning[:, :, None])[:, :, 0]
        return float((answer * sums).sum()), pull

    def _surroundings(self, structure: Structure) -> _Surroundings:
        species = self._species[structure.numbers]
        i, j, d, r = self._neighbours(structure)
        near = r < self._near.cutoff
        i3, j3, d3, r3 = i[near], j[near], d[near], r[near]
        value, slope = self._near(r3)
        angular, turn = self._angular(d3 / r3[:, None], r3)
        sums = np.zeros((len(species) * len(self.numbers), self._functions * len(self._powers)))
        if self._functions:
            where = i3 * len(self.numbers) + species[j3]
            np.add.at(sums, where, (value[:, :, None] * angular[:, None, :]).reshape(len(r3), sums.shape[1]))
        split = sums.reshape(len(species), len(self.numbers), self._functions, len(self._powers))
        return _Surroundings(
            species, (i, j, d, r), self._far(r), (i3, j3, d3, r3), (value, slope), (angular, turn), split
        )

    def _neighbours(self, structure: Structure) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        n, cutoff = len(structure.numbers), self._far.cutoff
        expected = 4 / 3 * np.pi * cutoff**3 * n / max(structure.volume_A3, 1e-9)
        if expected > MAX_NEIGHBOURS_PER_ATOM:
            raise NeighbourOverflowError(f"collapsed: some {expected:.0f} neighbours an atom within {cutoff:.1f} Å")
        i, j, d, r = neighbour_list(
            "ijDd", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool), cutoff=cutoff
        )
        apart = r > 1e-6
        return i[apart], j[apart], d[apart], r[apart]

    def _angular(self, u: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Monomials of unit vectors, (pairs, monomials), and their derivative by the vector, (pairs, 3, monomials)."""
        power = np.ones((DEGREE + 1, *u.shape))
        for k in range(1, DEGREE + 1):
            power[k] = power[k - 1] * u
        values = np.empty((len(r), len(self._powers)))
        slopes = np.zeros((len(r), 3, len(self._powers)))
        for m, exponents in enumerate(self._powers):
            norm = sqrt(factorial(sum(exponents)) / np.prod([factorial(e) for e in exponents]))
            factors = [power[e][:, c] for c, e in enumerate(exponents)]
            values[:, m] = norm * factors[0] * factors[1] * factors[2]
            for c, e in enumerate(exponents):
                if e:
                    others = [f for k, f in enumerate(factors) if k != c]
                    slopes[:, c, m] = norm * e * power[e - 1][:, c] * others[0] * others[1]
        radial = (u[:, None, :] @ slopes)[:, 0]  # turning leaves the length
        return values, (slopes - u[:, :, None] * radial[:, None, :]) / r[:, None, None]


def _radial(first: float, cutoff: float, functions: int) -> _Radial:
    """Evenly spaced from `first` to just within the cut-off."""
    centres = np.linspace(first, cutoff - 0.4, functions)
    spacing = (cutoff - 0.4 - first) / max(functions - 1, 1)
    return _Radial(centres, spacing, cutoff)


def _triplets(channels: int) -> int:
    return channels * (channels + 1) // 2 * (DEGREE + 1)


def _gather(
    by_position: np.ndarray,
    by_strain: np.ndarray,
    columns: slice,
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    gradient: np.ndarray,
) -> None:
    """Add derivatives by pair vectors, (pairs, 3, features), to those by positions and by strain."""
    i, j, d = pairs
    if not len(i):
        return
    signs = np.zeros((len(by_position), len(i)))
    signs[j, np.arange(len(i))] = 1.0
    signs[i, np.arange(len(i))] -= 1.0
    flat = gradient.reshape(len(i), -1)
    by_position[:, :, columns] += (signs @ flat).reshape(len(by_position), 3, -1)
    by_strain[:, :, columns] += (d.T @ flat).reshape(3, 3, -1)


def _pulled(n: int, i: np.ndarray, j: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Forces (n, 3) where the energy's derivative by the vector from i to j is `pull`."""
    forces = np.zeros((n, 3))
    np.add.at(forces, i, pull)
    np.add.at(forces, j, -pull)
    return forces
