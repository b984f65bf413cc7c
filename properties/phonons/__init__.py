"""Phonons: vibrations of a crystal in the harmonic approximation, and what follows from them."""

from properties.phonons.harmonic import DisplacementSettings, HarmonicCrystal, Mesh, PhononError, harmonic_crystals
from properties.phonons.polar import BornCharges
from properties.phonons.supercells import primitive_cell, supercell_matrix_for
from properties.phonons.vibrations import Phonons, PhononSettings, phonons

__all__ = [
    "BornCharges",
    "DisplacementSettings",
    "HarmonicCrystal",
    "Mesh",
    "PhononError",
    "PhononSettings",
    "Phonons",
    "harmonic_crystals",
    "phonons",
    "primitive_cell",
    "supercell_matrix_for",
]
