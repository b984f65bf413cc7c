"""Learning beside charges: what is refused, and where taught potentials mean anything."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from discover.config import CampaignConfig
from discover.errors import InputError
from discover.learning.ground import Ground
from discover.progress import Silent
from potentials.potential import structure_of


def ground(tmp_path, charges):
    write(tmp_path / "salt.cif", bulk("NaCl", "rocksalt", a=5.64))
    learn = {
        "oracle": {"potential": "lj"},
        "structures": [str(tmp_path / "salt.cif")],
        "electrostatics": charges and {"charges": charges},
    }
    return Ground(tmp_path / "run", CampaignConfig(system="Na-Cl", learn=learn), Silent())


def test_every_element_of_the_system_needs_a_charge(tmp_path):
    with pytest.raises(InputError, match=r"learn\.electrostatics\.charges: Cl has none; give one of each element"):
        ground(tmp_path, {"Na": 1}).check()


def test_charges_that_are_none_are_refused_by_their_key(tmp_path):
    with pytest.raises(InputError, match=r"learn\.electrostatics: charges: 'Nx' is no element"):
        ground(tmp_path, {"Nx": 1, "Cl": -1}).check()


def test_taught_potentials_answer_for_neutral_cells_of_their_ions(tmp_path):
    cells = [bulk("NaCl", "rocksalt", a=5.64), bulk("Na"), bulk("KCl", "rocksalt", a=6.3), bulk("Si")]
    beside, alone = ground(tmp_path, {"Na": 1, "Cl": -1}), ground(tmp_path, None)
    assert [beside.answers_for(structure_of(a)) for a in cells] == [True, False, False, False]
    assert np.all([alone.answers_for(structure_of(a)) for a in cells])
