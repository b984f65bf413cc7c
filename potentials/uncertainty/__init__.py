"""What a potential does not know: distances to a reference set, and the errors they foretell."""

from potentials.uncertainty.building import build
from potentials.uncertainty.domain import Domain
from potentials.uncertainty.reference import (
    ReferenceSetError,
    ReferenceStructure,
    from_atoms,
    read_reference,
    save_reference,
)
from potentials.uncertainty.uncertainty import Estimate, NoDomainError, Uncertainty, uncertainty_of

__all__ = [
    "Domain",
    "Estimate",
    "NoDomainError",
    "ReferenceSetError",
    "ReferenceStructure",
    "Uncertainty",
    "build",
    "from_atoms",
    "read_reference",
    "save_reference",
    "uncertainty_of",
]
