"""The non-analytic term: what the electric field of long waves does in a polar crystal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms, units
from phonopy.exception import BORNFileParseError
from phonopy.file_IO import parse_BORN_from_strings
from phonopy.structure.atoms import PhonopyAtoms
from phonopy.structure.symmetry import Symmetry

from properties.phonons.harmonic import HarmonicCrystal, PhononError
from properties.phonons.supercells import spacing_A, symprec_of

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


def with_born(crystal: HarmonicCrystal, born: BornCharges) -> HarmonicCrystal:
    """The crystal with the term of Gonze and Lee, Phys. Rev. B 55, 10355 (1997), in its dynamical matrix.

    crystal: not changed.
    born: of its cell, atom by atom; see `born_charges_of`.
    """
    polar = crystal.phonopy.replicate()
    polar.force_constants = crystal.phonopy.force_constants.copy()  # type: ignore[union-attr]
    polar.nac_params = {"born": born.charges_e, "dielectric": born.dielectric, "factor": _COULOMB_EV_A}
    return replace(crystal, phonopy=polar)


def born_charges_of(
    cell: Atoms, born: BornCharges | str, given: Atoms | None = None, symprec_A: float | None = None
) -> BornCharges:
    """Charges in the order of a primitive cell's atoms.

    Args:
        cell: the primitive one.
        born: of the atoms of `cell` or of `given`; or the text of phonopy's BORN file, which lists those of the
            primitive cell that symmetry does not make from others.
        given: the cell that charges may be listed for.
        symprec_A: in which symmetry is looked for.

    Raises:
        PhononError: charges that do not fit.
    """
    return _parsed(cell, born, symprec_of(cell, symprec_A)) if isinstance(born, str) else _assigned(cell, born, given)


def _parsed(cell: Atoms, text: str, symprec_A: float) -> BornCharges:
    primitive = PhonopyAtoms(
        numbers=cell.numbers, scaled_positions=cell.get_scaled_positions(), cell=cell.cell.array,
        masses=cell.get_masses(),
    )  # fmt: skip
    try:
        read = parse_BORN_from_strings(text, primitive, symprec=symprec_A)
    except (BORNFileParseError, ValueError) as error:
        unique = len(Symmetry(primitive, symprec_A).get_independent_atoms())
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
    if apart_A.min(1).max() > _SAME_PLACE * spacing_A(cell):
        raise PhononError("born_charges: list them for the atoms of the primitive cell")
    return apart_A.argmin(1).tolist()
