"""`discover compute ... --qm FILE`: a quantum region by a YAML file."""

import json

import ase.io
import pytest
from ase.build import bulk

from discover.cli import main

ARGON = ["--potential", "lj", "--option", "sigma_A=3.4", "--option", "epsilon_eV=0.0104", "--option", "cutoff_A=7.5"]
QUICK = ["--set", "images=1", "--set", "prove=false"]
REGION = """
method: potential
model: lj
options: {sigma_A: 3.4, epsilon_eV: 0.0125, cutoff_A: 7.5}
region: {sphere: {centre: 0, radius_A: 4.5}}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A vacancy in argon, which has no bonds: regions without caps."""
    monkeypatch.chdir(tmp_path)
    crystal = bulk("Ar", cubic=True, a=5.25).repeat(2)
    hop = crystal.get_distance(0, 1, mic=True, vector=True)
    del crystal[1]
    ase.io.write("start.extxyz", crystal)
    crystal.positions[0] += hop
    ase.io.write("end.extxyz", crystal)
    ase.io.write("si.cif", bulk("Si", cubic=True))
    (tmp_path / "region.yaml").write_text(REGION)
    return tmp_path


def barrier(*words):
    return main(["compute", "barrier", "start.extxyz", "--set", "final=end.extxyz", *QUICK, *ARGON, "--json", *words])


def test_a_barrier_goes_through_the_region(here, capsys):
    assert barrier() == 0
    plain = json.loads(capsys.readouterr().out)
    assert barrier("--qm", "region.yaml") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert "atoms and 0 caps within lj; subtractive, mechanical embedding" in err
    assert found["potential"]["name"] == "lj+qm"
    assert len(found["potential"]["parameters"]["qmml"]["regions"][0]["core"]) == 12
    # Whatever touches the hopping atom lies in the region, and is 1.202 times as strong there
    assert 1.1 * plain["forward_eV"] < found["forward_eV"] < 1.21 * plain["forward_eV"]


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (None, "--qm region.yaml: no such file"),
        ("region: [", "region.yaml: no YAML ("),
        ("method: xtb", "region.yaml: qm: give one of region and regions"),
        (REGION + "scheme: force_mixing", "region.yaml: scheme: force_mixing has no energy that its forces are "
         "derivatives of, and barrier needs one; use scheme: subtractive"),
        ("region: {atoms: [99]}", "start.extxyz: region.yaml: region.atoms: there is no atom 99; the structure has 31, "
         "counted from 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_line(here, capsys, yaml, said):
    if yaml is None:
        (here / "region.yaml").unlink()
    else:
        (here / "region.yaml").write_text(yaml)
    assert barrier("--qm", "region.yaml") == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(said)


def test_thin_buffers_are_noted(here, capsys):
    ase.io.write("si.extxyz", bulk("Si", cubic=True).repeat(2))
    (here / "region.yaml").write_text("{method: potential, model: lj, region: {atoms: [0]}}")
    words = ["si.extxyz", "--qm", "region.yaml", "--potential", "lj", "--set", "only=[derivatives]"]
    assert main(["compute", "validate", *words]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert notes[0].startswith("note: 0 bonds of buffer between a region and its nearest cut bond; where fewer than 2")


def test_a_folder_is_no_file(here, capsys):
    assert barrier("--qm", ".") == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == "--qm .: is a folder; give a YAML file"


def test_a_supercell_is_not_what_the_region_was_chosen_in(here, capsys):
    (here / "region.yaml").write_text("{method: potential, model: lj, region: {atoms: [0]}}")
    words = ["--potential", "lj", "--option", "sigma_A=2.1", "--set", "supercell_length_A=8", "--set", "relax=false"]
    assert main(["compute", "barrier", "si.cif", "--hop", "Si", "--qm", "region.yaml", *words]) == 2
    assert "the region was chosen in a structure of 8 atoms (Si8), and this one has" in capsys.readouterr().err
