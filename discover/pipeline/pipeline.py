"""Hits through stages: whatever can run does, whatever is known is not computed again, whatever fails stays alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from discover.pipeline.hits import Hit
from discover.pipeline.jotting import jotted
from discover.pipeline.results import (
    FOLDER,
    StageResult,
    folder_of,
    inputs_of,
    read_result,
    structure_from,
    write_result,
)
from discover.pipeline.stages import REST, VALIDATE, Stage
from discover.pipeline.tasks import Ended, Key, Task, Workers
from discover.progress import PROPERTIES, Progress

BEYOND_REST = (
    "energy at the cut-off", "forces at the cut-off", "squeezed crystal", "pair ", "smoothness", "short_distances",
)  # fmt: skip
"""Checks of `validate` on what lies far from the crystal at rest: no property of it hangs on them."""


class Pipeline:
    """All hits and all stages of one run.

    insist: go on where `validate` failed.
    retry_failed: compute again what failed with the same inputs.
    on_result: told of each result that was computed, before it is on disk: a kill between the two repeats both.
    """

    def __init__(
        self,
        run: Path,
        hits: Sequence[Hit],
        stages: Sequence[Stage],
        potential: Mapping[str, Any],
        progress: Progress,
        *,
        pressure_GPa: float = 0.0,
        insist: bool = False,
        retry_failed: bool = False,
        on_result: Callable[[Hit, StageResult], None] = lambda hit, result: None,
    ) -> None:
        self._run = run
        self._hits = {hit.id: hit for hit in hits}
        self._stages = {stage.name: stage for stage in stages}
        self._potential = potential
        self._progress = progress
        self._pressure_GPa = pressure_GPa
        self._insist = insist
        self._retry_failed = retry_failed
        self._on_result = on_result
        self._pending: list[Key] = [(hit.id, stage.name) for hit in hits for stage in stages]
        self._ready: list[Key] = []
        self._running: list[Key] = []
        self._tasks: dict[Key, Task] = {}
        self._inputs: dict[Key, dict[str, Any]] = {}
        self.ended: dict[Key, StageResult] = {}

    def run(self, start: Callable[[int], Workers]) -> dict[Key, StageResult]:
        """Compute what is not known; `start` is told how many tasks there may be at a time, and called only for some.

        A kill loses what is being computed and nothing else.
        """
        total = len(self._pending)
        self._settle()
        self._progress.start(total, len(self.ended), PROPERTIES)
        if self._ready:
            workers = start(len(self._hits) * len(self._stages) - len(self.ended))
            try:
                self._work(workers)
            finally:
                workers.close()
        self._progress.finish()
        return self.ended

    def _work(self, workers: Workers) -> None:
        while self._ready or self._running:
            while self._ready and workers.free() > 0:
                key = self._ready.pop(0)
                self._running.append(key)
                workers.submit(self._task(key))
            self._say()
            for ended in workers.collect(self._say):
                self._running.remove(ended.key)
                self._keep(ended)
            self._settle()

    def _task(self, key: Key) -> Task:
        folder = (self._run / FOLDER / folder_of(key[0]) / key[1]).resolve()
        task = Task(key, self._atoms(key), self._stages[key[1]].settings, self._pressure_GPa, folder)
        self._tasks[key] = task
        return task

    def _settle(self) -> None:
        """Move on whatever waits no longer: to its end where it is known or cannot be, else among what is ready."""
        while moved := [key for key in self._pending if all(n in self.ended for n in self._needs(key))]:
            for key in moved:
                self._pending.remove(key)
                self._move_on(key)
        order = {name: k for k, name in enumerate(self._stages)}
        place = {id: k for k, id in enumerate(self._hits)}
        self._ready.sort(key=lambda key: (place[key[0]], order[key[1]]))

    def _move_on(self, key: Key) -> None:
        stage = self._stages[key[1]]
        known = self._known(key)
        # What was computed once stands, though `validate` is against it now
        blocked = "" if known is not None and known.done else self._blocked(key)
        if blocked:
            self._end(key, StageResult(stage.name, "failed", self._potential, stage.settings, blocked))
        elif known is not None and (known.done or not self._retry_failed):
            self.ended[key] = known
        else:
            self._ready.append(key)

    def _known(self, key: Key) -> StageResult | None:
        """What is on disk from the very same inputs."""
        if not all(self.ended[need].done for need in self._needs(key)):
            return None
        stage = self._stages[key[1]]
        self._inputs[key] = inputs_of(self._atoms(key), self._potential, stage, self._pressure_GPa)
        known = read_result(self._run, *key)
        same = known is not None and known.inputs is not None and known.inputs["hash"] == self._inputs[key]["hash"]
        return known if same else None

    def _needs(self, key: Key) -> Iterator[Key]:
        return ((key[0], need) for need in self._stages[key[1]].needs)

    def _blocked(self, key: Key) -> str:
        """Why it cannot run; empty where it can."""
        if self._pressure_GPa and not self._stages[key[1]].bears_pressure:
            return f"{key[1]} knows nothing of pressure, and the structures are those at {self._pressure_GPa:g} GPa"
        for need in self._needs(key):
            found = self.ended[need]
            if not found.done:
                # What was not run itself names the stage that failed
                return found.reason if found.inputs is None else f"{found.stage} failed: {found.reason}"
            if not self._insist and (against := _against(found)):
                return f"{found.stage} failed: {against} (--insist, or insist: true, runs it all the same)"
        return ""

    def _atoms(self, key: Key) -> Atoms:
        id, name = key
        if self._stages[name].at_rest:
            return structure_from(self.ended[id, REST].result["structure"])
        return self._hits[id].atoms

    def _keep(self, ended: Ended) -> None:
        stage = self._stages[ended.key[1]]
        notes = self._tasks.pop(ended.key).notes
        if notes is not None:
            notes.unlink(missing_ok=True)
        self._end(
            ended.key,
            StageResult(
                stage.name,
                "failed" if ended.reason else "done",
                self._potential,
                stage.settings,
                ended.reason,
                ended.result,
                ended.title,
                ended.ok,
                self._inputs[ended.key],
                ended.seconds,
                ended.fault,
            ),
        )

    def _end(self, key: Key, found: StageResult) -> None:
        hit = self._hits[key[0]]
        self._on_result(hit, found)
        write_result(self._run, hit.id, found)
        self.ended[key] = found
        if not found.done:
            self._progress.message(f"{hit.label}: {found.stage} failed: {found.reason}")

    def _say(self) -> None:
        doing = [f"{name} of {self._hits[id].label}{self._where((id, name))}" for id, name in self._running]
        self._progress.note(len(self.ended), f"running: {', '.join(doing)}" if doing else "")

    def _where(self, key: Key) -> str:
        """What a running stage has last said of itself."""
        task = self._tasks[key]
        said = jotted(task.notes) if task.notes is not None else ""
        return f" ({said})" if said else ""


def _against(found: StageResult) -> str:
    """What a stage that is done has found against going on; empty where nothing."""
    if found.stage != VALIDATE or found.ok:
        return ""
    failed = [c["name"] for c in found.result.get("checks", []) if not c["passed"]]
    grave = [name for name in failed if not name.startswith(BEYOND_REST)]
    return ", ".join(grave)
