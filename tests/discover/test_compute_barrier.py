"""`discover compute barrier`: a crystal's own hops, or two structures; what it prints, writes and draws."""

import json
from functools import lru_cache

import ase.io
import numpy as np
import pytest
from ase.build import add_adsorbate, bulk, fcc100
from ase.constraints import FixAtoms

from discover.cli import main
from discover.compute.barrier import Settings, compute, plots
from discover.progress import Silent
from discover.report.look import Look, png
from potentials import load

QUICK = ["--set", "images=1", "--set", "region_A=2", "--set", "supercell_length_A=6", "--set", "few_atoms=0"]
DESIGN = {"forward_eV", "reverse_eV", "n_imaginary", "prefactor_THz", "path_energies_eV", "converged"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    slab = fcc100("Al", size=(2, 2, 3))
    add_adsorbate(slab, "Au", 1.7, "hollow")
    slab.center(axis=2, vacuum=4.0)
    slab.info.clear()
    slab.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in slab]))
    ase.io.write("start.extxyz", slab)
    slab.positions[-1, 0] += slab.cell[0, 0] / 2
    ase.io.write("end.extxyz", slab)
    ase.io.write("cu.cif", bulk("Cu"))
    return tmp_path


@lru_cache
def hydrogen():
    settings = Settings(hop="H", supercell_length_A=5, images=1, prove=False)
    return compute(load("emt"), bulk("Pd"), settings, Silent())


def test_two_structures_give_the_keys_of_the_design(here, capsys):
    words = ["--set", "final=end.extxyz", "--set", "images=3", "--set", "isotopes=[196.96657, 98]"]
    assert main(["compute", "barrier", "start.extxyz", *words, "--potential", "emt", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() >= DESIGN
    assert found["forward_eV"] == pytest.approx(0.37446, abs=1e-4)  # FixAtoms of the file hold the lower layers
    assert found["n_imaginary"] == 1 and found["connects"] is True and found["converged"] is True
    assert len(found["path_energies_eV"]) == 5 and found["path_energies_eV"][0] == 0
    assert found["potential"]["name"] == "emt" and found["tangent"] == "improved"
    assert len(found["rate_per_s"]) == len(found["temperatures_K"])
    same, light = found["isotopes"]
    assert same["rate_per_s"] == pytest.approx(found["rate_per_s"])
    # Its mass moves more than gold alone: between none and the root of it
    assert 1 < light["prefactor_THz"] / found["prefactor_THz"] < np.sqrt(196.97 / 98)


def test_hop_of_a_crystal_is_set_up_written_and_drawn(here, capsys):
    words = ["cu.cif", "--hop", "Cu", "--potential", "emt", *QUICK, "--plots", "figures", "--keep", "kept"]
    assert main(["compute", "barrier", *words]) == 0
    title, head, line, *rates = capsys.readouterr().out.splitlines()
    assert title.startswith("cu.cif: Cu15 with emt: Cu1 → Cu1, 2.54 Å: 0.") and title.endswith("model calls")
    assert head.split()[:4] == ["path", "forward", "reverse", "prefactor"]
    assert "vacancy, 12 a site, bottleneck 2.2" in line and "  yes  " in line
    assert len(rates) == 6 and rates[0].startswith("   rate at 300 K")
    assert sorted(file.name for file in (here / "figures").iterdir()) == [
        "cu.cif-barrier-images.png", "cu.cif-barrier.png",
    ]  # fmt: skip
    images = ase.io.read(here / "kept" / "cu.cif" / "path-1.extxyz", index=":")
    assert len(images) == 3 and images[1].info["energy_from_start_eV"] > 0.5
    saddle = ase.io.read(here / "kept" / "cu.cif" / "saddle-1.extxyz")
    assert np.abs(saddle.positions - images[1].positions).max() < 0.1  # the image in the middle climbed
    assert np.linalg.norm(images[2].positions - images[0].positions, axis=1).max() == pytest.approx(2.54, abs=0.2)


def test_paths_that_are_computed_are_not_computed_again(here, capsys, monkeypatch):
    settings = {"hop": "Cu", "images": 1, "supercell_length_A": 5, "prove": False}
    crystal, kept = bulk("Cu"), here / "kept"

    def found(**changed):
        return compute(load("emt"), crystal, Settings(**settings | changed), Silent(), kept).json

    first = found()
    monkeypatch.setattr("discover.compute.barrier.barrier", None)  # whoever computes now fails
    assert found() == first
    with pytest.raises(TypeError):
        found(images=2)


def test_hydrogen_hops_between_sites_that_are_found():
    found = hydrogen().json
    assert [hop["mechanism"] for hop in found["hops"]] == ["interstitial"] * len(found["hops"])
    assert found["hop"] == found["hops"][0]["name"] and "forward_eV" not in found["hops"][1]
    assert [isotope["mass_u"] for isotope in found["isotopes"]] == pytest.approx([1.008, 2.014])
    assert found["n_imaginary"] is None and found["prefactor_THz"] is None  # nobody asked for the saddle
    assert any("not computed" in row[-1] for row in hydrogen().rows)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_figures_are_drawn_from_json_in_all_looks():
    kept = json.loads(json.dumps(hydrogen().json))
    for plot in plots(kept):
        for look in (Look(), Look(dark=True, narrow=True)):
            assert png(plot, look).startswith(b"\x89PNG")
    assert "H1 → H2" in plots(kept)[0].caption


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cu.cif"], "barrier: give --hop ELEMENT for the crystal's own hops, or --set final=FILE for the other end"),
        (["cu.cif", "--hop", "Cx"], "--set: hop: must be the symbol of an element (is 'Cx')"),
        (["cu.cif", "--hop", "Cu", "--set", "paths=[7]"], "--set: paths: there is no hop 7; the crystal has 1"),
        (["cu.cif", "--set", "final=none.cif"], "none.cif: no such file"),
        (["start.extxyz", "--set", "final=cu.cif"], "start.extxyz: final: has other atoms, Cu instead of Al12Au"),
        (["cu.cif", "--hop", "Cu", "--set", "mechanism=vacancies"], "--set: mechanism: "),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(here, capsys, words, said):
    assert main(["compute", "barrier", *words, "--potential", "emt"]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_other_computations_know_no_hop(here, capsys):
    assert main(["compute", "elastic", "cu.cif", "--hop", "Cu", "--potential", "emt"]) == 2
    assert "--set: hop: unknown key" in capsys.readouterr().err
