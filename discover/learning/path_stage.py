"""A generation's path: walked, written down, told by its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np

from discover.errors import InputError
from discover.learning.band import Known
from discover.learning.explore import Exploration
from discover.learning.frames import Frame
from discover.learning.ground import Ground
from discover.learning.oracle import write_labels_whole
from discover.learning.path_choice import PathRules, choose_on_path
from discover.learning.path_labels import path_record, with_labels
from discover.learning.path_record import PathRecord
from discover.learning.path_walk import WalkedPath, walk_path
from potentials import Potential
from potentials.potential import structure_of
from potentials.training import Label
from properties.errors import PropertyError

FILE = "path.extxyz"


def explore_path(
    ground: Ground, folder: Path, generation: int, potential: Potential, labels: Sequence[Label], most: int
) -> Exploration:
    """The path by a generation's potential and what to label of it; its images stay in the generation's folder.

    labels: all there are; most: that are left to the run.
    """
    path = _walked(ground, potential)
    if path.trouble:
        ground.progress.message(f"generation {generation}: no path ({path.trouble}); its first guess is looked at")
    found = [potential.descriptors(label.structure) for label in labels]
    features = tuple(f for f in found if f is not None)
    known = Known(tuple(label.structure.numbers for label in labels), features, ground.projection)
    learn = ground.learn
    rules = PathRules(most, learn.per_generation, learn.choose, learn.band)

    def chosen(rules: PathRules) -> Exploration:
        rng = np.random.default_rng([ground.config.seed, generation, 77])
        seen = choose_on_path(path, labels, known, rules, generation, rng)
        seen.path = path_record(path, seen.traces[0] if seen.traces else (), seen.inner)
        return seen

    write_labels_whole(folder / FILE, [_answer(frame) for frame in path.frames])
    seen = chosen(rules)
    if not seen.chosen and seen.path is not None and is_off(ground, path_told(folder, seen.path, labels, potential)):
        seen = chosen(replace(rules, within=True))
    return seen


def is_off(ground: Ground, path: PathRecord | None) -> bool:
    """The potential contradicts its saddle's label, by more than the campaign's tolerance."""
    rules = ground.learn.path
    return rules is not None and path is not None and path.is_off(rules.tolerance_meV / 1000)


def _answer(frame: Frame) -> Label:
    by = frame.evaluation
    return Label(structure_of(frame.atoms), by.energy_eV, by.forces_eV_A, by.stress_eV_A3)


def _walked(ground: Ground, potential: Potential) -> WalkedPath:
    assert ground.learn.path is not None
    first, last = ground.ends
    doing = ""

    def tell(now: str, done: int, of: int) -> None:
        nonlocal doing
        if now != doing:
            ground.progress.start(of, done, now)
            doing = now
        ground.progress.note(done, "")

    try:
        return walk_path(potential, first, last, ground.learn.path, tell)
    except PropertyError as error:
        raise InputError(
            f"{potential.metadata.name}: {error}; lower learn.train.learning_rate and learn in a new folder"
        ) from None
    finally:
        ground.progress.finish()


def path_told(
    folder: Path, path: PathRecord | None, labels: Sequence[Label], potential: Potential
) -> PathRecord | None:
    """With what labels say of it; None where no path is explored."""
    if path is None:
        return None
    images = list(ase.io.iread(folder / FILE, index=":", format="extxyz"))
    return with_labels(path, images, labels, potential)


def barrier_in_words(path: PathRecord) -> str:
    """For whoever watches."""
    words = f"barrier {path.forward_eV:.3f} eV, back {path.reverse_eV:.3f}"
    if path.oracle_forward_eV is None or path.error_forward_eV is None:
        return words
    off = f"{1000 * path.error_forward_eV:+.0f} meV".replace("-", "−")
    return f"{words}; {path.oracle_forward_eV:.3f} by the oracle at its saddle ({off})"
