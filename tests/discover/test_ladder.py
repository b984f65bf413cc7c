"""The ladder of fidelities: who climbs, what a kill leaves, and that two potentials never stand on one hull."""

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from discover import Campaign, InputError, RunFolder
from discover.cli import main
from discover.config import CampaignConfig
from discover.config_sections import RerankSettings
from discover.hull import build_hull
from discover.ladder import climbers, has_corners, join_rungs, risen_structures
from discover.progress import Silent
from discover.records import CandidateRecord
from potentials import Metadata

OPTIONS = {"eV_per_atom": 0.5, "compounds_eV": 0.1}
STIFF = {"potential": "ase:tests.discover.fakes:Stiffer", "options": OPTIONS, "most": 9}
CONFIG = {
    "system": "Cu-Au",
    "potential": "emt",
    "seed": 3,
    "search": {"candidates": 12, "atoms": [1, 4], "genetic": {"population": 6}},
    "ladder": {"rerank": STIFF},
    "report": {"near_hull_eV_per_atom": 0.01},  # pictures are what takes time here
}


def campaign(rerank=None, **changes):
    ladder = {"ladder": {"rerank": STIFF | (rerank or {})}}
    return Campaign(CampaignConfig.model_validate(CONFIG | ladder | changes))


def record(id, composition, energy, fate="converged", duplicate_of=None):
    formula = "".join(composition)
    return CandidateRecord(
        id, "random", (), formula, composition, 2, energy, fate, "", duplicate_of, 10, 9, 225, 0.01, float(id)
    )


LOW = Metadata("low", "1")
HIGH = Metadata("high", "1")
HISTORY = [
    record(0, {"Cu": 1.0}, -3.0),
    record(1, {"Cu": 1.0}, -2.99),
    record(2, {"Cu": 1.0}, -2.5),
    record(3, {"Au": 1.0}, -2.0),
    record(4, {"Cu": 0.5, "Au": 0.5}, -2.6),
    record(5, {"Cu": 0.5, "Au": 0.5}, -2.58),
    record(6, {"Cu": 0.5, "Au": 0.5}, -2.59, "duplicate", 5),
    record(7, {"Cu": 0.75, "Au": 0.25}, -2.7),
]
SEARCHED = build_hull("Cu-Au", ("Cu", "Au"), LOW.to_json(), HISTORY)


def ids(entries):
    return [e.id for e in entries]


def test_corners_climb_first_and_always_and_the_lowest_of_each_composition_before_the_rest():
    assert ids(climbers(SEARCHED.entries, RerankSettings(within_eV_per_atom=0.2, most=20))) == [0, 1, 3, 4, 7, 6]
    assert ids(climbers(SEARCHED.entries, RerankSettings(within_eV_per_atom=0.2, most=5))) == [0, 1, 3, 4, 7]
    assert ids(climbers(SEARCHED.entries, RerankSettings(within_eV_per_atom=0.0, most=1))) == [0, 1, 3, 4]


def test_the_next_phase_of_an_element_takes_the_place_of_a_corner_that_failed():
    settings = RerankSettings(within_eV_per_atom=0.0, most=1)
    assert set(ids(climbers(SEARCHED.entries, settings, failed={0, 1}))[:2]) == {2, 3}


def test_a_hull_of_the_top_rung_waits_for_its_corners():
    cu, compound = record(0, {"Cu": 1.0}, -7.0), record(4, {"Cu": 0.5, "Au": 0.5}, -6.6)
    gold = record(3, {"Au": 1.0}, -6.0)
    assert not has_corners(SEARCHED, [])
    assert not has_corners(SEARCHED, [cu, compound])
    assert not has_corners(SEARCHED, [cu, compound, replace(gold, fate="failed", energy_eV_per_atom=None)])
    assert has_corners(SEARCHED, [cu, compound, gold])


