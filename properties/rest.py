"""Crystals at rest: relaxed as far as derivatives by differences need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from potentials.potential import Potential
from potentials.relax import InFlightRelaxer, RelaxSettings
from potentials.relax.settings import Outcome, Relaxation
from properties.errors import PropertyError

FMAX_EV_A = 1e-4
"""Of forces, and of V(σ + P)/n: what elastic constants and phonons are measured from (a hundredth of the forces that
their displacements make)."""
MAX_STEPS = 500


class NotAtRestError(PropertyError):
    """A crystal that does not come to rest; the message says why, in one line."""


@dataclass(frozen=True)
class Rest:
    """A crystal at rest.

    Attributes:
        atoms: geometry, no calculator; the cell as given, not reduced.
        energy_eV: of it.
        pressure_GPa: at which it rests.
        max_force_eV_A: largest force on an atom.
        max_stress_GPa: largest component of σ + P.
        model_calls: spent.
    """

    atoms: Atoms
    energy_eV: float
    pressure_GPa: float
    max_force_eV_A: float
    max_stress_GPa: float
    model_calls: int


def at_rest(
    potential: Potential,
    atoms: Atoms,
    pressure_GPa: float = 0.0,
    relax_cell: bool = True,
    fmax_eV_A: float = FMAX_EV_A,
    max_steps: int = MAX_STEPS,
) -> Rest:
    """One crystal at rest; as `all_at_rest`."""
    return all_at_rest(potential, [atoms], [pressure_GPa], relax_cell, fmax_eV_A, max_steps)[0]


def all_at_rest(
    potential: Potential,
    crystals: Sequence[Atoms],
    pressures_GPa: Sequence[float] | None = None,
    relax_cell: bool = True,
    fmax_eV_A: float = FMAX_EV_A,
    max_steps: int = MAX_STEPS,
    on_done: Callable[[int], None] | None = None,
) -> list[Rest]:
    """Relax all in one batch; in the order given, each in the cell it came in.

    Under a pressure of its own each crystal's shape is the best one for the volume it ends with, so that a row of
    pressures is a row of volumes relaxed in shape at constant volume.

    crystals: periodic in three directions; not changed.
    pressures_GPa: of each; None is none. Negative ones pull.
    relax_cell: False keeps the cells, and relaxes atoms.
    fmax_eV_A: at rest where no force is larger, and no component of V(σ + P)/n.
    on_done: told how many have come to rest.

    Raises:
        NotAtRestError: the first that does not, with the reason.
    """
    pressures = [0.0] * len(crystals) if pressures_GPa is None else list(pressures_GPa)
    finished = relaxed(potential, crystals, pressures, fmax_eV_A, max_steps, relax_cell, on_done)
    return [_rest(r, atoms, p) for r, atoms, p in zip(finished, crystals, pressures, strict=True)]


def relaxed(
    potential: Potential,
    crystals: Sequence[Atoms],
    pressures_GPa: Sequence[float],
    fmax_eV_A: float,
    max_steps: int,
    relax_cell: bool = True,
    on_done: Callable[[int], None] | None = None,
    largest_volume_A3_per_atom: float = RelaxSettings.largest_volume_A3_per_atom,
) -> list[Relaxation]:
    """All in one batch to their ends, whatever those are; otherwise as `all_at_rest`.

    largest_volume_A3_per_atom: beyond, a crystal has fallen apart; one with a vacuum in its cell has not.
    """
    # One that takes any element may have units of its own, in which covalent radii and eV mean nothing
    real = potential.metadata.elements is not None
    settings = RelaxSettings(
        fmax_eV_A=fmax_eV_A,
        max_steps=max_steps,
        relax_cell=relax_cell,
        primitive=False,
        closest=RelaxSettings.closest if real else 0.0,
        lowest_eV_per_atom=RelaxSettings.lowest_eV_per_atom if real else -np.inf,
        largest_volume_A3_per_atom=largest_volume_A3_per_atom,
    )
    relaxer = InFlightRelaxer(potential, settings)
    for id, (atoms, pressure) in enumerate(zip(crystals, pressures_GPa, strict=True)):
        relaxer.add(id, atoms, pressure_GPa=pressure)
    finished: list[Relaxation] = []
    while len(finished) < len(crystals):
        finished += relaxer.step()
        if on_done is not None:
            on_done(len(finished))
    return sorted(finished, key=lambda r: r.id)


def _rest(relaxation: Relaxation, given: Atoms, pressure_GPa: float) -> Rest:
    if relaxation.outcome is not Outcome.CONVERGED:
        at = f" at {pressure_GPa:.3g} GPa" if pressure_GPa else ""
        raise NotAtRestError(f"{given.get_chemical_formula()} does not come to rest{at}: {relaxation.reason}")
    residual = relaxation.stress_eV_A3[:6] / units.GPa + pressure_GPa * np.array([1, 1, 1, 0, 0, 0])
    atoms = relaxation.atoms.copy()
    atoms.set_masses(given.get_masses())
    return Rest(
        atoms,
        relaxation.energy_eV,
        pressure_GPa,
        relaxation.max_force_eV_A,
        float(np.abs(residual).max()),
        relaxation.model_calls,
    )
