"""Trains the C6 head that ships with the project, from nothing that is downloaded.

python campaigns/dispersion/train.py             15 minutes on one idle core
python campaigns/dispersion/train.py --quick     a small recipe and few epochs, into build/
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from labels import BOND_RADIUS, PARTS, Labelled, made  # noqa: E402
from never import never  # noqa: E402
from recipe import COUNTS  # noqa: E402
from reference import r4r2  # noqa: E402

from potentials import load  # noqa: E402
from potentials.dispersion.head import RECORD, WEIGHTS, C6Head  # noqa: E402

SEED = 1
MARGIN = 0.08
"""By so much the range of an element's ln C6 is wider than what the recipe showed."""


@dataclass(frozen=True)
class Settings:
    """Of the training: AdamW, one cycle of the learning rate; Huber's loss, in units of `huber`, of ln C6 and ln α.

    Attributes:
        structures: of a step.
        through: weight of ln C6 and ln α from the head's own charge, beside that of dftd4's.
        state: weight of the charge, in units of `charge_e`, Huber's loss as well.
    """

    epochs: int = 30
    structures: int = 100
    learning_rate: float = 4e-3
    weight_decay: float = 3e-3
    huber: float = 0.05
    through: float = 1.0
    state: float = 0.5
    charge_e: float = 0.03
    seed: int = SEED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small recipe and few epochs, into build/")
    given = parser.parse_args()
    torch.set_num_threads(1)
    counts = {k: v // 40 for k, v in COUNTS.items()} if given.quick else dict(COUNTS)
    name = "quick" if given.quick else str(SEED)
    data = made(SEED, counts, Path("runs/dispersion") / f"labels-{name}.npz")
    settings = Settings(epochs=3) if given.quick else Settings()
    began = time.time()
    head = trained(data, settings)
    folder = Path("build/dispersion") if given.quick else WEIGHTS.parent
    out = folder / WEIGHTS.name, folder / RECORD.name
    out[0].parent.mkdir(parents=True, exist_ok=True)
    head.save(out[0])
    told = told_of(head, data, settings, counts) | {"training_seconds": round(time.time() - began)}
    told["weights_sha256"] = hashlib.sha256(out[0].read_bytes()).hexdigest()
    out[1].write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told["errors"], indent=1))