def test_what_stayed_below_is_listed_last_with_its_own_hull_and_never_stands_on_one():
    top = [
        record(0, {"Cu": 1.0}, -7.0),
        record(3, {"Au": 1.0}, -6.0),
        record(6, {"Cu": 0.5, "Au": 0.5}, -6.7),  # another copy of 5
        record(4, {"Cu": 0.5, "Au": 0.5}, None, "failed"),
    ]
    hull = build_hull("Cu-Au", ("Cu", "Au"), HIGH.to_json(), top)
    joined = join_rungs(SEARCHED, hull, HISTORY, risen_structures(HISTORY, top))
    assert {e.id for e in joined.entries[:3]} == {0, 3, 6}
    assert [e.rung for e in joined.entries] == ["high"] * 3 + ["low"] * 4
    assert not any(e.on_hull for e in joined.entries[3:])
    below = {e.id: e.e_above_hull_eV_per_atom for e in SEARCHED.entries}
    assert all(e.e_above_hull_eV_per_atom == below[e.id] for e in joined.entries[3:])
    assert [r["rung"] for r in joined.ladder] == ["low", "high"]
    assert joined.potential["name"] == "high"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cu-au"
    return campaign().run(out, workers=0), RunFolder.open(out)


def test_the_hull_is_the_top_rungs_and_every_entry_names_its_own(finished):
    record, folder = finished
    rungs = [e.rung for e in record.hull.entries]
    assert rungs == sorted(rungs)  # "ase:…" before "emt": re-ranked first
    assert {e.rung for e in record.hull.entries if e.on_hull} == {STIFF["potential"]}
    assert record.hull.potential["name"] == STIFF["potential"]
    written = json.loads((folder.path / "hull.json").read_text())
    assert [r["rung"] for r in written["ladder"]] == ["emt", STIFF["potential"]]
    assert [e["rung"] for e in written["entries"]] == rungs


def test_ids_and_structures_are_kept_on_the_way_up(finished):
    """The fake's energies are EMT's plus 0.5 eV an atom, 0.6 in compounds: nothing moves, and each tells its rung."""
    record, folder = finished
    searched = {e.id: e for e in record.search_hull.entries}
    high = record.hull.own_entries
    assert {e.id for e in high} <= set(searched)
    for e in high:
        # Structures are relaxed to 0.05 eV/Å already: what is left is below 1 meV/atom
        shift = 0.6 if len(e.composition) > 1 else 0.5
        assert e.energy_eV_per_atom == pytest.approx(searched[e.id].energy_eV_per_atom + shift, abs=1e-3)
        assert len(record.atoms_of(e.id)) == len(folder.store.atoms(e.id))
    structures = {r.id: r.structure for r in record.history}
    assert len({structures[e.id] for e in record.hull.entries}) == len(record.hull.entries)
    low = [e for e in record.hull.entries if e.rung == "emt"]
    assert low and all(e.energy_eV_per_atom == searched[e.id].energy_eV_per_atom for e in low)


def test_a_search_without_a_ladder_has_the_hull_that_it_had(finished, tmp_path):
    plain = Campaign(CampaignConfig.model_validate(CONFIG | {"ladder": {}})).run(tmp_path / "run", workers=0)
    assert plain.hull.to_json() == finished[0].search_hull.to_json()
    assert {e.rung for e in plain.hull.entries} == {"emt"}
    assert "ladder" not in plain.hull.to_json()
    assert not (tmp_path / "run" / "reranked.db").exists()


class Impatient(Silent):
    """Somebody who presses Ctrl-C as the re-ranking begins."""

    def start(self, total, done, doing="searching"):
        if doing.startswith("re-ranking"):
            raise KeyboardInterrupt


