"""Figures of a quasi-harmonic crystal, drawn from its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import formula_tex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AXES = (("a", OPERATOR_COLOURS[2]), ("b", OPERATOR_COLOURS[3]), ("c", OPERATOR_COLOURS[1]))
_LINES = 11  # temperatures of the free energy
_SAME = 0.01  # of the largest expansion: axes that symmetry makes equal
_APART = 0.022  # of the axis: labels nearer than this would overlap


def expansion_plot(json: Mapping[str, Any]) -> Plot:
    """Volume, and expansion by both routes, against temperature."""
    name, potential = json["formula"], json["potential"]["name"]
    room = _nearest(json["temperatures_K"], 300)
    alpha = 1e6 * json["volumetric_expansion_per_K"][room]
    return Plot(
        name="thermal-expansion",
        alt=f"Volume and thermal expansion of {name}; α_V is {alpha:.1f}e-6 /K at {json['temperatures_K'][room]:g} K.",
        caption=f"Thermal expansion of {name} ({potential}, quasi-harmonic). Dashed: by γ C_V/(B_T V). The band is the "
        "error: what lies between the two, and what another equation of state or degree of fit changes.",
        draw=lambda figure, look: _draw_expansion(figure, look, json),
        wide_in=(7.8, 3.4),
        narrow_in=(3.5, 5.4),
    )


def stiffness_plot(json: Mapping[str, Any]) -> Plot:
    """Bulk moduli and heat capacities against temperature."""
    name = json["formula"]
    room = _nearest(json["temperatures_K"], 300)
    return Plot(
        name="thermal-stiffness",
        alt=f"Bulk modulus and heat capacity of {name}; B is {json['bulk_modulus_GPa'][room]:.0f} GPa at room "
        "temperature.",
        caption=f"Bulk modulus of {name}, isothermal (its band the error) and adiabatic, and heat capacity at constant "
        "pressure and volume; dotted: 3R.",
        draw=lambda figure, look: _draw_stiffness(figure, look, json),
        wide_in=(7.8, 3.4),
        narrow_in=(3.5, 5.4),
    )


def grueneisen_plot(json: Mapping[str, Any]) -> Plot:
    """Grüneisen parameters of all modes of the mesh against their frequency."""
    name, counts = json["formula"], "×".join(map(str, json["zone"]["mesh"]))
    return Plot(
        name="grueneisen",
        alt=f"Mode Grüneisen parameters of {name} against frequency.",
        caption=f"Grüneisen parameters of {name} by mode at rest, over a {counts} mesh; dots grow with the number of "
        "equivalent points. Rings: optical modes at Γ.",
        draw=lambda figure, look: _draw_grueneisen(figure, look, json),
        wide_in=(7.8, 4.0),
        narrow_in=(3.5, 3.6),
    )


def free_energy_plot(json: Mapping[str, Any]) -> Plot:
    """E + F_vib against volume at some temperatures, with their minima."""
    name = json["formula"]
    return Plot(
        name="free-energy-volume",
        alt=f"Free energy of {name} against volume at several temperatures, each with its minimum.",
        caption=f"Free energy of {name} against volume. Points: calculated, joined by lines; diamonds: where G is "
        "lowest at each temperature.",
        draw=lambda figure, look: _draw_free_energy(figure, look, json),
        wide_in=(7.8, 4.6),
        narrow_in=(3.5, 4.6),
    )


def _draw_expansion(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    first, second = _two(figure, look)
    temperatures = np.array(json["temperatures_K"])
    blue = _blue(look)
    _banded(first, json, "volume_A3_per_atom", blue)
    first.axhline(json["static_volume_A3_per_atom"], color=look.quiet, lw=0.9, ls=":")
    first.set_ylabel("volume (Å³/atom)")
    first.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    _banded(second, json, "volumetric_expansion_per_K", blue, 1e6, r"$\alpha_V$")
    other = 1e6 * np.array(json["expansion_from_grueneisen_per_K"], float)
    second.plot(temperatures, other, color=look.accent, lw=1.3, ls="--", label=r"$\gamma C_V/B_TV$")
    linear = {axis: np.array(json["linear_expansion_per_K"][axis], float) for axis, _ in _AXES}
    same = _SAME * max(np.abs(values).max() for values in linear.values())
    if max(np.abs(linear[x] - linear["a"]).max() for x in "bc") > same:
        for axis, colour in _AXES:
            if axis != "b" or np.abs(linear["b"] - linear["a"]).max() > same:
                second.plot(temperatures, 1e6 * linear[axis], color=colour, lw=1.1, label=f"along ${axis}$")
    second.axhline(0, color=look.quiet, lw=0.7)
    second.set_ylabel("expansion (10⁻⁶/K)")
    second.legend(loc="best", fontsize=8)


def _draw_stiffness(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    first, second = _two(figure, look)
    temperatures = np.array(json["temperatures_K"])
    blue = _blue(look)
    _banded(first, json, "bulk_modulus_GPa", blue, 1.0, "$B_T$")
    first.plot(temperatures, json["adiabatic_bulk_modulus_GPa"], color=look.accent, lw=1.3, ls="--", label="$B_S$")
    first.set_ylabel("bulk modulus (GPa)")
    first.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    first.legend(loc="best", fontsize=8)
    _banded(second, json, "heat_capacity_p_J_per_K_per_mol_atoms", look.accent, 1.0, "$C_P$")
    second.plot(temperatures, json["heat_capacity_v_J_per_K_per_mol_atoms"], color=blue, lw=1.3, label="$C_V$")
    second.axhline(3 * 8.31446, color=look.quiet, lw=0.9, ls=":")
    second.set_ylabel("heat capacity\n(J/K per mol of atoms)")
    second.set_ylim(bottom=0)
    second.legend(loc="lower right", fontsize=8)


def _draw_grueneisen(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    ax = figure.subplots()
    zone = json["zone"]
    frequencies = np.array(zone["frequencies_THz"], float)
    gamma = np.array(zone["grueneisen"], float)
    weights = np.array(zone["weights"], float)
    sizes = np.broadcast_to((3 + 9 * weights / weights.max())[:, None], gamma.shape)
    ax.scatter(frequencies, gamma, s=sizes, color=_blue(look), alpha=0.45, lw=0)
    ax.scatter(
        json["mode_frequencies_gamma_THz"],
        json["mode_grueneisen_gamma"],
        s=48,
        facecolors="none",
        edgecolors=look.accent,
        lw=1.3,
    )
    ax.axhline(0, color=look.quiet, lw=0.8, zorder=0)
    ax.set_xlim(left=0)
    ax.set_xlabel("frequency (THz)")
    ax.set_ylabel("mode Grüneisen parameter")
    ax.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    ax.grid(True, lw=0.5)


def _draw_free_energy(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    ax = figure.subplots()
    volumes = np.array(json["vibrational_volumes_A3_per_atom"])
    static = {v["volume_A3_per_atom"]: v["energy_eV_per_atom"] for v in json["volumes"] if not v["left_out"]}
    energies = np.array([static[v] for v in sorted(static)]) + json["pressure_GPa"] * volumes / 160.21766
    free = energies + np.array(json["vibrational_free_energy_eV_per_atom"])
    gibbs, at = np.array(json["gibbs_energy_eV_per_atom"], float), np.array(json["volume_A3_per_atom"], float)
    zero = float(gibbs.max())
    temperatures = np.array(json["temperatures_K"])
    shown = np.unique(np.linspace(0, len(temperatures) - 1, _LINES).round().astype(int))
    shades = look.heat()(np.linspace(0.1, 0.95, len(shown)))
    fine = np.linspace(volumes[0], volumes[-1], 120)
    labelled: list[float] = []
    for k, shade in zip(shown, shades, strict=True):
        # Through what was calculated, smoothly: the eye's line, not the fit
        curve = np.polynomial.Polynomial.fit(volumes, free[k], min(4, len(volumes) - 2))
        ax.plot(fine, 1e3 * (curve(fine) - zero), color=shade, lw=1.0)
        ax.plot(volumes, 1e3 * (free[k] - zero), "o", color=shade, ms=2.6)
        if labelled and labelled[-1] - free[k][-1] < _APART * np.ptp(free):
            continue
        labelled.append(free[k][-1])
        ax.annotate(
            f"{temperatures[k]:g} K", (volumes[-1], 1e3 * (free[k][-1] - zero)), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=7, color=look.ink,
        )  # fmt: skip
    ax.plot(at, 1e3 * (gibbs - zero), color=look.accent, lw=1.0)
    ax.plot(at[shown], 1e3 * (gibbs[shown] - zero), "D", color=look.accent, ms=4)
    ax.set_xlabel("volume (Å³/atom)")
    ax.set_ylabel(("$E + F_{vib} + PV$" if json["pressure_GPa"] else "$E + F_{vib}$") + " (meV/atom)")
    ax.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    ax.margins(x=0.09 if not look.narrow else 0.16)


def _banded(
    ax: Axes, json: Mapping[str, Any], key: str, colour: str, scale: float = 1.0, label: str | None = None
) -> None:
    """A curve with its error."""
    temperatures = np.array(json["temperatures_K"])
    values, errors = (scale * np.array(json[k], float) for k in (key, f"error_{key}"))
    ax.fill_between(temperatures, values - errors, values + errors, color=colour, alpha=0.22, lw=0)
    ax.plot(temperatures, values, color=colour, lw=1.6, label=label)


def _two(figure: Figure, look: Look) -> tuple[Axes, Axes]:
    first, second = figure.subplots(*((2, 1) if look.narrow else (1, 2)))
    for ax in (first, second):
        ax.set_xlabel("temperature (K)")
        ax.grid(True, lw=0.5)
    return first, second


def _blue(look: Look) -> str:
    return OPERATOR_COLOURS[4 if look.dark else 0]


def _nearest(temperatures: list[float], wanted: float) -> int:
    return int(np.abs(np.array(temperatures) - wanted).argmin())
