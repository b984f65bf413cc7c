"""QM/ML as a user writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Annotated, Any, Literal

import numpy as np
from ase.data import atomic_numbers
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from potentials.qmml.bonds import MOST_POLAR
from potentials.qmml.elements import can_be_cut
from potentials.qmml.errors import QmmlError
from potentials.qmml.faults import in_words

MOST_ATOMS = 300
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sphere(_Model):
    """All atoms near a centre.

    Attributes:
        centre: an atom's index, from 0, or a point, Å.
        radius_A: of the sphere.
        follow: False decides once, at set-up; True decides again as atoms move (force mixing only).
        leave_A: a following region's atom leaves where it is further away than this; atoms join within `radius_A`.
            None takes radius_A + 0.5.
    """

    centre: int | tuple[float, float, float]
    radius_A: Positive
    follow: bool = False
    leave_A: Positive | None = None

    @field_validator("centre", mode="before")
    @classmethod
    def _atom_or_point(cls, value: Any) -> Any:
        if isinstance(value, Integral) and not isinstance(value, bool):
            return int(value)
        point = isinstance(value, list | tuple | np.ndarray) and len(value) == 3
        if not (point and all(isinstance(x, Real) and math.isfinite(x) for x in value)):
            raise ValueError(f"must be an atom's index, or a point as [x, y, z] in Å (is {value!r})")
        return tuple(float(x) for x in value)

    @model_validator(mode="after")
    def _leaves_outside(self) -> Sphere:
        if self.leave_A is not None and self.leave_A < self.radius_A:
            raise ValueError(f"leave_A must be at least radius_A, {self.radius_A:g} (is {self.leave_A:g})")
        return self


class Region(_Model):
    """Which atoms are treated by the quantum method: one of `atoms`, `sphere` and `outside_domain`.

    Attributes:
        atoms: indices, from 0; taken as they are.
        sphere: grown until no bond is cut that must not be.
        outside_domain: True takes the atoms that the potential's uncertainty calls unlike its reference set, grown so
            too; regions that are apart are treated apart.
        charge: of the capped region, e. None takes that of the settings.
        multiplicity: 2S + 1. None takes that of the settings.
    """

    atoms: list[Annotated[int, Field(ge=0)]] | None = Field(default=None, min_length=1)
    sphere: Sphere | None = None
    outside_domain: Literal[True] | None = None
    charge: int | None = None
    multiplicity: Annotated[int, Field(ge=1)] | None = None

    @field_validator("atoms", mode="before")
    @classmethod
    def _indices(cls, value: Any) -> Any:
        if value is not None and (
            not isinstance(value, list | tuple | np.ndarray)
            or not all(isinstance(k, Integral) and not isinstance(k, bool) for k in value)
        ):
            raise ValueError(f"must be a list of atoms' indices, from 0 (is {value!r})")
        return None if value is None else [int(k) for k in value]

    @model_validator(mode="after")
    def _is_one(self) -> Region:
        if sum(x is not None for x in (self.atoms, self.sphere, self.outside_domain)) != 1:
            raise ValueError("give one of atoms, sphere and outside_domain")
        return self


class Buffer(_Model):
    """Atoms around the region that the quantum method sees too: neighbours by bonds, or all within a distance."""

    hops: Annotated[int, Field(ge=0)] | None = None
    radius_A: Positive | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Buffer:
        if (self.hops is None) == (self.radius_A is None):
            raise ValueError("give one of hops and radius_A")
        return self


class Electrostatic(_Model):
    """Charges of the surroundings, whose field the quantum method feels.

    Attributes:
        charges: e, by chemical symbol; one of each atom; or {"equilibrate": {"Na": {"chi_eV": ..., "hardness_eV":
            ...}}}, settled once, in the structure that the region was chosen in.
        cutoff_A: the field fades over the second half of this.
    """

    charges: dict[str, Any] | list[float]
    cutoff_A: Positive = 12.0


class QmmlSettings(_Model):
    """A quantum region inside a machine-learned potential.

    Attributes:
        method: xtb (by tblite), dft (a code, as `potentials.dft` knows them), or potential (any of ours).
        model: of xtb GFN2-xTB, GFN1-xTB or IPEA1-xTB; of dft the functional; of potential its name. None takes the
            method's own: GFN2-xTB, PBE.
        options: of the method. xtb: electronic_temperature_K, accuracy, max_iterations; dft: keys of `DFTSettings`;
            potential: as `potentials.load` takes them.
        region, regions: one, or several.
        buffer: around each.
        charge: of each capped region that does not say another, e.
        multiplicity: likewise; None is 1 where the number of electrons is even.
        scheme: subtractive, whose forces are derivatives of its energy, or force_mixing.
        embedding: mechanical, or {"electrostatic": {...}}.
        cap: element of the link atoms.
        overlap: regions that meet are refused, or merged.
        most_atoms: of a capped region.
        most_polar: electronegativity difference across a bond that is cut.
        insist: take a charged region whose charge the potential does not know of.
    """

    method: Literal["xtb", "dft", "potential"] = "xtb"
    model: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    region: Region | None = None
    regions: list[Region] | None = Field(default=None, min_length=1)
    buffer: Buffer | None = None
    charge: int = 0
    multiplicity: Annotated[int, Field(ge=1)] | None = None
    scheme: Literal["subtractive", "force_mixing"] = "subtractive"
    embedding: Literal["mechanical"] | dict[Literal["electrostatic"], Electrostatic] = "mechanical"
    cap: str = "H"
    overlap: Literal["refuse", "merge"] = "refuse"
    most_atoms: Annotated[int, Field(ge=1)] = MOST_ATOMS
    most_polar: Annotated[float, Field(ge=0)] = MOST_POLAR
    insist: bool = False

    @field_validator("cap")
    @classmethod
    def _an_element(cls, symbol: str) -> str:
        if symbol not in atomic_numbers or symbol == "X":
            raise ValueError(f"must be the symbol of an element (is {symbol!r})")
        if not can_be_cut(atomic_numbers[symbol]):
            raise ValueError(f"must be a non-metal that ends a single bond, as H or F (is {symbol!r})")
        return symbol

    @field_validator("embedding", mode="before")
    @classmethod
    def _known_embedding(cls, value: Any) -> Any:
        if value != "mechanical" and not (isinstance(value, Mapping) and list(value) == ["electrostatic"]):
            raise ValueError(f"must be mechanical, or {{electrostatic: {{charges: ...}}}} (is {value!r})")
        return value

    @model_validator(mode="after")
    def _belongs_together(self) -> QmmlSettings:
        if (self.region is None) == (self.regions is None):
            raise ValueError("give one of region and regions")
        if self.scheme == "subtractive" and self.follows:
            raise ValueError(
                "sphere.follow: a region that changes makes the subtractive energy jump; use scheme: force_mixing, or "
                "leave follow away"
            )
        if self.follows and len(self.all_regions) > 1:
            raise ValueError("sphere.follow: only one region can follow")
        if self.method == "potential" and self.model is None:
            raise ValueError("model: method potential needs the name of one")
        return self

    @property
    def all_regions(self) -> list[Region]:
        """One or several, as a list."""
        return [self.region] if self.region is not None else list(self.regions or ())

    @property
    def follows(self) -> bool:
        """Whether a region is decided again as atoms move."""
        return any(r.sphere is not None and r.sphere.follow for r in self.all_regions)

    @property
    def electrostatic(self) -> Electrostatic | None:
        """None where the embedding is mechanical."""
        return None if isinstance(self.embedding, str) else self.embedding["electrostatic"]

    @classmethod
    def of(cls, given: Mapping[str, Any] | QmmlSettings) -> QmmlSettings:
        """From a mapping.

        Raises:
            QmmlError: an unknown key, a value that it cannot have; names the key.
        """
        if isinstance(given, QmmlSettings):
            return given
        if not isinstance(given, Mapping):
            raise QmmlError("qm: give settings, as {method: xtb, region: {sphere: {centre: 12, radius_A: 4}}}")
        try:
            return cls(**given)
        except (ValidationError, TypeError) as error:
            raise QmmlError(in_words(error, _KEYS)) from None

    def to_json(self) -> dict[str, Any]:
        """What decides energies, JSON-able, without what is at its default."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude={"insist", "overlap", "most_atoms"})


_SECTIONS: dict[str, type[BaseModel]] = {
    "": QmmlSettings, "region": Region, "regions": Region, "sphere": Sphere, "buffer": Buffer,
    "electrostatic": Electrostatic,
}  # fmt: skip
_KEYS = {name: tuple(section.model_fields) for name, section in _SECTIONS.items()}
"""Of each section, for messages."""
