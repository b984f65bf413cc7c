"""What else than a low energy a search may be after: named numbers of a relaxed crystal, each to be small or large."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from ase import Atoms, units

from searchers.distances import nearest_distances

Sense = Literal["min", "max"]
_G_PER_CM3 = units._amu * 1e3 / 1e-24  # of one atomic mass unit per Å^3: 1.6605


def density_g_cm3(atoms: Atoms) -> float:
    """Mass per volume, g/cm^3."""
    return float(atoms.get_masses().sum() / abs(atoms.cell.volume) * _G_PER_CM3)


def volume_A3_per_atom(atoms: Atoms) -> float:
    """Volume per atom, Å^3."""
    return float(abs(atoms.cell.volume) / len(atoms))


def mean_mass_u(atoms: Atoms) -> float:
    """Mean atomic mass, u; the same for all structures of one composition."""
    return float(atoms.get_masses().mean())


def shortest_distance_A(atoms: Atoms) -> float:
    """Distance of the two closest atoms, periodic images included, Å."""
    return float(nearest_distances(atoms).min())


OF_STRUCTURE: Mapping[str, Callable[[Atoms], float]] = {
    "density_g_cm3": density_g_cm3,
    "mean_mass_u": mean_mass_u,
    "shortest_distance_A": shortest_distance_A,
    "volume_A3_per_atom": volume_A3_per_atom,
}
"""Objectives that the relaxed structure gives by itself."""
MEASURED = ("bulk_modulus_GPa",)
"""Objectives that whoever knows the forces must measure: they come as `Relaxed.properties`."""
OBJECTIVE_NAMES = sorted([*OF_STRUCTURE, *MEASURED])


@dataclass(frozen=True)
class Objective:
    """A number that is to be small or large.

    Attributes:
        name: one of `OBJECTIVE_NAMES`.
        sense: "min" or "max".

    Raises:
        ValueError: an unknown name or sense; the message names the choices.
    """

    name: str
    sense: Sense

    def __post_init__(self) -> None:
        check_objective(self.name)
        if self.sense not in get_args(Sense):
            raise ValueError(f"objective {self.name} must be 'min' or 'max' (is {self.sense!r})")

    @property
    def measured(self) -> bool:
        """True where the structure alone does not tell."""
        return self.name in MEASURED

    def value(self, atoms: Atoms, properties: Mapping[str, float]) -> float:
        """Its value for a relaxed structure, in the unit that the name ends in; NaN where it was not measured."""
        if self.measured:
            return float(properties.get(self.name, np.nan))
        return OF_STRUCTURE[self.name](atoms)

    def cost(self, value: float) -> float:
        """The value with a sign that makes less better."""
        return value if self.sense == "min" else -value


def check_objective(name: str) -> None:
    """Refuse what nobody can compute.

    Raises:
        ValueError: an unknown name; the message names the choices.
    """
    if name not in OBJECTIVE_NAMES:
        choices = ", ".join(OBJECTIVE_NAMES)
        raise ValueError(f"unknown objective {name!r}; there are {choices} (the energy above the hull is always one)")


def objectives_of(senses: Mapping[str, Sense]) -> tuple[Objective, ...]:
    """Objectives from senses by name, in the order of their names.

    Raises:
        ValueError: none at all, or an unknown name or sense.
    """
    if not senses:
        raise ValueError("a Pareto search needs at least one objective beside the energy, as in {density_g_cm3: max}")
    return tuple(Objective(name, senses[name]) for name in sorted(senses))


def measured_names(senses: Mapping[str, Sense]) -> tuple[str, ...]:
    """Those of the objectives that must be measured, sorted."""
    return tuple(sorted(set(senses) & set(MEASURED)))
