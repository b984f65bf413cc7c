"""A run's folder: what is where, and how it is opened, resumed and read."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from discover.anchoring.stored import read_anchoring
from discover.config import CampaignConfig, differences, dump_campaign, lookup, read_campaign
from discover.config_sections import AnchorSettings
from discover.errors import InputError
from discover.folder_lock import LOCK, FolderLock, make_writable
from discover.hull import build_hull, read_references
from discover.ladder import climbers, has_corners, join_rungs, risen_structures
from discover.learning.record import FILE as LEARNING
from discover.pareto import pareto_of
from discover.records import CandidateRecord, Hull, HullEntry, RunRecord
from discover.store import Store, StoredResult
from discover.strategy import search_space
from discover.whole_files import remove_others, write_files
from potentials import Metadata
from potentials.whole_file import write_whole

CONFIG = "campaign.yaml"
DATABASE = "candidates.db"
TOP_DATABASE = "reranked.db"
"""What a more accurate potential made of the search's lowest structures, under their ids."""
REFERENCES = "references.json"
"""A copy of the campaign's references: a run's folder must be readable without them."""
BEGINNINGS = (LOCK, f"{CONFIG}.tmp")
"""What a run that was killed as it began may leave."""
OF_LEARNING = (LEARNING, "held_out", "generations")
"""What `discover learn` leaves in its folder, soon or late."""
PACKAGES = ("discover-materials", "torch", "sevenn", "ase", "pymatgen", "pyxtal", "ray")
MAY_CHANGE = {
    *(("search", key) for key in ("candidates", "model_calls", "hours")),
    *(("ladder", "rerank", key) for key in ("most", "within_eV_per_atom", "device")),
    ("ladder", "rerank"),
    ("device",),
}
"""Keys that a resumed campaign may have changed: they say how long and where to search, not what. Re-ranking may be
asked for when a search is over, or given up; so may anchoring, whatever its keys say, for each calculation is kept by
its own settings."""
BESIDE = ("anchor", "learn", "properties")
"""Sections that say nothing of the search."""


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path, config: CampaignConfig) -> None:
        self.path = path
        self.config = config
        self._lock = FolderLock(path)

    @classmethod
    def claim(cls, path: Path, config: CampaignConfig, resume: bool) -> RunFolder:
        """A new run's folder, or with resume an old one's; nothing is in it before `begin`.

        Raises:
            InputError: it exists already, it cannot be written, it belongs to another campaign.
        """
        if any((path / name).exists() for name in OF_LEARNING):
            raise InputError(f"{path}: holds a learning run, not a search; choose another --out")
        if (path / CONFIG).exists():
            if not resume:
                raise InputError(f"{path}: holds a run already; go on with --resume or choose another --out")
            before = read_campaign(path / CONFIG)
            cls._check_same(path, before, config)
            if config.anchor is None:  # `discover anchor` was here: its settings say which calculations are its own
                config = config.model_copy(update={"anchor": before.anchor})
        elif path.exists() and (not path.is_dir() or any(p.name not in BEGINNINGS for p in path.iterdir())):
            raise InputError(f"{path}: exists and is no run folder; choose another --out")
        make_writable(path)
        return cls(path, config)

    def begin(self) -> None:
        """Take the folder for this process and write the campaign as it is run, every default written out.

        Raises:
            InputError: another process has it.
        """
        self._lock.take()
        write_whole(self.path / CONFIG, dump_campaign(self.config))
        if self.config.references is not None and self.config.references.is_file():
            shutil.copyfile(self.config.references, self.path / REFERENCES)

    def keep(self, anchor: AnchorSettings) -> None:
        """Write down how the run was anchored; the folder must be this process's own."""
        self.config = self.config.model_copy(update={"anchor": anchor})
        write_whole(self.path / CONFIG, dump_campaign(self.config))

    def check_top(self, potential: Metadata) -> None:
        """Refuse to go on re-ranking with another potential than what is stored was re-ranked with.

        Raises:
            InputError: it is another one.
        """
        stored = self.top_store.state().get("potential") if (self.path / TOP_DATABASE).is_file() else None
        if stored is not None and not potential.same_energies(stored):
            raise InputError(
                f"{self.path}: was re-ranked with {stored['name']} of other weights or options; "
                "give that one as ladder.rerank.potential, or use another --out"
            )

    def release(self) -> None:
        """Let another process have the folder; a killed one lets go by itself."""
        self._lock.release()

    @staticmethod
    def _check_same(path: Path, before: CampaignConfig, config: CampaignConfig) -> None:
        old, new = before.model_dump(), config.model_dump()
        for key in sorted(k for k in differences(old, new) - MAY_CHANGE if k[0] not in BESIDE):
            was, now = (lookup(c, key) for c in (old, new))
            raise InputError(
                f"{path}: belongs to another campaign ({'.'.join(key)} was {was}, is {now}); "
                "give that value or choose another --out"
            )

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """The folder of an existing run.

        Raises:
            InputError: it is none.
        """
        path = Path(path)
        if (path / CONFIG).is_file() and read_campaign(path / CONFIG).structures:
            raise InputError(
                f"{path}: its structures were given, and there is no hull; "
                "status, properties and report are for such a run"
            )
        if not (path / CONFIG).is_file() or not (path / DATABASE).is_file():
            raise InputError(f"{path}: no run folder (it has no {CONFIG} and {DATABASE}); give what --out was")
        return cls(path, read_campaign(path / CONFIG))

    @cached_property
    def store(self) -> Store:
        """The database of candidates.

        Raises:
            InputError: the file is no such database.
        """
        return _opened(self.path / DATABASE)

    @cached_property
    def top_store(self) -> Store:
        """The database of what was re-ranked; made where there is none.

        Raises:
            InputError: the file is no such database.
        """
        return _opened(self.path / TOP_DATABASE)

    def log(self, results: Sequence[StoredResult]) -> None:
        """Append a line for each result to log.jsonl."""
        with (self.path / "log.jsonl").open("a") as f:
            for r in results:
                line = {
                    "time": datetime.now(UTC).isoformat(timespec="seconds"),
                    "candidate": r.relaxed.candidate.id,
                    "operator": r.relaxed.candidate.operator,
                    "fate": r.relaxed.fate.value,
                    "reason": r.relaxed.reason,
                    "model_calls": r.relaxed.model_calls,
                }
                f.write(json.dumps(line) + "\n")

    def hull(self, references: Path | None = None) -> Hull:
        """The hull of what is stored, with the campaign's or the given references."""
        return self.record(references).hull

    def record(self, references: Path | None = None, anchored: bool = True) -> RunRecord:
        """All that is known of the run.

        anchored: whether the hull is DFT's where the run was anchored; references given here are the potential's, and
            ask for its own hull.

        Raises:
            InputError: references that must not stand on this hull.
        """
        config, history, state = self.config, self.store.history(), self.store.state()
        rungs = self._rungs(history, references)
        anchoring = read_anchoring(self.path) if anchored and references is None else None
        fits = anchoring is not None and anchoring.fits(rungs.hull)
        tally, top_tally = state.get("tally", {}), rungs.top_state.get("tally", {})
        return RunRecord(
            system=config.system,
            elements=search_space(config).elements,
            campaign=config.model_dump(mode="json"),
            hull=anchoring.hull(rungs.hull) if anchoring is not None and fits else rungs.hull,
            history=history,
            atoms_of=self._atoms_of(rungs),
            provenance=self._provenance(rungs.hull, tally),
            wall_s=tally.get("wall_s", 0.0) + top_tally.get("wall_s", 0.0),
            complete=bool(state.get("finished")),
            search_hull=rungs.searched,
            reranked=rungs.reranked,
            anchoring=anchoring if fits else None,
            unanchored=rungs.hull if fits else None,
            outdated=anchoring is not None and not fits,
        )

    def search_hull(self, history: Sequence[CandidateRecord] | None = None) -> Hull:
        """The hull by the search's own potential, without references."""
        return self._build(self._potential(), self.store.history() if history is None else history)

    def _potential(self) -> dict[str, Any]:
        state = self.store.state()
        return state["potential"] if "potential" in state else Metadata(self.config.potential, "").to_json()

    def _build(
        self, potential: dict[str, Any], history: Sequence[CandidateRecord], references: Sequence[HullEntry] = ()
    ) -> Hull:
        config = self.config
        elements = search_space(config).elements
        return build_hull(config.system, elements, potential, history, references, config.search.pressure_GPa)

    def _rungs(self, history: Sequence[CandidateRecord], references: Path | None) -> _Rungs:
        """The hull, and what it was made of: that of the top rung as soon as it has all its corners."""
        potential = self._potential()
        if self.config.ladder.rerank is None:
            own = self.references(Metadata.from_json(potential), references)
            return _Rungs(self._build(potential, history, own))
        searched = self.search_hull(history)
        there = (self.path / TOP_DATABASE).is_file()
        reranked, top_state = (self.top_store.history(), self.top_store.state()) if there else ([], {})
        if not has_corners(searched, reranked):
            # The campaign's references are of the top rung: they wait for it
            given = [] if references is None else self.references(Metadata.from_json(potential), references)
            return _Rungs(self._build(potential, history, given), None, reranked, top_state)
        top = top_state["potential"]
        hull = self._build(top, reranked, self.references(Metadata.from_json(top), references))
        joined = join_rungs(searched, hull, history, risen_structures(history, reranked))
        return _Rungs(joined, searched, reranked, top_state)

    def _atoms_of(self, rungs: _Rungs) -> Callable[[int | str], Atoms]:
        """Each structure as its own rung relaxed it."""
        if rungs.searched is None:
            return self.store.atoms
        climbed = {e.id for e in rungs.hull.own_entries}
        return lambda id: (self.top_store if id in climbed else self.store).atoms(id)

    def references(self, potential: Metadata, file: Path | None = None) -> list[HullEntry]:
        """Entries of the given references file, or else of the campaign's.

        Raises:
            InputError: they must not stand on this potential's hull.
        """
        own = self.path / REFERENCES
        file = file or (own if own.is_file() else self.config.references)
        if file is None:
            return []
        search = self.config.search
        return read_references(file, search_space(self.config).elements, potential, search.pressure_GPa)

    def _provenance(self, hull: Hull, tally: dict[str, Any]) -> dict[str, Any]:
        described = _described("potential", hull.potential)
        for rung in hull.ladder[:-1]:
            described |= _described("search potential", rung)
        return described | {
            "seed": self.config.seed,
            "resumes": tally.get("resumes", 0),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        }

    def finish(self) -> RunRecord:
        """Mark the run finished and write hull, structures and report."""
        self.store.save({"finished": datetime.now(UTC).isoformat(timespec="seconds")})
        record = self.write_results()
        self.store.settle()
        return record

    def write_results(self) -> RunRecord:
        """Write hull.json, structures/ and report/ from the store.

        Of a Pareto search also pareto.json, of a run with free energies hull_at_temperature.json.

        Raises:
            InputError: the folder cannot be written.
        """
        from discover.free_energies import temperature_hull
        from discover.pipeline.record import read_properties
        from discover.report import write_report

        record = replace(self.record(), properties=read_properties(self.path))
        near = self.config.report.near_hull_eV_per_atom
        files = {"hull.json": json.dumps(record.hull.to_json(), indent=1, allow_nan=False).encode()}
        pareto = pareto_of(record)
        if pareto is not None:
            files["pareto.json"] = json.dumps(pareto.to_json(), indent=1, allow_nan=False).encode()
        warm = temperature_hull(record)
        if warm is not None:
            files["hull_at_temperature.json"] = json.dumps(warm.to_json(), indent=1, allow_nan=False).encode()
        front = {p.entry.id for p in pareto.front} if pareto else set()
        for entry in record.hull.entries:
            if isinstance(entry.id, int) and (entry.e_above_hull_eV_per_atom <= near or entry.id in front):
                cif = io.BytesIO()
                ase.io.write(cif, record.atoms_of(entry.id), format="cif")
                files[f"structures/{entry.id}_{entry.formula}.cif"] = cif.getvalue()
        try:
            write_files(self.path, files)
            remove_others(self.path, files)
            write_report(record, self.path / "report", near)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror}); copy the run elsewhere") from None
        return record

    def status(self) -> dict[str, Any]:
        """Where the run stands, JSON-able."""
        record = self.record()
        state = self.store.state()
        reranking = {"rerank": self._rerank_status(record)} if self.config.ladder.rerank else {}
        return {
            "system": record.system,
            "potential": record.hull.potential,
            "state": "complete" if record.complete else "unfinished",
            "candidates": {
                "budget": self.config.search.candidates,
                "done": state.get("tally", {}).get("done", 0),
                "pending": len(self.store.pending()),
                "by_fate": dict(Counter(r.fate for r in record.history)),
            },
            "model_calls": sum(r.model_calls for r in record.history),
            **reranking,
            "wall_s": record.wall_s,
            "on_hull": [e.formula for e in record.hull.entries if e.on_hull],
        }

    def _rerank_status(self, record: RunRecord) -> dict[str, Any]:
        """How far the top rung is; `wanted` grows while the search goes on."""
        rung = self.config.ladder.rerank
        assert rung is not None
        searched = record.search_hull or self.search_hull(record.history)
        failed = [r.id for r in record.reranked if r.structure is None]
        tried = {r.id for r in record.reranked}
        wanted = {e.id for e in climbers(searched.entries, rung, failed)} | tried
        return {
            "potential": rung.potential,
            "wanted": len(wanted),
            "done": len(tried),
            "by_fate": dict(Counter(r.fate for r in record.reranked)),
            "model_calls": sum(r.model_calls for r in record.reranked),
        }


@dataclass(frozen=True)
class _Rungs:
    """The hull and what it was made of; `searched` only where the hull is that of a higher rung."""

    hull: Hull
    searched: Hull | None = None
    reranked: Sequence[CandidateRecord] = ()
    top_state: Mapping[str, Any] = field(default_factory=dict)


def _described(role: str, potential: Mapping[str, Any]) -> dict[str, Any]:
    fields = {k: v for k, v in potential.items() if v is not None and k != "rung"}
    return {f"{role} {k.replace('_', ' ')}": v for k, v in fields.items()}


def _opened(path: Path) -> Store:
    try:
        return Store(path)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path}: cannot be opened as a run's database ({error})") from None
