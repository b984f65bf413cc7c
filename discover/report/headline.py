"""The answer in a sentence, and what it must not be taken for."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from discover.records import HullEntry, RunRecord
from discover.report.landscape import Landscape
from discover.report.notation import formula_html, group_html, potential_name
from discover.report.phases import Phase

CLOSE_meV = 20.0  # per atom; what many synthesised but metastable phases lie within
MAX_NAMED = 6
CERTAIN = 0.995


def headline(run: RunRecord, land: Landscape, phases: Sequence[Phase]) -> Markup:
    """What was found, in one sentence."""
    system = Markup('<span class="whole">{}</span>').format(formula_html(run.system))
    where = Markup("{} by {}").format(system, potential_name(run.hull.potential))
    if run.anchoring is not None:
        where += Markup(" anchored to {}").format(run.anchoring.method)
    stable = [p for p in phases if p.entry.on_hull]
    if not run.hull.entries:
        return Markup("No stable phase of {} was found: no candidate has an energy yet.").format(where)
    if not stable:
        return Markup("No stable phase of {} was found.").format(where)
    close = _close(run.hull.own_entries)
    more = Markup("; {} more within {:.0f} meV/atom.").format(close or "no", CLOSE_meV)
    if land.kind == "fixed":
        return _lowest(stable[0], where) + more
    return _stable_phases(stable, where) + more


def _close(entries: Sequence[HullEntry]) -> int:
    return sum(not e.on_hull and _is_close(e) for e in entries)


def _is_close(entry: HullEntry) -> bool:
    return 1000 * entry.e_above_hull_eV_per_atom <= CLOSE_meV


def _lowest(best: Phase, where: Markup) -> Markup:
    energy = f"{best.entry.energy_eV_per_atom:.3f}".replace("-", "−")
    return Markup("Lowest structure of {}: {} at {} eV/atom").format(where, _named_group(best), energy)


def _stable_phases(stable: Sequence[Phase], where: Markup) -> Markup:
    compounds = [p for p in stable if len([x for x in p.entry.composition.values() if x > 0]) > 1]
    named = Markup(", ").join(
        Markup("{} ({}{})").format(formula_html(p.entry.formula), _group(p), _doubt(p)) for p in compounds[:MAX_NAMED]
    )
    if not compounds:
        return Markup("No stable compound of {}: the elements alone make the hull").format(where)
    rest = Markup(" and {} others").format(len(compounds) - MAX_NAMED) if len(compounds) > MAX_NAMED else ""
    noun = "compound" if len(compounds) == 1 else "compounds"
    return Markup("{} stable {} of {}: {}{}").format(len(compounds), noun, where, named, rest)


def _doubt(phase: Phase) -> str:
    """Of an anchored hull: how probable it is that this phase lies on it, where that is not certain."""
    p_stable = phase.entry.p_stable
    return "" if p_stable is None or p_stable > CERTAIN else f", probability {p_stable:.2f}"


def _group(phase: Phase) -> Markup:
    symbol = group_html(phase.symbol) if phase.symbol else Markup("space group unknown")
    if phase.prototype is None:
        return symbol
    return Markup("{}, {}").format(symbol, phase.prototype.name)


def _named_group(phase: Phase) -> Markup:
    if phase.prototype is None:
        return _group(phase)
    return Markup("{} ({})").format(group_html(phase.symbol), phase.prototype.name)


def caveats(run: RunRecord) -> list[str]:
    """What a reader must know before using the numbers."""
    hull, notes = run.hull, []
    name = potential_name(hull.potential)
    if not run.hull.entries:
        notes.append("Nothing is known of stability: there is not a single entry to build a hull from.")
    elif not hull.anchored:
        functional = hull.potential.get("functional") or hull.potential.get("training_functional")
        trained = f", trained on {functional}" if functional else ""
        notes.append(
            f"Energies are those of the potential {name}{trained}; they are not anchored to DFT. "
            "Phases that lie within its error of each other may swap places."
        )
    else:
        anchored = sum(e.anchored for e in hull.entries)
        method = f" ({run.anchoring.method})" if run.anchoring else ""
        notes.append(
            f"Energies are those of {name}, corrected by DFT calculations{method} of {anchored} of"
            f" {len(hull.entries)} entries; σ is the standard error that remains."
        )
    if run.outdated:
        notes.append(
            "An earlier state of this run was anchored to DFT; it has found more since. `discover anchor` brings the"
            " hull up to date and uses the calculations that are there."
        )
    notes += _strangers(hull.own_entries, name)
    if hull.pressure_GPa:
        notes.append(f"At {hull.pressure_GPa:g} GPa: all energies are enthalpies.")
    return notes


def _strangers(entries: Sequence[HullEntry], potential: str) -> list[str]:
    """Low structures that the potential knows too little of."""
    low = [e for e in entries if e.in_domain is False and not e.anchored and (e.on_hull or _is_close(e))]
    if not low:
        return []
    stable = sorted({e.formula for e in low if e.on_hull})
    among = f", among them {', '.join(stable)} on the hull" if stable else ""
    noun = "structure lies" if len(low) == 1 else "structures lie"
    return [
        f"{len(low)} low {noun} outside the domain of {potential}{among}: nothing alike is in its reference set, and"
        " errors may be larger than those expected. DFT should have a look first."
    ]
