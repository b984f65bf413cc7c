"""Does a potential obey physics? `validate` says so check by check, `require_conservative` refuses what does not."""

from __future__ import annotations

from potentials.suitable import UnsuitableStructureError
from properties.validation.check import Check, Validation
from properties.validation.suite import NotConservativeError, require_conservative, validate

__all__ = [
    "Check",
    "NotConservativeError",
    "UnsuitableStructureError",
    "Validation",
    "require_conservative",
    "validate",
]
