"""Models whose energy is a function of pair vectors: one derivative gives forces and stress alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch_sim as ts
from ase.data import chemical_symbols
from torch import Tensor, nn
from torch_sim.models.interface import ModelInterface

from potentials.metadata import Metadata
from potentials.neighbours import Structure, batch_pairs, boxed
from potentials.potential import Evaluation, Potential


class PairVectorModel(ModelInterface):
    """A torch-sim model around `network(types, vectors, first, second) -> atomic energies (n_atoms,)`.

    network: a module; its `cutoff_A` is the range of pair vectors and `type_map` (atomic number -> type index; None
        where types are atomic numbers themselves) its species, `max_neighbours` what tells a collapsed cell. One with
        `features(types, vectors, first, second)`, (n_atoms, d), and `readout(types, features)` has descriptors.
    """

    network: Any
    types: Tensor

    def __init__(self, network: nn.Module, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.network = network.to(device=device, dtype=dtype)
        self._device = torch.device(device)
        self._dtype = dtype
        self._compute_stress = True
        self._compute_forces = True
        self._memory_scales_with = "n_atoms_x_density"
        self.implemented_properties = ["energy", "forces", "stress"]
        type_map = self.network.type_map
        table = torch.arange(120) if type_map is None else torch.full((120,), -1)
        for number, index in (type_map or {}).items():
            table[number] = index
        self.types = table.to(self._device)
        self.has_features = hasattr(self.network, "features")

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """Energies (n_systems,), forces (n_atoms, 3), stress (n_systems, 3, 3), eV and Å, in the model's dtype.

        Directions without periodicity get a box so wide that images never meet.
        """
        counts = state.n_atoms_per_system.tolist()
        arrays = (
            torch.split(t.detach().cpu(), counts) for t in (state.atomic_numbers, state.positions.to(torch.float64))
        )
        cells = state.row_vector_cell.detach().cpu().to(torch.float64)
        periodic = torch.as_tensor(state.pbc).cpu().numpy()
        structures = [
            boxed(Structure(n.numpy(), x.numpy(), c.numpy()), periodic, self.network.cutoff_A)
            for n, x, c in zip(*arrays, cells, strict=True)
        ]
        found = self.derivatives(structures)
        return {key: found[key].to(self._dtype) for key in self.implemented_properties}

    def derivatives(self, structures: Sequence[Structure]) -> dict[str, Tensor]:
        """As `forward`, from bare arrays; "features" of the atoms, (n_atoms, d), come along where the network has them.

        Raises:
            ValueError: an element that the network does not know.
        """
        pairs = batch_pairs(structures, self.network.cutoff_A, self.network.max_neighbours)
        types = self.types_of(torch.as_tensor(np.concatenate([s.numbers for s in structures])))
        vectors = torch.as_tensor(pairs.vectors, dtype=self._dtype).to(self._device)
        first, second, system = (
            torch.as_tensor(a).to(self._device) for a in (pairs.first, pairs.second, pairs.system)
        )
        atom_system = torch.as_tensor(np.repeat(np.arange(len(structures)), [len(s.numbers) for s in structures]))
        volumes = torch.as_tensor([s.volume_A3 for s in structures], dtype=torch.float64).to(self._device)
        return self.derivatives_of_pairs(
            types, vectors, first, second, system, atom_system.to(self._device), volumes
        )

    def derivatives_of_pairs(
        self,
        types: Tensor,
        vectors: Tensor,
        first: Tensor,
        second: Tensor,
        system: Tensor,
        atom_system: Tensor,
        volumes_A3: Tensor,
        stress: bool = True,
    ) -> dict[str, Tensor]:
        """The same from pairs that somebody else has found, all on the model's device.

        types: (n_atoms,); vectors: half list in the model's dtype, Å, (n_pairs, 3); first, second, system: of the
        pairs, (n_pairs,); atom_system: of the atoms, (n_atoms,); volumes_A3: float64, (n_systems,); stress: False
        leaves it out.
        """
        vectors = vectors.requires_grad_(True)
        features = self.network.features(types, vectors, first, second) if self.has_features else None
        atomic = (
            self.network(types, vectors, first, second) if features is None else self.network.readout(types, features)
        )
        gradient = torch.autograd.grad(atomic.sum(), vectors, allow_unused=True)[0]
        gradient = torch.zeros_like(vectors) if gradient is None else gradient
        # Sums over atoms and pairs in double precision: in single, their rounding is what limits a tight relaxation
        atomic = atomic.detach().double()
        energy = atomic.new_zeros(len(volumes_A3)).index_add_(0, atom_system, atomic)
        found = assembled(
            energy, vectors.detach().double(), gradient.double(), first, second, system, len(types),
            volumes_A3 if stress else None,
        )  # fmt: skip
        return found if features is None else found | {"features": features.detach()}

    def types_of(self, numbers: Tensor) -> Tensor:
        """The network's index of each atomic number, (n_atoms,), on its device.

        Raises:
            ValueError: an element that the network does not know.
        """
        types = self.types[numbers.to(self._device)]
        if bool((types < 0).any()):
            strangers = sorted({chemical_symbols[z] for z in numbers[(types < 0).to(numbers.device)].tolist()})
            raise ValueError(f"the potential does not know {', '.join(strangers)}")
        return types


def assembled(
    energy: Tensor,
    vectors: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    system: Tensor,
    atoms: int,
    volumes_A3: Tensor | None,
) -> dict[str, Tensor]:
    """Energy, forces (atoms, 3) and stress (n_systems, 3, 3) from the energy's derivative by each pair vector.

    energy: (n_systems,); vectors, gradient: float64, (n_pairs, 3); volumes_A3: (n_systems,); without them no stress.
    """
    forces = gradient.new_zeros((atoms, 3)).index_add_(0, first, gradient).index_add_(0, second, -gradient)
    found = {"energy": energy, "forces": forces}
    if volumes_A3 is not None:
        outer = vectors[:, :, None] * gradient[:, None, :]
        virial = gradient.new_zeros((len(energy), 3, 3)).index_add_(0, system, outer)
        found["stress"] = 0.5 * (virial + virial.transpose(1, 2)) / volumes_A3[:, None, None]
    return found


class PairVectorPotential(Potential):
    """A `Potential` on a `PairVectorModel`."""

    def __init__(
        self, network: nn.Module, metadata: Metadata, device: str, dtype: torch.dtype, batch_atoms: int
    ) -> None:
        self.metadata = metadata
        self.device = device
        self.model: PairVectorModel = PairVectorModel(network, device, dtype)
        self.batch_atoms = batch_atoms
        self.precision = str(dtype).removeprefix("torch.")
        self.cutoff_A = float(self.model.network.cutoff_A)

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order."""
        result = self.model.derivatives(structures)
        energies = result["energy"].cpu().numpy()
        ends = np.cumsum([len(s.numbers) for s in structures])[:-1]
        forces = np.split(result["forces"].cpu().numpy(), ends)
        stresses = result["stress"].cpu().numpy()
        features: Sequence[np.ndarray | None] = [None] * len(structures)
        if "features" in result:
            features = np.split(result["features"].cpu().numpy(), ends)
        return [
            Evaluation(float(e), f, s, x) for e, f, s, x in zip(energies, forces, stresses, features, strict=True)
        ]
