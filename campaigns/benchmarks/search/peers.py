"""Public peers in environments of their own, their energies served from here: one potential, one counter for all."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import numpy as np
import peer_environment
from systems import FMAX_EV_A, MAX_STEPS, System
from trial import Trial

from potentials import Potential
from potentials.neighbours import Structure

HERE = Path(__file__).parent
ENVIRONMENTS = Path("build/search-peers")
PACKAGE = {"cryspy": "cryspy", "agox": "agox", "agox-cell": "agox"}
START_S = 300.0
"""A peer imports for up to a minute on a busy machine."""


def install(packages: list[str]) -> None:
    """Make the virtual environments that are not there; each has its peer and what that asks for."""
    for package in packages:
        peer_environment.install(ENVIRONMENTS / package, HERE / f"requirements-{package}.txt")


def settings(system: System, method: str, seed: int) -> dict[str, Any]:
    """What a peer's script is told."""
    return {
        "counts": system.counts,
        "volume_A3": system.volume_A3,
        "fmax_eV_A": FMAX_EV_A,
        "max_steps": MAX_STEPS,
        "seed": seed,
        "cell": method != "agox",
        "potential": system.potential,
    }


def run(system: System, method: str, seed: int, trial: Trial) -> None:
    """Serve a peer until the trial stops it; one that ends by itself is started again, as a user would."""
    potential = system.load()
    from potentials.relax import relax

    def judge(structure: Structure, energy_eV: float) -> None:
        """AGOX keeps its cell: what it ends with is relaxed once more, and that is not charged."""
        from ase import Atoms

        atoms = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=True)
        if method == "agox":
            (done,) = relax(potential, [atoms], system.relaxing())
            if done.energy_eV == done.energy_eV:
                atoms, energy_eV = done.atoms, done.energy_eV
        trial.candidate(atoms, energy_eV)

    for attempt in range(1000):
        before = trial.calls
        with tempfile.TemporaryDirectory() as scratch:
            _session(Path(scratch), settings(system, method, seed + 1000 * attempt), method, potential, trial, judge)
            if trial.calls == before:
                log = (Path(scratch) / "log").read_text()[-1500:]
                raise RuntimeError(f"{method} ended without a model call:\n{log}")


def _session(scratch: Path, told: dict[str, Any], method: str, potential: Potential, trial: Trial, judge: Any) -> None:
    """One process of the peer, from its start to its end."""
    package = PACKAGE[method]
    (scratch / "settings.json").write_text(json.dumps(told))
    address = str(scratch / "socket")
    command = [str((ENVIRONMENTS / package / "bin" / "python").absolute()), str(HERE / f"peer_{package}.py"), address]
    with Listener(address, "AF_UNIX") as listener, (scratch / "log").open("w") as log:
        # It stays in this process's group, and ends with it
        child = subprocess.Popen(command, cwd=scratch, stdout=log, stderr=subprocess.STDOUT, env=_environment())
        try:
            connection = _accept(listener, child, address)
            if connection is not None:
                _serve(connection, potential, trial, judge)
        finally:
            child.kill()
            child.wait()


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {"PYTHONPATH": str(HERE / "peer"), "MPLBACKEND": "Agg"}


def _accept(listener: Listener, child: subprocess.Popen[bytes], address: str) -> Connection | None:
    """The peer's connection, or None where it died before it made one."""
    import threading

    met: list[Connection] = []
    thread = threading.Thread(target=lambda: met.append(listener.accept()), daemon=True)  # type: ignore[arg-type]
    thread.start()
    deadline = time.monotonic() + START_S
    while thread.is_alive() and child.poll() is None and time.monotonic() < deadline:
        thread.join(0.2)
    if thread.is_alive():
        Client(address, "AF_UNIX").close()  # lets the thread go
        thread.join()
        return None
    return met[0]


def _serve(connection: Connection, potential: Potential, trial: Trial, judge: Any) -> None:
    """Answer until the peer hangs up; `Stop` goes through."""
    while True:
        try:
            what, numbers, positions, cell, energy_eV = connection.recv()
        except (EOFError, ConnectionResetError):
            return
        structure = Structure(np.array(numbers), np.array(positions, float), np.array(cell, float))
        if what == "failed":
            trial.failed()
            answer: tuple[Any, ...] = ("ok",)
        elif what == "candidate":
            judge(structure, energy_eV)
            answer = ("ok",)
        else:
            try:
                found = trial.evaluate(potential, structure)
                answer = "ok", found.energy_eV, found.forces_eV_A, found.stress_eV_A3
            except Exception as error:  # the peer hears of it as of any calculator's failure
                answer = "error", f"{type(error).__name__}: {error}"[:300]
        connection.send(answer)
