"""What keeps a property from being computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PropertyError(RuntimeError):
    """A property that cannot be had of this crystal with this potential; the message says why, in one line."""


class InapplicableError(PropertyError):
    """A property that crystals of this kind do not have: no failure where many crystals are asked about.

    found: what is known of the crystal instead, JSON-able.
    """

    def __init__(self, reason: str, found: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.found = dict(found)
