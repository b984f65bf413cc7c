"""What can be wrong with a quantum region, in words for whoever chose it."""

from __future__ import annotations


class QmmlError(ValueError):
    """Settings of QM/ML that cannot be; the message says what, where and how to mend it, in one line."""


class RegionError(QmmlError):
    """A region that cannot be cut out: through a bond that must not be cut, too large for the cell, meeting another."""


class CrowdedError(RegionError):
    """A cap that would sit on another atom of the cluster; taking in `outer`, for which it stands, makes room."""

    def __init__(self, message: str, outer: int) -> None:
        super().__init__(message)
        self.outer = outer


class TopologyError(QmmlError):
    """Asked about atoms whose bonds across the region's boundary are no longer those it was set up with."""


class QMError(QmmlError):
    """The quantum method is not here, cannot take the cluster, or found no self-consistent field."""
