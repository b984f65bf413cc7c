"""Make the lowest structure that any run ended with the reference, where it may be believed.

python campaigns/benchmarks/search/adopt.py [runs.jsonl ...]      then run.py again: its runs for the old one are redone
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from ase import Atoms  # noqa: E402
from ase.io import write  # noqa: E402
from systems import FOUND, TIGHT, System, reference_of, systems  # noqa: E402
from trial import BELOW_EV  # noqa: E402

import potentials  # noqa: E402
from discover.doubts import MAY_DIFFER_EV, TIGHTEST, WITNESSES  # noqa: E402
from potentials.potential import structure_of  # noqa: E402
from potentials.primitive import space_group  # noqa: E402
from potentials.relax import relax  # noqa: E402
from potentials.relax.sanity import closest_ratio  # noqa: E402


def main() -> None:
    files = [Path(name) for name in sys.argv[1:]] or [HERE / "runs.jsonl"]
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    for name, system in systems().items():
        below = [r["below_reference"] for r in rows if r["system"] == name and r.get("below_reference")]
        if below:
            _adopt(system, below)


def _adopt(system: System, below: list[dict[str, Any]]) -> None:
    """Relax all tightly; keep the lowest that stands up to what a campaign asks of its hits."""
    starts = [Atoms(b["numbers"], b["positions"], cell=b["cell"], pbc=True) for b in below]
    known = reference_of(system)
    ended = [r for r in relax(system.load(), starts, system.relaxing(TIGHT)) if r.energy_eV == r.energy_eV]
    for done in sorted(ended, key=lambda r: r.energy_eV / len(r.atoms)):
        energy = done.energy_eV / len(done.atoms)
        if energy > known.energy_eV_per_atom - BELOW_EV / 2:
            break
        doubt = _doubt(system, done.atoms, energy)
        above = 1000 * (energy - known.energy_eV_per_atom)
        print(f"{system.name}: {above:.2f} meV/atom from {known.name}: {doubt or 'adopted'}")
        if not doubt:
            atoms = done.atoms.copy()
            atoms.info = {"system": system.name, "name": f"found in group {space_group(atoms)}, {energy:.4f} eV"}
            write(FOUND, atoms, append=True)
            return


def _doubt(system: System, atoms: Atoms, energy_eV_per_atom: float) -> str:
    """Why it is not believed: short bonds, or another potential's word."""
    if system.potential == "lj":
        return ""
    ratio = closest_ratio(structure_of(atoms), TIGHTEST)
    if ratio < TIGHTEST:
        return f"a bond of {ratio:.2f} of the sum of covalent radii"
    witness = WITNESSES.get(system.potential)
    if witness is None:
        return ""
    other = potentials.load(witness, "cpu").evaluate([structure_of(atoms)])[0].energy_eV / len(atoms)
    wrong = abs(other - energy_eV_per_atom) > MAY_DIFFER_EV
    return f"{witness} gives {other:.3f} eV/atom, not {energy_eV_per_atom:.3f}" if wrong else ""


if __name__ == "__main__":
    main()
