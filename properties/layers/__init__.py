"""Layered crystals: finding their layers, and what holds them together."""

from properties.layers.dimensionality import Dimensionality, dimensionality
from properties.layers.exfoliation import Exfoliation, ExfoliationSettings, exfoliation
from properties.layers.layers import LayeredCrystal, NotLayeredError, find_layers

__all__ = [
    "Dimensionality",
    "Exfoliation",
    "ExfoliationSettings",
    "LayeredCrystal",
    "NotLayeredError",
    "dimensionality",
    "exfoliation",
    "find_layers",
]
