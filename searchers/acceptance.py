"""Whether a Monte-Carlo step is taken: Metropolis, Hastings and replica exchange, as probabilities."""

from __future__ import annotations

from math import exp, inf, log

from ase.units import kB


def acceptance_probability(rise_eV: float, temperature_K: float, ln_hastings: float = 0.0) -> float:
    """min(1, q exp(-ΔE / kT)), which leaves Boltzmann's distribution as it is.

    N. Metropolis et al., J. Chem. Phys. 21, 1087 (1953); W. K. Hastings, Biometrika 57, 97 (1970).

    Args:
        rise_eV: energy of the proposal less that of the present state, both of the same kind (E, or E - Σ
            μN).
        temperature_K: above 0.
        ln_hastings: ln q, q = P(propose new → old) / P(propose old → new), with a change of variables'
            Jacobian.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if not temperature_K > 0:
        raise ValueError(f"a temperature must be above 0 K (is {temperature_K})")
    exponent = ln_hastings - rise_eV / (kB * temperature_K)
    return 1.0 if exponent >= 0 else exp(exponent)


def largest_accepted_rise_eV(chance: float, temperature_K: float, ln_hastings: float = 0.0) -> float:
    """The rise below which a step is taken whose random number is already drawn: kT (ln q - ln u).

    Args:
        chance: u, even in [0, 1); the step is taken where it is less than `acceptance_probability`.
        temperature_K: above 0.
        ln_hastings: as there.
    """
    return kB * temperature_K * (ln_hastings - log(chance)) if chance > 0 else inf


def swap_probability(first_eV: float, first_K: float, second_eV: float, second_K: float) -> float:
    """min(1, exp((β_i - β_j)(E_i - E_j))): that two replicas exchange their temperatures.

    R. H. Swendsen and J.-S. Wang, Phys. Rev. Lett. 57, 2607 (1986).

    Args:
        first_eV: energy of the replica at `first_K`.
        first_K: its temperature.
        second_eV: energy of the replica at `second_K`.
        second_K: its temperature.
    """
    exponent = (1 / (kB * first_K) - 1 / (kB * second_K)) * (first_eV - second_eV)
    return 1.0 if exponent >= 0 else exp(exponent)
