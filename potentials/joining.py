"""When charges may be added to a potential, and when that would count them twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potentials.electrostatics.settings import Electrostatics
from potentials.potential import Potential
from potentials.sum_potential import SumPotential, joined_metadata
from potentials.training.lineage import Lineage

NEUTRAL = ("lj", "contacts")
"""Potentials that hold no electrostatics by construction."""


class DoubleCountingError(ValueError):
    """Charges added to a potential that has learnt from energies which hold them already."""


def join(short: Potential, name: str, given: Mapping[str, Any], lineage: Lineage | None) -> SumPotential:
    """A potential with charges added, where that is right or the user insists.

    name: as `load` was given it; given: `Electrostatics`; lineage: of the checkpoint, if it has one.

    Raises:
        DoubleCountingError: it holds the electrostatics within its cut-off already.
        ChargeError: charges that are none.
    """
    settings = Electrostatics.of(given)
    if lineage is not None and lineage.electrostatics:
        raise DoubleCountingError(
            "it was fine-tuned beside electrostatics and brings them along; remove electrostatics from its options"
        )
    if name in ("ewald", "pme", "ionic"):
        raise DoubleCountingError("it is made of charges already; remove electrostatics from its options")
    far = settings.potential(short.device)
    metadata = joined_metadata(short.metadata, far.metadata, "electrostatics")
    if name not in NEUTRAL:
        if not settings.insist:
            within = f" ({short.cutoff_A:g} Å)" if short.cutoff_A else ""
            raise DoubleCountingError(
                f"it already holds the electrostatics within its cut-off{within}, and a sum would count them twice; "
                "fine-tune it on the residual (learn.electrostatics, or fine_tune(..., electrostatics=...)), or say "
                "insist: true"
            )
        told = f"{metadata.training_functional or 'unknown'}; electrostatics within its cut-off counted twice"
        metadata = type(metadata)(**{**vars(metadata), "training_functional": told})
    return SumPotential(short, far, metadata)


def rejoined(short: Potential, lineage: Lineage) -> SumPotential:
    """A network that was fine-tuned beside electrostatics, with them."""
    record = dict(lineage.electrostatics or {})
    constants = record.pop("constants_eV")
    # The checkpoint's hash stands for both: it holds the charges in its lineage
    return SumPotential(short, Electrostatics.of(record).potential(short.device), short.metadata, constants)
