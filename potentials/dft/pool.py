"""DFT calculations in processes of their own, one thread each; results on disk by the hash of their inputs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ase import Atoms

from potentials.dft.settings import DFTResult, DFTSettings
from potentials.dft.worker import INPUT, RESULT

_LOOK_EVERY_S = 0.2
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One each: two threads made GPAW six times slower."""
_TAIL = 300  # characters of a dead process's last words


class DFTPool:
    """Calculates structures at one level of theory, `workers` at a time.

    Each has a folder below `folder` named after its key (`DFTSettings.key`), with its input, its result and the code's
    own files. What has a result there is not calculated again, whoever calculated it.

    >>> with DFTPool(settings, identity, Path("anchors"), workers=2) as pool:  # doctest: +SKIP
    ...     pool.submit(atoms)
    ...     done = pool.collect()
    """

    def __init__(self, settings: DFTSettings, identity: Mapping[str, str], folder: Path, workers: int) -> None:
        self.settings = settings
        self.identity = identity
        self.folder = folder
        self.workers = workers
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._ready: list[str] = []

    def key(self, atoms: Atoms) -> str:
        """Of this structure at this level."""
        return self.settings.key(
            atoms, {k: v for k, v in self.identity.items() if k in _relevant(atoms, self.identity)}
        )

    def stored(self, atoms: Atoms) -> DFTResult | None:
        """The energy on disk of this structure at this level; a recorded failure is none, for its cause may be gone."""
        result = _read(self.folder / self.key(atoms))
        return None if result is None or result.energy_eV is None else result

    @property
    def free(self) -> int:
        """How many more may be submitted now."""
        return self.workers - len(self._running) - len(self._ready)

    def submit(self, atoms: Atoms) -> str:
        """Begin a calculation; gives its key. One that has a result is ready at once."""
        key = self.key(atoms)
        if self.stored(atoms) is not None:
            self._ready.append(key)
        elif key not in self._running:
            self._running[key] = self._start(self.folder / key, atoms)
        return key

    def collect(self, patience_s: float = 10.0) -> dict[str, DFTResult]:
        """Results by key as soon as there are any; none where nothing runs, or patience ends first."""
        deadline = time.monotonic() + patience_s
        while True:
            for key, (process, _) in self._running.items():
                if process.poll() is not None:
                    self._ready.append(key)
            ready, self._ready = self._ready, []
            if ready or not self._running or time.monotonic() > deadline:
                return {key: self._ended(key) for key in ready}
            time.sleep(_LOOK_EVERY_S)

    def close(self) -> None:
        """End what still runs; it has no result and will be calculated again."""
        for process, log in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with whatever program it has started
            process.wait()
            log.close()
        self._running.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, folder: Path, atoms: Atoms) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        folder.mkdir(parents=True, exist_ok=True)
        given = {"settings": self.settings.to_json(), "start": DFTResult(atoms, None).to_json()}
        (folder / RESULT).unlink(missing_ok=True)  # an earlier failure
        (folder / INPUT).write_text(json.dumps(given, indent=1))
        log = (folder / "process.log").open("wb")
        command = [sys.executable, "-m", "potentials.dft.worker", str(folder.resolve()), str(os.getpid())]
        environment = os.environ | dict.fromkeys(_THREADS, "1")
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        return process, log

    def _ended(self, key: str) -> DFTResult:
        """The result of what has ended.

        A process that left none was killed: a failure, but one that is not kept, for the next time it may live.
        """
        folder = self.folder / key
        process, log = self._running.pop(key, (None, None))
        if log is not None:
            log.close()
        result = _read(folder)
        if result is not None:
            return result
        assert process is not None
        said = " ".join((folder / "process.log").read_text(errors="replace").split())[-_TAIL:]
        start = DFTResult.from_json(json.loads((folder / INPUT).read_text())["start"])
        reason = f"its process ended with {process.returncode}{f': {said}' if said else ''}"
        return DFTResult(start.atoms, None, attempts=(reason,))


def _relevant(atoms: Atoms, identity: Mapping[str, str]) -> set[str]:
    """The code, and the data sets of the elements that the structure holds."""
    from ase.data import atomic_numbers

    return {k for k in identity if k not in atomic_numbers} | set(atoms.symbols)


def _read(folder: Path) -> DFTResult | None:
    """None too where the file is no result: a machine that lost its power may leave an empty one."""
    try:
        return DFTResult.from_json(json.loads((folder / RESULT).read_text()))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
