"""The numbers of a hit that come first, by stage; a new one is a line here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from discover.pipeline.record import HitRecord


@dataclass(frozen=True)
class KeyNumber:
    """Where a number stands in a stage's result, and how it is said.

    Attributes:
        stage, path: stage and keys.
        label: for people.
        unit: of it; may be empty.
        digits: after the point.
        error: keys of its error bar; empty where it has none.
        scale, error_scale: that number and error bar are multiplied by.
        at_K: of a row over `temperatures_K`: which temperature.
    """

    stage: str
    path: Sequence[str]
    label: str
    unit: str = ""
    digits: int = 1
    error: Sequence[str] = ()
    scale: float = 1.0
    at_K: float | None = None
    error_scale: float = 1.0


_OFF = ("modulus_errors",)
KEY_NUMBERS = (
    KeyNumber("rest", ("energy_eV_per_atom",), "Energy at rest", "eV/atom", 4),
    KeyNumber("rest", ("volume_A3_per_atom",), "Volume at rest", "Å³/atom", 3),
    KeyNumber("elastic", ("bulk_modulus_GPa", "hill"), "Bulk modulus (Hill)", "GPa", 1, (*_OFF, "bulk_modulus_GPa")),
    KeyNumber("elastic", ("shear_modulus_GPa", "hill"), "Shear modulus (Hill)", "GPa", 1, (*_OFF, "shear_modulus_GPa")),
    KeyNumber("elastic", ("young_modulus_GPa",), "Young's modulus", "GPa", 1, (*_OFF, "young_modulus_GPa")),
    KeyNumber("elastic", ("poisson_ratio",), "Poisson's ratio", "", 3),
    KeyNumber("elastic", ("universal_anisotropy",), "Universal anisotropy", "", 2),
    KeyNumber("elastic", ("hardness_estimate_GPa", "chen_2011"), "Hardness, estimated (Chen)", "GPa", 0),
    KeyNumber("elastic", ("born_stable",), "Mechanically stable (Born)"),
    KeyNumber("elastic", ("debye_temperature_K",), "Debye temperature", "K", 0),
    KeyNumber("phonons", ("dynamically_stable",), "Dynamically stable"),
    KeyNumber("phonons", ("min_frequency_THz",), "Lowest frequency", "THz", 2, ("error", "frequency_THz")),
    KeyNumber("phonons", ("zero_point_energy_eV_per_atom",), "Zero-point energy", "meV/atom", 1, scale=1e3),
    KeyNumber(
        "phonons", ("free_energy_eV_per_atom",), "Free energy of vibration at 300 K", "meV/atom", 1,
        ("error", "free_energy_300K_meV_per_atom"), 1e3, 300.0,
    ),
    KeyNumber("phonons", ("heat_capacity_J_per_K_per_mol_atoms",), "C_V at 300 K", "J/(K mol)", 2, at_K=300.0),
    KeyNumber(
        "thermal", ("volumetric_expansion_per_K",), "Thermal expansion (volume) at 300 K", "10⁻⁶/K", 1,
        ("error_volumetric_expansion_per_K",), 1e6, 300.0, 1e6,
    ),
    KeyNumber(
        "thermal", ("bulk_modulus_GPa",), "Bulk modulus at 300 K", "GPa", 1, ("error_bulk_modulus_GPa",), 1.0, 300.0
    ),
    KeyNumber("thermal", ("mean_grueneisen",), "Mean Grüneisen parameter at 300 K", "", 2, at_K=300.0),
    KeyNumber(
        "kappa", ("kappa_W_per_m_K",), "Lattice thermal conductivity at 300 K", "W/(m K)", 1,
        ("error_kappa_W_per_m_K",), at_K=300.0,
    ),
    KeyNumber(
        "conductivity", ("activation_energy_eV",), "Activation energy of σT", "eV", 3, ("activation_energy_error_eV",)
    ),
    KeyNumber(
        "conductivity", ("extrapolated_300_K", "value"), "Conductivity at 300 K, by the fit", "mS/cm", 3, scale=1e3
    ),
    KeyNumber("exfoliation", ("layered",), "Made of layers"),
    KeyNumber("exfoliation", ("exfoliation_energy_meV_per_atom",), "Exfoliation energy", "meV/atom", 1),
    KeyNumber("exfoliation", ("exfoliation_energy_meV_per_A2",), "Exfoliation energy by area", "meV/Å²", 1),
    KeyNumber("exfoliation", ("interlayer_distance_A",), "Interlayer distance", "Å", 3),
    KeyNumber("exfoliation", ("sliding", "barrier_meV_per_A2"), "Sliding barrier", "meV/Å²", 2),
    KeyNumber("barrier", ("forward_eV",), "Barrier", "eV", 3),
    KeyNumber("barrier", ("reverse_eV",), "Barrier, the way back", "eV", 3),
    KeyNumber("barrier", ("prefactor_THz",), "Prefactor (Vineyard)", "THz", 2),
    KeyNumber("barrier", ("n_imaginary",), "Imaginary modes of the saddle", "", 0),
    KeyNumber("kie", ("rate_ratio",), "Rate ratio of the isotopes at 300 K", "", 2, ("rate_ratio_error",), at_K=300.0),
    KeyNumber("kie", ("barrier_eV",), "Barrier, the same for both isotopes", "eV", 3),
    KeyNumber("uncertainty", ("expected_error_meV_per_atom",), "Error to expect of the energy", "meV/atom", 0),
)

LONG = 6
"""Values of a setting beyond which only the ends are said."""


@dataclass(frozen=True)
class Said:
    """A number as the page has it."""

    label: str
    value: str


def key_numbers(hit: HitRecord) -> list[Said]:
    """Those that are known of a hit."""
    found = ((spec, _value(hit, spec, spec.path)) for spec in KEY_NUMBERS)
    return [Said(spec.label, _said(hit, spec, value)) for spec, value in found if value is not None]


def _value(hit: HitRecord, spec: KeyNumber, path: Sequence[str]) -> float | bool | None:
    if spec.at_K is not None and isinstance(hit.value(spec.stage, *path), list):
        return hit.value_at(spec.at_K, spec.stage, *path)
    value = hit.value(spec.stage, *path)
    return value if isinstance(value, bool | int | float) else None


def _said(hit: HitRecord, spec: KeyNumber, value: float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    error = _value(hit, spec, spec.error) if spec.error else None
    bar = "" if error is None or isinstance(error, bool) else f" ± {_rounded(spec.error_scale * error, spec.digits)}"
    return f"{spec.scale * value:.{spec.digits}f}{bar} {spec.unit}".replace("-", "−").rstrip()


def _rounded(error: float, digits: int) -> str:
    """To as many digits as the number; one that these do not show is below the last of them."""
    text = f"{error:.{digits}f}"
    return text if float(text) or not error else f"< {10.0**-digits:.{digits}f}"


def settings_said(settings: Mapping[str, Any]) -> str:
    """Settings that are not left to their own choice, in a line."""
    return ", ".join(f"{k} {_plain(v)}" for k, v in settings.items() if v is not None)


def _plain(value: Any) -> str:
    if isinstance(value, list) and len(value) > LONG:
        return f"[{_plain(value[0])}, {_plain(value[1])}, … {_plain(value[-1])}]"
    if isinstance(value, list):
        return "[" + ", ".join(_plain(v) for v in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
