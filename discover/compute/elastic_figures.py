"""The figure of elastic constants: Young's modulus of the single crystal, over all directions and in three planes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from discover.report.look import OPERATOR_COLOURS, Look, Plot
from properties.elastic.directional import young_modulus_GPa
from properties.elastic.elasticity import stiffness_of_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

PLANES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
LINES = ("-", "--", ":")
"""Beside colours: in cubic crystals the planes coincide."""
SIDE = 201
"""Points across the map of the half sphere."""


def young_modulus_plot(json: Mapping[str, Any]) -> Plot:
    """Of what `Elasticity.to_json` gave, of a stable crystal."""
    compliance = np.linalg.inv(stiffness_of_json(json))
    ends = json["young_modulus_by_direction"]
    low, high = ends["min"]["young_modulus_GPa"], ends["max"]["young_modulus_GPa"]

    def draw(figure: Figure, look: Look) -> None:
        shape = (2, 1) if look.narrow else (1, 2)
        left, right = np.ravel(np.asarray(figure.subfigures(*shape)))
        _map(left, compliance, ends, look)
        _sections(right, compliance, json["young_modulus_GPa"], look)

    return Plot(
        name="young-modulus",
        alt=f"Young's modulus of {json['formula']} by direction, from {low:.0f} to {high:.0f} GPa.",
        caption=(
            f"Young's modulus of the single crystal: {low:.1f} GPa where it is softest, {high:.1f} where it is "
            "stiffest. Left (above on a phone): every direction of the upper half sphere, equal areas, z in the "
            "middle. Beside it: sections through the planes of the standard setting, GPa from the centre; the thin "
            "circle is the polycrystal."
        ),
        draw=draw,
        wide_in=(7.8, 3.9),
        narrow_in=(3.5, 6.6),
    )


def _map(figure: SubFigure, compliance: np.ndarray, ends: Mapping[str, Any], look: Look) -> None:
    """Lambert's equal-area projection of the upper half sphere."""
    across = np.linspace(-1, 1, SIDE)
    x, y = np.meshgrid(across, across)
    squared = x * x + y * y
    inside = squared <= 1
    # A point at r on the map lies at cos θ = 1 − r²
    stretch = np.sqrt(np.clip(2 - squared, 0, None))
    values = young_modulus_GPa(compliance, np.stack([x * stretch, y * stretch, 1 - squared], axis=-1))
    axes = figure.subplots()
    low, high = (ends[k]["young_modulus_GPa"] for k in ("min", "max"))
    spread = max(high - low, 1e-3 * high)  # an isotropic crystal still has a scale
    middle = (low + high) / 2
    picture = axes.pcolormesh(
        x, y, np.where(inside, values, np.nan), cmap=look.heat(), shading="auto",
        vmin=middle - spread / 2, vmax=middle + spread / 2, rasterized=True,
    )  # fmt: skip
    for name, marker in (("min", "v"), ("max", "^")):
        _mark(axes, np.array(ends[name]["direction"]), marker, name, look)
    _frame(axes, look)
    bar = figure.colorbar(picture, ax=axes, orientation="horizontal", shrink=0.75, aspect=28, pad=0.02)
    bar.set_label("Young's modulus (GPa)")
    bar.outline.set_visible(False)


def _mark(axes: Axes, direction: np.ndarray, marker: str, name: str, look: Look) -> None:
    spot = direction[:2] / np.sqrt(1 + direction[2])
    axes.plot(*spot, marker, color=look.paper, markeredgecolor=look.ink, markersize=7, clip_on=False)
    inward = -np.sign(spot[0]) if abs(spot[0]) > 0.5 else 1
    axes.annotate(
        "softest" if name == "min" else "stiffest", spot, (9 * inward, 0), textcoords="offset points", va="center",
        ha="left" if inward > 0 else "right", fontsize=8, color=look.ink,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": look.paper, "edgecolor": "none", "alpha": 0.8},
    )  # fmt: skip


def _frame(axes: Axes, look: Look) -> None:
    angle = np.linspace(0, 2 * np.pi, 361)
    axes.plot(np.cos(angle), np.sin(angle), color=look.quiet, linewidth=0.8)
    axes.annotate("x", (1.09, 0), va="center", annotation_clip=False)
    axes.annotate("y", (0, 1.07), ha="center", va="bottom", annotation_clip=False)
    axes.set_aspect("equal")
    axes.set_xlim(-1.08, 1.17)
    axes.set_ylim(-1.04, 1.18)
    axes.axis("off")


def _sections(figure: SubFigure, compliance: np.ndarray, polycrystal_GPa: float, look: Look) -> None:
    from matplotlib.ticker import MaxNLocator

    axes: Any = figure.subplots(subplot_kw={"projection": "polar"})
    angle = np.linspace(0, 2 * np.pi, 721)
    for (name, (across, up)), line, colour in zip(PLANES.items(), LINES, OPERATOR_COLOURS, strict=False):
        directions = np.zeros((len(angle), 3))
        directions[:, across], directions[:, up] = np.cos(angle), np.sin(angle)
        values = young_modulus_GPa(compliance, directions)
        axes.plot(angle, values, line, color=colour, linewidth=1.8, label=f"{name[0]} right, {name[1]} up")
    axes.plot(angle, np.full_like(angle, polycrystal_GPa), color=look.quiet, linewidth=0.8, label="polycrystal")
    axes.set_ylim(0, None)
    axes.set_xticks(np.linspace(0, 2 * np.pi, 8, endpoint=False))
    axes.tick_params(labelsize=7.5)
    axes.set_rlabel_position(22.5)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(color=look.faint)
    axes.spines["polar"].set_color(look.faint)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, fontsize=8)
