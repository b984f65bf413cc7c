"""Electrostatics to join to a short-range potential, as a user writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from potentials.electrostatics.charges import ChargeError, charges_of
from potentials.potential import Potential

ACCURACY = 1e-6
"""Relative; networks of single precision are not better."""


class Electrostatics(BaseModel):
    """Charges and how they are summed.

    Attributes:
        charges: e, by chemical symbol; or {"equilibrate": ...}, as `load("ewald")` takes them.
        method: ewald or pme.
        cutoff_A, accuracy: of the sum.
        insist: join them to a potential that holds electrostatics already.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    charges: dict[str, Any]
    method: Literal["ewald", "pme"] = "ewald"
    cutoff_A: Annotated[float, Field(gt=0)] = 10.0
    accuracy: float = ACCURACY
    insist: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Electrostatics:
        """From a mapping, whose charges may be a file's name.

        Raises:
            ChargeError: charges or keys that are wrong.
        """
        if not isinstance(given, Mapping) or "charges" not in given:
            raise ChargeError("electrostatics: needs charges, as in {charges: {Na: 1, Cl: -1}}")
        charges = given["charges"]
        settles = isinstance(charges, Mapping) and "equilibrate" in charges
        if settles and given.get("method", "ewald") != "ewald":
            raise ChargeError("electrostatics: charges that settle are summed by ewald; leave method out")
        try:
            return cls(**{**given, "charges": dict(charges) if settles else charges_of(charges)})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(["electrostatics", *map(str, first["loc"])])
            raise ChargeError(f"{where}: {first['msg']}") from None

    def potential(self, device: str = "cpu") -> Potential:
        """The charges alone."""
        from potentials.electrostatics.coulomb import ewald, pme

        make = ewald if self.method == "ewald" else pme
        return make(device, self.charges, self.cutoff_A, self.accuracy)

    def to_json(self) -> dict[str, Any]:
        """What decides energies, JSON-able."""
        return self.model_dump(exclude={"insist"})
