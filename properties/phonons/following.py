"""Imaginary modes followed downhill, to the structures that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.build import make_supercell

from potentials.potential import Potential, structure_of
from potentials.primitive import primitive, space_group
from potentials.relax import Outcome, Relaxation
from properties.evaluating import evaluate_all
from properties.phonons.harmonic import HarmonicCrystal, in_precision
from properties.phonons.stability import HALVES, Stability, exact_q
from properties.phonons.supercells import commensurate_matrix, spacing_A
from properties.rest import relaxed

AMPLITUDES = (0.02, 0.05, 0.1, 0.18)
"""Largest displacement of an atom, shares of the cube root of the volume per atom: in a metal 0.05 to 0.5 Å."""
SHAKEN = 0.01
"""Strain, and displacement as a share of the spacing: below what modes are displaced by."""
LOWER_MEV = 0.1
"""Per atom: a structure that lies lower by less is the same again, or cannot be told from it."""
MOST_MODES = 3
MOST_ATOMS = 64  # of the supercell that a mode takes
_MOST_PATTERNS = 6  # of a level
_PUSHES = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]])
_SAME_EV = 1e-5  # per atom
_DEGENERATE = 1e-3  # of a frequency: nearer ones are one level
_FMAX_EV_A = 2e-3
_MAX_STEPS = 400
_SYMPREC_A = 0.02


@dataclass(frozen=True)
class Followed:
    """Where an imaginary mode leads.

    Attributes:
        q: of the mode, fractional, (3,).
        frequency_THz: negative.
        degeneracy: modes of this frequency at this q.
        energy_drop_meV_per_atom: below the crystal that was unstable, under pressure of enthalpy; zero or less where
            nothing lower was found.
        space_group: international number of `atoms`, None where none is found.
        atoms: the lowest structure it led to, primitive, at rest; None where no displaced crystal came to rest.
        outcome: in words, for people.
        lower: it lies lower than the crystal by more than `LOWER_MEV`.
    """

    q: np.ndarray
    frequency_THz: float
    degeneracy: int
    energy_drop_meV_per_atom: float
    space_group: int | None
    atoms: Atoms | None
    outcome: str
    lower: bool


@dataclass(frozen=True)
class _Mode:
    """An imaginary level: q, frequency, its eigenvectors (3n, degeneracy), and the supercell that holds it, (3, 3)."""

    q: np.ndarray
    frequency_THz: float
    vectors: np.ndarray
    matrix: np.ndarray


@dataclass(frozen=True)
class Descent:
    """All that was followed, and the model calls it took."""

    followed: tuple[Followed, ...]
    model_calls: int


def follow(
    potential: Potential,
    crystal: HarmonicCrystal,
    stable: Stability,
    most_modes: int = MOST_MODES,
    precision: str = "auto",
    pressure_GPa: float = 0.0,
    seed: int = 0,
    on_done: Callable[[int, int], None] | None = None,
) -> Descent:
    """Displace the crystal along its most unstable modes and let it come to rest, cell and all.

    Each level is taken at one q of a star that fits into the supercell, or that halves reciprocal vectors. In the
    smallest supercell that holds the wave, the atoms are displaced by Re[e exp(2πi q·x + iφ)]/√M: of the real space
    that a level spans, phases and degeneracy together, along the patterns nearest to a push of one atom along x, xy
    and xyz. Both signs are tried, at several amplitudes; from the lowest amplitude of each, shaken by `SHAKEN` so that
    no symmetry holds it on a saddle, the crystal is relaxed. All of this is one list of evaluations and one batch of
    relaxations.

    potential: what the force constants came from.
    stable: of the crystal; modes within its tolerance are not followed.
    pressure_GPa: under which the crystal rests; what it becomes is relaxed under it, and compared by enthalpy.
    seed: of the shaking.
    on_done: told how many relaxations have ended, of how many.
    """
    potential = in_precision(potential, precision)
    modes = _modes(crystal, stable, most_modes)
    starts = [(k, s) for k, mode in enumerate(modes) for s in _starts(crystal.atoms, mode)]
    chosen, spent = _lowest_amplitudes(potential, starts)
    shaken = _shaken([atoms for _, atoms in chosen], np.random.default_rng(seed))
    told = None if on_done is None else lambda done: on_done(done, len(shaken))
    ends = relaxed(potential, shaken, [pressure_GPa] * len(shaken), _FMAX_EV_A, _MAX_STEPS, on_done=told)
    work_eV = pressure_GPa * units.GPa * crystal.atoms.cell.volume
    enthalpy_eV = (crystal.energy_eV + work_eV) / len(crystal.atoms)
    own = [[end for (mode, _), end in zip(chosen, ends, strict=True) if mode == k] for k in range(len(modes))]
    found = tuple(_followed(mode, theirs, enthalpy_eV, crystal.atoms) for mode, theirs in zip(modes, own, strict=True))
    return Descent(found, spent + sum(end.model_calls for end in ends))


def _modes(crystal: HarmonicCrystal, stable: Stability, most: int) -> list[_Mode]:
    """The lowest imaginary levels: of every q its lowest first, then second ones."""
    found: list[tuple[int, float, _Mode]] = []
    known: list[np.ndarray] = []
    for q in (*exact_q(crystal), *HALVES):
        matrix = commensurate_matrix(q, MOST_ATOMS // len(crystal.atoms))
        if matrix is None:
            continue
        frequencies, vectors = (x[0] for x in crystal.eigenvectors(q))
        new = not any(np.allclose(frequencies, f, atol=1e-3) for f in known)  # of another star
        known.append(frequencies)
        if new:
            levels = _levels(frequencies, np.flatnonzero(frequencies < -stable.tolerance_THz))
            modes = [_Mode(q, float(frequencies[level[0]]), vectors[:, level], matrix) for level in levels]
            found += [(rank, mode.frequency_THz, mode) for rank, mode in enumerate(modes)]
    found.sort(key=lambda mode: mode[:2])
    return [mode for _, _, mode in found[:most]]


def _levels(frequencies_THz: np.ndarray, which: np.ndarray) -> list[list[int]]:
    """Indices of ascending frequencies, those of one level together."""
    levels: list[list[int]] = []
    for k in which:
        near = levels and frequencies_THz[k] - frequencies_THz[levels[-1][0]] < _DEGENERATE * abs(frequencies_THz[k])
        if near:
            levels[-1].append(int(k))
        else:
            levels.append([int(k)])
    return levels


def _starts(atoms: Atoms, mode: _Mode) -> list[list[Atoms]]:
    """Of each pattern and sign the displaced supercells, an amplitude each."""
    supercell = make_supercell(atoms, mode.matrix, order="cell-major")
    like = np.arange(len(supercell)) % len(atoms)
    roots = np.sqrt(atoms.get_masses())[like]
    turns = np.exp(2j * np.pi * supercell.positions @ np.linalg.inv(atoms.cell.array) @ mode.q)
    waves = (turns[:, None, None] * mode.vectors.reshape(len(atoms), 3, -1)[like]).reshape(3 * len(supercell), -1)
    spacing = spacing_A(atoms)
    patterns = (p.reshape(-1, 3) / roots[:, None] for p in _patterns(waves, len(atoms)))
    return [row for pattern in patterns for row in _displaced(supercell, pattern, spacing)]


def _patterns(waves: np.ndarray, atoms: int) -> list[np.ndarray]:
    """Real unit vectors (3N,) to try among those that complex waves (3N, d) span, no two alike.

    The eigenvectors of a degenerate level are any mixture. What a push of one atom along x, xy and xyz becomes in it
    has the symmetry of the push, and the structures of high symmetry are among these.
    """
    parts = np.hstack([waves.real, waves.imag])
    left, sizes, _ = np.linalg.svd(parts, full_matrices=False)
    basis = left[:, sizes > 1e-3 * sizes[0]]
    pushes = [np.eye(len(waves))[3 * k : 3 * k + 3].T @ e for k in range(atoms) for e in _PUSHES]
    kept: list[np.ndarray] = []
    for vector in (*(basis @ (basis.T @ push) for push in pushes), *basis.T):
        size = np.linalg.norm(vector)
        if size > 1e-3 and not any(abs(k @ vector) > 0.999 * size for k in kept):
            kept.append(vector / size)
    return kept[:_MOST_PATTERNS]


def _displaced(supercell: Atoms, pattern: np.ndarray, spacing: float) -> list[list[Atoms]]:
    """Both signs of a real pattern (N, 3) at all amplitudes."""
    pattern = pattern / np.linalg.norm(pattern, axis=1).max()
    rows = []
    for sign in (1, -1):
        row = [supercell.copy() for _ in AMPLITUDES]
        for displaced, share in zip(row, AMPLITUDES, strict=True):
            displaced.positions += sign * share * spacing * pattern
        rows.append(row)
    return rows


def _lowest_amplitudes(
    potential: Potential, starts: Sequence[tuple[int, list[Atoms]]]
) -> tuple[list[tuple[int, Atoms]], int]:
    """Of each row of amplitudes the crystal of lowest energy, and the model calls that took.

    Rows whose energies are all the same are one displacement, seen from another side.
    """
    flat = [structure_of(atoms) for _, row in starts for atoms in row]
    told = iter(evaluate_all(potential, flat))
    chosen: list[tuple[int, Atoms]] = []
    known: list[tuple[int, np.ndarray]] = []
    for mode, row in starts:
        energies = np.array([next(told).energy_eV for _ in row]) / len(row[0])
        if not any(mode == other and np.abs(energies - e).max() < _SAME_EV for other, e in known):
            chosen.append((mode, row[int(np.argmin(energies))]))
        known.append((mode, energies))
    return chosen, len(flat)


def _shaken(crystals: Sequence[Atoms], rng: np.random.Generator) -> list[Atoms]:
    """Positions and cells moved a little at random."""
    shaken = []
    for atoms in crystals:
        moved = atoms.copy()
        moved.set_cell(moved.cell.array @ (np.eye(3) + SHAKEN * rng.uniform(-1, 1, (3, 3))), scale_atoms=True)
        moved.positions += SHAKEN * spacing_A(atoms) * rng.uniform(-1, 1, moved.positions.shape)
        shaken.append(moved)
    return shaken


def _followed(mode: _Mode, ends: Sequence[Relaxation], enthalpy_eV: float, given: Atoms) -> Followed:
    """The lowest of a mode's ends; enthalpy_eV: of the crystal, per atom."""
    rested = [r for r in ends if r.outcome is Outcome.CONVERGED]
    degeneracy = mode.vectors.shape[1]
    if not rested:
        outcome = f"no way ended: {ends[0].reason}"
        return Followed(mode.q, mode.frequency_THz, degeneracy, 0.0, None, None, outcome, False)
    best = min(rested, key=lambda r: r.enthalpy_eV / len(r.atoms))
    drop_meV = 1e3 * (enthalpy_eV - best.enthalpy_eV / len(best.atoms))
    atoms = primitive(best.atoms, _SYMPREC_A)
    group, before = space_group(atoms, _SYMPREC_A), space_group(given, _SYMPREC_A)
    lower = drop_meV > LOWER_MEV
    outcome = "a lower structure"
    if not lower:
        outcome = "fell back to the same structure" if group == before else f"nothing lower by {LOWER_MEV} meV/atom"
    return Followed(mode.q, mode.frequency_THz, degeneracy, drop_meV, group, atoms, outcome, lower)
