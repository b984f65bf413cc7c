"""Electrostatic embedding: the uniform part of the field that the charges around a region make in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from potentials.electrostatics import ChargeError, charges_of, ewald
from potentials.electrostatics.constants import COULOMB_EV_A
from potentials.electrostatics.equilibration import EquilibratedPotential
from potentials.neighbours import Structure
from potentials.qmml.bonds import Bonds
from potentials.qmml.cluster import Cluster
from potentials.qmml.errors import QmmlError
from potentials.qmml.settings import Electrostatic, QmmlSettings

FADE_FROM = 0.5
"""Of the cut-off, from where the field fades to nothing."""
SAME_CHARGE_E = 0.5
"""By so much a region's charges may sum to another value than its charge and still be meant."""


@dataclass(frozen=True)
class Field:
    """Fixed charges in and around one region.

    The field of the surrounding charges, averaged over the region's atoms, acts on the quantum cluster, which polarises
    in it self-consistently. To this order, a dipole's, the region's own fixed charges have counted that interaction in
    E_ML of the whole already, and are taken off:

        E_field = E_QM(cluster; F) − E_QM's counterpart of fixed charges, which is −μ_fixed·F

    F is a function of all positions and the forces hold its change, by dE/dF = −μ_QM + μ_fixed.

    Attributes:
        inner_e: of the members, summing to the region's charge, (m,).
        outer_e: of all atoms of the structure; none on the members and on the outer ends of cut bonds, whose charges
            sit on their other neighbours (redistributed: Lin & Truhlar, J. Phys. Chem. A 109, 3991 (2005)), (n,).
        cutoff_A: of the field.
    """

    inner_e: np.ndarray
    outer_e: np.ndarray
    cutoff_A: float

    def at(self, cluster: Cluster, structure: Structure) -> FieldAt:
        """The field in one geometry."""
        inside = np.zeros(len(structure.numbers), bool)
        inside[cluster.members] = True
        i, j, vectors = neighbour_list(
            "ijD", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool), cutoff=self.cutoff_A
        )
        kept = inside[i] & ~inside[j] & (self.outer_e[j] != 0)
        i, j, away = i[kept], j[kept], -vectors[kept]  # from the charge to the member
        r = np.linalg.norm(away, axis=1)
        share, slope = self._faded(r)
        strength = COULOMB_EV_A * self.outer_e[j] / len(cluster.members)
        weight = strength * share / r**3
        weight_slope = strength * (slope / r**3 - 3 * share / r**4)
        return FieldAt((weight[:, None] * away).sum(0), i, j, away, weight, weight_slope / r)

    def _faded(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """1 − 10x³ + 15x⁴ − 6x⁵ over the second half of the cut-off, and its slope."""
        width = (1 - FADE_FROM) * self.cutoff_A
        x = np.clip((r - FADE_FROM * self.cutoff_A) / width, 0, 1)
        return 1 - x**3 * (10 - 15 * x + 6 * x * x), -30 * (x * (1 - x)) ** 2 / width


@dataclass(frozen=True)
class FieldAt:
    """The field in one geometry, and how it changes.

    Attributes:
        value_V_A: F, (3,).
        inner, outer: atoms of each pair.
        away: from the outer to the inner one, Å, (p, 3).
        weight, slope_over_r: w and w'/r of each pair, where F = Σ w(r) r.
    """

    value_V_A: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    away: np.ndarray
    weight: np.ndarray
    slope_over_r: np.ndarray

    def acting(self, coefficient: np.ndarray, n_atoms: int) -> tuple[np.ndarray, np.ndarray]:
        """Forces, (n, 3), and dE/d(strain), (3, 3), of an energy whose derivative by F is `coefficient`, e Å, (3,)."""
        along = self.away @ coefficient
        gradient = self.weight[:, None] * coefficient + (self.slope_over_r * along)[:, None] * self.away
        forces = np.zeros((n_atoms, 3))
        np.add.at(forces, self.inner, -gradient)
        np.add.at(forces, self.outer, gradient)
        return forces, gradient.T @ self.away


def field_of(settings: Electrostatic, bonds: Bonds, cluster: Cluster, insist: bool = False) -> Field:
    """The charges in and around a region.

    Raises:
        QmmlError: charges that are none, an element without one, a region whose charges sum to another value than its
            charge.
    """
    charges = charges_in(settings, bonds.structure)
    inner, outer = charges[cluster.members], charges.copy()
    excess = cluster.charge - float(inner.sum())
    if abs(excess) > SAME_CHARGE_E and not insist:
        raise QmmlError(
            f"charge: the region's charges sum to {inner.sum():+.2f} e, and its charge is {cluster.charge:+d}; mend "
            "one of them, move the boundary, or say insist: true"
        )
    outer[cluster.members] = 0.0
    for end in np.unique(cluster.ends):
        others = sorted(bonds.neighbours([int(end)]) - set(cluster.members.tolist()) - set(cluster.ends.tolist()))
        if others:
            outer[others] += outer[end] / len(others)
        outer[end] = 0.0
    return Field(inner + excess / len(inner), outer, settings.cutoff_A)


def fields_of(settings: QmmlSettings, bonds: Bonds, clusters: Sequence[Cluster]) -> list[Field | None]:
    """Of each cluster; None where embedding is mechanical."""
    chosen = settings.electrostatic
    return [None if chosen is None else field_of(chosen, bonds, c, settings.insist) for c in clusters]


def charges_in(settings: Electrostatic, structure: Structure) -> np.ndarray:
    """Charge of each atom, e, (n,).

    Raises:
        QmmlError: as of `field_of`.
    """
    given = settings.charges
    if isinstance(given, list):
        if len(given) != len(structure.numbers):
            raise QmmlError(
                f"embedding.electrostatic.charges: {len(given)} charges for {len(structure.numbers)} atoms; give one "
                "of each"
            )
        if not np.isfinite(given).all():
            raise QmmlError("embedding.electrostatic.charges: must all be finite numbers of e")
        return np.array(given, float)
    try:
        if "equilibrate" in given:
            settled = ewald(charges=given)
            assert isinstance(settled, EquilibratedPotential)
            return np.asarray(settled.charges(structure))
        return _by_element(charges_of(given), structure)
    except ChargeError as error:
        raise QmmlError(f"embedding.electrostatic.{error}") from error
    except ValueError as error:
        raise QmmlError(f"embedding.electrostatic.charges: {error}") from error


def _by_element(values: Mapping[str, float], structure: Structure) -> np.ndarray:
    symbols = Atoms(structure.numbers).get_chemical_symbols()
    missing = sorted(set(symbols) - set(values))
    if missing:
        raise ChargeError(f"charges: none is given of {', '.join(missing)}")
    return np.array([values[symbol] for symbol in symbols])
