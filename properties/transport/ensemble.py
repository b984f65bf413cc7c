"""Replicas of one temperature side by side, seen from a frame of reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from scipy.spatial import cKDTree

from properties.dynamics.flow import Flow
from properties.errors import PropertyError
from properties.transport.settings import Frame

SAME_TIME = 1e-9
"""Relative difference of two time steps that are one."""
ONE_CELL, TOLD = 0.1, 0.01
"""Strain between the replicas' cells that is no one crystal's any more, and that a reader must know of."""


@dataclass(frozen=True)
class Ensemble:
    """Replicas of one crystal at one temperature, cut to the shortest.

    Attributes:
        temperature_K: that was set.
        mean_temperature_K: measured, of all; what k_B T is made of.
        cell: row vectors, Å.
        numbers: atomic numbers, (n,).
        species: symbols by atomic number.
        charges_e: of the species, (n_species,).
        step_ps, currents_A_ps: (replicas, steps, n_species, 3).
        frame_ps, positions_A: (replicas, frames, n, 3).
        own_charge_current_eA_ps: (replicas, steps, 3), of charges that change; None where they do not.
    """

    temperature_K: float
    mean_temperature_K: float
    cell: np.ndarray
    numbers: np.ndarray
    species: tuple[str, ...]
    charges_e: np.ndarray
    step_ps: float
    currents_A_ps: np.ndarray
    frame_ps: float
    positions_A: np.ndarray
    own_charge_current_eA_ps: np.ndarray | None

    @property
    def volume_A3(self) -> float:
        """Of the cell."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def replicas(self) -> int:
        """How many."""
        return len(self.currents_A_ps)

    @property
    def picoseconds(self) -> float:
        """Of one replica."""
        return self.step_ps * self.currents_A_ps.shape[1]

    @property
    def counts(self) -> np.ndarray:
        """Atoms of each species, (n_species,)."""
        return np.array([len(self.members(s)) for s in self.species])

    @property
    def net_charge_e(self) -> float:
        """Of the cell."""
        return float(self.counts @ self.charges_e)

    def members(self, symbol: str) -> np.ndarray:
        """Places of a species' atoms."""
        return np.flatnonzero(self.numbers == atomic_numbers[symbol])

    @property
    def charge_current_eA_ps(self) -> np.ndarray:
        """Sum of q v of all atoms, (replicas, steps, 3)."""
        if self.own_charge_current_eA_ps is not None:
            return self.own_charge_current_eA_ps
        return np.einsum("s,rtsx->rtx", self.charges_e, self.currents_A_ps)

    def displacements_A(self, symbol: str) -> np.ndarray:
        """Of each atom since the first frame, (replicas, frames, atoms, 3)."""
        mine = self.positions_A[:, :, self.members(symbol)]
        return mine - mine[:, :1]

    def charge_displacement_eA(self) -> np.ndarray:
        """Sum of q Δr since the start, (replicas, frames, 3); of charges that change, the current's integral."""
        if self.own_charge_current_eA_ps is not None:
            every = max(1, round(self.frame_ps / self.step_ps))
            return np.cumsum(self.own_charge_current_eA_ps, axis=1)[:, ::every] * self.step_ps
        return np.einsum("s,rtsx->rtx", self.charges_e, self.species_displacements_A())

    def species_displacements_A(self) -> np.ndarray:
        """Sum of displacements by species, (replicas, frames, n_species, 3)."""
        return np.stack([self.displacements_A(s).sum(axis=2) for s in self.species], axis=2)

    def seen_from(self, frame: Frame, mobile: Sequence[str]) -> Ensemble:
        """The same, with a frame at rest: v − v_frame for every atom.

        A host of no atoms, where all species are mobile, is a liquid: its centre of mass takes the host's place.
        """
        weights = self.frame_weights(frame, mobile)
        if weights is None:
            return self
        velocity = np.einsum("s,rtsx->rtx", weights, self.currents_A_ps)
        drift = np.einsum("s,rtsx->rtx", weights, self.species_displacements_A())
        own = self.own_charge_current_eA_ps
        return replace(
            self,
            currents_A_ps=self.currents_A_ps - self.counts[:, None] * velocity[:, :, None],
            positions_A=self._aligned(self.positions_A - drift[:, :, None], mobile),
            own_charge_current_eA_ps=None if own is None else own - self.net_charge_e * velocity,
        )

    def _aligned(self, positions_A: np.ndarray, mobile: Sequence[str]) -> np.ndarray:
        """Replicas shifted so that their hosts lie on each other: what drifted before is theirs alone."""
        members = np.flatnonzero([chemical_symbols[z] not in mobile for z in self.numbers])
        if not len(members):
            return positions_A
        means = positions_A[:, :, members].mean(axis=1)
        apart = np.linalg.solve(self.cell.T, (means - means[0]).reshape(-1, 3).T).T
        offsets = ((apart - np.round(apart)) @ self.cell).reshape(means.shape).mean(axis=1)
        return positions_A - offsets[:, None, None]

    def frame_weights(self, frame: Frame, mobile: Sequence[str]) -> np.ndarray | None:
        """(n_species,) by which sums of velocities add up to the frame's velocity; None in the laboratory."""
        if frame == "laboratory":
            return None
        host = np.array([s not in mobile for s in self.species])
        if frame == "host" and host.any():
            return host / (self.counts @ host)
        masses = np.array([atomic_masses[atomic_numbers[s]] for s in self.species])
        return masses / (masses @ self.counts)

    def nearest_A(self, symbol: str) -> float:
        """Mean distance from an ion of a species to the nearest of its kind, images counted, over first frames."""
        shifts = np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T @ self.cell
        distances = []
        for start in self.positions_A[:, 0, self.members(symbol)]:
            inside = (np.linalg.solve(self.cell.T, start.T).T % 1.0) @ self.cell
            images = (inside[None] + shifts[:, None]).reshape(-1, 3)
            distances.append(cKDTree(images).query(inside, k=2)[0][:, 1].mean())
        return float(np.mean(distances))


