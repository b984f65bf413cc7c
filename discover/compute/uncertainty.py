"""`discover compute uncertainty`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field

from discover.compute.registry import Computed
from discover.errors import InputError
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from potentials.potential import structure_of
from potentials.uncertainty import Estimate, NoDomainError, uncertainty_of
from potentials.uncertainty.uncertainty import LEVEL


class Settings(BaseModel):
    """Which domain, and which bounds."""

    model_config = ConfigDict(extra="forbid")

    domain: Path | None = None
    level: float = Field(default=LEVEL, gt=0, lt=1)


NEEDS: Sequence[str] = ()


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """Every atom on a line."""
    try:
        known = uncertainty_of(potential, settings.domain)
    except NoDomainError as error:
        raise InputError(f"--potential: {error}") from None
    evaluation = potential.evaluate([structure_of(atoms)])[0]
    if not evaluation.finite:
        raise InputError(f"{atoms.get_chemical_formula()}: {potential.metadata.name} gives no finite energy and forces")
    found = known.judge(atoms.numbers, evaluation, settings.level)
    return Computed(
        json=found.to_json() | {"potential": potential.metadata.to_json(), "reference": dict(known.provenance)},
        title=_title(found, atoms, potential),
        head=("atom", "element", "distance", "", "expected force error (eV/Å)"),
        rows=[
            [str(k), symbol, f"{distance:.2f}", "outside" if distance > found.threshold else "inside", f"{error:.3f}"]
            for k, (symbol, distance, error) in enumerate(
                zip(atoms.symbols, found.distance, found.expected_force_error_eV_A, strict=True)
            )
        ],
        right=("atom", "distance", "expected force error (eV/Å)"),
        ok=found.in_domain,
    )


def _title(found: Estimate, atoms: Atoms, potential: Potential) -> str:
    verdict = "inside the domain" if found.in_domain else f"outside the domain (threshold {found.threshold:.1f})"
    energy = f"energy error {found.expected_error_meV_per_atom:.0f} meV/atom expected"
    bound = f"below {found.error_bound_meV_per_atom:.0f} with {100 * found.level:g} %"
    forces = f"forces below {found.force_error_bound_eV_A:.2f} eV/Å (RMS)"
    return f"{atoms.get_chemical_formula()} with {potential.metadata.name}: {verdict}; {energy}, {bound}; {forces}"


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """None: the table says it all."""
    return ()
