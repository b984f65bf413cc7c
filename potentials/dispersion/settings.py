"""Which dispersion, with which damping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

METHODS = {
    "c6": "C6 of each atom learnt from its surroundings",
    "d4": "DFT-D4 by the library dftd4",
    "d3": "DFT-D3 with Becke–Johnson damping by the library dftd3",
}


class DispersionError(ValueError):
    """Settings that are none, or a library that is not there."""


@dataclass(frozen=True)
class Dispersion:
    """A dispersion correction.

    Attributes:
        method: one of METHODS.
        functional: whose damping parameters are meant, as the libraries spell it (pbe, pbesol, r2scan, ...); None takes
            the functional that the potential was trained on.
        three_body: Axilrod, Teller and Muto's term. None takes what each method does by itself: d4 with it, d3 and c6
            without.
        insist: add it even where the potential may hold dispersion already.
    """

    method: str = "c6"
    functional: str | None = None
    three_body: bool | None = None
    insist: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise DispersionError(f"dispersion: method must be one of {', '.join(METHODS)} (is {self.method!r})")
        if self.functional is not None and not isinstance(self.functional, str):
            raise DispersionError(f"dispersion: functional must be a name such as pbe (is {self.functional!r})")
        for key in ("three_body", "insist"):
            value = getattr(self, key)
            if not (isinstance(value, bool) or (value is None and key == "three_body")):
                raise DispersionError(f"dispersion: {key} must be true or false (is {value!r})")

    @classmethod
    def of(cls, given: str | Mapping[str, Any] | Dispersion) -> Dispersion:
        """From a method's name or a mapping of settings.

        Raises:
            DispersionError: an unknown method or key, a value of the wrong kind.
        """
        if isinstance(given, Dispersion):
            return given
        if isinstance(given, str):
            return cls(given)
        if not isinstance(given, Mapping):
            raise DispersionError(f"dispersion: give a method or settings, as {{method: c6}} (is {given!r})")
        known = [field.name for field in fields(cls)]
        strange = [key for key in given if key not in known]
        if strange:
            raise DispersionError(f"dispersion: unknown key {strange[0]!r}; there are {', '.join(known)}")
        return cls(**given)

    @property
    def has_three_body(self) -> bool:
        """With Axilrod, Teller and Muto's term or without it."""
        return self.method == "d4" if self.three_body is None else self.three_body

    def to_json(self) -> dict[str, Any]:
        """What changes energies, every default written out but the functional's."""
        told = asdict(self) | {"three_body": self.has_three_body}
        del told["insist"]
        return told
