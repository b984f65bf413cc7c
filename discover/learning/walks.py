"""Explorers: whatever moves through structures with a potential, one frame at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms

from discover.compute.structures import read_structures
from discover.config import CampaignConfig
from discover.config_learning import LearnSettings
from discover.learning.frames import Frame
from potentials import Potential


class Walk(Protocol):
    """One walker of an explorer."""

    def step(self) -> Frame | None:
        """The next frame; None at its end."""
        ...

    def rewind(self) -> None:
        """Forget the last frame, which is none, and go on from elsewhere."""
        ...

    @property
    def unit(self) -> str:
        """Of `Frame.place`."""
        ...

    @property
    def length(self) -> float:
        """Of the way, in that unit."""
        ...

    @property
    def rest(self) -> int:
        """Frames after one that was chosen that are still the same event."""
        ...

    @property
    def independent(self) -> bool:
        """Whether a frame owes nothing to the one before it."""
        ...


def walks(
    config: CampaignConfig, potential: Potential, seed: int, generation: int, starts: Sequence[Atoms], folder: Path
) -> list[Walk]:
    """The walkers of a generation; with equal arguments they walk the same ways.

    starts: frames to go on from, one for each walker of dynamics: each structure in turn at the first temperature,
        then each at the second.
    folder: for what an explorer keeps itself.
    """
    assert config.learn is not None
    learn = config.learn
    if learn.explore == "search":
        from discover.learning.search_walk import SearchWalk

        return [SearchWalk(config, potential, folder, seed, generation)]
    if learn.explore == "path":
        from discover.learning.path_walk import PathWalk

        assert learn.path is not None
        first, last = (read_structure(file, learn) for file in learn.path.ends)
        return [PathWalk(potential, first, last, learn.path, np.random.default_rng([seed, generation]))]
    from discover.learning.md_walk import MDWalk

    kelvin = learn.md.temperatures_K
    return [
        MDWalk(
            potential, start, learn.md, kelvin[k // len(learn.structures) % len(kelvin)],
            np.random.default_rng([seed, generation, k]), k,
        )
        for k, start in enumerate(starts)
    ]  # fmt: skip


def read_structure(file: Path, learn: LearnSettings) -> Atoms:
    """A structure file, repeated as the campaign says.

    Raises:
        InputError: it cannot be read, or is no crystal.
    """
    ((_, atoms), *_) = read_structures([file])
    bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    return bare.repeat(learn.supercell)
