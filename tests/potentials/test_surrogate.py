"""A surrogate is a potential like any other, and comes to know the one that it learns from."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from potentials.conformance import check_potential
from potentials.neighbours import NeighbourOverflowError, Structure
from potentials.potential import structure_of
from potentials.surrogate import LinearSurrogate
from potentials.surrogate.basis import MOST_FEATURES, VOIGT, Basis
from potentials.surrogate.linear import READY_AFTER
from tests.potentials.crystals import argon, argon_fcc, potential, rattled, triclinic
from tests.potentials.fakes import KRYPTON


def taught(teacher, structures):
    made = LinearSurrogate(sorted({int(z) for s in structures for z in s.numbers}))
    for s, answer in zip(structures, teacher.evaluate(structures), strict=True):
        made.learn(s, answer)
    return made


def alloys(seeds, stdev_A=0.15):
    cell = bulk("Cu", cubic=True)
    for seed in seeds:
        atoms = rattled(cell, stdev_A, 0.04, seed)
        atoms.symbols = np.random.default_rng(seed).permutation(["Cu", "Cu", "Au", "Au"])
        atoms.set_cell(atoms.cell * 1.06, scale_atoms=True)
        yield structure_of(atoms)


def test_it_keeps_what_every_potential_must():
    """In double precision, whose differences over 0.01 Å leave 1e-8: its weights are of the size of the teacher's."""
    check_potential(taught(potential("emt"), list(alloys(range(8)))), bulk("CuAu", "cesiumchloride", a=3.1), 1e-5)


def test_rows_of_the_model_are_its_energy_forces_and_strain_derivatives():
    structure = structure_of(triclinic())
    basis = Basis(structure.numbers)
    weights = np.random.default_rng(0).normal(size=basis.size)
    energy, forces, strain = basis.energy(structure, weights)
    said = basis.design(structure) @ weights
    assert said == pytest.approx(np.concatenate([[energy], forces.ravel(), strain[VOIGT]]), rel=1e-10, abs=1e-10)


def test_forces_and_strain_derivatives_are_those_of_the_energy():
    start = structure_of(triclinic())
    basis, h = Basis(start.numbers), 1e-5
    weights = np.random.default_rng(1).normal(size=basis.size)
    _, forces, strain = basis.energy(start, weights)

    def energy(positions, cell):
        return basis.energy(Structure(start.numbers, positions, cell), weights)[0]

    def slope(moved):
        return (energy(*moved(h)) - energy(*moved(-h))) / (2 * h)

    for atom, axis in ((0, 0), (1, 2), (3, 1)):
        unit = np.zeros((4, 3))
        unit[atom, axis] = 1.0
        assert slope(lambda x, u=unit: (start.positions + x * u, start.cell)) == pytest.approx(
            -forces[atom, axis], abs=1e-6
        )
    for a, b in ((0, 0), (1, 1), (0, 2), (1, 2)):
        unit = np.zeros((3, 3))
        unit[a, b] += 0.5
        unit[b, a] += 0.5
        assert slope(
            lambda x, u=unit: (start.positions @ (np.eye(3) + x * u), start.cell @ (np.eye(3) + x * u))
        ) == pytest.approx(strain[a, b], abs=1e-5)


def test_energy_is_extensive():
    atoms = triclinic()
    basis = Basis(atoms.numbers)
    weights = np.random.default_rng(2).normal(size=basis.size)
    one, four = (basis.energy(structure_of(a), weights)[0] for a in (atoms, atoms.repeat((2, 1, 2))))
    assert four == pytest.approx(4 * one, rel=1e-10)


@pytest.mark.parametrize(("teacher", "structures", "share"), [
    # Shares are half as much again as the 8 and 10 % of the forces that were missed when this was written.
    # A pair potential is of its form, but for the range (6.5 of 13.6 Å) that radial functions span
    ("argon", [structure_of(rattled(argon_fcc().repeat((2, 1, 1)), 0.3, 0.05, s)) for s in range(60)], 0.12),
    # Effective medium theory is not: a density's square root is no sum over three bodies
    ("emt", list(alloys(range(60))), 0.15),
])  # fmt: skip
def test_it_foretells_crystals_that_it_has_not_seen(teacher, structures, share):
    teacher = argon() if teacher == "argon" else potential(teacher)
    seen, unseen = structures[:40], structures[40:]
    said, true = taught(teacher, seen).evaluate(unseen), teacher.evaluate(unseen)
    energies = np.array([t.energy_eV for t in true])
    assert np.std([s.energy_eV for s in said] - energies) < share * energies.std()
    misses = np.concatenate([(s.forces_eV_A - t.forces_eV_A).ravel() for s, t in zip(said, true, strict=True)])
    forces = np.concatenate([t.forces_eV_A.ravel() for t in true])
    assert misses.std() < share * forces.std()


