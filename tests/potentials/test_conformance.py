"""Every named potential keeps the rules; each broken rule is named."""

import numpy as np
import pytest
from ase.build import bulk

from potentials import Evaluation, Metadata, Potential, load
from potentials.conformance import check_potential
from potentials.neighbours import Structure
from potentials.potential import structure_of
from tests.potentials.crystals import argon, argon_fcc, potential

TIC = bulk("TiC", "rocksalt", a=4.33)


# EMT, LJ and contacts are double precision: what is left is the h⁴ of the five-point rule. CHGNet's forces are right at
# steps of 0.001 Å, but its energy bends too sharply for wider ones: bonds enter and leave its bond graph at 3 Å
@pytest.mark.parametrize(
    ("name", "atoms", "tolerance_eV_A"),
    [("7net-0", TIC, 5e-3), ("7net-0+64", TIC, 2e-3), ("7net-l3i5", TIC, 5e-3), ("chgnet", bulk("Si"), 5e-2),
     ("emt", bulk("CuAu", "rocksalt", a=5.2), 1e-4), ("emt", bulk("Cu").repeat((2, 1, 1)), 1e-4),
     ("contacts", TIC, 1e-4)],
)
def test_named_potential_conforms(name, atoms, tolerance_eV_A):
    check_potential(potential(name), atoms, tolerance_eV_A)


def test_lennard_jones_conforms():
    check_potential(argon(), argon_fcc().repeat((2, 1, 1)), 1e-5)


class Broken(Potential):
    """Argon with one rule broken."""

    metadata = Metadata("broken", "1")

    def __init__(self, break_it):
        self.break_it = break_it

    def evaluate(self, structures):
        answers = argon().evaluate(structures)
        return [self.break_it(s, a, len(structures)) for s, a in zip(structures, answers, strict=True)]


@pytest.mark.parametrize(
    ("rule", "break_it"),
    [
        ("not finite", lambda s, a, m: Evaluation(np.nan, a.forces_eV_A, a.stress_eV_A3)),
        ("shape", lambda s, a, m: Evaluation(a.energy_eV, a.forces_eV_A.ravel(), a.stress_eV_A3)),
        ("minus the energy's derivative", lambda s, a, m: Evaluation(a.energy_eV, 1.1 * a.forces_eV_A, a.stress_eV_A3)),
        ("strain derivative", lambda s, a, m: Evaluation(a.energy_eV, a.forces_eV_A, -a.stress_eV_A3)),
        ("company", lambda s, a, m: Evaluation(a.energy_eV + m, a.forces_eV_A, a.stress_eV_A3)),
    ],
)
def test_broken_rule_is_named(rule, break_it):
    with pytest.raises(AssertionError, match=rule):
        check_potential(Broken(break_it), argon_fcc().repeat((2, 1, 1)), 1e-5)


def test_chgnet_does_not_mind_a_left_handed_cell():
    """The package's own stress changes its sign there."""
    potential = load("chgnet", "cpu")
    atoms = bulk("MgO", "rocksalt", 4.4)
    atoms.rattle(0.1, seed=0)
    right = structure_of(atoms)
    left = Structure(right.numbers, right.positions, right.cell[[1, 0, 2]])
    first, second = (potential.evaluate([s])[0] for s in (right, left))
    np.testing.assert_allclose(second.stress_eV_A3, first.stress_eV_A3, atol=1e-5)
    np.testing.assert_allclose(second.forces_eV_A, first.forces_eV_A, atol=1e-4)
