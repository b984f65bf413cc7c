"""Equilibrium isotope fractionation: in which of two structures the heavy isotope would rather be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units

from potentials.metadata import Metadata
from potentials.potential import Potential
from properties.dynamics.standing import Progress, unheard
from properties.isotopes.harmonic import log_partition, modes_of
from properties.isotopes.mass_integration import Exchanged, Place, integrate_masses
from properties.isotopes.masses import Exchange
from properties.isotopes.settings import IsotopeSettings
from properties.isotopes.stationary import Stationary, Tell, stationary
from properties.path_integrals.ring_polymer import HBAR


@dataclass(frozen=True)
class Reduced:
    """Reduced partition-function ratio of one structure at one temperature, an exchanged atom.

    ln β = (1/n) ln (Q_heavy/Q_light)/(Q_heavy/Q_light)_classical of n exchanged atoms: Bigeleisen & Mayer, J. Chem.
    Phys. 15, 261 (1947).

    Attributes:
        log_harmonic: of harmonic vibrations.
        log_path_integral, log_error: sampled, corrected by harmonic vibrations for finitely many beads; None where not.
    """

    log_harmonic: float
    log_path_integral: float | None
    log_error: float | None
    exchanged: Exchanged | None


@dataclass(frozen=True)
class Fractionation:
    """α = β_one/β_other at some temperatures: above 1, the heavy isotope prefers `one`."""

    temperatures_K: tuple[float, ...]
    one: tuple[Reduced, ...]
    other: tuple[Reduced, ...]
    potential: Metadata

    @property
    def alpha_harmonic(self) -> np.ndarray:
        """By temperature."""
        pairs = zip(self.one, self.other, strict=True)
        return np.exp([a.log_harmonic - b.log_harmonic for a, b in pairs])

    @property
    def alpha(self) -> np.ndarray | None:
        """By path integrals; None where they were left out."""
        pairs = list(zip(self.one, self.other, strict=True))
        logs = [(a.log_path_integral, b.log_path_integral) for a, b in pairs]
        return None if any(None in pair for pair in logs) else np.exp([a - b for a, b in logs])  # type: ignore[operator]

    @property
    def alpha_error(self) -> np.ndarray | None:
        """One standard error."""
        if self.alpha is None:
            return None
        pairs = zip(self.one, self.other, strict=True)
        return self.alpha * np.array([np.hypot(a.log_error or 0, b.log_error or 0) for a, b in pairs])

    def to_json(self) -> dict[str, Any]:
        """Lists by temperature."""
        alpha, error = self.alpha, self.alpha_error
        betas = {
            f"log_beta_{name}_{kind}": [getattr(r, key) for r in side]
            for name, side in (("one", self.one), ("other", self.other))
            for kind, key in (("harmonic", "log_harmonic"), ("path_integral", "log_path_integral"))
        }
        return {
            "temperatures_K": list(self.temperatures_K),
            "alpha_harmonic": self.alpha_harmonic.tolist(),
            "alpha": None if alpha is None else alpha.tolist(),
            "alpha_error": None if error is None else error.tolist(),
            **betas,
            "potential": self.potential.to_json(),
        }


def fractionation(
    potential: Potential,
    one: tuple[Atoms, Exchange],
    other: tuple[Atoms, Exchange],
    settings: IsotopeSettings | None = None,
    fixed: Sequence[int] = (),
    folder: Path | None = None,
    progress: Progress = unheard,
    tell: Tell = lambda doing, done, of: None,
) -> Fractionation:
    """Between two structures, each with the atoms that are exchanged in it; both are brought to rest in their cells.

    fixed: indices of atoms that never move, in both.

    Raises:
        PropertyError: one that does not come to rest, or is no minimum.
    """
    settings = settings or IsotopeSettings()
    names = ("one", "other")
    moving = [~np.isin(np.arange(len(atoms)), list(fixed)) for atoms, _ in (one, other)]
    rests = [
        stationary(potential, atoms, free, 0, name, tell)
        for name, (atoms, _), free in zip(names, (one, other), moving, strict=True)
    ]
    exchanges = (one[1], other[1])
    sampled: list[list[Exchanged]] | None = None
    if settings.path is not None:
        places = [
            Place(n, r.atoms, e, None if r.moving.all() else ~r.moving)
            for n, r, e in zip(names, rests, exchanges, strict=True)
        ]
        sampled = integrate_masses(
            potential, places, settings.temperatures_K, settings.path, settings.nodes, settings.replicas,
            settings.seed, folder, progress,
        )  # fmt: skip
    beads = None if settings.path is None else settings.path.beads
    sides: list[list[Reduced]] = [[], []]
    for k, t in enumerate(settings.temperatures_K):
        for side, (rest, exchange) in enumerate(zip(rests, exchanges, strict=True)):
            run = sampled[k][side] if sampled else None
            sides[side].append(_reduced(rest, exchange, units.kB * t, run, beads))
    return Fractionation(tuple(settings.temperatures_K), tuple(sides[0]), tuple(sides[1]), potential.metadata)


def _reduced(rest: Stationary, exchange: Exchange, kT_eV: float, run: Exchanged | None, beads: int | None) -> Reduced:
    number = len(exchange.atoms)
    frequencies: Sequence[np.ndarray] = [
        modes_of(rest.force_constants, exchange.masses_of(rest.atoms, m), rest.moving).frequencies
        for m in exchange.masses_u
    ]

    def log_ratio(beads: int | None) -> float:
        quantum = log_partition(frequencies[1], kT_eV, beads) - log_partition(frequencies[0], kT_eV, beads)
        # Classical oscillators: Q = k_B T/ħω
        classical = np.log(HBAR * frequencies[0] / kT_eV).sum() - np.log(HBAR * frequencies[1] / kT_eV).sum()
        return float(quantum - classical) / number

    if run is None:
        return Reduced(log_ratio(None), None, None, None)
    light, heavy = exchange.masses_u
    log = run.log_ratio / number - 1.5 * np.log(heavy / light) + log_ratio(None) - log_ratio(beads)
    return Reduced(log_ratio(None), float(log), run.error / number, run)
