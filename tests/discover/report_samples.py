"""Synthetic runs for tests of the report and a look at its page: real structure types, invented energies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from scipy.optimize import linprog

from discover.pipeline.record import HitRecord, PropertiesRecord
from discover.pipeline.results import StageResult
from discover.records import CandidateRecord, Hull, HullEntry, RunRecord
from discover.report.symmetry import symmetry_of

OPERATORS = ("random", "heredity", "permutation", "strain", "prototype")
FAILURES = (
    ("failed", "NeighborOverflowError: 512 neighbours of atom 3, room for 256"),
    ("failed", "energy -94.1 eV/atom is below the plausible floor of -20.0"),
    ("pruned", "shortest distance 0.81 Å is below 1.20 Å"),
    ("unconverged", "largest force 0.21 eV/Å after 300 steps"),
)
POTENTIAL = {
    "name": "7net-0",
    "version": "0.13.0",
    "sha256": "0" * 64,
    "functional": "PBE",
    "licence": "GPL-3.0",
}


def binary(n: int = 160) -> RunRecord:
    """Si-Ge: one weakly bound compound among many that are not."""
    known = [
        (bulk("Si"), -5.42),
        (bulk("Ge"), -4.49),
        (bulk("SiGe", "zincblende", 5.54), -4.962),
        (bulk("Si", "bcc", 3.09), -4.9),
        (crystal(["Si"], [(0, 0, 0)], spacegroup=141, cellpar=[4.8, 4.8, 2.63, 90, 90, 90]), -5.15),
        (_ordered("Si", "Ge", 3, 5.49), -5.185),
        (_ordered("Ge", "Si", 3, 5.6), -4.712),
    ]
    return _run("Si-Ge", ("Si", "Ge"), known, n, spread_eV=0.35)


def warm(n: int = 40) -> RunRecord:
    """Si-Ge with the vibrations of Einstein solids: one phase unstable, one failed, one without a structure."""
    run = binary(n)
    near = [e for e in run.hull.entries if e.on_hull or e.e_above_hull_eV_per_atom < 0.3]
    temperatures = np.arange(0.0, 1001.0, 20.0)
    hits = []
    for k, entry in enumerate(near):
        quantum = 0.05 - 0.001 * k
        with np.errstate(divide="ignore"):
            free = 3 * (quantum / 2 + 8.617e-5 * temperatures * np.log1p(-np.exp(-quantum / (8.617e-5 * temperatures))))
        stable = entry.on_hull or k != len(near) - 1
        found = {
            "temperatures_K": temperatures.tolist(),
            "free_energy_eV_per_atom": np.nan_to_num(free, nan=1.5 * quantum).tolist(),
            "dynamically_stable": stable,
            "min_frequency_THz": 0.1 if stable else -2.5,
        }
        results = {"phonons": StageResult("phonons", "done", POTENTIAL, {"supercell_length_A": 12.0}, result=found)}
        if k == 1:
            results["elastic"] = StageResult("elastic", "failed", POTENTIAL, {}, "does not come to rest: <b>really</b>")
        shown = {"id": entry.id, "formula": entry.formula, "space_group": entry.space_group}
        shown |= {"e_above_hull_eV_per_atom": entry.e_above_hull_eV_per_atom, "on_hull": entry.on_hull}
        hits.append(HitRecord(shown, results))
    return replace(run, properties=PropertiesRecord(POTENTIAL, hits, [{"id": "mp-1", "formula": "Ge"}]))


def ternary(n: int = 260) -> RunRecord:
    """Ti-C-O: carbides, oxides, and what lies between."""
    graphite = crystal(
        ["C", "C"],
        [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25)],
        spacegroup=194,
        cellpar=[2.46, 2.46, 6.7, 90, 90, 120],
    )
    rutile = crystal(
        ["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=[4.59, 4.59, 2.96, 90, 90, 90]
    )
    anatase = crystal(
        ["Ti", "O"], [(0, 0, 0), (0, 0, 0.208)], spacegroup=141, cellpar=[3.78, 3.78, 9.51, 90, 90, 90]
    )
    corundum = crystal(
        ["Ti", "O"],
        [(0, 0, 0.345), (0.313, 0, 0.25)],
        spacegroup=167,
        cellpar=[5.15, 5.15, 13.6, 90, 90, 120],
    )
    co2 = crystal(
        ["C", "O"], [(0, 0, 0), (0.118, 0.118, 0.118)], spacegroup=205, cellpar=[5.6, 5.6, 5.6, 90, 90, 90]
    )
    o2 = Atoms("O2", positions=[[0, 0, 0], [0, 0, 1.23]], cell=[3.4, 3.4, 4.2], pbc=True)
    tic, tio = bulk("TiC", "rocksalt", 4.33), bulk("TiO", "rocksalt", 4.2)
    oxycarbide = tic * (1, 1, 2)
    oxycarbide.symbols[3] = "O"
    known = [
        (bulk("Ti"), -7.8),
        (graphite, -9.2),
        (o2, -4.9),
        (tic, -9.3),
        (tio, -8.85),
        (rutile, -9.2),
        (anatase, -9.19),
        (corundum, -9.25),
        (co2, -7.95),
        (oxycarbide, -9.16),
        (bulk("Ti", "bcc", 3.26), -7.7),
    ]
    return _run("Ti-C-O", ("Ti", "C", "O"), known, n, spread_eV=0.8)


def quaternary(n: int = 30) -> RunRecord:
    """Na-Mg-Si-O: too many elements for a figure."""
    known = [
        (bulk("Na", "bcc", 4.2), -1.3),
        (bulk("Mg"), -1.5),
        (bulk("Si"), -5.4),
        (bulk("O", "sc", 2.5), -4.5),
        (bulk("MgO", "rocksalt", 4.2), -6.0),
    ]
    return _run("Na-Mg-Si-O", ("Na", "Mg", "Si", "O"), known, n, spread_eV=0.5)


def single_composition(n: int = 90) -> RunRecord:
    """TiC: one composition, energies ranked."""
    known = [
        (bulk("TiC", "rocksalt", 4.33), -9.30),
        (bulk("TiC", "zincblende", 4.7), -8.85),
        (bulk("TiC", "cesiumchloride", 2.7), -8.6),
        (bulk("TiC", "wurtzite", 3.2, 5.2), -8.92),
        (
            crystal(
                ["Ti", "C"],
                [(0, 0, 0), (1 / 3, 2 / 3, 0.5)],
                spacegroup=187,
                cellpar=[3.06, 3.06, 2.68, 90, 90, 120],
            ),
            -9.02,
        ),
        (
            crystal(
                ["Ti", "C"],
                [(0, 0, 0), (1 / 3, 2 / 3, 0.25)],
                spacegroup=194,
                cellpar=[3.07, 3.07, 5.3, 90, 90, 120],
            ),
            -9.18,
        ),
    ]
    return _run("TiC", ("Ti", "C"), known, n, spread_eV=0.45, fixed=True)


def nothing_converged() -> RunRecord:
    """Every candidate failed: no hull at all; still running."""
    history = [_failure(i, "SiGe", {"Si": 0.5, "Ge": 0.5}) for i in range(9)]
    empty = Hull("Si-Ge", ("Si", "Ge"), POTENTIAL, ())
    return replace(_record(empty, history, {}), complete=False)


def nothing_stable() -> RunRecord:
    """Entries, but none of them on the hull (references below everything that was found)."""
    run = binary(40)
    entries = [
        replace(e, on_hull=False, e_above_hull_eV_per_atom=e.e_above_hull_eV_per_atom + 0.3)
        for e in run.hull.entries
    ]
    return replace(run, hull=replace(run.hull, entries=entries))


def hostile() -> RunRecord:
    """Text that would break a page or a figure that trusted it."""
    run = binary(30)
    evil = '<script>alert("x")</script> & </table> $\\frac{'
    history = [
        replace(r, reason=evil if r.reason else "", operator=evil if r.id % 7 == 3 else r.operator)
        for r in run.history
    ]
    return replace(run, history=history, provenance={evil: evil}, campaign={"system": evil, "notes": [evil]})


def _ordered(host: str, guest: str, n_host: int, a: float) -> Atoms:
    """Diamond's cubic cell with one atom in n_host + 1 replaced."""
    atoms = bulk(host, "diamond", a, cubic=True)
    for i in range(0, len(atoms), n_host + 1):
        atoms.symbols[i] = guest
    return atoms