def test_a_finished_search_is_re_ranked_when_asked_to_and_more_of_it_when_asked_for_more(tmp_path):
    out = tmp_path / "run"
    Campaign(CampaignConfig.model_validate(CONFIG | {"ladder": {}})).run(out, workers=0)
    with pytest.raises(KeyboardInterrupt):
        campaign().run(out, resume=True, workers=0, progress=Impatient())
    assert not RunFolder.open(out).record().complete
    first = campaign().run(out, resume=True, workers=0)
    assert first.reranked and first.complete
    more = campaign({"most": 14}).run(out, resume=True, workers=0)
    assert list(more.reranked[: len(first.reranked)]) == list(first.reranked)
    assert len(more.reranked) > len(first.reranked)
    with pytest.raises(InputError, match=r"ladder.rerank.options.eV_per_atom was 0.5, is 0.7"):
        campaign({"options": OPTIONS | {"eV_per_atom": 0.7}}).run(out, resume=True, workers=0)
    without = Campaign(CampaignConfig.model_validate(CONFIG | {"ladder": {}})).run(out, resume=True, workers=0)
    assert {e.rung for e in without.hull.entries} == {"emt"}
    with pytest.raises(InputError, match=r"was re-ranked with .*Stiffer of other weights or options"):
        campaign({"options": OPTIONS | {"eV_per_atom": 0.7}}).run(out, resume=True, workers=0)


def test_status_says_how_far_the_re_ranking_is(finished):
    record, folder = finished
    status = folder.status()["rerank"]
    assert status["done"] == status["wanted"] == len(record.reranked)
    assert status["model_calls"] == sum(r.model_calls for r in record.reranked)


