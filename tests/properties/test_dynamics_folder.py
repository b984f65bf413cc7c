"""What a run leaves on disk, and what a kill leaves of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from potentials import load
from properties.dynamics import DynamicsSettings, Replica, run, simulate
from properties.dynamics.folder import ASKED
from properties.errors import PropertyError

ARGON = {"sigma_A": 3.4, "epsilon_eV": 0.0104, "cutoff_A": 8.0}
HOW = DynamicsSettings(
    time_step_fs=5.0, pressure_GPa=0.0, npt_ps=0.5, equilibrate_ps=0.5, produce_ps=1.5, frame_every=20,
    checkpoint_every=40,
)  # fmt: skip
KILLED = """
import sys
from pathlib import Path
from tests.properties.test_dynamics_folder import HOW, argon, replicas
from properties.dynamics import run
run(argon(), replicas(), HOW, Path(sys.argv[1]), lambda s: print(s.done, flush=True))
"""


def argon():
    return load("lj", "cpu", **ARGON)


def replicas():
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True)
    mixed = atoms.repeat((2, 1, 1))
    mixed.symbols[::3] = "Kr"
    return [Replica(atoms.repeat(2), 40.0, 1), Replica(mixed, 60.0, 2)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(argon(), replicas(), HOW, folder).flows


def assert_same(flows, others):
    for flow, other in zip(flows, others, strict=True):
        for name in ("currents_A_ps", "positions_A", "cell"):
            assert np.array_equal(getattr(flow, name), getattr(other, name)), name
        assert flow.mean_temperature_K == other.mean_temperature_K
        assert flow.energy_drift_meV_atom_ps == other.energy_drift_meV_atom_ps
        assert flow.pressure_GPa == other.pressure_GPa


def test_memory_and_files_hold_the_same(whole):
    assert_same(whole[1], simulate(argon(), replicas(), HOW))


def test_killed_and_resumed_equals_uninterrupted(whole, tmp_path):
    """kill -9 at an instant that nobody chose; the bits are the same."""
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    while int(child.stdout.readline()) < 45:
        pass
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert "done" not in json.loads((tmp_path / ASKED).read_text())
    steps = []
    flows = run(argon(), replicas(), HOW, tmp_path, lambda s: steps.append(s.done)).flows
    assert min(steps) > 1  # it went on from a checkpoint
    assert_same(flows, whole[1])


@pytest.mark.parametrize("rows", [1, 3])
def test_half_a_write_is_cut_back(whole, tmp_path, rows, monkeypatch):
    """A kill between rows and checkpoint, and in the middle of a row."""
    from properties.dynamics import stages

    saved = {"left": 9}

    def dying(self):
        saved["left"] -= 1
        if not saved["left"]:
            for path in tmp_path.glob("*.f64"):
                path.open("ab").write(b"\0" * (8 * rows + 3))
            raise InterruptedError
        return real(self)

    real = stages.Course._checkpoint
    monkeypatch.setattr(stages.Course, "_checkpoint", dying)
    with pytest.raises(InterruptedError):
        run(argon(), replicas(), HOW, tmp_path)
    monkeypatch.undo()
    assert_same(run(argon(), replicas(), HOW, tmp_path).flows, whole[1])


def test_a_finished_run_is_read_and_not_repeated(whole):
    folder, flows = whole
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"}
    steps = []
    again = run(argon(), replicas(), HOW, folder, lambda s: steps.append(s.done)).flows
    assert steps == []
    assert_same(again, flows)
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"}
    assert not list(folder.glob("*.f64"))


def test_ase_opens_the_trajectories(whole):
    folder, flows = whole
    names = sorted(path.name for path in folder.glob("*.extxyz"))
    assert names == ["000-Ar32-40K-seed1.extxyz", "001-Ar5Kr3-60K-seed2.extxyz"]
    for name, flow in zip(names, flows, strict=True):
        frames = read(folder / name, ":")
        assert len(frames) == len(flow.positions_A) == 16
        assert np.allclose([f.positions for f in frames], flow.positions_A, atol=1e-8)
        assert np.allclose(frames[3].cell.array, flow.cell, atol=1e-9)
        assert (frames[0].numbers == flow.numbers).all()
        assert frames[-1].info["time_ps"] == pytest.approx(1.5)
        assert frames[-1].info["pressure_GPa"] == pytest.approx(flow.pressure_GPa, abs=0.5)


def test_another_run_in_the_same_folder_is_refused(whole):
    folder = whole[0]
    message = r"holds a run with produce_ps 1\.5 \(asked for: 2\.0\); give another folder"
    with pytest.raises(PropertyError, match=message):
        run(argon(), replicas(), DynamicsSettings(**(vars(HOW) | {"produce_ps": 2.0})), folder)
    with pytest.raises(PropertyError, match="holds a run with another lj, of other weights, parameters or version"):
        run(load("lj", "cpu", **(ARGON | {"epsilon_eV": 0.02})), replicas(), HOW, folder)
    with pytest.raises(PropertyError, match="holds a run with other replicas"):
        run(argon(), replicas()[:1], HOW, folder)


@pytest.mark.slow
def test_two_processes_run_as_one(whole, tmp_path):
    flows = run(argon(), replicas(), DynamicsSettings(**(vars(HOW) | {"processes": 2})), tmp_path).flows
    for flow, alone in zip(flows, whole[1], strict=True):
        assert np.allclose(flow.positions_A, alone.positions_A, atol=1e-6)  # rounding, grown by chaos over 500 steps
    # Begun by two, read by one: how many ran it is no part of what it is
    assert_same(run(argon(), replicas(), HOW, tmp_path).flows, flows)


def test_what_was_stopped_is_remembered(tmp_path):
    close = bulk("Ar", "fcc", a=5.4, cubic=True).repeat(2)
    close.positions[0] = close.positions[1] + 1.5
    pair = [Replica(close, 40.0, 1), replicas()[0]]
    first = run(argon(), pair, HOW, tmp_path)
    again = run(argon(), pair, HOW, tmp_path)
    assert [s.replica for s in first.stopped] == [0]
    assert again.stopped == first.stopped
    assert_same(again.flows, first.flows)
