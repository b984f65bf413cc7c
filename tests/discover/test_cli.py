"""The command line: words in, exit codes out, one line for bad input, one JSON object for `--json`."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

import discover.campaign
from discover.cli import main
from discover.errors import InputError

CAMPAIGN = "system: Cu-Au\npotential: emt\nseed: 3\nsearch:\n  candidates: 4\n  atoms: [1, 2]\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cu-au.yaml").write_text(CAMPAIGN)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    (folder / "cu-au.yaml").write_text(CAMPAIGN)
    assert main(["run", str(folder / "cu-au.yaml"), "--out", str(folder / "run"), "--workers", "0"]) == 0
    return folder / "run"


def only_object(text):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_run_says_what_was_found_and_where_the_report_is(here, capsys):
    assert main(["run", "cu-au.yaml", "--workers", "0", "--set", "search.candidates=2"]) == 0
    out, err = capsys.readouterr()
    assert "structures in" in out and "on the hull: " in out
    assert out.splitlines()[-1] == "report: runs/cu-au/report/index.html"
    assert Path("runs/cu-au/report/index.html").is_file()
    assert "searching: 0/2 candidates" in err and "2/2: " in err


BAD = {
    "run cu-au.yaml --set search.candidtes=3": "--set: search.candidtes: unknown key; did you mean 'candidates'?",
    "run cu-au.yaml --set search.atoms=[0,2]": "--set: search.atoms[0]: must be at least 1 (is 0)",
    "run none.yaml": "none.yaml: no such file",
    "run cu-au.yaml --seed -1": "--seed: seed: must be at least 0 (is -1)",
    "run cu-au.yaml --seed x": "discover run: Invalid value for '--seed': ",
    "run cu-au.yaml --workers 0 --set potential=emtt": "potential: unknown potential 'emtt'; did you mean 'emt'?",
    "run cu-au.yaml --workers 0 --set system=Cu-Si": "system: emt does not know Si; `discover potentials` lists",
    "run": "discover run: Missing argument 'CAMPAIGN.yaml'; see `discover run --help`",
    "run cu-au.yaml --frobnicate": "discover run: No such option: --frobnicate; see `discover run --help`",
    "rnu": "discover: No such command 'rnu'",
    "status .": ".: no run folder (it has no campaign.yaml and candidates.db); give what --out was",
    "hull nowhere --json": "nowhere: no run folder",
    "report nowhere": "nowhere: no run folder",
    "export nowhere --format cif": "nowhere: no run folder",
    "export nowhere --format pdf": "discover export: Invalid value for '--format': ",
    "export nowhere": "discover export: Missing option '--format'",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_line_on_stderr_and_code_2(here, capsys, words):
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    *progress, line = err.splitlines()
    assert line.startswith(BAD[words])
    assert all("starting the workers" in p for p in progress)
    assert out == ""


def test_an_existing_run_is_kept(finished, capsys):
    assert main(["run", str(finished.parent / "cu-au.yaml"), "--out", str(finished), "--workers", "0"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == f"{finished}: holds a run already; go on with --resume or choose another --out"


def test_a_finished_run_may_be_resumed(finished):
    words = ["run", str(finished.parent / "cu-au.yaml"), "--out", str(finished), "--workers", "0", "--resume"]
    assert main(words) == 0


def test_hull_json_is_one_object_with_the_keys_of_the_design(finished, capsys):
    assert main(["hull", str(finished), "--json"]) == 0
    hull = only_object(capsys.readouterr().out)
    assert {"system", "potential", "anchored", "entries"} <= set(hull)
    assert set(hull["entries"][0]) == {
        *("id", "formula", "composition", "energy_eV_per_atom", "formation_energy_eV_per_atom"),
        *("e_above_hull_eV_per_atom", "sigma_eV_per_atom", "p_stable", "space_group", "anchored", "on_hull", "rung"),
        *("domain_distance", "in_domain", "expected_error_eV_per_atom"),
    }
    assert hull["entries"][0]["sigma_eV_per_atom"] is None


def test_hull_and_status_in_words(finished, capsys):
    assert main(["hull", str(finished)]) == 0
    first, head, *rows = capsys.readouterr().out.splitlines()
    assert first == "Cu-Au with emt"
    assert head.split()[:3] == ["formula", "group", "eV/atom"]
    assert any("on hull" in row for row in rows)
    assert main(["status", str(finished)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["Cu-Au with emt: complete", "candidates: 4/4"]


def test_status_json_is_one_object(finished, capsys):
    assert main(["status", str(finished), "--json"]) == 0
    status = only_object(capsys.readouterr().out)
    assert (status["system"], status["state"], status["candidates"]["done"]) == ("Cu-Au", "complete", 4)


def test_an_export_joins_another_hull(finished, capsys):
    assert main(["export", str(finished), "--format", "entries"]) == 0
    assert "phases in" in capsys.readouterr().out
    assert main(["hull", str(finished), "--json", "--references", str(finished / "export" / "entries.json")]) == 0
    ids = [e["id"] for e in only_object(capsys.readouterr().out)["entries"]]
    assert any(str(i).startswith("Cu-Au-") for i in ids)


def test_report_is_written_again(finished, capsys):
    page = finished / "report" / "index.html"
    page.unlink()
    assert main(["report", str(finished)]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    assert page.is_file()


def test_potentials_json_is_one_object_whatever_libraries_print(capsys, monkeypatch):
    def chatty():
        print("CHGNet initialised")
        return [{"name": "emt", "installed": True, "version": "1", "elements": ["Cu"], "x": float("nan")}]

    monkeypatch.setattr("potentials.registry.available", chatty)
    assert main(["potentials", "--json"]) == 0
    assert only_object(capsys.readouterr().out)["potentials"][0]["x"] is None
    assert main(["potentials"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ["emt", "1", "-", "1"]


def test_nothing_typed_shows_help(capsys):
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def replace_run(monkeypatch, error):
    def run(self, *args, **kwargs):
        raise error

    monkeypatch.setattr(discover.campaign.Campaign, "run", run)


def test_a_fault_of_the_program_keeps_its_traceback(here, capsys, monkeypatch):
    replace_run(monkeypatch, ZeroDivisionError("surprise"))
    assert main(["run", "cu-au.yaml"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "ZeroDivisionError: surprise" in err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=["Ctrl-C", "Ray's SIGTERM"])
def test_an_interruption_says_how_to_go_on(here, capsys, monkeypatch, error):
    replace_run(monkeypatch, error)
    assert main(["run", "cu-au.yaml", "--seed", "5", "--set", "search.atoms=[1, 3]"]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == (
        "interrupted; everything finished is kept in runs/cu-au; go on with: "
        "discover run cu-au.yaml --out runs/cu-au --resume --seed 5 --set 'search.atoms=[1, 3]'"
    )


def test_messages_stay_one_line():
    assert str(InputError("a\nb")) == "a b"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_signal_keeps_what_was_finished(here, number, capsys):
    program = f"import signal, sys; signal.signal({int(signal.SIGINT)}, signal.default_int_handler); "
    program += "from discover.cli import main; sys.exit(main())"
    words = ["run", "cu-au.yaml", "--workers", "0", "--set", "search.candidates=100000"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words], env=environment, stderr=subprocess.PIPE, text=True
    )
    log = here / "runs" / "cu-au" / "log.jsonl"
    deadline = time.monotonic() + 120
    while not log.exists() or log.read_text().count("\n") < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].startswith("interrupted; everything finished is kept in runs/cu-au; go on with: ")
    assert main(["status", "runs/cu-au", "--json"]) == 0
    assert sum(only_object(capsys.readouterr().out)["candidates"]["by_fate"].values()) >= 3


def test_version_is_one_line(capsys):
    assert main(["--version"]) == 0
    name, number = capsys.readouterr().out.split()
    assert name == "discover" and number == version("discover-materials")
