"""Campaigns of given structures: nothing is searched, everything asked of each is computed, nothing is done twice."""

import json
import re

import pytest
from ase import Atoms
from ase.build import bulk

from discover.cli import main
from discover.config import load_campaign
from discover.errors import InputError
from discover.given.folder import GivenFolder
from discover.given.run import computes_with, run_given
from discover.learning.record import Generation, LearningRecord
from discover.pipeline.jotting import Jotting, jotted
from discover.pipeline.results import folder_of
from discover.pipeline.stages import planned
from discover.progress import Silent
from tests.discover import fake_stages


@pytest.fixture
def calls(monkeypatch):
    told = []
    fake_stages.install(monkeypatch, told, soft=("rest",), alone=())
    return told


@pytest.fixture
def campaign(tmp_path):
    def write(text="properties: [soft, alone]", structures="[cu.xyz, al.xyz]"):
        bulk("Cu", a=3.6).write(tmp_path / "cu.xyz", format="extxyz")
        bulk("Al", a=4.0).write(tmp_path / "al.xyz", format="extxyz")
        file = tmp_path / "c.yaml"
        file.write_text(f"system: Cu-Al\npotential: emt\nstructures: {structures}\n{text}\n")
        return file

    return write


def run(file, out, resume=False, **options):
    return run_given(load_campaign(file), out, Silent(), resume=resume, workers=0, **options)


def test_each_structure_goes_through_each_stage_and_no_search_is_made(tmp_path, campaign, calls):
    folder = run(campaign(), tmp_path / "run")
    assert sorted((stage, formula) for stage, formula, _ in calls) == [
        ("alone", "Al"), ("alone", "Cu"), ("soft", "Al"), ("soft", "Cu"),
    ]  # fmt: skip
    now = folder.status()
    assert now["state"] == "complete"
    assert now["structures"][0] == {
        "id": "cu", "formula": "Cu", "stages": {"rest": "done", "soft": "done", "alone": "done"}, "begun": {}
    }  # fmt: skip
    assert not (folder.path / "candidates.db").exists() and not (folder.path / "hull.json").exists()
    assert {p.name for p in (folder.path / "structures").glob("*.cif")} == {"cu.cif", "al.cif"}
    page = (folder.path / "report" / "index.html").read_text()
    assert "alone of Cu" in page and "hull" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).lower()
    hits = json.loads((folder.path / "properties" / "hits.json").read_text())["hits"]
    assert hits[0]["id"] == "cu" and hits[0]["on_hull"] is None and hits[0]["e_above_hull_eV_per_atom"] is None


def test_resume_computes_what_is_not_there_and_reads_structures_from_the_folder(tmp_path, campaign, calls):
    file, out = campaign(), tmp_path / "run"
    run(file, out)
    (out / "properties" / folder_of("al") / "soft.json").unlink()
    bulk("Cu", a=3.7).write(tmp_path / "cu.xyz", format="extxyz")  # another crystal by now
    calls.clear()
    run(file, out, resume=True)
    assert calls == [("soft", "Al", 1.0)]


def test_interrupted_keeps_what_is_finished(tmp_path, campaign, calls, monkeypatch):
    from discover.pipeline import tasks

    once = tasks._attempted

    def attempted(potential, task, progress):
        if task.key == ("al", "alone") and not (tmp_path / "again").exists():
            raise KeyboardInterrupt
        return once(potential, task, progress)

    monkeypatch.setattr(tasks, "_attempted", attempted)
    file, out = campaign(), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(file, out)
    folder = GivenFolder.open(out)
    assert folder.status()["state"] == "unfinished"
    assert "Al (al): rest done, soft done, alone waiting" in folder.status_text()
    (tmp_path / "again").touch()
    done = len(calls)
    run(file, out, resume=True)
    assert calls[done:] == [("alone", "Al", 1.0)]


def test_other_settings_leave_a_run_unfinished(tmp_path, campaign, calls):
    out = tmp_path / "run"
    run(campaign(), out)
    folder = run(campaign("properties: [{soft: {strength: 2}}]"), out, resume=True)
    assert folder.complete and calls[-1][2] == 2.0
    other = GivenFolder(out, load_campaign(campaign("properties: [{soft: {strength: 3}}]")))
    assert not other.complete


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("potential_options: {}", "properties: is missing; say what to compute of the structures, as in "
         "properties: [conductivity]"),
        ("properties: [validate]\nsearch: {candidates: 3}",
         "search: belongs to a search, and this campaign gives its structures; remove search or structures"),
        ("properties: [validate]\nanchor: {}",
         "anchor: belongs to a search, and this campaign gives its structures; remove anchor or structures"),
        ("properties: [validate]\nlearn: {oracle: {potential: emt}, explore: search}",
         "learn.explore: must be md or path where structures are given (is 'search')"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_key(tmp_path, campaign, text, message):
    with pytest.raises(InputError) as error:
        load_campaign(campaign(text))
    assert str(error.value).endswith(message)


def test_structures_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, campaign, calls):
    with pytest.raises(InputError, match=r"structures\[0\]: no such file: gone.cif"):
        load_campaign(campaign(structures="[gone.cif]"))
    (tmp_path / "b").mkdir()
    bulk("Cu", a=3.6).write(tmp_path / "b" / "cu.xyz", format="extxyz")
    bulk("Ni", a=3.5).write(tmp_path / "ni.xyz", format="extxyz")
    for structures, message in (
        ("[cu.xyz, b/cu.xyz]", "structures: two files are called cu, which names their results; rename one"),
        ("[ni.xyz]", "structures: ni.xyz holds Ni, which is no element of Cu-Al"),
    ):
        with pytest.raises(InputError) as error:
            run(campaign(structures=structures), tmp_path / "run")
        assert str(error.value) == message
    assert not (tmp_path / "run").exists()


