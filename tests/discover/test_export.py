"""Exports read back by the programs they are for."""

import csv
import json
from dataclasses import replace

import ase.io
import pytest
from ase import units

from discover.errors import InputError
from discover.export import export
from discover.hull import read_references
from discover.records import HullEntry
from potentials import Metadata
from tests.discover.report_samples import binary

EMT = {"name": "emt", "version": "1", "checkpoint_sha256": None, "parameters": None}
REFERENCE = HullEntry("mp-1", "Si", {"Si": 1.0}, -5.0, float("nan"), 0.4, None, False)


@pytest.fixture
def run():
    sample = binary()
    entries = [e for e in sample.hull.entries if isinstance(e.id, int)]
    return replace(sample, hull=replace(sample.hull, potential=EMT, entries=entries))


def with_reference(run):
    return replace(run, hull=replace(run.hull, entries=[*run.hull.entries, REFERENCE]))


def test_ids_in_equal_ids_out_plus_left_out(run, tmp_path):
    done = export(with_reference(run), "extxyz", tmp_path / "all.xyz")
    written = [a.info["id"] for a in ase.io.read(tmp_path / "all.xyz", ":")]
    assert written == [e.id for e in run.hull.entries]
    assert (done.written, done.left_out) == (len(written), ("mp-1",))


def test_extxyz_carries_energy_and_geometry(run, tmp_path):
    export(run, "extxyz", tmp_path / "all.xyz")
    for atoms, entry in zip(ase.io.read(tmp_path / "all.xyz", ":"), run.hull.entries, strict=True):
        assert atoms.get_potential_energy() == pytest.approx(entry.energy_eV_per_atom * len(atoms))
        assert atoms.get_volume() == pytest.approx(run.atoms_of(entry.id).get_volume())


def test_extxyz_at_a_pressure_tells_energy_from_enthalpy(run, tmp_path):
    pressed = replace(run, hull=replace(run.hull, pressure_GPa=20.0))
    export(pressed, "extxyz", tmp_path / "all.xyz")
    atoms = ase.io.read(tmp_path / "all.xyz", 0)
    enthalpy = atoms.get_potential_energy() + 20 * units.GPa * atoms.get_volume()
    assert enthalpy / len(atoms) == pytest.approx(atoms.info["enthalpy_eV_per_atom"])


def test_entries_come_back_as_references_of_the_same_potential_only(run, tmp_path):
    path = tmp_path / "entries.json"
    export(run, "entries", path)
    back = read_references(path, run.elements, Metadata("emt", "2"))
    assert [e.energy_eV_per_atom for e in back] == pytest.approx([e.energy_eV_per_atom for e in run.hull.entries])
    with pytest.raises(InputError, match="computed with emt, this campaign with lj"):
        read_references(path, run.elements, Metadata("lj", "1"))
    assert json.loads(path.read_text())[0]["parameters"]["potential"] == EMT


def test_cifs_keep_composition_and_density(run, tmp_path):
    done = export(run, "cif", tmp_path / "cif")
    files = sorted((tmp_path / "cif").iterdir())
    assert len(files) == done.written == len(run.hull.entries)
    for file in files:
        atoms = ase.io.read(file)
        original = run.atoms_of(int(file.stem.rpartition("-")[2]))
        assert set(atoms.symbols) == set(original.symbols)
        # Symmetrising at up to 0.2 A moves a cell's faces a little
        density = atoms.get_volume() / len(atoms)
        assert density == pytest.approx(original.get_volume() / len(original), rel=0.02)


def test_near_hull_chooses(run, tmp_path):
    export(run, "csv", tmp_path / "hull.csv", 0.0)
    rows = list(csv.DictReader((tmp_path / "hull.csv").open()))
    assert [int(r["id"]) for r in rows] == [e.id for e in run.hull.entries if e.on_hull]


def test_exporting_again_replaces_and_removes_what_left(run, tmp_path):
    export(run, "cif", tmp_path / "cif")
    done = export(run, "cif", tmp_path / "cif", 0.0)
    assert len(list((tmp_path / "cif").iterdir())) == done.written < len(run.hull.entries)


@pytest.mark.parametrize(
    "fmt, prepare, message",
    [
        ("poscar", lambda p: None, "--format poscar: unknown; use one of cif, extxyz, csv, entries"),
        ("csv", lambda p: p.mkdir(), "out: is a folder; give a file's name as --out"),
        ("cif", lambda p: p.touch(), "out: is a file; give a new or empty folder as --out"),
        (
            "cif",
            lambda p: (p.mkdir(), (p / "mine.txt").touch()),
            "out: holds other files (mine.txt); give a new or empty folder as --out",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(run, tmp_path, fmt, prepare, message):
    prepare(tmp_path / "out")
    with pytest.raises(InputError) as caught:
        export(run, fmt, tmp_path / "out")
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


def test_a_run_without_results_is_refused(run, tmp_path):
    empty = replace(run, hull=replace(run.hull, entries=[]))
    with pytest.raises(InputError, match="nothing to export; the run has no converged structure yet"):
        export(empty, "csv", tmp_path / "hull.csv")
