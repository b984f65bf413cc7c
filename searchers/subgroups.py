"""The maximal subgroups of a space group, from pyxtal's tables by way of the generator's child process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from searchers.generation import PYXTAL_WORKER, GenerationError, child_process


@dataclass(frozen=True)
class Subgroup:
    """A maximal subgroup of a space group, both in their standard settings.

    Attributes:
        number: of its own space group.
        index: how many times fewer operations it has.
        enlarges: True where it keeps the point group and loses translations (klassengleich), False where it
            keeps all translations (translationengleich).
        basis: its conventional vectors in terms of the group's, rows, shape (3, 3).
        origin: its origin in fractional coordinates of the group's conventional cell, shape (3,).
    """

    number: int
    index: int
    enlarges: bool
    basis: np.ndarray
    origin: np.ndarray


class NoAnswerError(GenerationError):
    """The child process gave no answer in time."""


@cache
def maximal_subgroups(
    number: int, timeout_s: float = 3.0, worker: tuple[str, ...] = PYXTAL_WORKER
) -> tuple[Subgroup, ...]:
    """All maximal subgroups in pyxtal's tables, of indices 2 to 9; conjugate ones count apart.

    The first call for a group takes 20 ms, and 3 s more where the child process does not run yet.

    Args:
        number: 1 to 230.
        timeout_s: after so long without an answer the child process is stopped.
        worker: arguments of the process that answers.

    Raises:
        NoAnswerError: pyxtal did not answer in time.
        GenerationError: pyxtal cannot be run.
    """
    answer = child_process(worker).ask({"subgroups_of": number}, timeout_s)
    if answer is None:
        raise NoAnswerError(f"pyxtal gave no subgroups of space group {number} within {timeout_s:g} s")
    return tuple(
        Subgroup(s["number"], s["index"], s["enlarges"], np.array(s["basis"]), np.array(s["origin"])) for s in answer
    )
