"""Monte-Carlo moves of a crystal, as pure functions of the crystal and a random generator.

A state is a cell h, fractional positions s and species. The moves leave this weight of a state as it is when
accepted with `acceptance_probability(rise_eV, T, ln_hastings)` (pressure inside the energy, which is then an
enthalpy):

    (V / v0)^N · V · exp(-(E - Σ μ_i N_i) / kT) ds^N dh / V^3     (atoms of an element are alike)

dh / V^3 does not change under h → h F (Haar's measure of GL(3)), and V^(N-2) dh is the usual ensemble
of constant pressure with a cell of any shape. v0 is the ideal gas's volume per atom at μ = 0, equal for all
elements. A function returns None where its move does not exist; that counts as a rejected move, as a choice
among the moves that exist would depend on the state and spoil the balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from ase import Atoms
from scipy.linalg import expm

from searchers.lattice import shortest_basis

Proposal = tuple[Atoms, float]


def rattle(atoms: Atoms, width: float, rng: np.random.Generator) -> Proposal | None:
    """Every atom displaced by a normal vector; symmetric.

    Args:
        atoms: state, not changed.
        width: standard deviation of each component in units of (V/N)^(1/3), which the move does not change.
        rng: source of every random number.
    """
    if len(atoms) < 2:
        return None
    moved = atoms.copy()
    sigma_A = width * (atoms.cell.volume / len(atoms)) ** (1 / 3)
    moved.positions += sigma_A * rng.normal(size=(len(atoms), 3))
    return moved, 0.0


def strain(atoms: Atoms, width: float, rng: np.random.Generator) -> Proposal:
    """Cell and atoms strained by F = exp(ε), ε symmetric and normal, so that ln V changes by tr ε.

    F and its inverse are equally likely, hence the factor is V'^(N+1) / V^(N+1) alone: R. Najafabadi and
    S. Yip, Scripta Metall. 17, 1199 (1983), for the variable cell; the Jacobian of steps in ln V in Frenkel
    and Smit, Understanding Molecular Simulation, section 5.4.

    Args:
        atoms: state, not changed.
        width: standard deviation of each diagonal component of ε; √½ of it off the diagonal.
        rng: source of every random number.
    """
    epsilon = rng.normal(size=(3, 3)) * width
    epsilon = (epsilon + epsilon.T) / 2
    strained = atoms.copy()
    strained.set_cell(atoms.cell.array @ expm(epsilon), scale_atoms=True)
    # The same crystal by shorter vectors: shapes diffuse, and a cell of needles would lose all digits.
    strained.set_cell(shortest_basis(strained.cell.array))
    strained.wrap()
    return strained, (len(atoms) + 1) * float(np.trace(epsilon))


def swap(atoms: Atoms, rng: np.random.Generator) -> Proposal | None:
    """Two atoms exchange their species; symmetric. None where the two drawn are alike."""
    first, second = rng.integers(len(atoms), size=2)
    if atoms.numbers[first] == atoms.numbers[second]:
        return None
    swapped = atoms.copy()
    swapped.numbers[[first, second]] = atoms.numbers[[second, first]]
    return swapped, 0.0


def substitute(atoms: Atoms, elements: Sequence[int], rng: np.random.Generator) -> Proposal | None:
    """One atom becomes another element, each other one equally likely; symmetric.

    Args:
        atoms: state, not changed.
        elements: atomic numbers that may occur.
        rng: source of every random number.
    """
    others = len(elements) - 1
    if not others:
        return None
    which, step = rng.integers(len(atoms)), rng.integers(others)
    substituted = atoms.copy()
    substituted.numbers[which] = [e for e in elements if e != atoms.numbers[which]][step]
    return substituted, 0.0


def add(atoms: Atoms, elements: Sequence[int], gas_A3: float, rng: np.random.Generator) -> Proposal:
    """A new atom at an even random place, the cell grown by (N+1)/N so that the volume per atom stays.

    P(add) has density 1/m for m elements, P(remove) = 1/(m (N_i + 1)), and the scaling leaves ds and dμ(h)
    alone: q = V'^(N+2) / (V^(N+1) v0 (N_i + 1)). Without scaling this is V / (v0 (N_i + 1)), as in G. E.
    Norman and V. S. Filinov, High Temp. 7, 216 (1969).

    Args:
        atoms: state, not changed.
        elements: atomic numbers that may occur.
        gas_A3: v0 of the weight above.
        rng: source of every random number.
    """
    n, number = len(atoms), elements[int(rng.integers(len(elements)))]
    grown = _scaled(atoms, (n + 1) / n)
    grown.extend(Atoms([number], positions=[rng.random(3) @ grown.cell.array]))
    return grown, _ln_growth(grown.cell.volume, n + 1, int((grown.numbers == number).sum()), gas_A3)


def remove(atoms: Atoms, elements: Sequence[int], gas_A3: float, rng: np.random.Generator) -> Proposal | None:
    """`add` undone: an element drawn evenly, one of its atoms drawn evenly. None where there is none."""
    number = elements[int(rng.integers(len(elements)))]
    chosen = np.flatnonzero(atoms.numbers == number)
    n = len(atoms)
    if n < 2 or not len(chosen):
        return None
    which = int(chosen[rng.integers(len(chosen))])
    shrunk = _scaled(atoms, (n - 1) / n)
    del shrunk[which]
    return shrunk, -_ln_growth(atoms.cell.volume, n, len(chosen), gas_A3)


def _ln_growth(volume_A3: float, n: int, alike: int, gas_A3: float) -> float:
    """The factor of growing to n atoms, `alike` of them of the added element, V from V (n-1)/n."""
    return log(volume_A3 / gas_A3) - n * log((n - 1) / n) - log(alike)


def _scaled(atoms: Atoms, factor: float) -> Atoms:
    """The atoms with the volume multiplied by a factor."""
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * factor ** (1 / 3), scale_atoms=True)
    return scaled
