"""What is known of a kinetic isotope effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potentials.metadata import Metadata
from properties.isotopes.mass_integration import Exchanged, Place
from properties.isotopes.masses import Exchange
from properties.isotopes.settings import IsotopeSettings
from properties.path_integrals.ring_polymer import PER_CM


@dataclass(frozen=True)
class Isotopologue:
    """One mass, harmonically.

    Attributes:
        reactant, saddle: ω of stable modes, 1/√(u Å²/eV).
        omega_b: |ω| of the saddle's unstable mode.
        zero_point_barrier_eV: barrier with zero-point energies.
    """

    isotope: str
    reactant: np.ndarray
    saddle: np.ndarray
    omega_b: float
    zero_point_barrier_eV: float

    def to_json(self) -> dict[str, Any]:
        """Frequencies in cm⁻¹."""
        return {
            "isotope": self.isotope,
            "zero_point_barrier_eV": self.zero_point_barrier_eV,
            "unstable_per_cm": self.omega_b / PER_CM,
            "reactant_per_cm": (self.reactant / PER_CM).tolist(),
            "saddle_per_cm": (self.saddle / PER_CM).tolist(),
        }


@dataclass(frozen=True)
class Factors:
    """k_light/k_heavy at one temperature, and what it is made of.

    Attributes:
        temperature_K: of it.
        zero_point: exp of the difference of zero-point barriers.
        harmonic: transition-state theory with harmonic quantum partition functions (Bigeleisen & Mayer's): `zero_point`
            with thermal excitation and the classical ratio of frequencies.
        path_integral: the same by path integrals, all anharmonicity in it, with the two corrections below; None where
            they are left out.
        path_integral_error: one standard error.
        finite_beads: harmonic ratio with endless beads over that with so many: what it has been multiplied by.
        plane: the same for the dividing plane, which is the same for both masses though the best ones differ.
        wigner, eckart, instanton: κ_light/κ_heavy of each kind; the last None where it is not asked for.
        tunnelling: the one that is multiplied.
        kappa: of light and heavy, of that kind.
        exchanged: reactant's and saddle's integrals over the mass.
    """

    temperature_K: float
    zero_point: float
    harmonic: float
    path_integral: float | None
    path_integral_error: float | None
    finite_beads: float
    plane: float
    wigner: float
    eckart: float
    instanton: float | None
    tunnelling: float
    kappa: tuple[float, float]
    exchanged: tuple[Exchanged, Exchanged] | None

    @property
    def rate_ratio(self) -> float:
        """Path integrals' where there are some, else harmonic, times tunnelling."""
        return (self.harmonic if self.path_integral is None else self.path_integral) * self.tunnelling

    @property
    def rate_ratio_error(self) -> float | None:
        """Of the sampling; None where nothing was sampled."""
        return None if self.path_integral_error is None else self.path_integral_error * self.tunnelling

    @property
    def enough(self) -> bool:
        """False where a run was too short for its error to be known."""
        return self.exchanged is None or all(e.enough for e in self.exchanged)


ROWS = (
    "rate_ratio", "rate_ratio_error", "zero_point", "harmonic", "path_integral", "path_integral_error", "tunnelling",
    "wigner", "eckart", "instanton", "finite_beads", "plane",
)  # fmt: skip


@dataclass(frozen=True)
class IsotopeEffect:
    """A kinetic isotope effect at some temperatures.

    Attributes:
        barrier_eV: of the potential, the same for both masses; `reverse_barrier_eV` of Eckart's other side.
        light, heavy: the two isotopologues.
        warnings: one line each.
    """

    formula: str
    exchange: Exchange
    settings: IsotopeSettings
    potential: Metadata
    barrier_eV: float
    reverse_barrier_eV: float
    light: Isotopologue
    heavy: Isotopologue
    factors: tuple[Factors, ...]
    warnings: tuple[str, ...]
    model_calls: int

    def to_json(self) -> dict[str, Any]:
        """Lists by temperature; eV, K, cm⁻¹."""
        rows: dict[str, Any] = {name: [getattr(f, name) for f in self.factors] for name in ROWS}
        path = self.settings.path
        return {
            "formula": self.formula,
            "temperatures_K": [f.temperature_K for f in self.factors],
            **rows,
            "kappa": [list(f.kappa) for f in self.factors],
            "enough": [f.enough for f in self.factors],
            "tunnelling_by": self.settings.tunnelling,
            "barrier_eV": self.barrier_eV,
            "reverse_barrier_eV": self.reverse_barrier_eV,
            "exchange": {
                "light": self.exchange.light,
                "heavy": self.exchange.heavy,
                "atoms": list(self.exchange.atoms),
            },
            "isotopologues": [self.light.to_json(), self.heavy.to_json()],
            "beads": None if path is None else path.beads,
            "mass_integration": [[e.to_json() for e in f.exchanged or ()] for f in self.factors],
            "bead_pictures": self._pictures(),
            "potential": self.potential.to_json(),
            "warnings": list(self.warnings),
            "model_calls": self.model_calls,
        }

    def _pictures(self) -> list[dict[str, Any]]:
        """Beads of the exchanged atoms at the run's end, of the lightest node, at the lowest temperature."""
        coldest = min(self.factors, key=lambda f: f.temperature_K)
        which = list(self.exchange.atoms)
        return [
            {
                "place": e.place.name,
                "temperature_K": e.temperature_K,
                "mass_u": float(e.masses_u.min()),
                "rest_A": e.place.atoms.positions[which].tolist(),
                "beads_A": _undrifted(e.runs[self._lightest(e)].beads_A, e.place)[:, which].transpose(1, 0, 2).tolist(),
            }
            for e in coldest.exchanged or ()
        ]

    def _lightest(self, exchanged: Exchanged) -> int:
        return int(np.argmin(exchanged.masses_u)) * self.settings.replicas


def _undrifted(beads_A: np.ndarray, place: Place) -> np.ndarray:
    """Beads, (P, n, 3), with the whole shifted back to where it was at rest: unless atoms are fixed, it drifts."""
    if place.fixed is not None and np.any(place.fixed):
        return beads_A
    moved = (beads_A - place.atoms.positions).mean(0)
    return beads_A - np.average(moved, axis=0, weights=place.atoms.get_masses())
