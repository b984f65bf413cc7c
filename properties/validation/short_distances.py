"""Atoms that come too near must be pushed apart, not fall into a hole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from potentials.neighbours import Structure
from potentials.suitable import closest
from properties.validation.check import Check
from properties.validation.subject import RefusedError, Subject

TIGHTEST = 0.6
"""Of the sum of covalent radii: a search refuses whatever relaxes to shorter bonds; down to there no pair may fall."""
TIGHTEST_CRYSTAL = 0.7
"""Where every bond is as short as that, and the shortest known ones (V=O in oxides, 0.72) are longer, a crystal has a
third of its volume: beyond any pressure that is searched. It is squeezed on to TIGHTEST, and told what is there, but
not judged: 7net-l3i5 has -393 eV/atom for silicon at 0.62, behind a barrier of 9 eV/atom."""
BONDED = 0.8
"""Pairs nearer than this are inside their bond (N2 has 0.77): from here on inwards a hole is looked for, and what lies
further out is the well that it is compared with."""
FARTHEST = 1.6
STEP = 0.02
"""Of the sum of covalent radii, 0.05 Å: holes of 7net-0 are some 0.2 Å wide."""
HOLE_EV = 2.0
"""An atom, below what a crystal or a pair has at rest. Structures that a search meets lie up to 2 eV/atom above their
ground state, and a poor one squeezed may be lower than it was; what falls by more is no crystal. (7net-0's collapsed
Si8 fell by 89.)"""
UNIT = "r/(r_i+r_j)"
VACUUM_A = 15.0
"""Between a pair and its images, more than usual cut-offs."""


def short_distance_checks(subject: Subject) -> Iterator[Check]:
    """The crystal squeezed, and each pair of its elements alone in a box."""
    yield squeeze_check(subject)
    symbols = sorted({chemical_symbols[z] for z in subject.given.numbers})
    for one, other in combinations_with_replacement(symbols, 2):
        yield pair_check(subject, one, other)


def squeeze_check(subject: Subject) -> Check:
    """The given crystal scaled until its closest pair is at 0.6 of the sum of its radii."""
    given, n = subject.given, len(subject.given.numbers)
    _, ratio = closest(given, subject.radii_A)
    shares = np.append(np.arange(TIGHTEST, ratio, STEP), ratio)
    scaled = [Structure(given.numbers, given.positions * s / ratio, given.cell * s / ratio) for s in shares]
    energies, refusal = _energies_eV(subject, scaled)
    return _check("squeezed crystal", shares, energies / n, len(shares) - 1, TIGHTEST_CRYSTAL, refusal)


def pair_check(subject: Subject, one: str, other: str) -> Check:
    """A pair alone in a box, inside its bond, against the bottom of its well."""
    numbers = atomic_numbers[one], atomic_numbers[other]
    contact_A = sum(radius_A(subject, z) for z in numbers)
    shares = np.arange(TIGHTEST, FARTHEST + STEP / 2, STEP)
    energies, refusal = _energies_eV(subject, [_pair(numbers, s * contact_A) for s in shares])
    return _check(f"pair {one}-{other}", shares, energies / 2, int(np.argmax(shares > BONDED)), TIGHTEST, refusal)


def _check(
    name: str, shares: np.ndarray, energies: np.ndarray, outside: int, threshold: float, refusal: str
) -> Check:
    """Down to which share there is no hole.

    shares: (m,), ascending; energies: (m,), eV an atom; from index `outside` on they are what a hole is compared with.
    """
    rest = float(np.min(energies[outside:]))
    holes = np.flatnonzero(energies[:outside] < rest - HOLE_EV)
    clear = float(shares[holes[-1]]) if len(holes) else float(shares[0])
    low = int(np.argmin(energies))
    note = f"no hole down to here; lowest {energies[low]:.2f} eV/atom at {shares[low]:.2f}"
    note += f", {energies[0]:.2f} at {shares[0]:.2f}" if low else ""
    note += f"; refuses some: {refusal}" if refusal else ""
    known = np.isfinite(rest) and not np.isnan(energies).any()
    # A hole at the very end of the scan is one all the same
    clear += STEP / 2 if len(holes) else 0.0
    return Check(name, clear if known else float("nan"), threshold, UNIT, note)


def radius_A(subject: Subject, number: int) -> float:
    """Of an element of the structure."""
    return float(subject.radii_A[subject.given.numbers == number][0])


def _pair(numbers: tuple[int, int], distance_A: float) -> Structure:
    edge_A = distance_A + VACUUM_A
    positions = np.array([[0.0, 0.0, 0.0], [distance_A, 0.0, 0.0]]) + 0.5 * VACUUM_A
    return Structure(np.array(numbers), positions, np.diag([edge_A, VACUUM_A, VACUUM_A]))


def _energies_eV(subject: Subject, structures: list[Structure]) -> tuple[np.ndarray, str]:
    """Energies, infinite where the potential refuses a structure, and the first refusal's words.

    One at a time: a structure that is refused must not take others with it.
    """
    energies, refusal = [], ""
    for structure in structures:
        try:
            energies.append(subject.one(structure).energy_eV)
        except RefusedError as error:  # no crystal falls into a place that has no energy
            energies.append(float("inf"))
            refusal = refusal or str(error)[:60]
    return np.array(energies), refusal
