"""What keeps a property from being computed."""

from __future__ import annotations


class PropertyError(RuntimeError):
    """A property that cannot be had of this crystal with this potential; the message says why, in one line."""
