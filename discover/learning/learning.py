"""The loop of active learning: explore, label, fine-tune, reload, go on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from ase import Atoms

from discover.config import CampaignConfig
from discover.errors import InputError
from discover.learning.assay import Errors, errors_of, forgotten, network_reference
from discover.learning.band import Band, Known
from discover.learning.explore import Exploration, survey, watch
from discover.learning.frames import Chosen, read_chosen, save_chosen
from discover.learning.oracle import Oracle, oracle_of, write_labels_whole
from discover.learning.record import Generation, LabelRecord, LearningRecord
from discover.learning.walks import Walk, read_structure, walks
from discover.progress import Progress, Silent
from discover.strategy import search_space
from potentials import LoadError, Potential, UnknownPotentialError, load
from potentials.potential import structure_of
from potentials.training import Epoch, Label, TrainingError, TrainSettings, answers, fine_tune
from potentials.uncertainty import Domain, NoDomainError, build, uncertainty_of
from potentials.uncertainty.uncertainty import beside

HELD_OUT_SEED = 1_000_000
"""Added to the number of a generation: ways that no generation walks."""


class Learning:
    """One campaign's active learning in a folder.

    path: the run's folder.
    config: with a `learn` section.
    """

    def __init__(self, path: Path, config: CampaignConfig, progress: Progress | None = None) -> None:
        assert config.learn is not None
        self.path = path
        self.config = config
        self.learn = config.learn
        self.progress = progress or Silent()
        self.elements = search_space(config).elements

    def check(self) -> None:
        """Refuse what cannot be run, before anything is written.

        Raises:
            InputError: no such potential or one that cannot be trained, an oracle that is not here, structures that
                cannot be read or hold other elements than the system.
        """
        if self.config.potential_options:
            raise InputError("potential_options: a network that is fine-tuned takes none; remove them")
        _ = self._root, self._oracle
        if getattr(self._root.model, "has_features", False) is False:
            raise InputError(
                f"potential: {self.config.potential} cannot be fine-tuned; give 7net-0, 7net-l3i5 or a checkpoint"
            )
        for atoms in self._starts:
            strangers = set(atoms.get_chemical_symbols()) - set(self.elements)
            if strangers:
                raise InputError(
                    f"learn.structures: {atoms.get_chemical_formula()} holds {', '.join(sorted(strangers))}, which is "
                    f"no element of {self.config.system}; name all elements in system"
                )

    def run(self) -> LearningRecord:
        """Learn until the labels are spent or nothing is left to ask; goes on where an earlier process stopped.

        Raises:
            InputError: an oracle without any answer.
        """
        self._record = self._begin()
        while not self._record.finished:
            self._generation()
        if self.learn.domain:
            self._last_domain()
        return self._record

    def _begin(self) -> LearningRecord:
        found = LearningRecord.read(self.path)
        if found is not None:
            return replace(found, finished="" if self._left(found) else found.finished, budget=self.learn.labels)
        held_out = self._held_out
        walker = self._walks(self._root, 0)[0]
        root = Generation(0, self.config.potential, self._root.metadata.checkpoint_sha256, 0)
        record = LearningRecord(
            system=self.config.system,
            potential=self._root.metadata.to_json(),
            oracle=dict(self._oracle.description),
            explore=self.learn.explore,
            unit=walker.unit,
            budget=self.learn.labels,
            generations=(self._assayed(root, self._root),),
            held_out=len(held_out),
        )
        record.save(self.path)
        return record

    def _left(self, record: LearningRecord) -> int:
        return self.learn.labels - len(record.labels)

    def _generation(self) -> None:
        """One turn: what the newest potential lacks is found, labelled and learnt."""
        now = self._record.generations[-1]
        folder = self._folder(now.number)
        potential = self._potential(now)
        labelled = self._labels(now.number)
        seconds: dict[str, float] = {}
        begun = time.monotonic()
        exploration, band = self._explored(now, potential, labelled)
        seconds["explore"] = time.monotonic() - begun
        now = replace(
            now,
            inner=None if band is None else band.inner,
            outer=None if band is None else band.outer,
            stops=exploration.stops,
            rewinds=exploration.rewinds,
            traces=exploration.thinned(),
        )
        if not exploration.chosen:
            self._close(now, f"generation {now.number} met nothing that it does not know")
            return
        begun = time.monotonic()
        new = self._labelled(folder, exploration.chosen, potential)
        seconds["label"] = time.monotonic() - begun
        if not new:
            raise InputError(
                f"learn.oracle: none of {len(exploration.chosen)} frames could be labelled "
                f"({self._record.failures[-1]}); see {self.path / 'labels'}"
            )
        begun = time.monotonic()
        labels = [*labelled, *new]
        after = self._trained(now, labels)
        seconds["train"] = time.monotonic() - begun
        self._record = replace(
            self._record,
            generations=(*self._record.generations[:-1], replace(now, seconds=dict(seconds)), after),
        )
        if not self._left(self._record):
            self._record = replace(self._record, finished="all labels are spent")
        self._record.save(self.path)
        self._say(after)

    def _close(self, now: Generation, why: str) -> None:
        self._record = replace(
            self._record, generations=(*self._record.generations[:-1], now), finished=why
        )
        self._record.save(self.path)
        self.progress.message(why)

    # What there is to work with

    @cached_property
    def _root(self) -> Potential:
        try:
            return load(self.config.potential, "cpu" if self.config.device == "auto" else self.config.device)
        except (LoadError, UnknownPotentialError) as error:
            raise InputError(f"potential: {error}") from None

    @cached_property
    def _oracle(self) -> Oracle:
        return oracle_of(self.learn.oracle, self.elements, self.path / "labels")

    @cached_property
    def _starts(self) -> list[Atoms]:
        return [read_structure(file, self.learn) for file in self.learn.structures]

    @cached_property
    def _projection(self) -> np.ndarray:
        """Of the root's features; that of its domain where it has one."""
        try:
            return uncertainty_of(self._root).domain.projection
        except NoDomainError:
            replay, _ = network_reference(self._root, self.learn.replay, self.config.seed)
            found = self._root.evaluate([r.structure for r in replay])
            features = np.concatenate([e.features for e in found if e.features is not None])
            return Domain.fit(np.concatenate([r.structure.numbers for r in replay]), features).projection

    @cached_property
    def _replay(self) -> list[Label]:
        """The root's own answers on reference structures: what fine-tuning shall not forget."""
        replayed, _ = network_reference(self._root, self.learn.replay, self.config.seed)
        return answers(self._root, [r.structure for r in replayed])

    @cached_property
    def _held_out(self) -> list[Label]:
        """Labels that only test: evenly spaced on ways of the root that no generation walks."""
        if not self.learn.held_out:
            return []
        file = self.path / "held_out" / "chosen.extxyz"
        chosen = read_chosen(file)
        if not chosen:
            self.progress.message("held-out frames: walking with " + self.config.potential)
            file.parent.mkdir(parents=True, exist_ok=True)
            walkers = self._walks(self._root, HELD_OUT_SEED)
            everything = survey(walkers, 10**9, HELD_OUT_SEED, None).chosen
            at = np.unique(np.linspace(0, len(everything) - 1, self.learn.held_out).round().astype(int))
            chosen = [everything[k] for k in at.tolist()]
            save_chosen(file, chosen)
            chosen = read_chosen(file)
        self.progress.start(len(chosen), 0, "labelling held-out frames")
        found = []
        for answer in self._oracle.label([c.atoms for c in chosen]):
            found += [answer.label] if answer.label is not None else []
            self.progress.note(len(found), "")
        self.progress.finish()
        return found

    def _folder(self, generation: int) -> Path:
        folder = self.path / "generations" / str(generation)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _potential(self, generation: Generation) -> Potential:
        if generation.number == 0:
            return self._root
        return load(str((self.path / generation.checkpoint).resolve()), self._root.device)

    def _walks(self, potential: Potential, generation: int, starts: Sequence[Atoms] = ()) -> list[Walk]:
        folder = self.path / "searches" / str(generation)
        return walks(self.config, potential, self.config.seed, generation, starts or self._starts, folder)

    def _labels(self, before: int) -> list[Label]:
        """All labels of the generations before."""
        from potentials.training import read_labels

        files = [self._folder(g) / "labels.extxyz" for g in range(before)]
        return [label for file in files if file.is_file() for label in read_labels(file)]

    # The parts of a turn

    def _explored(
        self, now: Generation, potential: Potential, labelled: Sequence[Label]
    ) -> tuple[Exploration, Band | None]:
        """Frames to label; those that an earlier process chose are not chosen again."""
        folder, most = self._folder(now.number), min(self.learn.per_generation, self._left(self._record))
        done = folder / "explored.json"
        chosen = read_chosen(folder / "chosen.extxyz")
        known = self._known(potential, labelled)
        band = Band.around(known, self.learn.band) if self.learn.choose == "distance" and labelled else None
        if done.is_file():
            said = json.loads(done.read_text())
            traces = {k: [tuple(t) for t in trace] for k, trace in enumerate(said.pop("traces"))}
            return Exploration(chosen, traces=traces, **said), band
        self.progress.start(most, len(chosen), f"generation {now.number}: exploring by {self.learn.explore}")
        walkers = self._walks(potential, now.number, self._going_on(now.number, chosen))
        if band is None:
            rng = np.random.default_rng([self.config.seed, now.number, 77]) if self.learn.choose == "random" else None
            seen = survey(walkers, most, now.number, rng)
        else:
            for one in chosen:
                features = potential.evaluate([structure_of(one.atoms)])[0].features
                assert features is not None
                known = known.also(one.atoms.numbers, features)

            def keep(so_far: list[Chosen]) -> None:
                save_chosen(folder / "chosen.extxyz", so_far)
                self.progress.note(len(so_far), f"distance {so_far[-1].distance:.1f} of {band.inner:.1f}")

            fresh = replace(band, domain=known.domain())
            seen = watch(walkers, known, fresh, most, now.number, chosen, keep)
        save_chosen(folder / "chosen.extxyz", seen.chosen)
        summary = {"stops": seen.stops, "rewinds": seen.rewinds, "traces": seen.thinned()}
        partial = done.with_suffix(".part")
        partial.write_text(json.dumps(summary))
        partial.replace(done)
        self.progress.finish()
        return Exploration(read_chosen(folder / "chosen.extxyz"), seen.stops, seen.rewinds, seen.traces), band

    def _known(self, potential: Potential, labelled: Sequence[Label]) -> Known:
        """What has labels, seen with this potential's features."""
        found = [potential.evaluate([label.structure])[0].features for label in labelled]
        features = tuple(f for f in found if f is not None)
        return Known(tuple(label.structure.numbers for label in labelled), features, self._projection)

    def _going_on(self, generation: int, chosen: Sequence[Chosen]) -> list[Atoms]:
        """Where walkers start: each at its newest labelled frame, in the first generation at the user's structures."""
        before = read_chosen(self._folder(generation - 1) / "chosen.extxyz") if generation else []
        newest = {c.walker: c.atoms for c in (*before, *chosen)}
        return [newest[k] for k in sorted(newest)]

    def _labelled(self, folder: Path, chosen: Sequence[Chosen], potential: Potential) -> list[Label]:
        """The oracle's answers, and in the record how wrong the potential was before it had them."""
        known = {(r.generation, r.walker, r.place) for r in self._record.labels}
        found: dict[int, Label] = {}
        self.progress.start(len(chosen), 0, "labelling")
        for answer in self._oracle.label([c.atoms for c in chosen]):
            one = chosen[answer.place]
            if answer.label is None:
                said = f"generation {one.generation}, {self._record.unit} {one.place:g}: {answer.reason}"
                if said not in self._record.failures:
                    self._record = replace(self._record, failures=(*self._record.failures, said))
                continue
            found[answer.place] = answer.label
            self.progress.note(len(found), "")
        self.progress.finish()
        labels = [found[k] for k in sorted(found)]
        write_labels_whole(folder / "labels.extxyz", labels)
        errors = errors_of(potential, labels)
        rows = [_row(chosen[k], errors, n) for n, k in enumerate(sorted(found))]
        self._record = replace(
            self._record,
            labels=(
                *self._record.labels,
                *(r for r in rows if (r.generation, r.walker, r.place) not in known),
            ),
        )
        self._record.save(self.path)
        return labels

    def _trained(self, now: Generation, labels: Sequence[Label]) -> Generation:
        """The next generation: the newest weights, taught all labels, with the root's answers replayed."""
        number = now.number + 1
        checkpoint = self._folder(number) / "checkpoint.pth"
        parent = self.config.potential if now.number == 0 else str(self.path / now.checkpoint)
        settings = TrainSettings(**self.learn.train.model_dump(), seed=self.config.seed + number)
        epochs = settings.epochs(round((1 + settings.replay_ratio) * sum(map(len, labels))))
        self.progress.start(epochs, 0, f"generation {number}: fine-tuning on {len(labels)} labels")

        def heard(epoch: Epoch) -> None:
            self.progress.note(epoch.number, f"forces {epoch.train.force_eV_A:.3f} eV/Å")

        try:
            fine_tune(
                parent, labels, checkpoint, settings, self._replay,
                oracle=self._oracle.description, on_epoch=heard, device=self._root.device,
            )  # fmt: skip
        except TrainingError as error:
            raise InputError(f"learn.train: {error}") from None
        self.progress.finish()
        where = str(checkpoint.relative_to(self.path))
        potential = load(str(checkpoint.resolve()), self._root.device)
        made = Generation(number, where, potential.metadata.checkpoint_sha256, len(labels))
        return self._assayed(made, potential)

    def _assayed(self, generation: Generation, potential: Potential) -> Generation:
        """With its errors on what it was not taught."""
        held_out = errors_of(potential, self._held_out) if self._held_out else None
        reference = forgotten(potential, self._root, self.learn.replay, self.config.seed)
        return replace(
            generation,
            held_out_force_eV_A=None if held_out is None else held_out.force_eV_A,
            held_out_energy_meV_per_atom=None if held_out is None else held_out.energy_meV_per_atom,
            reference_force_eV_A=reference.force_eV_A,
            reference_energy_meV_per_atom=reference.energy_meV_per_atom,
        )

    def _say(self, after: Generation) -> None:
        held_out = after.held_out_force_eV_A
        error = "" if held_out is None else f": forces {held_out:.3f} eV/Å off on held-out frames"
        before = self._record.generations[0].held_out_force_eV_A
        was = "" if held_out is None or before is None else f" ({before:.3f} before learning)"
        self.progress.message(f"generation {after.number}, {after.labels} labels{error}{was}")

    def _last_domain(self) -> None:
        """Beside the newest checkpoint: what it knows, so that `uncertainty` and searches can ask."""
        from potentials.uncertainty import read_reference

        newest = self._record.generations[-1]
        if newest.number == 0:
            return
        file = beside(str(self.path / newest.checkpoint))
        if file.is_file():
            return
        reference = read_reference()
        self.progress.start(len(reference), 0, "what the new potential knows")
        labels = self._labels(newest.number)
        oracle = "7net-l3i5" if self.config.potential != "7net-l3i5" else "7net-0"
        build(
            self._potential(newest), reference, oracle, {},
            lambda done: self.progress.note(done, ""), [label.structure for label in labels],
        ).save(file)  # fmt: skip
        self.progress.finish()


def _row(chosen: Chosen, errors: Errors, place: int) -> LabelRecord:
    return LabelRecord(
        generation=chosen.generation,
        walker=chosen.walker,
        place=chosen.place,
        distance=chosen.distance,
        force_error_eV_A=errors.each_force_eV_A[place],
        energy_error_meV_per_atom=errors.each_energy_meV_per_atom[place],
        why=chosen.why,
    )
