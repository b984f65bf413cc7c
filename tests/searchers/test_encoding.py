"""Structures go through JSON unchanged."""

import json

import numpy as np
from ase import Atoms

from searchers.encoding import atoms_from_json, atoms_to_json


def test_every_bit_comes_back():
    rng = np.random.default_rng(5)
    atoms = Atoms("Si3GeTi4", positions=rng.normal(size=(8, 3)), cell=rng.normal(size=(3, 3)) * 5, pbc=True)
    back = atoms_from_json(json.loads(json.dumps(atoms_to_json(atoms))))
    assert (back.numbers == atoms.numbers).all()
    assert (back.positions == atoms.positions).all()
    assert (back.cell.array == atoms.cell.array).all()
    assert back.pbc.all()


def test_no_atoms_are_atoms_too():
    assert len(atoms_from_json(json.loads(json.dumps(atoms_to_json(Atoms()))))) == 0
