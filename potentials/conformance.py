"""What every potential must keep to, as checks that any potential's tests can run, other people's too.

    def test_conformance():
        check_potential(MyPotential(), bulk("Cu"))

Each check raises AssertionError with the broken rule. The structure should be small: about forty evaluations are made.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, structure_of

RATTLE_A = 0.05
STEP_A = 0.01
"""Of the finite differences: wide enough for energies of single precision, the five-point rule makes it exact."""


def check_potential(potential: Potential, atoms: Atoms, tolerance_eV_A: float = 5e-3, seed: int = 0) -> None:
    """Check a potential on rattled, strained copies of `atoms`.

    tolerance_eV_A: of forces against differences of energies, and of V·σ/n (eV) likewise. The default suits energies in
        single precision (1e-6 eV an atom over 0.01 Å) and bonds of ordinary anharmonicity; other comparisons are held
        to a tenth of it.

    Raises:
        AssertionError: with the broken rule.
    """
    structure = rattled(atoms, seed)
    check_identity(potential, structure)
    check_finite(potential, structure)
    check_forces(potential, structure, tolerance_eV_A, seed)
    check_stress(potential, structure, tolerance_eV_A)
    check_symmetries(potential, structure, 0.1 * tolerance_eV_A, seed)
    check_batch(potential, structure, 0.1 * tolerance_eV_A)


def rattled(atoms: Atoms, seed: int) -> Structure:
    """A copy without symmetry: atoms moved by about 0.05 Å, the cell strained by about 1 %."""
    rng = np.random.default_rng(seed)
    start = structure_of(atoms)
    deformation = np.eye(3) + 0.01 * rng.normal(size=(3, 3))
    positions = (start.positions + RATTLE_A * rng.normal(size=start.positions.shape)) @ deformation
    return Structure(start.numbers, positions, start.cell @ deformation)


def check_identity(potential: Potential, structure: Structure) -> None:
    """Metadata name the potential, survive JSON, and list the elements it answers for."""
    metadata = potential.metadata
    assert metadata.name, "metadata.name is empty: a hull could not tell this potential from another"
    assert metadata.version, "metadata.version is empty"
    carried = json.loads(json.dumps(metadata.to_json()))
    assert metadata.same_energies(carried), "metadata do not recognise themselves after a trip through JSON"
    symbols = set(Atoms(structure.numbers).symbols)
    assert metadata.elements is None or symbols <= set(metadata.elements), f"metadata.elements lacks some of {symbols}"


def check_finite(potential: Potential, structure: Structure) -> None:
    """Finite numbers of the right shapes, twice the same."""
    first, again = (_one(potential, structure) for _ in range(2))
    n = len(structure.numbers)
    assert first.finite, "energy, forces or stress are not finite"
    assert first.forces_eV_A.shape == (n, 3), f"forces have shape {first.forces_eV_A.shape}, not {(n, 3)}"
    assert first.stress_eV_A3.shape == (3, 3), f"stress has shape {first.stress_eV_A3.shape}, not (3, 3)"
    assert np.allclose(first.stress_eV_A3, first.stress_eV_A3.T), "stress is not symmetric"
    assert np.isclose(first.energy_eV, again.energy_eV, rtol=1e-6), "the same structure got two energies"


def check_forces(potential: Potential, structure: Structure, tolerance_eV_A: float, seed: int = 0) -> None:
    """Forces are minus the derivative of the energy along random directions, and sum to zero."""
    rng = np.random.default_rng(seed)
    forces = _one(potential, structure).forces_eV_A
    net = np.abs(forces.sum(axis=0)).max()
    assert net <= tolerance_eV_A, f"forces do not sum to zero: {net:.2g} eV/Å are left"
    for _ in range(2):
        direction = rng.normal(size=forces.shape)
        direction /= np.linalg.norm(direction)
        slope = _slope(potential, partial(_displaced, structure, direction))
        error = abs(slope + (forces * direction).sum())
        assert error <= tolerance_eV_A, f"forces are not minus the energy's derivative: off by {error:.2g} eV/Å"


def check_stress(potential: Potential, structure: Structure, tolerance_eV: float) -> None:
    """Stress times volume is the energy's derivative by strain, each of the six; tolerance for one atom's share."""
    n, stress = len(structure.numbers), _one(potential, structure).stress_eV_A3
    length = (structure.volume_A3 / n) ** (1 / 3)  # a strain of h / length moves neighbours by about h
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        direction = np.zeros((3, 3))
        direction[a, b] += 0.5 / length
        direction[b, a] += 0.5 / length
        slope = _slope(potential, partial(_stretched, structure, direction))
        error = abs(slope * length - structure.volume_A3 * stress[a, b]) / n
        assert error <= tolerance_eV, (
            f"stress {'xyz'[a]}{'xyz'[b]} is not the strain derivative: V·σ/n is off by {error:.2g} eV"
        )


def check_symmetries(potential: Potential, structure: Structure, tolerance_eV_A: float, seed: int = 0) -> None:
    """Energy and forces follow translation, wrapping, rotation and a new order of atoms."""
    rng = np.random.default_rng(seed)
    reference = _one(potential, structure)
    numbers, positions, cell = structure.numbers, structure.positions, structure.cell
    shifted = positions + rng.normal(size=3) + rng.integers(-2, 3, size=positions.shape) @ cell
    _assert_close(
        _one(potential, Structure(numbers, shifted, cell)), reference, tolerance_eV_A, "translation and lattice vectors"
    )
    turn = Rotation.random(random_state=seed).as_matrix()
    turned = _one(potential, Structure(numbers, positions @ turn.T, cell @ turn.T))
    back = Evaluation(turned.energy_eV, turned.forces_eV_A @ turn, turn.T @ turned.stress_eV_A3 @ turn)
    _assert_close(back, reference, tolerance_eV_A, "rotation")
    order = rng.permutation(len(numbers))
    mixed = _one(potential, Structure(numbers[order], positions[order], cell))
    forces = np.empty_like(mixed.forces_eV_A)
    forces[order] = mixed.forces_eV_A
    _assert_close(
        Evaluation(mixed.energy_eV, forces, mixed.stress_eV_A3), reference, tolerance_eV_A, "permutation of atoms"
    )


def check_batch(potential: Potential, structure: Structure, tolerance_eV_A: float) -> None:
    """A structure's answer does not depend on its batch, answers keep the order, a double cell has twice the energy."""
    single = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=True)
    double = structure_of(single.repeat((2, 1, 1)))
    other = strained(structure, 0.02 * np.eye(3))
    batch = [structure, double, other]
    together = potential.evaluate(batch)
    assert len(together) == len(batch), f"{len(batch)} structures went in, {len(together)} answers came out"
    for answer, alone in zip(together, (_one(potential, s) for s in batch), strict=True):
        _assert_close(answer, alone, tolerance_eV_A, "the company of a batch")
    excess = abs(together[1].energy_eV - 2 * together[0].energy_eV) / len(double.numbers)
    assert excess <= tolerance_eV_A, f"a doubled cell has not twice the energy: off by {excess:.2g} eV an atom"


