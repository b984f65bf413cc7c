"""A run's distinct structures in the formats of other programs."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator

from discover.errors import InputError
from discover.records import HullEntry, RunRecord
from discover.report.phases import Phase, cif_of, near_phases
from discover.report.tables import hull_csv
from discover.whole_files import write_files


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        path: the file, or the folder of CIFs.
        written: number of phases in it.
        left_out: ids of phases whose structures are not this run's (references, structures of files with DFT energies).
        lower: how many were left out as their energies are of a lower rung than the hull's.
    """

    path: Path
    written: int
    left_out: tuple[int | str, ...] = ()
    lower: int = 0


def export(run: RunRecord, fmt: str, path: Path, near_hull_eV_per_atom: float | None = None) -> Exported:
    """Write the phases of the run's hull, those near it only where a distance is given.

    fmt: "cif" (a folder of conventional cells), "extxyz", "csv", "entries" (a JSON list of pymatgen
        ComputedStructureEntry, each naming its potential; those of the hull's own).

    Raises:
        InputError: nothing to write, an unknown format, a path that cannot be written.
    """
    if fmt not in FORMATS:
        raise InputError(f"--format {fmt}: unknown; use one of {', '.join(FORMATS)}")
    run = _near(run, near_hull_eV_per_atom)
    if not run.hull.entries:
        raise InputError(f"{path}: nothing to export; the run has no converged structure yet")
    # pymatgen would put all of them on one hull
    kept = run.hull.own_entries if fmt == "entries" else run.hull.entries
    lower = len(run.hull.entries) - len(kept)
    run = replace(run, hull=replace(run.hull, entries=kept))
    # References stand on the hull with their energies; their structures are somebody else's
    left_out = () if fmt == "csv" else tuple(e.id for e in run.hull.entries if not _is_ours(e))
    try:
        FORMATS[fmt](run, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --out") from None
    return Exported(path, len(run.hull.entries) - len(left_out), left_out, lower)


def _near(run: RunRecord, limit_eV: float | None) -> RunRecord:
    entries = run.hull.entries
    if limit_eV is not None:
        entries = [e for e in entries if e.on_hull or e.e_above_hull_eV_per_atom <= limit_eV]
    return replace(run, hull=replace(run.hull, entries=entries))


def _is_ours(entry: HullEntry) -> bool:
    """Candidates have numbers, references have names."""
    return isinstance(entry.id, int)


def _structures(run: RunRecord) -> Iterator[tuple[HullEntry, Atoms]]:
    for entry in run.hull.entries:
        if _is_ours(entry):
            yield entry, run.atoms_of(entry.id)


def _phases(run: RunRecord) -> Iterator[Phase]:
    ours = [e for e in run.hull.entries if _is_ours(e)]
    return near_phases(replace(run, hull=replace(run.hull, entries=ours)), math.inf)


def _write(path: Path, text: str) -> None:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a file's name as --out")
    write_files(path.parent, {path.name: text.encode()})


def _cif(run: RunRecord, folder: Path) -> None:
    """One file a phase; files of an earlier export go, files of anybody else stop it."""
    ours = re.compile(r"\w+-(\d+|x)-\d+\.cif")
    old = list(folder.iterdir()) if folder.is_dir() else []
    strangers = sorted(p.name for p in old if not ours.fullmatch(p.name))
    if strangers or folder.is_file():
        what = f"holds other files ({strangers[0]})" if strangers else "is a file"
        raise InputError(f"{folder}: {what}; give a new or empty folder as --out")
    files = {f"{p.file_stem}.cif": text.encode() for p in _phases(run) if (text := cif_of(p)) is not None}
    write_files(folder, files)
    for path in old:
        if path.name not in files:
            path.unlink()


def _extxyz(run: RunRecord, path: Path) -> None:
    """Energies as ASE reads them back; at a pressure E = H - PV, and the enthalpy beside it."""
    text = io.StringIO()
    for entry, atoms in _structures(run):
        single = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
        enthalpy_eV = entry.energy_eV_per_atom * len(atoms)
        pv_eV = run.hull.pressure_GPa * units.GPa * atoms.get_volume()
        single.calc = SinglePointCalculator(single, energy=enthalpy_eV - pv_eV)
        single.info = {k: v for k, v in _known(run, entry).items() if v is not None}
        if run.hull.pressure_GPa:
            single.info["enthalpy_eV_per_atom"] = entry.energy_eV_per_atom
        ase.io.write(text, single, format="extxyz")
    _write(path, text.getvalue())


def _csv(run: RunRecord, path: Path) -> None:
    _write(path, hull_csv(run, list(_phases(run))))


def _entries(run: RunRecord, path: Path) -> None:
    """What `--references` reads: each entry says which potential its energy is of."""
    from pymatgen.entries.computed_entries import ComputedStructureEntry
    from pymatgen.io.ase import AseAtomsAdaptor

    potential = dict(run.hull.potential)
    if run.anchoring is not None:  # another method, by name alone: nobody's references may take it for the potential's
        potential = {"name": _method(run), "anchored": dict(run.anchoring.level)}
    parameters = {"potential": potential, "pressure_GPa": run.hull.pressure_GPa}
    values = []
    for entry, atoms in _structures(run):
        plain = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
        computed = ComputedStructureEntry(
            AseAtomsAdaptor.get_structure(plain),
            entry.energy_eV_per_atom * len(atoms),
            parameters=parameters,
            data=_known(run, entry),
            entry_id=f"{run.system}-{entry.id}",
        )
        values.append(computed.as_dict())
    _write(path, json.dumps(values, indent=1, allow_nan=False) + "\n")


def _known(run: RunRecord, entry: HullEntry) -> dict[str, Any]:
    """What stands beside a structure in a file; None where a number is unknown."""
    return {
        "id": entry.id,
        "formula": entry.formula,
        "formation_energy_eV_per_atom": _finite(entry.formation_energy_eV_per_atom),
        "e_above_hull_eV_per_atom": _finite(entry.e_above_hull_eV_per_atom),
        "space_group_number": entry.space_group,
        "potential_name": _method(run) if entry.p_stable is not None else entry.rung or run.hull.potential.get("name"),
        "pressure_GPa": run.hull.pressure_GPa,
        "sigma_eV_per_atom": entry.sigma_eV_per_atom,
        "p_stable": entry.p_stable,
    }


def _method(run: RunRecord) -> str:
    """Whose energies they are: of an anchored hull, the potential's corrected by DFT."""
    name = str(run.hull.potential.get("name"))
    return name if run.anchoring is None else f"{name} anchored to {run.anchoring.method}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


FORMATS: Mapping[str, Callable[[RunRecord, Path], None]] = {
    "cif": _cif,
    "extxyz": _extxyz,
    "csv": _csv,
    "entries": _entries,
}
"""A new format is one function and one line here."""
