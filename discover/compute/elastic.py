"""`discover compute elastic`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, field_validator

from discover.compute.doing import told
from discover.compute.elastic_figures import young_modulus_plot
from discover.compute.registry import Computed
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.elastic import Elasticity, ElasticSettings, elastic
from properties.elastic.mandel import to_voigt
from properties.rest import FMAX_EV_A

HEAD = ("", "value", "error", "by energy", "by response", "clamped ions", "unit", "note")


class Settings(BaseModel):
    """As `properties.elastic.ElasticSettings` has them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    largest_strain: float | None = Field(default=None, gt=0, lt=0.1)
    n_strains: int = Field(default=7, ge=7)
    relax: bool = True
    fmax_eV_A: float = Field(default=FMAX_EV_A, gt=0)

    @field_validator("n_strains")
    @classmethod
    def _odd(cls, n: int) -> int:
        if n % 2 == 0:
            raise ValueError(f"must be odd, for zero to be one of them (is {n})")
        return n


NEEDS: Sequence[str] = ("rest", "validate")


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """Each independent constant on a line, then moduli."""
    found = elastic(potential, atoms, ElasticSettings(**settings.model_dump()), told(progress))
    return Computed(
        json=found.to_json(),
        title=_title(found, potential),
        head=HEAD,
        rows=[*_constants(found), *_moduli(found), *_estimates(found)],
        right=HEAD[1:6],
        ok=found.born_stable,
    )


def _title(found: Elasticity, potential: Potential) -> str:
    if found.born_stable:
        verdict = "elastically stable"
    else:
        worst = found.softenings[0]
        strain = ", ".join(f"{round(x, 2) + 0.0:.2f}" for x in worst.strain)
        verdict = f"NOT elastically stable: {worst.eigenvalue_GPa:.3g} GPa for the strain ({strain})"
    ions = "ions relaxed" if found.relaxed is not None else "ions clamped"
    who = f"{potential.metadata.name} in {potential.in_double_precision().precision}"
    calls = sum(found.model_calls.values())
    return f"{found.formula} ({found.cell.symbol}) with {who}: {verdict}; {ions}; {calls} model calls"


def _constants(found: Elasticity) -> list[list[str]]:
    response = None if found.response_GPa is None else to_voigt(found.response_GPa)
    by_energy, clamped = to_voigt(found.best.energy_GPa), to_voigt(found.clamped.stress_GPa)
    error = found.error_GPa
    return [
        [
            f"C{place[0] + 1}{place[1] + 1}",
            f"{found.c_GPa[place]:.2f}",
            _error(error[place]),
            f"{by_energy[place]:.2f}",
            "-" if response is None else f"{response[place]:.2f}",
            f"{clamped[place]:.2f}",
            "GPa",
            "",
        ]
        for place in found.independent
    ]


def _moduli(found: Elasticity) -> list[list[str]]:
    m, errors = found.moduli, found.modulus_errors()
    rows = [
        ("bulk modulus", m.bulk_GPa.hill, errors["bulk_modulus_GPa"], "GPa", _means(m.bulk_GPa.to_json())),
        ("shear modulus", m.shear_GPa.hill, errors["shear_modulus_GPa"], "GPa", _means(m.shear_GPa.to_json())),
        ("Young's modulus", m.young_GPa, errors["young_modulus_GPa"], "GPa", _by_direction(found)),
        ("Poisson's ratio", m.poisson_ratio, None, "", ""),
        ("universal anisotropy", m.universal_anisotropy, None, "", "0 is isotropic"),
    ]
    if found.zener_ratio is not None:
        rows.append(("Zener ratio", found.zener_ratio, None, "", "1 is isotropic"))
    return [
        [name, f"{value:.2f}", "" if error is None else _error(error), "", "", "", unit, note]
        for name, value, error, unit, note in rows
    ]


def _error(GPa: float) -> str:
    return "<0.01" if GPa < 0.005 else f"{GPa:.2f}"


def _means(means: Mapping[str, float]) -> str:
    return f"Hill; Voigt {means['voigt']:.2f}, Reuss {means['reuss']:.2f}"


def _by_direction(found: Elasticity) -> str:
    if found.extremes is None:
        return "formal, as all moduli of an unstable crystal"
    softest, stiffest = (
        f"{e.young_modulus_GPa:.1f} along ({', '.join(f'{x:.2f}' for x in e.direction)})" for e in found.extremes
    )
    return f"polycrystal; single crystal {softest} to {stiffest}"


def _estimates(found: Elasticity) -> list[list[str]]:
    hardness = found.hardness_GPa
    if found.sound is None or hardness is None:
        return []
    waves = f"sound {found.sound.longitudinal_m_s:.0f} and {found.sound.transverse_m_s:.0f} m/s"
    rows = [["Debye temperature", f"{found.sound.debye_temperature_K:.0f}", "", "", "", "", "K", waves]]
    for name, formula in (("chen_2011", "2 (G³/B²)^0.585 − 3"), ("teter_1998", "0.151 G")):
        value = hardness[name]
        shown = "-" if value is None else f"{value:.1f}"
        rows.append([f"hardness, estimate ({name})", shown, "", "", "", "", "GPa", formula])
    return rows


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Young's modulus by direction; none of an unstable crystal, which has directions without one."""
    return [young_modulus_plot(json)] if json["born_stable"] else []
