"""`fine_tune`: from labels to a new checkpoint, epoch by epoch, each of which survives the end of the process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from potentials.electrostatics.settings import Electrostatics
from potentials.registry import SEVENNET, load, resolve_device
from potentials.sevennet_weights import PUBLISHED_FUNCTIONAL
from potentials.training.checkpoint import Parent, open_parent, save, versions, write_checkpoint
from potentials.training.labels import Label, answers, sha256_of
from potentials.training.lineage import Lineage, lineage
from potentials.training.offsets import fit_offsets
from potentials.training.residual import Residual
from potentials.training.run import Run, Sets, TrainingError
from potentials.training.settings import TrainSettings
from potentials.training.watch import Epoch, FineTuned


def fine_tune(
    parent: str | Path,
    labels: Sequence[Label],
    out: Path,
    settings: TrainSettings | None = None,
    replay: Sequence[Label] = (),
    validation: Sequence[Label] = (),
    oracle: Mapping[str, Any] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    device: str = "cpu",
    electrostatics: Mapping[str, Any] | None = None,
) -> FineTuned:
    """Train a SevenNet on labels and write it to `out`, in sevenn's format and with its lineage.

    Interrupted, the same call goes on after the last finished epoch (from a snapshot beside `out`) to the same weights;
    called again when done, it returns at once what it returned then.

    parent: 7net-0, 7net-l3i5 or the path of a checkpoint.
    labels: what to learn, on the oracle's energy scale.
    replay: what not to forget, on the parent's energy scale: its own `answers`, or earlier labels `shifted` to it.
    validation: labels held out, on the oracle's scale; with them the weights of the best epoch are kept.
    oracle: JSON-able words on who made the labels, kept in the lineage.
    on_epoch: told of every finished epoch.
    electrostatics: charges ({"charges": {"Na": 1, "Cl": -1}, "method": "ewald"}) that are taken off all labels and
        written into the lineage: `potentials.load` gives the network with them added. A parent that has some passes
        them on. Labels, replay and validation are given whole.

    Raises:
        LoadError: a parent that is no SevenNet checkpoint.
        UnsupportedNetworkError: a kind of SevenNet that our layout does not know.
        TrainingError: no labels, elements the network does not know, `out` made from other inputs, divergence,
            electrostatics other than the parent's.
        ChargeError: charges that are none, or an element of the labels without one.
    """
    settings = settings or TrainSettings()
    start = open_parent(parent)
    sets = Sets(tuple(labels), tuple(replay), tuple(validation))
    known = _known_offsets(start, oracle or {})
    residual = _residual(start, sets, electrostatics)
    identity = _identity(start, sets, settings, oracle or {}, residual)
    if out.exists():
        return _finished(out, identity)
    if residual is not None:
        # The difference of energy scales is one of whole energies: of residuals it would hold Madelung energies too
        known = _offsets_of_whole(start, sets, known) if settings.align else known
        sets = Sets(*(tuple(part) for part in _left(residual, sets)))
    run = Run(start, sets, settings, resolve_device(device), known=known)
    snapshot = out.with_name(out.name + ".partial")
    run.resume(snapshot, identity)
    for epoch in run.epochs():
        save(snapshot, run.state() | {"inputs_sha256": identity})
        if on_epoch:
            on_epoch(epoch)
    result = run.result(out)
    made = _lineage(start, sets, settings, oracle or {}, identity, result, residual)
    write_checkpoint(out, start, run.best, result.best_epoch, made)
    snapshot.unlink(missing_ok=True)
    return result


def _known_offsets(parent: Parent, oracle: Mapping[str, Any]) -> dict[str, float]:
    """Of the parent, where the same oracle taught it: a second fit would take off what it should learn."""
    before = lineage(parent.path)
    return before.offsets_eV if before and oracle and dict(before.oracle) == dict(oracle) else {}


def _residual(parent: Parent, sets: Sets, given: Mapping[str, Any] | None) -> Residual | None:
    before = lineage(parent.path)
    inherited = Residual.from_json(before.electrostatics) if before and before.electrostatics else None
    if inherited is None:
        if given is None:
            return None
        if not sets.labels:
            raise TrainingError("there are no labels to learn from")
        return Residual.fit(Electrostatics.of(given), [*sets.labels, *sets.validation])
    if given is not None and Electrostatics.of(given).to_json() != inherited.settings.to_json():
        raise TrainingError(
            f"electrostatics: {parent.name} was fine-tuned beside others; leave them out to go on with its own"
        )
    inherited.check([*sets.labels, *sets.validation])
    return inherited


def _offsets_of_whole(parent: Parent, sets: Sets, known: Mapping[str, float]) -> dict[str, float]:
    """Of the labels' energies above the parent's, electrostatics included on both sides where the parent has them."""
    whole = load(parent.name if parent.name in SEVENNET else str(parent.path), "cpu")
    energies = [label.energy_eV for label in answers(whole, [label.structure for label in sets.labels])]
    return fit_offsets(sets.labels, energies, known)


def _left(residual: Residual, sets: Sets) -> tuple[list[Label], list[Label], list[Label]]:
    return residual.of(sets.labels), residual.of_replay(sets.replay), residual.of(sets.validation)


def _identity(
    parent: Parent, sets: Sets, settings: TrainSettings, oracle: Mapping[str, Any], residual: Residual | None
) -> str:
    parts = [parent.sha256, *(sha256_of(part) for part in vars(sets).values()), settings.to_json(), dict(oracle)]
    if residual is not None:
        parts.append(residual.to_json())
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _lineage(
    parent: Parent,
    sets: Sets,
    settings: TrainSettings,
    oracle: Mapping[str, Any],
    identity: str,
    result: FineTuned,
    residual: Residual | None,
) -> Lineage:
    before = lineage(parent.path)
    root = PUBLISHED_FUNCTIONAL if parent.name in SEVENNET else None
    hashes = [sha256_of(part) if part else None for part in (sets.replay, sets.validation)]
    return Lineage(
        parent=parent.name if parent.name in SEVENNET else parent.path.name,
        parent_sha256=parent.sha256,
        generation=before.generation + 1 if before else 1,
        functional=before.functional if before else root,
        oracle=dict(oracle),
        labels=tuple(label.sha256 for label in sets.labels),
        labels_sha256=sha256_of(sets.labels),
        replay_sha256=hashes[0],
        validation_sha256=hashes[1],
        replay_labels=len(sets.replay),
        validation_labels=len(sets.validation),
        settings=settings.to_json(),
        inputs_sha256=identity,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        result=result.to_json(),
        electrostatics=residual.to_json() if residual else None,
        before=before,
    )


def _finished(out: Path, identity: str) -> FineTuned:
    made = lineage(out)
    if made is None or made.inputs_sha256 != identity:
        raise TrainingError(f"{out} exists and was not made from these inputs; remove it or give another name")
    return FineTuned.from_json(out, made.result)
