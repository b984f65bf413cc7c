"""Tunnelling by ring-polymer instantons: the least-action path under the barrier, and the fluctuations about it.

Beads y_j (mass-weighted) of a ring that runs to the far side and back the same way, so half of it is enough. It is a
first-order saddle of U_P = Σ V(y_j) + ½ ω_P² |y_j − y_{j+1}|², and

    k Q_R = (1/β_P ħ) √(B/2πβ_P ħ²) Π' |β_P ħ η_k|⁻¹ e^(−β_P U_P),   B = Σ |y_j − y_{j+1}|², β_P = β/P

with η_k² the eigenvalues of U_P's second derivatives but for the one of moving beads along the path, which is zero
(Richardson & Althorpe, J. Chem. Phys. 131, 214106 (2009); Andersson, Nyman, Arnaldsson, Manthe & Jónsson, J. Phys.
Chem. A 113, 4468 (2009)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from potentials.neighbours import Structure
from potentials.potential import Potential
from properties.errors import PropertyError
from properties.evaluating import evaluate_all
from properties.isotopes.harmonic import log_partition, modes_of, weighted_basis
from properties.isotopes.stationary import STEP_A, Stationary
from properties.path_integrals.ring_polymer import HBAR

MOST_STEPS = 100
FMAX_EV_A = 2e-3
"""Of a bead; the action is stationary, so what this leaves in it is of second order."""
LONGEST = 0.2
"""Of a step, √u Å, of a bead: a fifth of an ångström of hydrogen."""
SHORTEST = 0.02
"""Half a path, √u Å, below which it has shrunk onto the saddle."""


class NoInstantonError(PropertyError):
    """There is no path below the barrier; the message says why."""


@dataclass(frozen=True)
class Instanton:
    """A path under a barrier.

    Attributes:
        kappa: rate over that of transition-state theory with quantum partition functions of the saddle's stable modes,
            by the same number of beads.
        energies_eV: along half the ring, from the reactant's side or the product's, (P/2,); relative to the saddle.
        beads_A: (P/2, n, 3).
        beads: of the whole ring, P.
        model_calls: spent.
    """

    kappa: float
    energies_eV: np.ndarray
    beads_A: np.ndarray
    beads: int
    model_calls: int


def instanton(potential: Potential, saddle: Stationary, masses_u: np.ndarray, kT_eV: float, beads: int) -> Instanton:
    """The instanton over `saddle` at a temperature, with these masses; `beads` is rounded up to an even number.

    Quasi-Newton along the softest mode upwards and all others downwards, bead by bead with Powell's symmetric update of
    the saddle's force constants; only at the end are those of each bead measured.

    Raises:
        NoInstantonError: above the crossover temperature ħω_b/2πk_B, or where no path is found.
    """
    modes = modes_of(saddle.force_constants, masses_u, saddle.moving)
    crossover = HBAR * float(modes.unstable[0]) / (2 * np.pi)
    if kT_eV >= crossover:
        raise NoInstantonError(f"no instanton above the crossover temperature, {crossover / 8.617333e-5:.0f} K")
    ring = _HalfRing(potential.in_double_precision(), saddle, masses_u, kT_eV, (beads + 1) // 2)
    # Just below the crossover the path is a cosine along the unstable mode; its size is a matter of the barrier's shape
    wave = np.cos(np.pi * (np.arange(ring.half) + 0.5) / ring.half)
    along = ring.basis.T @ (np.sqrt(np.repeat(masses_u, 3)) * modes.directions[0].ravel())
    y = 0.3 * np.outer(wave, along / np.linalg.norm(along))
    y, energies = ring.stationary_path(y)
    if np.linalg.norm(y[0] - y[-1]) < SHORTEST:
        raise NoInstantonError("the path has shrunk onto the saddle: the temperature is too close to the crossover")
    log_rate = ring.log_rate(y, energies)
    tst = log_partition(modes.frequencies, kT_eV, 2 * ring.half) + np.log(kT_eV / (2 * np.pi * HBAR))
    return Instanton(float(np.exp(log_rate - tst)), energies, ring.positions(y), 2 * ring.half, ring.calls)


class _HalfRing:
    """Beads from one turning point to the other; energies relative to the saddle's."""

    def __init__(self, potential: Potential, saddle: Stationary, masses_u: np.ndarray, kT_eV: float, half: int) -> None:
        self.potential, self.saddle, self.kT, self.half = potential, saddle, kT_eV, half
        self.basis, self.roots = weighted_basis(masses_u, saddle.moving)
        self.omega = 2 * half * kT_eV / HBAR
        self.calls = 0

    def positions(self, y: np.ndarray) -> np.ndarray:
        """Å, (half, n, 3)."""
        return self.saddle.atoms.positions + ((y @ self.basis.T) / self.roots).reshape(len(y), -1, 3)

    def energies_and_slopes(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """eV, (len,), and eV/(√u Å), (len, f), of the potential alone."""
        cell = np.asarray(self.saddle.atoms.cell.array)
        told = evaluate_all(self.potential, [Structure(self.saddle.atoms.numbers, x, cell) for x in self.positions(y)])
        self.calls += len(y)
        slopes = np.array([-e.forces_eV_A.ravel() / self.roots for e in told]) @ self.basis
        return np.array([e.energy_eV - self.saddle.energy_eV for e in told]), slopes

    def springs(self, beads: int, closed: bool) -> np.ndarray:
        """Second differences of a chain with free ends, or of a ring, (beads, beads)."""
        chain = 2 * np.eye(beads) - np.eye(beads, k=1) - np.eye(beads, k=-1)
        if closed:
            chain[0, -1] -= 1
            chain[-1, 0] -= 1
        else:
            chain[0, 0] = chain[-1, -1] = 1
        return self.omega**2 * chain

    def stationary_path(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where no bead feels a force, and energies there."""
        f = y.shape[1]
        start = self.basis.T @ (self.saddle.force_constants / np.outer(self.roots, self.roots)) @ self.basis
        curvatures = np.tile(start, (len(y), 1, 1))
        chain = self.springs(len(y), closed=False)
        energies, slopes = self.energies_and_slopes(y)
        for _ in range(MOST_STEPS):
            gradient = slopes + chain @ y
            if np.abs(gradient).max() * self.roots[np.repeat(self.saddle.moving, 3)].min() < FMAX_EV_A:
                return y, energies
            step = _uphill(_whole(chain, curvatures), gradient.ravel()).reshape(-1, f)
            step *= min(1.0, LONGEST / np.linalg.norm(step, axis=1).max())
            energies, new = self.energies_and_slopes(y + step)
            curvatures = np.array([_powell(*args) for args in zip(curvatures, step, new - slopes, strict=True)])
            y, slopes = y + step, new
        raise NoInstantonError(f"no path with vanishing forces found in {MOST_STEPS} steps")

    def log_rate(self, y: np.ndarray, energies: np.ndarray) -> float:
        """Logarithm of k Q_R e^(βV_saddle), 1/√(u Å²/eV)."""
        curvatures = self.curvatures(y)
        ring = _whole(self.springs(2 * self.half, closed=True), np.concatenate([curvatures, curvatures[::-1]]))
        values = np.linalg.eigvalsh(ring)
        values = np.delete(values, np.argmin(np.abs(values)))  # moving beads along the path
        beta = 1 / (2 * self.half * self.kT)
        squares = 2 * (np.diff(y, axis=0) ** 2).sum()
        energy = 2 * energies.sum() + 0.5 * self.omega**2 * squares
        fluctuations = -0.5 * np.log(np.abs(values)).sum() - len(values) * np.log(beta * HBAR)
        passing = 0.5 * np.log(squares / (2 * np.pi * beta * HBAR**2)) - np.log(beta * HBAR)
        return float(passing + fluctuations - beta * energy)

    def curvatures(self, y: np.ndarray) -> np.ndarray:
        """Mass-weighted second derivatives of each bead by central differences, (half, f, f)."""
        f = y.shape[1]
        # A step of the lightest atom that moves of at most STEP_A
        h = STEP_A * self.roots[np.repeat(self.saddle.moving, 3)].min()
        shifts = h * np.concatenate([np.eye(f), -np.eye(f)])
        found = []
        for bead in y:
            slopes = self.energies_and_slopes(bead + shifts)[1]
            k = (slopes[:f] - slopes[f:]) / (2 * h)
            found.append((k + k.T) / 2)
        return np.array(found)


def _whole(chain: np.ndarray, curvatures: np.ndarray) -> np.ndarray:
    """Springs and curvatures of all beads, (beads·f, beads·f)."""
    f = curvatures.shape[1]
    whole = np.kron(chain, np.eye(f))
    for j, k in enumerate(curvatures):
        whole[j * f : (j + 1) * f, j * f : (j + 1) * f] += k
    return whole


def _uphill(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Newton's step to a first-order saddle, whatever the signs here."""
    values, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(values), 1e-4 * np.abs(values).max())
    size[0] *= -1
    return -vectors @ ((vectors.T @ gradient) / size)


def _powell(curvature: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Symmetric Broyden update (Powell 1970): right along the step, nearest to the old elsewhere."""
    miss = change - curvature @ step
    squared = step @ step
    if squared == 0:
        return curvature
    outer = np.outer(miss, step)
    return curvature + (outer + outer.T) / squared - (miss @ step) * np.outer(step, step) / squared**2
