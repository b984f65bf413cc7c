"""After the search: its lowest structures relaxed again with a more accurate potential, each kept as it finishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from discover.config import CampaignConfig
from discover.doubts import Doubts, witness_of
from discover.engine import Engine, Finished, Halted, Lost, Task
from discover.findings import Findings
from discover.judgement import judged
from discover.ladder import climbers, has_corners, on_top_rung
from discover.progress import Progress
from discover.records import HullEntry
from discover.run_folder import RunFolder
from discover.steady_state import as_relaxed, lost
from discover.store import StoredResult
from discover.tally import Tally
from potentials import Metadata
from searchers.candidate import Candidate

OPERATOR = "rerank"


class Reranking:
    """The top rung of one run, from its first structure or from where it was left.

    Its results are rows of a database of their own under the ids that the structures have in the search; what stands
    there already is not relaxed again.
    """

    def __init__(self, config: CampaignConfig, folder: RunFolder, potential: Metadata, progress: Progress) -> None:
        assert config.ladder.rerank is not None
        self._settings = config.ladder.rerank
        self._config = on_top_rung(config)
        self._folder = folder
        self._progress = progress
        self._searched = folder.search_hull()
        self._structure: dict[int | str, int | None] = {r.id: r.structure for r in folder.store.history()}
        self._store = folder.top_store
        saved = self._store.state()
        self._potential = potential.to_json()
        self._tally = Tally.from_json(saved["tally"]) if saved else Tally()
        history = self._store.history()
        self._done = {r.id for r in history}
        self._failed = {r.id for r in history if r.structure is None}

    def run(self, start: Callable[[], Engine]) -> None:
        """Relax what is to climb and has not; `start` is called only where there is any."""
        fresh = self._fresh()
        if fresh:
            self._folder.store.save({"finished": None})  # the search may have been over long ago
            engine = start()
            try:
                self._climb(engine, fresh)
            finally:
                engine.close()
        self._store.settle()
        if not has_corners(self._searched, self._store.history()):
            name = self._config.potential
            self._progress.message(f"{name} relaxed no structure of some element: the hull stays that of the search")

    def _climb(self, engine: Engine, fresh: list[HullEntry]) -> None:
        self._store.prepare()
        self._findings = Findings(
            self._searched.elements, self._store.atoms, self._config.duplicates.energy_eV_per_atom
        )
        self._findings.restore(self._store.distinct())
        witness = witness_of(self._config.potential, self._config.witness)
        pressure_GPa = self._config.search.pressure_GPa
        self._doubts = Doubts(engine, witness, pressure_GPa, check_bonds=self._config.potential != "lj")
        done = len(self._done)
        self._progress.start(done + len(fresh), done, f"re-ranking with {self._config.potential}")
        while fresh:
            self._relax(engine, fresh)
            fresh = self._fresh()
        self._progress.finish()

    def _fresh(self) -> list[HullEntry]:
        """What is to climb and was not tried; other copies of a structure that was tried count as tried."""
        tried = {self._structure[id] for id in self._done}
        entries = self._searched.entries
        in_vain = {self._structure[id] for id in self._failed}
        wanted = climbers(entries, self._settings, {e.id for e in entries if self._structure[e.id] in in_vain})
        return [e for e in wanted if self._structure[e.id] not in tried]

    def _relax(self, engine: Engine, entries: Sequence[HullEntry]) -> None:
        """All of them, each stored as it ends."""
        waiting = {int(e.id): Candidate(int(e.id), self._folder.store.atoms(e.id), OPERATOR) for e in entries}
        engine.submit([Task(c.id, c.atoms) for c in waiting.values()])
        while waiting:
            # Nothing is stopped on the way here, so nothing halts
            ended = [item for item in engine.collect() if not isinstance(item, Halted)]
            if ended:
                self._keep([self._judge(waiting, item) for item in ended])

    def _judge(self, waiting: dict[int, Candidate], item: Finished | Lost) -> StoredResult:
        seconds = self._tally.seconds()
        if isinstance(item, Lost):
            return StoredResult(lost(waiting.pop(item.id), item.reason), seconds)
        relaxed = as_relaxed(waiting.pop(item.relaxation.id), item)
        relaxed = judged(relaxed, item.fingerprint, self._findings, self._doubts)
        return StoredResult(relaxed, seconds, item.space_group, item.fingerprint)

    def _keep(self, results: Sequence[StoredResult]) -> None:
        for result in results:
            self._tally.count(result.relaxed)
            self._done.add(result.relaxed.candidate.id)
            if not result.relaxed.fate.has_energy:
                self._failed.add(result.relaxed.candidate.id)
        self._store.finish(results, {"tally": self._tally.to_json(), "potential": self._potential})
        self._findings.saved()
        self._folder.log(results)
        tally, stable = self._tally, self._findings.hull.stable_formulas
        best = f"hull: {', '.join(stable)}" if stable else ""
        self._progress.update(len(self._done), tally.model_calls, tally.failed, tally.duplicates, best)
