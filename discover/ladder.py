"""The ladder of fidelities: which structures climb to the next rung, and the hull when some of them have.

Energies of two potentials never stand on one hull. Structures that were relaxed again make the hull; the others are
listed after them, each with its distance to the hull of the rung on which it stayed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from discover.composition import composition_key
from discover.config import CampaignConfig
from discover.config_sections import LadderSettings, RerankSettings
from discover.records import CandidateRecord, Hull, HullEntry

CORNER_EV = 0.03
"""Per atom; an element's phases this close to its lowest climb too, for two potentials may order them differently
(7net-0 has bcc titanium 7 meV/atom below hcp), and the lowest of them is the zero of every formation energy."""


def on_top_rung(config: CampaignConfig) -> CampaignConfig:
    """The campaign as its re-ranking sees it: its own potential, no more candidates than may climb."""
    rung = config.ladder.rerank
    if rung is None:
        raise ValueError("this campaign re-ranks nothing")
    return config.model_copy(
        update={
            "potential": rung.potential,
            "potential_options": rung.options,
            "device": rung.device,
            "witness": "auto" if config.witness == rung.potential else config.witness,
            "relax": config.relax.model_copy(update={"risk": 0.0, "surrogate": "off"}),  # each is wanted to its end
            "search": config.search.model_copy(update={"candidates": rung.most, "model_calls": None, "hours": None}),
            "ladder": LadderSettings(),
        }
    )


def climbers(
    entries: Sequence[HullEntry], settings: RerankSettings, failed: Collection[int | str] = ()
) -> list[HullEntry]:
    """Which of the search's entries are to be relaxed again, the most needed first.

    Always: each element's phases within 30 meV/atom of its lowest (the corners of the new hull) and what is on the
    search's hull. Then, as long as there are not more than `most` of them, the lowest of each composition and
    everything else, by energy above the hull, up to `within_eV_per_atom`. (Taking the lowest of every composition
    whatever `most` says would bound nothing: a ternary has hundreds of them near its hull.)

    entries: sorted by energy above the hull.
    failed: ids that were tried in vain; the next phase of an element takes the place of a corner that failed.
    """
    always = [*_corners([e for e in entries if e.id not in failed]), *(e for e in entries if e.on_hull)]
    near = [e for e in entries if e.e_above_hull_eV_per_atom <= settings.within_eV_per_atom]
    firsts = {composition_key(e.composition): e for e in reversed(near)}.values()
    wanted = _once([*always, *sorted(firsts, key=lambda e: e.e_above_hull_eV_per_atom), *near])
    return wanted[: max(settings.most, len(_once(always)))]


def _corners(entries: Sequence[HullEntry]) -> list[HullEntry]:
    """Phases of each element that may be its lowest."""
    lowest: dict[str, float] = {}
    pure = sorted((e for e in entries if len(e.composition) == 1), key=lambda e: e.energy_eV_per_atom)
    for entry in pure:
        lowest.setdefault(entry.formula, entry.energy_eV_per_atom)
    return [e for e in pure if e.energy_eV_per_atom <= lowest[e.formula] + CORNER_EV]


def _once(entries: Iterable[HullEntry]) -> list[HullEntry]:
    return list({e.id: e for e in entries}.values())


def has_corners(searched: Hull, reranked: Sequence[CandidateRecord]) -> bool:
    """Whether a hull of the re-ranked structures may stand: every element that had an energy has one again."""
    risen = [r for r in reranked if r.structure is not None]
    elements = {e for r in risen if len(r.composition) == 1 for e in r.composition}
    needed = {e for entry in searched.entries if len(entry.composition) == 1 for e in entry.composition}
    return bool(risen) and needed <= elements


def risen_structures(history: Iterable[CandidateRecord], reranked: Iterable[CandidateRecord]) -> set[int]:
    """The search's structures that were relaxed again and converged, each by the first candidate that found it."""
    structure = {r.id: r.structure for r in history}
    return {s for r in reranked if r.structure is not None and (s := structure.get(r.id)) is not None}


def join_rungs(searched: Hull, top: Hull, history: Sequence[CandidateRecord], risen: Collection[int]) -> Hull:
    """The top rung's hull, followed by the entries that stayed on the search's rung; none of those is on a hull."""
    low, high = _rung_names(searched.potential, top.potential)
    structure: Mapping[int | str, int | None] = {r.id: r.structure for r in history}
    stayed = [e for e in searched.entries if structure.get(e.id) not in risen]
    entries = [replace(e, rung=high) for e in top.entries]
    entries += [replace(e, rung=low, on_hull=False) for e in stayed]
    ladder = [{"rung": low, **searched.potential}, {"rung": high, **top.potential}]
    return replace(top, entries=entries, ladder=ladder)


def _rung_names(low: Mapping[str, Any], high: Mapping[str, Any]) -> tuple[str, str]:
    """The potentials' names, told apart where one potential with two settings stands on both rungs."""
    names = str(low.get("name")), str(high.get("name"))
    return names if names[0] != names[1] else (f"{names[0]} (search)", f"{names[1]} (re-rank)")
