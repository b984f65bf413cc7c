"""One stage of one hit as a task, and whoever works on it: this process, or Ray actors that may die."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ase import Atoms

import potentials
from discover.compute.registry import computation
from discover.errors import InputError
from discover.pipeline.jotting import Jotting
from discover.pipeline.results import clean, structure_json
from discover.pipeline.stages import REST
from discover.placement import Placement, cluster_size, place
from discover.progress import Progress, Silent
from discover.ray_cluster import start_ray
from discover.ray_engine import TRIES, WORKER_ENVIRONMENT
from potentials import LoadError, Metadata, Potential
from potentials.suitable import UnsuitableStructureError
from potentials.words import in_words
from properties.errors import InapplicableError, PropertyError
from properties.rest import at_rest

Key = tuple[int | str, str]
"""A hit's id and a stage's name."""


@dataclass(frozen=True)
class Task:
    """A stage to compute of a structure.

    Attributes:
        folder: for what the stage keeps beside its result, absolute; nothing is there before it writes.
    """

    key: Key
    atoms: Atoms
    settings: Mapping[str, Any]
    pressure_GPa: float = 0.0
    folder: Path | None = None

    @property
    def notes(self) -> Path | None:
        """The file that says where it stands."""
        return self.folder and self.folder.with_suffix(".progress")


@dataclass(frozen=True)
class Ended:
    """What came of a task: a result, or a reason why there is none."""

    key: Key
    result: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    ok: bool = True
    reason: str = ""
    seconds: float = 0.0
    fault: str = ""


@dataclass(frozen=True)
class PotentialSpec:
    """What a worker loads."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"


class StageWorker:
    """Computes stages with one potential, loaded once."""

    def __init__(self, spec: PotentialSpec, threads: int | None = None) -> None:
        self._spec, self._threads = spec, threads

    @cached_property
    def potential(self) -> Potential:
        """Loaded with the first task: an actor that fails while it is made cannot say why."""
        if self._threads is not None and self._spec.device == "cpu":
            import torch

            torch.set_num_threads(self._threads)
        return potentials.load(self._spec.name, self._spec.device, **self._spec.options)

    def metadata(self) -> Metadata:
        """Of the potential, loaded by now."""
        return self.potential.metadata

    def run(self, task: Task, meanwhile: Callable[[], None] = lambda: None) -> Ended:
        """Compute it; whatever goes wrong is the task's own end. `meanwhile` is called when it has said where it is."""
        started = time.monotonic()
        progress = Silent() if task.notes is None else Jotting(task.notes, meanwhile)
        found = _attempted(self.potential, task, progress)
        return Ended(**{**found, "key": task.key, "seconds": round(time.monotonic() - started, 3)})


def _attempted(potential: Potential, task: Task, progress: Progress) -> dict[str, Any]:
    try:
        return _computed(potential, task, progress)
    except InapplicableError as error:  # among many hits that is an answer
        return {"result": clean(error.found), "title": str(error)}
    except (PropertyError, UnsuitableStructureError, InputError) as error:
        return {"reason": str(error)}
    except Exception as error:  # of whatever library a stage calls: it ends this stage, and is kept with its traceback
        return {"reason": in_words(error), "fault": traceback.format_exc()}


def _computed(potential: Potential, task: Task, progress: Progress) -> dict[str, Any]:
    _, stage = task.key
    if stage == REST:
        rested = _rested(potential, task)
        calls, force = rested["model_calls"], rested["max_force_eV_A"]
        return {"result": rested, "title": f"at rest after {calls} model calls; largest force {force:.1e} eV/Å"}
    module: Any = computation(stage)
    kept = {"folder": task.folder} if getattr(module, "KEEPS", False) else {}
    found = module.compute(potential, task.atoms, module.Settings(**task.settings), progress, **kept)
    return {"result": clean(found.json), "title": found.title, "ok": found.ok}


def _rested(potential: Potential, task: Task) -> dict[str, Any]:
    from potentials.primitive import space_group

    rest = at_rest(potential.in_double_precision(), task.atoms, task.pressure_GPa, **task.settings)
    n = len(rest.atoms)
    return {
        "structure": structure_json(rest.atoms),
        "energy_eV_per_atom": rest.energy_eV / n,
        "volume_A3_per_atom": float(rest.atoms.get_volume()) / n,
        "space_group": space_group(rest.atoms),
        "pressure_GPa": rest.pressure_GPa,
        "max_force_eV_A": rest.max_force_eV_A,
        "max_stress_GPa": rest.max_stress_GPa,
        "model_calls": rest.model_calls,
    }


class Workers(Protocol):
    """Takes tasks and gives back their ends."""

    def metadata(self) -> Metadata:
        """Of the potential that they have loaded.

        Raises:
            potentials.LoadError, potentials.UnknownPotentialError, potentials.DeviceError: they cannot load it.
        """
        ...

    def free(self) -> int:
        """How many more tasks may be given now."""
        ...

    def submit(self, task: Task) -> None:
        """Begin it."""
        ...

    def collect(self, meanwhile: Callable[[], None] = lambda: None) -> list[Ended]:
        """What has ended; waits a second if nothing has, or works, and then calls `meanwhile` now and then."""
        ...

    def close(self) -> None:
        """End whatever runs."""
        ...


