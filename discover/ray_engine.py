"""Relaxations on Ray actors, which may die."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ase import Atoms

from discover.engine import Lost, slots_for
from discover.placement import cluster_size, place
from discover.ray_cluster import start_ray
from discover.worker import Finished, Halted, RelaxWorker, Task, Verdict, WorkerSpec

WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Large tensors come and go with every model call; kept by the allocator they cost no page faults (1.3 times
    # faster with SevenNet on a CPU)
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
TRIES = 2
"""A candidate whose worker dies is tried once more, alone."""
STARTS = 3
"""A worker that dies so often while it loads its potential will never load it."""


class _RemoteWorker(RelaxWorker):
    """A worker that knows on which node of the cluster it lives."""

    def arrive(self) -> str:
        """Load the potential; id of the node.

        Raises:
            potentials.LoadError: as `load`.
        """
        import ray

        self.load()
        return ray.get_runtime_context().get_node_id()


@dataclass(eq=False)
class _Actor:
    """A remote worker and what is in its hands.

    Attributes:
        arrival: its call to `arrive`, answered when Ray has found it a place and its potential is loaded.
        node: where it is, empty until it has arrived.
        failed_starts: how many before it died on their way.
    """

    handle: Any
    arrival: Any
    failed_starts: int = 0
    node: str = ""
    tasks: dict[int, Task] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    quarantine: bool = False


class RayEngine:
    """One actor a core (or GPU). Two calls are kept queued on each, so that it never waits for the driver.

    A dead actor is replaced, as soon as the cluster has room for another; the others do its work until then. Where it
    died by itself its tasks are suspects: each is tried once more, alone on its worker, so that one bad structure
    cannot condemn its neighbours. Where its node died with it, or it is only out of reach, no structure is to blame.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        workers: int | None,
        mean_atoms: float,
        address: str | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Start Ray and the workers.

        spec: `device` as the user wants it: auto, cpu, cuda or cuda:N.
        workers: None takes one a GPU, or a core where there is none.
        mean_atoms: of a candidate, to guess how many fill a batch.
        address: of a running cluster; None starts Ray on this machine.
        say: is told in a line when workers are lost or come back.

        Raises:
            InputError: no cluster answers or lets us in, it has no GPU where one is wanted, fewer cores than workers.
            potentials.LoadError: the potential cannot be loaded as asked for.
        """
        import ray

        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            start_ray(ray, address, workers)
        self._actors: list[_Actor] = []
        self._queue: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._tries: dict[int, int] = {}
        self._holder: dict[int, _Actor] = {}
        self._say = say
        try:
            self._placement = place(spec.device, workers, *cluster_size(ray.cluster_resources()))
            self._spec = replace(spec, device=self._placement.device)
            self._actors = [self._new_actor() for _ in range(self._placement.workers)]
            for actor, node in zip(self._actors, ray.get([a.arrival for a in self._actors]), strict=True):
                actor.node = node
            # The first compiles where compiling was asked for; the others find its result in the cache
            self.description, *_ = [ray.get(actor.handle.describe.remote()) for actor in self._actors]
        except BaseException:
            self.close()
            raise
        self._slots = slots_for(self.description["batch_atoms"], mean_atoms)

    def _new_actor(self, failed_starts: int = 0) -> _Actor:
        environment = dict(WORKER_ENVIRONMENT)
        if self._placement.visible is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self._placement.visible
        remote = self._ray.remote(
            num_cpus=1, num_gpus=self._placement.gpus_each, runtime_env={"env_vars": environment}
        )(_RemoteWorker)
        handle: Any = remote.remote(self._spec)
        return _Actor(handle, handle.arrive.remote(), failed_starts)

    @property
    def _present(self) -> list[_Actor]:
        return [actor for actor in self._actors if actor.node]

    def free(self) -> int:
        """How many more tasks keep the batch of every worker that is there full; negative where some were lost."""
        held = len(self._holder) + len(self._queue) + len(self._suspects)
        return self._slots * len(self._present) - held

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks and hand them out."""
        self._queue.extend(tasks)
        self._hand_out()

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Send verdicts to the workers that wait for them."""
        for verdict in verdicts:
            self._holder[verdict.id].verdicts.append(verdict)

    def collect(self) -> list[Finished | Lost | Halted]:
        """What has ended or halts; waits up to a second if nothing has."""
        self._hand_out()
        news: list[tuple[_Actor, Finished | Halted]] = []
        deaths: dict[_Actor, Exception] = {}
        for actor, call in self._ready():
            try:
                answer = self._ray.get(call)
            except self._ray.exceptions.RayTaskError:  # a fault of ours, not a death
                raise
            except self._ray.exceptions.RayError as error:  # its actor, its node, or its memory
                deaths[actor] = error
                continue
            if call == actor.arrival:
                actor.node = answer
                self._say(f"a worker has joined: {self._count()}")
                continue
            actor.calls.remove(call)
            news += [(actor, item) for item in answer]
        # What a dead actor halted begins anew elsewhere; what it finished is finished
        ended: list[Finished | Lost | Halted] = [
            item for actor, item in news if not (isinstance(item, Halted) and actor in deaths)
        ]
        for actor, item in news:
            if isinstance(item, Finished):
                del actor.tasks[item.relaxation.id], self._holder[item.relaxation.id]
                self._tries.pop(item.relaxation.id, None)
        for actor, death in deaths.items():
            ended += self._bury(actor, death)
        self._hand_out()
        return ended

    def _ready(self) -> Iterator[tuple[_Actor, Any]]:
        """Answered calls with their actors: all that there are, so that a driver that has fallen behind catches up."""
        calls = {call: actor for actor in self._actors for call in actor.calls}
        calls |= {actor.arrival: actor for actor in self._actors if not actor.node}
        if not calls:
            return
        ready, others = self._ray.wait(list(calls), num_returns=1, timeout=1.0)
        if others:
            ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        for call in ready:
            yield calls[call], call

    def _bury(self, actor: _Actor, error: Exception) -> list[Lost]:
        """Replace a dead actor; its tasks are tried again, alone where one of them may have killed it, or given up."""
        self._ray.kill(actor.handle)  # one that was only out of reach must not keep its core
        reason = str(error).strip().splitlines()[0]
        if not actor.node and actor.failed_starts + 1 == STARTS:
            raise RuntimeError(f"a worker died {STARTS} times while it was starting: {reason}") from error
        tasks = list(actor.tasks.values())
        for task in tasks:
            del self._holder[task.id]
        self._actors[self._actors.index(actor)] = self._new_actor(0 if actor.node else actor.failed_starts + 1)
        if self._died_by_itself(actor, error):
            return self._suspect(tasks, reason)
        self._queue.extendleft(reversed(tasks))
        if actor.node:
            self._say(f"a worker is lost with its node, {len(tasks)} candidates begin anew: {self._count()}")
        return []

    def _died_by_itself(self, actor: _Actor, error: Exception) -> bool:
        """Whether something that the actor held may have killed it.

        Ray reports an actor whose node has gone as unavailable: it takes 15 s to believe that the node is dead, 1 s
        to tell of a process that has died on a node that lives.
        """
        if isinstance(error, self._ray.exceptions.ActorUnavailableError):
            return False
        return any(node["NodeID"] == actor.node and node["Alive"] for node in self._ray.nodes())

    def _suspect(self, tasks: Sequence[Task], reason: str) -> list[Lost]:
        lost = []
        for task in tasks:
            self._tries[task.id] = self._tries.get(task.id, 0) + 1
            if self._tries[task.id] < TRIES:
                self._suspects.append(task)
            else:
                lost.append(Lost(task.id, f"its worker died {TRIES} times: {reason}"))
        return lost

    def _count(self) -> str:
        here, all_ = len(self._present), len(self._actors)
        return f"{here} of {all_} workers are there" + ("" if here else "; waiting for a node")

    def _hand_out(self) -> None:
        present = self._present
        for actor in present:
            if actor.quarantine and not actor.tasks:
                actor.quarantine = False
            if self._suspects and not actor.tasks:
                actor.quarantine = True
                self._call(actor, [self._suspects.popleft()])
        if not self._suspects:
            self._deal([actor for actor in present if not actor.quarantine])
        for actor in present:
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
        self._holder |= {task.id: actor for task in tasks}
        verdicts, actor.verdicts = actor.verdicts, []
        actor.calls.append(actor.handle.advance.remote(tasks, verdicts))

    def second_opinion(self, atoms: Atoms) -> float:
        """The witness's energy of this geometry, eV/atom; NaN where the worker died of it, or none is there."""
        for actor in self._present:
            try:
                return float(self._ray.get(actor.handle.second_opinion.remote(atoms)))
            except self._ray.exceptions.RayTaskError:
                raise
            except self._ray.exceptions.RayError as error:  # its tasks are buried by the next `collect`
                if self._died_by_itself(actor, error):
                    break
        return float("nan")

    def close(self) -> None:
        """Kill the workers; end Ray where it was started here."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors = []
        if self._own:
            self._ray.shutdown()