def test_another_campaign_is_refused_and_commands_of_hulls_too(tmp_path, campaign, calls, capsys):
    out = tmp_path / "run"
    run(campaign(), out)
    with pytest.raises(InputError, match="holds a run already; go on with --resume or choose another --out"):
        run(campaign(), out)
    with pytest.raises(InputError, match=r"belongs to another campaign \(seed was 0, is 3\)"):
        run_given(load_campaign(campaign(), seed=3), out, Silent(), resume=True, workers=0)
    assert main(["hull", str(out)]) == 2
    assert "its structures were given, and there is no hull" in capsys.readouterr().err
    assert main(["status", str(out)]) == 0
    assert capsys.readouterr().out.startswith("Cu-Al with emt: complete\nCu (cu): rest done, soft done, alone done\n")
    assert main(["properties", str(out), "--only", "alone", "--set", "alone.strength=2", "--workers", "0"]) == 0
    assert "alone: alone of Cu" in capsys.readouterr().out


def test_what_is_learnt_first_computes_then(tmp_path, campaign, calls, monkeypatch):
    """In a folder of its own, by a campaign that knows nothing of properties: those may change on resuming."""
    taught = []

    def learn_in(path, config, resume, progress):
        taught.append((path.name, config.system, config.structures, config.properties, resume))
        path.mkdir(exist_ok=True)
        (path / "campaign.yaml").touch()
        newest = Generation(2, "generations/2/checkpoint.pth", "abc", 5)
        record = LearningRecord("Cu-Al", {"name": "emt"}, {"name": "emt"}, "md", "ps", 5, (newest,), finished="spent")
        record.save(path)

    monkeypatch.setattr("discover.learning.folder.learn_in", learn_in)
    monkeypatch.setattr("discover.given.run.compute_given", lambda folder, settings, progress, **options: None)
    monkeypatch.setattr(GivenFolder, "write_results", lambda folder: None)
    text = "properties: [alone]\nlearn: {oracle: {potential: emt}, structures: [cu.xyz]}"
    for resume in (False, True):
        folder = run(campaign(text), tmp_path / "run", resume=resume)
    assert taught == [("learning", "Cu-Al", [], None, False), ("learning", "Cu-Al", [], None, True)]
    newest = (tmp_path / "run" / "learning" / "generations" / "2" / "checkpoint.pth").resolve()
    settings = folder.config.properties
    assert computes_with(folder, settings).name == str(newest)
    assert computes_with(folder, settings.model_copy(update={"potential": "lj"})).name == "lj"
    assert folder.status()["learning"]["generations"] == 2


def test_a_formula_larger_than_a_searched_cell_is_a_system(tmp_path):
    Atoms("Li6PS5Cl", positions=[[k, 0, 0] for k in range(13)], cell=[20, 9, 9], pbc=True).write(tmp_path / "x.cif")
    file = tmp_path / "c.yaml"
    file.write_text("system: Li6PS5Cl\nstructures: [x.cif]\nproperties: [validate]\n")
    assert load_campaign(file).structures[0].name == "x.cif"


def test_a_stage_jots_down_where_it_stands(tmp_path):
    now = iter([0.0, 0.0, 0.0, 0.0, 10.0, 10.0, 10.0, 10.0, 10.5])
    news = []
    file = tmp_path / "a" / "md.progress"
    jot = Jotting(file, lambda: news.append(jotted(file)), lambda: next(now))
    jot.start(100, 20, "dynamics")
    jot.note(60, "producing")
    jot.note(61, "too soon to be said")
    assert news == ["dynamics, 20 %", "producing, 60 %, about 10 s left"]
    assert jotted(tmp_path / "nothing") == ""


def test_a_stage_may_say_by_its_settings_whether_it_wants_rest():
    assert [s.name for s in planned({"conductivity": {"relax": False}})] == ["validate", "conductivity"]
    assert [s.name for s in planned({"conductivity": {"relax": True}})] == ["rest", "validate", "conductivity"]
