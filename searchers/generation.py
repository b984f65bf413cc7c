"""Random crystals with the symmetry of a space group, in their primitive cells."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ase import Atoms

from searchers.distances import far_enough
from searchers.space import SearchSpace
from searchers.volume import estimate_volume

PYXTAL_WORKER = ("-m", "searchers.generation_worker")
_ALL_GROUPS = tuple(range(1, 231))
# Of the estimate, whose error is 12 % rms; wider upwards, for a loose crystal contracts and a tight one clashes.
_VOLUME_FACTORS = (0.8, 1.4)
_TRIES = 24  # compatible space groups tried before P1
_START_S = 120.0  # the child imports pyxtal in 3 s; a busy machine takes longer
_P1_PLACEMENTS = 60  # positions tried for an atom
_P1_GROWTH = 1.08
_ROOMIER = 1.25  # times the volume, each time that the groups asked for have no room
_ROOMIER_TIMES = 6  # up to 3.8 times: beyond, atoms do not touch


class GenerationError(RuntimeError):
    """pyxtal cannot be run here; the message says why."""


class NoStructureError(GenerationError):
    """The space groups asked for have no crystal of this composition."""


class SymmetricGenerator:
    """Makes crystals of a random space group with a given number of atoms in the primitive cell.

    pyxtal's tables and lattices are used in a child process, because pyxtal may loop without end on a
    choice of space group and composition: such a choice costs `timeout_s` once and is never tried again.
    All random numbers come from the generator passed to `generate`, drawn before anything is tried, so that
    the result is a function of that generator and of `bad_choices` alone. 5 to 12 ms a structure of up to
    12 atoms, measured, after 3 s for the first.

    Attributes:
        space: supplies elements, space groups and minimum distances.
        timeout_s: after this many seconds a try is a hang.
        volume: expected, Å^3, of so many atoms of each symbol.
        bad_choices: "group:counts" of the choices that hung.
    """

    def __init__(
        self,
        space: SearchSpace,
        timeout_s: float = 3.0,
        volume: Callable[[Mapping[str, int]], float] = estimate_volume,
        bad_choices: Sequence[str] = (),
        worker: Sequence[str] = PYXTAL_WORKER,
    ) -> None:
        self.space = space
        self.timeout_s = timeout_s
        self.bad_choices = set(bad_choices)
        self.volume = volume
        self._child = child_process(tuple(worker))
        self._incompatible: set[str] = set()

    def draw(
        self,
        rng: np.random.Generator,
        among: Sequence[tuple[int, ...]] | None = None,
        preferred: Sequence[int] = (),
    ) -> tuple[Atoms, int]:
        """A structure of a random composition, and the space group it was made with.

        Where only some space groups are wanted and they do not have the composition, others are tried.

        Args:
            rng: source of every random number.
            among: compositions (atoms of each element) to choose from, evenly; None draws from the space.
            preferred: space groups that are tried before the others.

        Raises:
            NoStructureError: the space groups wanted have none of the compositions.
            GenerationError: pyxtal cannot be run.
        """
        first = self.space.draw_composition(rng) if among is None else among[int(rng.integers(len(among)))]
        with suppress(NoStructureError):
            return self.generate(first, rng, preferred)
        others = self.space.compositions if among is None else among
        for index in rng.permutation(len(others)).tolist():
            with suppress(NoStructureError):
                return self.generate(others[index], rng, preferred)
        groups = ", ".join(map(str, self.space.space_groups or ()))
        raise NoStructureError(
            f"no crystal of {self.space.min_atoms} to {self.space.max_atoms} atoms of {'-'.join(self.space.elements)} "
            f"was found in the space groups {groups}; allow more atoms or other groups"
        )

    def generate(
        self, counts: Sequence[int], rng: np.random.Generator, preferred: Sequence[int] = ()
    ) -> tuple[Atoms, int]:
        """A structure and the space group it was made with.

        Where every group tried has failed the group is 1, unless the space asks for certain groups.

        Args:
            counts: atoms of each of `space.elements` in the primitive cell.
            rng: source of every random number.
            preferred: space groups that are tried before the others.

        Raises:
            NoStructureError: the space groups that the space asks for have no such crystal.
            GenerationError: pyxtal cannot be run.
            ValueError: `counts` does not fit `space.elements`, or holds no atom.
        """
        if len(counts) != len(self.space.elements) or min(counts) < 0 or sum(counts) == 0:
            raise ValueError(
                f"counts must give {len(self.space.elements)} numbers of atoms (is {tuple(counts)})"
            )
        atoms_of = {e: int(n) for e, n in zip(self.space.elements, counts, strict=True) if n > 0}
        if self.space.space_groups is None:
            made = self._symmetric(_ALL_GROUPS, preferred, counts, atoms_of, 1.0, rng)
            volume_A3 = self.volume(atoms_of) * rng.uniform(*_VOLUME_FACTORS)
            return made or (random_p1(atoms_of, volume_A3, self.space.min_distance_scale, rng), 1)
        for times in range(_ROOMIER_TIMES + 1):
            made = self._symmetric(self.space.space_groups, preferred, counts, atoms_of, _ROOMIER**times, rng)
            if made:
                return made
        raise NoStructureError(f"none of the space groups wanted has {atoms_of}")

    def _symmetric(
        self,
        groups: Sequence[int],
        preferred: Sequence[int],
        counts: Sequence[int],
        atoms_of: Mapping[str, int],
        roomier: float,
        rng: np.random.Generator,
    ) -> tuple[Atoms, int] | None:
        """A structure of one of the groups, tried in random order; None where those tried failed."""
        order = rng.permutation(np.array(groups))
        order = order[np.argsort(~np.isin(order, preferred), kind="stable")]
        seeds = rng.integers(2**62, size=len(order))
        volumes_A3 = roomier * self.volume(atoms_of) * rng.uniform(*_VOLUME_FACTORS, size=len(order))
        tries = 0
        for group, seed, volume_A3 in zip(order.tolist(), seeds.tolist(), volumes_A3.tolist(), strict=True):
            choice = f"{group}:{tuple(int(n) for n in counts)}"
            if choice in self._incompatible or choice in self.bad_choices or tries >= _TRIES:
                continue
            answer = self._ask(choice, group, atoms_of, volume_A3, seed)
            tries += "incompatible" not in answer
            atoms = self._accept(answer)
            if atoms is not None:
                return atoms, group
        return None

    def close(self) -> None:
        """End the child process that this process's generators share; the next `generate` starts another."""
        self._child.stop()

    def _ask(
        self, choice: str, group: int, atoms_of: Mapping[str, int], volume_A3: float, seed: int
    ) -> dict[str, Any]:
        request = {
            "group": group,
            "symbols": list(atoms_of),
            "counts": list(atoms_of.values()),
            "volume_A3": volume_A3,
            "scale": self.space.min_distance_scale,
            "seed": seed,
        }
        answer = self._child.ask(request, self.timeout_s)
        if answer is None:
            self.bad_choices.add(choice)
            return {"failed": "no answer in time"}
        if "incompatible" in answer:
            self._incompatible.add(choice)
        return answer

    def _accept(self, answer: Mapping[str, Any]) -> Atoms | None:
        if "cell" not in answer:
            return None
        atoms = Atoms(
            answer["symbols"], cell=answer["cell"], scaled_positions=answer["scaled_positions"], pbc=True
        )
        return atoms if far_enough(atoms, self.space.min_distance_scale) else None


