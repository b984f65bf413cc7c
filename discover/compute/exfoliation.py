"""`discover compute exfoliation`: the layers of a crystal, and what it costs to take them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field

from discover.compute.doing import told
from discover.compute.exfoliation_figures import curve_plot, side_plot, sliding_plot
from discover.compute.registry import Computed
from discover.progress import Progress
from discover.report.look import Plot
from potentials import Potential
from properties.layers import ExfoliationSettings, exfoliation

_DEFAULT = ExfoliationSettings()
Opening = Annotated[float, Field(ge=-2, le=100)]
Points = Annotated[int, Field(ge=2, le=200)]  # one alone sees no barrier


class Settings(BaseModel):
    """As `properties.layers.ExfoliationSettings` has them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    bond_scale: float | None = Field(default=None, gt=0, le=5)
    layer_cell: Literal["relaxed", "bulk"] = "relaxed"
    vacuum_A: float | None = Field(default=None, ge=3, le=200)
    fmax_eV_A: float = Field(default=_DEFAULT.fmax_eV_A, gt=0)
    openings_A: list[Opening] = list(_DEFAULT.openings_A)
    sliding: bool = True
    sliding_grid: tuple[Points, Points] | None = None
    sliding_openings_A: Annotated[list[Opening], Field(min_length=1)] = list(_DEFAULT.sliding_openings_A)
    sliding_layer: int = Field(default=0, ge=0)

    def physics(self) -> ExfoliationSettings:
        """What `exfoliation` takes."""
        given = self.model_dump()
        lists = {key: tuple(given[key]) for key in ("openings_A", "sliding_openings_A")}
        return ExfoliationSettings(**(given | lists))


NEEDS: Sequence[str] = ("rest", "validate")
HEAD = ("", "value", "unit", "note")
HOW = {
    "rigid": "as they are in the crystal",
    "held": "ions at rest, the crystal's cell in the plane",
    "relaxed": "ions and cell in the plane at rest",
}


def compute(potential: Potential, atoms: Atoms, settings: Settings, progress: Progress) -> Computed:
    """A line for each number; a crystal that is not layered raises `NotLayeredError`, which says what it is."""
    found = exfoliation(potential, atoms, settings.physics(), told(progress))
    for warning in found.warnings:
        progress.message(f"warning: {warning}")
    json = found.to_json()
    head, rows, right = table(json)
    rows += [["warning", "", "", warning] for warning in found.warnings]  # a report has them elsewhere
    return Computed(json, _title(json), head, rows, right, found.verdict not in ("not bound", "strongly bound"))


def _title(json: Mapping[str, Any]) -> str:
    n = json["n_layers"]
    layers = f"{n} layer{'s' if n > 1 else ''} along {_miller(json)}"
    warned = "; THESE NUMBERS MEAN LITTLE, see the warning" if _without_dispersion(json) else ""
    return (
        f"{json['formula']} with {json['potential']['name']}: {layers}, {json['interlayer_distance_A']:.3f} Å apart; "
        f"exfoliation energy {json['exfoliation_energy_meV_per_atom']:.1f} meV/atom, "
        f"{json['exfoliation_energy_meV_per_A2']:.2f} meV/Å²: {json['verdict']}{warned}"
    )


def _without_dispersion(json: Mapping[str, Any]) -> bool:
    return json["potential"].get("dispersion") == "none"


def _miller(json: Mapping[str, Any]) -> str:
    return "(" + " ".join(str(x) for x in json["stacking_miller"]) + ")"


def table(json: Mapping[str, Any]) -> tuple[Sequence[str], list[list[str]], Sequence[str]]:
    """Energies, distances, the curve's and the surface's numbers; nothing of what is not layered."""
    if not json["layered"]:
        return HEAD, [], ()
    rows = [*_energies(json), *_distances(json), *_curve(json), *_sliding(json), *_coefficients(json)]
    return HEAD, rows, ("value",)


def _energies(json: Mapping[str, Any]) -> list[list[str]]:
    wanted = "held" if json["layer_cell"] == "bulk" else "relaxed"
    rows = []
    for how, words in HOW.items():
        name = "exfoliation energy" if how == wanted else "  other layers"
        found = json["with_layers"][how]
        rows.append([name, f"{found['meV_per_atom']:.2f}", "meV/atom", f"layers: {words}"])
        rows += [["", f"{found['meV_per_A2']:.2f}", "meV/Å²", json["verdict"]]] if how == wanted else []
    for gaps in _alike(json["gaps"], "opening_meV_per_A2") if json["n_layers"] > 1 else ():
        note = f"{_between(gaps)}, layers rigid"
        rows.append(["  one gap opened", f"{gaps[0]['opening_meV_per_A2']:.2f}", "meV/Å²", note])
    return sorted(rows, key=lambda row: row[0].startswith("  "))


