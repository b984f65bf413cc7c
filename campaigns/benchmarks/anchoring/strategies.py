"""Ways to choose what is calculated, and ways to correct what is not; and how far each is from the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from truth import System

from discover.anchoring.assessment import Assessment, Assessor, undetermined
from discover.anchoring.choice import next_choice
from discover.anchoring.delta_model import Features
from discover.anchoring.hull_distances import hull_distances

NEAR_EV = 0.1
"""Above the true hull, per atom: whose distances count."""
FALSE_EV = 0.002
"""Above the true hull, per atom: what lies higher and is said to be on it is said so falsely."""


@dataclass(frozen=True)
class Case:
    """A random part of a system's structures, all elements' lowest among them.

    Attributes:
        features: of its structures.
        cheap: (n,) eV/atom.
        true: (n,) eV/atom.
        above: (n,) by the cheap potential, eV/atom above its hull.
        true_above: (n,) by the truth.
    """

    features: Features
    cheap: np.ndarray
    true: np.ndarray
    above: np.ndarray
    true_above: np.ndarray


def case(system: System, share: float, seed: int) -> Case:
    """Each structure with this probability; seed decides which."""
    rng = np.random.default_rng(seed)
    kept = rng.random(len(system.cheap)) < share
    for column in system.features.fractions.T:
        pure = np.flatnonzero(np.isclose(column, 1.0))
        kept[pure[np.argsort(system.cheap[pure])[:2]]] = True
    rows = np.flatnonzero(kept)
    fractions, cheap, true = system.features.fractions[rows], system.cheap[rows], system.true[rows]
    above, true_above = (hull_distances(fractions, e[None])[0] for e in (cheap, true))
    features = Features(fractions, system.features.descriptors[rows], above)
    return Case(features, cheap, true, above, true_above)


Chooser = Callable[[Case, Assessment | None, dict[int, float], np.random.Generator], int | None]


def ours(case: Case, found: Assessment | None, known: dict[int, float], rng: np.random.Generator) -> int | None:
    """Where a result is expected to change most."""
    assert found is not None
    return next_choice(found.knowledge, set(known))


def random(case: Case, found: Assessment | None, known: dict[int, float], rng: np.random.Generator) -> int | None:
    """Any structure."""
    left = [k for k in range(len(case.cheap)) if k not in known]
    return int(rng.choice(left)) if left else None


def random_near(case: Case, found: Assessment | None, known: dict[int, float], rng: np.random.Generator) -> int | None:
    """Any of those near the cheap potential's hull."""
    left = [k for k in np.flatnonzero(case.above <= NEAR_EV) if k not in known]
    return int(rng.choice(left)) if left else None


def nearest(case: Case, found: Assessment | None, known: dict[int, float], rng: np.random.Generator) -> int | None:
    """The one nearest to the cheap potential's hull."""
    left = [k for k in np.argsort(case.above, kind="stable") if k not in known]
    return int(left[0]) if left else None


CHOOSERS: dict[str, Chooser] = {
    "ours": ours,
    "random": random,
    "random near the hull": random_near,
    "nearest to the hull": nearest,
}


def reference(case: Case, known: Sequence[int]) -> int | None:
    """The next element's lowest structure, as long as one has none: every way begins with them."""
    for element in undetermined(case.features.fractions, list(known)):
        pure = np.flatnonzero(np.isclose(case.features.fractions[:, element], 1.0))
        return int(pure[np.argmin(case.cheap[pure])])
    return None


def errors(case: Case, energies: np.ndarray) -> dict[str, float]:
    """Of a hull by these energies: mean error of the distances (meV/atom), and what is falsely said to be stable."""
    above = hull_distances(case.features.fractions, energies[None])[0]
    near = case.true_above <= NEAR_EV
    said = above <= 1e-6
    false = said & (case.true_above > FALSE_EV)
    return {
        "error_meV": 1000 * float(np.abs(above - case.true_above)[near].mean()),
        "false_stable": float(false.sum() / said.sum()),
        "missed": float(((case.true_above <= 1e-6) & (above > FALSE_EV)).sum() / (case.true_above <= 1e-6).sum()),
    }


def offsets_only(case: Case, known: dict[int, float]) -> np.ndarray:
    """Energies with one offset an element, by least squares: what many corrections of formation energies are."""
    rows = list(known)
    found, *_ = np.linalg.lstsq(case.features.fractions[rows], np.array([known[k] for k in rows]), rcond=None)
    return case.cheap + case.features.fractions @ found


def calibration(case: Case, found: Assessment, known: dict[int, float]) -> dict[str, float]:
    """Share of what is not calculated whose true energy lies within σ and 2 σ, of all and near the hull."""
    rest = [k for k in range(len(case.cheap)) if k not in known]
    z = np.abs(found.energies - case.true)[rest] / found.sigma[rest]
    close = case.above[rest] <= NEAR_EV
    return {
        "within_1": float(np.mean(z <= 1)),
        "within_2": float(np.mean(z <= 2)),
        "near_within_1": float(np.mean(z[close] <= 1)),
        "near_within_2": float(np.mean(z[close] <= 2)),
        "sigma_meV": 1000 * float(found.sigma[rest].mean()),
    }


def curve(case: Case, chooser: str, most: int, seed: int, within_eV: float = NEAR_EV) -> list[dict[str, float]]:
    """Errors after each calculation, from when every element has one."""
    rng = np.random.default_rng(seed)
    assessor = Assessor(case.features, case.cheap, within_eV, seed)
    known: dict[int, float] = {}
    found: Assessment | None = None
    rows = []
    while len(known) < min(most, len(case.cheap)):
        place = reference(case, list(known))
        if place is None:
            place = CHOOSERS[chooser](case, found, known, rng)
        if place is None:
            break
        known[place] = float(case.true[place] - case.cheap[place])
        if reference(case, list(known)) is not None:
            continue
        row: dict[str, float] = {"calculations": len(known)}
        if chooser == "ours":
            found = assessor.assess(known)
            row |= errors(case, found.energies) | calibration(case, found, known)
        else:
            row |= errors(case, case.cheap + assessor.posterior(known).mean)
        rows.append(row | {f"offsets_{k}": v for k, v in errors(case, offsets_only(case, known)).items()})
    return rows
