"""Replicas shared out to processes of one thread each: on a CPU two of them do more than one with two threads."""

from __future__ import annotations

import multiprocessing as mp
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from potentials.potential import Potential
from properties.dynamics.flow import Flow
from properties.dynamics.settings import DynamicsSettings, Replica
from properties.dynamics.stages import Stopped
from properties.dynamics.standing import Progress, Standing
from properties.errors import PropertyError


def run_shared(
    potential: Potential,
    replicas: Sequence[Replica],
    settings: DynamicsSettings,
    folder: Path | None,
    progress: Progress,
) -> tuple[dict[int, Flow], list[Stopped]]:
    """As `run_part` of all replicas; each process loads the potential by its name.

    Raises:
        PropertyError: a potential on a GPU, or one that its name does not give again.
    """
    if potential.device != "cpu":
        raise PropertyError(f"processes: must be 1 where the potential is on a GPU (is {settings.processes})")
    count = min(settings.processes, len(replicas))
    parts = [list(range(k, len(replicas), count)) for k in range(count)]
    alone = replace(settings, processes=1)
    context = mp.get_context("spawn")
    pipes, children = [], []
    try:
        for part in parts:
            mine, theirs = context.Pipe(duplex=False)
            work = (_recipe(potential), replicas, part, alone, folder, theirs, os.getpid())
            child = context.Process(target=_child, args=work, daemon=True)
            child.start()
            theirs.close()
            pipes.append(mine)
            children.append(child)
        return _collect(pipes, progress)
    finally:
        for child in children:
            child.terminate()
            child.join()


def _recipe(potential: Potential) -> dict[str, Any]:
    """What `potentials.load` is to be given, and what must come of it."""
    metadata = potential.metadata
    options = {"compiled": True} if getattr(potential, "compiled", False) else {}
    return {"name": metadata.name, "options": options | dict(metadata.parameters or {}), "metadata": metadata.to_json()}


def _collect(pipes: list[Connection], progress: Progress) -> tuple[dict[int, Flow], list[Stopped]]:
    """Pass on news until every child has sent its flows."""
    flows: dict[int, Flow] = {}
    stopped: list[Stopped] = []
    standings: dict[Connection, Standing] = {}
    open_pipes: list[Any] = list(pipes)
    while open_pipes:
        for pipe in wait(open_pipes):
            assert isinstance(pipe, Connection)
            try:
                kind, value = pipe.recv()
            except EOFError:
                raise PropertyError("a process of the run was killed; run again to go on from its checkpoint") from None
            if kind == "standing":
                standings[pipe] = value
                if len(standings) == len(pipes):
                    progress(_together(list(standings.values())))
            elif kind == "error":
                raise value
            else:
                flows |= value[0]
                stopped += value[1]
                open_pipes.remove(pipe)
    return flows, stopped


def _together(standings: Sequence[Standing]) -> Standing:
    """The one furthest behind, with everybody's replicas."""
    last = min(standings, key=lambda s: s.done)
    paces = [s.seconds_per_step for s in standings if s.seconds_per_step is not None]
    left = [s.seconds_left for s in standings if s.seconds_left is not None]
    return replace(
        last,
        seconds_per_step=max(paces, default=None),
        seconds_left=max(left, default=None),
        running=sum(s.running for s in standings),
        stopped=sum(s.stopped for s in standings),
    )


def _child(
    recipe: dict[str, Any],
    replicas: Sequence[Replica],
    part: Sequence[int],
    settings: DynamicsSettings,
    folder: Path | None,
    pipe: Connection,
    parent: int,
) -> None:
    try:
        result = _work(recipe, replicas, part, settings, folder, _news(pipe, parent))
    except Exception as error:
        pipe.send(("error", error))
    else:
        pipe.send(("done", result))


def _work(
    recipe: dict[str, Any],
    replicas: Sequence[Replica],
    part: Sequence[int],
    settings: DynamicsSettings,
    folder: Path | None,
    tell: Progress,
) -> tuple[dict[int, Flow], list[Stopped]]:
    import torch

    from potentials.registry import load
    from properties.dynamics.replicas import run_part

    torch.set_num_threads(1)
    potential = load(recipe["name"], "cpu", **recipe["options"])
    if potential.metadata.to_json() != recipe["metadata"]:
        raise PropertyError(f"processes: {recipe['name']!r} loaded by its name is not the potential given; use 1")
    return run_part(potential, replicas, part, settings, folder, tell)


def _news(pipe: Connection, parent: int) -> Callable[[Standing], None]:
    def tell(standing: Standing) -> None:
        if os.getppid() != parent:
            # The run was killed: whoever starts it again must find its files left alone
            os._exit(1)
        pipe.send(("standing", standing))

    return tell

