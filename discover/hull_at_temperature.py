"""The convex hull at temperature: static energies, and the free energy of vibrations added to each.

G(T) of a phase is its static energy (anchored to DFT where the hull is) plus the harmonic free energy of its phonons at
fixed volume, zero-point energy included, or, where the quasi-harmonic approximation was made of it, the Gibbs energy
less the potential's own static energy. Disorder has no entropy here: every phase is an ordered crystal. A phase whose
phonons are imaginary has no harmonic free energy, and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

Array = np.ndarray

MOST_SIMPLICES = 300_000
"""Combinations of phases that are looked at one by one."""
SAME_K = 1e-3
"""To which temperatures of transition are found."""
STABLE_EV = 1e-9
"""Above the hull per atom; rounding."""


class NoHullError(ValueError):
    """A hull at temperature that cannot be had; the message says why."""


@dataclass(frozen=True)
class FreeEnergy:
    """A phase with the free energy of its vibrations.

    Attributes:
        id: of the hull's entry.
        formula: of it.
        composition: atomic fractions, summing to 1.
        static_energy_eV_per_atom: without any vibration.
        temperatures_K: (n,), increasing.
        vibrational_eV_per_atom: (n,), what is added at each.
        source: stage that gave it: "phonons" at fixed volume, "thermal" with thermal expansion.
        space_group: international number, None where unknown.
    """

    id: int | str
    formula: str
    composition: Mapping[str, float]
    static_energy_eV_per_atom: float
    temperatures_K: Array
    vibrational_eV_per_atom: Array
    source: str = "phonons"
    space_group: int | None = None


@dataclass(frozen=True)
class LeftOut:
    """A phase that has no free energy, and why."""

    id: int | str
    formula: str
    reason: str
    on_hull: bool = False


@dataclass(frozen=True)
class HullAtTemperature:
    """Phases against temperature.

    Attributes:
        elements: chemical symbols.
        temperatures_K: (n,).
        phases: p of them.
        formation_eV_per_atom: (p, n), from the elements' lowest free energy at the same temperature.
        above_hull_eV_per_atom: (p, n), 0 on the hull.
        stable_K: of each phase, intervals [low, high] of temperature in which it lies on the hull; where one ends at an
            end of `temperatures_K`, more is not known.
        left_out: near-hull phases without a free energy.
    """

    elements: tuple[str, ...]
    temperatures_K: Array
    phases: Sequence[FreeEnergy]
    formation_eV_per_atom: Array
    above_hull_eV_per_atom: Array
    stable_K: Sequence[Sequence[tuple[float, float]]]
    left_out: Sequence[LeftOut] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """All of it, plain."""
        phases = [
            {
                "id": p.id,
                "formula": p.formula,
                "composition": dict(p.composition),
                "space_group": p.space_group,
                "source": p.source,
                "static_energy_eV_per_atom": p.static_energy_eV_per_atom,
                "formation_free_energy_eV_per_atom": formation.tolist(),
                "e_above_hull_eV_per_atom": above.tolist(),
                "stable_K": [list(interval) for interval in stable],
            }
            for p, formation, above, stable in zip(
                self.phases, self.formation_eV_per_atom, self.above_hull_eV_per_atom, self.stable_K, strict=True
            )
        ]
        return {
            "elements": list(self.elements),
            "temperatures_K": self.temperatures_K.tolist(),
            "phases": phases,
            "left_out": [vars(p) for p in self.left_out],
        }


def hull_at_temperature(
    elements: Sequence[str], phases: Sequence[FreeEnergy], left_out: Sequence[LeftOut] = ()
) -> HullAtTemperature:
    """Formation free energies, distances to the hull and intervals of stability.

    Temperatures are all those of any phase that every phase covers; between them free energies are cubic splines, and
    transitions are found by Brent's method to 1 mK. A phase that is stable only between two neighbouring temperatures
    is not seen.

    Raises:
        NoHullError: an element has no phase with a free energy, temperatures that do not overlap, or so many phases of
            so many elements that their combinations cannot be counted through.
    """
    missing = [e for e in elements if not any(_is_pure(p, e) for p in phases)]
    if missing:
        raise NoHullError(f"{', '.join(missing)} has no phase with a free energy: formation energies have no zero")
    if comb(len(phases), len(elements)) > MOST_SIMPLICES:
        raise NoHullError(f"{len(phases)} phases of {len(elements)} elements are too many for a hull at temperature")
    temperatures = _common(phases)
    fractions = np.array([[p.composition.get(e, 0.0) for e in elements] for p in phases])
    splines = [_spline(p) for p in phases]
    energies = np.array([s(temperatures) for s in splines])
    rivals = [_rivals(fractions, k) for k in range(len(phases))]
    margins = np.array([_margin(rivals[k], k, energies) for k in range(len(phases))])
    pure = np.array([_lowest_pure(fractions, k, energies) for k in range(len(elements))])
    stable = []
    for k in range(len(phases)):

        def margin(t: float, k: int = k) -> float:
            return float(_margin(rivals[k], k, np.array([[s(t)] for s in splines]))[0])

        stable.append(_intervals(temperatures, margins[k], margin))
    return HullAtTemperature(
        tuple(elements), temperatures, phases, energies - fractions @ pure, np.maximum(margins, 0.0), stable, left_out
    )


def _is_pure(phase: FreeEnergy, element: str) -> bool:
    return phase.composition.get(element, 0.0) > 1 - 1e-9


def _common(phases: Sequence[FreeEnergy]) -> Array:
    low = max(float(p.temperatures_K[0]) for p in phases)
    high = min(float(p.temperatures_K[-1]) for p in phases)
    every = np.unique(np.round(np.concatenate([p.temperatures_K for p in phases]), 6))
    found = every[(every >= low - 1e-6) & (every <= high + 1e-6)]
    if len(found) < 2:
        raise NoHullError("the phases' temperatures do not overlap; give phonons and thermal the same")
    return found


def _spline(phase: FreeEnergy) -> Any:
    return CubicSpline(phase.temperatures_K, phase.static_energy_eV_per_atom + phase.vibrational_eV_per_atom)


def _lowest_pure(fractions: Array, element: int, energies: Array) -> Array:
    energy: Array = energies[fractions[:, element] > 1 - 1e-9].min(axis=0)
    return energy


def _rivals(fractions: Array, k: int) -> tuple[Array, Array]:
    """Mixtures of other phases that have the composition of phase k.

    Returns phases (m, e) and their shares (m, e); the hull without k at its composition is the least of the mixtures'
    energies, at any temperature, for compositions do not change with it.
    """
    others = [j for j in range(len(fractions)) if j != k]
    sets = np.array(list(combinations(others, fractions.shape[1])), int).reshape(-1, fractions.shape[1])
    corners = fractions[sets].transpose(0, 2, 1)
    # Phases on one line (or of one composition) span nothing; some other set holds what they could mix to
    spans = np.abs(np.linalg.det(corners)) > 1e-9
    sets, corners = sets[spans], corners[spans]
    wanted = np.broadcast_to(fractions[k][:, None], (len(sets), fractions.shape[1], 1))
    shares = np.linalg.solve(corners, wanted)[..., 0]
    inside = (shares > -1e-9).all(axis=1)
    return sets[inside], shares[inside]


def _margin(rivals: tuple[Array, Array], k: int, energies: Array) -> Array:
    """Free energy of phase k above the hull of all others, eV/atom, (n,); negative where it is stable."""
    sets, shares = rivals
    if not len(sets):  # an element's only phase
        return np.full(energies.shape[1], -np.inf)
    rival: Array = np.einsum("me,men->mn", shares, energies[sets]).min(axis=0)
    return energies[k] - rival


def _intervals(temperatures: Array, margins: Array, margin: Any) -> list[tuple[float, float]]:
    """Where the margin is not positive."""
    stable = margins <= STABLE_EV
    edges = [float(temperatures[0])] if stable[0] else []
    for (a, b), (t0, t1) in zip(pairwise(range(len(temperatures))), pairwise(temperatures), strict=True):
        if stable[a] != stable[b]:
            edges.append(_crossing(margin, float(t0), float(t1)))
    if stable[-1]:
        edges.append(float(temperatures[-1]))
    return list(zip(edges[::2], edges[1::2], strict=True))


def _crossing(margin: Any, low_K: float, high_K: float) -> float:
    shifted = [margin(t) - STABLE_EV for t in (low_K, high_K)]
    if shifted[0] * shifted[1] >= 0:  # one of them is zero to rounding
        return low_K if abs(shifted[0]) < abs(shifted[1]) else high_K
    return float(brentq(lambda t: margin(t) - STABLE_EV, low_K, high_K, xtol=SAME_K))
