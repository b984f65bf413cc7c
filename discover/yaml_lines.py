"""YAML with a memory of where each key stood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from discover.errors import InputError

Key = tuple[str | int, ...]


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """The mapping in a file, and the line of each key path.

    Raises:
        InputError: no file, no YAML, no mapping, a key given twice.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        lines: dict[Key, int] = {}
        if node is not None:
            _walk(node, (), lines, path)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"{where}: broken YAML ({problem}); check indentation, colons and quotes") from None
    except ValueError as error:  # a date or a number that only looks like one
        raise InputError(f"{path}: broken YAML ({error}); put the value in quotes") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply for a campaign") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: must hold keys and values, as in `system: Si-Ge`")
    return value, lines


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, ValueError):
        raise InputError(f"{path}: is not UTF-8 text; a campaign is a YAML file") from None


def _walk(node: yaml.Node, prefix: Key, lines: dict[Key, int], file: Path) -> None:
    """Note the line of every key and list item, refusing keys given twice."""
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith((":str", ":merge")):
                raise InputError(f"{file}:{line}: a key must be a word (is {_spelt(key)})")
            here = (*prefix, key.value)
            if here in lines:
                name = ".".join(map(str, here))
                raise InputError(f"{file}:{line}: {name}: given twice (first in line {lines[here]}); keep one")
            lines[here] = line
            _walk(child, here, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for k, child in enumerate(node.value):
            lines[(*prefix, k)] = child.start_mark.line + 1
            _walk(child, (*prefix, k), lines, file)


def _spelt(key: yaml.Node) -> str:
    return repr(key.value) if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
