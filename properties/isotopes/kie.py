"""Kinetic isotope effects: one potential-energy surface, two masses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms, units

from potentials.potential import Potential
from properties.dynamics.standing import Progress, unheard
from properties.errors import PropertyError
from properties.isotopes.harmonic import Modes, frequencies_on_plane, log_partition, modes_of, zero_point_eV
from properties.isotopes.instanton import NoInstantonError, instanton
from properties.isotopes.mass_integration import Exchanged, Place, integrate_masses
from properties.isotopes.masses import Exchange
from properties.isotopes.result import Factors, IsotopeEffect, Isotopologue
from properties.isotopes.settings import IsotopeSettings
from properties.isotopes.stationary import Stationary, Tell, stationary
from properties.isotopes.tunnelling import eckart, wigner
from properties.path_integrals import Plane

FAR_CORRECTION = 0.1
"""Of ln: corrections by beads or by the plane beyond this are no longer small, and a warning says so."""


def kinetic_isotope_effect(
    potential: Potential,
    reactant: Atoms,
    saddle: Atoms,
    exchange: Exchange,
    settings: IsotopeSettings | None = None,
    fixed: Sequence[int] = (),
    folder: Path | None = None,
    progress: Progress = unheard,
    tell: Tell = lambda doing, done, of: None,
) -> IsotopeEffect:
    """k_light/k_heavy of the passage from `reactant` over `saddle`, each brought to rest in its cell.

    Transition-state theory with quantum nuclei on a plane through the saddle, perpendicular (mass-weighted) to its
    unstable mode, on which all beads are held; motion across it is put back by a tunnelling factor. See
    docs/isotopes.md for the equations.

    saddle: the same atoms in the same order and cell. fixed: atoms that never move.

    Raises:
        PropertyError: structures that do not match, do not come to rest or are no minimum and first-order saddle.
    """
    settings = settings or IsotopeSettings()
    _check_alike(reactant, saddle)
    moving = np.ones(len(reactant), bool)
    moving[list(fixed)] = False
    if not moving[list(exchange.atoms)].all():
        raise PropertyError("fixed: an atom that is exchanged must move")
    rests = (
        stationary(potential, reactant, moving, 0, "reactant", tell),
        stationary(potential, saddle, moving, 1, "saddle", tell),
    )
    barrier = rests[1].energy_eV - rests[0].energy_eV
    if not barrier > 0:
        raise PropertyError(f"the saddle lies {-barrier:.3f} eV below the reactant: it is no barrier")
    pair = _Pair(*rests, exchange, moving, barrier, settings.reverse_barrier_eV or barrier)
    exchanged = _sampled(potential, pair, settings, folder, progress)
    warnings: list[str] = []
    factors = []
    for k, t in enumerate(settings.temperatures_K):
        kappas, calls = _tunnelling(potential, pair, t, settings, warnings)
        pair = replace(pair, calls=pair.calls + calls)
        factors.append(_factors(pair, t, settings, exchanged[k] if exchanged else None, kappas))
    warnings += _doubts(pair, settings, factors)
    path = settings.path
    steps = 0 if path is None else (path.steps + 1) * path.beads * 2 * settings.nodes * settings.replicas
    return IsotopeEffect(
        reactant.get_chemical_formula(), exchange, settings, potential.metadata, barrier, pair.reverse_eV,
        pair.isotopologue(0), pair.isotopologue(1), tuple(factors), tuple(warnings),
        sum(r.model_calls for r in rests) + steps * len(settings.temperatures_K) + pair.calls,
    )  # fmt: skip


@dataclass(frozen=True)
class _Pair:
    """Reactant and saddle at rest."""

    reactant: Stationary
    saddle: Stationary
    exchange: Exchange
    moving: np.ndarray
    barrier_eV: float
    reverse_eV: float
    calls: int = 0

    def masses(self, which: int) -> np.ndarray:
        return self.exchange.masses_of(self.reactant.atoms, self.exchange.masses_u[which])

    def modes(self, rest: Stationary, which: int) -> Modes:
        return modes_of(rest.force_constants, self.masses(which), self.moving)

    def isotopologue(self, which: int) -> Isotopologue:
        reactant, saddle = (self.modes(rest, which) for rest in (self.reactant, self.saddle))
        lift = zero_point_eV(saddle.frequencies) - zero_point_eV(reactant.frequencies)
        name = (self.exchange.light, self.exchange.heavy)[which]
        omega_b = float(saddle.unstable[0])
        return Isotopologue(name, reactant.frequencies, saddle.frequencies, omega_b, self.barrier_eV + lift)

    @property
    def normal(self) -> np.ndarray:
        """Of the plane for both masses: m u of the unstable mode at their geometric mean, (n, 3)."""
        masses = self.exchange.masses_of(self.reactant.atoms, float(np.sqrt(np.prod(self.exchange.masses_u))))
        modes = modes_of(self.saddle.force_constants, masses, self.moving)
        return masses[:, None] * modes.directions[0]

    def on_plane(self, which: int) -> np.ndarray:
        return frequencies_on_plane(self.saddle.force_constants, self.masses(which), self.moving, self.normal)

    def log_harmonic(self, kT_eV: float, beads: int | None = None, on_plane: bool = False) -> float:
        """Logarithm of the ratio by harmonic partition functions; `on_plane` those of the plane for both masses."""
        logs = []
        for which in (0, 1):
            saddle = self.on_plane(which) if on_plane else self.modes(self.saddle, which).frequencies
            reactant = self.modes(self.reactant, which).frequencies
            logs.append(log_partition(saddle, kT_eV, beads) - log_partition(reactant, kT_eV, beads))
        return logs[0] - logs[1]


def _check_alike(reactant: Atoms, saddle: Atoms) -> None:
    if not np.array_equal(reactant.numbers, saddle.numbers):
        raise PropertyError("saddle: must have the reactant's atoms in the same order")
    if not np.allclose(reactant.cell.array, saddle.cell.array, atol=1e-3):
        raise PropertyError("saddle: must be in the reactant's cell")


def _sampled(
    potential: Potential, pair: _Pair, settings: IsotopeSettings, folder: Path | None, progress: Progress
) -> list[list[Exchanged]] | None:
    if settings.path is None:
        return None
    fixed = None if pair.moving.all() else ~pair.moving
    places = [
        Place("reactant", pair.reactant.atoms, pair.exchange, fixed),
        Place("saddle", pair.saddle.atoms, pair.exchange, fixed, Plane(pair.normal)),
    ]
    return integrate_masses(
        potential, places, settings.temperatures_K, settings.path, settings.nodes, settings.replicas, settings.seed,
        folder, progress,
    )  # fmt: skip


def _tunnelling(
    potential: Potential, pair: _Pair, temperature_K: float, settings: IsotopeSettings, warnings: list[str]
) -> tuple[dict[str, tuple[float, float]], int]:
    """κ of light and heavy by each kind, and model calls."""
    kT = units.kB * temperature_K
    omegas = [pair.isotopologue(which).omega_b for which in (0, 1)]
    found = {
        "none": (1.0, 1.0),
        "wigner": (wigner(omegas[0], kT), wigner(omegas[1], kT)),
        "eckart": tuple(eckart(pair.barrier_eV, pair.reverse_eV, omega, kT) for omega in omegas),
    }
    calls = 0
    if settings.tunnelling == "instanton":
        try:
            paths = [
                instanton(potential, pair.saddle, pair.masses(which), kT, settings.instanton_beads) for which in (0, 1)
            ]
            calls = sum(p.model_calls for p in paths)
            found["instanton"] = (paths[0].kappa, paths[1].kappa)
        except NoInstantonError as error:
            # Of both: a ratio of two theories would hold the difference between them
            warnings.append(f"{temperature_K:g} K: {error}; Eckart's factor stands in for both masses")
    return found, calls  # type: ignore[return-value]


def _factors(
    pair: _Pair,
    temperature_K: float,
    settings: IsotopeSettings,
    exchanged: Sequence[Exchanged] | None,
    kappas: dict[str, tuple[float, float]],
) -> Factors:
    kT = units.kB * temperature_K
    harmonic = pair.log_harmonic(kT)
    on_plane = pair.log_harmonic(kT, None, on_plane=True)
    beads = 0.0 if settings.path is None else on_plane - pair.log_harmonic(kT, settings.path.beads, on_plane=True)
    ratio = error = None
    if exchanged:
        at_reactant, at_saddle = exchanged
        log = at_reactant.log_ratio - at_saddle.log_ratio + beads + harmonic - on_plane
        ratio = float(np.exp(log))
        error = ratio * float(np.hypot(at_reactant.error, at_saddle.error))
    light, heavy = (pair.isotopologue(which).zero_point_barrier_eV for which in (0, 1))
    ratios = {name: both[0] / both[1] for name, both in kappas.items()}
    kind = settings.tunnelling if settings.tunnelling in kappas else "eckart"
    return Factors(
        temperature_K=temperature_K,
        zero_point=float(np.exp((heavy - light) / kT)),
        harmonic=float(np.exp(harmonic)),
        path_integral=ratio,
        path_integral_error=error,
        finite_beads=float(np.exp(beads)),
        plane=float(np.exp(harmonic - on_plane)),
        wigner=ratios["wigner"],
        eckart=ratios["eckart"],
        instanton=ratios.get("instanton"),
        tunnelling=ratios[kind],
        kappa=kappas[kind],
        exchanged=(exchanged[0], exchanged[1]) if exchanged else None,
    )


def _doubts(pair: _Pair, settings: IsotopeSettings, factors: Sequence[Factors]) -> list[str]:
    found = []
    if settings.reverse_barrier_eV is None:
        found.append("Eckart's barrier is taken as symmetric; reverse_barrier_eV says otherwise")
    for rest, name in ((pair.reactant, "reactant"), (pair.saddle, "saddle")):
        if rest.moved_A > 0.2:
            found.append(f"the {name} moved by {rest.moved_A:.2f} Å until it was at rest: is it still what was meant?")
    for f in factors:
        if not f.enough:
            found.append(f"{f.temperature_K:g} K: runs are too short for their errors to be known; lengthen produce_ps")
        for value, what in ((f.finite_beads, "finitely many beads"), (f.plane, "the plane")):
            if abs(np.log(value)) > FAR_CORRECTION:
                found.append(f"{f.temperature_K:g} K: the harmonic correction for {what} is large, {value:.3f}")
    return found
