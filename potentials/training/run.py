"""One training, epoch by epoch, each of which the next process could go on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from torch import Tensor
from torch.func import functional_call

from potentials.sevennet_network import SevenNetNetwork
from potentials.sevennet_weights import weights_of
from potentials.training.checkpoint import Parent
from potentials.training.labels import Label
from potentials.training.loss import Batch, Residuals, Sample, Tally, collate, residuals, samples_of, structure_losses
from potentials.training.offsets import fit_offsets, shifted
from potentials.training.settings import TrainSettings
from potentials.training.watch import Epoch, Errors, FineTuned


class TrainingError(ValueError):
    """A training that cannot be done as asked for, or that diverged; one line that says why."""


@dataclass(frozen=True)
class Sets:
    """Labels to learn, not to forget, and held out; arguments of `fine_tune`."""

    labels: tuple[Label, ...]
    replay: tuple[Label, ...]
    validation: tuple[Label, ...]


@dataclass
class _Progress:
    """All that one epoch hands to the next, beside the weights and the optimiser."""

    history: list[Epoch] = field(default_factory=list)
    offsets: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    best_loss: float = float("inf")


class Run:
    """One training: sevenn's model owns the weights, our network computes with what is read off it."""

    def __init__(
        self, parent: Parent, sets: Sets, settings: TrainSettings, device: str, known: Mapping[str, float]
    ) -> None:
        self.settings, self.device = settings, device
        self.model = parent.model().to(device)
        # The model that is judged and kept: the running mean of the weights where there is one
        self.kept = parent.model().to(device) if settings.average else self.model
        self.network = SevenNetNetwork(self.model).to(device)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.types = torch.full((len(chemical_symbols),), -1)
        for number, index in self.network.type_map.items():
            self.types[number] = index
        self._check(sets)
        self.optimiser = torch.optim.Adam(self.parameters, lr=settings.learning_rate)
        self.known = known
        self.sets = sets
        self.progress = _Progress()
        self.best = deepcopy(self.model.state_dict())

    def _check(self, sets: Sets) -> None:
        if not sets.labels:
            raise TrainingError("there are no labels to learn from")
        numbers = {int(z) for part in vars(sets).values() for label in part for z in label.structure.numbers}
        if strangers := sorted(numbers - self.network.type_map.keys()):
            raise TrainingError(f"the network does not know {', '.join(chemical_symbols[z] for z in strangers)}")

    # Data

    def _samples(self, labels: Sequence[Label], **how: Any) -> list[Sample]:
        return samples_of(labels, self.network.cutoff_A, self.network.max_neighbours, **how)

    def _batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        """In order, each of `batch_atoms` atoms or of one structure."""
        held: list[Sample] = []
        for sample in samples:
            if held and sum(map(len, held)) + len(sample) > self.settings.batch_atoms:
                yield self._collate(held)
                held = []
            held.append(sample)
        if held:
            yield self._collate(held)

    def _collate(self, samples: Sequence[Sample]) -> Batch:
        return collate(samples, self.types, next(iter(self.parameters)).dtype, self.device)

    def _replayed(self, epoch: int) -> list[Sample]:
        """A random part of the replay, of the size that the settings allow."""
        room = self.settings.replay_ratio * sum(map(len, self.sets.labels))
        chosen = []
        for i in self._rng(epoch, 1).permutation(len(self.sets.replay)):
            if room <= 0:
                break
            chosen.append(self.replay[i])
            room -= len(self.replay[i])
        return chosen

    def _rng(self, *key: int) -> np.random.Generator:
        # Of the epoch's number, not of what was drawn before: a resumed run draws what an uninterrupted one would
        return np.random.default_rng([self.settings.seed, *key])

    # One epoch after the other

    def epochs(self) -> Iterator[Epoch]:
        """Train to the end; yields every epoch after it is done, the parent's errors first."""
        if not self.progress.history:
            yield self._first()
        self._prepare()
        last = self.settings.epochs(sum(map(len, self.samples)) + sum(map(len, self._replayed(1))))
        for number in range(len(self.progress.history), last + 1):
            yield self._epoch(number, last)

    def _first(self) -> Epoch:
        """Measure the parent, and with it the difference of energy scales."""
        begun = time.perf_counter()
        if self.settings.align:
            energies: list[float] = []
            for batch in self._batches(self._samples(self.sets.labels)):
                error = residuals(self._reader(self.model), batch, learn=False)
                energies += (batch.energies + error.energies * batch.counts).tolist()
            self.progress.offsets = fit_offsets(self.sets.labels, energies, self.known)
        self._prepare()
        errors = self._measure(self.model)
        self._judge(0, errors["validation"])
        epoch = Epoch(0, time.perf_counter() - begun, **errors)
        self.progress.history.append(epoch)
        return epoch

    def _prepare(self) -> None:
        offsets = self.progress.offsets
        self.samples = self._samples(shifted(self.sets.labels, offsets))
        self.validation = self._samples(shifted(self.sets.validation, offsets))
        self.replay = self._samples(self.sets.replay, weight=self.settings.replay_weight, replayed=True)

    def _epoch(self, number: int, last: int) -> Epoch:
        begun = time.perf_counter()
        together = [*self.samples, *self._replayed(number)]
        order = self._rng(number, 0).permutation(len(together))
        batches = list(self._batches([together[i] for i in order]))
        new, old = Tally(), Tally()
        for i, batch in enumerate(batches):
            rate = self.settings.rate((number - 1 + (i + 0.5) / len(batches)) / last)
            error, losses = self._step(batch, rate)
            new.add(error, losses, batch, ~batch.replayed)
            old.add(error, losses, batch, batch.replayed)
        train = new.errors()
        assert train is not None
        if not np.isfinite(train.loss):
            raise TrainingError(f"diverged in epoch {number}: lower learning_rate (is {self.settings.learning_rate:g})")
        validation = self._errors(self.kept, self.validation)
        self._judge(number, validation)
        epoch = Epoch(number, time.perf_counter() - begun, train, old.errors(), validation)
        self.progress.history.append(epoch)
        return epoch

    def _step(self, batch: Batch, rate: float) -> tuple[Residuals, Tensor]:
        error = residuals(self._reader(self.model), batch, learn=True)
        losses = structure_losses(error, batch, self.settings)
        loss = (losses * batch.weights).mean()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self._average()
        return error, losses.detach()

    @torch.no_grad()
    def _average(self) -> None:
        if self.kept is self.model:
            return
        for mean, value in zip(self.kept.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, 1 - self.settings.average)

    def _reader(self, model: Any) -> Callable[..., Tensor]:
        weights = weights_of(model)
        return lambda *inputs: functional_call(self.network, weights, inputs)

    # What comes of it

    def _errors(self, model: Any, samples: Sequence[Sample]) -> Errors | None:
        tally = Tally()
        with torch.no_grad():
            read = self._reader(model)
        for batch in self._batches(samples):
            error = residuals(read, batch, learn=False)
            losses = structure_losses(error, batch, self.settings)
            tally.add(error, losses, batch, torch.ones_like(batch.replayed))
        return tally.errors()

    def _measure(self, model: Any) -> dict[str, Any]:
        sets = {"train": self.samples, "replay": self._replayed(0), "validation": self.validation}
        return {name: self._errors(model, samples) for name, samples in sets.items()}

    def _judge(self, number: int, validation: Errors | None) -> None:
        loss = validation.loss if validation else -float(number)
        if loss < self.progress.best_loss:
            self.progress.best_loss, self.progress.best_epoch = loss, number
            self.best = deepcopy(self.kept.state_dict())

    def result(self, out: Path) -> FineTuned:
        """Errors of the weights to keep, and how they came about."""
        self.kept.load_state_dict(self.best)
        history = tuple(self.progress.history)
        return FineTuned(
            path=out,
            history=history,
            best_epoch=self.progress.best_epoch,
            offsets_eV=self.progress.offsets,
            seconds=sum(epoch.seconds for epoch in history),
            **self._measure(self.kept),
        )

    def state(self) -> dict[str, Any]:
        """Plain data and tensors from which `resume` goes on."""
        return {
            "model": self.model.state_dict(),
            "kept": self.kept.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "history": [epoch.to_json() for epoch in self.progress.history],
            "offsets": self.progress.offsets,
            "best_epoch": self.progress.best_epoch,
            "best_loss": self.progress.best_loss,
        }

    def resume(self, snapshot: Path, identity: str) -> None:
        """Go on from a snapshot of the same inputs, where there is one."""
        if not snapshot.is_file():
            return
        state = torch.load(snapshot, map_location=self.device, weights_only=True)
        if state["inputs_sha256"] != identity:
            return
        self.model.load_state_dict(state["model"])
        self.kept.load_state_dict(state["kept"])
        self.best = state["best"]
        self.optimiser.load_state_dict(state["optimiser"])
        history = [Epoch.from_json(epoch) for epoch in state["history"]]
        self.progress = _Progress(history, state["offsets"], state["best_epoch"], state["best_loss"])
