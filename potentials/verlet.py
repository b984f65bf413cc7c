"""A neighbour list that serves many steps of molecular dynamics: atoms move, their neighbours stay for long."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

import numpy as np
import torch
import torch_sim as ts
from torch import Tensor

from potentials.neighbours import SKIN_A, NeighbourOverflowError, Structure, half_list_of_images
from potentials.pair_vector import PairVectorModel
from potentials.stress_on_request import StressOnRequestModel


class VerletModel(StressOnRequestModel):
    """A `PairVectorModel` for states whose atoms move little from call to call, all in double precision.

    Pairs are listed to the cut-off plus a skin (Verlet, Phys. Rev. 159, 98 (1967)). A system's list holds as long as
    no pair that it lacks can have come within the cut-off: with cells deformed by F and atoms displaced by u beside it,
    σ_min(F) (r_c + skin) − 2 max|u| ≥ r_c. Pairs beyond the cut-off are left out of every call, so that answers are
    those without a list.

    Vectors are differences of positions in float64 and are rounded to the network's precision only then: positions that
    grow by diffusion lose nothing.

    Attributes:
        compute_stress: False saves the virial.
        features: of the last call, (n_atoms, d); None where the network has none.
        failed: by index of the system, why it could not be evaluated in the last call; its answers there are NaN.
        lists_made: so many, of single systems.
    """

    def __init__(self, model: PairVectorModel, batch_atoms: int, skin_A: float = SKIN_A) -> None:
        """batch_atoms: of one call of the network, as `Potential.batch_atoms`."""
        super().__init__()
        self.batch_atoms = batch_atoms
        self.pairs_model = model
        self.skin_A = skin_A
        self._device, self._dtype = model.device, torch.float64
        self._compute_stress, self._compute_forces = True, True
        self.features: Tensor | None = None
        self.failed: dict[int, str] = {}
        self.lists_made = 0
        self._threads: ThreadPoolExecutor | None = None
        self.forget()

    def forget(self) -> None:
        """Make new lists at the next call: for a state of other systems, or to begin alike in two processes."""
        self._lists: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, state: ts.SimState, **kwargs: object) -> dict[str, Tensor]:
        """Energies (n_systems,), forces (n_atoms, 3), stress (n_systems, 3, 3) if asked for; eV and Å, float64.

        Raises:
            ValueError: an element that the network does not know.
        """
        x, cells = state.positions.detach(), state.row_vector_cell.detach()
        self.failed = {}
        if not self._lists or not torch.equal(state.atomic_numbers, self._numbers):
            self._begin(state)
            self._renew(list(range(state.n_systems)), x, cells)
        elif stale := self._stale(x, cells):
            self._renew(stale, x, cells)
        elif not torch.equal(cells, self._offset_of):
            self._set_offsets(cells)
        vectors = x.index_select(0, self._second) - x.index_select(0, self._first) + self._offset
        within = ((vectors * vectors).sum(-1) < self.pairs_model.network.cutoff_A**2).nonzero()[:, 0]
        vectors = vectors[within].to(self.pairs_model.dtype)
        call = partial(self._call, vectors=vectors, within=within, cells=cells)
        calls = (
            [call(systems) for systems in self._calls]
            if self._threads is None
            else [*self._threads.map(call, self._calls)]
        )
        found = {key: torch.cat([part[key] for part in calls]) for key in calls[0]}
        self.features = found.pop("features", None)
        for k in self.failed:
            found["energy"][k] = torch.nan
            found["forces"][self._bounds[k] : self._bounds[k + 1]] = torch.nan
        return found

    def _call(self, systems: slice, vectors: Tensor, within: Tensor, cells: Tensor) -> dict[str, Tensor]:
        """Evaluate some of the systems; `within`: the listed pairs that `vectors` are of."""
        atoms = slice(self._bounds[systems.start], self._bounds[systems.stop])
        ends = torch.tensor([self._pair_bounds[systems.start], self._pair_bounds[systems.stop]], device=self._device)
        here = slice(*torch.searchsorted(within, ends).tolist())
        listed = within[here]
        return self.pairs_model.derivatives_of_pairs(
            self._types[atoms],
            vectors[here].detach(),
            self._first[listed] - atoms.start,
            self._second[listed] - atoms.start,
            self._system[listed] - systems.start,
            self._atom_system[atoms] - systems.start,
            torch.linalg.det(cells[systems]).abs(),
            self._compute_stress,
        )

    def _begin(self, state: ts.SimState) -> None:
        """What does not change while atoms move."""
        self._numbers = state.atomic_numbers.clone()
        self._types = self.pairs_model.types_of(self._numbers)
        self._atom_system = state.system_idx
        counts = state.n_atoms_per_system.tolist()
        self._bounds = [sum(counts[:k]) for k in range(len(counts) + 1)]
        self._calls = _calls(counts, self.batch_atoms)
        self._threads = _threads(len(self._calls)) if self._device.type == "cpu" else None
        nothing = torch.zeros(0, dtype=torch.long, device=self._device)
        self._lists = [(nothing, nothing, torch.zeros((0, 3), dtype=self._dtype, device=self._device))] * len(counts)
        self._x = state.positions.detach().clone()
        self._cells = state.row_vector_cell.detach().clone()

    def _stale(self, x: Tensor, cells: Tensor) -> list[int]:
        """Systems whose lists may lack a pair; positions that are no numbers are stale too."""
        reach = self.pairs_model.network.cutoff_A
        if torch.equal(cells, self._cells):
            u = x - self._x
            allowed = torch.full((len(cells),), self.skin_A / 2, dtype=self._dtype, device=self._device)
        else:
            deformed = torch.linalg.solve(self._cells, cells)
            u = x - torch.einsum("ia,iab->ib", self._x, deformed[self._atom_system])
            allowed = (torch.linalg.svdvals(deformed)[:, -1] * (reach + self.skin_A) - reach) / 2
        moved = torch.zeros_like(allowed).scatter_reduce(0, self._atom_system, (u * u).sum(1), "amax")
        return cast(list[int], (~(moved < allowed * allowed.abs())).nonzero()[:, 0].tolist())

    def _renew(self, stale: list[int], x: Tensor, cells: Tensor) -> None:
        network = self.pairs_model.network
        reach = network.cutoff_A + self.skin_A
        most = network.max_neighbours * (reach / network.cutoff_A) ** 3
        for k in stale:
            here = slice(self._bounds[k], self._bounds[k + 1])
            self._x[here], self._cells[k] = x[here], cells[k]
            structure = Structure(*(t.cpu().numpy() for t in (self._numbers[here], x[here], cells[k])))
            try:
                found = _images(structure, reach, most)
            except NeighbourOverflowError as error:
                self.failed[k] = str(error)
                self._x[here] = torch.nan  # so that this list is stale for ever
                found = (np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3), int))
            first, second, images = (torch.as_tensor(a).to(self._device) for a in found)
            shift = here.start
            self._lists[k] = first.long() + shift, second.long() + shift, images.to(self._dtype)
            self.lists_made += 1
        self._first, self._second, self._images = (torch.cat(part) for part in zip(*self._lists, strict=True))
        counts = [len(one[0]) for one in self._lists]
        self._pair_bounds = [sum(counts[:k]) for k in range(len(counts) + 1)]
        lengths = torch.tensor(counts, device=self._device)
        self._system = torch.repeat_interleave(torch.arange(len(lengths), device=self._device), lengths)
        self._set_offsets(cells)

    def _set_offsets(self, cells: Tensor) -> None:
        """Of the images of each pair, Å, (n_pairs, 3)."""
        self._offset_of = cells.clone()
        self._offset = torch.einsum("pa,pab->pb", self._images, cells[self._system])


def _calls(counts: Sequence[int], batch_atoms: int) -> list[slice]:
    """Systems that are evaluated together: on a CPU as many as stay in its caches.

    8 cells of 64 atoms with 7net-0: 2.1 s of processor time in one call, 1.0 s one after another.
    """
    calls, start, atoms = [], 0, 0
    for k, count in enumerate(counts):
        if k > start and atoms + count > batch_atoms:
            calls.append(slice(start, k))
            start, atoms = k, 0
        atoms += count
    return [*calls, slice(start, len(counts))]


def _threads(calls: int) -> ThreadPoolExecutor | None:
    """Threads that each evaluate calls of their own, as many as PyTorch would share one call's work among.

    32 cells of PdH with 7net-0 on two cores: 4.0 ms a cell by two threads, 8 cells a call; 8.3 ms where both share each
    call, 6.3 ms by one thread alone.
    """
    count = min(torch.get_num_threads(), calls)
    if count < 2:
        return None
    return ThreadPoolExecutor(count, "verlet", initializer=partial(torch.set_num_threads, 1))


def _images(structure: Structure, reach_A: float, most: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # A neighbour search among positions that are no numbers never ends
    if not np.isfinite(structure.positions).all():
        raise NeighbourOverflowError("positions that are not finite")
    return half_list_of_images(structure, reach_A, most)
