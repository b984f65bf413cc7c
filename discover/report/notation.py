"""How formulae and space groups are set, in HTML and in matplotlib's mathtext."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from markupsafe import Markup, escape

MAX_LABEL = 18  # characters of a name in a figure; the tables have it in full


@cache
def _symbols() -> dict[int, str]:
    import spglib

    types = (spglib.get_spacegroup_type(hall) for hall in range(530, 0, -1))
    return {t.number: t.international_short for t in types if t is not None}  # lowest Hall number wins


def group_symbol(number: int) -> str:
    """International symbol of a space group in its first setting ("Fd-3m" for 227)."""
    return _symbols()[number]


def group_html(symbol: str) -> Markup:
    """A space-group symbol with overlined rotoinversions and lowered screw indices."""
    pieces = []
    for part in re.split(r"(-\d|_\d)", symbol):
        if re.fullmatch(r"-\d", part):
            pieces.append(Markup('<span class="bar">{}</span>').format(part[1:]))
        elif re.fullmatch(r"_\d", part):
            pieces.append(Markup("<sub>{}</sub>").format(part[1:]))
        else:
            pieces.append(escape(part))
    return Markup('<span class="whole">{}</span>').format(Markup("").join(pieces))


def group_tex(symbol: str) -> str:
    """A space-group symbol in mathtext."""
    return "$" + re.sub(r"-(\d)", r"\\bar{\1}", symbol) + "$"


def formula_html(formula: str) -> Markup:
    """A formula with its numbers lowered."""
    parts = re.split(r"(\d+)", formula)
    return Markup("").join(Markup("<sub>{}</sub>").format(p) if p.isdigit() else escape(p) for p in parts)


def formula_tex(formula: str) -> str:
    """A formula in mathtext; text that is no formula is left as plain text."""
    if not re.fullmatch(r"(?:[A-Z][a-z]?\d*)+", formula):
        return plain_tex(formula)
    return r"$\mathrm{" + re.sub(r"(\d+)", r"_{\1}", formula) + "}$"


def plain_tex(text: str) -> str:
    """Text that matplotlib must not read as mathtext, cut to what a figure has room for."""
    short = text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
    return short.replace("$", r"\$")


def potential_name(potential: Mapping[str, object]) -> str:
    """The potential's name for a sentence."""
    return str(potential.get("name") or "an unnamed potential")
