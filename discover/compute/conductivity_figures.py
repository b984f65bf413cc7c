"""Figures of a conductor, drawn from its JSON: displacements, currents, Arrhenius, and where the ions were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from discover.compute.conductivity_words import said
from discover.report.look import OPERATOR_COLOURS, Look, Plot
from discover.report.notation import formula_tex, potential_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

QUIET = 0.05
"""Of an autocorrelation, what counts as decayed; four times as long as that is shown."""
MARKS = ("s", "^", "D", "v", "P")


def displacement_plot(json: Mapping[str, Any]) -> Plot:
    """Mean squared displacements by species and temperature, both axes logarithmic."""
    host = [name for name in json["diffusion_cm2_per_s"] if name not in json["mobile"]]
    moving = " and ".join(json["mobile"]) or "no species (none moved)"
    others = f", thin: {' and '.join(host)}" if host else ""
    return Plot(
        name="displacement",
        alt=f"Mean squared displacement of {moving} in {json['formula']} against time, at {_span(json)}.",
        caption=f"Mean squared displacement in {json['formula']} ({_who(json)}), frame: "
        f"{json['reference_frame']}. Full lines: {moving}{others}. Dashed: the fits that D comes from. Dotted: in "
        "proportion to time.",
        draw=lambda figure, look: _draw_displacements(figure, look, json),
        wide_in=(6.4, 4.2),
        narrow_in=(3.5, 3.7),
    )


def current_plot(json: Mapping[str, Any]) -> Plot:
    """The charge current's autocorrelation, and its running integral beside the conductivity that was told."""
    known = [v for v in json["green_kubo_S_per_cm"] if v is not None]
    found = f"from {min(known):.2g} to {max(known):.2g} S/cm" if known else "none can be told"
    return Plot(
        name="current",
        alt=f"Autocorrelation of the charge current of {json['formula']} and its running integral; "
        f"conductivities: {found}.",
        caption=f"Charge current of {json['formula']} ({_who(json)}, all ions, all cross terms): "
        "autocorrelation, and its running integral with the error of its own. Points: the conductivity told from the "
        "spectrum, with its error.",
        draw=lambda figure, look: _draw_currents(figure, look, json),
        wide_in=(7.8, 3.6),
        narrow_in=(3.5, 5.6),
    )


def arrhenius_plot(json: Mapping[str, Any]) -> Plot:
    """σT against 1000/T with its fit, extrapolated to 300 K where there is one."""
    energy = json["activation_energy_eV"]
    if energy is None:
        told = f"no activation energy: {json['activation_energy_reason']}"
    else:
        told = f"activation energy {said(energy, json['activation_energy_error_eV'])} eV"
    others = " Triangles and squares: others' values." if json.get("references") else ""
    at_300 = json["extrapolated_300_K"]
    there = ""
    if at_300 is not None:
        there = f" At 300 K: {at_300['value']:.2g} S/cm ({at_300['lower']:.2g} to {at_300['upper']:.2g})"
        there += ", extrapolated (dashed)." if at_300["extrapolated"] else "."
    return Plot(
        name="arrhenius",
        alt=f"Arrhenius plot of σT of {json['formula']}: {told}.",
        caption=f"σT of {json['formula']} ({_who(json)}) against 1/T: {told}.{there} Open: "
        f"Nernst–Einstein.{others}",
        draw=lambda figure, look: _draw_arrhenius(figure, look, json),
        wide_in=(6.4, 4.4),
        narrow_in=(3.5, 3.9),
    )


def density_plot(json: Mapping[str, Any]) -> list[Plot]:
    """Where the first mobile species was, on the cell's ab plane, coldest and hottest; none where it is not known."""
    name = next(iter(json["mobile"]), "")
    if not any(name in (point.get("density") or {}) for point in json["points"]):
        return []
    return [
        Plot(
            name="density",
            alt=f"Density of {name} in {json['formula']}, projected on the ab plane, at {_span(json)}.",
            caption=f"Where {name} was in {json['formula']} ({_who(json)}): its density along c on the "
            "plane of a and b, all cells folded into one.",
            draw=lambda figure, look: _draw_density(figure, look, json, name),
            wide_in=(7.0, 3.7),
            narrow_in=(3.5, 6.2),
        )
    ]


def _who(json: Mapping[str, Any]) -> str:
    return potential_name(json["potential"])


def _span(json: Mapping[str, Any]) -> str:
    kelvins = json["temperatures_K"]
    return f"{kelvins[0]:g} K" if len(kelvins) == 1 else f"{kelvins[0]:g} to {kelvins[-1]:g} K"


