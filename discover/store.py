"""Every candidate and its fate in one SQLite file that `ase db` opens.

Beside ASE's tables stand two of ours: what was asked and has not ended (`discover_pending`), and the searcher's and
campaign's own state (`discover_state`). One transaction moves a candidate from pending to finished together with the
state that knows of it, so that a kill at any instant leaves both or neither.

While a run goes on its database is in SQLite's write-ahead mode, where a transaction costs no wait for the disk: 0.1 ms
instead of 2. A killed process loses nothing; a power cut may lose the last transactions, whole ones, and the file stays
sound. `settle` turns it back into a single file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect

from discover.composition import formula_of
from discover.records import CandidateRecord
from searchers.candidate import Candidate, Fate, Relaxed
from searchers.encoding import atoms_from_json, atoms_to_json


@dataclass(frozen=True)
class StoredResult:
    """A result with what the store keeps beside it."""

    relaxed: Relaxed
    finished_s: float
    space_group: int | None = None
    fingerprint: np.ndarray | None = None
    tidy_calls: int = 0


class Store:
    """The database of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = connect(path, type="db", use_lock_file=False, append=True)
        self._row_of: dict[int, int] = {}
        # One connection for good: ase.db would open and close one a transaction, which flushes the file each time
        self._db.__enter__()
        with self._transaction():
            self._execute("CREATE TABLE IF NOT EXISTS discover_pending (id INTEGER PRIMARY KEY, value TEXT)")
            self._execute("CREATE TABLE IF NOT EXISTS discover_state (key TEXT PRIMARY KEY, value TEXT)")

    def prepare(self) -> None:
        """Make ready for many small transactions."""
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("PRAGMA synchronous = NORMAL")

    def settle(self) -> None:
        """Put everything into the one file again, unless somebody else has it open: then it stays as it is."""
        with suppress(sqlite3.OperationalError):
            self._execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._execute("PRAGMA journal_mode = DELETE")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.change_count = 0  # ase.db commits by itself every 5000 changes, which would tear a transaction
        try:
            yield
        except BaseException:
            self._db.connection.rollback()
            raise
        self._db.connection.commit()

    def finish(self, results: Sequence[StoredResult], state: dict[str, Any]) -> None:
        """Write results, take them off the pending list, and save the state that has been told of them."""
        with self._transaction():
            for result in results:
                self._row_of[result.relaxed.candidate.id] = self._write(result)
                self._execute("DELETE FROM discover_pending WHERE id = ?", result.relaxed.candidate.id)
            self._save_state(state)

    def save(self, state: dict[str, Any]) -> None:
        """Save state alone."""
        self.ask([], state)

    def ask(self, candidates: Sequence[Candidate], state: dict[str, Any]) -> None:
        """Note candidates as pending, with the state that has asked for them."""
        with self._transaction():
            for candidate in candidates:
                text = _json(_candidate_to_json(candidate))
                self._execute("INSERT OR REPLACE INTO discover_pending VALUES (?, ?)", candidate.id, text)
            self._save_state(state)

    def _execute(self, statement: str, *values: Any) -> Any:
        return self._db.connection.execute(statement, values)

    def _save_state(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            self._execute("INSERT OR REPLACE INTO discover_state VALUES (?, ?)", key, _json(value))

    def _write(self, result: StoredResult) -> int:
        relaxed = result.relaxed
        atoms = relaxed.atoms.copy()
        keys: dict[str, Any] = {
            "candidate": relaxed.candidate.id,
            "operator": relaxed.candidate.operator,
            "fate": relaxed.fate.value,
            "model_calls": relaxed.model_calls,
            "steps": relaxed.steps,
            "finished_s": round(result.finished_s, 3),
        }
        if relaxed.reason:
            keys["reason"] = _as_text(relaxed.reason)
        if relaxed.duplicate_of is not None:
            keys["duplicate_of"] = relaxed.duplicate_of
        if result.space_group is not None:
            keys["space_group_number"] = result.space_group
        if np.isfinite(relaxed.energy_eV):
            atoms.calc = SinglePointCalculator(atoms, energy=relaxed.energy_eV)
            keys["enthalpy_eV_per_atom"] = relaxed.energy_eV_per_atom
        if np.isfinite(relaxed.max_force_eV_A):
            keys["max_force_eV_A"] = relaxed.max_force_eV_A
        data: dict[str, Any] = {"parents": list(relaxed.candidate.parents), "info": dict(relaxed.candidate.info)}
        data["stress_eV_A3"] = np.asarray(relaxed.stress_eV_A3)
        if relaxed.properties:
            data["properties"] = dict(relaxed.properties)
        if result.fingerprint is not None:
            data["fingerprint"] = result.fingerprint
        if result.tidy_calls:
            data["tidy_calls"] = result.tidy_calls
        return self._db.write(atoms, keys, data=data)

    def state(self) -> dict[str, Any]:
        """What was last saved."""
        rows = self._execute("SELECT key, value FROM discover_state").fetchall()
        return {key: orjson.loads(value) for key, value in rows}

    def pending(self) -> list[Candidate]:
        """Candidates that were asked for and have not ended, by id."""
        rows = self._execute("SELECT value FROM discover_pending ORDER BY id").fetchall()
        return [_candidate_from_json(orjson.loads(value)) for (value,) in rows]

    def history(self) -> list[CandidateRecord]:
        """Every finished candidate, in the order they finished."""
        return [_record(row) for row in self._db.select(sort="id")]

    def distinct(self) -> Iterator[tuple[int, Atoms, float, np.ndarray]]:
        """Id, geometry, energy (eV/atom) and fingerprint of every converged candidate that repeats no other."""
        for row in self._db.select(fate=Fate.CONVERGED.value, sort="id"):
            self._row_of[row.candidate] = row.id
            yield row.candidate, row.toatoms(), row.enthalpy_eV_per_atom, np.asarray(row.data["fingerprint"])

    def atoms(self, candidate_id: int | str) -> Atoms:
        """The final geometry of a finished candidate.

        Raises:
            KeyError: no such candidate.
        """
        if not isinstance(candidate_id, int):
            raise KeyError(f"{candidate_id!r} is a reference, not a candidate of {self.path}")
        row_id = self._row_of.get(candidate_id)
        if row_id is not None:
            atoms = self._db.get_atoms(row_id)
        else:
            row = next(iter(self._db.select(candidate=candidate_id, limit=1)), None)
            if row is None:
                raise KeyError(f"no candidate {candidate_id} in {self.path}")
            self._row_of[candidate_id] = row.id
            atoms = row.toatoms()
        atoms.calc = None
        return atoms


def _record(row: Any) -> CandidateRecord:
    counts = row.count_atoms()
    n = row.natoms
    return CandidateRecord(
        id=row.candidate,
        operator=row.operator,
        parents=tuple(row.data.get("parents", ())),
        formula=formula_of(counts),
        composition={e: k / n for e, k in counts.items()},
        n_atoms=n,
        energy_eV_per_atom=row.get("enthalpy_eV_per_atom"),
        fate=row.fate,
        reason=row.get("reason", ""),
        duplicate_of=row.get("duplicate_of"),
        model_calls=row.model_calls,
        steps=row.steps,
        space_group=row.get("space_group_number"),
        max_force_eV_A=row.get("max_force_eV_A"),
        finished_s=row.finished_s,
        properties=row.data.get("properties", {}),
        tidy_calls=row.data.get("tidy_calls", 0),
    )


def _json(value: Any) -> str:
    """JSON text; floats come back as they were (8 times faster than the standard library)."""
    return orjson.dumps(value).decode()


def _as_text(reason: str) -> str:
    """ase.db refuses text that reads as a number or a boolean."""
    try:
        float(reason)
    except ValueError:
        return reason if reason not in ("True", "False") else f"({reason})"
    return f"({reason})"


def _candidate_to_json(candidate: Candidate) -> dict[str, Any]:
    fields = {k: getattr(candidate, k) for k in ("id", "operator", "seed", "relax", "modes")}
    return fields | {
        "parents": list(candidate.parents),
        "info": dict(candidate.info),
        "atoms": atoms_to_json(candidate.atoms),
    }


def _candidate_from_json(value: dict[str, Any]) -> Candidate:
    return Candidate(**value | {"atoms": atoms_from_json(value["atoms"]), "parents": tuple(value["parents"])})
