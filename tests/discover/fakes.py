"""Calculators that misbehave, for engines that must survive them."""

import os
import time
from pathlib import Path

import numpy as np
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT


class Killer(EMT):
    """EMT that takes its whole process down on any structure that holds silver."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if 47 in atoms.numbers:
            os._exit(1)
        super().calculate(atoms, properties, system_changes)


class Stiffer(EMT):
    """EMT with every energy shifted by so much an atom, compounds by more; raises for an element, or takes its time."""

    def __init__(self, eV_per_atom=0.5, compounds_eV=0.0, fails_on=0, pause_s=0.0):
        super().__init__()
        self.shift_eV, self.compounds_eV, self.fails_on, self.pause_s = eV_per_atom, compounds_eV, fails_on, pause_s

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if self.fails_on in atoms.numbers:
            raise RuntimeError("not this one")
        time.sleep(self.pause_s)
        super().calculate(atoms, properties, system_changes)
        mixed = len(set(atoms.numbers)) > 1
        self.results["energy"] += len(atoms) * (self.shift_eV + mixed * self.compounds_eV)


class Moody(EMT):
    """EMT that gives NaN for silver and raises for gold."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if 79 in atoms.numbers:
            raise RuntimeError("no gold today")
        super().calculate(atoms, properties, system_changes)
        if 47 in atoms.numbers:
            self.results["energy"] = np.nan


class Slow(EMT):
    """EMT that takes half a second, until the file that HURRY names is there."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if not Path(os.environ["HURRY"]).exists():
            time.sleep(0.5)
        super().calculate(atoms, properties, system_changes)
