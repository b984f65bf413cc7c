"""What travels: a `Candidate` is made by a searcher and comes back to it as `Relaxed`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf, isfinite
from typing import Any

import numpy as np
from ase import Atoms

from searchers.modes import Modes


class Fate(StrEnum):
    """Every way a candidate can end."""

    CONVERGED = "converged"
    UNCONVERGED = "unconverged"
    DUPLICATE = "duplicate"
    PRUNED = "pruned"
    FAILED = "failed"

    @property
    def has_energy(self) -> bool:
        """True where the energy and the geometry may be used (a duplicate carries its original's energy)."""
        return self in (Fate.CONVERGED, Fate.DUPLICATE)


@dataclass(frozen=True)
class Candidate:
    """A structure that somebody wants relaxed.

    Attributes:
        id: unique within a campaign, counted up from 0.
        atoms: starting geometry, periodic in three directions.
        operator: what made it ("random", "heredity", "prototype", ...).
        parents: ids of the candidates it was made from.
        seed: the campaign's seed; (seed, id) makes this candidate again.
        relax: False asks for the energy of this very geometry.
        modes: how many of the lowest vibrations of this very cell are wanted, too; not with `relax`.
        info: small JSON-able facts the searcher wants back (replica number, space group tried, ...).
    """

    id: int
    atoms: Atoms
    operator: str
    parents: tuple[int, ...] = ()
    seed: int = 0
    relax: bool = True
    modes: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Relaxed:
    """A candidate's end: its final geometry, energy and fate.

    Attributes:
        candidate: what was asked for.
        atoms: final geometry (primitive cell), without a calculator; the starting geometry where fate is FAILED.
        energy_eV: total energy of `atoms`, at the campaign's pressure its enthalpy; NaN where there is none.
        max_force_eV_A: largest force component norm on an atom; NaN where there is none.
        stress_eV_A3: Voigt (xx, yy, zz, yz, xz, xy), ASE's sign, shape (6,).
        steps: optimiser steps taken.
        model_calls: evaluations of energy and forces of this one structure that it cost.
        fate: how it ended.
        reason: one line for people, empty where all went well.
        duplicate_of: id of the candidate it repeats, where fate is DUPLICATE.
        space_group: international number of the final geometry, None where nobody has determined it.
        fingerprint: `searchers.fingerprint` of the final geometry, shape (117,), None where nobody has computed it.
        modes: lowest vibrations of the candidate's own cell, where `candidate.modes` asked for them.
        properties: what was measured of the final geometry, by a name that ends in its unit; what the campaign's
            objectives ask for (`searchers.objectives.MEASURED`), and only near the hull.
    """

    candidate: Candidate
    atoms: Atoms
    energy_eV: float
    fate: Fate
    max_force_eV_A: float = float("nan")
    stress_eV_A3: np.ndarray = field(default_factory=lambda: np.full(6, np.nan))
    steps: int = 0
    model_calls: int = 0
    reason: str = ""
    duplicate_of: int | None = None
    space_group: int | None = None
    fingerprint: np.ndarray | None = None
    modes: Modes | None = None
    properties: Mapping[str, float] = field(default_factory=dict)

    @property
    def energy_eV_per_atom(self) -> float:
        """Energy (enthalpy) per atom, eV."""
        return self.energy_eV / len(self.atoms)


_USEFUL_BELOW = "useful_below_eV_per_atom"


def useful_below(energy_eV_per_atom: float) -> dict[str, float]:
    """For `Candidate.info`: the searcher has no use for the candidate unless it ends at this energy or lower."""
    return {_USEFUL_BELOW: round(float(energy_eV_per_atom), 6)} if isfinite(energy_eV_per_atom) else {}


def useful_below_eV_per_atom(candidate: Candidate) -> float:
    """What `useful_below` has said of a candidate; infinity where nothing was said."""
    return float(candidate.info.get(_USEFUL_BELOW, inf))


def candidate_rng(seed: int, candidate_id: int) -> np.random.Generator:
    """The one random generator of a candidate, so that any candidate can be made again alone."""
    return np.random.default_rng([seed, candidate_id])
