"""i-PI's side: its input, its server, its clients, and what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

HERE = Path(__file__).parent
PROPERTIES = "[ step, potential{{electronvolt}}, kinetic_cv{{electronvolt}}, kinetic_cv({element}){{electronvolt}} ]"
INPUT = """<simulation verbosity='low'>
  <output prefix='ipi'>
    <properties stride='{every}' filename='out'> {properties} </properties>
  </output>
  <total_steps> {steps} </total_steps>
  <prng> <seed> {seed} </seed> </prng>
  <ffsocket name='driver' mode='unix' pbc='False'> <address> {socket} </address> <latency> 1e-4 </latency> </ffsocket>
  <system>
    <initialize nbeads='{beads}'>
      <file mode='ase'> start.extxyz </file>
      <masses mode='manual' units='dalton'> {masses} </masses>
      <velocities mode='thermal' units='kelvin'> {temperature} </velocities>
    </initialize>
    <forces> <force forcefield='driver'/> </forces>
    <motion mode='dynamics'>
      <fixcom> False </fixcom>
      <dynamics mode='nvt' splitting='baoab'>
        <thermostat mode='pile_l'> <tau units='femtosecond'> {tau} </tau> </thermostat>
        <timestep units='femtosecond'> {dt} </timestep>
      </dynamics>
    </motion>
    <ensemble> <temperature units='kelvin'> {temperature} </temperature> </ensemble>
  </system>
</simulation>
"""


@dataclass(frozen=True)
class Peer:
    """A run of i-PI.

    Attributes:
        rows: step, potential, kinetic by centroid virial of all and of one element, eV, (samples, 4).
        seconds_per_step: of its last three quarters.
        cpu_s: of an evaluation by a client, after the first quarter.
    """

    rows: np.ndarray
    seconds_per_step: float
    cpu_s: float


def run(
    server: str, folder: Path, atoms: Atoms, masses: np.ndarray, potential: str, *, beads: int, temperature_K: float,
    dt_fs: float, steps: int, every: int, seed: int, clients: int = 1, threads: int = 1,
    element: str = "H",
) -> Peer:  # fmt: skip
    """One after the other: server, clients, wait; files stay in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*ipi*"):
        old.unlink()
    socket = f"pi{os.getpid()}-{seed}-{clients}"
    start = atoms.copy()
    ase.io.write(folder / "start.extxyz", start, columns=["symbols", "positions"])
    listed = "[" + ", ".join(f"{m:.8f}" for m in masses) + "]"
    (folder / "input.xml").write_text(INPUT.format(
        every=every, properties=PROPERTIES.format(element=element), steps=steps, seed=seed + 1, socket=socket,
        beads=beads, masses=listed,
        temperature=temperature_K, tau=50, dt=dt_fs,
    ))  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "server.log").open("w") as log:
        going = subprocess.Popen([server, "input.xml"], cwd=folder, env=environment, stdout=log, stderr=log)
        while not Path(f"/tmp/ipi_{socket}").exists():
            if going.poll() is not None:
                raise RuntimeError((folder / "server.log").read_text()[-2000:])
            time.sleep(0.05)
        command = [sys.executable, str(HERE / "client.py"), socket, "start.extxyz", potential, str(threads)]
        helpers = [
            subprocess.Popen(
                [*command, f"ipi-cpu-{k}"], cwd=folder, env=environment | {"OMP_NUM_THREADS": str(threads)},
                stdout=log, stderr=log,
            )
            for k in range(clients)
        ]
        clock = _clock(folder / "ipi.out", going)
        for process in helpers:
            process.wait()
        if going.returncode:
            raise RuntimeError((folder / "server.log").read_text()[-2000:])
    cpu = [float((folder / f"ipi-cpu-{k}").read_text()) for k in range(clients)]
    return Peer(np.loadtxt(folder / "ipi.out"), clock, float(np.mean(cpu)))


def _clock(file: Path, going: subprocess.Popen[bytes]) -> float:
    """Seconds a step by looking at what has been written: from a quarter of the run to its end."""
    seen: list[tuple[float, int]] = []
    while going.poll() is None:
        if file.exists():
            lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
            if lines and (not seen or len(lines) > seen[-1][1]):
                seen.append((time.perf_counter(), len(lines)))
        time.sleep(0.02)
    first = seen[len(seen) // 4]
    return (seen[-1][0] - first[0]) / (seen[-1][1] - first[1])



