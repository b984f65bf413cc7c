"""The loop of active learning: explore, label, fine-tune, reload, go on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from discover.config import CampaignConfig
from discover.errors import InputError
from discover.learning.assay import Errors, errors_of, reference_oracle
from discover.learning.band import Known
from discover.learning.explore import Exploration, explore, survey
from discover.learning.frames import Chosen, read_chosen, save_chosen
from discover.learning.ground import Ground
from discover.learning.oracle import write_labels_whole
from discover.learning.path_stage import barrier_in_words, explore_path, is_off, path_told
from discover.learning.record import Generation, LabelRecord, LearningRecord
from discover.progress import Progress, Silent
from potentials import Potential, load
from potentials.training import Epoch, Label, TrainingError, TrainSettings, fine_tune, read_labels, shifted
from potentials.uncertainty import ReferenceSetError, build, read_reference
from potentials.uncertainty.uncertainty import beside
from potentials.whole_file import write_whole

SPENT = "all labels are spent"
REPEATS = 2
"""Trainings on labels that the generation before was taught, too."""


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
        self.ground = Ground(path, config, self.progress)

    def check(self) -> None:
        """Refuse what cannot be run, before anything is written; as `Ground.check`."""
        self.ground.check()

    def run(self) -> LearningRecord:
        """Learn until the labels are spent or nothing is left to ask; goes on where an earlier process stopped.

        Raises:
            InputError: an oracle without any answer, a training that goes astray.
        """
        self._record = self._begin()
        while not self._record.finished:
            self._turn()
        if self.learn.domain:
            self._last_domain()
        return self._record

    def _begin(self) -> LearningRecord:
        found = LearningRecord.read(self.path)
        if found is not None:
            more = found.finished == SPENT and self.learn.labels > len(found.labels)
            return replace(found, finished="" if more else found.finished, budget=self.learn.labels)
        held_out, failures = self.ground.held_out
        root = Generation(0, self.config.potential, self.ground.root.metadata.checkpoint_sha256, 0)
        record = LearningRecord(
            system=self.config.system,
            potential=self.ground.root.metadata.to_json(),
            oracle=dict(self.ground.oracle.description),
            explore=self.learn.explore,
            unit=self.ground.walks(self.ground.root, 0)[0].unit,
            budget=self.learn.labels,
            generations=(self._assayed(root, self.ground.root, self.ground.offsets_eV([])),),
            held_out=len(held_out),
            failures=tuple(failures),
        )
        record.save(self.path)
        return record

    @property
    def _left(self) -> int:
        return max(0, self.learn.labels - len(self._record.labels))

    def _turn(self) -> None:
        """What the newest potential lacks is found, labelled and learnt."""
        now = self._record.generations[-1]
        # Labels that a killed process has made are learnt, whether or not there are more to come
        if not self._left and len(self._record.labels) <= now.labels:
            self._close(self._with_last_path(now), SPENT)
            return
        potential = self._potential(now)
        labelled = self._labels(now.number)
        begun = time.monotonic()
        seen, chosen = self._explored(now, potential, labelled)
        now = replace(
            now, inner=seen.inner, outer=seen.outer, stops=seen.stops, rewinds=seen.rewinds, traces=seen.thinned()
        )
        folder = self._folder(now.number)
        now = replace(now, path=path_told(folder, seen.path, labelled, potential))
        explored = time.monotonic()
        new = self._labelled(now, chosen, potential, labelled) if chosen else []
        if not new:
            now = self._path_known(now) if now.path else now
            if not self._teaches_again(now):
                self._close(now, self._nothing_new(now))
                return
        elif seen.path is not None:
            now = self._path_known(replace(now, path=path_told(folder, seen.path, [*labelled, *new], potential)))
            if self._settled(now):
                self._close(now, f"generation {now.number} knows its path and its saddle, which has its label")
                return
        asked = time.monotonic()
        after = self._taught(now, [*labelled, *new])
        seconds = {"explore": explored - begun, "label": asked - explored, "train": time.monotonic() - asked}
        generations = (*self._record.generations[:-1], replace(now, seconds=seconds), after)
        self._record = replace(self._record, generations=generations, finished=self._spent())
        self._record.save(self.path)
        self._say(after)

    def _spent(self) -> str:
        """Why it is over; a path's last generation has yet to say its barrier."""
        return "" if self._left or self.learn.explore == "path" else SPENT

    def _with_last_path(self, now: Generation) -> Generation:
        """With the barrier of a generation that no label is left for."""
        if self.learn.explore != "path":
            return now
        potential, labelled = self._potential(now), self._labels(now.number)
        seen, _ = self._explored(now, potential, labelled)
        path = path_told(self._folder(now.number), seen.path, labelled, potential)
        told = replace(now, inner=seen.inner, outer=seen.outer, stops=seen.stops, traces=seen.thinned(), path=path)
        return self._path_known(told)

    def _path_known(self, now: Generation) -> Generation:
        """Said and written down: its training may be long."""
        assert now.path is not None
        self.progress.message(f"generation {now.number}: {barrier_in_words(now.path)}")
        self._record = replace(self._record, generations=(*self._record.generations[:-1], now))
        self._record.save(self.path)
        return now

    def _settled(self, now: Generation) -> bool:
        rules = self.learn.path
        return rules is not None and now.path is not None and now.path.settled(rules.tolerance_meV / 1000)

    def _nothing_new(self, now: Generation) -> str:
        words = f"generation {now.number} met nothing that it does not know"
        if now.path is None or now.path.error_eV is None or not is_off(self.ground, now.path):
            return words
        return f"{words}, and is {1000 * now.path.error_eV:+.0f} meV off its saddle's label".replace("-", "−")

    def _teaches_again(self, now: Generation) -> bool:
        """Whether the same labels are worth another training: the saddle's own is not learnt yet."""
        same = sum(g.labels == now.labels for g in self._record.generations)
        return same <= REPEATS and is_off(self.ground, now.path)

    def _close(self, now: Generation, why: str) -> None:
        self._record = replace(self._record, generations=(*self._record.generations[:-1], now), finished=why)
        self._record.save(self.path)
        self.progress.message(why)

    def _folder(self, generation: int) -> Path:
        folder = self.path / "generations" / str(generation)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _potential(self, generation: Generation) -> Potential:
        if generation.number == 0:
            return self.ground.root
        return load(str((self.path / generation.checkpoint).resolve()), self.ground.root.device)

    def _labels(self, before: int) -> list[Label]:
        """All labels of the generations before."""
        files = [self._folder(g) / "labels.extxyz" for g in range(before)]
        return [label for file in files if file.is_file() for label in read_labels(file)]

    def _explored(
        self, now: Generation, potential: Potential, labelled: Sequence[Label]
    ) -> tuple[Exploration, list[Chosen]]:
        """What was seen, and the frames to label; an exploration that is over is not made again."""
        folder, most = self._folder(now.number), min(self.learn.per_generation, self._left)
        done = folder / "explored.json"
        if done.is_file():
            return Exploration.of(json.loads(done.read_text())), read_chosen(folder / "chosen.extxyz")
        self.progress.message(f"generation {now.number}: exploring by {self.learn.explore} for {most} frames")
        if self.learn.explore == "path":
            seen = explore_path(self.ground, folder, now.number, potential, labelled, self._left)
        else:
            seen = self._walked(now, potential, labelled, most)
        if not self._left:  # more may be given: then it is explored again
            return seen, []
        save_chosen(folder / "chosen.extxyz", seen.chosen)
        write_whole(done, json.dumps(asdict(replace(seen, chosen=[], traces=seen.thinned()))))
        return seen, read_chosen(folder / "chosen.extxyz")

    def _walked(self, now: Generation, potential: Potential, labelled: Sequence[Label], most: int) -> Exploration:
        walkers = self.ground.walks(potential, now.number, self._newest(now.number))
        if self.learn.choose == "random":
            return survey(walkers, most, now.number, np.random.default_rng([self.config.seed, now.number, 77]))
        return explore(walkers, self._known(potential, labelled), most, now.number, self.learn.band)

    def _known(self, potential: Potential, labelled: Sequence[Label]) -> Known:
        """What has labels, seen with this potential's features."""
        found = [potential.descriptors(label.structure) for label in labelled]
        features = tuple(f for f in found if f is not None)
        return Known(tuple(label.structure.numbers for label in labelled), features, self.ground.projection)

    def _newest(self, generation: int) -> dict[int, Atoms]:
        """Each walker's newest chosen frame, where it has one: there it goes on."""
        before = [c for g in range(generation) for c in read_chosen(self._folder(g) / "chosen.extxyz")]
        return {c.walker: c.atoms for c in before}

    def _labelled(
        self, now: Generation, chosen: Sequence[Chosen], potential: Potential, labelled: Sequence[Label]
    ) -> list[Label]:
        """The oracle's answers, and in the record how wrong the potential was before it had them."""
        found: dict[int, Label] = {}
        failed: list[str] = []
        mark = f"generation {now.number}, "
        self.progress.start(len(chosen), 0, f"generation {now.number}: labelling")
        for answer in self.ground.oracle.label([c.atoms for c in chosen]):
            if answer.label is None:
                failed.append(f"{mark}{self._record.unit} {chosen[answer.place].place:g}: {answer.reason}")
            else:
                found[answer.place] = answer.label
            self.progress.note(len(found) + len(failed), f"{len(failed)} failed" if failed else "")
        self.progress.finish()
        earlier = [f for f in self._record.failures if not f.startswith(mark)]
        self._record = replace(self._record, failures=(*earlier, *failed))
        if not found:
            self._record.save(self.path)
            raise InputError(
                f"learn.oracle: none of {len(chosen)} frames could be labelled ({failed[-1]}); "
                f"see {self.path / 'labels'}"
            )
        labels = [found[k] for k in sorted(found)]
        write_labels_whole(self._folder(now.number) / "labels.extxyz", labels)
        errors = errors_of(potential, labels, self.ground.offsets_eV([*labelled, *labels]))
        rows = [_row(chosen[k], errors, n) for n, k in enumerate(sorted(found))]
        kept = [r for r in self._record.labels if r.generation != now.number]
        self._record = replace(self._record, labels=(*kept, *rows))
        self._record.save(self.path)
        return labels

    def _taught(self, now: Generation, labels: Sequence[Label]) -> Generation:
        """The next generation: the newest weights, taught all labels, with the root's answers replayed.

        Labels are taken to the root's zeros of energy by the offsets that all of them tell: those that the first
        composition told would be wrong for the second.
        """
        number = now.number + 1
        checkpoint = self._folder(number) / "checkpoint.pth"
        offsets = self.ground.offsets_eV(labels)
        lessons = shifted(labels, offsets)
        train = self.learn.train.model_dump() | {"energy_weight": self.ground.energy_weight}
        settings = TrainSettings(**train, seed=self.config.seed + number, align=False)
        epochs = settings.epochs(round((1 + settings.replay_ratio) * sum(map(len, labels))))
        self.progress.start(epochs, 0, f"generation {number}: fine-tuning on {len(labels)} labels")

        def heard(epoch: Epoch) -> None:
            self.progress.note(epoch.number, f"forces {epoch.train.force_eV_A:.3f} eV/Å")

        parent = self.config.potential if now.number == 0 else str(self.path / now.checkpoint)
        oracle = {**self.ground.oracle.description, "offsets_eV": {k: round(v, 6) for k, v in offsets.items()}}
        arguments = (parent, lessons, checkpoint, settings, self.ground.replay)
        options: dict[str, Any] = {"oracle": oracle, "on_epoch": heard, "device": self.ground.root.device}
        if self.ground.electrostatics:
            options["electrostatics"] = self.ground.electrostatics
        try:
            try:
                fine_tune(*arguments, **options)
            except TrainingError:
                if not checkpoint.exists():
                    raise
                # Made, but not recorded, from other labels: one that failed then was labelled now
                checkpoint.unlink()
                fine_tune(*arguments, **options)
        except TrainingError as error:
            raise InputError(f"learn.train: {error}") from None
        self.progress.finish()
        where = str(checkpoint.relative_to(self.path))
        potential = load(str(checkpoint.resolve()), self.ground.root.device)
        made = Generation(number, where, potential.metadata.checkpoint_sha256, len(labels), offsets_eV=offsets)
        return self._assayed(made, potential, offsets)

    def _assayed(self, generation: Generation, potential: Potential, offsets: dict[str, float]) -> Generation:
        """With its errors on what it was not taught."""
        labels, _ = self.ground.held_out
        held_out = errors_of(potential, labels, offsets) if labels else None
        reference = self.ground.forgotten(potential)
        return replace(
            generation,
            held_out_force_eV_A=None if held_out is None else held_out.force_eV_A,
            held_out_energy_meV_per_atom=None if held_out is None else held_out.energy_meV_per_atom,
            reference_force_eV_A=None if reference is None else reference.force_eV_A,
            reference_energy_meV_per_atom=None if reference is None else reference.energy_meV_per_atom,
        )

    def _say(self, after: Generation) -> None:
        held_out = after.held_out_force_eV_A
        error = "" if held_out is None else f": forces {held_out:.3f} eV/Å off on held-out frames"
        before = self._record.generations[0].held_out_force_eV_A
        was = "" if held_out is None or before is None else f" ({before:.3f} before learning)"
        self.progress.message(f"generation {after.number}, {after.labels} labels{error}{was}")

    def _last_domain(self) -> None:
        """Beside the newest checkpoint: what it knows, so that `uncertainty` and searches can ask."""
        newest = self._record.generations[-1]
        file = beside(str(self.path / newest.checkpoint))
        if newest.number == 0 or file.is_file():
            return
        reference = [r for r in read_reference() if self.ground.answers_for(r.structure)]
        self.progress.start(len(reference), 0, "what the new potential knows")
        oracle = reference_oracle(self.ground.root)
        told = self._labels(newest.number)
        try:
            build(
                self._potential(newest), reference, oracle, {},
                lambda done: self.progress.note(done, ""), [label.structure for label in told],
            ).save(file)  # fmt: skip
        except ReferenceSetError as error:
            if not self.ground.charged:
                raise
            # Few structures of the set are made of these ions alone
            self.progress.message(f"no domain beside {newest.checkpoint}: {error}")
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
