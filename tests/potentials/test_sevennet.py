"""SevenNet laid out for speed is SevenNet."""

import warnings

import numpy as np
import pytest
from ase.build import bulk
from ase.stress import voigt_6_to_full_3x3_stress

from potentials.neighbours import Structure
from potentials.potential import structure_of
from tests.potentials.crystals import potential, rattled, triclinic

CRYSTALS = {
    "TiC": rattled(bulk("TiC", "rocksalt", a=4.33, cubic=True)),
    "Si": rattled(bulk("Si")),
    "triclinic": triclinic(),
}


def original(name, atoms):
    """Energy, forces and stress by sevenn's own ASE calculator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sevenn.calculator import SevenNetCalculator

        atoms = atoms.copy()
        atoms.calc = SevenNetCalculator(name, device="cpu")
        return atoms.get_potential_energy(), atoms.get_forces(), voigt_6_to_full_3x3_stress(atoms.get_stress())


# Both run in single precision but sum in another order: relative rounding 1e-7 times the number of terms (some 100)
@pytest.mark.parametrize(
    ("name", "crystal"), [("7net-0", "TiC"), ("7net-0", "Si"), ("7net-0", "triclinic"), ("7net-l3i5", "Si")]
)
def test_fast_layout_equals_sevenns_calculator(name, crystal):
    atoms = CRYSTALS[crystal]
    energy, forces, stress = original(name, atoms)
    ours = potential(name).evaluate([structure_of(atoms)])[0]
    assert ours.energy_eV == pytest.approx(energy, rel=2e-6)
    scale = max(1.0, np.abs(forces).max())
    assert np.abs(ours.forces_eV_A - forces).max() < 3e-5 * scale
    assert np.abs(ours.stress_eV_A3 - stress).max() < 3e-5 * max(1.0, np.abs(stress).max())


def test_single_precision_equals_double_to_rounding():
    s = structure_of(CRYSTALS["TiC"])
    single, double = (potential(name).evaluate([s])[0] for name in ("7net-0", "7net-0+64"))
    assert single.energy_eV == pytest.approx(double.energy_eV, rel=1e-6)
    assert np.abs(single.forces_eV_A - double.forces_eV_A).max() < 1e-4


def test_forces_are_minus_central_differences():
    s, h = structure_of(CRYSTALS["triclinic"]), 1e-4  # double precision: h² of the third derivative leaves 1e-6
    p = potential("7net-0+64")
    forces = p.evaluate([s])[0].forces_eV_A
    for atom, axis in ((0, 0), (1, 2), (3, 1)):
        move = np.zeros_like(s.positions)
        move[atom, axis] = h
        pair = [Structure(s.numbers, s.positions + k * move, s.cell) for k in (1, -1)]
        up, down = (e.energy_eV for e in p.evaluate(pair))
        assert forces[atom, axis] == pytest.approx((down - up) / (2 * h), abs=2e-5, rel=1e-5)


def test_batched_equals_one_by_one():
    batch = [structure_of(a) for a in CRYSTALS.values()]
    together = potential("7net-0").evaluate(batch)
    for s, answer in zip(batch, together, strict=True):
        alone = potential("7net-0").evaluate([s])[0]
        assert answer.energy_eV == pytest.approx(alone.energy_eV, rel=1e-6)
        assert np.abs(answer.forces_eV_A - alone.forces_eV_A).max() < 1e-4


@pytest.mark.slow
def test_compiled_equals_uncompiled():
    from potentials import load

    p = load("7net-0", "cpu", compiled=True)
    p.warm_up()
    for atoms in CRYSTALS.values():
        fast, plain = p.evaluate([structure_of(atoms)])[0], potential("7net-0").evaluate([structure_of(atoms)])[0]
        assert fast.energy_eV == pytest.approx(plain.energy_eV, rel=1e-6)
        assert np.abs(fast.forces_eV_A - plain.forces_eV_A).max() < 1e-4


def test_descriptors_are_invariant_features_of_each_atom():
    s = structure_of(CRYSTALS["TiC"])
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    features = potential("7net-0").descriptors(s)
    turned = potential("7net-0").descriptors(Structure(s.numbers, s.positions @ turn.T, s.cell @ turn.T))
    assert features.shape == (8, 128)
    assert np.abs(features - turned).max() < 1e-4 * np.abs(features).max()


def test_an_isolated_atom_has_an_energy_and_no_force():
    lonely = Structure(np.array([14]), np.zeros((1, 3)), 20 * np.eye(3))
    answer = potential("7net-0").evaluate([lonely])[0]
    assert answer.finite
    assert not answer.forces_eV_A.any()
    assert not answer.stress_eV_A3.any()


def test_unknown_element_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="Po"):
        potential("7net-0").evaluate([structure_of(bulk("Po", "sc", a=3.35))])
