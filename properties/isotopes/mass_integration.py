"""Quantum free energies of isotopes by thermodynamic integration over the mass.

∂ ln Q/∂ ln m = β⟨K⟩ with K the quantum kinetic energy of the atoms whose mass is m, so that

    ln Q_heavy/Q_light = β ∫ ⟨K⟩ d ln m = ∫ 2 β⟨K⟩ √m d(1/√m)

the first integral from the light mass to the heavy one, the second from 1/√heavy to 1/√light

(Vaníček & Miller, J. Chem. Phys. 127, 114309 (2007)). In 1/√m the integrand is constant where a stiff vibration's
zero-point energy, ∝ 1/√m, is all there is (the same idea as in Ceriotti & Markland, J. Chem. Phys. 138, 014112 (2013)),
so few of Gauss and Legendre's nodes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms, units

from potentials.potential import Potential
from properties.dynamics.standing import Progress, unheard
from properties.isotopes.masses import Exchange
from properties.path_integrals import PathSettings, Plane, RingAverages, RingSystem, mean_with_error, sample


@dataclass(frozen=True)
class Place:
    """Where atoms are exchanged.

    Attributes:
        name: "reactant", "saddle", ...
        atoms: masses of those that are not exchanged.
        exchange: whose indices are this structure's.
        fixed, plane: as of `RingSystem`.
    """

    name: str
    atoms: Atoms
    exchange: Exchange
    fixed: np.ndarray | None = None
    plane: Plane | None = None


@dataclass(frozen=True)
class Exchanged:
    """ln Q_heavy/Q_light of a place at a temperature.

    Attributes:
        place, temperature_K: where.
        log_ratio, error: of it; classical parts included.
        masses_u, kinetic_eV, kinetic_error_eV: at the nodes: K of all exchanged atoms together.
        enough: False where a run was too short for its error to be known.
        runs: the averages at each node, replicas of a node one after the other.
    """

    place: Place
    temperature_K: float
    log_ratio: float
    error: float
    masses_u: np.ndarray
    kinetic_eV: np.ndarray
    kinetic_error_eV: np.ndarray
    enough: bool
    runs: tuple[RingAverages, ...]

    def to_json(self) -> dict[str, object]:
        """Without the runs."""
        return {
            "place": self.place.name,
            "temperature_K": self.temperature_K,
            "log_ratio": self.log_ratio,
            "error": self.error,
            "masses_u": self.masses_u.tolist(),
            "kinetic_eV": self.kinetic_eV.tolist(),
            "kinetic_error_eV": self.kinetic_error_eV.tolist(),
            "gyration_A": [float(np.sqrt(self._gyration_A2(run))) for run in self.runs],
            "enough": self.enough,
        }

    def _gyration_A2(self, run: RingAverages) -> float:
        return float(run.gyration_A2.mean[list(self.place.exchange.atoms)].mean())


def nodes(light_u: float, heavy_u: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Masses, u, and weights w with ∫ f d ln m = Σ w f(m) from the light to the heavy one, both (count,)."""
    x, weight = np.polynomial.legendre.leggauss(count)
    low, high = heavy_u**-0.5, light_u**-0.5
    root = (high + low) / 2 + (high - low) / 2 * x
    return root**-2, (high - low) / 2 * weight * 2 / root


def integrate_masses(
    potential: Potential,
    places: Sequence[Place],
    temperatures_K: Sequence[float],
    settings: PathSettings,
    count: int = 3,
    replicas: int = 1,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = unheard,
) -> list[list[Exchanged]]:
    """By temperature, by place, all sampled in one batch.

    count: of nodes between the masses. replicas: runs of each, with noise of their own.
    """
    systems: list[RingSystem] = []
    for t in temperatures_K:
        for place in places:
            for mass in nodes(*place.exchange.masses_u, count)[0]:
                atoms = place.atoms.copy()
                atoms.set_masses(place.exchange.masses_of(place.atoms, float(mass)))
                one = RingSystem(atoms, t, 0, place.fixed, place.plane)
                systems += [replace(one, seed=seed + len(systems) + r) for r in range(replicas)]
    runs = iter(sample(potential, systems, settings, folder, progress))
    return [
        [_exchanged(p, t, [[next(runs) for _ in range(replicas)] for _ in range(count)]) for p in places]
        for t in temperatures_K
    ]


def _exchanged(place: Place, temperature_K: float, runs: Sequence[Sequence[RingAverages]]) -> Exchanged:
    """runs: by node, by replica."""
    masses, weights = nodes(*place.exchange.masses_u, len(runs))
    which = list(place.exchange.atoms)
    # Replicas one after the other are one longer series; where they meet, nothing correlates
    found = [mean_with_error(np.concatenate([r.kinetic_blocks_eV[:, which].sum(1) for r in node])) for node in runs]
    kinetic, errors = (np.array([float(getattr(e, name)) for e in found]) for name in ("mean", "error"))
    beta = 1 / (units.kB * temperature_K)
    return Exchanged(
        place,
        temperature_K,
        float(beta * weights @ kinetic),
        float(beta * np.linalg.norm(weights * errors)),
        masses,
        kinetic,
        errors,
        all(e.enough for e in found),
        tuple(r for node in runs for r in node),
    )
