"""The one constant of electrostatics in eV, Å and elementary charges."""

from __future__ import annotations

COULOMB_EV_A = 14.399645478425668
"""e²/4πε₀, eV Å (CODATA 2018, as in torch-sim)."""
