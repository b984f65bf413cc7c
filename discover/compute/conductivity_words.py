"""What dynamics say of a conductor, in a sentence and in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from discover.report.notation import potential_name

HEAD = ("T (K)", "σ (S/cm)", "Einstein", "Nernst–Einstein", "Haven ratio")
"""σ is Green and Kubo's; the two beside it are in S/cm too."""


def said(value: float | None, error: float | None, none: str = "–") -> str:
    """A number with its error, to two digits of the error: "1.84 ± 0.12", "(2.51 ± 0.08)e-05"."""
    if value is None:
        return none
    if not error:
        return f"{value:.3g}"
    largest = max(abs(value), error)
    power = 0 if 1e-3 <= largest < 1e4 else math.floor(math.log10(largest))
    scale = 10.0**power
    digits = max(0, 1 - math.floor(math.log10(error / scale)))
    shown = f"{value / scale:.{digits}f} ± {error / scale:.{digits}f}"
    return shown if power == 0 else f"({shown})e{power:+03d}"


def sentence(json: Mapping[str, Any]) -> str:
    """σ where it is known best, the activation energy, and σ at 300 K."""
    who = f"{json['formula']} with {potential_name(json['potential'])}"
    known = [k for k, value in enumerate(json["green_kubo_S_per_cm"]) if value is not None]
    if not known:
        reason = next((r for r in reversed(json["green_kubo_reason"]) if r), "")
        return f"{who}: no conductivity can be told at any temperature; {reason}"
    k = known[-1]
    value = said(json["green_kubo_S_per_cm"][k], json["green_kubo_error_S_per_cm"][k])
    parts = [f"σ = {value} S/cm at {json['temperatures_K'][k]:g} K"]
    if json["activation_energy_eV"] is not None:
        energy = said(json["activation_energy_eV"], json["activation_energy_error_eV"])
        parts.append(f"activation energy {energy} eV")
    at_300 = json["extrapolated_300_K"]
    if at_300 is not None:
        between = f"{at_300['lower']:.2g} to {at_300['upper']:.2g}"
        how = "by extrapolation" if at_300["extrapolated"] else "from the fit"
        parts.append(f"{at_300['value']:.2g} S/cm ({between}) at 300 K {how}")
    short = len(json["temperatures_K"]) - len(known)
    if short:
        parts.append(f"too short to tell at {short} of {len(json['temperatures_K'])} temperatures")
    return f"{who}: {', '.join(parts)}"


def columns(json: Mapping[str, Any]) -> tuple[Sequence[str], list[list[str]], Sequence[str]]:
    """Head, a row for each temperature, and the columns of numbers."""
    species = [name for name in json["diffusion_cm2_per_s"] if name in json["mobile"]]
    diffusion = [f"D({name}) (cm²/s)" for name in species]
    rows = []
    for k, kelvin in enumerate(json["temperatures_K"]):
        pairs = [(json[name], json[error]) for name, error in _PAIRS]
        pairs += [(json["diffusion_cm2_per_s"][s], json["diffusion_error_cm2_per_s"][s]) for s in species]
        rows.append([f"{kelvin:g}", *(said(value[k], error[k]) for value, error in pairs), _why(json, k)])
    return (*HEAD, *diffusion, "note"), rows, (*HEAD, *diffusion)


_PAIRS = (
    ("green_kubo_S_per_cm", "green_kubo_error_S_per_cm"),
    ("einstein_S_per_cm", "einstein_error_S_per_cm"),
    ("nernst_einstein_S_per_cm", "nernst_einstein_error_S_per_cm"),
    ("haven_ratio", "haven_ratio_error"),
)


def _why(json: Mapping[str, Any], k: int) -> str:
    """Why numbers are missing; no reason that another one holds already."""
    reasons = [json[key][k] for key in ("green_kubo_reason", "einstein_reason", "nernst_einstein_reason")]
    reasons += [json["diffusion_reason"][name][k] for name in json["mobile"] if name in json["diffusion_reason"]]
    once = list(dict.fromkeys(reason for reason in reasons if reason))
    return "; ".join(r for r in once if not any(r != other and r in other for other in once))
