"""The campaign: ask, relax, judge, store, tell, and ask again until the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from discover.composition import fractions_of
from discover.config import CampaignConfig, load_campaign
from discover.doubts import Doubts, witness_of
from discover.engine import Engine, Finished, LocalEngine, Lost, RayEngine, Task, WorkerSpec, default_workers
from discover.errors import InputError
from discover.hull import ConvexHull
from discover.progress import Progress, Silent
from discover.records import RunRecord
from discover.run_folder import RunFolder
from discover.seeds import seed_structures
from discover.store import Store, StoredResult
from discover.strategy import make_searcher, search_space, searcher_class
from potentials import RelaxSettings, UnknownPotentialError, check_name, resolve_device
from potentials.registry import DeviceError
from searchers.candidate import Candidate, Fate, Relaxed
from searchers.duplicates import DuplicateIndex
from searchers.fingerprint import fingerprint

COMPILE_FROM_CALLS = 20_000
"""Compiling costs a minute once and saves about 20 ms a model call on two cores: it pays from here."""
CALLS_PER_CANDIDATE = 20
"""What a relaxation costs on average, for estimates only."""
@dataclass
class _Tally:
    """What has been spent and found so far."""

    done: int = 0
    asked: int = 0
    model_calls: int = 0
    failed: int = 0
    duplicates: int = 0
    earlier_s: float = 0.0
    resumes: int = 0
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        return self.earlier_s + time.monotonic() - self.started

    def to_json(self) -> dict[str, Any]:
        kept = ("done", "asked", "model_calls", "failed", "duplicates", "resumes")
        return {k: getattr(self, k) for k in kept} | {"wall_s": round(self.seconds(), 3)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> _Tally:
        fields = dict(value)
        return cls(earlier_s=fields.pop("wall_s"), **fields)


class Campaign:
    """A search from its configuration to its report.

    >>> Campaign.from_yaml("campaigns/si-ge.yaml").run("runs/si-ge")  # doctest: +SKIP
    """

    def __init__(self, config: CampaignConfig, name: str = "campaign") -> None:
        self.config = config
        self.name = name

    @classmethod
    def from_yaml(cls, path: Path | str, overrides: Sequence[str] = (), seed: int | None = None) -> Campaign:
        """Read and check a campaign file.

        Raises:
            InputError: anything in it that cannot be run; the message names file, line and key.
        """
        return cls(load_campaign(Path(path), overrides, seed), Path(path).stem)

    def run(
        self,
        out: Path | str | None = None,
        *,
        resume: bool = False,
        workers: int | None = None,
        ray_address: str | None = None,
        progress: Progress | None = None,
    ) -> RunRecord:
        """Search until the budget is spent, then write hull, structures and report.

        out: run folder, `runs/<name>` by default.
        workers: Ray actors; 0 runs all in this process; None takes one a GPU or core.

        Raises:
            InputError: a folder that exists (without resume) or belongs to another campaign, an unknown potential,
                a device that is not here.
            KeyboardInterrupt: interrupted; everything finished is kept.
        """
        out = Path(out) if out is not None else Path("runs") / self.name
        device = self._check()
        folder = RunFolder.create(out, self.config, resume)
        engine = self._engine(device, workers, ray_address)
        try:
            _check_elements(search_space(self.config).elements, engine)
            loop = _Loop(self.config, folder, engine, progress or Silent())
            loop.run()
        finally:
            engine.close()
        return folder.finish()

    def _check(self) -> str:
        """Whatever can be refused before anything starts; gives the device."""
        for key, name in (("potential", self.config.potential), ("witness", self.config.witness)):
            try:
                if name not in ("auto", "none"):
                    check_name(name)
            except UnknownPotentialError as error:
                raise InputError(f"{key}: {error}") from None
        if self.config.potential in ("emt",) or self.config.potential.startswith("ase:"):
            return "cpu"
        try:
            return resolve_device(self.config.device)
        except DeviceError as error:
            raise InputError(f"device: {error}") from None

    def _engine(self, device: str, workers: int | None, ray_address: str | None) -> Engine:
        config = self.config
        settings = RelaxSettings(
            fmax_eV_A=config.relax.fmax_eV_A,
            max_steps=config.relax.max_steps,
            pressure_GPa=config.search.pressure_GPa,
            closest=0.0 if config.potential == "lj" else RelaxSettings.closest,
        )
        spec = WorkerSpec(
            config.potential,
            device,
            settings,
            _compiled(config, device),
            batch_atoms=config.relax.batch_atoms,
            witness=witness_of(config.potential, config.witness),
            options=config.potential_options,
        )
        mean_atoms = 0.5 * sum(config.search.atoms)
        if workers == 0:
            return LocalEngine(spec, mean_atoms)
        return RayEngine(spec, workers or default_workers(device), mean_atoms, ray_address)


class _Loop:
    """The steady state: whenever a slot is free, ask; whenever something ends, judge, store, tell."""

    def __init__(self, config: CampaignConfig, folder: RunFolder, engine: Engine, progress: Progress) -> None:
        self.config = config
        self.folder = folder
        self.store: Store = folder.store
        self.engine = engine
        self.progress = progress
        self.space = search_space(config)
        self.index = DuplicateIndex(
            self._atoms_of,
            fingerprint_tolerance=0.2,
            energy_tolerance_eV=config.duplicates.energy_eV_per_atom,
        )
        self.energies: dict[int, float] = {}
        self.unsaved: dict[int, Atoms] = {}
        self.doubts = Doubts(engine, config.search.pressure_GPa, check_bonds=config.potential != "lj")
        self.waiting: dict[int, Candidate] = {}
        self.best: dict[str, tuple[dict[str, float], float]] = {}
        self._restore()

    def _restore(self) -> None:
        """Go on from the store, or begin."""
        saved = self.store.state()
        if "searcher" not in saved:
            self.tally = _Tally()
            self.seeds = seed_structures(self.config, self.space)
            self.searcher = make_searcher(self.config, self.space, first_id=len(self.seeds))
            self.store.ask([], self._state() | {"potential": self.engine.description["metadata"]})
            return
        theirs = saved["potential"]
        mine = self.engine.description["metadata"]
        if theirs["checkpoint_sha256"] != mine["checkpoint_sha256"] or theirs["name"] != mine["name"]:
            raise InputError(f"{self.folder.path}: was run with other weights of {theirs['name']}; use another --out")
        self.tally = _Tally.from_json(saved["tally"])
        self.tally.resumes += 1
        self.seeds = seed_structures(self.config, self.space)[saved["seeds_asked"] :]
        self.searcher = searcher_class(self.config.search.searcher).from_state(self.space, saved["searcher"])
        for id, atoms, energy, print_ in self.store.distinct():
            self._note(id, atoms, energy, print_)
        self._submit(self.store.pending())

    def _state(self) -> dict[str, Any]:
        asked = len(seed_structures(self.config, self.space)) - len(self.seeds) if self.seeds else None
        return {
            "searcher": self.searcher.state(),
            "tally": self.tally.to_json(),
            "seeds_asked": asked if asked is not None else 10**9,
        }

    def run(self) -> None:
        """Until the budget is spent and everything asked for has ended."""
        self.progress.start(self.config.search.candidates, self.tally.done)
        while True:
            self._ask()
            if not self.waiting:
                break
            ended = self.engine.collect()
            if ended:
                self._keep([self._judge(item) for item in ended])
        self.progress.finish()

    def _spent(self) -> bool:
        search = self.config.search
        calls = search.model_calls is not None and self.tally.model_calls >= search.model_calls
        hours = search.hours is not None and self.tally.seconds() >= 3600 * search.hours
        return calls or hours or (search.candidates is not None and self.tally.asked >= search.candidates)

    def _ask(self) -> None:
        """Fill the free slots; a child that repeats a known structure ends here and costs nothing."""
        while (room := self.engine.free()) > 0:
            fresh = self._next(room)
            if not fresh:
                return
            self.store.ask(fresh, self._state())
            repeats = {c.id: r for c in fresh if (r := self._repeats(c)) is not None}
            self._submit([c for c in fresh if c.id not in repeats])
            if repeats:
                self._keep([StoredResult(r, self.tally.seconds()) for r in repeats.values()])

    def _next(self, room: int) -> list[Candidate]:
        if self.seeds:
            fresh, self.seeds = self.seeds[:room], self.seeds[room:]
            return fresh
        if self._spent() or self._seeds_pending():
            return []
        budget = self.config.search.candidates
        n = room if budget is None else min(room, budget - self.tally.asked)
        fresh = self.searcher.ask(n)
        self.tally.asked += len(fresh)
        return fresh

    def _seeds_pending(self) -> bool:
        """References first: they tell a hole of the potential from a discovery."""
        return any(c.operator == "prototype" for c in self.waiting.values())

    def _submit(self, candidates: Sequence[Candidate]) -> None:
        self.waiting |= {c.id: c for c in candidates}
        self.engine.submit([Task(c.id, c.atoms, c.relax) for c in candidates])

    def _repeats(self, candidate: Candidate) -> Relaxed | None:
        """The end of a child that is a structure already relaxed, or None."""
        if not candidate.parents or not candidate.relax:
            return None
        known = self.index.find(candidate.atoms)
        if known is None:
            return None
        atoms = self._atoms_of(known)
        energy = self.energies[known] * len(atoms)
        return Relaxed(
            candidate, atoms, energy, Fate.DUPLICATE, reason=f"repeats {known}, not relaxed again", duplicate_of=known
        )

    def _keep(self, results: Sequence[StoredResult]) -> None:
        """Count, tell, store."""
        for result in results:
            self._count(result.relaxed)
        self.searcher.tell([r.relaxed for r in results])
        self.store.finish(results, self._state())
        self.unsaved.clear()
        self.folder.log(results)
        self.progress.update(
            self.tally.done, self.tally.model_calls, self.tally.failed, self.tally.duplicates, self._headline()
        )

    def _judge(self, item: Finished | Lost) -> StoredResult:
        seconds = self.tally.seconds()
        if isinstance(item, Lost):
            candidate = self.waiting.pop(item.id)
            return StoredResult(_failed(candidate, item.reason), seconds)
        done = item.relaxation
        relaxed = Relaxed(
            self.waiting.pop(done.id),
            done.atoms,
            done.enthalpy_eV,
            Fate(done.outcome.value),
            done.max_force_eV_A,
            done.stress_eV_A3,
            done.steps,
            done.model_calls,
            done.reason,
        )
        if relaxed.fate is Fate.CONVERGED:
            relaxed = self._believed(relaxed)
        if relaxed.fate is Fate.CONVERGED:
            relaxed = self._placed(relaxed, item.fingerprint)
        return StoredResult(relaxed, seconds, item.space_group, item.fingerprint)

    def _believed(self, relaxed: Relaxed) -> Relaxed:
        """The result, or its refusal: an energy alone is never a hit."""
        hull = ConvexHull(self.space.elements, self.best.values())
        reason = self.doubts.about(relaxed.atoms, relaxed.energy_eV_per_atom, hull)
        if not reason:
            return relaxed
        return replace(relaxed, fate=Fate.FAILED, reason=f"unphysical: {reason}")

    def _placed(self, relaxed: Relaxed, print_: np.ndarray | None) -> Relaxed:
        """The result among those known: new, or a duplicate."""
        energy = relaxed.energy_eV_per_atom
        print_ = fingerprint(relaxed.atoms) if print_ is None else print_
        known = self.index.find(relaxed.atoms, energy, print_)
        if known is not None:
            return replace(relaxed, fate=Fate.DUPLICATE, duplicate_of=known, reason=f"relaxed into {known}")
        self.unsaved[relaxed.candidate.id] = relaxed.atoms
        self._note(relaxed.candidate.id, relaxed.atoms, energy, print_)
        return relaxed

    def _atoms_of(self, id: int) -> Atoms:
        """A known structure, also one that ended in this very round."""
        return self.unsaved[id] if id in self.unsaved else self.store.atoms(id)

    def _note(self, id: int, atoms: Atoms, energy: float, print_: np.ndarray) -> None:
        """Remember a distinct converged structure."""
        self.index.add(id, atoms, energy, print_)
        self.energies[id] = energy
        fractions = fractions_of(atoms)
        key = "-".join(f"{e}{x:.4f}" for e, x in sorted(fractions.items()))
        if key not in self.best or energy < self.best[key][1]:
            self.best[key] = (fractions, energy)

    def _count(self, relaxed: Relaxed) -> None:
        self.tally.model_calls += relaxed.model_calls
        self.tally.failed += relaxed.fate is Fate.FAILED
        self.tally.duplicates += relaxed.fate is Fate.DUPLICATE
        self.tally.done += relaxed.candidate.operator not in ("prototype", "start_from")

    def _headline(self) -> str:
        """The best so far in a few words."""
        hull = ConvexHull(self.space.elements, self.best.values())
        if self.space.variable and hull.diagram is not None:
            return "hull: " + ", ".join(sorted(e.name for e in hull.diagram.stable_entries))
        target = [e for f, e in self.best.values() if len(f) == len(self.space.elements)]
        return f"best {min(target):.4f} eV/atom" if target else ""


def _failed(candidate: Candidate, reason: str) -> Relaxed:
    return Relaxed(candidate, candidate.atoms, float("nan"), Fate.FAILED, reason=reason)


def _check_elements(elements: Sequence[str], engine: Engine) -> None:
    known = engine.description["elements"]
    strangers = [e for e in elements if known is not None and e not in known]
    if strangers:
        name = engine.description["metadata"]["name"]
        raise InputError(f"system: {name} does not know {strangers[0]}; `discover potentials` lists who does")


def _compiled(config: CampaignConfig, device: str) -> bool:
    """Whether compiling the potential will pay."""
    import shutil

    if not config.potential.startswith("7net") or config.relax.compile == "off":
        return False
    if config.relax.compile == "on":
        return True
    search = config.search
    calls = search.model_calls or CALLS_PER_CANDIDATE * (search.candidates or COMPILE_FROM_CALLS)
    return calls >= COMPILE_FROM_CALLS and (device != "cpu" or shutil.which("g++") is not None)