def _run(
    system: str,
    elements: tuple[str, ...],
    known: Sequence[tuple[Atoms, float]],
    n: int,
    spread_eV: float,
    fixed: bool = False,
) -> RunRecord:
    """A search of n candidates that meets the known structures among random ones, duplicates and failures."""
    rng = np.random.default_rng(5)
    arrival = {int(i): k for k, i in enumerate(rng.choice(np.arange(n * 2 // 3), len(known), replace=False))}
    history: list[CandidateRecord] = []
    atoms_of: dict[int | str, Atoms] = {}
    for i in range(n):
        if i in arrival:
            atoms, energy = known[arrival[i]]
        elif rng.random() < 0.14:
            history.append(_failure(i, *_name(known[0][0], elements)))
            continue
        else:
            atoms, energy = _random_one(known, elements, rng, spread_eV * (1.4 - i / n), fixed)
        atoms_of[i] = atoms
        history.append(_success(i, atoms, energy, elements, rng))
    originals = [r for r in history if r.id in arrival]
    for r in [r for r in originals if r.id + 5 < n and (r.id + 5) not in arrival]:
        history[r.id + 5] = replace(r, id=r.id + 5, fate="duplicate", duplicate_of=r.id, operator="heredity")
    return _record(_hull(system, elements, history, fixed), history, atoms_of)


def _random_one(
    known: Sequence[tuple[Atoms, float]],
    elements: Sequence[str],
    rng: np.random.Generator,
    spread_eV: float,
    fixed: bool,
) -> tuple[Atoms, float]:
    n_atoms = int(rng.integers(2, 9))
    symbols = list(elements) * (n_atoms // 2) if fixed else list(rng.choice(elements, n_atoms))
    atoms = Atoms(
        symbols, cell=rng.uniform(3.2, 5.2, 3), scaled_positions=rng.random((len(symbols), 3)), pbc=True
    )
    if fixed:
        return atoms, known[0][1] + 0.05 + abs(rng.normal(0.3, spread_eV))
    lowest = {e: min(v for a, v in known if set(a.symbols) == {e}) for e in elements}
    mixed = float(np.mean([lowest[s] for s in symbols]))
    gain = 0.0 if len(elements) == 2 else 0.8 * (1 - max(Counter(symbols).values()) / len(symbols))
    return atoms, mixed - gain + 0.03 + abs(rng.normal(0.1, spread_eV))


def _name(atoms: Atoms, elements: Sequence[str]) -> tuple[str, dict[str, float]]:
    counts = Counter(atoms.get_chemical_symbols())
    divisor = int(np.gcd.reduce(list(counts.values())))
    formula = "".join(
        f"{e}{counts[e] // divisor if counts[e] > divisor else ''}" for e in elements if counts[e]
    )
    return formula, {e: counts[e] / len(atoms) for e in elements if counts[e]}


def _success(
    i: int, atoms: Atoms, energy: float, elements: Sequence[str], rng: np.random.Generator
) -> CandidateRecord:
    formula, composition = _name(atoms, elements)
    symmetry = symmetry_of(atoms)
    steps = int(rng.integers(12, 180))
    operator = OPERATORS[int(rng.integers(2)) if i < 20 else int(rng.integers(len(OPERATORS)))]
    return CandidateRecord(
        i,
        operator,
        (),
        formula,
        composition,
        len(atoms),
        float(energy),
        "converged",
        "",
        None,
        steps + 1,
        steps,
        symmetry.number if symmetry else None,
        0.04,
        2.1 * i,
    )


def _failure(i: int, formula: str, composition: dict[str, float]) -> CandidateRecord:
    fate, reason = FAILURES[i % len(FAILURES)]
    return CandidateRecord(
        i,
        OPERATORS[i % 3],
        (),
        formula,
        composition,
        4,
        None,
        fate,
        reason,
        None,
        40,
        39,
        None,
        None,
        2.1 * i,
    )


def _hull(system: str, elements: tuple[str, ...], history: Sequence[CandidateRecord], fixed: bool) -> Hull:
    records = [r for r in history if r.fate == "converged"]
    x = np.array([[r.composition.get(e, 0.0) for e in elements] for r in records])
    energy = np.array([r.energy_eV_per_atom for r in records], dtype=float)
    pure = [min(energy[x[:, k] > 0.999], default=0.0) for k in range(len(elements))]
    entries = []
    for r, fractions, e in zip(records, x, energy, strict=True):
        lowest = linprog(energy, A_eq=x.T, b_eq=fractions, bounds=(0, None)).fun
        above = max(0.0, float(e - lowest)) if e - lowest > 1e-9 else 0.0
        formation = above if fixed else float(e - fractions @ pure)
        entries.append(
            HullEntry(r.id, r.formula, r.composition, float(e), formation, above, r.space_group, above == 0)
        )
    entries.sort(key=lambda h: (h.e_above_hull_eV_per_atom, h.energy_eV_per_atom))
    return Hull(system, elements, POTENTIAL, entries)


def _record(hull: Hull, history: Sequence[CandidateRecord], atoms_of: dict[int | str, Atoms]) -> RunRecord:
    campaign = {
        "system": hull.system,
        "potential": "7net-0",
        "seed": 7,
        "search": {"searcher": "genetic", "candidates": len(history), "atoms": [2, 8], "pressure_GPa": 0},
        "relax": {"fmax_eV_A": 0.05, "max_steps": 300},
    }
    provenance = {
        "seed": 7,
        "potential": "7net-0",
        "checkpoint SHA-256": "0" * 64,
        "training functional": "PBE",
        "discover": "0.1.0",
        "torch": "2.13.0",
        "machine": "2 CPU cores",
        "started": "2026-01-01 00:00 UTC",
        "resumes": 0,
    }
    return RunRecord(
        hull.system,
        hull.elements,
        campaign,
        hull,
        history,
        atoms_of.__getitem__,
        provenance,
        2.1 * len(history),
    )