def strained(structure: Structure, strain: np.ndarray) -> Structure:
    """Cell and positions after the strain (3, 3)."""
    deformation = np.eye(3) + strain
    return Structure(structure.numbers, structure.positions @ deformation, structure.cell @ deformation)


def _displaced(structure: Structure, direction: np.ndarray, h: float) -> Structure:
    return Structure(structure.numbers, structure.positions + h * direction, structure.cell)


def _stretched(structure: Structure, direction: np.ndarray, h: float) -> Structure:
    return strained(structure, h * direction)


def _one(potential: Potential, structure: Structure) -> Evaluation:
    return potential.evaluate([structure])[0]


def _slope(potential: Potential, at: Callable[[float], Structure]) -> float:
    """dE/dh at h = 0 by the five-point rule; its error is h⁴/30 of the fifth derivative."""
    near, far = ([_one(potential, at(k * STEP_A)).energy_eV for k in (m, -m)] for m in (1, 2))
    return (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * STEP_A)


def _assert_close(got: Evaluation, expected: Evaluation, tolerance_eV_A: float, after: str) -> None:
    n = len(expected.forces_eV_A)
    energy = abs(got.energy_eV - expected.energy_eV) / n
    forces = np.abs(got.forces_eV_A - expected.forces_eV_A).max()
    stress = np.abs(got.stress_eV_A3 - expected.stress_eV_A3).max()
    assert energy <= tolerance_eV_A, f"{after} changes the energy by {energy:.2g} eV an atom"
    assert forces <= tolerance_eV_A, f"{after} changes forces by {forces:.2g} eV/Å"
    assert stress <= tolerance_eV_A, f"{after} changes the stress by {stress:.2g} eV/Å³"
