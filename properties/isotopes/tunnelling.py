"""Transmission through a one-dimensional barrier, averaged over Boltzmann's energies: κ = k_quantum/k_classical."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad

from properties.path_integrals.ring_polymer import HBAR


def wigner(omega_b: float, kT_eV: float) -> float:
    """κ = 1 + (βħω_b)²/24 (Wigner, Z. Phys. Chem. B 19, 203 (1932)): for βħω_b below about 2.

    omega_b: |ω| of the unstable mode, 1/√(u Å²/eV).
    """
    return 1 + (HBAR * omega_b / kT_eV) ** 2 / 24


def eckart_transmission(energy_eV: np.ndarray, forward_eV: float, reverse_eV: float, omega_b: float) -> np.ndarray:
    """Exact through Eckart's barrier (Phys. Rev. 35, 1303 (1930)); energies from the reactant's bottom.

    forward_eV, reverse_eV: heights from either side, without zero-point energies. In the form of Johnston & Heicklen,
    J. Phys. Chem. 66, 532 (1962): T = (cosh(x+y) − cosh(x−y))/(cosh(x+y) + cosh d).
    """
    quantum = HBAR * omega_b
    a1, a2 = 2 * np.pi * forward_eV / quantum, 2 * np.pi * reverse_eV / quantum
    energy = np.asarray(energy_eV, float)
    scale = 2 / (1 / np.sqrt(a1) + 1 / np.sqrt(a2))
    beyond = energy - forward_eV + reverse_eV
    x = scale * np.sqrt(np.clip(2 * np.pi * energy / quantum, 0, None))
    y = scale * np.sqrt(np.clip(2 * np.pi * beyond / quantum, 0, None))
    inner = 4 * a1 * a2 - np.pi**2
    # Everything over e^(x+y), which overflows far above the barrier
    d = np.sqrt(abs(inner))
    last = 2 * np.cos(d) * np.exp(-x - y) if inner < 0 else np.exp(d - x - y) + np.exp(-d - x - y)
    rise = 1 + np.exp(-2 * (x + y)) - np.exp(-2 * y) - np.exp(-2 * x)
    return np.where((energy > 0) & (beyond > 0), rise / (1 + np.exp(-2 * (x + y)) + last), 0.0)


def eckart(forward_eV: float, reverse_eV: float, omega_b: float, kT_eV: float) -> float:
    """κ = β e^(βV) ∫ T(E) e^(−βE) dE from where both sides are open.

    Raises:
        ValueError: no barrier on one side.
    """
    if not (forward_eV > 0 and reverse_eV > 0 and omega_b > 0):
        raise ValueError("Eckart's barrier needs heights above zero on both sides and an unstable mode")
    lowest = max(0.0, forward_eV - reverse_eV)

    def weighed(energy_eV: float) -> float:
        t = eckart_transmission(np.array(energy_eV), forward_eV, reverse_eV, omega_b)
        return float(t * np.exp((forward_eV - energy_eV) / kT_eV) / kT_eV)

    # Above V + 40 k_B T nothing is left of e^(−βE); the barrier's top is where the integrand bends
    below = quad(weighed, lowest, forward_eV, epsrel=1e-9, limit=400)[0]
    above = quad(weighed, forward_eV, forward_eV + 40 * kT_eV, epsrel=1e-9, limit=400)[0]
    return float(below + above)
