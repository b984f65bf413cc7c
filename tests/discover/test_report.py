"""Laws of the report: nothing is lost, nothing is fetched, nothing in a run can break its page."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read
from ase.spacegroup import crystal

from discover.report import write_report
from discover.report.figures_hull import _tie_lines
from discover.report.landscape import survey
from discover.report.phases import near_phases
from discover.report.prototypes import prototype_of
from discover.report.search_summary import failure_rows, operator_rows
from discover.report.symmetry import symmetry_of
from tests.discover import report_samples as samples
from tests.discover.report_samples import RunRecord

FETCHING = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}


class Links(HTMLParser):
    """Every address in the page, each image's alt text, and all text a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.scripts = 0
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.addresses += [value or "" for name, value in attrs if name in FETCHING]
        self.scripts += tag == "script"
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data):
        self.text += data


def read_page(path: Path) -> Links:
    page = Links()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def binary() -> RunRecord:
    return samples.binary(60)


@pytest.fixture(scope="module")
def written(binary, tmp_path_factory) -> Path:
    return write_report(binary, tmp_path_factory.mktemp("run") / "report").parent


def test_every_file_is_there(written):
    for name in (
        "index.html",
        "hull.csv",
        "candidates.csv",
        "operators.csv",
        "hull.json",
        "hull.png",
        "search.png",
        "operators.png",
    ):
        assert (written / name).stat().st_size > 0, name
    assert not list(written.rglob("*.part"))


def test_page_needs_nothing_beside_it(written):
    page = read_page(written / "index.html")
    assert page.images
    assert all(a.startswith("data:") for a in page.addresses)
    assert "url(" not in (written / "index.html").read_text()
    assert all(image["alt"] for image in page.images)


def test_hull_csv_holds_every_entry_with_its_numbers(binary, written):
    table = rows(written / "hull.csv")
    assert [int(r["id"]) for r in table] == [e.id for e in binary.hull.entries]
    for row, e in zip(table, binary.hull.entries, strict=True):
        assert float(row["e_above_hull_eV_per_atom"]) == pytest.approx(
            e.e_above_hull_eV_per_atom, rel=1e-8
        )  # nine digits are written
        assert float(row["fraction_Ge"]) == pytest.approx(e.composition.get("Ge", 0.0))
        assert binary.history[int(row["candidate_number"]) - 1].id == e.id


def test_candidates_csv_holds_every_candidate(binary, written):
    table = rows(written / "candidates.csv")
    assert [int(r["id"]) for r in table] == [r.id for r in binary.history]
    assert [r["fate"] for r in table] == [r.fate for r in binary.history]


def test_hull_json_is_the_hull(binary, written):
    assert json.loads((written / "hull.json").read_text()) == binary.hull.to_json()


def test_operators_add_up_to_candidates(binary, written):
    table = operator_rows(binary, near_hull_eV_per_atom=0.1)
    assert sum(r.made for r in table) == len(binary.history)
    for r in table:
        assert r.made == r.relaxed + r.duplicates + r.unconverged + r.pruned + r.failed
    assert sum(r.near_hull for r in table) == len(list(near_phases(binary, 0.1)))
    on_disk = {r["operator"]: int(r["made"]) for r in rows(written / "operators.csv")}
    assert on_disk == {r.operator: r.made for r in table}


def test_failures_are_grouped_whatever_their_numbers(binary):
    first = next(r for r in binary.history if r.fate == "failed")
    other = replace(first, id=999, reason=first.reason.replace("512", "777").replace("-94.1", "-1e3"))
    grouped = failure_rows(replace(binary, history=[first, other]))
    assert [(g.count, g.examples) for g in grouped] == [(2, (first.id, 999))]


def test_cif_of_each_near_phase_reads_back_as_the_same_crystal(binary, written):
    phases = list(near_phases(binary, 0.1))
    assert {p.stem for p in (written / "structures").glob("*.cif")} == {p.file_stem for p in phases}
    for phase in phases:
        atoms = read(written / "structures" / f"{phase.file_stem}.cif")
        assert atoms.get_volume() / len(atoms) == pytest.approx(phase.volume_A3_per_atom, rel=1e-3)
        assert symmetry_of(atoms).number == phase.space_group


@pytest.mark.parametrize("name", ["ternary", "quaternary", "single_composition"])
def test_other_systems_are_written_whole(name, tmp_path):
    run = getattr(samples, name)(40)
    folder = write_report(run, tmp_path).parent
    assert (folder / "hull.png").exists() == (name != "quaternary")
    assert len(rows(folder / "hull.csv")) == len(run.hull.entries)
    assert all(a.startswith("data:") for a in read_page(folder / "index.html").addresses)


def test_run_without_energies_says_so(tmp_path):
    text = read_page(write_report(samples.nothing_converged(), tmp_path)).text
    assert "No stable phase" in text
    assert "Interrupted or still running" in text
    assert "512 neighbours" in text
    assert rows(tmp_path / "hull.csv") == []


def test_run_with_nothing_stable_says_so(tmp_path):
    assert "No stable phase of Si-Ge" in read_page(write_report(samples.nothing_stable(), tmp_path)).text


def test_run_that_has_not_begun_still_gives_a_page(tmp_path):
    run = replace(samples.nothing_converged(), history=[])
    assert "No candidate has finished yet" in read_page(write_report(run, tmp_path)).text


def test_text_of_a_run_cannot_become_markup(tmp_path):
    page = read_page(write_report(samples.hostile(), tmp_path))
    assert page.scripts == 1  # the page's own
    assert '<script>alert("x")</script>' in page.text


