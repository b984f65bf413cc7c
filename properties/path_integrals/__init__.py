"""Nuclei as ring polymers: path-integral molecular dynamics of many systems, all their beads in one model call."""

from properties.path_integrals.averages import Estimate, mean_with_error
from properties.path_integrals.sampling import RingAverages, sample
from properties.path_integrals.settings import PathSettings, Plane, RingSystem

__all__ = ["Estimate", "PathSettings", "Plane", "RingAverages", "RingSystem", "mean_with_error", "sample"]
