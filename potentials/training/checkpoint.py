"""Checkpoints in sevenn's own format, and snapshots of a training in progress; both appear whole or not at all."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from potentials.registry import SEVENNET, LoadError, split_dispersion
from potentials.training.lineage import KEY, Lineage
from potentials.whole_file import whole_file
from potentials.words import in_words


@dataclass(frozen=True)
class Parent:
    """A checkpoint to start from.

    Attributes:
        name: as it was asked for.
        path: of the file.
        sha256: of the file.
        checkpoint: sevenn's view of it.
    """

    name: str
    path: Path
    sha256: str
    checkpoint: Any

    def model(self) -> Any:
        """A new model with the parent's weights."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it advises CUDA accelerators
            return self.checkpoint.build_model()


def open_parent(parent: str | Path) -> Parent:
    """A published SevenNet by name, or a checkpoint file.

    Raises:
        LoadError: neither, one with dispersion added, or a file that is no SevenNet checkpoint.
    """
    name = str(parent)
    base, method = split_dispersion(name)
    if method:
        raise LoadError(
            f"{name!r} cannot be fine-tuned: dispersion is added to what has learnt; fine-tune {base!r} on labels "
            f"without dispersion and load the checkpoint as 'NAME.pth+{method}'"
        )
    if name not in SEVENNET and not Path(name).is_file():
        names = ", ".join(SEVENNET)
        raise LoadError(f"{name!r} cannot be fine-tuned: give {names} or the path of a SevenNet checkpoint")
    from sevenn.util import load_checkpoint

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = load_checkpoint(name)
            found = bool(checkpoint.config) and bool(checkpoint.model_state_dict)
    except Exception as error:  # of a foreign file, anything
        raise LoadError(f"{name!r} cannot be loaded: {in_words(error)}") from error
    if not found:
        raise LoadError(f"{name!r} cannot be loaded: it holds no SevenNet model")
    path = Path(checkpoint.checkpoint_path)
    with path.open("rb") as f:
        return Parent(name, path, hashlib.file_digest(f, "sha256").hexdigest(), checkpoint)


def write_checkpoint(path: Path, parent: Parent, state: dict[str, Any], epoch: int, lineage: Lineage) -> None:
    """A child of `parent` with other weights, as sevenn writes its own, the lineage beside them."""
    import sevenn

    config = parent.checkpoint.config
    config["version"] = sevenn.__version__  # older ones would have their weights put in order a second time
    content = {
        "config": config,
        "epoch": epoch,
        "model_state_dict": {name: value.detach().cpu() for name, value in state.items()},
        "optimizer_state_dict": {},
        "scheduler_state_dict": {},
        "time": lineage.date,
        "hash": lineage.inputs_sha256,
        KEY: lineage.to_json(),
    }
    save(path, content)


def save(path: Path, content: Any) -> None:
    """`torch.save`, whole or not at all."""
    with whole_file(path) as part:
        torch.save(content, part)


def versions() -> dict[str, str]:
    """Of the packages that decide a training's result."""
    return {name: version(name) for name in ("discover-materials", "sevenn", "torch", "e3nn")}
