"""A row of volumes of one crystal, each with the shape and the atoms that are best for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms

from potentials.potential import Potential
from properties.bulk_modulus import bulk_modulus_GPa
from properties.rest import NotAtRestError, Rest, all_at_rest

_STIFFENING = 4.5
"""dB/dP that pressures are guessed with; of most crystals it lies between 3.5 and 6."""
_PROBE = 0.01  # of volume: how far the crystal is pressed to learn how it gives when its shape follows


@dataclass(frozen=True)
class Freedom:
    """What a crystal's symmetry leaves to be relaxed.

    Attributes:
        strains: independent components of a strain that keeps the symmetry, 1 (volume alone) to 6.
        positions: of displacements that do, rigid shifts apart; 0 where every atom sits on a point of symmetry.
    """

    strains: int
    positions: int

    @property
    def scales(self) -> bool:
        """True where nothing but the volume is free."""
        return self.strains == 1 and self.positions == 0


def freedom(atoms: Atoms, symprec_A: float) -> Freedom:
    """Dimensions of the fully symmetric strains and displacements, by characters of the space group."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry(cell, symprec=symprec_A)
    if found is None:
        return Freedom(6, 3 * len(atoms) - 3)
    scaled = atoms.get_scaled_positions()
    strains = positions = 0.0
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        away = scaled @ rotation.T + translation - scaled
        still = np.linalg.norm((away - away.round()) @ atoms.cell.array, axis=1) < 10 * symprec_A
        trace = np.trace(rotation)
        strains += (trace**2 + np.trace(rotation @ rotation)) / 2
        positions += (still.sum() - 1) * trace
    operations = len(found["rotations"])
    return Freedom(round(strains / operations), round(positions / operations))


@dataclass(frozen=True)
class VolumeRow:
    """Crystals at different volumes, ascending.

    Attributes:
        crystals: at rest, but for pressure.
        strains: V/V0 − 1 of each, V0 being the volume at rest under the pressure of the row.
        shape: "scaled", where the cell and, if they are free, the atoms' fractional positions cannot or do not
            follow; "relaxed", where both do.
        model_calls: spent on them.
    """

    crystals: tuple[Atoms, ...]
    strains: tuple[float, ...]
    shape: str
    model_calls: int


def relaxes(atoms: Atoms, symprec_A: float) -> bool:
    """True where a change of volume leaves shape or atoms something to follow with."""
    return not freedom(atoms, symprec_A).scales


def scaled_row(potential: Potential, rest: Rest, strains: Sequence[float], atoms_follow: bool = False) -> VolumeRow:
    """The crystal's cell scaled alike in all directions; atoms relaxed in it where they are to follow.

    Raises:
        NotAtRestError: atoms do not come to rest.
    """
    crystals = [_scaled(rest.atoms, strain) for strain in strains]
    calls = 0
    if atoms_follow:
        rests = all_at_rest(potential, crystals, relax_cell=False)
        crystals, calls = [r.atoms for r in rests], sum(r.model_calls for r in rests)
    return VolumeRow(tuple(crystals), tuple(strains), "scaled", calls)


class ShapeRelaxer:
    """Makes rows of which each crystal rests under a pressure of its own: the best shape for its volume."""

    def __init__(self, potential: Potential, rest: Rest) -> None:
        self.potential = potential
        self.rest = rest
        self.model_calls = 0
        self._modulus_GPa: float | None = None

    def row(self, strains: Sequence[float], on_done: Callable[[int], None] | None = None) -> VolumeRow:
        """Volumes near those asked for; that of no strain is the crystal at rest itself.

        Raises:
            NotAtRestError: one does not come to rest: a shape that gives way without end, or a crystal pulled apart.
        """
        moved = [s for s in strains if s != 0]
        starts = [_scaled(self.rest.atoms, s) for s in moved]
        pressures = [self.rest.pressure_GPa + self._pressure_GPa(s) for s in moved]
        rests = all_at_rest(self.potential, starts, pressures, on_done=on_done)
        crystals = [r.atoms for r in rests] + [self.rest.atoms] * (len(strains) - len(moved))
        crystals.sort(key=lambda atoms: atoms.cell.volume)
        found = tuple(atoms.cell.volume / self.rest.atoms.cell.volume - 1 for atoms in crystals)
        return VolumeRow(tuple(crystals), found, "relaxed", sum(r.model_calls for r in rests))

    def _pressure_GPa(self, strain: float) -> float:
        """Murnaghan's, with the modulus of the crystal whose shape follows."""
        if self._modulus_GPa is None:
            self._modulus_GPa = self._measure()
        return self._modulus_GPa / _STIFFENING * ((1 + strain) ** -_STIFFENING - 1)

    def _measure(self) -> float:
        """How it gives in shape and volume: a layered crystal a tenth of what it does at fixed shape."""
        clamped = bulk_modulus_GPa(self.potential, self.rest.atoms)
        self.model_calls += 4
        if clamped <= 0:
            raise NotAtRestError(f"{self.rest.atoms.get_chemical_formula()} has no bulk modulus ({clamped:.3g} GPa)")
        pressed = all_at_rest(self.potential, [self.rest.atoms], [self.rest.pressure_GPa + _PROBE * clamped])[0]
        self.model_calls += pressed.model_calls
        shrunk = float(np.log(self.rest.atoms.cell.volume / pressed.atoms.cell.volume))
        if shrunk <= 0:
            raise NotAtRestError(f"{self.rest.atoms.get_chemical_formula()} does not shrink under pressure")
        # B grows on the way by half of what it grows in all
        return _PROBE * clamped / shrunk - _STIFFENING * _PROBE * clamped / 2


def _scaled(atoms: Atoms, strain: float) -> Atoms:
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array * np.cbrt(1 + strain), scale_atoms=True)
    return moved
