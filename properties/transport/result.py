"""What a transport analysis found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from properties.transport.arrhenius import Arrhenius
from properties.transport.as_json import arrhenius_json, listed, point_json
from properties.transport.density import Density
from properties.transport.diffusion import Charge, Diffusion
from properties.transport.green_kubo import Autocorrelation, Integral
from properties.transport.jumps import Jumps
from properties.transport.settings import TransportSettings

FRAMES = {
    "host": "velocities are relative to the mean velocity of all species but the mobile ones",
    "centre of mass": "velocities are relative to the centre of mass",
    "laboratory": "velocities are as the run left them",
}


@dataclass(frozen=True)
class TemperaturePoint:
    """One temperature.

    Attributes:
        temperature_K, mean_temperature_K: set, and measured over all replicas.
        replicas, picoseconds: how many, and of each.
        volume_A3: of the cell.
        species: symbols in order of `charge.pairs`.
        to_S_per_cm: 1/(V k_B T), of e² Å²/ps.
        nernst_einstein: S/cm and its error; None where no ion moves.
        integral: of the current's autocorrelation, S/cm, directions together.
        directions: x, y, z apart where the crystal is anisotropic, else empty.
        conductivity_reason: why there is no conductivity, empty where there is.
        current: its autocorrelation.
        charge: displacement of all charge; None where no ion moves.
        diffusion: by species.
        density, jumps: by mobile species.
    """

    temperature_K: float
    mean_temperature_K: float
    replicas: int
    picoseconds: float
    volume_A3: float
    species: tuple[str, ...]
    to_S_per_cm: float
    nernst_einstein: tuple[float, float] | None
    integral: Integral
    directions: tuple[Integral, ...]
    conductivity_reason: str
    current: Autocorrelation
    charge: Charge | None
    diffusion: Mapping[str, Diffusion]
    density: Mapping[str, Density]
    jumps: Mapping[str, Jumps]

    @property
    def reason(self) -> str:
        """Why there is no Green–Kubo conductivity."""
        return self.conductivity_reason

    @property
    def green_kubo_S_per_cm(self) -> float | None:
        """Mean over directions; None where `reason` says why."""
        return None if self.reason else self.integral.value

    @property
    def green_kubo_error_S_per_cm(self) -> float | None:
        """One standard error."""
        return None if self.reason else self.integral.error

    @property
    def einstein_reason(self) -> str:
        """Why there is no Einstein conductivity."""
        return self.conductivity_reason if self.charge is None else self.charge.reason

    @property
    def einstein_S_per_cm(self) -> float | None:
        """From the displacement of all charge."""
        if self.einstein_reason or self.charge is None or self.charge.slope is None:
            return None
        return self.charge.slope.value * self.to_S_per_cm

    @property
    def einstein_error_S_per_cm(self) -> float | None:
        """One standard error."""
        if self.einstein_S_per_cm is None or self.charge is None or self.charge.slope is None:
            return None
        return self.charge.slope.error * self.to_S_per_cm

    @property
    def upper_bound_S_per_cm(self) -> float | None:
        """95 %, one-sided, by Einstein, where there is no number but a slope."""
        if self.charge is None or self.charge.slope is None or self.green_kubo_S_per_cm is not None:
            return None
        return (max(self.charge.slope.value, 0.0) + 1.645 * self.charge.slope.error) * self.to_S_per_cm

    @property
    def haven_ratio(self) -> tuple[float, float] | None:
        """Nernst–Einstein over Green–Kubo, and its error (theirs taken as independent: an upper bound)."""
        if self.nernst_einstein is None or self.green_kubo_S_per_cm is None or self.integral.error is None:
            return None
        (ne, ne_error), gk = self.nernst_einstein, self.green_kubo_S_per_cm
        return ne / gk, float(ne / gk * np.hypot(ne_error / ne, self.integral.error / gk))

    @property
    def gap(self) -> float | None:
        """Errors between Green–Kubo and Einstein; None where one is missing."""
        gk, gk_error = self.green_kubo_S_per_cm, self.green_kubo_error_S_per_cm
        einstein, error = self.einstein_S_per_cm, self.einstein_error_S_per_cm
        if gk is None or gk_error is None or einstein is None or error is None:
            return None
        return float(abs(gk - einstein) / np.hypot(gk_error, error))


@dataclass(frozen=True)
class Conductivity:
    """Of one crystal at all its temperatures.

    Attributes:
        charges: of the species, e.
        mobile: species that move.
        net_charge_e: of the cell.
        counts: atoms of each species.
        points: temperatures, ascending.
        arrhenius: of ln(σ T), Green–Kubo.
        diffusion_arrhenius: of ln D, by mobile species.
        warnings: what a reader must know, a line each.
        settings: as asked.
    """

    charges: Mapping[str, float]
    mobile: tuple[str, ...]
    net_charge_e: float
    counts: Mapping[str, int]
    points: tuple[TemperaturePoint, ...]
    arrhenius: Arrhenius
    diffusion_arrhenius: Mapping[str, Arrhenius]
    warnings: tuple[str, ...]
    settings: TransportSettings

    @property
    def activation_energy_eV(self) -> float | None:
        """Of ln(σ T), through all temperatures."""
        line = self.arrhenius.line
        return None if line is None else line.activation_energy_eV

    def to_json(self) -> dict[str, Any]:
        """JSON-able; null where there is no number."""
        return self._by_temperature() | self._diffusion_json() | self._energies_json() | self._origin_json()

    def _by_temperature(self) -> dict[str, Any]:
        points = self.points
        nernst = [p.nernst_einstein or (None, None) for p in points]
        haven = [p.haven_ratio or (None, None) for p in points]
        return {
            "temperatures_K": [p.temperature_K for p in points],
            "mean_temperatures_K": listed([p.mean_temperature_K for p in points]),
            "replicas": [p.replicas for p in points],
            "picoseconds": listed([p.picoseconds for p in points]),
            "green_kubo_S_per_cm": listed([p.green_kubo_S_per_cm for p in points]),
            "green_kubo_error_S_per_cm": listed([p.green_kubo_error_S_per_cm for p in points]),
            "green_kubo_reason": [p.reason for p in points],
            "einstein_S_per_cm": listed([p.einstein_S_per_cm for p in points]),
            "einstein_error_S_per_cm": listed([p.einstein_error_S_per_cm for p in points]),
            "einstein_reason": [p.einstein_reason for p in points],
            "upper_bound_S_per_cm": listed([p.upper_bound_S_per_cm for p in points]),
            "nernst_einstein_S_per_cm": listed([value for value, _ in nernst]),
            "nernst_einstein_error_S_per_cm": listed([error for _, error in nernst]),
            "nernst_einstein_reason": ["no ion moves" if p.nernst_einstein is None else "" for p in points],
            "haven_ratio": listed([value for value, _ in haven]),
            "haven_ratio_error": listed([error for _, error in haven]),
        }

    def _diffusion_json(self) -> dict[str, Any]:
        species = self.points[0].species
        return {
            "diffusion_cm2_per_s": {s: listed([p.diffusion[s].cm2_per_s for p in self.points]) for s in species},
            "diffusion_error_cm2_per_s": {
                s: listed([p.diffusion[s].error_cm2_per_s for p in self.points]) for s in species
            },
            "diffusion_reason": {s: [p.diffusion[s].reason for p in self.points] for s in species},
        }

    def _energies_json(self) -> dict[str, Any]:
        line, to_K = self.arrhenius.line, self.settings.extrapolate_to_K
        mine = arrhenius_json(self.arrhenius, to_K, per_K=False)
        return {
            "activation_energy_eV": self.activation_energy_eV,
            "activation_energy_error_eV": None if line is None else line.activation_energy_error_eV,
            "activation_energy_reason": self.arrhenius.reason,
            "arrhenius": {
                "conductivity": mine,
                "diffusion": {s: arrhenius_json(a, to_K, per_K=True) for s, a in self.diffusion_arrhenius.items()},
            },
            "extrapolated_300_K": mine["at_300_K"],
        }

    def _origin_json(self) -> dict[str, Any]:
        frame = self.settings.frame
        note = FRAMES[frame]
        note += "; the cell is neutral, so that the conductivity is the same in any frame" * (not self.charged)
        return {
            "mobile": list(self.mobile),
            "reference_frame": frame,
            "reference_frame_note": note,
            "net_charge_e": self.net_charge_e,
            "charges": dict(self.charges),
            "counts": dict(self.counts),
            "atoms": sum(self.counts.values()),
            "formula": "".join(f"{s}{n}" for s, n in self.counts.items()),
            "warnings": list(self.warnings),
            "points": [point_json(p) for p in self.points],
            "settings": asdict(self.settings),
        }

    @property
    def charged(self) -> bool:
        """True where the conductivity depends on the frame."""
        return abs(self.net_charge_e) > 1e-6
