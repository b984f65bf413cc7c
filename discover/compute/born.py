"""Files of Born charges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from discover.errors import InputError
from properties.errors import PropertyError
from properties.phonons import BornCharges

KEYS = ("born_charges", "dielectric")


def read_born(file: Path) -> BornCharges | str:
    """YAML or JSON with `born_charges` (a 3x3 matrix for each atom) and `dielectric` (3x3), by its suffix; any other is
    the text of phonopy's BORN file.

    Raises:
        InputError: no such file, or one that does not hold them.
    """  # noqa: D205 - one sentence
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"born: {file}: {getattr(error, 'strerror', None) or 'is no text'}") from None
    if file.suffix.lower() not in (".yaml", ".yml", ".json"):
        return text
    try:
        held: Any = yaml.safe_load(text)  # JSON is YAML
    except yaml.YAMLError:
        raise InputError(f"born: {file}: is neither YAML nor JSON") from None
    if not isinstance(held, dict) or set(held) != set(KEYS):
        raise InputError(f"born: {file}: must hold {' and '.join(KEYS)}, and nothing else")
    try:
        return BornCharges(*(np.array(held[key], float) for key in KEYS))
    except (ValueError, TypeError):
        raise InputError(f"born: {file}: {' and '.join(KEYS)} must be matrices of numbers") from None
    except PropertyError as error:
        raise InputError(f"born: {file}: {error}") from None