class LocalWorkers:
    """This process, one task at a time."""

    def __init__(self, spec: PotentialSpec) -> None:
        self._worker = StageWorker(spec)
        self._waiting: deque[Task] = deque()

    def metadata(self) -> Metadata:
        """Of the potential; errors as in `Workers`."""
        return self._worker.metadata()

    def free(self) -> int:
        """One where nothing waits."""
        return 1 - len(self._waiting)

    def submit(self, task: Task) -> None:
        """It is computed when it is collected."""
        self._waiting.append(task)

    def collect(self, meanwhile: Callable[[], None] = lambda: None) -> list[Ended]:
        """The end of what was submitted."""
        return [self._worker.run(self._waiting.popleft(), meanwhile)] if self._waiting else []

    def close(self) -> None:
        """Nothing runs outside `collect`."""


@dataclass(eq=False)
class _Actor:
    handle: Any
    task: Task | None = None
    call: Any = None


class RayWorkers:
    """An actor a core (or GPU), each with one task; one that dies takes only its task with it, which is tried again."""

    def __init__(
        self, spec: PotentialSpec, workers: int | None, most: int, address: str | None = None
    ) -> None:
        """Start Ray and the actors.

        workers: None takes one a GPU, or a core where there is none.
        most: no more than so many are needed.
        address: of a running cluster; None starts Ray on this machine.

        Raises:
            InputError: no cluster answers, no GPU where one is wanted, fewer cores than workers.
        """
        import ray

        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            start_ray(ray, address, workers)
        self._actors: list[_Actor] = []
        self._tries: dict[Key, int] = {}
        try:
            placement = place(spec.device, workers, *cluster_size(ray.cluster_resources()))
            self._placement: Placement = placement
            self._spec = PotentialSpec(spec.name, spec.options, placement.device)
            count = min(placement.workers, max(most, 1))
            self._threads = placement.workers // count  # cores that nobody else would use
            self._actors = [self._new() for _ in range(count)]
            self._loads = [actor.handle.metadata.remote() for actor in self._actors]  # all at once, before any task
        except BaseException:
            self.close()
            raise

    def _new(self) -> _Actor:
        environment = dict(WORKER_ENVIRONMENT)
        if self._placement.visible is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self._placement.visible
        remote = self._ray.remote(
            num_cpus=1, num_gpus=self._placement.gpus_each, runtime_env={"env_vars": environment}
        )(StageWorker)
        return _Actor(remote.remote(self._spec, self._threads))

    def metadata(self) -> Metadata:
        """Of the potential that the first actor has loaded; errors as in `Workers`."""
        try:
            metadata: Metadata = self._ray.get(self._loads[0])
        except self._ray.exceptions.RayTaskError as error:  # its own words are a traceback
            raise error.cause from None
        except self._ray.exceptions.RayError as error:
            raise LoadError(f"a worker died loading it: {str(error).strip().splitlines()[0]}") from None
        return metadata

    def free(self) -> int:
        """Actors without a task."""
        return sum(actor.task is None for actor in self._actors)

    def submit(self, task: Task) -> None:
        """Give it to an actor that has none."""
        self._give(next(actor for actor in self._actors if actor.task is None), task)

    def _give(self, actor: _Actor, task: Task) -> None:
        self._tries[task.key] = self._tries.get(task.key, 0) + 1
        actor.task, actor.call = task, actor.handle.run.remote(task)

    def collect(self, meanwhile: Callable[[], None] = lambda: None) -> list[Ended]:
        """What has ended; waits up to a second if nothing has."""
        busy = {actor.call: actor for actor in self._actors if actor.task is not None}
        if not busy:
            return []
        ready, _ = self._ray.wait(list(busy), num_returns=len(busy), timeout=0)
        if not ready:
            ready, _ = self._ray.wait(list(busy), num_returns=1, timeout=1.0)
        return [ended for call in ready if (ended := self._answer(busy[call])) is not None]

    def _answer(self, actor: _Actor) -> Ended | None:
        task = actor.task
        assert task is not None
        try:
            ended: Ended = self._ray.get(actor.call)
        except self._ray.exceptions.RayTaskError:  # a fault of ours, not a death
            raise
        except self._ray.exceptions.RayError as error:  # its actor, its node, or its memory
            return self._bury(actor, task, error)
        actor.task = actor.call = None
        return ended

    def _bury(self, actor: _Actor, task: Task, error: Exception) -> Ended | None:
        """Replace a dead actor; its task is tried once more, then given up."""
        self._ray.kill(actor.handle)
        fresh = self._new()
        self._actors[self._actors.index(actor)] = fresh
        if self._tries[task.key] < TRIES:
            self._give(fresh, task)
            return None
        reason = str(error).strip().splitlines()[0]
        return Ended(task.key, reason=f"its worker died {TRIES} times: {reason}")

    def close(self) -> None:
        """Kill the actors; end Ray where it was started here."""
        for actor in self._actors:
            self._ray.kill(actor.handle)
        self._actors = []
        if self._own:
            self._ray.shutdown()
