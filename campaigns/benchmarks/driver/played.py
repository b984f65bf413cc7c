"""What the driver is given to judge: synthetic crystals, and an engine that only plays at relaxing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from discover.engine import Finished, Task
from discover.store import StoredResult
from discover.worker import Halted, Verdict
from potentials import Metadata, Relaxation
from potentials.relax.settings import Halt, Outcome
from searchers.candidate import Candidate, Fate, Relaxed
from searchers.fingerprint import fingerprint
from searchers.generation import random_p1
from searchers.volume import estimate_volume

REPEATS = 0.3
FIRST_SYNTHETIC_ID = 10_000_000
RUNGS = ((0.2, 0.3), (0.1, 0.1), (0.05, 0.03), (0.02, 0.01))
"""How far a played relaxation is from its end whenever it halts: displacement of each atom (Å), energy (eV/atom)."""


class Stock:
    """Synthetic crystals, made as the store is filled; every hundredth is kept to be repeated."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.kept: list[tuple[Atoms, float]] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def more(self, n: int) -> list[StoredResult]:
        """As many further results."""
        return [self._one() for _ in range(n)]

    def _one(self) -> StoredResult:
        rng, id = self.rng, FIRST_SYNTHETIC_ID + self._n
        n = int(rng.integers(1, 9))
        ti = int(rng.integers(0, n + 1))
        counts = {e: k for e, k in (("Ti", ti), ("C", n - ti)) if k}
        volume_A3 = estimate_volume(counts) * rng.uniform(0.9, 1.3)
        atoms = random_p1(counts, volume_A3, 0.65, rng)
        energy = energy_of(ti / n) + float(rng.uniform(0.001, 1.0))
        if self._n % 100 == 0:
            self.kept.append((atoms, energy))
        self._n += 1
        relaxed = Relaxed(Candidate(id, atoms, "random"), atoms, energy * n, Fate.CONVERGED, 0.01, np.zeros(6), 20, 21)
        return StoredResult(relaxed, 0.0, 1, fingerprint(atoms))


def rattled(atoms: Atoms, displacement_A: float, rng: np.random.Generator) -> Atoms:
    """A copy with every coordinate displaced at random."""
    moved = atoms.copy()
    moved.rattle(displacement_A, rng=rng)
    return moved


def energy_of(ti: float) -> float:
    """A hull with TiC on it, eV/atom."""
    return -9.2 + 1.4 * ti - 0.85 * (1 - abs(2 * ti - 1))


@dataclass
class Played:
    """A relaxation that is played: where it will end, and how often it has halted."""

    id: int
    end: Atoms
    energy_eV_per_atom: float
    halts: int = 0
    stopped: str = ""


class Playback:
    """An engine that relaxes nothing; the time it takes itself is kept apart."""

    def __init__(self, stock: Stock) -> None:
        self.description = {"metadata": Metadata("7net-0", "played").to_json(), "elements": None, "batch_atoms": 16}
        self.seconds = self.wall_seconds = 0.0
        self.halts = 0
        self._stock = stock
        self._out: list[Played] = []
        self._held: dict[int, Played] = {}

    def free(self) -> int:
        """Room for what two workers would hold."""
        return 12 - len(self._out) - len(self._held)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        with self._off_the_clock():
            self._out += [self._played(task) for task in tasks]

    def collect(self) -> list[Finished | Halted]:
        """News of the oldest two: about what comes back at a time from two workers."""
        two, self._out = self._out[:2], self._out[2:]
        with self._off_the_clock():
            return [self._ended(p) if p.stopped or p.halts == len(RUNGS) else self._halted(p) for p in two]

    @contextmanager
    def _off_the_clock(self) -> Iterator[None]:
        start, start_wall = time.process_time(), time.perf_counter()
        yield
        self.seconds += time.process_time() - start
        self.wall_seconds += time.perf_counter() - start_wall

    def _played(self, task: Task) -> Played:
        rng = self._stock.rng
        if self._stock.kept and rng.random() < REPEATS:
            original, energy = self._stock.kept[int(rng.integers(len(self._stock.kept)))]
            return Played(task.id, rattled(original, 0.01, rng), energy)
        energy = energy_of(task.atoms.symbols.count("Ti") / len(task.atoms)) + float(rng.uniform(0.001, 1.0))
        return Played(task.id, task.atoms.copy(), energy)

    def _halted(self, played: Played) -> Halted:
        displacement_A, above_eV = RUNGS[played.halts]
        atoms = rattled(played.end, displacement_A, self._stock.rng)
        energy_eV = (played.energy_eV_per_atom + above_eV) * len(atoms)
        played.halts += 1
        self.halts += 1
        self._held[played.id] = played
        return Halted(Halt(played.id, atoms, energy_eV, above_eV * len(atoms), 4 * played.halts), fingerprint(atoms))

    def _ended(self, played: Played) -> Finished:
        total = played.energy_eV_per_atom * len(played.end)
        outcome = Outcome.STOPPED if played.stopped else Outcome.CONVERGED
        calls = 4 * played.halts + 4
        end, why = played.end, played.stopped
        done = Relaxation(played.id, end, total, total, 0.01, np.zeros(6), calls - 1, calls, outcome, why)
        return Finished(done, 1, fingerprint(played.end))

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Whatever is stopped comes back so, everything else goes on."""
        for verdict in verdicts:
            played = self._held.pop(verdict.id)
            played.stopped = verdict.reason
            self._out.append(played)

    def second_opinion(self, atoms: Atoms) -> float:
        """There is no witness."""
        return float("nan")

    def close(self) -> None:
        """Nothing to stop."""
