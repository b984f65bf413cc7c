"""`discover compute barrier`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from pydantic import BaseModel, ConfigDict, Field, field_validator

from discover.compute.barrier_figures import images_plot, profile_plot
from discover.compute.barrier_kept import asked, keep_path, kept_path
from discover.compute.doing import told
from discover.compute.registry import Computed
from discover.compute.structures import check_structures, read_structures
from discover.errors import InputError
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.barriers import BandSettings, BarrierSettings, CrystalHop, barrier, interstitial_hops, vacancy_hops
from properties.barriers.as_json import isotope_json, to_json
from properties.barriers.hops import SUPERCELL_LENGTH_A
from properties.barriers.rates import TEMPERATURES_K
from properties.barriers.surface import News
from properties.rest import at_rest

NEEDS: Sequence[str] = ("rest", "validate")
KEEPS = True
HEAD = ("path", "forward", "reverse", "prefactor", "back", "imaginary modes", "joins the ends", "note")
DEUTERIUM_U = 2.014


class Settings(BaseModel):
    """What `--set key=value` takes: either `hop` or `final`.

    hop: an element; the crystal's own hops into vacancies, or between empty sites where it has none of it.
    mechanism: says which, where both could be meant.
    final: a structure file with the other end.
    paths: which of the crystal's hops are computed, by number in the list, the nearest first; "all".
    supercell_length_A, supercell, longest_A: of hops, as `properties.barriers.vacancy_hops` has them.
    relax: False takes the crystal as it is.
    isotopes: masses of the hopping element that zero-point corrections are given for; None takes H's two.
    The others are those of `properties.barriers.BarrierSettings` and of its band.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    hop: str | None = None
    mechanism: Literal["auto", "vacancy", "interstitial"] = "auto"
    final: Path | None = None
    paths: Literal["all"] | list[Annotated[int, Field(ge=1)]] = [1]
    supercell_length_A: float = Field(default=SUPERCELL_LENGTH_A, gt=0)
    supercell: list[int] | list[list[int]] | None = None
    longest_A: float | None = Field(default=None, gt=0)
    relax: bool = True
    match: bool = True
    images: int = Field(default=BarrierSettings.images, ge=1, le=49)
    fmax_eV_A: float = Field(default=BandSettings.fmax_eV_A, gt=0)
    band_fmax_eV_A: float = Field(default=BandSettings.band_fmax_eV_A, gt=0)
    spring_eV_A2: float = Field(default=BandSettings.spring_eV_A2, gt=0)
    tangent: Literal["improved"] = "improved"
    optimiser: Literal["lbfgs", "fire"] = "lbfgs"
    max_steps: int = Field(default=BarrierSettings.max_steps, ge=1)
    prove: bool = True
    region_A: float = Field(default=BarrierSettings.region_A, gt=0)
    few_atoms: int = Field(default=BarrierSettings.few_atoms, ge=0)
    most_segments: int = Field(default=BarrierSettings.most_segments, ge=1)
    temperatures_K: list[Annotated[float, Field(gt=0)]] = Field(default=list(TEMPERATURES_K), min_length=1)
    isotopes: list[Annotated[float, Field(gt=0)]] | None = None

    @field_validator("hop")
    @classmethod
    def _an_element(cls, symbol: str | None) -> str | None:
        if symbol is not None and symbol not in atomic_numbers:
            raise ValueError(f"must be the symbol of an element (is {symbol!r})")
        return symbol

    def physics(self) -> BarrierSettings:
        """What `barrier` takes."""
        band = BandSettings(
            tangent=self.tangent, spring_eV_A2=self.spring_eV_A2, fmax_eV_A=self.fmax_eV_A,
            band_fmax_eV_A=self.band_fmax_eV_A, optimiser=self.optimiser, max_steps=self.max_steps,
        )  # fmt: skip
        return BarrierSettings(
            images=self.images, band=band, match=self.match, region_A=self.region_A, few_atoms=self.few_atoms,
            temperatures_K=self.temperatures_K, most_segments=self.most_segments, max_steps=self.max_steps,
            prove=self.prove,
        )  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One path that is to be computed, and how it is listed."""

    initial: Atoms
    final: Atoms
    species: str | None
    listed: dict[str, Any]


def compute(
    potential: Potential, atoms: Atoms, settings: Settings, progress: Progress, folder: Path | None = None
) -> Computed:
    """A line for each path; the lowest barrier's numbers stand above the list.

    folder: for each path that is computed, its images as extended XYZ and its numbers, from which the same command goes
        on; None keeps none.
    """
    news = told(progress)
    tasks = _tasks(potential, atoms, settings, news)
    wanted = range(len(tasks)) if settings.paths == "all" else [k - 1 for k in settings.paths]
    if missing := [k + 1 for k in wanted if k >= len(tasks)]:
        raise InputError(f"--set: paths: there is no hop {missing[0]}; the crystal has {len(tasks)}")
    for k in dict.fromkeys(wanted):
        tasks[k].listed.update(_kept_or_computed(potential, tasks[k], settings, news, folder))
    done = [task.listed for task in tasks if "forward_eV" in task.listed]
    lowest = min(done, key=lambda one: one["forward_eV"])
    shown = {key: value for key, value in lowest.items() if key not in ("name", "number")}
    json = shown | {
        "hop": lowest["name"],
        "hops": [task.listed for task in tasks],
        "potential": potential.metadata.to_json(),
        "settings": settings.model_dump(mode="json"),
    }
    return Computed(
        json=json,
        title=_title(json, potential),
        head=HEAD,
        rows=_rows(json),
        right=HEAD[1:5],
        ok=bool(json["converged"] and json["connects"] is not False),
    )


def _tasks(potential: Potential, atoms: Atoms, settings: Settings, news: News) -> list[Task]:
    """What there is to compute.

    Raises:
        InputError: neither a hop nor a final structure is given, or both; a final structure that cannot be read.
    """
    if (settings.hop is None) == (settings.final is None):
        raise InputError(
            "barrier: give --hop ELEMENT for the crystal's own hops, or --set final=FILE for the other end, not both"
        )
    if settings.final is not None:
        ((label, final),) = read_structures([settings.final])[-1:]
        check_structures(potential, [(label, final)])
        return [Task(atoms, final, None, {"number": 1, "name": f"to {label}", "mechanism": "given"})]
    crystal = at_rest(potential, atoms).atoms if settings.relax else atoms
    hops = _crystal_hops(potential, crystal, settings, news)
    return [Task(hop.initial, hop.final, hop.species, _listed(k + 1, hop)) for k, hop in enumerate(hops)]


def _crystal_hops(potential: Potential, crystal: Atoms, settings: Settings, news: News) -> Sequence[CrystalHop]:
    assert settings.hop is not None
    mechanism = settings.mechanism
    if mechanism == "auto":
        mechanism = "vacancy" if settings.hop in crystal.get_chemical_symbols() else "interstitial"
    lengths = (settings.supercell_length_A, settings.longest_A, settings.supercell)
    if mechanism == "vacancy":
        return vacancy_hops(crystal, settings.hop, *lengths)
    return interstitial_hops(potential, crystal, settings.hop, *lengths, progress=news)[1]


def _listed(number: int, hop: CrystalHop) -> dict[str, Any]:
    return {
        "number": number,
        "name": hop.name,
        "mechanism": hop.mechanism,
        "distance_A": hop.distance_A,
        "per_site": hop.per_site,
        "symmetric": hop.symmetric,
        "bottleneck_A": hop.bottleneck_A,
    }


def _kept_or_computed(
    potential: Potential, task: Task, settings: Settings, news: News, folder: Path | None
) -> dict[str, Any]:
    if folder is None:
        return _one(potential, task, settings, news)
    told = settings.model_dump(mode="json", exclude={"paths", "hop", "final"})
    key, number = asked(task.initial, task.final, told, potential.metadata.to_json()), task.listed["number"]
    found = kept_path(folder, number, key)
    if found is None:
        found = _one(potential, task, settings, news)
        keep_path(folder, number, key, found)
    return found


def _one(potential: Potential, task: Task, settings: Settings, news: News) -> dict[str, Any]:
    found = barrier(potential, task.initial, task.final, settings.physics(), news)
    json = to_json(found)
    species = task.species or json["path_structures"]["symbols"][json["hopper"]]
    masses = settings.isotopes
    if masses is None:
        masses = [float(atomic_masses[1]), DEUTERIUM_U] if species == "H" else []
    return json | {"isotopes": [isotope_json(found, species, mass) for mass in masses]}


def _title(json: Mapping[str, Any], potential: Potential) -> str:
    name = potential.metadata.name
    settled = "" if json["converged"] else ", NOT converged"
    cells = f"{json['atoms']} atoms, {json['model_calls']} model calls"
    return f"{json['formula']} with {name}: {json['hop']}: {json['forward_eV']:.3f} eV{settled}; {cells}"


def _rows(json: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for one in json["hops"]:
        if "forward_eV" in one:
            rows += _path_rows(one)
        else:
            rows.append([f"{one['number']}  {one['name']}", *["-"] * 6, _geometry(one) + "; not computed"])
    return rows


def _path_rows(one: Mapping[str, Any]) -> list[list[str]]:
    """The path; each hop on it where there are several; rates; isotopes."""
    rows = [_line(f"{one['number']}  {one['name']}", one, _geometry(one))]
    if len(one["hops_on_path"]) > 1:
        rows += [_line(f"   hop {k + 1}", hop, "") for k, hop in enumerate(one["hops_on_path"])]
    if one["rate_per_s"] is not None:
        for T, rate, quantum in zip(one["temperatures_K"], one["rate_per_s"], one["rate_quantum_per_s"], strict=True):
            rows.append([f"   rate at {T:g} K", *[""] * 6, f"{rate:.2e} /s; with quantum oscillators {quantum:.2e} /s"])
    for isotope in one["isotopes"]:
        if isotope["forward_zero_point_eV"] is not None:
            there, back = isotope["forward_zero_point_eV"], isotope["reverse_zero_point_eV"]
            name = f"   {isotope['symbol']} of {isotope['mass_u']:.3f} u"
            rows.append([name, f"{there:.3f} eV", f"{back:.3f} eV", *[""] * 4, "with zero-point energies"])
    return rows


def _line(name: str, one: Mapping[str, Any], note: str) -> list[str]:
    THz = ("-" if one[key] is None else f"{one[key]:.2f} THz" for key in ("prefactor_THz", "reverse_prefactor_THz"))
    joins = {None: "-", True: "yes", False: "NO"}[one["connects"]]
    modes = "-" if one["n_imaginary"] is None else str(one["n_imaginary"])
    return [name, f"{one['forward_eV']:.3f} eV", f"{one['reverse_eV']:.3f} eV", *THz, modes, joins, note]


def _geometry(one: Mapping[str, Any]) -> str:
    if one["mechanism"] == "given":
        return ""
    return f"{one['mechanism']}, {one['per_site']} a site, bottleneck {one['bottleneck_A']:.2f} Å"


def table(json: Mapping[str, Any]) -> tuple[Sequence[str], list[list[str]], Sequence[str]]:
    """Head, rows and the columns of numbers."""
    return HEAD, _rows(json), HEAD[1:5]


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Energies along the computed paths; the atoms along the lowest."""
    return (profile_plot(json), images_plot(json))