def test_the_error_that_it_claims_is_about_the_one_it_makes():
    """Of a hundred crystals unlike those that it has learnt from; three bodies may be better than they promise."""
    teacher = potential("emt")
    made = taught(teacher, list(alloys(range(40), 0.05)))
    unseen = list(alloys(range(200, 300)))
    answers = zip(made.evaluate(unseen), teacher.evaluate(unseen), strict=True)
    off_eV = np.array([a.energy_eV - b.energy_eV for a, b in answers])
    errors = np.array([made.error_eV(s) for s in unseen])
    assert 0.1 < np.sqrt(np.mean((off_eV / errors) ** 2)) < 2.0


def test_the_error_falls_where_it_has_learnt_and_grows_with_the_cell():
    teacher, here = potential("emt"), next(alloys([1]))
    made = taught(teacher, list(alloys(range(2, 4))))
    before = made.error_eV(here)
    made.learn(here, teacher.evaluate([here])[0])
    after = made.error_eV(here)
    assert after < 0.7 * before
    twice = Atoms(here.numbers, here.positions, cell=here.cell, pbc=True).repeat((1, 1, 2))
    assert made.error_eV(structure_of(twice)) == pytest.approx(2 * after, rel=1e-6)


def test_it_is_not_asked_before_it_has_seen_a_relaxation():
    structures = list(alloys(range(READY_AFTER)))
    assert not taught(potential("emt"), structures[:-1]).ready
    assert taught(potential("emt"), structures).ready


def test_the_lowest_energy_is_kept():
    structures = list(alloys(range(5)))
    energies = [a.energy_eV / 4 for a in potential("emt").evaluate(structures)]
    assert taught(potential("emt"), structures).lowest_eV_per_atom == pytest.approx(min(energies))


@pytest.mark.parametrize("kinds", range(1, 13))
def test_any_number_of_elements_stays_affordable(kinds):
    """Radial functions give way to species, triplets to pairs; pairs alone of twelve elements are 78 × 14."""
    basis = Basis(range(20, 20 + kinds))
    assert basis.size <= max(MOST_FEATURES, 12 + 78 * 14)
    assert [block.start for block in basis.blocks[1:]] == [block.stop for block in basis.blocks[:-1]]
    assert basis.blocks[-1].stop == basis.size


def test_twelve_elements_have_an_energy():
    atoms = bulk("Cu", cubic=True).repeat((3, 1, 1))
    atoms.numbers[:] = range(20, 32)
    structure = structure_of(rattled(atoms))
    basis = Basis(range(20, 32))
    weights = np.random.default_rng(3).normal(size=basis.size)
    energy, forces, strain = basis.energy(structure, weights)
    said = basis.design(structure) @ weights
    assert said == pytest.approx(np.concatenate([[energy], forces.ravel(), strain[VOIGT]]), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("apart_A", [5.5, 30.0], ids=["no triplets", "no neighbours"])
@pytest.mark.parametrize("symbols", ["Ar", "ArKr"])
def test_atoms_far_apart_have_an_energy_and_rows(symbols, apart_A):
    """A relaxation may pass through a gas on its way to falling apart."""
    atoms = Atoms(symbols, cell=apart_A * np.diag([1, 1, len(symbols) // 2]), pbc=True)
    atoms.positions[:, 2] = apart_A * np.arange(len(atoms))
    structure, basis = structure_of(atoms), Basis([18, KRYPTON])
    weights = np.random.default_rng(4).normal(size=basis.size)
    energy, forces, strain = basis.energy(structure, weights)
    said = basis.design(structure) @ weights
    assert said == pytest.approx(np.concatenate([[energy], forces.ravel(), strain[VOIGT]]), rel=1e-10, abs=1e-10)
    alone = weights[np.searchsorted(basis.numbers, atoms.numbers)].sum()
    assert (energy == pytest.approx(alone)) == (apart_A > 10)


def test_a_collapsed_cell_is_refused():
    with pytest.raises(NeighbourOverflowError, match="collapsed"):
        Basis([18]).design(structure_of(Atoms("Ar", cell=0.8 * np.eye(3), pbc=True)))
