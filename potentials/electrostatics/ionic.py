"""Rigid-ion force fields: charges, and short-range terms between pairs of species, as a user writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
import yaml
from ase.data import atomic_numbers
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from potentials.electrostatics.charges import charges_of
from potentials.electrostatics.ewald import IonPotential
from potentials.electrostatics.real_space import Terms
from potentials.electrostatics.splitting import Splitting
from potentials.metadata import Metadata
from potentials.words import in_words

SETS = Path(__file__).parent / "data"
"""Published force fields, one file each; `parameters` names them."""
CUTOFF_A = 10.0
ACCURACY = 1e-6
"""Relative: 10⁻⁶ eV/Å in a force of 1 eV/Å, where thermal forces are of that size."""


class FieldError(ValueError):
    """A force field that cannot be made; one line that says why."""


class Exponential(BaseModel):
    """A e^(−r/ρ), Born and Mayer's repulsion."""

    model_config = ConfigDict(extra="forbid")
    A_eV: float
    rho_A: Annotated[float, Field(gt=0)]


class Power(BaseModel):
    """B/r^n, of either sign; n any positive number."""

    model_config = ConfigDict(extra="forbid")
    n: Annotated[float, Field(gt=0)]
    B_eV_An: float


class PairTerms(BaseModel):
    """Σ_n B_n/r^n + A e^(−r/ρ)."""

    model_config = ConfigDict(extra="forbid")
    powers: list[Power] = Field(default_factory=list)
    exponential: Exponential | None = None

    @model_validator(mode="after")
    def _something(self) -> PairTerms:
        if not self.powers and self.exponential is None:
            raise ValueError("needs powers or exponential")
        return self


def ionic(
    device: str = "cpu",
    charges: Mapping[str, float] | str | None = None,
    pairs: Mapping[str, Any] | None = None,
    parameters: str | None = None,
    cutoff_A: float = CUTOFF_A,
    accuracy: float = ACCURACY,
    tail: bool = True,
) -> IonPotential:
    """A rigid-ion force field: charges by Ewald's sum and terms of pairs, float64.

    charges: e, as `charges_of` takes them.
    pairs: {"Ag-I": {"powers": [{"n": 9, "B_eV_An": 1648.5}, ...], "exponential": {"A_eV": ..., "rho_A": ...}}}; a pair
        that is not named has its Coulomb term only. Each goes smoothly to zero over the last tenth of the cut-off.
    parameters: instead of both, a published set ("agi-prv") or the path of a YAML file that holds both.
    cutoff_A: of the pair terms and of the sum's real-space part.
    accuracy: of the Coulomb sum, relative.
    tail: add what pair terms would give beyond the cut-off were the ions there spread evenly (energy and pressure).

    Raises:
        ValueError: charges, pairs or parameters that make no force field.
    """
    if (parameters is None) == (charges is None and pairs is None):
        raise FieldError(f"give charges and pairs, or parameters: {', '.join(published())} or a file")
    if parameters is not None:
        charges, pairs = _read(parameters)
    if charges is None:
        raise FieldError("charges: needed, as in {Ag: 0.6, I: -0.6}")
    values, terms = charges_of(charges), _checked(pairs or {})
    if strangers := sorted({s for name in terms for s in name.split("-")} - set(values)):
        raise FieldError(f"charges: {', '.join(strangers)} of pairs has none; give it one, 0 where it is neutral")
    splitting = Splitting(cutoff_A, accuracy)
    settings: dict[str, Any] = {"charges": values, "cutoff_A": cutoff_A, "accuracy": accuracy, "tail": tail}
    settings["pairs"] = {name: terms[name].model_dump(exclude_none=True) for name in sorted(terms)}
    metadata = Metadata("ionic", "1", elements=tuple(values), parameters=settings, licence="MIT")
    return IonPotential(values, splitting, metadata, device, _tables(list(values), terms), tail)


def published() -> list[str]:
    """Names of the sets that come along."""
    return sorted(path.stem for path in SETS.glob("*.yaml"))


def _read(parameters: str) -> tuple[Any, Any]:
    path = SETS / f"{parameters}.yaml" if parameters in published() else Path(parameters)
    if not path.is_file():
        raise FieldError(f"parameters: {parameters!r} is neither {', '.join(published())} nor a file")
    try:
        content = yaml.safe_load(path.read_text())
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise FieldError(f"parameters: {path} is no YAML file ({in_words(error)})") from error
    if not isinstance(content, Mapping) or not {"charges", "pairs"} <= set(content):
        raise FieldError(f"parameters: {path} must hold charges and pairs")
    if strangers := sorted(set(content) - {"charges", "pairs", "source"}):
        raise FieldError(f"parameters: {path}: {', '.join(map(str, strangers))} is no key; charges, pairs, source are")
    return content["charges"], content["pairs"]


def _checked(pairs: Mapping[str, Any]) -> dict[str, PairTerms]:
    """Terms by "A-B", species in the order of atomic numbers."""
    if not isinstance(pairs, Mapping):
        raise FieldError("pairs: must name the terms of each pair, as in {Ag-I: {powers: [{n: 9, B_eV_An: 1648.5}]}}")
    found: dict[str, PairTerms] = {}
    for name, terms in pairs.items():
        symbols = str(name).split("-")
        if len(symbols) != 2 or not all(symbol in atomic_numbers for symbol in symbols):
            raise FieldError(f"pairs: {name!r} is no pair of elements; write it as in Ag-I")
        ordered = "-".join(sorted(symbols, key=lambda s: atomic_numbers[s]))
        if ordered in found:
            raise FieldError(f"pairs: {ordered} is given twice")
        try:
            found[ordered] = PairTerms.model_validate(terms)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([str(name), *map(str, first["loc"])])
            raise FieldError(f"pairs: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    return found


def _tables(symbols: list[str], terms: Mapping[str, PairTerms]) -> Terms:
    powers: dict[float, Tensor] = {}
    amplitude, per_length = torch.zeros(2, len(symbols), len(symbols), dtype=torch.float64)
    for name, pair in terms.items():
        i, j = (symbols.index(symbol) for symbol in name.split("-"))
        for power in pair.powers:
            table = powers.setdefault(power.n, torch.zeros(len(symbols), len(symbols), dtype=torch.float64))
            table[i, j] += power.B_eV_An
            table[j, i] = table[i, j]
        if pair.exponential:
            amplitude[i, j] = amplitude[j, i] = pair.exponential.A_eV
            per_length[i, j] = per_length[j, i] = 1 / pair.exponential.rho_A
    return Terms(powers, amplitude, per_length) if amplitude.any() else Terms(powers)
