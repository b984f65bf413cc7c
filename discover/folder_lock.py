"""One process a folder."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from discover.errors import InputError

LOCK = ".lock"


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
