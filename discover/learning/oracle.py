"""Whoever makes labels; each label is made once and kept by the hash of what was asked."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ase import Atoms

from discover.config_learning import OracleSettings
from discover.dft_level import level_of
from discover.errors import InputError
from potentials import DeviceError, LoadError, Potential, UnknownPotentialError, load
from potentials.dft import DFTError, DFTPool, DFTResult, DFTSettings, identity
from potentials.potential import structure_of
from potentials.training import Label, LabelError, read_labels, write_labels
from potentials.whole_file import whole_file
from potentials.words import in_words


@dataclass(frozen=True)
class Answer:
    """What came of one question.

    Attributes:
        place: of the structure among those asked.
        label: None where the oracle failed.
        reason: why it failed.
        before: whether it had been answered earlier.
    """

    place: int
    label: Label | None
    reason: str = ""
    before: bool = False


class Oracle(Protocol):
    """Answers with labels."""

    @property
    def description(self) -> Mapping[str, Any]:
        """Who it is, JSON-able: all that decides its answers."""
        ...

    def label(self, structures: Sequence[Atoms]) -> Iterator[Answer]:
        """An answer for each structure, as they come."""
        ...


class PotentialOracle:
    """A potential, or any ASE calculator behind `ase:module:Class`."""

    def __init__(self, potential: Potential, folder: Path) -> None:
        self._potential = potential
        self._folder = folder
        metadata = potential.metadata.to_json()
        self.description = {k: metadata[k] for k in ("name", "checkpoint_sha256", "parameters") if metadata[k]}

    def label(self, structures: Sequence[Atoms]) -> Iterator[Answer]:
        """One model call each; those of an earlier run are read."""
        for place, atoms in enumerate(structures):
            file = self._folder / f"{self._key(atoms)}.extxyz"
            if file.is_file():
                yield Answer(place, read_labels(file)[0], before=True)
                continue
            try:
                found = self._potential.evaluate([structure_of(atoms)])[0]
                label = Label(structure_of(atoms), found.energy_eV, found.forces_eV_A, found.stress_eV_A3)
            except Exception as error:  # whatever a foreign calculator meets in a distorted cell
                yield Answer(place, None, in_words(error, 120))
                continue
            write_labels_whole(file, [label])
            yield Answer(place, read_labels(file)[0])

    def _key(self, atoms: Atoms) -> str:
        asked = [atoms.numbers.tolist(), atoms.positions.round(6).tolist(), atoms.cell.array.round(6).tolist()]
        return hashlib.sha256(json.dumps([dict(self.description), asked]).encode()).hexdigest()[:16]


class DFTOracle:
    """DFT in processes of their own; results below the folder by the hash of their inputs."""

    def __init__(self, settings: DFTSettings, versions: Mapping[str, str], folder: Path, workers: int) -> None:
        self._settings, self._versions, self._folder, self._workers = settings, versions, folder, workers
        level = settings.to_json()
        kept = ("code", "xc", "cutoff_eV", "kpoint_density_A", "smearing_eV", "spin")
        name = f"{settings.code} {settings.xc}"
        self.description = {"name": name} | {k: level[k] for k in kept} | {"versions": dict(versions)}

    def label(self, structures: Sequence[Atoms]) -> Iterator[Answer]:
        """So many at a time as there are workers; an answer as soon as it is there."""
        with DFTPool(self._settings, self._versions, self._folder, self._workers) as pool:
            waiting = list(enumerate(structures))[::-1]
            running: dict[str, list[int]] = {}
            stored = {place for place, atoms in waiting if pool.stored(atoms) is not None}
            while waiting or running:
                while waiting and pool.free:
                    place, atoms = waiting.pop()
                    key = pool.key(atoms)
                    if key in running:  # two walkers in one structure
                        running[key].append(place)
                    else:
                        running[pool.submit(atoms)] = [place]
                for key, result in pool.collect().items():
                    for place in running.pop(key):
                        yield _answer(place, result, place in stored)


def _answer(place: int, result: DFTResult, before: bool) -> Answer:
    if result.energy_eV is None:
        return Answer(place, None, result.attempts[-1] if result.attempts else "no energy", before)
    if result.forces_eV_A is None:
        return Answer(place, None, "the code gave no forces", before)
    # Forces are derivatives of the free energy; an energy extrapolated to no smearing is not what they integrate to
    energy_eV = result.energy_eV if result.free_energy_eV is None else result.free_energy_eV
    try:
        label = Label(structure_of(result.atoms), energy_eV, result.forces_eV_A, result.stress_eV_A3)
    except LabelError as error:
        return Answer(place, None, str(error), before)
    return Answer(place, label, before=before)


def oracle_of(settings: OracleSettings, elements: Sequence[str], folder: Path, device: str = "auto") -> Oracle:
    """The oracle that a campaign names.

    folder: where its answers are kept; device: of a potential.

    Raises:
        InputError: a potential or code that is not here, elements that it does not know.
    """
    if settings.potential is not None:
        return PotentialOracle(_potential(settings, elements, device), folder)
    level = level_of(settings)
    try:
        versions = identity(level, elements)
    except DFTError as error:
        raise InputError(f"learn.oracle: {error}") from None
    return DFTOracle(level, versions, folder, settings.workers or os.cpu_count() or 1)


def _potential(settings: OracleSettings, elements: Sequence[str], device: str) -> Potential:
    assert settings.potential is not None
    try:
        potential = load(settings.potential, device, **settings.potential_options)
    except DeviceError as error:
        raise InputError(f"device: {error}") from None
    except (LoadError, UnknownPotentialError) as error:
        raise InputError(f"learn.oracle.potential: {error}") from None
    known = potential.metadata.elements
    strangers = [] if known is None else [e for e in elements if e not in known]
    if strangers:
        raise InputError(f"learn.oracle.potential: {settings.potential} does not know {', '.join(strangers)}")
    return potential


def write_labels_whole(path: Path, labels: Sequence[Label]) -> None:
    """Labels as extended XYZ, whole or not at all."""
    with whole_file(path) as part:
        write_labels(part, labels)
