"""Dispersion with C6 learnt from surroundings, alone or in one network call with 7net-0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from ase.data import chemical_symbols
from ase.units import Bohr

from potentials.dispersion.coefficients import C6_EV_A6
from potentials.dispersion.damping import Damping, damping_of, fitted, functional_of
from potentials.dispersion.head import BOND_A, C6Head, record
from potentials.dispersion.model import DispersionModel, DispersionNetwork, Reach
from potentials.dispersion.settings import Dispersion, DispersionError
from potentials.metadata import Metadata
from potentials.neighbours import Structure, batch_pairs
from potentials.pair_vector import PairVectorPotential
from potentials.potential import Evaluation, Potential
from potentials.sevennet import SevenNetPotential

NETWORK = "7net-0"
"""Whose features the head reads."""


class C6Potential(PairVectorPotential):
    """Pair and triple dispersion on the features of 7net-0, and its own energy where `whole`.

    seven: a checkpoint, which must be the one that the head was trained on.
    """

    def __init__(
        self, seven: SevenNetPotential, damping: Damping, three_body: bool, whole: bool, metadata: Metadata,
        reach: Reach | None = None,
    ) -> None:  # fmt: skip
        if seven.metadata.checkpoint_sha256 != record()["network_sha256"]:
            raise DispersionError(
                f"dispersion: c6 reads the features of {NETWORK} as its head knows it, and {seven.metadata.checkpoint} "
                "is another checkpoint; train the head anew (campaigns/dispersion/train.py)"
            )
        head = C6Head.read()
        reach = reach or Reach()
        network = DispersionNetwork(seven.model.network, head, damping, three_body, reach)
        known = tuple(chemical_symbols[z] for z in sorted(network.type_map))
        self.metadata = replace(metadata, elements=known)
        self.device, self.precision = seven.device, seven.precision
        self.model: DispersionModel = DispersionModel(network, seven.device, seven.model.dtype, whole)
        self.batch_atoms, self.cutoff_A = seven.batch_atoms, reach.pairs_A
        self.seven, self.damping, self.three_body, self.whole, self.reach = seven, damping, three_body, whole, reach
        self._double: C6Potential | None = None

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order; 7net-0's features where its energy is in.

        Raises:
            ValueError: an element that 7net-0 or the head does not know.
        """
        return super().evaluate(structures)

    def descriptors(self, structure: Structure) -> np.ndarray | None:
        """7net-0's, (n, 128), where its energy is in."""
        return self.seven.descriptors(structure) if self.whole else None

    def c6_eV_A6(self, structure: Structure) -> np.ndarray:
        """C6 of each atom with one like itself, eV Å⁶, (n,)."""
        return self.coefficients(structure)[0]

    def coefficients(self, structure: Structure) -> tuple[np.ndarray, np.ndarray]:
        """C6, eV Å⁶, and static polarizability, Å³, of each atom, (n,) each.

        Raises:
            ValueError: an element that 7net-0 or the head does not know.
        """
        types = self.model.types_of(torch.as_tensor(structure.numbers))
        pairs = batch_pairs([structure], BOND_A, self.model.network.max_neighbours)
        vectors = torch.as_tensor(pairs.vectors, dtype=self.model.dtype).to(self.device)
        first, second = (torch.as_tensor(x).to(self.device) for x in (pairs.first, pairs.second))
        with torch.no_grad():
            _, c6, alpha = self.model.coefficients(types, vectors, first, second)
        return c6.cpu().numpy() * C6_EV_A6, alpha.cpu().numpy() * Bohr**3

    def in_double_precision(self) -> C6Potential:
        """The same in float64."""
        if self.precision == "float64":
            return self
        if self._double is None:
            seven = self.seven.in_double_precision()
            parameters = {**(self.metadata.parameters or {}), "dtype": "float64"}
            metadata = replace(self.metadata, parameters=parameters)
            self._double = C6Potential(seven, self.damping, self.three_body, self.whole, metadata, self.reach)
        return self._double

    def warm_up(self) -> None:
        """Of the network."""
        self.seven.warm_up()


def c6(settings: Dispersion, short: Potential) -> C6Potential:
    """The dispersion that goes with a potential, by itself; `metadata` tells the damping.

    Without a functional in the settings, damping is what was fitted to the potential; where nothing was, that of
    `training_functional`.

    Raises:
        DispersionError: a functional without damping parameters.
    """
    seven = short if shares(short) else SevenNetPotential(NETWORK, short.device, _dtype(short.precision))
    assert isinstance(seven, SevenNetPotential)
    return C6Potential(seven, damping(settings, short), settings.has_three_body, False, _metadata(settings, short))


def with_network(alone: C6Potential, metadata: Metadata) -> C6Potential:
    """The sum of 7net-0 and its dispersion: one call of the network instead of two."""
    return C6Potential(alone.seven, alone.damping, alone.three_body, True, metadata, alone.reach)


def shares(short: Potential) -> bool:
    """True where the potential's own network is the one whose features are wanted."""
    return isinstance(short, SevenNetPotential) and short.metadata.checkpoint_sha256 == record()["network_sha256"]


def damping(settings: Dispersion, short: Potential) -> Damping:
    """As `c6` says."""
    if settings.functional is not None:
        return damping_of(settings.functional)
    own = fitted(short.metadata.checkpoint_sha256, settings.has_three_body)
    return own or damping_of(functional_of(short.metadata))


def _dtype(precision: str) -> torch.dtype:
    return torch.float64 if precision == "float64" else torch.float32


def _metadata(settings: Dispersion, short: Potential) -> Metadata:
    chosen = damping(settings, short)
    told = {"functional": chosen.name, "damping": chosen.to_json(), "reach_A": vars(Reach())}
    parameters = {**settings.to_json(), **told}
    version = f"1 ({record()['weights_sha256'][:12]})"
    return Metadata("c6", version, licence="MIT", parameters=parameters, dispersion="itself")
