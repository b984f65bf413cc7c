"""`discover compute`: any structure file in, a table or one JSON object out, one line for bad input."""

import json
from dataclasses import replace

import ase.io
import pytest
from ase.build import bulk, molecule

from discover.cli import main
from discover.compute.registry import HOMES, computation
from properties.validation.limits import FLOAT64, LIMITS

QUICK = ["--set", "only=[derivatives]"]
ARGON = ["--potential", "lj", "--option", "sigma_A=3.4", "--option", "epsilon_eV=0.01"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ase.io.write("cu.cif", bulk("Cu"))
    ase.io.write("nio.vasp", bulk("NiO", "rocksalt", a=4.2))
    ase.io.write("two.extxyz", [bulk("Cu"), bulk("Al")])
    ase.io.write("si.cif", bulk("Si"))
    ase.io.write("water.xyz", molecule("H2O"))
    overlapping = bulk("NiO", "rocksalt", a=4.2)
    overlapping.positions[1] = overlapping.positions[0] + [0.3, 0, 0]
    ase.io.write("overlap.vasp", overlapping)
    (tmp_path / "junk.cif").write_text("no crystal")
    return tmp_path


def only_object(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_the_table_has_a_line_for_each_check(here, capsys):
    assert main(["compute", "validate", "cu.cif", "--potential", "emt"]) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title == "cu.cif: Cu with emt in float64: all 16 checks passed"
    assert head.split() == ["check", "value", "threshold", "unit", "note"]
    assert len(rows) == 16 and all("  pass  " in row for row in rows)


def test_json_of_one_structure_is_its_object(here, capsys):
    assert main(["compute", "validate", "cu.cif", "--potential", "emt", "--json", *QUICK]) == 0
    found = only_object(capsys.readouterr().out)
    assert found["structure"] == "cu.cif" and found["passed"] is True and found["potential"]["name"] == "emt"
    assert {"name", "value", "threshold", "unit", "passed"} <= set(found["checks"][0])


def test_json_of_several_is_a_list_with_their_names(here, capsys):
    words = ["compute", "validate", "nio.vasp", "two.extxyz", "--potential", "emt", "--json", *QUICK]
    assert main(words) == 0
    out, err = capsys.readouterr()
    results = only_object(out)["results"]
    assert [r["structure"] for r in results] == ["nio.vasp", "two.extxyz@0", "two.extxyz@1"]
    assert [r["formula"] for r in results] == ["NiO", "Cu", "Al"]
    assert "validate 2/3: two.extxyz@0" in err


def test_one_that_is_refused_loses_none_of_the_others(here, capsys):
    slab = bulk("Cu", cubic=True).repeat((1, 1, 2))
    slab.center(10, axis=2)
    slab.write(here / "slab.extxyz")
    assert main(["compute", "elastic", "slab.extxyz", "cu.cif", "--potential", "emt", "--json"]) == 2
    told = capsys.readouterr()
    (found,) = only_object(told.out)["results"]
    assert found["structure"] == "cu.cif" and found["born_stable"]
    assert told.err.splitlines()[-1].startswith("slab.extxyz: Cu8 is a layer")


def test_a_failed_check_ends_with_1_only_where_asked(here, capsys, monkeypatch):
    exact = replace(FLOAT64, force_eV_A=0.0, epsilon=0.0)
    monkeypatch.setitem(LIMITS, "float64", exact)
    words = ["compute", "validate", "nio.vasp", "--potential", "emt", *QUICK]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "checks failed" in out and "  FAIL  " in out
    assert main([*words, "--strict"]) == 1
    assert capsys.readouterr().err == ""


def test_options_reach_the_potential(here, capsys):
    assert main(["compute", "validate", "cu.cif", *ARGON, "--json", *QUICK]) == 0
    assert only_object(capsys.readouterr().out)["potential"]["parameters"]["sigma_A"] == 3.4


BAD = {
    "validat cu.cif": "NAME: nothing to compute is called 'validat'; did you mean 'validate'?",
    "xyz cu.cif": "NAME: nothing to compute is called 'xyz'; there are: barrier, ",
    "validate none.cif": "none.cif: no such file",
    "validate junk.cif": "junk.cif: ASE cannot read it (",
    "validate water.xyz": "water.xyz: has no three-dimensional cell; give a crystal, or put the molecule into a box",
    "validate cu.cif si.cif --potential emt": "si.cif: emt does not know Si; `discover potentials` lists who does",
    "validate overlap.vasp --potential emt": "overlap.vasp: atoms overlap: two are 0.3 Å apart",
    "validate cu.cif --potential emtt": "--potential: unknown potential 'emtt'; did you mean 'emt'?",
    "validate cu.cif --potential emt --option sigma_A=1": "--potential: 'emt' cannot be loaded: ",
    "validate cu.cif --potential emt --option sigma_A": "--option sigma_A: write key=value",
    "validate cu.cif --potential lj --option sigma_A=[": "--option sigma_A=[: '[' is not a YAML value",
    "validate cu.cif --option device=cpu": "--option device: is no option of a potential; give --device",
    "validate cu.cif --potential lj --device gpu": "--device: must be auto, cpu, cuda or cuda:N (is 'gpu')",
    "validate cu.cif --set nve_step=300": "--set: nve_step: unknown key; did you mean 'nve_steps'?",
    "validate cu.cif --set nve_steps=3": "--set: nve_steps: must be at least 20 (is 3)",
    "validate": "discover compute: Missing argument 'STRUCTURE'; see `discover compute --help`",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_line_on_stderr_and_code_2(here, capsys, words):
    assert main(["compute", *words.split()]) == 2
    out, err = capsys.readouterr()
    (line,) = [text for text in err.splitlines() if not text.startswith("Warp")]
    assert line.startswith(BAD[words])
    assert out == ""


ASKED = {"kie": {"saddle": "saddle.cif"}}
"""What cannot be left out."""


@pytest.mark.parametrize("name", HOMES)
def test_every_computation_has_settings_and_a_function(name):
    module = computation(name)
    assert module.Settings(**ASKED.get(name, {})) is not None and callable(module.compute)
