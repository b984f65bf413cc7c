"""From a reference set to what a potential knows: its domain, and how its errors grow outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, batches
from potentials.uncertainty.calibration import FOLDS, ErrorScale
from potentials.uncertainty.domain import Domain
from potentials.uncertainty.reference import AT_REST, ReferenceSetError, ReferenceStructure
from potentials.uncertainty.uncertainty import Uncertainty, root_mean_square

ENERGY_FLOOR_MEV = 3.0
FORCE_FLOOR_EV_A = 0.01
"""Errors below are as good as none: what two codes of DFT differ by."""
MOVED_EV_A = 0.05
"""RMS force above which a structure tells how errors of forces grow: one that the potential itself has relaxed has
none, whatever its error there."""
FALSE_ALARMS = 0.05
"""Share of crystals at rest, of systems that the domain has not seen, that lie outside it. There 7net-0's energies are
off by 200 meV/atom in the median, 40 to 90 inside."""
OTHER_SCALE_SHARE = 0.9
"""Of the squared differences of energies. Offsets of the elements that explain more are another choice of zero
(CHGNet's corrections, another code's free atoms); those of two networks for the same data explain a fifth."""


@dataclass(frozen=True)
class Answered:
    """A reference structure with the potential's answer and its error.

    Attributes:
        reference: the structure.
        evaluation: by the potential.
        error_meV_per_atom: |E − oracle|, zeros of energy aligned where they are not the same.
        force_errors_eV_A: |F − oracle| of each atom, (n,).
    """

    reference: ReferenceStructure
    evaluation: Evaluation
    error_meV_per_atom: float
    force_errors_eV_A: np.ndarray


def build(
    potential: Potential,
    reference: Sequence[ReferenceStructure],
    oracle: str,
    provenance: Mapping[str, Any] | None = None,
    told: Callable[[int], None] = lambda done: None,
    familiar: Sequence[Structure] = (),
) -> Uncertainty:
    """A potential's domain and calibration by a reference set, one model call a structure.

    Distances that calibrate are those to domains of the other systems alone (five folds); the final domain is of all.
    With fewer than five systems, structures take the place of systems.

    oracle: whose labels are the truth; told: hears how many structures are done; familiar: structures that belong to
        the domain as well, such as those that the potential was fine-tuned on, and calibrate nothing.

    Raises:
        ReferenceSetError: no structure at rest, no labels of the oracle, a potential without features.
    """
    answered = answers(potential, reference, oracle, told)
    groups = _groups([a.reference.system for a in answered])
    at_rest = np.array([a.reference.kind == AT_REST for a in answered])
    if not at_rest.any():
        raise ReferenceSetError(f"no structure of the set is of kind {AT_REST!r}: there is nothing to make a domain of")
    distances = _held_out_distances(answered, groups, at_rest)
    known = [k for k, d in enumerate(distances) if np.isfinite(d).all()]
    if len({groups[k] for k in known}) < 2:
        raise ReferenceSetError("the set is too small: its elements must occur in two systems or structures at least")
    resting = [float(distances[k].max()) for k in known if at_rest[k]]
    said = {"oracle": oracle, "structures": len(answered), "familiar": len(familiar), **(provenance or {})}
    inside = [
        (a.reference.structure.numbers, a.evaluation) for a, rest in zip(answered, at_rest, strict=True) if rest
    ]
    inside += [(s.numbers, potential.evaluate([s])[0]) for s in familiar]
    return Uncertainty(
        domain=_domain(inside),
        threshold=float(np.quantile(resting, 1 - FALSE_ALARMS)),
        **_scales([answered[k] for k in known], [distances[k] for k in known], [groups[k] for k in known]),
        potential=potential.metadata.to_json(),
        provenance=said,
    )


def answers(
    potential: Potential,
    reference: Sequence[ReferenceStructure],
    oracle: str,
    told: Callable[[int], None] = lambda done: None,
) -> list[Answered]:
    """What the potential says of each structure, and how wrong it is by the oracle; arguments as in `build`.

    Structures with an element that the potential does not know are left out.

    Raises:
        ReferenceSetError: as `build`.
    """
    usable = list(_usable(potential, reference, oracle))
    evaluations: list[Evaluation] = []
    for batch in batches([r.structure for r in usable], potential.batch_atoms):
        evaluations += potential.evaluate(batch)
        told(len(evaluations))
    if evaluations[0].features is None:
        raise ReferenceSetError(f"{potential.metadata.name} has no features of atoms, so it has no domain")
    errors_eV = np.array(
        [e.energy_eV - r.labels[oracle].energy_eV for e, r in zip(evaluations, usable, strict=True)]
    )
    aligned_eV = _aligned(errors_eV, usable)
    return [
        Answered(
            r, e, 1000 * abs(de) / len(r.structure.numbers),
            np.linalg.norm(e.forces_eV_A - r.labels[oracle].forces_eV_A, axis=1),
        )
        for r, e, de in zip(usable, evaluations, aligned_eV, strict=True)
    ]  # fmt: skip


def _usable(
    potential: Potential, reference: Sequence[ReferenceStructure], oracle: str
) -> Iterator[ReferenceStructure]:
    from ase.data import chemical_symbols

    known = potential.metadata.elements
    count = 0
    for entry in reference:
        if oracle not in entry.labels:
            raise ReferenceSetError(f"the set has no labels of {oracle}; it has those of {', '.join(entry.labels)}")
        if known is None or {chemical_symbols[z] for z in entry.structure.numbers} <= set(known):
            count += 1
            yield entry
    if not count:
        raise ReferenceSetError(f"{potential.metadata.name} knows no structure of the set")


def _aligned(errors_eV: np.ndarray, reference: Sequence[ReferenceStructure]) -> np.ndarray:
    """Errors of energies; without offsets of the elements where these explain nearly all of them."""
    elements = sorted({int(z) for r in reference for z in r.structure.numbers})
    counts = np.array([[(r.structure.numbers == z).sum() for z in elements] for r in reference], float)
    per_atom = counts.sum(axis=1)
    x, y = counts / per_atom[:, None], errors_eV / per_atom
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    other_scale = 1 - float(left @ left) / max(float(y @ y), 1e-300) > OTHER_SCALE_SHARE
    # As many offsets as structures explain anything
    return left * per_atom if other_scale and len(elements) < len(reference) // 2 else errors_eV


def _groups(systems: Sequence[str]) -> list[str]:
    if len(set(systems)) >= FOLDS:
        return list(systems)
    return [f"{system} {k}" for k, system in enumerate(systems)]


def _domain(inside: Sequence[tuple[np.ndarray, Evaluation]]) -> Domain:
    features = [evaluation.features for _, evaluation in inside if evaluation.features is not None]
    return Domain.fit(np.concatenate([numbers for numbers, _ in inside]), np.concatenate(features))


def _held_out_distances(
    answered: Sequence[Answered], groups: Sequence[str], at_rest: np.ndarray
) -> list[np.ndarray]:
    """Distances of each structure's atoms to the domain of the other folds."""
    names = {name: k for k, name in enumerate(sorted(set(groups)))}
    folds = np.array([names[group] % FOLDS for group in groups])
    found: list[np.ndarray] = [np.empty(0)] * len(answered)
    for fold in range(FOLDS):
        inside = [
            (a.reference.structure.numbers, a.evaluation)
            for a, f, rest in zip(answered, folds, at_rest, strict=True)
            if f != fold and rest
        ]
        if not inside:
            raise ReferenceSetError("the set is too small to hold a part of it out; give it ten structures or more")
        domain = _domain(inside)
        for k in np.flatnonzero(folds == fold).tolist():
            features = answered[k].evaluation.features
            assert features is not None
            found[k] = domain.distances(answered[k].reference.structure.numbers, features)
    return found


