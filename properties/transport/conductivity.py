"""Ionic conductivity, diffusion and activation energies of what molecular dynamics left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase import units

from properties.dynamics.flow import Flow
from properties.transport.arrhenius import Arrhenius, arrhenius
from properties.transport.density import density
from properties.transport.diffusion import Charge, Diffusion, charge_displacement, self_diffusion
from properties.transport.ensemble import Ensemble, ensembles
from properties.transport.green_kubo import Autocorrelation, Integral, autocorrelation, integral
from properties.transport.jumps import jumps
from properties.transport.result import Conductivity, TemperaturePoint
from properties.transport.settings import FEWEST_BLOCKS, TransportSettings

S_PER_CM = units._e * 1e20
"""e²/(Å ps eV), which is e/(V Å ps), in S/cm: 16.02."""
SHOWN_CUTOFFS, SHORTEST_SHOWN_PS = 2.0, 1.0
"""Autocorrelations are shown to so many periods of the fit's cutoff, and as long as vibrations at least."""
NEUTRAL_E = 1e-6
DISAGREE, CONTRADICT = 2.5, 5.0
"""Errors between Green–Kubo and Einstein that are told of, and that leave no number: they share the runs' noise."""


def conductivity(
    flows: Sequence[Flow], charges: Mapping[str, float], settings: TransportSettings | None = None
) -> Conductivity:
    """Of any number of replicas at each of several temperatures; charges: of each species, e.

    Raises:
        PropertyError: flows do not belong together, or a species has no charge. A run too short for a number is no
        error: its point says so.
    """
    settings = settings or TransportSettings()
    found, warnings = ensembles(flows, charges)
    mobile = settings.mobile or _mobile(found, settings)
    points = tuple(_point(e.seen_from(settings.frame, mobile), mobile, settings) for e in found)
    return Conductivity(
        charges=dict(charges),
        mobile=tuple(mobile),
        net_charge_e=found[0].net_charge_e,
        counts=dict(zip(found[0].species, found[0].counts.tolist(), strict=True)),
        points=points,
        arrhenius=_arrhenius_conductivity(points),
        diffusion_arrhenius={s: _arrhenius_diffusion(points, s) for s in mobile},
        warnings=tuple(warnings + _warnings(found, points, settings)),
        settings=settings,
    )


def _mobile(found: Sequence[Ensemble], settings: TransportSettings) -> tuple[str, ...]:
    """Charged species that wander a jump's length at any temperature, from the centre of mass: no host is known yet."""
    seen = [e.seen_from("centre of mass", ()) for e in found]
    charged = [s for s, q in zip(found[0].species, found[0].charges_e, strict=True) if q]
    jump = settings.jump_A or {}
    return tuple(s for s in charged if any(self_diffusion(e, s, jump).slope is not None for e in seen))


def _point(ensemble: Ensemble, mobile: Sequence[str], settings: TransportSettings) -> TemperaturePoint:
    diffusion = {s: self_diffusion(ensemble, s, settings.jump_A or {}) for s in ensemble.species}
    moving = [diffusion[s] for s in mobile if diffusion[s].slope is not None]
    isotropic = settings.isotropic
    if isotropic is None:
        isotropic = not any(d.anisotropic for d in moving)
    settled = [d.settled for d in moving if d.settled]
    charge = charge_displacement(ensemble, min(settled)) if settled else None
    whole, directions = _green_kubo(ensemble, isotropic, settings)
    where = {s: density(ensemble, s, settings.repeats) for s in mobile}
    return TemperaturePoint(
        temperature_K=ensemble.temperature_K,
        mean_temperature_K=ensemble.mean_temperature_K,
        replicas=ensemble.replicas,
        picoseconds=ensemble.picoseconds,
        volume_A3=ensemble.volume_A3,
        species=ensemble.species,
        to_S_per_cm=_prefactor(ensemble),
        nernst_einstein=_nernst_einstein(ensemble, moving),
        integral=whole,
        directions=directions,
        conductivity_reason=_no_number(diffusion, mobile, charge, whole, _prefactor(ensemble), settings),
        current=_shown(ensemble, whole),
        charge=charge,
        diffusion=diffusion,
        density=where,
        jumps={s: jumps(ensemble, s, where[s]) for s in mobile},
    )


def _prefactor(ensemble: Ensemble) -> float:
    """1/(V k_B T): of an integral or a slope in e² Å²/ps, in S/cm."""
    return S_PER_CM / (ensemble.volume_A3 * units.kB * ensemble.mean_temperature_K)


def _series(ensemble: Ensemble, direction: int | None = None) -> np.ndarray:
    """(m, steps): replicas, each in three directions or in one."""
    current = np.moveaxis(ensemble.charge_current_eA_ps, 2, 1)
    return current.reshape(-1, current.shape[2]) if direction is None else current[:, direction]


