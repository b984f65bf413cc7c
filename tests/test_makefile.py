"""The Makefile finds a Python that really is one, installs once, and mends an installation that was killed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Stands for Python, uv and itself inside the environment: notes what it was asked, makes what `venv` makes
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
case "$*" in
    *"venv --clear .venv"*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python; cp "$0" .venv/bin/uv ;;
    *"-r requirements.txt"*) test ! -e "$FAIL" ;;
esac
"""
BROKEN = "#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n"


@pytest.fixture
def sandbox(tmp_path):
    """A copy of what installs, and a PATH with nothing but the shell's tools."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "make", "mkdir", "rm", "cp", "touch", "basename", "awk"):
        (tools / tool).symlink_to(shutil.which(tool))
    return tmp_path


def script(folder, name, text):
    path = (folder / "tools" / name).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make(folder, *words):
    log, fail = folder / "log", folder / "fail"
    environment = {"PATH": str(folder / "tools"), "HOME": str(folder), "LOG": str(log), "FAIL": str(fail)}
    log.unlink(missing_ok=True)
    done = subprocess.run(["make", *words], cwd=folder, env=environment, capture_output=True, text=True)
    return done, log.read_text().splitlines() if log.exists() else []


def test_without_a_python_one_line_says_how_to_get_it(sandbox):
    script(sandbox, "python3.12", BROKEN)
    done, _ = make(sandbox, "install")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert lines == [
        "no Python >= 3.12 found: get it with 'pyenv install 3.12' or 'uv python install 3.12', "
        "or name one: make PYTHON=..."
    ]
    assert done.returncode == 2
    assert not (sandbox / ".venv" / ".installed").exists()


def test_a_shim_without_its_python_is_passed_over(sandbox):
    script(sandbox, "python3.12", BROKEN)
    script(sandbox, "python3.13", FAKE)
    done, log = make(sandbox, "install")
    assert done.returncode == 0, done.stderr
    assert "python3.13 -m venv --clear .venv" in log


def test_the_newest_of_pyenvs_versions_is_taken_even_with_a_space_in_its_path(sandbox):
    home = sandbox / "my home"
    for version in ("3.11.9", "3.12.7", "3.13.1"):
        script(home, f"../.pyenv/versions/{version}/bin/python", FAKE)
    found = subprocess.run(
        [".ci/find-python"],
        cwd=sandbox,
        env={"PATH": str(sandbox / "tools"), "HOME": str(home), "LOG": str(sandbox / "log")},
        capture_output=True,
        text=True,
    )
    assert found.stdout == f"{home}/.pyenv/versions/3.13.1/bin/python\n", found.stderr


def test_installs_the_pinned_packages_then_this_one_and_only_once(sandbox):
    script(sandbox, "python3.12", FAKE)
    _, log = make(sandbox, "install")
    assert [line for line in log if line.startswith("uv")] == [
        "uv pip install -q --python .venv/bin/python -r requirements.txt",
        "uv pip install -q --python .venv/bin/python --no-deps -e .",
    ]
    assert make(sandbox, "install")[1] == []
    os.utime(sandbox / "requirements.txt", (2e9, 2e9))  # newer than any stamp
    assert make(sandbox, "install")[1]


def test_an_installation_that_was_killed_is_made_anew(sandbox):
    script(sandbox, "python3.12", FAKE)
    (sandbox / "fail").touch()
    assert make(sandbox, "install")[0].returncode == 2
    (sandbox / "fail").unlink()
    done, log = make(sandbox, "install")
    assert done.returncode == 0, done.stderr
    assert "python3.12 -m venv --clear .venv" in log
    assert (sandbox / ".venv" / ".installed").exists()


def test_a_demo_that_was_stopped_goes_on(sandbox):
    command = "discover run campaigns/si-ge.yaml --out runs/si-ge"
    assert f"{command} \n" in make(sandbox, "-n", "demo")[0].stdout
    (sandbox / "runs" / "si-ge").mkdir(parents=True)
    (sandbox / "runs" / "si-ge" / "campaign.yaml").touch()
    assert f"{command} --resume\n" in make(sandbox, "-n", "demo")[0].stdout


def test_an_unknown_benchmark_is_refused(sandbox):
    done, _ = make(sandbox, "-o", ".venv/.installed", "bench")
    assert done.returncode == 2
    assert done.stderr.startswith("bench: no campaigns/benchmarks//run.py; give one of:")


def test_the_lock_pins_versions_and_says_nothing_of_where_they_came_from():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        requirement = line.partition(" ; ")[0]
        name, _, version = requirement.partition("==")
        assert name and version and not set(requirement) & set("/@: "), line
