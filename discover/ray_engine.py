"""Relaxations on Ray actors, which may die."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ase import Atoms

from discover.engine import Lost, slots_for
from discover.errors import InputError
from discover.placement import cluster_size, own_cores, place
from discover.worker import Finished, Halted, RelaxWorker, Task, Verdict, WorkerSpec

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


@dataclass(eq=False)
class _Actor:
    """A remote worker and what is in its hands."""

    handle: Any
    tasks: dict[int, Task] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    quarantine: bool = False


class RayEngine:
    """One actor a core (or GPU). Two calls are kept queued on each, so that it never waits for the driver.

    A dead actor is replaced. Its tasks are suspects: each is tried once more, alone on its worker, so that one bad
    structure cannot condemn its neighbours.
    """

    def __init__(
        self, spec: WorkerSpec, workers: int | None, mean_atoms: float, address: str | None = None
    ) -> None:
        """Start Ray and the workers.

        spec: `device` as the user wants it: auto, cpu, cuda or cuda:N.
        workers: None takes one a GPU, or a core where there is none.
        mean_atoms: of a candidate, to guess how many fill a batch.
        address: of a running cluster; None starts Ray on this machine.

        Raises:
            InputError: no cluster answers, it has no GPU where one is wanted, or fewer cores than workers.
            potentials.LoadError: the potential cannot be loaded as asked for.
        """
        import ray

        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            _start_ray(ray, address, workers)
        self._actors: list[_Actor] = []
        self._queue: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._tries: dict[int, int] = {}
        try:
            self._placement = place(spec.device, workers, *cluster_size(ray.cluster_resources()))
            self._spec = replace(spec, device=self._placement.device)
            self._actors = [self._new_actor() for _ in range(self._placement.workers)]
            ray.get([actor.handle.load.remote() for actor in self._actors])
            # The first compiles where compiling was asked for; the others find its result in the cache
            self.description, *_ = [ray.get(actor.handle.describe.remote()) for actor in self._actors]
        except BaseException:
            self.close()
            raise
        self._slots = slots_for(self.description["batch_atoms"], mean_atoms)

    def _new_actor(self) -> _Actor:
        environment = dict(WORKER_ENVIRONMENT)
        if self._placement.visible is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self._placement.visible
        remote = self._ray.remote(
            num_cpus=1, num_gpus=self._placement.gpus_each, runtime_env={"env_vars": environment}
        )(RelaxWorker)
        return _Actor(remote.remote(self._spec))

    def free(self) -> int:
        """How many more tasks keep every worker's batch full."""
        held = sum(len(a.tasks) for a in self._actors) + len(self._queue) + len(self._suspects)
        return self._slots * len(self._actors) - held

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks and hand them out."""
        self._queue.extend(tasks)
        self._hand_out()

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Send verdicts to the workers that wait for them; those of a dead worker concern nobody any more."""
        given = {verdict.id: verdict for verdict in verdicts}
        for actor in self._actors:
            actor.verdicts += [given[id] for id in sorted(given.keys() & actor.tasks.keys())]

    def collect(self) -> list[Finished | Lost | Halted]:
        """What has ended or halts; waits up to a second if nothing has."""
        self._hand_out()
        calls = {call: actor for actor in self._actors for call in actor.calls}
        if not calls:
            return []
        ready, _ = self._ray.wait(list(calls), num_returns=1, timeout=1.0)
        ended: list[Finished | Lost | Halted] = []
        for call in ready:
            actor = calls[call]
            if actor not in self._actors:  # died in this very round, already replaced
                continue
            actor.calls.remove(call)
            try:
                finished = self._ray.get(call)
            except self._ray.exceptions.RayTaskError:  # a fault of ours, not a death
                raise
            except self._ray.exceptions.RayError as error:  # its actor, its node, or its memory
                ended += self._bury(actor, str(error).strip().splitlines()[0])
                continue
            for item in finished:
                if isinstance(item, Halted):
                    continue
                del actor.tasks[item.relaxation.id]
                self._tries.pop(item.relaxation.id, None)
            ended += finished
        self._hand_out()
        return ended

    def _bury(self, actor: _Actor, reason: str) -> list[Finished | Lost]:
        """Replace a dead actor; its tasks are tried again alone, or given up."""
        self._ray.kill(actor.handle)  # one that was only out of reach must not keep its core
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
        if not self._suspects:
            self._deal([actor for actor in self._actors if not actor.quarantine])
        for actor in self._actors:
            while actor.tasks and len(actor.calls) < 2:
                self._call(actor, [])

    def _deal(self, actors: Sequence[_Actor]) -> None:
        """Tasks one by one to whoever has fewest, so that a few of them still use all workers."""
        hands: dict[_Actor, list[Task]] = {actor: [] for actor in actors}

        def held(actor: _Actor) -> int:
            return len(actor.tasks) + len(hands[actor])

        while self._queue and hands:
            actor = min(hands, key=held)
            if held(actor) >= self._slots:
                break
            hands[actor].append(self._queue.popleft())
        for actor, tasks in hands.items():
            if tasks:
                self._call(actor, tasks)

    def _call(self, actor: _Actor, tasks: list[Task]) -> None:
        actor.tasks |= {task.id: task for task in tasks}
        verdicts, actor.verdicts = actor.verdicts, []
        actor.calls.append(actor.handle.advance.remote(tasks, verdicts))

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this geometry, eV/atom; NaN where the worker died of the question."""
        try:
            return float(self._ray.get(self._actors[0].handle.second_opinion.remote(atoms)))
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError:  # its tasks are buried by the next `collect`
            return float("nan")

    def close(self) -> None:
        """Kill the workers; end Ray where it was started here."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors = []
        if self._own:
            self._ray.shutdown()


def _start_ray(ray: Any, address: str | None, workers: int | None) -> None:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)  # it announces its own token authentication
    common: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address is None:
        # "local": whatever RAY_ADDRESS says, nobody's cluster is joined unasked
        ray.init("local", num_cpus=workers or own_cores(), include_dashboard=False, **common)
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
