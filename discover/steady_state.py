"""The search as it runs: whenever a slot is free, ask; whenever something ends, judge, tell, store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ase import Atoms

from discover.config import CampaignConfig
from discover.doubts import Doubts, witness_of
from discover.engine import Engine, Finished, Halted, Lost, Task
from discover.errors import InputError
from discover.findings import Findings
from discover.forecast import Forecast
from discover.foretelling import Foretelling
from discover.judgement import judged
from discover.pipeline.offers import OPERATOR, read_offers
from discover.progress import Progress
from discover.pruning import FALLS_INTO, Pruner
from discover.run_folder import RunFolder
from discover.seeds import seed_structures
from discover.store import StoredResult
from discover.strategy import make_searcher, search_space, searcher_class
from discover.tally import SEED_OPERATORS, Tally
from discover.worker import Verdict
from potentials import Metadata
from potentials.relax.settings import Outcome
from searchers.candidate import Candidate, Fate, Relaxed, useful_below_eV_per_atom
from searchers.generation import GenerationError

AT_ONCE = 20
AT_ONCE_SHARE = 1 / 6
"""Of the candidates that a search may spend, at most so many are out at once: a GPU has room for hundreds, and a search
that asked for all of them before it heard of one would learn nothing."""
RUN_DRY = 1000
"""Candidates in a row that needed no model call, mostly for they repeat what is known, after which a search has nothing
more to find."""


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
        witness = witness_of(config.potential, config.witness)
        self._doubts = Doubts(engine, witness, config.search.pressure_GPa, check_bonds=config.potential != "lj")
        self._pruner = Pruner(self._findings, config.relax.risk, config.hits_within_eV_per_atom)
        self._seeds = seed_structures(config, self._space)
        self._seeds_asked = 0
        self._offers: list[tuple[str, Atoms]] = []
        self._offers_taken: list[str] = []
        self._waiting: dict[int, Candidate] = {}
        self._unasked = 0
        self._dry = False
        self._store.prepare()
        saved = self._store.state()
        if saved:
            self._restore(saved)
        else:
            self._tally = Tally()
            self._searcher = make_searcher(config, self._space, first_id=len(self._seeds))
            self._store.save(self._state() | {"potential": engine.description["metadata"]})

    def _restore(self, saved: dict[str, Any]) -> None:
        theirs, mine = saved["potential"], Metadata.from_json(self._engine.description["metadata"])
        if not mine.same_energies(theirs):
            raise InputError(f"{self._folder.path}: was run with other weights of {theirs['name']}; use another --out")
        self._tally = Tally.from_json(saved["tally"])
        self._tally.resumes += 1
        if saved["seeds"] != len(self._seeds):
            raise InputError(f"{self._folder.path}: search.start_from holds other structures than when it was begun")
        self._seeds_asked = saved["seeds_asked"]
        self._offers_taken = saved.get("offers_taken", [])
        self._offers = read_offers(self._folder.path, self._offers_taken)
        self._searcher = searcher_class(self._search.searcher).from_state(self._space, saved["searcher"])
        self._findings.restore(self._store.distinct())
        self._pruner.forecast = Forecast.from_state(saved["forecast"])
        self._pruner.foretelling = Foretelling.from_state(saved["foretelling"])
        self._submit(self._store.pending())

    def _state(self) -> dict[str, Any]:
        return {
            "searcher": self._searcher.state(),
            "tally": self._tally.to_json(),
            "forecast": self._pruner.forecast.state(),
            "foretelling": self._pruner.foretelling.state(),
            "seeds": len(self._seeds),
            "seeds_asked": self._seeds_asked,
            "offers_taken": self._offers_taken,
            "finished": None,
        }

    def run(self) -> None:
        """Search until the budget is spent and everything asked for has ended."""
        self._progress.start(self._search.candidates, self._tally.done)
        while self._ask():
            news = self._engine.collect()
            halted = [item for item in news if isinstance(item, Halted)]
            if halted:
                self._engine.answer([self._verdict(item) for item in halted])
            ended = [item for item in news if not isinstance(item, Halted)]
            if ended:
                self._keep([self._judge(item) for item in ended])
        self._progress.finish()

    def _ask(self) -> bool:
        """Fill the free slots; False where nothing more is to be asked for and nothing is out.

        A child that repeats a known structure ends here and costs nothing.
        """
        fresh = self._next(self._engine.free())
        if not fresh:
            return bool(self._waiting)
        self._store.ask(fresh, self._state())
        repeats = {c.id: r for c in fresh if (r := self._repeats(c)) is not None}
        self._submit([c for c in fresh if c.id not in repeats])
        if repeats:
            self._keep([StoredResult(r, self._tally.seconds()) for r in repeats.values()])
        return True

    def _next(self, room: int) -> list[Candidate]:
        """What to work on next: nothing where there is no room, or where the searcher should hear results first."""
        seeds = self._seeds[self._seeds_asked : self._seeds_asked + max(room, 0)]
        if seeds:
            self._seeds_asked += len(seeds)
            return seeds
        offers = self._offered(room)
        if offers:
            return offers
        if self._tally.spent(self._search) or self._seeds_pending() or self._dry:
            return []
        budget = self._search.candidates
        if budget is not None:
            at_once = max(AT_ONCE, int(AT_ONCE_SHARE * budget)) - len(self._waiting)
            room = min(room, at_once, budget - self._tally.asked)
        if room <= 0:
            return []
        try:
            fresh = self._searcher.ask(room)
        except GenerationError as error:
            raise InputError(f"search: {error}") from None
        self._tally.asked += len(fresh)
        return fresh

    def _offered(self, room: int) -> list[Candidate]:
        """What the run's own hits have led to since, each once: the state stored with them knows their names."""
        now, self._offers = self._offers[: max(room, 0)], self._offers[max(room, 0) :]
        found = []
        for name, atoms in now:
            found.append(Candidate(self._searcher.next_id, atoms, OPERATOR, info={"file": name}))
            self._searcher.next_id += 1
            self._offers_taken.append(name)
        return found

    def _seeds_pending(self) -> bool:
        return any(id < len(self._seeds) for id in self._waiting)

    def _submit(self, candidates: Sequence[Candidate]) -> None:
        self._waiting |= {c.id: c for c in candidates}
        self._engine.submit([_task(c) for c in candidates])

    def _repeats(self, candidate: Candidate) -> Relaxed | None:
        """The end of a child that is a structure already relaxed, or None."""
        if not candidate.parents or not candidate.relax:
            return None
        known = self._findings.repeated_by(candidate.atoms)
        return None if known is None else self._repeat(candidate, known, f"repeats {known}, not relaxed again")

    def _repeat(self, candidate: Candidate, known: int, reason: str, model_calls: int = 0) -> Relaxed:
        """A candidate that is, or would have become, a known structure: it ends as that."""
        atoms = self._findings.atoms(known)
        energy_eV = self._findings.energy_eV_per_atom(known) * len(atoms)
        return Relaxed(
            candidate, atoms, energy_eV, Fate.DUPLICATE, model_calls=model_calls, reason=reason, duplicate_of=known
        )

    def _verdict(self, item: Halted) -> Verdict:
        """Whether a relaxation deserves more; known crystals and the user's own are relaxed to their end."""
        candidate = self._waiting[item.halt.id]
        return Verdict(candidate.id) if candidate.operator in SEED_OPERATORS else self._pruner.verdict(candidate, item)

    def _judge(self, item: Finished | Lost) -> StoredResult:
        """What became of a candidate, held against the laws of nature and against what is known."""
        seconds = self._tally.seconds()
        if isinstance(item, Lost):
            self._pruner.end(item.id, None)
            return StoredResult(lost(self._waiting.pop(item.id), item.reason), seconds)
        candidate, done = self._waiting.pop(item.relaxation.id), item.relaxation
        whole = done.outcome is Outcome.CONVERGED
        into = self._pruner.end(done.id, done.enthalpy_eV / len(done.atoms) if whole else None)
        if done.outcome is Outcome.STOPPED and into is not None:
            repeat = self._repeat(candidate, into, done.reason, done.model_calls)
            return StoredResult(repeat, seconds, tidy_calls=item.tidy_calls)
        relaxed = as_relaxed(candidate, item)
        relaxed = judged(relaxed, item.fingerprint, self._findings, self._doubts)
        return StoredResult(relaxed, seconds, item.space_group, item.fingerprint, item.tidy_calls)

    def _keep(self, results: Sequence[StoredResult]) -> None:
        """Count, tell, store."""
        for result in results:
            self._tally.count(result.relaxed, rehearsed=_ended_in_rehearsal(result.relaxed))
            self._unasked = 0 if result.relaxed.model_calls else self._unasked + 1
        if self._unasked >= RUN_DRY and not self._dry:
            self._dry = True
            self._progress.message(f"nothing new in {RUN_DRY} candidates in a row: the search ends here")
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
        lowest = self._findings.hull.lowest_eV_per_atom()
        return "" if lowest is None else f"best {lowest:.4f} eV/atom"


