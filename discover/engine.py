"""What runs relaxations for the driver, and the engine that runs them in its own process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ase import Atoms

from discover.worker import Finished, Halted, RelaxWorker, Task, Verdict, WorkerSpec


@dataclass(frozen=True)
class Lost:
    """A candidate that took its worker down."""

    id: int
    reason: str


class Engine(Protocol):
    """Takes tasks, gives back what became of each of them, in any order."""

    description: dict[str, Any]

    def free(self) -> int:
        """How many more tasks keep the workers busy without piling up."""
        ...

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        ...

    def collect(self) -> list[Finished | Lost | Halted]:
        """What has ended or halts; waits a little while if nothing has. What halts waits for `answer`."""
        ...

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Let halted relaxations go on, or stop them: those come back finished."""
        ...

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this geometry, eV/atom; NaN where there is none."""
        ...

    def close(self) -> None:
        """Stop the workers."""
        ...


def slots_for(batch_atoms: int, mean_atoms: float) -> int:
    """Tasks that keep one worker's batch full, with two in reserve while the driver thinks."""
    return int(batch_atoms / max(mean_atoms, 1.0)) + 3


class LocalEngine:
    """Everything in this process: for debugging, and for potentials that cost nothing."""

    def __init__(self, spec: WorkerSpec, mean_atoms: float) -> None:
        self._worker = RelaxWorker(spec)
        self._worker.load()
        self.description = self._worker.describe()
        self._slots = slots_for(self.description["batch_atoms"], mean_atoms)
        self._queue: list[Task] = []
        self._verdicts: list[Verdict] = []
        self._outstanding = 0

    def free(self) -> int:
        """How many more tasks keep the batch full."""
        return self._slots - self._outstanding

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        self._queue.extend(tasks)
        self._outstanding += len(tasks)

    def collect(self) -> list[Finished | Lost | Halted]:
        """Work until something has ended or halts."""
        tasks, self._queue = self._queue, []
        verdicts, self._verdicts = self._verdicts, []
        news = self._worker.advance(tasks, verdicts)
        self._outstanding -= sum(isinstance(item, Finished) for item in news)
        return list(news)

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Queue verdicts."""
        self._verdicts.extend(verdicts)

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this geometry, eV/atom."""
        return self._worker.second_opinion(atoms)

    def close(self) -> None:
        """Nothing to stop."""
