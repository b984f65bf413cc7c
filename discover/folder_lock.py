"""One process a folder."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path
from typing import IO

from discover.errors import InputError

LOCK = ".lock"


def make_writable(folder: Path) -> None:
    """Make the folder where there is none; find out now whether files can be written in it.

    Raises:
        InputError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None


class FolderLock:
    """Keeps a folder to this process; a killed one lets go by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Have the folder.

        Raises:
            InputError: another process has it.
        """
        self._file = (self._folder / LOCK).open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise InputError(
                f"{self._folder}: another process runs in it; wait for it, or choose another --out"
            ) from None

    def release(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            self._file.close()
            self._file = None
