"""Where rows go: memory, or files that only grow and are cut back to the last checkpoint after a kill."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms

from potentials.whole_file import whole_file
from properties.dynamics.recording import Rows

KINDS = tuple(field.name for field in fields(Rows))


class Keeper(Protocol):
    """Takes the rows of one replica in order, and gives them back whole."""

    def add(self, rows: Rows) -> None:
        """More of them."""
        ...

    def settle(self, cell: np.ndarray) -> None:
        """The cell of the frames to come, row vectors, Å, (3, 3)."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """How much there is, for `cut`; what has been added by now outlives a kill."""
        ...

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Forget what came after those sizes."""
        ...

    def all(self) -> Rows:
        """Everything."""
        ...


class InMemory:
    """Kept until the run's end."""

    def __init__(self) -> None:
        self._parts: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """More of them."""
        self._parts.append(rows)

    def settle(self, cell: np.ndarray) -> None:
        """Frames are kept bare."""

    def sizes(self) -> Mapping[str, int]:
        """Nothing outlives a kill."""
        return {}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Only files are cut back."""

    def all(self) -> Rows:
        """Everything."""
        return Rows(*(np.concatenate([getattr(part, kind) for part in self._parts]) for kind in KINDS))


class InFiles:
    """`STEM.KIND.f64`, rows of float64 one after another, and `STEM.extxyz`, the frames for ASE and for people.

    Positions in the extended XYZ are unwrapped, as in the flow; `ase.Atoms.wrap` puts them into the cell.
    """

    def __init__(self, folder: Path, stem: str, atoms: Atoms, frame_ps: float) -> None:
        """atoms: its elements; frame_ps: between frames."""
        self._paths = {kind: folder / f"{stem}.{kind}.f64" for kind in KINDS}
        self._xyz = folder / f"{stem}.extxyz"
        self._symbols, self._frame_ps = atoms.get_chemical_symbols(), frame_ps
        self._shapes: dict[str, tuple[int, ...]] = {
            "currents": (len(set(self._symbols)), 3),
            "charge_currents": (3,),
            "energies": (2,),
            "positions": (len(atoms), 3),
            "pressures": (),
        }
        self._cell = atoms.cell.array

    def settle(self, cell: np.ndarray) -> None:
        """The cell of the frames to come, row vectors, Å, (3, 3)."""
        self._cell = cell

    def add(self, rows: Rows) -> None:
        """More of them."""
        before = self._count("positions")
        for kind in KINDS:
            _append(self._paths[kind], np.ascontiguousarray(getattr(rows, kind), "<f8").tobytes())
        frames = zip(rows.positions, rows.pressures, strict=True)
        _append(self._xyz, "".join(self._frame(before + k, *frame) for k, frame in enumerate(frames)).encode())

    def _count(self, kind: str) -> int:
        path = self._paths[kind]
        return path.stat().st_size // (8 * max(1, int(np.prod(self._shapes[kind])))) if path.exists() else 0

    def _frame(self, index: int, positions: np.ndarray, pressure_GPa: float) -> str:
        lattice = " ".join(f"{x:.10f}" for x in self._cell.ravel())
        time = f"time_ps={index * self._frame_ps:.6f}"
        pressure = f" pressure_GPa={pressure_GPa:.6f}" if np.isfinite(pressure_GPa) else ""
        lines = [
            f"{len(positions)}",
            f'Lattice="{lattice}" Properties=species:S:1:pos:R:3 pbc="T T T" {time}{pressure}',
        ]
        lines += [
            f"{symbol} {x:.8f} {y:.8f} {z:.8f}" for symbol, (x, y, z) in zip(self._symbols, positions, strict=True)
        ]
        return "\n".join(lines) + "\n"

    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, all of them on the disk."""
        return {path.name: path.stat().st_size if path.exists() else 0 for path in (*self._paths.values(), self._xyz)}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Back to those bytes."""
        for path in (*self._paths.values(), self._xyz):
            if path.exists():
                os.truncate(path, sizes.get(path.name, 0))

    def all(self) -> Rows:
        """Everything."""
        flat = {kind: np.fromfile(path, "<f8") if path.exists() else np.zeros(0) for kind, path in self._paths.items()}
        return Rows(**{kind: array.reshape(-1, *self._shapes[kind]) for kind, array in flat.items()})

    def remove_rows(self) -> None:
        """When they stand in a file of another kind; the frames for ASE stay."""
        for path in self._paths.values():
            path.unlink(missing_ok=True)


def _append(path: Path, content: bytes) -> None:
    if content:
        with path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz file, whole or not at all."""
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