def test_reference_without_a_structure_keeps_its_row(binary, tmp_path):
    def no_structures(_id):
        raise KeyError(_id)

    entries = [replace(binary.hull.entries[0], id="mp/149")]
    run = replace(binary, hull=replace(binary.hull, entries=entries), atoms_of=no_structures)
    write_report(run, tmp_path)
    assert rows(tmp_path / "hull.csv")[0]["operator"] == "reference"


def test_kill_while_rendering_leaves_the_old_report(binary, tmp_path, monkeypatch):
    old = write_report(samples.nothing_converged(), tmp_path).read_bytes()

    def killed(_folder, _files):
        raise KeyboardInterrupt

    monkeypatch.setattr("discover.report.write.write_files", killed)
    with pytest.raises(KeyboardInterrupt):
        write_report(binary, tmp_path)
    assert (tmp_path / "index.html").read_bytes() == old


def test_phases_that_left_do_not_stay_behind(binary, tmp_path):
    write_report(binary, tmp_path)
    write_report(samples.nothing_converged(), tmp_path)
    assert not list((tmp_path / "structures").iterdir())


def test_same_run_gives_the_same_bytes(tmp_path):
    run = samples.quaternary(12)
    first = write_report(run, tmp_path / "a").parent
    second = write_report(run, tmp_path / "b").parent
    for path in (p for p in first.rglob("*") if p.is_file()):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path.name


def test_uncertainty_shows_where_the_hull_is_anchored(binary, tmp_path):
    entries = [
        replace(e, sigma_eV_per_atom=0.0123, p_stable=0.75, anchored=True) for e in binary.hull.entries
    ]
    hull = replace(binary.hull, entries=entries, anchored=True)
    text = read_page(write_report(replace(binary, hull=hull), tmp_path)).text
    assert "12.3" in text
    assert "0.75" in text
    assert "not anchored" not in text


def test_candidates_on_the_final_scale_agree_with_the_hull(binary):
    points = {p.id: p for p in survey(binary).points}
    for e in binary.hull.entries:
        assert points[e.id].above_eV == e.e_above_hull_eV_per_atom
    # A candidate that is no entry is put on the scale by itself, and must land where its twin entry lies.
    gone = binary.hull.entries[-1]
    without = replace(binary, hull=replace(binary.hull, entries=binary.hull.entries[:-1]))
    again = {p.id: p for p in survey(without).points}[gone.id]
    assert again.above_eV == pytest.approx(gone.e_above_hull_eV_per_atom, abs=1e-6)
    assert again.formation_eV == pytest.approx(gone.formation_energy_eV_per_atom, abs=1e-6)


def test_more_operators_than_colours_are_all_drawn(binary, tmp_path):
    history = [replace(r, operator=f"operator {r.id % 12}") for r in binary.history]
    text = write_report(replace(binary, history=history), tmp_path).read_text()
    assert all(f"operator {i}" in text for i in range(12))


def test_tie_lines_join_what_coexists():
    corners = [[1, 0, 0, 0.0], [0, 1, 0, 0.0], [0, 0, 1, 0.0]]
    assert _tie_lines(np.array(corners)) == {(0, 1), (0, 2), (1, 2)}
    centre = [1 / 3, 1 / 3, 1 / 3, -1.0]
    assert {(0, 3), (1, 3), (2, 3)} < _tie_lines(np.array([*corners, centre]))


@pytest.mark.parametrize(
    ("atoms", "symbol"),
    [
        (bulk("Si"), "A4"),
        (bulk("Cu"), "A1"),
        (bulk("Fe"), "A2"),
        (bulk("Mg"), "A3"),
        (bulk("NaCl", "rocksalt", 5.64), "B1"),
        (bulk("CsCl", "cesiumchloride", 4.12), "B2"),
        (bulk("ZnS", "zincblende", 5.41), "B3"),
        (bulk("ZnO", "wurtzite", 3.25, 5.2), "B4"),
        (bulk("CaF2", "fluorite", 5.46), "C1"),
        (
            crystal(
                ["Ti", "O"], [(0, 0, 0), (0.3, 0.3, 0)], spacegroup=136, cellpar=[4.6, 4.6, 3.0, 90, 90, 90]
            ),
            "C4",
        ),
        (
            crystal(
                ["Cu", "Au"],
                [(0, 0.5, 0.5), (0, 0, 0)],
                spacegroup=221,
                cellpar=[3.75, 3.75, 3.75, 90, 90, 90],
            ),
            "L1₂",
        ),
        (
            crystal(
                ["Re", "O"], [(0, 0, 0), (0.5, 0, 0)], spacegroup=221, cellpar=[3.75, 3.75, 3.75, 90, 90, 90]
            ),
            "D0₉",
        ),
        (
            crystal(
                ["C", "C"],
                [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25)],
                spacegroup=194,
                cellpar=[2.46, 2.46, 6.7, 90, 90, 120],
            ),
            "A9",
        ),
    ],
)
def test_prototype_does_not_depend_on_origin_cell_or_small_noise(atoms, symbol):
    moved = atoms * (1, 1, 2)
    moved.positions += [0.31, 0.17, 0.23]
    moved.rattle(0.003, seed=1)
    assert prototype_of(symmetry_of(moved)).strukturbericht == symbol


def test_unknown_structure_has_no_prototype():
    atoms = bulk("Si") * (1, 1, 2)
    atoms.rattle(0.4, seed=2)
    assert prototype_of(symmetry_of(atoms)) is None