def test_the_report_names_rungs_and_says_how_they_differ(finished):
    """EMT's compounds are 10 to 20 meV/atom below the elements: 100 more, and all of them leave the hull."""
    record, folder = finished
    report = folder.path / "report"
    page = (report / "index.html").read_text()
    said = re.search(r"<p>Searched with emt, then (\d+) of the lowest structures (.*?)</p>", page)
    assert said is not None and int(said[1]) == sum(r.structure is not None for r in record.reranked)
    assert "left the hull; none joined it" in said[2]
    assert "No stable compound of" in page
    near = [e for e in record.hull.entries if e.on_hull or e.e_above_hull_eV_per_atom <= 0.01]
    for name in ("emt", STIFF["potential"]):
        assert page.count(f'<td data-value="{name}">') == sum(e.rung == name for e in near)
    with (report / "rungs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(r["id"]) for r in rows} == {r.id for r in record.reranked}
    for row in rows:
        assert float(row["energy_eV_per_atom"]) > float(row["search_energy_eV_per_atom"]) + 0.4
    with (report / "hull.csv").open(newline="") as file:
        assert [r["rung"] for r in csv.DictReader(file)] == [e.rung for e in record.hull.entries]
    assert (report / "rungs.png").is_file()


def test_the_hull_in_words_marks_what_was_not_re_ranked(finished, capsys):
    _, folder = finished
    assert main(["hull", str(folder.path)]) == 0
    first, head, *rows, below, far = capsys.readouterr().out.splitlines()
    assert first == f"Cu-Au with {STIFF['potential']}"
    assert head.split()[-1] == "rung"
    assert far.endswith("more than 0.01 eV/atom above the hull; --json has them all")
    assert below == "rung emt: not re-ranked; above the hull of that potential alone"
    assert not any("on hull" in row for row in rows if row.endswith(" emt"))
    assert main(["status", str(folder.path)]) == 0
    assert re.search(r"^re-ranked with \S+Stiffer: (\d+)/\1 \(", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("rerank", "message"),
    [
        ({"potential": "7net-l3"}, "ladder.rerank.potential: unknown potential '7net-l3'; did you mean '7net-l3i5'"),
        ({"potential": "emt", "options": {}}, "ladder.rerank.potential: emt is the search's own potential; give"),
        ({"potential": "ase:ase.calculators.emt:Emt"}, "ladder.rerank.potential: .* has no class 'Emt'"),
        ({"options": {"volts": 1}}, "ladder.rerank.potential: .*unexpected keyword argument 'volts'"),
        ({"potential": "contacts"}, "ladder.rerank.potential: contacts knows no energies, it only tidies"),
        ({"potential": "lj", "options": {}}, r"ladder.rerank.options: lj needs .* write options: \{sigma_A: 2\.3"),
    ],
)
def test_a_rung_that_cannot_serve_is_refused_before_anything_runs(rerank, message, tmp_path):
    with pytest.raises(InputError, match=message):
        campaign(rerank).run(tmp_path / "run", workers=0)
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize("key", ["tidy", "rerank"])
def test_a_rung_that_does_not_know_an_element_is_refused_before_anything_runs(key, tmp_path):
    lj = {"potential": "lj", "potential_options": {"sigma_A": 2.3}, "system": "Cu-Si"}
    config = CampaignConfig.model_validate(CONFIG | lj | {"ladder": {key: {"potential": "emt"}}})
    with pytest.raises(InputError, match=f"ladder.{key}.potential: emt does not know Si"):
        Campaign(config).run(tmp_path / "run", workers=0)


def test_references_belong_to_the_top_rung(finished, tmp_path):
    from discover.export import export

    record, _ = finished
    of_top, of_search = tmp_path / "top.json", tmp_path / "search.json"
    export(record, "entries", of_top)
    export(replace(record, hull=record.search_hull), "entries", of_search)
    parameters = [e["parameters"]["potential"]["name"] for e in json.loads(of_top.read_text())]
    assert set(parameters) == {STIFF["potential"]}
    again = campaign(references=str(of_top), seed=5).run(tmp_path / "run", workers=0)
    assert {e.rung for e in again.hull.entries if isinstance(e.id, str)} == {STIFF["potential"]}
    with pytest.raises(InputError, match="computed with emt, this campaign with ase:tests"):
        campaign(references=str(of_search)).run(tmp_path / "other", workers=0)
    assert not list((tmp_path / "other").iterdir())


def test_a_corner_that_fails_is_replaced_and_one_that_always_fails_leaves_the_searchs_hull(tmp_path):
    options = {"eV_per_atom": 0.5, "fails_on": 79}
    record = campaign({"options": options}).run(tmp_path / "run", workers=0)
    assert any(r.fate == "failed" for r in record.reranked)
    assert {e.rung for e in record.hull.entries} == {"emt"}
    assert record.search_hull is None


def test_cheap_calls_are_counted_apart(tmp_path):
    config = CampaignConfig.model_validate(CONFIG | {"ladder": {"tidy": {"max_steps": 3}}})
    record = Campaign(config).run(tmp_path / "run", workers=0)
    tidied = [r for r in record.history if r.tidy_calls]
    assert {r.operator for r in tidied}.isdisjoint({"prototype"})
    assert all(1 <= r.tidy_calls <= 4 for r in tidied)  # three steps are four evaluations
    # Those that the surrogate ruled out before their first model call were tidied as well
    worked_on = [r for r in record.history if r.model_calls or not r.reason.startswith("repeats")]
    assert {r.id for r in worked_on if r.operator != "prototype"} == {r.id for r in tidied}
    assert {e.rung for e in record.hull.entries} == {"emt"}


RUN = """
import sys
from tests.discover.test_ladder import campaign
campaign({"most": 12, "options": {"eV_per_atom": 0.5, "pause_s": 0.15}}).run(
    sys.argv[1], resume=len(sys.argv) > 2, workers=0
)
"""


def test_a_kill_in_the_middle_of_the_re_ranking_loses_and_repeats_nothing(tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", RUN, str(out)], start_new_session=True)
    deadline = time.monotonic() + 120
    while _reranked(out) < 2:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    halfway = RunFolder.open(out).record()
    kept = {r.id: r for r in halfway.reranked}
    assert not halfway.complete
    assert len({e.rung for e in halfway.hull.entries if e.on_hull}) == 1
    calm = {"most": 12, "options": {"eV_per_atom": 0.5, "pause_s": 0.15}}
    record = campaign(calm).run(out, resume=True, workers=0)
    assert record.complete and len(record.reranked) > len(kept)
    assert {r.id: r for r in record.reranked if r.id in kept} == kept
    assert len({r.id for r in record.reranked}) == len(record.reranked)
    assert record.history == halfway.history


def _reranked(out):
    try:
        with sqlite3.connect(f"file:{out / 'reranked.db'}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM systems").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
