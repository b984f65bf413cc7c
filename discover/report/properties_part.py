"""What hits are good for: a card each, with numbers, figures, and what failed and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from discover.compute.registry import HOMES, computation
from discover.pipeline.record import HitRecord, PropertiesRecord
from discover.pipeline.results import StageResult, folder_of
from discover.pipeline.stages import REST
from discover.records import RunRecord
from discover.report.key_numbers import Said, key_numbers, settings_said
from discover.report.look import Look, Plot, Rendered, png, render, thinned
from discover.report.notation import potential_name
from potentials.words import in_words

FIGURED = 3
"""Hits whose figures are on the page; those of all lie beside it."""


@dataclass(frozen=True)
class StageLine:
    """How a stage ended."""

    stage: str
    done: bool
    words: str
    settings: str
    potential: str
    seconds: float


@dataclass(frozen=True)
class Table:
    """What a stage has found by temperature, say, as it is printed; `right` are columns of numbers."""

    stage: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str]


@dataclass(frozen=True)
class Card:
    """A hit on the page; `stem` begins the names of its figures' files, `pictures` are those files' names."""

    hit: HitRecord
    stem: str
    space_group: int | None
    numbers: Sequence[Said]
    lines: Sequence[StageLine]
    notes: Sequence[str]
    tables: Sequence[Table] = ()
    figures: Sequence[Rendered] = ()
    pictures: Sequence[str] = ()

    @property
    def unstable(self) -> bool:
        """Whether its phonons or its elastic constants say that it is none."""
        stable = self.hit.value("phonons", "dynamically_stable"), self.hit.value("elastic", "born_stable")
        return False in stable


@dataclass(frozen=True)
class PropertiesPart:
    """All cards, and the figures of all hits as PNG, by file name below `properties/`."""

    potential: str
    cards: Sequence[Card]
    bare: Sequence[Mapping[str, object]]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def without_figures(self) -> int:
        """Cards whose figures are only beside the page."""
        return sum(bool(card.pictures) and not card.figures for card in self.cards)


def properties_part(run: RunRecord) -> PropertiesPart | None:
    """None where nobody has asked for properties."""
    return None if run.properties is None else part_of(run.properties)


def part_of(record: PropertiesRecord) -> PropertiesPart:
    """All that was computed."""
    cards: list[Card] = []
    files: dict[str, bytes] = {}
    for place, hit in enumerate(record.hits):
        card, pictures = _with_figures(_card(hit, record), on_page=place < FIGURED)
        cards.append(card)
        files |= pictures
    return PropertiesPart(potential_name(record.potential), cards, record.bare, files)


def _card(hit: HitRecord, record: PropertiesRecord) -> Card:
    found = hit.value(REST, "space_group")
    group: int | None = found or hit.hit["space_group"]
    lines = [_line(r) for r in hit.results.values()]
    return Card(hit, folder_of(hit.id), group, key_numbers(hit), lines, list(_notes(hit, group)))


def _line(found: StageResult) -> StageLine:
    words = found.reason if not found.done else found.title or "done"
    return StageLine(
        found.stage, found.done, words, settings_said(found.settings), potential_name(found.potential), found.seconds
    )


def _notes(hit: HitRecord, group: int | None) -> Iterator[str]:
    """What a reader must not miss."""
    before = hit.hit["space_group"]
    if group is not None and before is not None and group != before:
        yield f"Brought to rest it changed its space group from {before} to {group}."
    for led_to in hit.value("phonons", "followed") or ():
        drop = led_to.get("energy_drop_meV_per_atom")
        if led_to.get("structure") and drop is not None and drop > 0:
            q = ", ".join(f"{x:g}" for x in led_to.get("q") or ())
            where = f" at q = ({q})" if q else ""
            group_there = led_to.get("space_group")
            named = f" of space group {group_there}" if group_there else ""
            yield (
                f"Its mode of {led_to['frequency_THz']:.2f} THz{where} leads to a structure{named}, {drop:.2f} meV/atom"
                " lower; it is offered back to the search."
            ).replace("-", "−")
    for found in hit.results.values():
        if found.done and not found.ok:
            yield f"{found.stage}: {found.title}."
        for warning in hit.value(found.stage, "warnings") or ():
            yield f"{found.stage}: {warning.rstrip('.')}."


def _with_figures(card: Card, on_page: bool) -> tuple[Card, dict[str, bytes]]:
    """The card with its figures, and all of them as files."""
    figures: list[Rendered] = []
    files: dict[str, bytes] = {}
    notes, tables = list(card.notes), []
    for found in card.hit.results.values():
        try:
            tables += _tables(found)
            for plot in _plots(found, card.stem):
                if on_page:
                    figures.append(_small(render(plot)))
                files[f"{plot.name}.png"] = figures[-1].light if on_page else thinned(png(plot, Look()))
        except Exception as error:  # a result of another version, say: the numbers are shown all the same
            notes.append(f"The figures of {found.stage} cannot be drawn ({in_words(error, 120)}).")
    return replace(card, figures=figures, pictures=list(files), notes=notes, tables=tables), files


def _small(figure: Rendered) -> Rendered:
    """With pictures that a page of many can hold."""
    return Rendered(
        figure.plot, *(thinned(p) for p in (figure.light, figure.dark, figure.light_narrow, figure.dark_narrow))
    )


def _tables(found: StageResult) -> list[Table]:
    """None of a stage whose numbers are said in other words."""
    if not found.done or found.stage not in HOMES:
        return []
    module: Any = computation(found.stage)
    return [Table(found.stage, *module.table(found.to_json()))] if hasattr(module, "table") else []


def _plots(found: StageResult, stem: str) -> list[Plot]:
    if not found.done or found.stage not in HOMES:
        return []
    return [replace(p, name=f"{stem}-{p.name}") for p in computation(found.stage).plots(found.to_json())]
