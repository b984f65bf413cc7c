"""A campaign as a whole, on EMT's Cu-Au: nothing lost, nothing done twice, nothing unbelievable on the hull."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest

from discover import Campaign, InputError, RunFolder
from discover.config import CampaignConfig

CONFIG = {
    "system": "Cu-Au",
    "potential": "emt",
    "seed": 3,
    "search": {"candidates": 12, "atoms": [1, 4], "genetic": {"population": 6}},
}


def campaign(**changes):
    return Campaign(CampaignConfig.model_validate(CONFIG | changes))


def charged(record):
    """Candidates of the budget: no known crystals, nothing that a surrogate has ruled out before its first call."""

    def ruled_out(r):
        return r.fate == "pruned" or (r.fate == "duplicate" and r.reason.startswith("falls into"))

    return [r for r in record.history if r.operator != "prototype" and (r.model_calls or not ruled_out(r))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cu-au"
    return campaign().run(out, workers=0), RunFolder.open(out)


def test_ids_in_equal_ids_out(finished):
    record, folder = finished
    ids = [r.id for r in record.history]
    assert sorted(ids) == list(range(len(ids)))
    assert len(charged(record)) == 12
    assert folder.store.pending() == []
    assert record.complete


def test_elements_are_their_known_ground_states(finished):
    record, _ = finished
    lowest = {e.formula: e for e in reversed(record.hull.entries) if e.on_hull}
    assert lowest["Au"].energy_eV_per_atom <= -0.0001
    assert {"Cu", "Au"} <= set(lowest)
    assert all(e.e_above_hull_eV_per_atom >= 0 for e in record.hull.entries)


def test_the_folder_holds_what_the_design_says(finished):
    _, folder = finished
    for name in ("campaign.yaml", "candidates.db", "hull.json", "log.jsonl", "report/index.html"):
        assert (folder.path / name).is_file(), name
    assert list((folder.path / "structures").glob("*.cif"))
    hull = json.loads((folder.path / "hull.json").read_text())
    assert set(hull["entries"][0]) >= {"id", "formula", "composition", "e_above_hull_eV_per_atom", "on_hull"}
    log = [json.loads(line) for line in (folder.path / "log.jsonl").read_text().splitlines()]
    assert Counter(line["candidate"] for line in log).most_common(1)[0][1] == 1


def test_ase_opens_the_database(finished):
    from ase.db import connect

    _, folder = finished
    row = next(connect(folder.path / "candidates.db").select("fate=converged", sort="energy"))
    assert row.energy / row.natoms == pytest.approx(row.enthalpy_eV_per_atom)


def test_the_same_seed_makes_the_same_first_generation(finished, tmp_path):
    record, _ = finished
    other = campaign().run(tmp_path / "again", workers=0)
    first = [r for r in record.history if r.operator == "random"][:4]
    same = {r.id: r for r in other.history}
    assert all(same[r.id].energy_eV_per_atom == pytest.approx(r.energy_eV_per_atom) for r in first)


def test_an_existing_run_is_not_overwritten_and_another_is_not_resumed(finished):
    _, folder = finished
    with pytest.raises(InputError, match="go on with --resume or choose another --out"):
        campaign().run(folder.path, workers=0)
    with pytest.raises(InputError, match=r"belongs to another campaign \(seed was 3, is 4\)"):
        campaign(seed=4).run(folder.path, resume=True, workers=0)


def test_a_finished_run_goes_on_when_given_a_larger_budget(finished, tmp_path):
    out = tmp_path / "more"
    campaign().run(out, workers=0)
    larger = campaign(search=CONFIG["search"] | {"candidates": 15})
    record = larger.run(out, resume=True, workers=0)
    assert len(charged(record)) == 15


def test_references_are_part_of_hull_and_report_wherever_the_file_is_gone_to(finished, tmp_path):
    from discover.export import export

    entries = tmp_path / "entries.json"
    export(finished[0], "entries", entries)
    out = tmp_path / "run"
    record = campaign(references=str(entries), seed=5).run(out, workers=0)
    assert any(isinstance(e.id, str) for e in record.hull.entries)
    entries.unlink()
    assert "reference" in (out / "report" / "index.html").read_text()
    assert any(isinstance(e.id, str) for e in RunFolder.open(out).write_results().hull.entries)


def test_somebody_looking_on_does_not_disturb(tmp_path):
    """A reader holds the database open while the run ends."""
    out = tmp_path / "run"
    campaign().run(out, workers=0)
    reader = RunFolder.open(out).store
    assert reader.state()
    larger = campaign(search=CONFIG["search"] | {"candidates": 14})
    assert larger.run(out, resume=True, workers=0).complete
    assert (out / "report" / "index.html").is_file()


def test_a_run_without_an_elements_energy_still_has_a_report(tmp_path):
    search = CONFIG["search"] | {"prototypes": False, "candidates": 2, "atoms": [3, 3], "searcher": "random"}
    record = campaign(search=search, system="Cu-Au-Ag").run(tmp_path / "run", workers=0)
    assert not any(e.on_hull for e in record.hull.entries)
    page = (tmp_path / "run" / "report" / "index.html").read_text()
    assert "There is no hull yet" in page
    assert not re.search(r">\s*nan|nan (eV|meV)", page)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"potential": "lj"}, r"lj needs the size and depth of its atoms; for Cu write .*sigma_A: 2\.3"),
        ({"search": CONFIG["search"] | {"space_groups": [230], "atoms": [1, 1]}}, "search.space_groups: no crystal of"),
        ({"potential": "emtt"}, "potential: unknown potential 'emtt'; did you mean 'emt'"),
        ({"system": "Cu-Si"}, "system: emt does not know Si"),
        ({"potential": "7net-0", "device": "cuda"}, "device: 'cuda' is asked for, but PyTorch finds no GPU"),
        ({"witness": "nobody"}, "witness: unknown potential 'nobody'"),
        ({"witness": "ase:no.such:Thing"}, "witness: 'ase:no.such:Thing' cannot be loaded"),
        ({"potential": "ase:no.such:Thing"}, "potential: 'ase:no.such:Thing' cannot be loaded"),
    ],
)
def test_what_cannot_run_is_refused(changes, message, tmp_path):
    import torch

    if "device" in changes and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match=message):
        campaign(**changes).run(tmp_path / "run", workers=0)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written|exists and is no run folder"):
        campaign().run(tmp_path / "file" / "run", workers=0)
    with pytest.raises(InputError, match="no run folder"):
        RunFolder.open(tmp_path)


RUN = """
import sys
from tests.discover.test_campaign import campaign
campaign().run(sys.argv[1], resume=len(sys.argv) > 2, workers=0)
"""


@pytest.mark.parametrize("after", [4, 20])
def test_a_killed_campaign_resumes_without_loss_or_repetition(after, tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", RUN, str(out)], start_new_session=True)
    deadline = time.monotonic() + 120
    while _finished(out) < after:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {r.id: r for r in RunFolder.open(out).store.history()}
    assert len(kept) >= after
    record = campaign().run(out, resume=True, workers=0)
    ids = [r.id for r in record.history]
    assert sorted(ids) == list(range(len(ids)))
    assert len(charged(record)) == 12
    assert {r.id: r for r in record.history if r.id in kept} == kept


def test_what_a_surrogate_rules_out_is_not_charged_to_the_budget(tmp_path):
    """Of four atoms EMT's copper and gold have few structures: most of the later candidates fall into known ones."""
    searched = campaign(search={"candidates": 60, "atoms": [4, 4]}, relax={"surrogate": "on"})
    record = searched.run(tmp_path / "run", workers=0)
    tried = [r for r in record.history if r.operator != "prototype"]
    assert len(charged(record)) == 60
    assert len(tried) > 70
    assert {r.fate for r in tried if not r.model_calls} <= {"duplicate", "pruned"}
    assert RunFolder.open(tmp_path / "run").status()["candidates"]["done"] == 60


def _finished(out):
    try:
        with sqlite3.connect(f"file:{out / 'candidates.db'}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM systems").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
