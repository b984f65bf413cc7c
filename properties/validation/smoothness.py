"""Where a pair of atoms leaves the potential's range, energy and forces must not jump."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matscipy.neighbours import neighbour_list

from potentials.neighbours import Structure
from properties.validation.check import Check
from properties.validation.subject import Subject

CROSSINGS = 4
"""So many distances nearest to a known cut-off are brought there, one after the other."""
NEAR = 0.25
"""A distance further from the cut-off than this share would need another crystal to get there."""
SWEEP = (0.85, 1.18)
INTERVALS = 120
"""Where no cut-off is told, the cell is scaled over this range, 0.3 % at a time: shells of neighbours lie closer than
the range is wide from the third on, so that few radii are left that no pair of atoms passes."""
SUSPECTS = 3
"""Places that are looked into, by energy and by forces."""
STEP = 1e-4
"""Of the cell, 0.0005 Å at a cut-off of 5 Å, in any precision: extrapolation amplifies rounding alike at all steps."""
FINER = 4
HALF_WIDTH = 8
"""Steps on each side of a suspect, when it is looked into four times finer: two of the coarser ones."""
POINTS = np.array([0.5, 1.5, 2.5, 3.5])
WEIGHTS = np.array([35, -35, 21, -5]) / 16
"""Cubic extrapolation from four points to zero; the weights' norm amplifies rounding 3.4 times."""


@dataclass(frozen=True)
class Jump:
    """How far the limits from both sides differ where the cell is scaled by `scale`."""

    scale: float
    energy_eV: float
    force_eV_A: float


def smoothness_checks(subject: Subject) -> Iterator[Check]:
    """Jumps of the energy an atom and of forces while the rattled copy's cell is scaled."""
    cutoff_A = subject.potential.cutoff_A
    if cutoff_A is not None:
        distances = _near(subject.rattled, cutoff_A)
        jumps = [_jump(subject, cutoff_A / r) for r in distances]
        where = f"cut-off {cutoff_A:g} Å, {len(jumps)} distances brought there"
    else:
        jumps = [_jump(subject, scale) for scale in _suspects(subject)]
        where = f"no cut-off told: cell scaled from {SWEEP[0]:g} to {SWEEP[1]:g}"
    yield from _checks(subject, jumps, where)


def _checks(subject: Subject, jumps: Sequence[Jump], where: str) -> Iterator[Check]:
    n, limits = len(subject.given.numbers), subject.limits
    energy_eV = subject.one(subject.rattled).energy_eV
    # Of two sides, and the worst of several jumps
    rounding = 2 * float(np.linalg.norm(WEIGHTS)) * limits.rounding_eV(energy_eV)
    by_energy = max(jumps, key=lambda j: _or_infinite(j.energy_eV), default=Jump(1.0, 0.0, 0.0))
    by_force = max(jumps, key=lambda j: _or_infinite(j.force_eV_A), default=Jump(1.0, 0.0, 0.0))
    note = f"{where}; worst at {by_energy.scale:.4f} of the cell"
    yield Check("energy at the cut-off", by_energy.energy_eV / n, limits.jump_eV + rounding / n, "eV/atom", note)
    threshold = limits.jump_eV_A + rounding / subject.spacing_A
    note = f"{where}; worst at {by_force.scale:.4f} of the cell"
    yield Check("forces at the cut-off", by_force.force_eV_A, threshold, "eV/Å", note)


def _near(structure: Structure, cutoff_A: float) -> list[float]:
    """Distances nearest to the cut-off, each once, Å."""
    r = neighbour_list(
        "d", cell=structure.cell, positions=structure.positions, pbc=np.ones(3, bool), cutoff=(1 + NEAR) * cutoff_A
    )
    distinct = np.unique(np.round(r[r > (1 - NEAR) * cutoff_A], 9))
    # Two that cross within one extrapolation would be taken for a jump where each leaves but a kink
    gaps = np.diff(distinct, prepend=0.0, append=np.inf)
    alone = distinct[np.minimum(gaps[:-1], gaps[1:]) > 2 * POINTS[-1] * STEP * cutoff_A]
    return [float(x) for x in sorted(alone, key=lambda x: abs(x - cutoff_A))[:CROSSINGS]]


def _jump(subject: Subject, scale: float) -> Jump:
    """Limits from both sides by extrapolation: a smooth function leaves h⁴ of its fourth derivative, a jump itself."""
    h = STEP
    told = [subject.evaluate([_scaled(subject, scale * (1 + side * h * k)) for k in POINTS]) for side in (-1, 1)]
    energies = [WEIGHTS @ np.array([e.energy_eV for e in side]) for side in told]
    forces = [np.tensordot(WEIGHTS, np.array([e.forces_eV_A for e in side]), 1) for side in told]
    return Jump(scale, float(abs(energies[1] - energies[0])), float(np.abs(forces[1] - forces[0]).max()))


def _suspects(subject: Subject) -> list[float]:
    """Scales at which energy or forces are least like a smooth function's."""
    scales = np.linspace(*SWEEP, INTERVALS + 1)
    energy, force = _roughness(subject, scales)
    places = [(kind, k) for kind, rough in enumerate((energy, force)) for k in np.argsort(rough)[::-1][:SUSPECTS]]
    # Both often point at the same place
    distinct = {(kind, float(scales[k])) for kind, k in places}
    return [_narrowed(subject, kind, place, float(scales[1] - scales[0])) for kind, place in sorted(distinct)]


def _narrowed(subject: Subject, kind: int, place: float, step: float) -> float:
    """Look again with a step four times finer around the place, until the step is half that of the extrapolation."""
    while step > 0.5 * STEP:
        step /= FINER
        scales = place + step * np.arange(-HALF_WIDTH, HALF_WIDTH + 1)
        rough = _roughness(subject, scales)[kind]
        place = float(scales[int(np.argmax(rough))])
    return place


def _roughness(subject: Subject, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Third differences about each scale, of energy and of forces, over their usual size nearby; (m,) each.

    A smooth function's are as large as their neighbours. A jump between two points stands in the differences of both,
    whatever else is steep there.
    """
    told = subject.evaluate([_scaled(subject, s) for s in scales])
    energies = np.array([e.energy_eV for e in told])
    forces = np.array([e.forces_eV_A.ravel() for e in told])
    stresses = np.array([np.trace(e.stress_eV_A3) for e in told])
    # Forces may vanish by symmetry; the pressure does not
    everything = np.column_stack([forces, stresses * subject.rattled.volume_A3 / subject.spacing_A])
    return _unlike(energies[:, None]), _unlike(everything)


def _unlike(values: np.ndarray) -> np.ndarray:
    """values: (m, k)."""
    third = np.abs(np.diff(values, 3, axis=0)).max(axis=1)
    third = np.pad(third, (1, 2), mode="edge")  # about the second of its four points
    usual = np.array([np.median(third[max(0, k - 8) : k + 9]) for k in range(len(third))])
    rough = third / np.maximum(usual, np.finfo(float).tiny)
    return np.nan_to_num(rough, nan=np.inf)


def _scaled(subject: Subject, scale: float) -> Structure:
    base = subject.rattled
    return Structure(base.numbers, base.positions * scale, base.cell * scale)


def _or_infinite(x: float) -> float:
    return x if np.isfinite(x) else np.inf
