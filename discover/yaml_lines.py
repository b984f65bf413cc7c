"""YAML with a memory of where each key stood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from discover.errors import InputError

Path_ = tuple[str | int, ...]


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """The mapping in a file, and the line of each key path.

    Raises:
        InputError: no file, no YAML, no mapping, a key given twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; a campaign is a YAML file") from None
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"{where}: broken YAML ({problem}); check indentation, colons and quotes") from None
    if not isinstance(value, dict) or not isinstance(node, yaml.MappingNode):
        raise InputError(f"{path}: must hold keys and values, as in `system: Si-Ge`")
    lines: dict[Path_, int] = {}
    _walk(node, (), lines, path)
    return value, lines


def _walk(node: yaml.Node, prefix: Path_, lines: dict[Path_, int], file: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            here = (*prefix, key.value)
            line = key.start_mark.line + 1
            if here in lines:
                raise InputError(
                    f"{file}:{line}: {'.'.join(map(str, here))}: given twice (first in line {lines[here]}); keep one"
                )
            lines[here] = line
            _walk(child, here, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for k, child in enumerate(node.value):
            lines[(*prefix, k)] = child.start_mark.line + 1
            _walk(child, (*prefix, k), lines, file)
