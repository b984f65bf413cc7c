"""i-PI's client: one potential behind an ASE calculator. `client.py SOCKET STRUCTURE POTENTIAL THREADS CPU_FILE`.

It leaves how much processor time its evaluations took, in seconds each, in CPU_FILE.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import ase.io
import torch
from ase.calculators.socketio import SocketClient

LENNARD_JONES = {"sigma_A": 2.782, "epsilon_eV": 0.00317, "cutoff_A": 6.0}
"""Neon."""


def calculator(name: str) -> Any:
    """What users of ASE have: sevenn's own calculator; for Lennard-Jones ours, so that the cut-off is the same."""
    if name == "lj":
        from potentials import load

        return load("lj", "cpu", **LENNARD_JONES).calculator()
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator(name, device="cpu")


if __name__ == "__main__":
    socket, structure, potential, threads, cpu_file = sys.argv[1:]
    torch.set_num_threads(int(threads))
    atoms = ase.io.read(structure)
    atoms.calc = calculator(potential)
    # Warm before the server counts: e3nn's scripts are made for the first shapes they meet
    for shift in range(4):
        atoms.rattle(0.03, seed=shift)
        atoms.get_forces()
    spent: list[float] = []
    for _ in SocketClient(unixsocket=socket).irun(atoms, use_stress=False):  # sevenn's makes the stress all the same
        spent.append(time.process_time())
        Path(cpu_file).write_text(str((spent[-1] - spent[len(spent) // 4]) / max(1, len(spent) - len(spent) // 4 - 1)))
