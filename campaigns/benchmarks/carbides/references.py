"""The reference hull: elements, published carbides and the lowest orderings of rocksalt, relaxed with 7net-0.

Made once, then read from the file beside this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import spglib
from ase import Atoms
from ase.io import read, write
from orderings import orderings, rocksalt_tic
from published import LAYERED, ORDERINGS, other_hosts

from discover.composition import formula_of, fractions_of
from discover.elements import element_prototypes
from discover.hull import ConvexHull
from potentials import Potential, RelaxSettings, load
from potentials.potential import structure_of
from potentials.primitive import space_group
from potentials.relax import relax

FILE = Path(__file__).with_name("references.extxyz")
MOST_CELLS, MOST_ATOMS = 8, 13
"""Of the orderings that are enumerated: Ti8C5 has 13 atoms."""
LEAST_CARBON = 0.5
"""Carbon atoms a titanium atom: below, rocksalt carbides are far above the hull (Ti3C by 60 meV/atom)."""
RELAXED_EACH = 6
"""Of a composition's orderings, the lowest at TiC's lattice constant are relaxed."""
SETTINGS = RelaxSettings(fmax_eV_A=0.01, max_steps=500)
"""Energies good to 0.1 meV/atom, where campaigns stop at 0.05 eV/Å."""
ON_HULL_EV = 1e-6
SAME_EV = 0.0005
"""Per atom: stackings of one phase (Ti6C5's differ by 0.3 meV); the next phase, Ti7C6, is 0.8 above."""
PROTOTYPE = "a campaign's prototype"
IDEAL_A, RELAXED_A = 1e-3, 0.05
"""Tolerances of space groups."""


def references() -> list[Atoms]:
    """The stored structures; `info` says name, kind, source, groups and energies (eV/atom)."""
    if not FILE.exists():
        write(FILE, _with_hull(_made()))
    return read(FILE, index=":")


def on_hull(structures: Iterable[Atoms]) -> dict[str, list[Atoms]]:
    """Compounds on the hull by formula, the metal's side first; of each what 7net-0 can hardly tell apart."""
    found: dict[str, list[Atoms]] = {}
    for atoms in sorted(structures, key=lambda a: (fractions_of(a).get("C", 0.0), a.info["above_hull_eV"])):
        formula = atoms.info["formula"]
        lowest = atoms.info["above_hull_eV"] < ON_HULL_EV and len(set(atoms.symbols)) == 2
        if lowest or (formula in found and atoms.info["above_hull_eV"] < SAME_EV):
            found.setdefault(formula, []).append(atoms)
    return found


def _made() -> Iterator[Atoms]:
    potential = load("7net-0", "cpu")
    for element in ("Ti", "C"):
        for name, atoms in element_prototypes(element).items():
            yield from _relaxed(potential, [atoms], f"{element}, {name}", "element", PROTOTYPE)
    yield from _relaxed(potential, [rocksalt_tic()], "TiC, rocksalt", "published", PROTOTYPE)
    for cells, carbons in _compositions():
        yield from _ordered(potential, cells, carbons)
    for kind, known in (("published", LAYERED), ("other host", other_hosts())):
        for name, (atoms, group, source) in known.items():
            assert _group(atoms) == group, f"{name} has group {_group(atoms)}, not {group}"
            yield from _relaxed(potential, [atoms], name, kind, source)


def _compositions() -> list[tuple[int, int]]:
    """(titanium, carbon) atoms of the cells enumerated."""
    sizes = ((n, m) for n in range(2, MOST_CELLS + 1) for m in range(1, n))
    return [(n, m) for n, m in sizes if n + m <= MOST_ATOMS and m >= LEAST_CARBON * n]


def _ordered(potential: Potential, cells: int, carbons: int) -> Iterator[Atoms]:
    """The lowest ordering of a composition, and the lowest of each symmetry that is published."""
    known = list(orderings(cells, carbons))
    unrelaxed = potential.evaluate([structure_of(a) for a in known])
    ranked = sorted(range(len(known)), key=lambda k: unrelaxed[k].energy_eV)
    name = f"Ti{cells}C{carbons}" if carbons > 1 else f"Ti{cells}C"
    note = f"of {len(known)} orderings"
    best = list(_relaxed(potential, [known[k] for k in ranked[:RELAXED_EACH]], f"{name}, lowest", "ordering", note))
    yield from best
    for ordering in ORDERINGS:
        if (ordering.cells, ordering.carbons) == (cells, carbons):
            alike = [a for a in known if _group(a) == ordering.group]
            yield from _relaxed(potential, alike, f"{name}, {_symbol(alike[0])}", "published", ordering.source)


def _relaxed(potential: Potential, starts: Sequence[Atoms], name: str, kind: str, source: str) -> Iterator[Atoms]:
    """The lowest of the starts, relaxed; nothing where none ends at rest."""
    ended = [r for r in relax(potential, starts, SETTINGS) if r.outcome == "converged"]
    if not ended:
        return
    best = min(ended, key=lambda r: r.energy_eV / len(r.atoms))
    atoms = best.atoms.copy()
    atoms.info = {
        "name": name,
        "kind": kind,
        "source": source,
        "ideal_group": _group(starts[best.id]) or 0,
        "relaxed_group": space_group(atoms, RELAXED_A) or 0,
        "energy_eV_per_atom": best.energy_eV / len(atoms),
    }
    print(f"{name}: {atoms.info['energy_eV_per_atom']:.4f} eV/atom, {len(atoms)} atoms", flush=True)
    yield atoms


def _with_hull(structures: Iterable[Atoms]) -> list[Atoms]:
    """The same with formation energies and energies above their hull."""
    known = list(structures)
    hull = ConvexHull(("Ti", "C"), [(fractions_of(a), a.info["energy_eV_per_atom"]) for a in known])
    for atoms in known:
        fractions, energy = fractions_of(atoms), atoms.info["energy_eV_per_atom"]
        atoms.info["formula"] = formula_of(fractions)
        atoms.info["formation_eV"] = hull.formation(fractions, energy)
        atoms.info["above_hull_eV"] = energy - hull.level(fractions)
    return known


def _group(atoms: Atoms) -> int | None:
    return space_group(atoms, IDEAL_A)


def _symbol(atoms: Atoms) -> str:
    cell = atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
    return spglib.get_symmetry_dataset(cell, symprec=IDEAL_A).international
