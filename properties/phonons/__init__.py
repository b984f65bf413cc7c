"""Phonons: vibrations of a crystal in the harmonic approximation, and what follows from them."""

from properties.phonons.harmonic import DisplacementSettings, HarmonicCrystal, Mesh, PhononError, harmonic_crystals
from properties.phonons.supercells import primitive_cell, supercell_matrix_for

__all__ = [
    "DisplacementSettings",
    "HarmonicCrystal",
    "Mesh",
    "PhononError",
    "harmonic_crystals",
    "primitive_cell",
    "supercell_matrix_for",
]
