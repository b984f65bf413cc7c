"""What anyone would write in an afternoon: pyxtal's random crystals, relaxed by ASE's FIRE."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from ase.stress import full_3x3_to_voigt_6_stress
from processes import end_with_parent
from systems import FMAX_EV_A, MAX_STEPS, System
from trial import Trial

from potentials import Potential
from potentials.potential import structure_of
from potentials.primitive import primitive

PATIENCE_S = 20.0
"""pyxtal may look for a crystal without end."""


def run(system: System, seed: int, trial: Trial) -> None:
    """Until the trial stops it."""
    crystals = random_crystals(system, seed)  # its children are forked while this process is small
    first = next(crystals)
    calculator = Charged(system.load(), trial)
    atoms: Atoms | None = first
    while atoms is not None:
        atoms.calc = calculator
        try:
            FIRE(FrechetCellFilter(atoms), logfile=None).run(fmax=FMAX_EV_A, steps=MAX_STEPS)
            energy = atoms.get_potential_energy()
        except Exception:  # a cell that collapses or explodes ends alone
            trial.failed()
            calculator.reset()
        else:
            trial.candidate(atoms, energy)
        atoms = next(crystals)


class Charged(Calculator):
    """A potential for ASE, each evaluation charged to a trial."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, potential: Potential, trial: Trial) -> None:
        super().__init__()
        self._potential, self._trial = potential, trial

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """One model call."""
        super().calculate(atoms, properties, system_changes)
        answer = self._trial.evaluate(self._potential, structure_of(self.atoms))
        energies = dict.fromkeys(("energy", "free_energy"), answer.energy_eV)
        stress = full_3x3_to_voigt_6_stress(answer.stress_eV_A3)
        self.results = {**energies, "forces": answer.forces_eV_A, "stress": stress}


def random_crystals(system: System, seed: int) -> Iterator[Atoms]:
    """Primitive cells of pyxtal's crystals, any of the 230 groups, without end."""
    rng = np.random.default_rng(seed)
    while True:
        here, there = mp.Pipe()
        arguments = (there, dict(system.counts), int(rng.integers(1 << 31)))
        child = mp.get_context("fork").Process(target=_generate, args=arguments)
        child.start()
        there.close()
        try:
            if here.poll(PATIENCE_S):
                yield primitive(here.recv())
        except EOFError:
            pass
        finally:
            child.kill()
            child.join()


def _generate(out: Connection, counts: dict[str, int], seed: int) -> None:
    """The first crystal that a group, drawn evenly, takes these atoms for; `counts` are the primitive cell's."""
    from pyxtal import pyxtal

    end_with_parent()
    rng = np.random.default_rng(seed)
    while True:
        crystal = pyxtal()
        group, own_seed = int(rng.integers(1, 231)), int(rng.integers(1 << 31))
        try:
            crystal.from_random(
                3, group, list(counts), list(counts.values()), conventional=False, random_state=own_seed
            )
        except Exception:  # most groups cannot hold most compositions, which pyxtal says in several ways
            continue
        if crystal.valid:
            out.send(crystal.to_ase())
            return
