"""Forces and stress are derivatives of the energy, or they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from potentials.conformance import strained
from potentials.neighbours import Structure
from properties.validation.check import Check
from properties.validation.subject import Subject

MOST_ATOMS = 8
"""So many atoms are moved one by one along x, y and z; of a larger cell these are chosen at random, each element
first, and all atoms are moved together along random directions besides."""
COLLECTIVE = 3
VOIGT = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
POINTS = (-2, -1, 1, 2)
WEIGHTS = np.array([1, -8, 8, -1]) / 12


def derivative_checks(subject: Subject) -> Iterator[Check]:
    """Forces, their sum and the virial stress, on the structure as given and on the rattled copy."""
    for name, structure in (("as given", subject.given), ("rattled", subject.rattled)):
        yield forces_check(subject, structure, name)
        yield virial_check(subject, structure, name)
    yield net_force_check(subject)


def forces_check(subject: Subject, structure: Structure, name: str) -> Check:
    """F = −∂E/∂r by the five-point rule, (8[E(h) − E(−h)] − [E(2h) − E(−2h)])/12h; the worst of all directions."""
    told = subject.one(structure)
    h = subject.limits.step * subject.spacing_A
    directions = _directions(subject, structure)
    slopes = _slopes(subject, [partial(_displaced, structure, d) for d in directions], h)
    errors = [abs(slope + (told.forces_eV_A * d).sum()) for slope, d in zip(slopes, directions, strict=True)]
    threshold = subject.limits.force_eV_A + subject.limits.rounding_eV(told.energy_eV) / h
    note = f"{len(directions)} directions, steps of {h:.1g} Å; largest force {np.abs(told.forces_eV_A).max():.2g} eV/Å"
    return Check(f"forces ({name})", _worst(errors), threshold, "eV/Å", note, conserves=True)


def virial_check(subject: Subject, structure: Structure, name: str) -> Check:
    """σ = (1/V) ∂E/∂ε for each of the six symmetric strains; the worst of them."""
    told = subject.one(structure)
    h, volume = subject.limits.step, structure.volume_A3
    directions = {key: _strain(*pair) for key, pair in VOIGT.items()}
    slopes = _slopes(subject, [partial(_strained, structure, d) for d in directions.values()], h)
    errors = {
        key: abs(slope / volume - told.stress_eV_A3[VOIGT[key]])
        for key, slope in zip(directions, slopes, strict=True)
    }
    errors["asymmetry"] = float(np.abs(told.stress_eV_A3 - told.stress_eV_A3.T).max())
    threshold = subject.limits.virial_eV_A3 + subject.limits.rounding_eV(told.energy_eV) / h / volume
    worst = max(errors, key=lambda key: errors[key])
    note = f"six strains, worst {worst}; largest stress {np.abs(told.stress_eV_A3).max():.2g} eV/Å³"
    return Check(f"virial ({name})", _worst(list(errors.values())), threshold, "eV/Å³", note, conserves=True)


def net_force_check(subject: Subject) -> Check:
    """Forces of a crystal sum to zero, or its centre of mass speeds up by itself."""
    told = subject.one(subject.rattled)
    net = float(np.abs(told.forces_eV_A.sum(axis=0)).max())
    # Forces are rounded against the largest of their terms, which are about as large as E over a bond
    threshold = subject.limits.force_eV_A + subject.limits.rounding_eV(told.energy_eV) / subject.spacing_A
    return Check("net force", net, threshold, "eV/Å", "largest component of the sum over atoms", conserves=True)


def _slopes(subject: Subject, paths: Sequence[Callable[[float], Structure]], h: float) -> list[float]:
    """dE/dx at x = 0 along each path."""
    told = subject.evaluate([path(k * h) for path in paths for k in POINTS])
    energies = np.array([e.energy_eV for e in told]).reshape(len(paths), len(POINTS))
    return list(energies @ WEIGHTS / h)


def _directions(subject: Subject, structure: Structure) -> list[np.ndarray]:
    """Displacements of length one, (n, 3) each."""
    n, rng = len(structure.numbers), subject.rng()
    order = rng.permutation(n)
    first = [order[structure.numbers[order] == z][0] for z in np.unique(structure.numbers)]
    chosen = list(dict.fromkeys([*first, *order]))[: max(MOST_ATOMS, len(first))]
    single = [_unit(n, atom, axis) for atom in sorted(chosen) for axis in range(3)]
    together = rng.normal(size=(COLLECTIVE if n > len(chosen) else 0, n, 3))
    return [*single, *(d / np.linalg.norm(d) for d in together)]


def _displaced(structure: Structure, direction: np.ndarray, x: float) -> Structure:
    return Structure(structure.numbers, structure.positions + x * direction, structure.cell)


def _strained(structure: Structure, direction: np.ndarray, x: float) -> Structure:
    return strained(structure, x * direction)


def _unit(n: int, atom: int, axis: int) -> np.ndarray:
    direction = np.zeros((n, 3))
    direction[atom, axis] = 1.0
    return direction


def _strain(a: int, b: int) -> np.ndarray:
    """A symmetric strain whose derivative is the stress's component ab."""
    direction = np.zeros((3, 3))
    direction[a, b] += 0.5
    direction[b, a] += 0.5
    return direction


def _worst(errors: Sequence[float]) -> float:
    """The largest; NaN where any is none (Python's `max` would skip it)."""
    return float(np.max(errors))
