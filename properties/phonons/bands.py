"""Bands along a path through the zone, and the density of states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import seekpath

from properties.phonons.harmonic import HarmonicCrystal
from properties.phonons.supercells import symprec_of

SPACING_1_A = 0.03
"""Between points of a path, with 2π."""
MOST_POINTS = 400  # of a path; the spacing grows where this would not do
DENSITY_POINTS = 300


@dataclass(frozen=True)
class Bands:
    """Frequencies along straight segments.

    Attributes:
        segments: labels of the ends of each, "Γ", "X", ..., as seekpath names them.
        q: points of each segment, fractional of the cell's reciprocal vectors, (m_s, 3).
        distances_1_A: of them along the whole path, with 2π, (m_s,).
        frequencies_THz: of each segment, (m_s, 3n), ascending, imaginary ones negative.
    """

    segments: tuple[tuple[str, str], ...]
    q: tuple[np.ndarray, ...]
    distances_1_A: tuple[np.ndarray, ...]
    frequencies_THz: tuple[np.ndarray, ...]

    def ticks(self) -> list[tuple[float, str]]:
        """Where the path has which label: "U|K" where it jumps."""
        marks: list[tuple[float, str]] = []
        for (start, end), along in zip(self.segments, self.distances_1_A, strict=True):
            if not marks:
                marks.append((float(along[0]), start))
            elif marks[-1][1] != start:
                marks[-1] = (marks[-1][0], f"{marks[-1][1]}|{start}")
            marks.append((float(along[-1]), end))
        return marks


@dataclass(frozen=True)
class DensityOfStates:
    """Modes per THz and cell, whose integral is 3n.

    Attributes:
        frequencies_THz, density_1_THz: both (m,).
    """

    frequencies_THz: np.ndarray
    density_1_THz: np.ndarray


def bands(crystal: HarmonicCrystal, spacing_1_A: float = SPACING_1_A) -> Bands:
    """Along the path of Hinuma et al., Comput. Mater. Sci. 128, 140 (2017), which seekpath gives for the cell as it is.

    Where Born charges are given, the ends of segments at Γ are approached along the segment.
    """
    atoms = crystal.atoms
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    path = seekpath.get_path_orig_cell(cell, symprec=symprec_of(atoms))
    places = {label: np.array(q) for label, q in path["point_coords"].items()}
    reciprocal = 2 * np.pi * atoms.cell.reciprocal().array
    ends = [(places[a], places[b]) for a, b in path["path"]]
    lengths = [float(np.linalg.norm((b - a) @ reciprocal)) for a, b in ends]
    spacing = max(spacing_1_A, sum(lengths) / MOST_POINTS)
    q = [np.linspace(a, b, max(3, round(length / spacing) + 1)) for (a, b), length in zip(ends, lengths, strict=True)]
    starts = np.cumsum([0.0, *lengths[:-1]])
    found = crystal.phonopy.run_band_structure(q)
    return Bands(
        tuple((_written(a), _written(b)) for a, b in path["path"]),
        tuple(q),
        tuple(s + np.linspace(0, length, len(p)) for s, length, p in zip(starts, lengths, q, strict=True)),
        tuple(np.array(f) for f in found.frequencies or ()),
    )


def density_of_states(crystal: HarmonicCrystal, counts: tuple[int, int, int]) -> DensityOfStates:
    """By linear tetrahedra (Blöchl et al., Phys. Rev. B 49, 16223 (1994)) on a Γ-centred mesh of so many points."""
    frequencies = crystal.mesh(counts=counts).frequencies_THz
    lowest, highest = min(0.0, float(frequencies.min())), float(frequencies.max())
    margin = 0.03 * (highest - lowest)
    lowest -= margin if lowest < -margin else 0.0
    found = crystal.phonopy.run_total_dos(
        freq_min=lowest, freq_max=highest + margin, freq_pitch=(highest + margin - lowest) / (DENSITY_POINTS - 1)
    )
    assert found.dos is not None
    return DensityOfStates(np.array(found.frequency_points), np.array(found.dos))


def _written(label: str) -> str:
    """As seekpath's label is read aloud: "Γ", "S₀"."""
    name, _, index = label.partition("_")
    return {"GAMMA": "Γ", "SIGMA": "Σ", "LAMBDA": "Λ", "DELTA": "Δ"}.get(name, name) + index.translate(_LOWERED)


_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
