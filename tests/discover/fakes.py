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
