"""`discover compute kie`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from discover.compute.doing import told
from discover.compute.kie_figures import beads_plot, factors_plot
from discover.compute.registry import Computed
from discover.compute.structures import read_structures
from discover.errors import InputError
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.dynamics.standing import Standing
from properties.isotopes import Exchange, IsotopeEffect, IsotopeSettings, kinetic_isotope_effect
from properties.path_integrals import PathSettings

_PATH, _ISOTOPES = PathSettings(), IsotopeSettings()


class Settings(BaseModel):
    """As `properties.isotopes.IsotopeSettings` and `properties.path_integrals.PathSettings` have them.

    saddle: file of the saddle, the same atoms in the same order and cell as the reactant, which is the structure.
    isotopes: light>heavy, as in H>D or 6Li>7Li.
    exchange: indices of the atoms that are exchanged; None takes all of the element.
    fixed: indices of atoms that never move.
    path_integrals: False leaves them out.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    saddle: Path
    isotopes: str = "H>D"
    exchange: list[Annotated[int, Field(ge=0)]] | None = None
    fixed: list[Annotated[int, Field(ge=0)]] = []
    temperatures_K: Annotated[list[PositiveFloat], Field(min_length=1)] = list(_ISOTOPES.temperatures_K)
    tunnelling: Literal["eckart", "wigner", "instanton", "none"] = _ISOTOPES.tunnelling
    instanton_beads: int = Field(default=_ISOTOPES.instanton_beads, ge=8)
    reverse_barrier_eV: PositiveFloat | None = None
    path_integrals: bool = True
    beads: int = Field(default=_PATH.beads, ge=1)
    nodes: int = Field(default=_ISOTOPES.nodes, ge=1, le=20)
    replicas: int = Field(default=_ISOTOPES.replicas, ge=1)
    seed: int = Field(default=0, ge=0)
    time_step_fs: PositiveFloat = _PATH.time_step_fs
    equilibrate_ps: float = Field(default=_PATH.equilibrate_ps, ge=0)
    produce_ps: PositiveFloat = _PATH.produce_ps

    def physics(self) -> IsotopeSettings:
        """What `kinetic_isotope_effect` takes."""
        path = PathSettings(
            beads=self.beads,
            time_step_fs=self.time_step_fs,
            equilibrate_ps=self.equilibrate_ps,
            produce_ps=self.produce_ps,
        )
        return IsotopeSettings(
            temperatures_K=tuple(self.temperatures_K),
            path=path if self.path_integrals else None,
            nodes=self.nodes,
            replicas=self.replicas,
            seed=self.seed,
            tunnelling=self.tunnelling,
            instanton_beads=self.instanton_beads,
            reverse_barrier_eV=self.reverse_barrier_eV,
        )


NEEDS: Sequence[str] = ()
KEEPS = True
HEAD = (
    "T (K)", "k ratio", "path integral", "tunnelling", "harmonic", "zero point", "Wigner", "Eckart", "κ light, heavy",
)  # fmt: skip


def compute(
    potential: Potential, atoms: Atoms, settings: Settings, progress: Progress, folder: Path | None = None
) -> Computed:
    """A temperature on a line; the structure is the reactant."""
    saddle = _saddle(settings.saddle)
    beyond = [k for k in (*(settings.exchange or ()), *settings.fixed) if k >= len(atoms)]
    if beyond:
        raise InputError(f"exchange, fixed: there is no atom {beyond[0]}; the last one is {len(atoms) - 1}")
    exchange = Exchange.of(atoms, settings.isotopes, settings.exchange)
    tell = told(progress)

    def news(standing: Standing) -> None:
        # One bar from the equilibration on, with the pace and the time left beside it
        tell("path integrals", standing.done, standing.total)
        progress.note(standing.done, str(standing))

    found = kinetic_isotope_effect(
        potential, atoms, saddle, exchange, settings.physics(), settings.fixed, folder, news, tell
    )
    for warning in found.warnings:
        progress.message(f"warning: {warning}")
    return Computed(
        json=found.to_json() | {"settings": settings.model_dump(mode="json")},
        title=_title(found),
        head=HEAD,
        rows=_rows(found),
        right=HEAD,
        ok=all(f.enough for f in found.factors),
    )


def _saddle(file: Path) -> Atoms:
    found = read_structures([file])
    if len(found) != 1:
        raise InputError(f"{file}: holds {len(found)} structures; the saddle is one")
    return found[0][1]


def _title(found: IsotopeEffect) -> str:
    light, heavy = found.light, found.heavy
    path = found.settings.path
    masses = _many(found.settings.nodes, "mass", "masses")
    how = "harmonic" if path is None else f"{_many(path.beads, 'bead')}, {masses}"
    return (
        f"{found.formula} with {found.potential.name}: k({light.isotope})/k({heavy.isotope}), {how}; barrier "
        f"{found.barrier_eV:.3f} eV, with zero-point energies {light.zero_point_barrier_eV:.3f} ({light.isotope}) and "
        f"{heavy.zero_point_barrier_eV:.3f} ({heavy.isotope})"
    )


def _many(n: int, one: str, more: str | None = None) -> str:
    return f"{n} {one if n == 1 else more or one + 's'}"


def _rows(found: IsotopeEffect) -> list[list[str]]:
    return [
        [
            f"{f.temperature_K:g}",
            _with_error(f.rate_ratio, f.rate_ratio_error),
            "-" if f.path_integral is None else _with_error(f.path_integral, f.path_integral_error),
            f"{f.tunnelling:.4g}",
            f"{f.harmonic:.4g}",
            f"{f.zero_point:.4g}",
            f"{f.wigner:.4g}",
            f"{f.eckart:.4g}",
            ", ".join(f"{kappa:.4g}" for kappa in f.kappa),
        ]
        for f in found.factors
    ]


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}"


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Each factor against temperature; where the beads were."""
    found = [factors_plot(json)]
    if json["bead_pictures"] and np.size(json["bead_pictures"][0]["beads_A"]):
        found.append(beads_plot(json))
    return found


def table(json: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[Sequence[str]], Sequence[str]]:
    """For a report: the factors by temperature."""
    head = ("T (K)", "k ratio", "path integral", "tunnelling", "harmonic", "zero point")
    rows = [
        [
            f"{t:g}",
            _with_error(json["rate_ratio"][k], json["rate_ratio_error"][k]),
            "-" if sampled is None else _with_error(sampled, json["path_integral_error"][k]),
            *(f"{json[name][k]:.4g}" for name in ("tunnelling", "harmonic", "zero_point")),
        ]
        for k, (t, sampled) in enumerate(zip(json["temperatures_K"], json["path_integral"], strict=True))
    ]
    return head, rows, head
