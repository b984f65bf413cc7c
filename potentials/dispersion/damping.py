"""Damping parameters: those of functionals, and those fitted to potentials of their own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from potentials.dispersion.settings import DispersionError
from potentials.metadata import Metadata

FILE = Path(__file__).parent / "data" / "damping.json"


LONGEST_FIRST = ("pbesol", "revpbe", "rpbe", "r2scan", "rscan", "scan", "pbe")
"""Functionals that potentials are trained on; a name that holds another's comes before it."""


@dataclass(frozen=True)
class Damping:
    """Of Becke and Johnson's rational form: C_n/(rⁿ + R₀ⁿ), R₀ = a1 √(C8/C6) + a2.

    Attributes:
        s6, s8: of both terms; a1: no unit; a2_bohr: as publications have it.
        name: whose they are: a functional's, or "fitted to 7net-0".
        held: share of the attraction that the potential has already between atoms that it sees: it is left out there.
    """

    s6: float
    s8: float
    a1: float
    a2_bohr: float
    name: str
    held: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """By name."""
        return asdict(self)


@lru_cache
def table() -> dict[str, Any]:
    """`FILE`: "functionals", dftd4's by name, and "potentials", fitted ones by the checkpoint's SHA-256."""
    return dict(json.loads(FILE.read_text()))


def damping_of(functional: str) -> Damping:
    """D4's parameters of a functional (Caldeweyher et al., J. Chem. Phys. 150, 154122 (2019)).

    Raises:
        DispersionError: none are known for it.
    """
    known = table()["functionals"]
    name = functional.lower()
    if name not in known:
        raise DispersionError(
            f"dispersion: c6 has no damping parameters for {functional!r}; it has those of {', '.join(sorted(known))}"
        )
    return Damping(**known[name], name=name)


def fitted(checkpoint_sha256: str | None, three_body: bool) -> Damping | None:
    """Parameters fitted to a potential of these weights, for the sum over pairs alone or with triples; None: no fit."""
    found = table()["potentials"].get(checkpoint_sha256 or "", {}).get("with three_body" if three_body else "pairs")
    return Damping(**found["parameters"]) if found else None


def functional_of(metadata: Metadata) -> str:
    """The functional whose damping suits a potential: PBE's where it does not tell."""
    told = (metadata.training_functional or "pbe").lower()
    return next((name for name in LONGEST_FIRST if name in told), "pbe")
