"""Many structures asked about at once, and no answer taken that is no number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential, batches
from properties.errors import PropertyError


class EvaluationError(PropertyError):
    """The potential gave an energy, a force or a stress that is not finite."""


def evaluate_all(
    potential: Potential, structures: Sequence[Structure], on_done: Callable[[int], None] | None = None
) -> list[Evaluation]:
    """Each structure's evaluation, in order, in calls of about `batch_atoms` atoms.

    on_done: told after each call how many structures are done.

    Raises:
        EvaluationError: an answer that is not finite; the message names the potential and which structure.
    """
    told: list[Evaluation] = []
    for batch in batches(structures, potential.batch_atoms):
        for answer in potential.evaluate(batch):
            if not answer.finite:
                where = f"structure {len(told) + 1} of {len(structures)}"
                raise EvaluationError(
                    f"{potential.metadata.name} gave a force or an energy that is not finite ({where})"
                )
            told.append(answer)
        if on_done is not None:
            on_done(len(told))
    return told