def _green_kubo(
    ensemble: Ensemble, isotropic: bool, settings: TransportSettings
) -> tuple[Integral, tuple[Integral, ...]]:
    """σ = 1/(3 V k_B T) ∫⟨J(0)·J(t)⟩dt (Kubo, J. Phys. Soc. Jpn. 12, 570 (1957)), all species, all cross terms.

    Three directions are three independent series of one kind in an isotropic crystal, three kinds in another one.
    """
    factor = _prefactor(ensemble)
    whole = integral(_series(ensemble), ensemble.step_ps, factor, settings.spectrum)
    if isotropic:
        return whole, ()
    each = tuple(integral(_series(ensemble, k), ensemble.step_ps, factor, settings.spectrum) for k in range(3))
    return whole, each


def _nernst_einstein(ensemble: Ensemble, moving: Sequence[Diffusion]) -> tuple[float, float] | None:
    """σ = Σ N q² D/(V k_B T), of species that move, and its error."""
    if not moving:
        return None
    parts = []
    for d in moving:
        charge = ensemble.charges_e[ensemble.species.index(d.symbol)]
        if d.slope is not None:
            weight = len(ensemble.members(d.symbol)) * charge**2 * _prefactor(ensemble)
            parts.append((weight * d.slope.value, weight * d.slope.error))
    values, errors = np.array(parts).T
    return float(values.sum()), float(np.sqrt(np.square(errors).sum()))


def _no_number(
    diffusion: Mapping[str, Diffusion],
    mobile: Sequence[str],
    charge: Charge | None,
    whole: Integral,
    factor: float,
    settings: TransportSettings,
) -> str:
    """Why a spectrum that could be fitted is no conductivity; empty where it is one."""
    if charge is None:
        named = mobile or tuple(diffusion)
        return "no ion moves: " + "; ".join(diffusion[s].reason for s in named)
    if charge.reason:
        return charge.reason
    if whole.reason or whole.value is None or whole.error is None:
        return whole.reason
    if whole.error > settings.largest_relative_error * whole.value:
        return (
            f"{whole.value:.2g} ± {whole.error:.2g} S/cm is less certain than {settings.largest_relative_error:.0%}: "
            "run more replicas, or longer"
        )
    if charge.slope is not None:
        other, error = charge.slope.value * factor, charge.slope.error * factor
        if abs(whole.value - other) > CONTRADICT * np.hypot(whole.error, error):
            return (
                f"Green–Kubo says {whole.value:.2g} ± {whole.error:.2g} and Einstein {other:.2g} ± {error:.2g} S/cm: "
                "the current remembers longer than one of them sees; make runs longer"
            )
    return ""


def _shown(ensemble: Ensemble, whole: Integral) -> Autocorrelation:
    longest = SHORTEST_SHOWN_PS
    if whole.cutoff_THz:
        longest = max(longest, SHOWN_CUTOFFS / whole.cutoff_THz)
    return autocorrelation(
        _series(ensemble), ensemble.step_ps, _prefactor(ensemble), min(longest, ensemble.picoseconds / 4)
    )


def _arrhenius_conductivity(points: Sequence[TemperaturePoint]) -> Arrhenius:
    values = [(p.green_kubo_S_per_cm, p.green_kubo_error_S_per_cm) for p in points]
    return _arrhenius(points, values, per_K=False)


def _arrhenius_diffusion(points: Sequence[TemperaturePoint], symbol: str) -> Arrhenius:
    values = [(p.diffusion[symbol].cm2_per_s, p.diffusion[symbol].error_cm2_per_s) for p in points]
    return _arrhenius(points, values, per_K=True)


def _arrhenius(
    points: Sequence[TemperaturePoint], values: Sequence[tuple[float | None, float | None]], per_K: bool
) -> Arrhenius:
    value, error = np.array(values, float).T  # None is NaN
    return arrhenius(np.array([p.mean_temperature_K for p in points]), value, error, per_K)


def _warnings(found: Sequence[Ensemble], points: Sequence[TemperaturePoint], settings: TransportSettings) -> list[str]:
    told = []
    charge = found[0].net_charge_e
    if abs(charge) > NEUTRAL_E:
        told.append(
            f"the cell carries {charge:+.3g} e, so that the conductivity depends on the frame of reference, "
            f"which is the {settings.frame}"
        )
    for p in points:
        at = f"{p.temperature_K:g} K: "
        if p.replicas < FEWEST_BLOCKS:
            count = f"{p.replicas} replica{'s' if p.replicas != 1 else ''}"
            told.append(f"{at}{count}, fewer than {FEWEST_BLOCKS}: errors come from pieces of runs")
        told += [at + doubt for doubt in p.integral.doubts if p.green_kubo_S_per_cm is not None]
        gap = p.gap
        if gap is not None and gap > DISAGREE:
            told.append(f"{at}Green–Kubo and Einstein differ by {gap:.1f} errors")
    return told
