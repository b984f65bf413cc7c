"""The non-analytic term: what the electric field of long waves does in a polar crystal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms, units
from phonopy.exception import BORNFileParseError
from phonopy.file_IO import parse_BORN_from_strings

from properties.phonons.harmonic import HarmonicCrystal, PhononError

_NEUTRAL_E = 0.3
"""By so much may the charges of a cell miss neutrality, e, as coarse DFT does; the rest is spread evenly."""
_COULOMB_EV_A = units.Hartree * units.Bohr  # e²/(4π ε0)
_SAME_PLACE = 0.02  # of the cube root of the volume per atom


@dataclass(frozen=True)
class BornCharges:
    """A crystal's answer to an electric field.

    Attributes:
        charges_e: Born effective charge of each atom, Z_ab = ∂F_a/∂E_b in e, Cartesian, (n, 3, 3).
        dielectric: of the clamped ions, ε∞, (3, 3).
    """

    charges_e: np.ndarray
    dielectric: np.ndarray

    def __post_init__(self) -> None:
        """Refuse what is no such answer."""
        charges, dielectric = np.asarray(self.charges_e, float), np.asarray(self.dielectric, float)
        if charges.ndim != 3 or charges.shape[1:] != (3, 3):
            raise PhononError(f"born_charges: give a 3x3 matrix for each atom (the shape is {charges.shape})")
        if dielectric.shape != (3, 3):
            raise PhononError(f"dielectric: give a 3x3 matrix (the shape is {dielectric.shape})")
        if not (np.isfinite(charges).all() and np.isfinite(dielectric).all()):
            raise PhononError("born_charges, dielectric: every number must be finite")
        if np.linalg.eigvalsh((dielectric + dielectric.T) / 2).min() < 1:
            raise PhononError("dielectric: every eigenvalue must be 1 or more, the vacuum's")
        excess = float(np.abs(charges.sum(0)).max())
        if excess > _NEUTRAL_E * max(1, len(charges) / 10):
            raise PhononError(f"born_charges: they must sum up to zero over the cell (miss it by {excess:.2g} e)")
        object.__setattr__(self, "charges_e", charges)
        object.__setattr__(self, "dielectric", dielectric)


def with_born(crystal: HarmonicCrystal, born: BornCharges | str, given: Atoms | None = None) -> HarmonicCrystal:
    """The crystal with the term of Gonze and Lee, Phys. Rev. B 55, 10355 (1997), in its dynamical matrix.

    Args:
        crystal: not changed.
        born: of the crystal's own cell or of `given`, atom by atom; or the text of phonopy's BORN file, which lists
            the atoms of the primitive cell that symmetry does not make from others.
        given: the cell that charges are listed for, where it is not the primitive one.

    Raises:
        PhononError: charges that do not fit.
    """
    charges = _parsed(crystal, born) if isinstance(born, str) else _assigned(crystal.atoms, born, given)
    polar = crystal.phonopy.replicate()
    polar.force_constants = crystal.phonopy.force_constants.copy()  # type: ignore[union-attr]
    polar.nac_params = {"born": charges.charges_e, "dielectric": charges.dielectric, "factor": _COULOMB_EV_A}
    return replace(crystal, phonopy=polar)


def _parsed(crystal: HarmonicCrystal, text: str) -> BornCharges:
    try:
        read = parse_BORN_from_strings(text, crystal.phonopy.primitive, symprec=crystal.phonopy.symmetry.tolerance)
    except (BORNFileParseError, ValueError) as error:
        unique = len(crystal.phonopy.primitive_symmetry.get_independent_atoms())
        raise PhononError(
            f"born: {str(error).rstrip('.')}; a BORN file has a line for comments or the unit, one of the nine numbers "
            f"of the dielectric tensor, and one for each of the {unique} atoms that symmetry leaves"
        ) from None
    return BornCharges(read["born"], read["dielectric"])


def _assigned(cell: Atoms, born: BornCharges, given: Atoms | None) -> BornCharges:
    """In the order of the cell's own atoms."""
    listed = len(born.charges_e)
    if listed == len(cell) and (given is None or len(given) == len(cell)):
        return born
    if given is None or listed not in (len(cell), len(given)):
        also = "" if given is None or len(given) == len(cell) else f", or for the {len(given)} of the cell given"
        raise PhononError(f"born_charges: give one for each of the {len(cell)} atoms of the primitive cell{also} "
                          f"({listed} are given)")  # fmt: skip
    if listed == len(cell):
        return born
    return BornCharges(born.charges_e[_twins(cell, given)], born.dielectric)


def _twins(cell: Atoms, given: Atoms) -> Sequence[int]:
    """Of each atom of a primitive cell one that is its like in the cell it was made from."""
    apart = cell.get_scaled_positions()[:, None] - given.positions[None] @ np.linalg.inv(cell.cell.array)
    apart_A = np.linalg.norm((apart - apart.round()) @ cell.cell.array, axis=-1)
    apart_A[cell.numbers[:, None] != given.numbers[None]] = np.inf
    if apart_A.min(1).max() > _SAME_PLACE * (cell.cell.volume / len(cell)) ** (1 / 3):
        raise PhononError("born_charges: list them for the atoms of the primitive cell")
    return apart_A.argmin(1).tolist()
