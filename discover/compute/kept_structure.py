"""A structure that took work to prepare stays on disk: made once more it differs in its last digits, on a GPU."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ase import Atoms

from potentials.whole_file import write_whole


def kept_structure(folder: Path | None, name: str, made_from: Any, make: Callable[[], Atoms]) -> Atoms:
    """What `make` gives, or gave before: where the folder has it from the same `made_from`, to the last digit.

    folder: None keeps nothing. made_from: JSON-able.
    """
    if folder is None:
        return make()
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True, default=str).encode()).hexdigest()[:16]
    file = folder / f"{name}-{key}.json"
    if file.is_file():
        kept = json.loads(file.read_text())
        return Atoms(kept["numbers"], kept["positions_A"], cell=kept["cell_A"], pbc=True)
    made = make()
    arrays = {"numbers": made.numbers, "positions_A": made.positions, "cell_A": made.cell.array}
    write_whole(file, json.dumps({key: value.tolist() for key, value in arrays.items()}))
    return made
