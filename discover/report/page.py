"""The page: what the template is given, and how values are set in HTML."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from discover.pareto import ParetoFront
from discover.records import RunRecord
from discover.report.anchored import AnchoredPart
from discover.report.figures_pareto import LABELS
from discover.report.landscape import Kind
from discover.report.look import Rendered
from discover.report.notation import formula_html, group_html, group_symbol, potential_name
from discover.report.phases import Phase
from discover.report.properties_part import PropertiesPart
from discover.report.search_summary import Cost, FailureRow, OperatorRow
from discover.report.structure_picture import colour_hex
from discover.report.temperature import TemperaturePart

UNKNOWN = "–"


@dataclass(frozen=True)
class Page:
    """Everything the template shows; `cifs` and `pictures` are by `Phase.file_stem`, `figures` by name.

    `difference` says how the ladder's rungs differ, empty where there is one; `pareto` is None where the search was
    after the energy alone, `anchored` where there is no DFT, `properties` and `temperature` where no pipeline has run.
    """

    run: RunRecord
    kind: Kind
    headline: Markup
    caveats: Sequence[str]
    near_hull_meV: float
    n_near: int
    phases: Sequence[Phase]
    cifs: Mapping[str, str]
    pictures: Mapping[str, bytes]
    figures: Mapping[str, Rendered]
    operators: Sequence[OperatorRow]
    failures: Sequence[FailureRow]
    cost: Cost
    difference: Markup
    pareto: ParetoFront | None
    anchored: AnchoredPart | None = None
    properties: PropertiesPart | None = None
    temperature: TemperaturePart | None = None
    given = False
    """Whether the structures were given, and not searched."""

    @property
    def search_rung(self) -> str:
        """Name of the search's rung where the hull is that of a higher one, else empty."""
        return str(self.run.hull.ladder[0]["rung"]) if self.run.hull.ladder else ""

    @property
    def has_domain(self) -> bool:
        """Whether it is known of any phase how familiar it is."""
        return any(p.entry.in_domain is not None for p in self.phases)

    @property
    def has_sigma(self) -> bool:
        """Whether any phase carries an uncertainty."""
        return any(p.entry.sigma_eV_per_atom is not None for p in self.phases)


def environment() -> Environment:
    """Templates of this package, with the filters that they use."""
    made = Environment(
        loader=PackageLoader("discover.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        formula=formula_html,
        group=group_html,
        fixed=_fixed,
        data_uri=_data_uri,
        duration=_duration,
        colour=colour_hex,
        yaml=_yaml,
    )
    made.globals.update(style=_own_text("style.css"), script=_own_text("sort.js"))
    made.globals.update(temperature_script=_own_text("temperature.js"))
    return made


def page_html(page: Page) -> str:
    """The page as one HTML document that needs nothing beside it."""
    return environment().get_template("page.html").render(
        page=page,
        run=page.run,
        potential=potential_name(page.run.hull.potential),
        unknown=UNKNOWN,
        labels=LABELS,
        group_symbol=group_symbol,
    )


def _own_text(name: str) -> Markup:
    """A template file of this package, trusted: it holds nothing of a run."""
    return Markup(files("discover.report").joinpath("templates", name).read_text(encoding="utf-8"))


def _fixed(value: float | None, digits: int = 0) -> str:
    """A number with a true minus sign and thin spaces between thousands."""
    if value is None or math.isnan(value):
        return UNKNOWN
    text = f"{value:,.{digits}f}".replace(",", "\u2009")
    if not any(c in "123456789" for c in text):
        text = text.removeprefix("-")  # no minus zero
    return text.replace("-", "−")


def _data_uri(content: bytes | str, kind: str) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _yaml(campaign: Mapping[str, object]) -> str:
    import yaml

    return yaml.safe_dump(_plain(campaign), sort_keys=False, allow_unicode=True)


def _plain(value: object) -> object:
    """Mappings and sequences of any kind as the plain ones YAML knows; anything else as its text."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
