"""From pydantic's errors to one line a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from discover.yaml_lines import Key

_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "path_type": "a file name",
    "finite_number": "a finite number",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def explain(
    error: ValidationError,
    path: Path,
    lines: Mapping[Key, int],
    overridden: Sequence[Key],
    root: type[BaseModel],
) -> str:
    """One line for the first of the errors (and how many there are besides).

    lines: line of each key in the file; overridden: keys that came from the command line.
    """
    # A misspelt key explains a missing one, so it comes first
    errors = sorted(
        error.errors(), key=lambda e: (e["type"] != "extra_forbidden", _line(tuple(e["loc"]), lines) or 0)
    )
    first = errors[0]
    key, text = _message(first, root)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{blame(path, key, lines, overridden)}: {text}{more}"


def first_fault(error: ValidationError, root: type[BaseModel]) -> tuple[Key, str]:
    """The key of the first of the errors, misspelt ones before all, and what is wrong with it."""
    return _message(min(error.errors(), key=lambda e: e["type"] != "extra_forbidden"), root)


def blame(path: Path, key: Key, lines: Mapping[Key, int], overridden: Sequence[Key]) -> str:
    """Where a key was given and its name: "c.yaml:12: search.candidates", "--set: search.candidates"."""
    return f"{_where(path, key, lines, overridden)}: {spelt(key) or 'campaign'}"


def spelt(key: Key) -> str:
    """The key as a person writes it: search.space_groups[0]."""
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in key).removeprefix(".")


def _where(path: Path, key: Key, lines: Mapping[Key, int], overridden: Sequence[Key]) -> str:
    if any(key[: len(k)] == k for k in overridden):
        return "--seed" if key == ("seed",) else "--set"
    # Atoms left at their default may not suit the system
    line = _line(key, lines) or _line(("system",), lines)
    return f"{path}:{line}" if line else str(path)


def _line(key: Key, lines: Mapping[Key, int]) -> int | None:
    """Line of the key, or of the nearest one above it."""
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key)


def _message(error: Any, root: type[BaseModel]) -> tuple[Key, str]:
    key: Key = tuple(error["loc"])
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return key, _unknown(key, root)
    if kind == "missing":
        return key, "is missing; give it, as in `system: Si-Ge`" if key == ("system",) else "is missing"
    if kind == "value_error":
        text = str(context["error"])
        if text.startswith("@"):
            _, where, text = text.split("@", 2)
            key = (*key, *where.split("."))
        return key, text
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return key, f"must be {words} {context[name]:g} (is {value})"
    if kind == "literal_error":
        return key, f"must be {context['expected']} (is {value!r})"
    if kind in ("too_short", "too_long"):
        least = kind == "too_short"
        limit = context["min_length" if least else "max_length"]
        many = f"at {'least' if least else 'most'} {limit} value{'s' * (limit != 1)}"
        return key, f"must have {many} (has {context['actual_length']})"
    if kind == "string_pattern_mismatch" and key[-1] == "device":
        return key, f"must be auto, cpu, cuda or cuda:N (is {value!r})"
    if kind == "string_type" and isinstance(value, bool):
        return key, f"must be text (YAML reads it as {str(value).lower()}); put it in quotes"
    if kind in _KINDS:
        return key, f"must be {_KINDS[kind]} (is {_said(value)})"
    return key, f"{error['msg']} (is {value!r})"


def _said(value: Any) -> str:
    """The value as YAML has it."""
    return "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _unknown(key: Key, root: type[BaseModel]) -> str:
    name = str(key[-1])
    known = _keys(key[:-1], root)
    forgotten_unit = [k for k in known if k.startswith(f"{name}_")]
    near = forgotten_unit or _elsewhere(name, root) or difflib.get_close_matches(name, known, 1, 0.6)
    if near:
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; known are {', '.join(known)}" if known else "unknown key"


def _elsewhere(name: str, root: type[BaseModel], prefix: str = "") -> list[str]:
    """Full names of the same key in other sections."""
    found = []
    for key, field in root.model_fields.items():
        if key == name:
            found.append(f"{prefix}{key}")
        section = section_of(field.annotation)
        if section is not None:
            found += _elsewhere(name, section, f"{prefix}{key}.")
    return found


def _keys(path: Key, root: type[BaseModel]) -> list[str]:
    """Keys that the section at `path` knows."""
    section = root
    for part in path:
        below = section_of(section.model_fields[str(part)].annotation)
        if below is None:
            return []
        section = below
    return list(section.model_fields)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section behind a field's annotation, also of one that may be null; None where it is a plain value."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None
