"""The child process that makes symmetric crystals for `generation`: a request in, an answer out.

It also answers what pyxtal's tables say of a group's maximal subgroups (`searchers.subgroups`).

It keeps pyxtal (3 s to import) out of the caller's process and can be killed where pyxtal hangs. A thread
reads the requests, so that the process ends with its parent's pipe even in the middle of such a hang.

pyxtal gives the Wyckoff positions and the random lattices; the sites are chosen and filled here, in the
primitive cell. Its own `from_random` takes 40 ms a structure and seconds to give up, because it merges
points of the conventional cell into special positions; this takes 8 ms and knows at once which compositions
a group cannot have.
"""

from __future__ import annotations

import os
import queue
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from searchers.distances import distances_in_reduced
from searchers.lattice import shortest_basis
from searchers.wyckoff import Site, SpaceGroup, fill, space_group

_FILLINGS = 4  # tries per request: Wyckoff positions ...
_LATTICES = 3  # ... times lattices ...
_POINTS = 8  # ... with so many points tried for each orbit


class SymmetricMaker:
    """Makes one crystal of a space group at a time, with bounded tries."""

    def __init__(self) -> None:
        from pyxtal.lattice import Lattice
        from pyxtal.msg import VolumeError

        self._lattice, self._volume_error = Lattice, VolumeError
        self._group = cache(space_group)

    def make(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer of one request.

        Args:
            request: "group" number, "symbols" and "counts" in the primitive cell, "volume_A3" of the
                primitive cell, "scale" of minimum distances, "seed".

        Returns:
            {"cell", "symbols", "scaled_positions"} or {"incompatible": True} or {"failed": reason}.
        """
        rng = np.random.default_rng(request["seed"])
        group = self._group(request["group"])
        radii = covalent_radii[[atomic_numbers[s] for s in request["symbols"]]]
        for _ in range(_FILLINGS):
            filling = fill(group.sites, request["counts"], rng)
            if filling is None:
                return {"incompatible": True}
            orbits = [(kind, group.sites[i]) for kind, indices in enumerate(filling) for i in indices]
            for _ in range(_LATTICES):
                cell = self._cell(group, request["volume_A3"], rng)
                if cell is None:
                    continue
                placed = place(cell, orbits, radii * request["scale"], rng)
                if placed is not None:
                    return _answer(cell, request["symbols"], *placed)
        return {"failed": "no sites far enough apart"}

    def _cell(self, group: SpaceGroup, volume_A3: float, rng: np.random.Generator) -> np.ndarray | None:
        """A random primitive cell of the group's shape, or None where pyxtal finds the volume too small."""
        try:
            lattice = self._lattice(group.lattice_type, volume_A3 * group.cells, random_state=rng)
        except (self._volume_error, ValueError):
            return None
        return group.primitive @ np.asarray(lattice.matrix)


def place(
    cell: np.ndarray, orbits: Sequence[tuple[int, Site]], radii: np.ndarray, rng: np.random.Generator
) -> tuple[list[int], np.ndarray] | None:
    """Kinds and primitive fractional coordinates (n, 3) of orbits without overlaps; None without luck.

    Args:
        cell: primitive cell, shape (3, 3), Å.
        orbits: (kind, site) of each orbit.
        radii: smallest radius of each kind, Å; two atoms keep the sum of theirs.
        rng: source of random numbers.
    """
    reduced = shortest_basis(cell)
    kinds: list[int] = []
    points = np.empty((0, 3))
    for kind, site in sorted(orbits, key=lambda orbit: orbit[1].free):  # sites without choice come first
        more = kinds + [kind] * site.multiplicity
        limits = radii[more][:, None] + radii[more][None, :]
        for _ in range(_POINTS if site.free else 1):
            trial = np.concatenate([points, site.points(rng.random(3))])
            if (distances_in_reduced(reduced, trial @ cell) >= limits).all():
                kinds, points = more, trial
                break
        else:
            return None
    return kinds, points


def _answer(cell: np.ndarray, symbols: Sequence[str], kinds: list[int], points: np.ndarray) -> dict[str, Any]:
    order = np.argsort(kinds, kind="stable")
    return {
        "cell": cell.tolist(),
        "symbols": [symbols[kinds[i]] for i in order],
        "scaled_positions": np.mod(points[order], 1.0).tolist(),
    }


def subgroups_of(number: int) -> list[dict[str, Any]]:
    """Maximal subgroups of a space group, as `searchers.subgroups.Subgroup` has them, in plain lists."""
    from pyxtal.symmetry import Group

    group = Group(number)
    found = []
    for enlarges, table in ((False, group.get_max_t_subgroup()), (True, group.get_max_k_subgroup())):
        for subgroup, index, transformation in zip(
            table["subgroup"], table["index"], table["transformation"], strict=True
        ):
            # x of the group = matrix @ x of the subgroup + shift; its columns are the subgroup's vectors
            matrix = np.asarray(transformation, dtype=float)
            found.append({
                "number": int(subgroup),
                "index": int(index),
                "enlarges": enlarges,
                "basis": matrix[:, :3].T.tolist(),
                "origin": matrix[:, 3].tolist(),
            })  # fmt: skip
    return found


def requests(inbox: Connection) -> Iterator[dict[str, Any]]:
    """Requests as they come; ends the whole process at once where the parent's pipe closes."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        try:
            while True:
                waiting.put(inbox.recv())
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield waiting.get()


def main() -> None:
    """Serve requests from standard input on standard output."""
    inbox, outbox = Connection(os.dup(0), writable=False), Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # what pyxtal prints must not mix with the answers
    warnings.simplefilter("ignore")
    incoming = requests(inbox)
    try:
        maker = SymmetricMaker()
    except ImportError as error:
        outbox.send({"missing": str(error)})
        return
    outbox.send({"ready": True})
    for request in incoming:
        known = "subgroups_of" in request
        outbox.send(subgroups_of(request["subgroups_of"]) if known else maker.make(request))


if __name__ == "__main__":
    main()
