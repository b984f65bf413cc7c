"""Where workers run: how many, on which device, and how much of a GPU each."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from discover.errors import InputError


@dataclass(frozen=True)
class Placement:
    """What Ray is asked for.

    Attributes:
        workers: actors.
        device: what each loads its potential on; Ray shows a worker its own GPU only, as the first.
        gpus_each: GPUs, or the share of one, that an actor holds.
        visible: the one GPU that all use, None where Ray deals them out.
    """

    workers: int
    device: str
    gpus_each: float = 0.0
    visible: str | None = None


def place(wanted: str, workers: int | None, cores: int, gpus: int) -> Placement:
    """One worker a GPU; without GPUs one a core.

    wanted: "auto", "cpu", "cuda", or "cuda:N" (all workers share GPU N).
    workers: None takes the default; more than there are GPUs share them.
    cores, gpus: that there are.

    Raises:
        InputError: a GPU is wanted and there is none, or more workers than cores.
    """
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        if workers is not None and workers > max(cores, 1):
            raise InputError(f"--workers: at most {max(cores, 1)}, a core each (is {workers})")
        return Placement(workers or max(cores, 1), "cpu")
    if not gpus:
        raise InputError(f"device: {wanted!r} is asked for, but Ray finds no GPU; use cpu or auto")
    _, _, index = wanted.partition(":")
    if index:
        return Placement(workers or 1, "cuda:0", visible=index)
    count = workers or gpus
    return Placement(count, "cuda:0", gpus_each=min(1.0, gpus / count))


def own_cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def cluster_size(resources: Mapping[str, float]) -> tuple[int, int]:
    """Cores and GPUs of a Ray cluster, from `ray.cluster_resources()`."""
    return int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