def ensembles(flows: Sequence[Flow], charges: Mapping[str, float]) -> tuple[list[Ensemble], list[str]]:
    """By set temperature, ascending, and warnings.

    Raises:
        PropertyError: no flows, flows of different crystals, species without a charge.
    """
    if not flows:
        raise PropertyError("flows: there is none, so there is nothing to take a conductivity from")
    _check_alike(flows, charges)
    warnings: list[str] = []
    found = []
    for temperature in sorted({f.temperature_K for f in flows}):
        found.append(_ensemble([f for f in flows if f.temperature_K == temperature], charges, warnings))
    return found, warnings


def _check_alike(flows: Sequence[Flow], charges: Mapping[str, float]) -> None:
    first = flows[0]
    for flow in flows[1:]:
        if not np.array_equal(flow.numbers, first.numbers):
            raise PropertyError("flows: not all have the same atoms in the same order")
        for name in ("step_ps", "frame_ps"):
            mine, other = getattr(first, name), getattr(flow, name)
            if abs(mine - other) > SAME_TIME * mine and flow.temperature_K == first.temperature_K:
                raise PropertyError(f"flows: {name} differs between replicas ({mine:g} and {other:g})")
    missing = [s for s in first.species if s not in charges]
    if missing:
        raise PropertyError(
            f"charges: none for {', '.join(missing)}; every species needs one, e.g. {{{missing[0]!r}: 1.0}}"
        )
    if not any(charges[s] for s in first.species):
        raise PropertyError("charges: all are zero, so nothing carries a current")


def _ensemble(flows: list[Flow], charges: Mapping[str, float], warnings: list[str]) -> Ensemble:
    first = flows[0]
    cell, into = _mean_cell(flows, warnings)
    steps = min(len(f.currents_A_ps) for f in flows)
    frames = min(len(f.positions_A) for f in flows)
    longest = max(len(f.currents_A_ps) for f in flows)
    if steps < longest:
        warnings.append(f"{first.temperature_K:g} K: replicas cut to the shortest, {steps} of {longest} steps")
    own = [f.charge_current_eA_ps for f in flows]
    return Ensemble(
        temperature_K=first.temperature_K,
        mean_temperature_K=float(np.mean([f.mean_temperature_K for f in flows])),
        cell=cell,
        numbers=np.asarray(first.numbers),
        species=first.species,
        charges_e=np.array([charges[s] for s in first.species], float),
        step_ps=first.step_ps,
        currents_A_ps=np.stack([f.currents_A_ps[:steps] @ m for f, m in zip(flows, into, strict=True)]),
        frame_ps=first.frame_ps,
        positions_A=np.stack([f.positions_A[:frames] @ m for f, m in zip(flows, into, strict=True)]),
        own_charge_current_eA_ps=None
        if any(o is None for o in own)
        else np.stack([o[:steps] @ m for o, m in zip(own, into, strict=True) if o is not None]),
    )


def _mean_cell(flows: Sequence[Flow], warnings: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The replicas' mean cell, and what takes vectors of each one's into it, (replicas, 3, 3).

    Under a pressure every replica has found a cell of its own, near the others'. Fractional coordinates stay.
    """
    cells = np.array([f.cell for f in flows], float)
    mean = cells.mean(axis=0)
    into = np.linalg.solve(cells, np.broadcast_to(mean, cells.shape))
    into[np.abs(into - np.eye(3)).max(axis=(1, 2)) < SAME_TIME] = np.eye(3)  # so that equal cells change no digit
    strain, at = float(np.abs(into - np.eye(3)).max()), f"{flows[0].temperature_K:g} K"
    if strain > ONE_CELL:
        raise PropertyError(f"flows: cells differ between the replicas at {at}, by {strain:.0%}: no one crystal's")
    if strain > TOLD:
        warnings.append(
            f"{at}: the replicas' cells differ from their mean by {strain:.1%}; find them for longer (npt_ps)"
        )
    return mean, into
