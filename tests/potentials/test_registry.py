"""Names, devices and identities."""

import json

import numpy as np
import pytest
import torch
from ase.build import bulk

from potentials import (
    DeviceError,
    LoadError,
    Metadata,
    UnknownPotentialError,
    available,
    check_name,
    load,
    resolve_device,
)
from potentials.potential import structure_of
from tests.potentials.crystals import potential


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownPotentialError, match=r"unknown potential '7net0'; did you mean '7net-0'\?"):
        load("7net0")
    with pytest.raises(UnknownPotentialError, match="use one of 7net-0, 7net-l3i5, chgnet, emt, lj, contacts, ewald"):
        check_name("xyzzy")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said():
    assert resolve_device("auto") == "cpu"
    with pytest.raises(DeviceError, match="PyTorch finds no GPU here; use cpu or auto"):
        load("lj", "cuda:1")
    with pytest.raises(DeviceError, match="must be auto, cpu, cuda or cuda:N"):
        load("lj", "gpu")


@pytest.mark.parametrize("name", ["emt", "chgnet", "lj", "7net-0", "contacts"])
def test_a_mistyped_option_is_an_error(name):
    with pytest.raises(LoadError, match=f"'{name}' cannot be loaded: .*cutof_A"):
        load(name, "cpu", cutof_A=3.0)


def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path):
    (tmp_path / "weights.pth").write_text("nothing")
    with pytest.raises(LoadError, match=r"weights.pth' cannot be loaded: UnpicklingError"):
        load(str(tmp_path / "weights.pth"), "cpu")


def test_any_ase_calculator_by_its_path():
    p = load("ase:ase.calculators.morse:MorsePotential", epsilon=0.5, r0=2.5)
    assert p.metadata.parameters == {"epsilon": 0.5, "r0": 2.5}
    assert p.metadata.version.startswith("ase ")
    assert p.evaluate([structure_of(bulk("Cu"))])[0].finite


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ase:nowhere", "write ase:module:Class"),
        ("ase:no_such_module:Class", "there is no module 'no_such_module'"),
        ("ase:ase.calculators.emt:Emt", "has no class 'Emt'"),
    ],
)
def test_a_wrong_path_says_what_is_wrong(name, message):
    with pytest.raises(LoadError, match=message):
        load(name)


def test_emt_aluminium():
    """Lattice constant 3.994274 Å is where EMT's pressure vanishes."""
    answer = potential("emt").evaluate([structure_of(bulk("Al", "fcc", a=3.994274))])[0]
    assert np.abs(answer.stress_eV_A3).max() < 1e-6  # a is given to 1e-6 Å, B is 0.25 eV/Å³


def test_chgnet_names_its_checkpoint():
    metadata = potential("chgnet").metadata
    assert metadata.checkpoint.startswith("chgnet_0.3.0")
    assert metadata.checkpoint_sha256 == "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1"
    assert "MP2020" in metadata.training_functional


def test_chgnet_binds_silicon():
    energy = potential("chgnet").evaluate([structure_of(bulk("Si"))])[0].energy_eV / 2
    assert energy == pytest.approx(-5.3, abs=0.2)  # PBE: -5.42 eV an atom


def test_available_lists_every_name_with_its_checkpoint():
    rows = json.loads(json.dumps(available()))
    learnt, made = ["7net-0", "7net-l3i5", "chgnet"], ["emt", "lj", "contacts", "ewald", "pme", "ionic"]
    assert [r["name"] for r in rows] == learnt + made
    assert all(r["checkpoint_sha256"] for r in rows[:3])
    assert "Si" in rows[0]["elements"]


def test_only_the_same_weights_share_a_hull():
    seven, l3i5, emt = (potential(n).metadata for n in ("7net-0", "7net-l3i5", "emt"))
    through_json = json.loads(json.dumps(seven.to_json()))
    assert seven.same_energies(through_json)
    assert not l3i5.same_energies(through_json)
    assert not emt.same_energies(through_json)
    assert not seven.same_energies(emt.to_json())


def test_settings_that_change_energies_part_hulls():
    one, other = (Metadata("lj", "1", parameters={"sigma_A": s}) for s in (1.0, 1.1))
    assert one.same_energies(one.to_json())
    assert not one.same_energies(other.to_json())


def test_an_ase_calculator_recovers_from_a_failure():
    """EMT knows no silicon: asked twice in a row it must refuse twice, then go on."""
    p, silicon = load("emt"), structure_of(bulk("Si"))
    expected = p.evaluate([structure_of(bulk("Cu"))])[0].energy_eV
    for _ in range(2):
        with pytest.raises(NotImplementedError, match="Si"):
            p.evaluate([silicon])
    assert p.evaluate([structure_of(bulk("Cu"))])[0].energy_eV == expected


def test_the_calculator_is_the_potential():
    atoms = bulk("Si")
    atoms.rattle(0.05, seed=1)
    atoms.calc = potential("7net-0").calculator()
    answer = potential("7net-0").evaluate([structure_of(atoms)])[0]
    assert atoms.get_potential_energy() == answer.energy_eV
    assert np.array_equal(atoms.get_forces(), answer.forces_eV_A)
    assert np.allclose(atoms.get_stress(voigt=False), answer.stress_eV_A3)
