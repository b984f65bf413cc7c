"""SevenNet's pretrained potentials, whose weights come in the wheel of `sevenn`."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from ase.build import bulk
from ase.data import chemical_symbols

from potentials.metadata import Metadata, file_sha256
from potentials.neighbours import Structure, batch_pairs
from potentials.pair_vector import PairVectorPotential
from potentials.potential import structure_of
from potentials.sevennet_network import SevenNetNetwork
from potentials.sevennet_weights import PUBLISHED_FUNCTIONAL
from potentials.training.lineage import lineage

CPU_BATCH_ATOMS = 16
"""On a CPU a batch only shares the overhead of small tensors; from about 16 atoms there is nothing left to share."""
GPU_BATCH_ATOMS = 4000
"""A guess that fits 16 GB with room to spare; never measured here."""


def _dtype(dtype: torch.dtype | str) -> torch.dtype:
    known = {"float32": torch.float32, "float64": torch.float64}
    name = str(dtype).removeprefix("torch.")
    if name not in known:
        raise ValueError(f"dtype: must be {' or '.join(known)} (is {name!r})")
    return known[name]


def _functional(checkpoint: Path | None) -> str | None:
    """What the energies imitate; of a file, what its lineage says."""
    if checkpoint is None:
        return PUBLISHED_FUNCTIONAL
    made = lineage(checkpoint)
    return made.training_functional if made else None


def _dispersion(checkpoint: Path | None) -> str | None:
    """MPtrj's energies hold none; of a file, what its lineage says."""
    if checkpoint is None:
        return "none"
    made = lineage(checkpoint)
    return made.dispersion if made else None


class SevenNetPotential(PairVectorPotential):
    """7net-0, 7net-l3i5 or a checkpoint file of the same kind of network."""

    def __init__(
        self,
        name: str,
        device: str = "cpu",
        dtype: torch.dtype | str = torch.float32,
        compiled: bool = False,
        checkpoint: Path | None = None,
    ) -> None:
        """dtype: torch.float32 or torch.float64, or its name, as an option on the command line is."""
        dtype = _dtype(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it advises CUDA accelerators, which this layout replaces
            from sevenn.util import load_checkpoint

            loaded = load_checkpoint(str(checkpoint or name))
            network = SevenNetNetwork(loaded.build_model())
        file = Path(loaded.checkpoint_path)
        metadata = Metadata(
            name=name,
            version=f"sevenn {version('sevenn')}",
            checkpoint=file.name,
            checkpoint_sha256=file_sha256(file),
            training_functional=_functional(checkpoint),
            elements=tuple(sorted((chemical_symbols[z] for z in network.type_map), key=chemical_symbols.index)),
            licence="MIT (weights: see sevenn)",
            dispersion=_dispersion(checkpoint),
            parameters=None if dtype is torch.float32 else {"dtype": str(dtype).removeprefix("torch.")},
        )
        batch = CPU_BATCH_ATOMS if device == "cpu" else GPU_BATCH_ATOMS
        super().__init__(network, metadata, device, dtype, batch)
        network.compile_products(compiled)
        self.compiled = compiled
        self._checkpoint = checkpoint
        self._double: SevenNetPotential | None = None

    def in_double_precision(self) -> SevenNetPotential:
        """The same network in float64, built once (2.5 s); 2.6 times slower on a CPU."""
        if self.precision == "float64":
            return self
        if self._double is None:
            self._double = SevenNetPotential(self.metadata.name, self.device, "float64", False, self._checkpoint)
        return self._double

    def warm_up(self) -> None:
        """Compile for any number of atoms and pairs (two shapes teach the compiler that sizes vary)."""
        if self.compiled:
            for size in (1, 2):
                self.evaluate([structure_of(bulk("Si").repeat((size, 1, 1)))])

    @torch.no_grad()
    def descriptors(self, structure: Structure) -> np.ndarray:
        """The last invariant features of each atom, (n, 128)."""
        pairs = batch_pairs([structure], self.model.network.cutoff_A)
        indices = (torch.as_tensor(a).to(self.device) for a in (pairs.first, pairs.second))
        types = self.model.types[torch.as_tensor(structure.numbers).to(self.device)]
        vectors = torch.as_tensor(pairs.vectors, dtype=self.model.dtype).to(self.device)
        return self.model.network.features(types, vectors, *indices).cpu().numpy()
