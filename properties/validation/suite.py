"""All checks in a row. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ase import Atoms

from potentials.potential import Potential
from properties.validation.check import Check, Validation
from properties.validation.derivatives import derivative_checks
from properties.validation.dynamics import STEPS, dynamics_checks
from properties.validation.invariances import invariance_checks
from properties.validation.short_distances import short_distance_checks
from properties.validation.smoothness import smoothness_checks
from properties.validation.subject import RefusedError, Subject, subject_of

Family = Callable[[Subject], Iterator[Check]]
FAMILIES: dict[str, Family] = {
    "derivatives": derivative_checks,
    "invariances": invariance_checks,
    "dynamics": dynamics_checks,
    "smoothness": smoothness_checks,
    "short_distances": short_distance_checks,
}
CONSERVATION = ("derivatives", "dynamics")
"""What a run that must conserve energy rests on."""


class NotConservativeError(RuntimeError):
    """A potential whose forces are no derivative of its energy, where energy must be conserved."""


def validate(
    potential: Potential,
    atoms: Atoms,
    only: tuple[str, ...] = tuple(FAMILIES),
    precision: str | None = None,
    nve_steps: int = STEPS,
    seed: int = 0,
) -> Validation:
    """Hold a potential against the laws that every potential obeys, on one structure and a rattled copy of it.

    atoms: a crystal near rest; not changed. One far from it may melt in the NVE run, which judges it all the same.
    only: families of checks, of FAMILIES.
    precision: "float64" or "float32", which thresholds suit; the potential's own by default.
    nve_steps: of the NVE run.
    seed: of displacements, rotations and velocities.

    Raises:
        UnsuitableStructureError: no three-dimensional cell, overlapping atoms, an element that the potential does not
            know.
        ValueError: a family or a precision that there is not, fewer than 20 steps.
    """
    unknown = [name for name in only if name not in FAMILIES]
    if unknown or not only:
        raise ValueError(f"only: must be some of {', '.join(FAMILIES)} (is {', '.join(unknown) or 'empty'})")
    if nve_steps < 20:
        raise ValueError(f"nve_steps: must be at least 20 (is {nve_steps})")
    subject = subject_of(potential, atoms, precision, nve_steps, seed)
    checks = [check for name in FAMILIES if name in only for check in _checks(name, subject)]
    return Validation(
        atoms.get_chemical_formula(), potential.metadata.to_json(), subject.limits.precision, tuple(checks)
    )


def _checks(name: str, subject: Subject) -> Iterator[Check]:
    """A family's checks; where the potential refuses a structure, a failed one takes the place of the rest."""
    try:
        yield from FAMILIES[name](subject)
    except RefusedError as error:
        yield Check(name, float("nan"), 0.0, "", f"the potential raised {error}", conserves=name in CONSERVATION)


def require_conservative(potential: Potential, atoms: Atoms, insist: bool = False, seed: int = 0) -> Validation:
    """Refuse a potential that cannot conserve energy, before an NVE, Green-Kubo or path-integral run.

    Forces and stress are held against the energy's derivatives, and a short NVE run must not drift.

    insist: go on all the same; the answer then says what failed.

    Raises:
        NotConservativeError: one line that says which check failed, by how much, and how to insist.
        UnsuitableStructureError: as `validate`.
    """
    found = validate(potential, atoms, only=CONSERVATION, seed=seed)
    failed = [c for c in found.failures if c.conserves]
    if failed and not insist:
        # The one that is off by the largest factor says most
        worst = max(failed, key=lambda c: c.value / c.threshold if c.value == c.value else float("inf"))
        raise NotConservativeError(
            f"{potential.metadata.name} does not conserve energy on {found.formula}: {worst.name} is off by "
            f"{worst.value:.2g} {worst.unit}".rstrip() + f" (at most {worst.threshold:.2g}); "
            "to run all the same, give insist=True"
        )
    return found
