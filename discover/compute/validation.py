"""`discover compute validate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field

from discover.compute.registry import Computed
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.validation import Check, validate
from properties.validation.dynamics import STEPS

Family = Literal["derivatives", "invariances", "dynamics", "smoothness", "short_distances"]


class Settings(BaseModel):
    """As `properties.validation.validate` has them."""

    model_config = ConfigDict(extra="forbid")

    only: list[Family] = Field(default=list(get_args(Family)), min_length=1)
    precision: Literal["float64", "float32"] | None = None
    nve_steps: int = Field(default=STEPS, ge=20)
    seed: int = Field(default=0, ge=0)


NEEDS: Sequence[str] = ()


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """Every check on a line."""
    found = validate(
        potential, atoms, tuple(settings.only), settings.precision, settings.nve_steps, settings.seed
    )
    failed = len(found.failures)
    verdict = f"{failed} of {len(found.checks)} checks failed" if failed else f"all {len(found.checks)} checks passed"
    return Computed(
        json=found.to_json(),
        title=f"{found.formula} with {potential.metadata.name} in {found.precision}: {verdict}",
        head=("check", "value", "threshold", "unit", "", "note"),
        rows=[_row(c) for c in found.checks],
        right=("value", "threshold"),
        ok=found.passed,
    )


def _row(check: Check) -> list[str]:
    verdict = "pass" if check.passed else "FAIL"
    return [check.name, f"{check.value:.1e}", f"{check.threshold:.1e}", check.unit or "-", verdict, check.note]


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """None: the table says it all."""
    return ()