def _colours(look: Look, count: int) -> list[Any]:
    """From cold to hot."""
    import matplotlib as mpl

    ends = (0.30, 0.92) if look.dark else (0.05, 0.78)
    return [mpl.colormaps["plasma"](x) for x in np.linspace(*ends, max(count, 2))]


def _draw_displacements(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    ax = figure.subplots()
    colours = _colours(look, len(json["points"]))
    ends = []
    named = next(iter(json["mobile"] or json["diffusion_cm2_per_s"]))  # whose lines the legend names
    for point, colour in zip(json["points"], colours, strict=False):
        for name, found in point["msd"].items():
            moves = name in json["mobile"]
            time, square = np.array(found["time_ps"], float), np.array(found["msd_A2"], float)
            shown = (time > 0) & (square > 0)
            label = f"{point['temperature_K']:g} K" if name == named else None
            ax.plot(time[shown], square[shown], color=colour, lw=1.7 if moves else 0.8, label=label)
            if moves and found.get("fit_from_ps") is not None:
                span = np.linspace(found["fit_from_ps"], found["fit_to_ps"], 40)
                ax.plot(span, found["intercept_A2"] + found["slope_A2_ps"] * span, color=look.ink, lw=0.9, ls="--")
            ends.append((time[shown], square[shown]))
    ax.set_xscale("log")
    ax.set_yscale("log")
    _linear_guide(ax, look, ends)
    _plain_ticks(ax.xaxis)
    _plain_ticks(ax.yaxis)
    ax.set_xlabel("time (ps)")
    ax.set_ylabel("mean squared displacement (Å²)")
    ax.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    ax.legend(loc="upper left", fontsize=8)
    ax.grid(True, lw=0.5)


def _plain_ticks(axis: Axis) -> None:
    """Of a logarithmic axis: 1, 2 and 5 of each power of ten where these are few, said as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    few = np.log10(high / low) < 2.5
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _linear_guide(ax: Axes, look: Look, curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """A dotted line in proportion to time, above all curves."""
    curves = [(t, y) for t, y in curves if len(t)]
    if not curves:
        return
    last = max(t[-1] for t, _ in curves)
    span = np.array([last / 30, last])
    top = max(y.max() for _, y in curves)
    ax.plot(span, 1.6 * top * span / last, color=look.quiet, lw=1.0, ls=":")


def _draw_currents(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    first, second = figure.subplots(*((2, 1) if look.narrow else (1, 2)))
    colours = _colours(look, len(json["points"]))
    quiet_ps, most_ps = 0.0, 0.0
    for point, colour in zip(json["points"], colours, strict=False):
        found = point["current"]
        time = np.array(found["time_ps"], float)
        decay = np.array(found["autocorrelation"], float)
        loud = np.flatnonzero(np.abs(decay) > QUIET)
        quiet_ps, most_ps = max(quiet_ps, 4 * time[loud[-1]] if len(loud) else 0.0), max(most_ps, time[-1])
        first.plot(time, decay, color=colour, lw=1.2, label=f"{point['temperature_K']:g} K")
        total, error = (
            np.array(found[key], float)
            for key in ("running_integral_S_per_cm", "running_integral_error_S_per_cm")
        )
        second.plot(time, total, color=colour, lw=1.2)
        second.fill_between(time, total - error, total + error, color=colour, alpha=0.15, lw=0)
        if found["green_kubo_S_per_cm"] is not None:
            value, bar = found["green_kubo_S_per_cm"], found["green_kubo_error_S_per_cm"]
            second.axhline(value, color=colour, lw=0.8, ls="--")
            second.errorbar([1.04 * time[-1]], [value], [bar], fmt="o", color=colour, ms=4, capsize=2, clip_on=False)
    first.axhline(0, color=look.quiet, lw=0.8)
    first.set_xlim(0, min(quiet_ps or most_ps, most_ps))
    first.set_ylabel("autocorrelation of the current")
    second.set_ylabel("running integral (S/cm)")
    second.set_xlim(0, 1.06 * most_ps)
    first.legend(loc="upper right", fontsize=8)
    first.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    for ax in (first, second):
        ax.set_xlabel("time (ps)")
        ax.grid(True, lw=0.5)


def _draw_arrhenius(figure: Figure, look: Look, json: Mapping[str, Any]) -> None:
    ax = figure.subplots()
    ax.set_yscale("log")
    kelvins = np.array(json["temperatures_K"], float)
    colour = OPERATOR_COLOURS[4 if look.dark else 0]
    _draw_fit(ax, json["arrhenius"]["conductivity"], colour)
    kinds = (("nernst_einstein", "Nernst–Einstein", look.quiet), ("green_kubo", "Green–Kubo", colour))
    for stem, label, shade in kinds:
        value, error = (
            np.array([np.nan if x is None else x for x in json[key]], float)
            for key in (f"{stem}_S_per_cm", f"{stem}_error_S_per_cm")
        )
        ax.errorbar(
            1e3 / kelvins, value * kelvins, error * kelvins, fmt="o", ms=5, capsize=2, lw=1.2, label=label,
            color=shade, mfc=look.paper if shade == look.quiet else shade,
        )  # fmt: skip
    for k, other in enumerate(json.get("references") or ()):
        there = np.array(other["temperatures_K"], float)
        ax.plot(
            1e3 / there, np.array(other["conductivity_S_per_cm"], float) * there, MARKS[k % len(MARKS)],
            color=OPERATOR_COLOURS[(1, 2, 3, 5, 6)[k % 5]], ms=5, label=other["label"],
        )  # fmt: skip
    _draw_300(ax, look, json["extrapolated_300_K"])
    _plain_ticks(ax.yaxis)
    ax.set_xlabel("1000 / T (1/K)")
    ax.set_ylabel("σT (S K/cm)")
    ax.set_title(formula_tex(json["formula"]), loc="left", fontsize=9.5)
    ax.legend(loc="lower left", fontsize=8)
    ax.grid(True, lw=0.5)
    _kelvin_axis(ax, kelvins, json["extrapolated_300_K"] is not None, 0.14 if look.narrow else 0.06)


def _draw_fit(ax: Axes, fit: Mapping[str, Any], colour: str) -> None:
    """The line with its 68 % band; dashed where nothing was run."""
    line = fit.get("line")
    if line is None:
        return
    x = 1e3 * np.array(line["inverse_temperature_per_K"], float)
    log, error = np.array(line["log"], float), np.array(line["log_error"], float)
    beyond = np.array(line["extrapolated"], bool)
    ax.fill_between(x, np.exp(log - error), np.exp(log + error), color=colour, alpha=0.15, lw=0)
    ax.plot(x, np.exp(log), color=colour, lw=1.2, ls="--")
    ax.plot(x, np.where(beyond, np.nan, np.exp(log)), color=colour, lw=1.6)


def _draw_300(ax: Axes, look: Look, at_300: Mapping[str, Any] | None) -> None:
    if at_300 is None:
        return
    value = at_300["value"]
    bars = [[300 * (value - at_300["lower"])], [300 * (at_300["upper"] - value)]]
    ax.errorbar(
        [1e3 / 300], [300 * value], bars, fmt="*", ms=9, capsize=3, color=look.accent,
        label="300 K, extrapolated" if at_300["extrapolated"] else "300 K",
    )  # fmt: skip


def _kelvin_axis(ax: Axes, kelvins: np.ndarray, with_300: bool, room: float) -> None:
    """Temperatures along the top, no two closer than they can be read, `room` of the width."""
    low, high = ax.get_xlim()
    marks: list[float] = []
    for kelvin in [*([300.0] if with_300 else []), *kelvins]:
        if all(abs(1e3 / kelvin - 1e3 / other) > room * (high - low) for other in marks):
            marks.append(float(kelvin))
    top = ax.secondary_xaxis("top")
    top.set_xticks([1e3 / kelvin for kelvin in marks], [f"{kelvin:g} K" for kelvin in marks], fontsize=8)
    top.spines["top"].set_visible(False)


def _draw_density(figure: Figure, look: Look, json: Mapping[str, Any], name: str) -> None:
    there = [point for point in json["points"] if name in (point.get("density") or {})]
    shown = there[:1] if len(there) == 1 else [there[0], there[-1]]
    axes = np.atleast_1d(figure.subplots(*((len(shown), 1) if look.narrow else (1, len(shown)))))
    for ax, point in zip(axes, shown, strict=True):
        found = point["density"][name]
        per_A2 = np.array(found["projections"]["ab"]["per_A2"], float)
        a, b = np.array(found["cell_A"], float)[:2]
        along = a / np.linalg.norm(a)
        flat_b = np.array([b @ along, np.sqrt(max(b @ b - (b @ along) ** 2, 0.0))])
        u, v = (np.linspace(0, 1, n + 1) for n in per_A2.shape)
        x = u[:, None] * np.linalg.norm(a) + v[None, :] * flat_b[0]
        y = np.broadcast_to(v[None, :] * flat_b[1], x.shape)
        mesh = ax.pcolormesh(x, y, per_A2, cmap="magma" if look.dark else "magma_r", vmin=0)
        figure.colorbar(mesh, ax=ax, shrink=0.8, label=f"{name} per Å²")
        ax.set_aspect("equal")
        ax.set_title(f"{point['temperature_K']:g} K", loc="left", fontsize=9)
        ax.set_xlabel("along a (Å)")
    axes[0].set_ylabel("in the plane of a and b (Å)")
