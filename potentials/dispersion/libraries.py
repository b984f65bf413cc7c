"""D3 and D4 as potentials, by the Grimme group's libraries."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from potentials.ase_potential import AsePotential
from potentials.dispersion.settings import Dispersion, DispersionError
from potentials.metadata import Metadata

CUTOFFS_A: Mapping[str, Mapping[str, float]] = {
    "d4": {"disp2": 32.0, "disp3": 12.0, "cn": 16.0, "width2": 4.0, "width3": 3.0},
    "d3": {"disp2": 32.0, "disp3": 12.0, "cn": 16.0, "width2": 4.0, "width3": 3.0},
}
"""Pairs, triples and coordination numbers; the last part of each range of energies fades. The libraries' own
(60 bohr, 40 bohr for triples) cost seconds for a cell of two atoms."""


def library(settings: Dispersion, device: str = "cpu") -> AsePotential:
    """The library's correction as a potential.

    D3(BJ): Grimme et al., J. Comput. Chem. 32, 1456 (2011). D4: Caldeweyher et al., J. Chem. Phys. 150, 154122 (2019);
    periodic: Phys. Chem. Chem. Phys. 22, 8499 (2020).

    Raises:
        DispersionError: the library is not installed, or has no parameters for the functional.
    """
    package = f"dft{settings.method}"
    if find_spec(package) is None:
        raise DispersionError(f"dispersion: {settings.method} needs the library {package}; run: pip install {package}")
    functional = settings.functional or "pbe"
    try:
        calculator = (_d4 if settings.method == "d4" else _d3)(functional, settings.has_three_body)
    except (RuntimeError, TypeError) as error:
        raise DispersionError(f"dispersion: {package} has no parameters for {functional!r} ({error})") from error
    metadata = Metadata(
        settings.method, f"{package} {version(package)}", licence="LGPL-3.0-or-later", dispersion="itself",
        parameters={**settings.to_json(), "functional": functional, "cutoffs_A": dict(CUTOFFS_A[settings.method])},
    )  # fmt: skip
    return AsePotential(calculator, metadata)


def _d4(functional: str, three_body: bool) -> Any:
    from dftd4.ase import DFTD4
    from dftd4.interface import DampingParam

    DampingParam(method=functional)  # it raises here, not at the first structure
    return DFTD4(method=functional, params_tweaks={"atm": three_body}, realspace_cutoff=dict(CUTOFFS_A["d4"]))


def _d3(functional: str, three_body: bool) -> Any:
    from dftd3.ase import DFTD3
    from dftd3.interface import RationalDampingParam

    RationalDampingParam(method=functional)
    tweaks = {"method": functional, "atm": three_body}
    return DFTD3(method=functional, damping="d3bj", params_tweaks=tweaks, realspace_cutoff=dict(CUTOFFS_A["d3"]))
