"""`python -m potentials.dft.worker FOLDER PARENT`: the calculation of FOLDER/input.json, as long as PARENT lives."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from potentials.dft.calculation import calculate
from potentials.dft.settings import DFTError, DFTResult, DFTSettings
from potentials.whole_file import write_whole
from potentials.words import in_words

INPUT, RESULT = "input.json", "result.json"


def main(folder: Path, parent: int) -> None:
    """Read the input, calculate, and write the result whole or not at all; the process must lead its group."""
    _end_with(parent)
    given = json.loads((folder / INPUT).read_text())
    settings = DFTSettings(**given["settings"])
    start = DFTResult.from_json(given["start"])
    try:
        result = calculate(start.atoms, settings, folder)
    except DFTError as error:  # nothing was calculated: no result to keep
        sys.exit(str(error))
    except Exception as error:  # the parent must learn of it; what it is stands in the folder's log
        result = DFTResult(start.atoms, None, attempts=(in_words(error),))
    write_result(folder, result)


def write_result(folder: Path, result: DFTResult) -> None:
    """A kill at any instant leaves a whole file or none."""
    write_whole(folder / RESULT, json.dumps(result.to_json(), indent=1))


def _end_with(parent: int) -> None:
    """A calculation of an hour must not outlive who asked for it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.killpg(0, signal.SIGKILL)  # with the program that it has started

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
