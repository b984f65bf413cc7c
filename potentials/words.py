"""Errors of other people's code, in words that fit a line."""

from __future__ import annotations


def in_words(error: Exception, most: int = 200) -> str:
    """Its class and its message, on one line; of the message at most so many characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:most]}"
