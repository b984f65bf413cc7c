"""The free ring polymer: its normal modes, their motion, and what is known of it in closed form.

P beads, each with the atom's mass m, neighbours tied by ½ m ω_P² (q_j − q_{j+1})² with ω_P = P k_B T/ħ; the classical
system of beads is sampled at P T, so that configurations weigh exp(−β/P [springs + ΣV(q_j)]) (Parrinello & Rahman,
J. Chem. Phys. 80, 860 (1984)). Times are in ASE's and torch-sim's unit, √(u Å²/eV).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from ase import units

HBAR = float(units._hbar * units.J * units.s)
"""ħ in eV √(u Å²/eV): 0.0646."""
PER_CM = float(2 * np.pi * units._c * 100 / units.s)
"""Angular frequency of 1 cm⁻¹, 1/√(u Å²/eV)."""

Motion = Literal["cayley", "exact"]


def normal_modes(beads: int) -> np.ndarray:
    """Orthogonal, (P, P): row k takes beads to mode k, the centroid (times √P) first.

    Ceriotti, Parrinello, Markland & Manolopoulos, J. Chem. Phys. 133, 124104 (2010), eq. 18.
    """
    j = np.arange(beads)
    rows = []
    for k in range(beads):
        if k == 0:
            rows.append(np.full(beads, np.sqrt(1 / beads)))
        elif 2 * k < beads:
            rows.append(np.sqrt(2 / beads) * np.cos(2 * np.pi * j * k / beads))
        elif 2 * k == beads:
            rows.append(np.sqrt(1 / beads) * (-1.0) ** j)
        else:
            rows.append(np.sqrt(2 / beads) * np.sin(2 * np.pi * j * k / beads))
    return np.array(rows)


def mode_frequencies(beads: int, kT_eV: float | np.ndarray) -> np.ndarray:
    """ω_k = 2 ω_P sin(πk/P), (..., P)."""
    return 2 * beads * np.asarray(kT_eV)[..., None] / HBAR * np.sin(np.pi * np.arange(beads) / beads)


def rotation(frequencies: np.ndarray, time: float, motion: Motion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a turn by θ: cos θ, sin θ/ω and −ω sin θ: what takes q and p/m of each mode on by `time`.

    Where ω = 0 a mode flies freely.

    "exact" turns by θ = ω t. "cayley" turns by θ = arctan(ω t), the square root of Cayley's transform over 2t (Korol,
    Bou-Rabee & Miller, J. Chem. Phys. 151, 124103 (2019)): as reversible, and as true to the polymer's energy, but it
    meets no resonance at any time step, and in a harmonic well the beads sampled with it have no error of the time step
    at all (Korol, Rosa-Raíces, Bou-Rabee & Miller, J. Chem. Phys. 152, 104102 (2020)).
    """
    angle = frequencies * time if motion == "exact" else np.arctan(frequencies * time)
    sine = np.sin(angle)
    over = np.divide(sine, frequencies, out=np.full_like(sine, time), where=frequencies > 0)
    return np.cos(angle), over, -frequencies * sine


def oscillator_energy_eV(hbar_omega_eV: float | np.ndarray, kT_eV: float, beads: int | None = None) -> np.ndarray:
    """Mean energy of a harmonic oscillator by P beads, (ħω/2) coth(Pφ/2)/cosh(φ/2), 2 sinh(φ/2) = βħω/P; None: exact.

    Schweizer, Stratt, Chandler & Wolynes, J. Chem. Phys. 75, 1347 (1981). One bead is classical.
    """
    w = np.asarray(hbar_omega_eV, float)
    if beads is None:
        return w / 2 / np.tanh(w / kT_eV / 2)
    phi = 2 * np.arcsinh(w / kT_eV / beads / 2)
    return w / 2 / np.tanh(beads * phi / 2) / np.cosh(phi / 2)


def log_oscillator_partition(hbar_omega_eV: float | np.ndarray, kT_eV: float, beads: int | None = None) -> np.ndarray:
    """Logarithm of Q of a harmonic oscillator: −ln 2 sinh(Pφ/2); φ as in `oscillator_energy_eV`."""
    x = np.asarray(hbar_omega_eV, float) / kT_eV
    half = x / 2 if beads is None else beads * np.arcsinh(x / beads / 2)
    return -half - np.log1p(-np.exp(-2 * half))


def free_gyration_A2(mass_u: float, kT_eV: float, beads: int) -> float:
    """⟨Σ_j |q_j − q_c|²⟩/P of a free particle in three dimensions: (3 β ħ²/12 m)(1 − 1/P²)."""
    return HBAR**2 / (4 * mass_u * kT_eV) * (1 - 1 / beads**2)
