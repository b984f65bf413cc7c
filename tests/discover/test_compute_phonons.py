"""`discover compute phonons`: its JSON, its figures, its refusals."""

import json

import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule

from discover.cli import main
from discover.compute.phonons import plots
from discover.report.look import Look, png

QUICK = ["--potential", "emt", "--set", "error=false", "--set", "supercell=[2,2,2]"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ase.io.write("al.vasp", bulk("Al"))
    ase.io.write("bcc.vasp", bulk("Cu", "bcc", a=2.9))
    water = molecule("H2O", vacuum=8.0)
    water.pbc = True
    ase.io.write("water.vasp", water)
    return tmp_path


def computed(capsys, *words):
    assert main(["compute", "phonons", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_the_keys_of_design(here, capsys):
    found = computed(capsys, "al.vasp", *QUICK, "--set", "temperatures_K=[0, 300]")
    assert found["structure"] == "al.vasp" and found["potential"]["name"] == "emt"
    assert found["dynamically_stable"] is True
    assert found["temperatures_K"] == [0, 300]
    assert len(found["heat_capacity_J_per_K_per_mol_atoms"]) == 2
    assert found["supercell_atoms"] == 8
    assert found["settings"]["supercell"] == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    assert [t["label"] for t in found["bands"]["labels"]] == ["Γ", "X", "U|K", "Γ", "L", "W", "X"]


def test_unstable_crystal_offers_a_lower_structure_and_fails_strict(here, capsys):
    words = ["bcc.vasp", "--potential", "emt", "--set", "supercell=[4,4,4]", "--set", "error=false"]
    found = computed(capsys, *words)
    assert found["dynamically_stable"] is False
    led_to = found["followed"][0]
    assert led_to["space_group"] == 194 and led_to["energy_drop_meV_per_atom"] > 30
    assert led_to["structure"]["numbers"] == [29, 29]
    assert np.array(led_to["structure"]["cell"]).shape == (3, 3)
    assert main(["compute", "phonons", *words, "--strict", "--set", "follow_modes=0"]) == 1
    assert "dynamically UNSTABLE" in capsys.readouterr().out


def test_figures_are_drawn_in_every_look_from_the_json_alone(here, capsys):
    found = computed(capsys, "bcc.vasp", *QUICK, "--set", "follow_modes=0")
    drawn = plots(json.loads(json.dumps(found)))
    assert [p.name for p in drawn] == ["phonons", "phonon-thermodynamics"]
    assert "imaginary" in drawn[0].caption
    for plot in drawn:
        assert all(png(plot, Look(dark=d, narrow=n))[:4] == b"\x89PNG" for d, n in ((False, False), (True, True)))


def test_one_temperature_can_be_drawn(here, capsys):
    found = computed(capsys, "al.vasp", *QUICK, "--set", "temperatures_K=[300]")
    assert png(plots(found)[1], Look())[:4] == b"\x89PNG"


def test_born_charges_from_a_file(here, capsys):
    born = {"born_charges": np.zeros((1, 3, 3)).tolist(), "dielectric": np.eye(3).tolist()}
    (here / "born.json").write_text(json.dumps(born))
    found = computed(capsys, "al.vasp", *QUICK, "--set", "born=born.json")
    assert [p["direction"] for p in found["frequencies_gamma_polar_THz"]] == np.eye(3).tolist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["water.vasp"], "water.vasp: H2O is a molecule in a box"),
        (["al.vasp", "--set", "supercell=[2,2]"], "supercell: give three whole numbers"),
        (["al.vasp", "--set", "supercel=[2,2,2]"], "supercel: unknown key; did you mean 'supercell'?"),
        (["al.vasp", "--set", "supercell_length_A=100"], "take a smaller supercell_length_A"),
        (["al.vasp", "--set", "mesh_length_A=.inf"], "mesh_length_A: must be a finite number"),
        (["al.vasp", "--set", "mesh_length_A=1e5"], "mesh_length_A: must be at most 300"),
        (["al.vasp", "--set", "symprec_A=100"], "symprec_A: must be at most 0.5"),
        (["al.vasp", "--plots", "/proc/nowhere"], "/proc/nowhere: cannot be written"),
        (["al.vasp", "--set", "born=nowhere.yaml"], "born: nowhere.yaml: No such file"),
        (["al.vasp", "--set", "born=half.yaml"], "must hold born_charges and dielectric, and nothing else"),
        (["al.vasp", "--set", "born=words.yaml"], "must be matrices of numbers"),
        (["al.vasp", "--set", "born=two.yaml"], "born_charges: give one for each of the 1 atoms"),
        (["al.vasp", "--set", "born=BORN"], "one for each of the 1 atoms that symmetry leaves"),
    ],
)
def test_bad_input_is_one_line(here, capsys, words, said):
    (here / "half.yaml").write_text("dielectric: [[2, 0, 0], [0, 2, 0], [0, 0, 2]]\n")
    (here / "words.yaml").write_text("dielectric: large\nborn_charges: none\n")
    zero, one = "[[0, 0, 0], [0, 0, 0], [0, 0, 0]]", "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]"
    (here / "two.yaml").write_text(f"dielectric: {one}\nborn_charges: [{zero}, {zero}]\n")
    (here / "BORN").write_text("14.4\n2 0 0 0 2 0 0 0 2\n")
    assert main(["compute", "phonons", *words, "--potential", "emt"]) == 2
    captured = capsys.readouterr()
    last = captured.err.strip().splitlines()[-1]
    assert said in last and "Traceback" not in captured.err and captured.out == ""
