"""A potential learnt while a search runs, from every model call that it pays for."""

from potentials.surrogate.linear import LinearSurrogate

__all__ = ["LinearSurrogate"]