def _distances(json: Mapping[str, Any]) -> list[list[str]]:
    rows = [["interlayer distance", f"{json['interlayer_distance_A']:.4f}", "Å", "between mean planes"]]
    uneven = len(_alike(json["gaps"], "distance_A")) > 1
    for gaps in _alike(json["gaps"], "distance_A", "free_A"):
        note = f"free, {_between(gaps)}"
        if uneven:
            note += f"; mean planes {gaps[0]['distance_A']:.4f} Å apart"
        rows.append(["  gap", f"{gaps[0]['free_A']:.4f}", "Å", note])
    for layer in json["isolated_layers"]:
        count = layer["layers_in_cell"]
        note = f"{layer['formula']}, {layer['n_atoms']} atoms, {count} in the cell"
        strain = ", ".join(f"{100 * x:+.2f}" for x in layer["strain"])
        rows.append([f"  layer {layer['kind']}", strain, "%", f"{note}: change of its cell by itself"])
    rows.append(["area", f"{json['area_A2']:.4f}", "Å²", "of the cell in the plane"])
    return rows


def _alike(gaps: Sequence[Mapping[str, Any]], *keys: str) -> list[list[Mapping[str, Any]]]:
    """Gaps whose numbers are the same to what is shown, together."""
    groups: dict[tuple[float, ...], list[Mapping[str, Any]]] = {}
    for gap in gaps:
        groups.setdefault(tuple(round(gap[key], 3) for key in keys), []).append(gap)
    return list(groups.values())


def _between(gaps: Sequence[Mapping[str, Any]]) -> str:
    pairs = [f"{gap['lower']} and {gap['upper']}" for gap in gaps]
    return "between layers " + (", ".join(pairs) if len(pairs) < 4 else f"{pairs[0]}, and {len(pairs) - 1} more alike")


def _curve(json: Mapping[str, Any]) -> list[list[str]]:
    curve = json["curve"]
    if curve is None or curve["distance_A"] is None:
        return []
    return [
        ["rigid layers: distance", f"{curve['distance_A']:.4f}", "Å", "minimum of the binding curve"],
        ["  depth", f"{curve['depth_meV_per_A2']:.2f}", "meV/Å²", f"{curve['depth_meV_per_atom']:.2f} meV/atom"],
        ["  stiffness", f"{curve['c33_GPa']:.1f}", "GPa", "C33 of rigid layers"],
    ]


def _sliding(json: Mapping[str, Any]) -> list[list[str]]:
    found = json["sliding"]
    if found is None:
        return []
    way = ", ".join(str(x) for x in found["easy_direction"])
    any_way = found["barrier_any_direction_meV_per_A2"]
    return [
        [
            "sliding barrier", f"{found['barrier_meV_per_A2']:.2f}", "meV/Å²",
            f"{found['barrier_meV_per_atom']:.2f} meV/atom; along ({way}); {any_way:.2f} meV/Å² in any direction",
        ],
        [
            "  highest stacking", f"{found['highest_meV_per_A2']:.2f}", "meV/Å²",
            f"{found['highest_meV_per_atom']:.2f} meV/atom",
        ],
    ]  # fmt: skip


def _coefficients(json: Mapping[str, Any]) -> list[list[str]]:
    from ase.data import chemical_symbols

    if json["c6_eV_A6"] is None:
        return []
    by_element: dict[str, list[float]] = {}
    for number, c6 in zip(json["structure"]["numbers"], json["c6_eV_A6"], strict=True):
        by_element.setdefault(chemical_symbols[number], []).append(c6)
    return [
        [f"C6 of {symbol}", f"{sum(values) / len(values):.2f}", "eV Å⁶", f"{min(values):.2f} to {max(values):.2f}"]
        for symbol, values in by_element.items()
    ]


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """The stack from the side, the binding curve, the sliding surface; none of what is not layered."""
    if not json["layered"]:
        return []
    curve = [] if json["curve"] is None else [curve_plot(json)]
    sliding = [] if json["sliding"] is None else [sliding_plot(json)]
    return [side_plot(json), *curve, *sliding]
