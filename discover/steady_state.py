"""The search as it runs: whenever a slot is free, ask; whenever something ends, judge, tell, store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from discover.config import CampaignConfig
from discover.doubts import Doubts
from discover.engine import Engine, Finished, Lost, Task
from discover.errors import InputError
from discover.findings import Findings
from discover.progress import Progress
from discover.run_folder import RunFolder
from discover.seeds import seed_structures
from discover.store import StoredResult
from discover.strategy import make_searcher, search_space, searcher_class
from discover.tally import Tally
from searchers.candidate import Candidate, Fate, Relaxed


class SteadyState:
    """One run from its first candidate, or from where it was left, to the end of its budget.

    Nothing waits for a generation. The element prototypes and the user's own structures come first, for they tell a
    hole of the potential from a discovery; everything else is the searcher's.

    Raises:
        InputError: a run that was begun with another potential.
    """

    def __init__(self, config: CampaignConfig, folder: RunFolder, engine: Engine, progress: Progress) -> None:
        self._search = config.search
        self._folder = folder
        self._store = folder.store
        self._engine = engine
        self._progress = progress
        self._space = search_space(config)
        self._findings = Findings(self._space.elements, self._store.atoms, config.duplicates.energy_eV_per_atom)
        self._doubts = Doubts(engine, config.search.pressure_GPa, check_bonds=config.potential != "lj")
        self._seeds = seed_structures(config, self._space)
        self._seeds_asked = 0
        self._waiting: dict[int, Candidate] = {}
        self._store.prepare()
        saved = self._store.state()
        if saved:
            self._restore(saved)
        else:
            self._tally = Tally()
            self._searcher = make_searcher(config, self._space, first_id=len(self._seeds))
            self._store.save(self._state() | {"potential": engine.description["metadata"]})

    def _restore(self, saved: dict[str, Any]) -> None:
        theirs, mine = saved["potential"], self._engine.description["metadata"]
        if any(theirs[k] != mine[k] for k in ("name", "checkpoint_sha256", "parameters")):
            raise InputError(f"{self._folder.path}: was run with other weights of {theirs['name']}; use another --out")
        self._tally = Tally.from_json(saved["tally"])
        self._tally.resumes += 1
        self._seeds_asked = saved["seeds_asked"]
        self._searcher = searcher_class(self._search.searcher).from_state(self._space, saved["searcher"])
        self._findings.restore(self._store.distinct())
        self._submit(self._store.pending())

    def _state(self) -> dict[str, Any]:
        return {
            "searcher": self._searcher.state(),
            "tally": self._tally.to_json(),
            "seeds_asked": self._seeds_asked,
            "finished": None,
        }

    def run(self) -> None:
        """Search until the budget is spent and everything asked for has ended."""
        self._progress.start(self._search.candidates, self._tally.done)
        while True:
            self._ask()
            if not self._waiting:
                break
            ended = self._engine.collect()
            if ended:
                self._keep([self._judge(item) for item in ended])
        self._progress.finish()

    def _ask(self) -> None:
        """Fill the free slots; a child that repeats a known structure ends here and costs nothing."""
        while (room := self._engine.free()) > 0:
            fresh = self._next(room)
            if not fresh:
                return
            self._store.ask(fresh, self._state())
            repeats = {c.id: r for c in fresh if (r := self._repeats(c)) is not None}
            self._submit([c for c in fresh if c.id not in repeats])
            if repeats:
                self._keep([StoredResult(r, self._tally.seconds()) for r in repeats.values()])

    def _next(self, room: int) -> list[Candidate]:
        seeds = self._seeds[self._seeds_asked : self._seeds_asked + room]
        if seeds:
            self._seeds_asked += len(seeds)
            return seeds
        if self._tally.spent(self._search) or self._seeds_pending():
            return []
        budget = self._search.candidates
        fresh = self._searcher.ask(room if budget is None else min(room, budget - self._tally.asked))
        self._tally.asked += len(fresh)
        return fresh

    def _seeds_pending(self) -> bool:
        return any(id < len(self._seeds) for id in self._waiting)

    def _submit(self, candidates: Sequence[Candidate]) -> None:
        self._waiting |= {c.id: c for c in candidates}
        self._engine.submit([Task(c.id, c.atoms, c.relax) for c in candidates])

    def _repeats(self, candidate: Candidate) -> Relaxed | None:
        """The end of a child that is a structure already relaxed, or None."""
        if not candidate.parents or not candidate.relax:
            return None
        known = self._findings.repeated_by(candidate.atoms)
        if known is None:
            return None
        atoms = self._findings.atoms(known)
        energy_eV = self._findings.energy_eV_per_atom(known) * len(atoms)
        reason = f"repeats {known}, not relaxed again"
        return Relaxed(candidate, atoms, energy_eV, Fate.DUPLICATE, reason=reason, duplicate_of=known)

    def _judge(self, item: Finished | Lost) -> StoredResult:
        """What became of a candidate, held against the laws of nature and against what is known."""
        seconds = self._tally.seconds()
        if isinstance(item, Lost):
            return StoredResult(_lost(self._waiting.pop(item.id), item.reason), seconds)
        relaxed = _as_relaxed(self._waiting.pop(item.relaxation.id), item)
        if relaxed.fate is Fate.CONVERGED:
            reason = self._doubts.about(relaxed.atoms, relaxed.energy_eV_per_atom, self._findings.hull)
            if reason:
                relaxed = replace(relaxed, fate=Fate.FAILED, reason=f"unphysical: {reason}")
        if relaxed.fate is Fate.CONVERGED:
            energy = relaxed.energy_eV_per_atom
            known = self._findings.add(relaxed.candidate.id, relaxed.atoms, energy, item.fingerprint)
            if known is not None:
                reason = f"relaxed into {known}"
                relaxed = replace(relaxed, fate=Fate.DUPLICATE, duplicate_of=known, reason=reason)
        return StoredResult(relaxed, seconds, item.space_group, item.fingerprint)

    def _keep(self, results: Sequence[StoredResult]) -> None:
        """Count, tell, store."""
        for result in results:
            self._tally.count(result.relaxed)
        self._searcher.tell([r.relaxed for r in results])
        self._store.finish(results, self._state())
        self._findings.saved()
        self._folder.log(results)
        tally = self._tally
        self._progress.update(tally.done, tally.model_calls, tally.failed, tally.duplicates, self._headline())

    def _headline(self) -> str:
        """The best so far in a few words."""
        stable = self._findings.hull.stable_formulas
        if self._space.variable and stable:
            return "hull: " + ", ".join(stable)
        lowest = self._findings.lowest_eV_per_atom()
        return "" if lowest is None else f"best {lowest:.4f} eV/atom"


def _as_relaxed(candidate: Candidate, item: Finished) -> Relaxed:
    done = item.relaxation
    return Relaxed(
        candidate,
        done.atoms,
        done.enthalpy_eV,
        Fate(done.outcome.value),
        done.max_force_eV_A,
        done.stress_eV_A3,
        done.steps,
        done.model_calls,
        done.reason,
    )


def _lost(candidate: Candidate, reason: str) -> Relaxed:
    return Relaxed(candidate, candidate.atoms, float("nan"), Fate.FAILED, reason=reason)
