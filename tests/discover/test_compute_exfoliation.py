"""`discover compute exfoliation`, and its stage: sheets of Lennard-Jones atoms, and a crystal without any."""

import json
from importlib import import_module

import ase.io
import pytest
from ase.build import bulk

from discover.cli import main
from discover.compute.exfoliation import Settings, plots, table
from discover.compute.registry import computation
from discover.config_properties import checked_stages
from discover.pipeline.record import properties_csv, read_properties
from discover.report.look import Look, png
from discover.report.properties_part import part_of
from tests.properties.layered_crystals import SHEETS, sheets

DESIGN = {"exfoliation_energy_meV_per_atom", "interlayer_distance_A", "c6_eV_A6"}
PAIRS = "pairs={Cu-Ag: {sigma_A: 3.2, epsilon_eV: 0.02}}"
POTENTIAL = ["--potential", "lj"] + [
    word for given in ("sigma_A=2.5", "epsilon_eV=0.5", "cutoff_A=9.0", PAIRS) for word in ("--option", given)
]
QUICK = ["--set", "sliding=false", "--set", "openings_A=[]"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ase.io.write("sheets.extxyz", sheets())
    ase.io.write("cu.extxyz", bulk("Cu", a=3.85))
    return tmp_path


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """JSON and figures of the whole computation."""
    folder = tmp_path_factory.mktemp("figures")
    file = folder / "sheets.extxyz"
    ase.io.write(file, sheets())
    from potentials import load

    found = computation("exfoliation").compute(load("lj", **SHEETS), sheets(), Settings(), Told())
    return json.loads(json.dumps(found.json)), found


class Told:
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def start(self, total, done, doing=""):
        self.said.append(doing)

    def note(self, done, text):
        pass

    def message(self, text):
        self.said.append(text)

    def finish(self):
        pass


def test_json_has_the_keys_of_the_design(here, capsys):
    assert main(["compute", "exfoliation", "sheets.extxyz", *POTENTIAL, *QUICK, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() >= DESIGN
    assert found["layered"] is True and found["n_layers"] == 2 and found["dimensionality"] == "2D"
    assert found["c6_eV_A6"] is None  # a potential that tells none
    assert found["exfoliation_energy_meV_per_atom"] == pytest.approx(
        1e3 * sum(x["layers_in_cell"] * x["n_atoms"] * x["energy_eV_per_atom"] for x in found["isolated_layers"]) / 2
        - 1e3 * found["energy_eV_per_atom"]
    )


def test_the_table_says_what_the_numbers_are_of(here, capsys):
    assert main(["compute", "exfoliation", "sheets.extxyz", *POTENTIAL, *QUICK]) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title.startswith("sheets.extxyz: CuAg with lj: 2 layers along (0 0 1), ")
    assert title.endswith("easily exfoliable")
    assert head.split() == ["value", "unit", "note"]
    assert rows[0].startswith("exfoliation energy") and "ions and cell in the plane at rest" in rows[0]
    assert any("Cu, 1 atoms, 1 in the cell" in row for row in rows)


def test_what_is_not_layered_is_one_line_and_code_2(here, capsys):
    assert main(["compute", "exfoliation", "cu.extxyz", *POTENTIAL]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == (
        "cu.extxyz: Cu is not layered but a 3D network (3D, score 0.96): its longest bond is Cu-Cu 2.72 Å (1.03 of the "
        "sum of covalent radii)"
    )


BAD = {
    "layer_cell=loose": "--set: layer_cell: must be 'relaxed' or 'bulk' (is 'loose')",
    "bond_scale=0": "--set: bond_scale: must be more than 0 (is 0)",
    "sliding_openings_A=[]": "--set: sliding_openings_A: ",
    "sliding_layer=7": "sheets.extxyz: sliding_layer: there is no layer 7; the last one is 1",
    "sliding_grid=[1, 6]": "--set: sliding_grid[0]: must be at least 2 (is 1)",
    "openings_A=[-1.9, -1.8]": "sheets.extxyz: openings_A: all of them press layers through each other; ",
    "vacuum=3": "--set: vacuum: unknown key; did you mean 'vacuum_A'?",
}


@pytest.mark.parametrize("given", BAD)
def test_bad_settings_are_one_line_and_code_2(here, capsys, given):
    assert main(["compute", "exfoliation", "sheets.extxyz", *POTENTIAL, "--set", "openings_A=[]", "--set", given]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(BAD[given])


def test_figures_are_drawn_from_json_alone_in_both_looks(computed):
    found, _ = computed
    drawn = {plot.name: plot for plot in plots(found)}
    assert set(drawn) == {"layers", "binding-curve", "sliding"}
    for plot in drawn.values():
        for look in (Look(), Look(dark=True, narrow=True)):
            assert png(plot, look)[:4] == b"\x89PNG"
        assert "CuAg" in plot.alt and "nan" not in plot.caption
    assert [plot.name for plot in plots(found | {"curve": None, "sliding": None})] == ["layers"]


def test_each_part_of_the_work_is_told(computed):
    found, whole = computed
    assert whole.ok and found["warnings"] == []
    assert len(found["curve"]["distances_A"]) == 26
    assert found["sliding"]["grid"] == [6, 6]
    assert whole.rows == table(found)[1]


def test_warnings_are_told_and_stand_in_the_table(monkeypatch):
    from potentials import load

    physics = import_module("properties.layers.exfoliation")  # the package has a function of that name
    monkeypatch.setattr(physics, "_dispersion_warnings", lambda potential: ["beware"])
    told = Told()
    settings = Settings(sliding=False, openings_A=[])
    found = computation("exfoliation").compute(load("lj", **SHEETS), sheets(), settings, told)
    assert "warning: beware" in told.said
    assert found.rows[-1] == ["warning", "", "", "beware"] and found.json["warnings"] == ["beware"]


def test_a_potential_without_dispersion_is_warned_of_in_title_and_figure(computed):
    found, _ = computed
    from discover.compute.exfoliation import _title

    alone = found | {"potential": found["potential"] | {"dispersion": "none"}, "warnings": ["holds no dispersion"]}
    assert "THESE NUMBERS MEAN LITTLE" in _title(alone) and "MEAN LITTLE" not in _title(found)
    assert "holds no dispersion" in {p.name: p for p in plots(alone)}["binding-curve"].caption


def test_a_campaign_tells_its_layered_structures_from_the_others(here, capsys):
    """Of two structures one has layers; the other is no failure."""
    (here / "c.yaml").write_text(
        "system: Ag-Cu\npotential: lj\n"
        "potential_options: {sigma_A: 2.5, epsilon_eV: 0.5, cutoff_A: 9.0,"
        " pairs: {Cu-Ag: {sigma_A: 3.2, epsilon_eV: 0.02}}}\n"
        "structures: [sheets.extxyz, cu.extxyz]\n"
        "properties: [exfoliation: {sliding: false}]\n"
    )
    assert main(["run", "c.yaml", "--out", "run", "--workers", "0"]) == 0
    shown = capsys.readouterr().out
    assert "exfoliation: CuAg with lj: 2 layers along" in shown
    assert "exfoliation: Cu is not layered but a 3D network" in shown and "failed" not in shown
    record = read_properties(here / "run")
    layered, network = record.hits
    assert layered.value("exfoliation", "layered") is True and network.value("exfoliation", "layered") is False
    assert network.value("exfoliation", "dimensionality") == "3D" and not network.failures
    cards = part_of(record).cards
    assert [figure.plot.name.endswith(("-layers", "-binding-curve")) for figure in cards[0].figures] == [True, True]
    assert not cards[1].figures and not cards[1].notes
    said = {x.label: x.value for x in cards[0].numbers}
    assert said["Made of layers"] == "yes" and said["Interlayer distance"].endswith("Å")
    assert {x.label: x.value for x in cards[1].numbers}["Made of layers"] == "no"
    head, *lines = properties_csv(record).splitlines()
    place = head.split(",").index("dimensionality")
    assert [line.split(",")[place] for line in lines] == ["2D", "3D"]
    page = (here / "run" / "report" / "index.html").read_text()
    assert "Exfoliation energy" in page and "is not layered but a 3D network" in page


def test_a_stage_needs_rest_and_the_laws_and_has_its_defaults_written_out():
    stages = checked_stages(["exfoliation"], str)
    assert stages["exfoliation"]["sliding"] is True and stages["exfoliation"]["layer_cell"] == "relaxed"
    assert list(computation("exfoliation").NEEDS) == ["rest", "validate"]
