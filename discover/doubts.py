"""Should this result be believed? Universal potentials have holes: deep false minima where they were never trained.

7net-0 holds a compressed Ge3Si2 at -6.59 eV/atom, 1.7 below the elements; 7net-l3i5, trained on the same data, gives
the same atoms -0.4. A hole is an accident of one network, so another seldom has it at the same place: whatever would
lower the hull is shown to a second potential, and where the two differ by more than they ever do on real crystals it
is refused. A hull changes rarely, so this costs next to nothing.
"""

from __future__ import annotations

import math

from ase import Atoms

from discover.composition import fractions_of
from discover.engine import Engine
from discover.hull import ConvexHull
from potentials.potential import structure_of
from potentials.relax.sanity import closest_ratio

WITNESSES = {"7net-0": "7net-l3i5", "7net-l3i5": "7net-0", "chgnet": "7net-l3i5"}
SAME_SCALE = ("7net-0", "7net-l3i5")
"""Trained on the same energies."""
MAY_DIFFER_EV = 0.3
"""Per atom, between those; six times their mean error on Matbench Discovery's hard crystals (0.044-0.048 eV/atom)."""
MAY_DIFFER_ELSEWHERE_EV = 1.0
"""Where conventions differ too: CHGNet's energies hold MP2020 corrections of up to 0.7 eV per oxygen atom."""
WORTH_ASKING_EV = 0.02
"""A result that lowers the hull by less needs no witness: it changes nothing that a hole would."""
TIGHTEST = 0.6
"""Shortest bond of a believable relaxed crystal, as a share of the sum of covalent radii (V=O has 0.72, N2 0.77)."""
TIGHTEST_BELOW_GPA = 50.0
"""Bonds are judged up to here: sodium at 320 GPa has bonds of 0.57."""


def witness_of(potential: str, choice: str) -> str | None:
    """The potential to ask: `choice` is "auto", "none" or a name."""
    if choice == "none":
        return None
    return WITNESSES.get(potential) if choice == "auto" else choice


class Doubts:
    """Judges converged results of a campaign.

    engine: asks the witness.
    witness: its name, None where there is none.
    check_bonds: False where distances mean nothing (reduced units).
    """

    def __init__(
        self, engine: Engine, witness: str | None, pressure_GPa: float = 0.0, check_bonds: bool = True
    ) -> None:
        self._engine = engine
        self._pressure_GPa = pressure_GPa
        self._check_bonds = check_bonds and pressure_GPa <= TIGHTEST_BELOW_GPA
        name = engine.description["metadata"]["name"]
        alike = name in SAME_SCALE and witness in SAME_SCALE
        self._may_differ = MAY_DIFFER_EV if alike else MAY_DIFFER_ELSEWHERE_EV

    def about(self, atoms: Atoms, enthalpy_eV_per_atom: float, hull: ConvexHull) -> str:
        """Why the result is not believed, or an empty string."""
        if self._check_bonds:
            ratio = closest_ratio(structure_of(atoms), TIGHTEST)
            if ratio < TIGHTEST:
                return f"a bond of {ratio:.2f} of the sum of covalent radii"
        if hull.level(fractions_of(atoms)) - enthalpy_eV_per_atom < WORTH_ASKING_EV:
            return ""
        energy = enthalpy_eV_per_atom - self._pressure_GPa * atoms.get_volume() / len(atoms) / 160.21766208
        other = self._engine.second_opinion(atoms)
        if math.isnan(other) or abs(other - energy) <= self._may_differ:
            return ""
        if math.isinf(other):
            return f"a second potential has no energy for atoms at {energy:.2f} eV/atom"
        return f"a second potential gives the same atoms {other:.2f} eV/atom, not {energy:.2f}"
