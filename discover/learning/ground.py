"""What a learning run stands on: its first potential, its oracle, where it starts, what it must not forget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from discover.config import CampaignConfig
from discover.config_learning import energy_weight_of_path
from discover.errors import InputError
from discover.learning.assay import Errors, errors_of, reference_labels, reference_sides
from discover.learning.explore import survey
from discover.learning.frames import read_chosen, save_chosen
from discover.learning.oracle import Oracle, oracle_of, write_labels_whole
from discover.learning.path_walk import check_ends
from discover.learning.walks import Walk, read_structure, walks
from discover.progress import Progress
from discover.strategy import search_space
from potentials import DeviceError, LoadError, Potential, UnknownPotentialError, load
from potentials.neighbours import Structure
from potentials.registry import split_dispersion
from potentials.training import Label, answers, fit_offsets, read_labels
from potentials.uncertainty import Domain, NoDomainError, uncertainty_of

NEUTRAL_E = 1e-6
HELD_OUT = 1_000_000
"""Number of the generation whose ways nobody learns from."""


class Ground:
    """Made once a run and kept in its folder.

    path: of the run's folder; nothing is written before `held_out` and `replay` are asked for.
    """

    def __init__(self, path: Path, config: CampaignConfig, progress: Progress) -> None:
        assert config.learn is not None
        self.path, self.config, self.learn, self.progress = path, config, config.learn, progress
        self.elements = search_space(config).elements
        self._energies: dict[str, float] = {}

    def check(self) -> None:
        """Refuse what cannot be run, before anything is written.

        Raises:
            InputError: no such potential or one that cannot be trained, an oracle or device that is not here,
                structures that cannot be read, hold other elements than the system, or make no path.
        """
        if self.config.potential_options:
            raise InputError("potential_options: a network that is fine-tuned takes none; remove them")
        without = sorted(set(self.elements) - set(self.charged)) if self.charged else []
        if without:
            raise InputError(f"learn.electrostatics.charges: {', '.join(without)} has none; give one of each element")
        base, method = split_dispersion(self.config.potential)
        if method:
            raise InputError(
                f"potential: {self.config.potential} cannot be fine-tuned: dispersion is added to what has learnt; "
                f"learn from {base}, and use the checkpoint as NAME.pth+{method}"
            )
        if not getattr(self.root.model, "has_features", False):
            raise InputError(
                f"potential: {self.config.potential} cannot be fine-tuned; give 7net-0, 7net-l3i5 or a checkpoint"
            )
        _ = self.oracle
        for key, structures in (("structures", self.structures), ("path.ends", self.ends)):
            for atoms in structures:
                strangers = set(atoms.get_chemical_symbols()) - set(self.elements)
                if strangers:
                    raise InputError(
                        f"learn.{key}: {atoms.get_chemical_formula()} holds {', '.join(sorted(strangers))}, which is "
                        f"no element of {self.config.system}; name all elements in system"
                    )
        if self.ends and self.learn.path:
            first, last = self.ends
            check_ends(first, last, self.learn.path.match)
        if self.learn.explore == "search":
            from discover.preflight import check_campaign

            check_campaign(self.config.model_copy(update={"learn": None, "anchor": None}), here=True)

    @cached_property
    def root(self) -> Potential:
        """The first potential of the line."""
        try:
            return load(self.config.potential, self.config.device)
        except DeviceError as error:
            raise InputError(f"device: {error}") from None
        except (LoadError, UnknownPotentialError) as error:
            raise InputError(f"potential: {error}") from None

    @cached_property
    def oracle(self) -> Oracle:
        """Who makes labels, kept below `labels/`."""
        return oracle_of(self.learn.oracle, self.elements, self.path / "labels", self.config.device)

    @cached_property
    def electrostatics(self) -> dict[str, Any] | None:
        """What is taken off the labels, as `fine_tune` takes it; None where nothing is."""
        if self.learn.electrostatics is None:
            return None
        from potentials.electrostatics.settings import Electrostatics

        try:
            return Electrostatics.of(self.learn.electrostatics.model_dump()).to_json()
        except ValueError as error:
            raise InputError(f"learn.electrostatics: {error}") from None

    @property
    def charged(self) -> tuple[str, ...]:
        """Elements that have charges; none where nothing is taken off."""
        charges = (self.electrostatics or {}).get("charges", {})
        return tuple(charges.get("equilibrate", charges))

    @cached_property
    def structures(self) -> list[Atoms]:
        """Where dynamics begin."""
        return [read_structure(file, self.learn) for file in self.learn.structures]

    @cached_property
    def ends(self) -> list[Atoms]:
        """Of a path; none for other explorers."""
        used = self.learn.explore == "path" and self.learn.path is not None
        return [read_structure(file, self.learn) for file in self.learn.path.ends] if used and self.learn.path else []

    @property
    def energy_weight(self) -> float:
        """Of an energy's error per atom in the loss."""
        given = self.learn.train.energy_weight
        if given is not None:
            return given
        return energy_weight_of_path(len(self.ends[0])) if self.ends else 1.0

    def walks(self, potential: Potential, generation: int, newest: Mapping[int, Atoms] | None = None) -> list[Walk]:
        """The walkers of a generation.

        newest: where each walker goes on; those not in it begin at their own structure.
        """
        starts: list[Atoms] = []
        if self.structures:
            count = max(self.learn.md.walkers, len(self.structures) * len(self.learn.md.temperatures_K))
            own = [self.structures[k % len(self.structures)] for k in range(count)]
            starts = [(newest or {}).get(k, atoms) for k, atoms in enumerate(own)]
        folder = self.path / "searches" / ("held_out" if generation == HELD_OUT else str(generation))
        return walks(self.config, potential, self.config.seed, generation, starts, folder)

    @cached_property
    def projection(self) -> np.ndarray:
        """(d, k), into whitened coordinates of the root's features; that of its domain where it has one."""
        try:
            return uncertainty_of(self.root).domain.projection
        except NoDomainError:
            _, tested = reference_sides(self.root, self.learn.replay, self.config.seed)
            found = self.root.evaluate([r.structure for r in tested])
            features = np.concatenate([e.features for e in found if e.features is not None])
            return Domain.fit(np.concatenate([r.structure.numbers for r in tested]), features).projection

    @cached_property
    def replay(self) -> list[Label]:
        """The root's own answers on reference structures, which fine-tuning shall not forget.

        Written once: another number of threads would round them otherwise, and a training would begin anew.
        """
        file = self.path / "replay.extxyz"
        if not file.is_file() and self.learn.replay:
            replayed, _ = reference_sides(self.root, self.learn.replay, self.config.seed)
            write_labels_whole(file, answers(self.root, [r.structure for r in replayed]))
        return read_labels(file) if self.learn.replay else []

    @cached_property
    def held_out(self) -> tuple[list[Label], list[str]]:
        """Labels that only test, evenly spaced on ways of the root that no generation walks; and failures."""
        if not self.learn.held_out:
            return [], []
        file = self.path / "held_out" / "chosen.extxyz"
        if not file.is_file():
            self.progress.message(f"held-out frames: walking with {self.config.potential}")
            chosen = survey(self.walks(self.root, HELD_OUT), self.learn.held_out, HELD_OUT, None).chosen
            if not chosen:
                raise InputError(
                    f"learn: {self.config.potential} came to no sound frame from the structures given; look at them "
                    "with `discover compute uncertainty`"
                )
            file.parent.mkdir(parents=True, exist_ok=True)
            save_chosen(file, chosen)
        chosen = read_chosen(file)
        self.progress.start(len(chosen), 0, "labelling held-out frames")
        found, failures = [], []
        for answer in self.oracle.label([c.atoms for c in chosen]):
            if answer.label is None:
                failures.append(f"held out, {chosen[answer.place].place:g}: {answer.reason}")
            else:
                found.append((answer.place, answer.label))
            self.progress.note(len(found), "")
        self.progress.finish()
        if not found:
            raise InputError(f"learn.oracle: no held-out frame could be labelled ({failures[-1]})")
        return [label for _, label in sorted(found, key=lambda f: f[0])], failures

    def offsets_eV(self, labels: Sequence[Label]) -> dict[str, float]:
        """What the oracle's zeros of energy lie above the root's, by element, as all labels together tell it."""
        everything = [*self.held_out[0], *labels]
        if not everything:
            return {}
        mine = self.root_energies_eV(everything)
        return fit_offsets(everything, mine)

    def root_energies_eV(self, labels: Sequence[Label]) -> list[float]:
        """Of labelled structures, asked once each."""
        unknown = [label for label in labels if label.sha256 not in self._energies]
        for label, answer in zip(unknown, answers(self.root, [x.structure for x in unknown]), strict=True):
            self._energies[label.sha256] = answer.energy_eV
        return [self._energies[label.sha256] for label in labels]

    def forgotten(self, potential: Potential) -> Errors | None:
        """Errors on reference structures of systems that are not replayed; None where the set has no other oracle."""
        # Generation 0 has no charges yet; those after it answer for ions only
        tested = [x for x in self._tested if potential is self.root or self.answers_for(x.structure)]
        return errors_of(potential, tested, {}) if tested else None

    def answers_for(self, structure: Structure) -> bool:
        """Whether taught potentials mean anything there: with charges, only in neutral cells of ions."""
        charges = (self.electrostatics or {}).get("charges", {})
        symbols = [chemical_symbols[z] for z in structure.numbers]
        if self.charged and not set(symbols) <= set(self.charged):
            return False
        return "equilibrate" in charges or abs(sum(charges.get(s, 0.0) for s in symbols)) < NEUTRAL_E

    @cached_property
    def _tested(self) -> list[Label]:
        return reference_labels(self.root, self.learn.replay, self.config.seed)
