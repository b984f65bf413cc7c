"""What is wrong with settings, in words for whoever wrote them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

_KINDS = {
    "list_type": "a list, as [3, 4, 5]",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text; YAML takes No and 3 for something else, put it in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "model_type": "settings, as {key: value}",
    "dict_type": "settings, as {key: value}",
}
_LIMITS = {"greater_than": ("above", "gt"), "greater_than_equal": ("at least", "ge")}


def in_words(error: ValidationError | TypeError, keys: Mapping[str, Sequence[str]]) -> str:
    """One line for the first of the errors, a misspelt key before all: it explains a missing one.

    keys: those of each section, by the section's name; "" has the outermost.
    """
    if isinstance(error, TypeError):
        return f"qm: keys must be words ({error})"
    found = error.errors()
    known = [e for e in found if e["type"] == "extra_forbidden"] or found
    # Of the members of a union, the one that went deepest into what was typed was meant
    first = max((e for e in known if e["loc"][:1] == known[0]["loc"][:1]), key=lambda e: len(e["loc"]))
    # A union names its members in the place of the error; they are no keys that anybody typed
    where = [k for k in first["loc"] if not str(k).startswith(("literal", "dict[", "list["))]
    return f"{'.'.join(['qm', *map(str, where)])}: {_said(first, where, keys)}"


def _said(error: Any, where: Sequence[str | int], keys: Mapping[str, Sequence[str]]) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(where, keys)
    if kind == "missing":
        return "is missing"
    if kind == "too_short":
        return "must not be empty"
    if kind == "literal_error":
        return f"must be {context['expected']} (is {value!r})"
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"must be {words} {context[name]:g} (is {value!r})"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]} (is {value!r})"
    return str(error["msg"]).removeprefix("Value error, ")


def _unknown(where: Sequence[str | int], keys: Mapping[str, Sequence[str]]) -> str:
    section = next((str(k) for k in reversed(where[:-1]) if isinstance(k, str)), "")
    known, name = keys[section], str(where[-1])
    near = [k for k in known if k.startswith(f"{name}_")] or difflib.get_close_matches(name, known, 1, 0.6)
    return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; there are {', '.join(known)}"