_FATES = {
    Outcome.CONVERGED: Fate.CONVERGED,
    Outcome.UNCONVERGED: Fate.UNCONVERGED,
    Outcome.STOPPED: Fate.PRUNED,
    Outcome.FAILED: Fate.FAILED,
}


def _task(candidate: Candidate) -> Task:
    return Task(
        candidate.id,
        candidate.atoms,
        candidate.relax,
        candidate.modes,
        tidy=candidate.operator not in SEED_OPERATORS,
        measured_below_eV_per_atom=useful_below_eV_per_atom(candidate),
    )


def as_relaxed(candidate: Candidate, item: Finished) -> Relaxed:
    """What a worker gave back, as its candidate's end."""
    done = item.relaxation
    return Relaxed(
        candidate,
        done.atoms,
        done.enthalpy_eV,
        _FATES[done.outcome],
        done.max_force_eV_A,
        done.stress_eV_A3,
        done.steps,
        done.model_calls,
        done.reason,
        space_group=item.space_group,
        fingerprint=item.fingerprint,
        modes=item.modes,
        properties=item.properties,
    )


def _ended_in_rehearsal(relaxed: Relaxed) -> bool:
    """Whether a verdict ended it before its first model call; what repeats a known structure is not even rehearsed."""
    stopped = relaxed.fate is Fate.PRUNED or (relaxed.fate is Fate.DUPLICATE and relaxed.reason.startswith(FALLS_INTO))
    return stopped and not relaxed.model_calls


def lost(candidate: Candidate, reason: str) -> Relaxed:
    """The end of a candidate that never came back."""
    return Relaxed(candidate, candidate.atoms, float("nan"), Fate.FAILED, reason=reason)