@cache
def child_process(arguments: tuple[str, ...]) -> ChildProcess:
    """The one child of these arguments: it starts in 3 s and an answer depends on its request alone."""
    return ChildProcess(arguments)


class ChildProcess:
    """A Python process that answers one request at a time and can be killed; started on the first request."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = tuple(arguments)
        self._lock = Lock()
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None

    def ask(self, request: object, timeout_s: float) -> Any | None:
        """The answer, or None where there was none in time or the process died; the next call restarts it.

        Raises:
            GenerationError: the process does not start.
        """
        with self._lock:
            if (
                self._process is None or self._owner != os.getpid()
            ):  # a fork must not talk on its parent's pipes
                self._start()
            try:
                self._outbox.send(request)
                if self._inbox.poll(timeout_s):
                    return self._inbox.recv()
            except (EOFError, OSError):
                pass
            self.stop()
            return None

    def stop(self) -> None:
        """Kill the process, if there is one."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = None

    def _start(self) -> None:
        self._owner = os.getpid()
        paths = os.pathsep.join(p or str(Path.cwd()) for p in sys.path)
        self._process = process = subprocess.Popen(
            [sys.executable, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # One thread: its matrices are 3 x 3, and the other cores relax structures.
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert process.stdin is not None and process.stdout is not None
        self._outbox = Connection(os.dup(process.stdin.fileno()), readable=False)
        self._inbox = Connection(os.dup(process.stdout.fileno()), writable=False)
        self._finalizer = weakref.finalize(self, _end, process, self._outbox, self._inbox)
        self._greet()

    def _greet(self) -> None:
        try:
            hello = self._inbox.recv() if self._inbox.poll(_START_S) else {}
        except (EOFError, OSError):
            hello = {}
        if "ready" not in hello:
            self.stop()
            reason = hello.get("missing", "its process did not start")
            raise GenerationError(f"random structures need pyxtal ({reason}): pip install 'pyxtal>=1.1'")


def _end(process: subprocess.Popen[bytes], *pipes: Connection) -> None:
    for pipe in pipes:
        pipe.close()
    process.kill()
    process.communicate()


def random_p1(atoms_of: Mapping[str, int], volume_A3: float, scale: float, rng: np.random.Generator) -> Atoms:
    """Atoms at random in a random cell without symmetry, no two closer than `scale` times their radii' sum.

    Always ends: the volume grows by 8 % each time that an atom finds no place.

    Args:
        atoms_of: atoms of each chemical symbol.
        volume_A3: volume of the first cell tried.
        scale: minimum distance in sums of covalent radii.
        rng: source of every random number.
    """
    symbols = [symbol for symbol, n in atoms_of.items() for _ in range(n)]
    while True:
        lattice = random_cell(volume_A3, rng)
        atoms = Atoms(cell=lattice, pbc=True)
        if all(_place(atoms, symbol, scale, rng) for symbol in symbols):
            return atoms
        volume_A3 *= _P1_GROWTH


def random_cell(volume_A3: float, rng: np.random.Generator) -> np.ndarray:
    """A cell of moderate angles and edges: nearly cubic ones far too seldom arise from free vectors."""
    cell = np.diag(rng.uniform(0.6, 1.6, 3)) + np.tril(rng.uniform(-0.5, 0.5, (3, 3)), -1)
    return np.asarray(cell * (volume_A3 / np.linalg.det(cell)) ** (1 / 3))


def _place(atoms: Atoms, symbol: str, scale: float, rng: np.random.Generator) -> bool:
    for _ in range(_P1_PLACEMENTS):
        trial = atoms + Atoms(symbol, positions=[rng.random(3) @ atoms.cell.array])
        if far_enough(trial, scale):
            atoms.extend(trial[-1:])
            return True
    return False
