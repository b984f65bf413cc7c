"""Where relaxations run: in this process, or on Ray actors that may die."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ase import Atoms

from discover.errors import InputError
from discover.worker import Finished, RelaxWorker, Task, WorkerSpec

WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Large tensors come and go with every model call; kept by the allocator they cost no page faults (1.3 times
    # faster with SevenNet on a CPU)
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
KNOCK_S = 10.0
TRIES = 2
"""A candidate whose worker dies is tried once more, alone."""


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

    def collect(self) -> list[Finished | Lost]:
        """What has ended; waits a little while if nothing has."""
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
        self.description = self._worker.describe()
        self._slots = slots_for(self.description["batch_atoms"], mean_atoms)
        self._queue: list[Task] = []
        self._outstanding = 0

    def free(self) -> int:
        """How many more tasks keep the batch full."""
        return self._slots - self._outstanding

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks."""
        self._queue.extend(tasks)
        self._outstanding += len(tasks)

    def collect(self) -> list[Finished | Lost]:
        """Work until something has ended."""
        tasks, self._queue = self._queue, []
        finished = self._worker.advance(tasks)
        self._outstanding -= len(finished)
        return list(finished)

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this geometry, eV/atom."""
        return self._worker.second_opinion(atoms)

    def close(self) -> None:
        """Nothing to stop."""


@dataclass
class _Actor:
    """A remote worker and what is in its hands."""

    handle: Any
    tasks: dict[int, Task] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)
    quarantine: bool = False


class RayEngine:
    """One actor a core (or GPU). Two calls are kept queued on each, so that it never waits for the driver.

    A dead actor is replaced. Its tasks are suspects: each is tried once more, alone on its worker, so that one bad
    structure cannot condemn its neighbours.
    """

    def __init__(self, spec: WorkerSpec, workers: int, mean_atoms: float, address: str | None = None) -> None:
        import ray

        self._ray = ray
        self._spec = spec
        _start_ray(ray, address, workers)
        self._actors = [self._new_actor() for _ in range(workers)]
        try:
            ray.get([actor.handle.load.remote() for actor in self._actors])
            # The first compiles where compiling was asked for; the others find its result in the cache
            self.description, *_ = [ray.get(actor.handle.describe.remote()) for actor in self._actors]
        except BaseException:
            self.close()
            raise
        self._slots = slots_for(self.description["batch_atoms"], mean_atoms)
        self._queue: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._tries: dict[int, int] = {}

    def _new_actor(self) -> _Actor:
        gpus = 0 if self._spec.device == "cpu" else 1
        remote = self._ray.remote(num_cpus=1, num_gpus=gpus, runtime_env={"env_vars": WORKER_ENVIRONMENT})(RelaxWorker)
        return _Actor(remote.remote(self._spec))

    def free(self) -> int:
        """How many more tasks keep every worker's batch full."""
        held = sum(len(a.tasks) for a in self._actors) + len(self._queue) + len(self._suspects)
        return self._slots * len(self._actors) - held

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks and hand them out."""
        self._queue.extend(tasks)
        self._hand_out()

    def collect(self) -> list[Finished | Lost]:
        """What has ended; waits up to a second if nothing has."""
        self._hand_out()
        calls = {call: actor for actor in self._actors for call in actor.calls}
        if not calls:
            return []
        ready, _ = self._ray.wait(list(calls), num_returns=1, timeout=1.0)
        ended: list[Finished | Lost] = []
        for call in ready:
            actor = calls[call]
            if actor not in self._actors:  # died in this very round, already replaced
                continue
            actor.calls.remove(call)
            try:
                finished = self._ray.get(call)
            except self._ray.exceptions.RayActorError as error:
                ended += self._bury(actor, str(error).strip().splitlines()[0])
                continue
            for item in finished:
                del actor.tasks[item.relaxation.id]
                self._tries.pop(item.relaxation.id, None)
            ended += finished
        self._hand_out()
        return ended

    def _bury(self, actor: _Actor, reason: str) -> list[Finished | Lost]:
        """Replace a dead actor; its tasks are tried again alone, or given up."""
        lost: list[Finished | Lost] = []
        for task in actor.tasks.values():
            self._tries[task.id] = self._tries.get(task.id, 0) + 1
            if self._tries[task.id] < TRIES:
                self._suspects.append(task)
            else:
                lost.append(Lost(task.id, f"its worker died {TRIES} times: {reason}"))
        self._actors[self._actors.index(actor)] = self._new_actor()
        return lost

    def _hand_out(self) -> None:
        for actor in self._actors:
            if actor.quarantine and not actor.tasks:
                actor.quarantine = False
            if self._suspects and not actor.tasks:
                actor.quarantine = True
                self._call(actor, [self._suspects.popleft()])
            elif not actor.quarantine and not self._suspects:
                room = self._slots - len(actor.tasks)
                fresh = [self._queue.popleft() for _ in range(min(room, len(self._queue)))]
                if fresh:
                    self._call(actor, fresh)
            while actor.tasks and len(actor.calls) < 2:
                self._call(actor, [])

    def _call(self, actor: _Actor, tasks: list[Task]) -> None:
        actor.tasks |= {task.id: task for task in tasks}
        actor.calls.append(actor.handle.advance.remote(tasks))

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this geometry, eV/atom; NaN where the worker died of the question."""
        try:
            return float(self._ray.get(self._actors[0].handle.second_opinion.remote(atoms)))
        except self._ray.exceptions.RayActorError:  # its tasks are buried by the next `collect`
            return float("nan")

    def close(self) -> None:
        """Kill the workers and leave Ray."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._ray.shutdown()


def _start_ray(ray: Any, address: str | None, workers: int) -> None:
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)  # it announces its own token authentication
    common: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address is None:
        ray.init(num_cpus=workers, include_dashboard=False, **common)
        return
    try:
        _knock(address)
        ray.init(address=address, **common)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--ray-address: no Ray cluster answers at {address!r} ({reason})") from None


def _knock(address: str) -> None:
    """See whether anybody listens at host:port: where nobody does, Ray tries for ever.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()


def default_workers(device: str) -> int:
    """One worker a GPU; on a CPU one a core (two single-threaded workers beat one with two threads 1.6 times)."""
    if device == "cpu":
        return max(1, len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    import torch

    return torch.cuda.device_count() if ":" not in device else 1