def trained(data: Labelled, settings: Settings) -> C6Head:
    """The head after the epoch with the least loss on what is watched."""
    torch.manual_seed(settings.seed)
    numbers = tuple(int(z) for z in np.unique(data.numbers))
    head = C6Head(numbers, data.features.shape[1])
    whole = Batches(data, numbers)
    learn, watch = (np.unique(data.structure[data.part == PARTS.index(p)]) for p in ("train", "watch"))
    _begin(head, whole.of(learn))
    optimiser = torch.optim.AdamW(head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * -(-len(learn) // settings.structures)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps, pct_start=0.1)
    best, least, watched_atoms = {k: v.clone() for k, v in head.state_dict().items()}, np.inf, whole.of(watch)
    for epoch in range(settings.epochs):
        for some in torch.randperm(len(learn)).split(settings.structures):
            loss = _loss(head, whole.of(learn[some.numpy()]), settings)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 10.0)
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            state = watched_atoms.state(head)
            watched = float(_huber(head.of_state(state, watched_atoms.kinds), watched_atoms.logarithms, settings.huber))
        if watched < least:
            best, least = {k: v.clone() for k, v in head.state_dict().items()}, watched
        print(f"epoch {epoch}: loss {float(loss.detach()):.4f}, watched {watched:.4f}", flush=True)
    head.load_state_dict(best)
    return head.requires_grad_(False)


@dataclass(frozen=True)
class Atoms:
    """Of some structures, bonds among them; `logarithms` of C6 and α, and `told` coordinations and charges, (n, 2)."""

    features: torch.Tensor
    kinds: torch.Tensor
    logarithms: torch.Tensor
    told: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    distance_A: torch.Tensor

    def state(self, head: C6Head) -> torch.Tensor:
        """The head's coordinations and charges."""
        return head.state(self.features, self.kinds, self.first, self.second, self.distance_A)


class Batches:
    """Atoms and bonds of any structures out of many."""

    def __init__(self, data: Labelled, numbers: tuple[int, ...]) -> None:
        self.data, self.rows = data, np.searchsorted(numbers, data.numbers)
        self.logarithms = np.log(np.stack([data.c6_au, data.alpha_au], 1)).astype(np.float32)
        self.told = np.stack([data.coordination, data.charge_e], 1).astype(np.float32)
        count = np.arange(data.structure.max() + 2)
        self.atoms = np.searchsorted(data.structure, count)
        self.bonds = np.searchsorted(data.structure[data.first], count)

    def of(self, structures: np.ndarray) -> Atoms:
        """Of these, in order."""
        atoms, bonds = _ranges(self.atoms, structures), _ranges(self.bonds, structures)
        sizes = self.atoms[structures + 1] - self.atoms[structures]
        shift = np.repeat(
            np.cumsum(sizes) - sizes - self.atoms[structures], self.bonds[structures + 1] - self.bonds[structures]
        )
        arrays = (
            self.data.features[atoms], self.rows[atoms], self.logarithms[atoms], self.told[atoms],
            self.data.first[bonds] + shift, self.data.second[bonds] + shift, self.data.distance_A[bonds],
        )  # fmt: skip
        return Atoms(*(torch.as_tensor(a) for a in arrays))


def _ranges(ends: np.ndarray, which: np.ndarray) -> np.ndarray:
    """All indices from ends[k] to ends[k + 1], of each k."""
    sizes = ends[which + 1] - ends[which]
    return np.repeat(ends[which] - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())


def _begin(head: C6Head, known: Atoms) -> None:
    """Scales of the features and ranges of the elements, of what is learnt from alone; what dftd4 has of elements."""
    from dftd4.data import covalent_radii, pauling_en

    numbers = np.array(head.numbers)
    head.mean.copy_(known.features.median(0).values)
    head.scale.copy_((known.features - head.mean).abs().mean(0) + 1e-3)
    for row in range(len(head.numbers)):
        own = known.logarithms[known.kinds == row]
        head.low[row], head.high[row] = own.min(0).values - MARGIN, own.max(0).values + MARGIN
    head.r4r2.copy_(torch.as_tensor(r4r2(head.numbers)))
    head.radii_A.copy_(torch.as_tensor(BOND_RADIUS * np.asarray(covalent_radii)[numbers]))
    head.electronegativity.copy_(torch.as_tensor(np.asarray(pauling_en)[numbers]))
    for name, table in head.named_children():
        if name.endswith("_of") and isinstance(table, torch.nn.Embedding):
            torch.nn.init.normal_(table.weight, std=0.1)


def _loss(head: C6Head, known: Atoms, settings: Settings) -> torch.Tensor:
    own = known.state(head)
    return (
        settings.through * _huber(head.of_state(own, known.kinds), known.logarithms, settings.huber)
        + _huber(head.of_state(known.told, known.kinds), known.logarithms, settings.huber)
        + settings.state * _huber(own[:, 1] / settings.charge_e, known.told[:, 1] / settings.charge_e, 1.0)
    )


def _huber(one: torch.Tensor, other: torch.Tensor, delta: float) -> torch.Tensor:
    return torch.nn.functional.huber_loss(one, other, delta=delta) / delta


def relative_errors(head: C6Head, data: Labelled) -> np.ndarray:
    """|ours/dftd4's − 1| of C6 and α, (n, 2)."""
    known = Batches(data, head.numbers).of(np.unique(data.structure))
    with torch.no_grad():
        ours = head.of_state(known.state(head), known.kinds)
        return (ours - known.logarithms).double().expm1().abs().numpy()


def summary(errors: np.ndarray) -> dict[str, Any]:
    """Median and 90th percentile, %, of C6 and α."""
    median, ninety = np.percentile(errors, (50, 90), axis=0) * 100
    return {
        "atoms": len(errors), "c6_median_%": round(float(median[0]), 2), "c6_90_%": round(float(ninety[0]), 2),
        "alpha_median_%": round(float(median[1]), 2), "alpha_90_%": round(float(ninety[1]), 2),
    }  # fmt: skip


def told_of(head: C6Head, data: Labelled, settings: Settings, counts: dict[str, int]) -> dict[str, Any]:
    """How it was made and how well it does: by part, by class of what was held out, on what the recipe never has."""
    errors = relative_errors(head, data)
    out = data.part == PARTS.index("held out")
    seven = load("7net-0", "cpu")
    told: dict[str, Any] = {part: summary(errors[data.part == k]) for k, part in enumerate(PARTS)}
    told |= {
        f"held out: {kind}": summary(errors[out & (data.kind == k)])
        for k, kind in enumerate(data.kinds)
        if (out & (data.kind == k)).any()
    }
    for name, other in never(seven).items():
        told[f"never: {name}"] = summary(relative_errors(head, other))
    return {
        "what": "C6 and static polarizability of dftd4 from 7net-0's features", "network": "7net-0",
        "network_sha256": seven.metadata.checkpoint_sha256, "recipe": {"seed": SEED, "counts": counts},
        "settings": vars(settings), "structures": len(np.unique(data.structure)), "atoms": len(data.numbers),
        "versions": {p: version(p) for p in ("dftd4", "sevenn", "torch", "ase")}, "errors": told,
    }  # fmt: skip


if __name__ == "__main__":
    main()