def _scales(
    answered: Sequence[Answered], distances: Sequence[np.ndarray], groups: Sequence[str]
) -> dict[str, ErrorScale]:
    forces = [np.linalg.norm(a.evaluation.forces_eV_A, axis=1) for a in answered]
    acting = np.array([root_mean_square(f) for f in forces])
    free = np.flatnonzero(acting > MOVED_EV_A).tolist()
    if len({groups[k] for k in free}) < 2:
        raise ReferenceSetError(
            f"forces of the set stay below {MOVED_EV_A:g} eV/Å: rattled or hot structures must tell how errors grow"
        )
    whole = np.array([root_mean_square(d) for d in distances])
    atoms = [k for k in free for _ in distances[k]]
    return {
        "energy": ErrorScale.fit(
            np.array([a.error_meV_per_atom for a in answered]), whole, acting, groups, ENERGY_FLOOR_MEV
        ),
        "force": ErrorScale.fit(
            np.array([root_mean_square(answered[k].force_errors_eV_A) for k in free]),
            whole[free],
            acting[free],
            [groups[k] for k in free],
            FORCE_FLOOR_EV_A,
        ),
        "atom_force": ErrorScale.fit(
            np.concatenate([answered[k].force_errors_eV_A for k in free]),
            np.concatenate([distances[k] for k in free]),
            np.concatenate([forces[k] for k in free]),
            [groups[k] for k in atoms],
            FORCE_FLOOR_EV_A,
        ),
    }
