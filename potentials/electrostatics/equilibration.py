"""Charges that settle where every atom's electronegativity is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from torch import Tensor

from potentials.electrostatics.charges import ChargeError
from potentials.electrostatics.constants import COULOMB_EV_A
from potentials.electrostatics.real_space import MOST_NEIGHBOURS_PER_A3, screened
from potentials.electrostatics.reciprocal import grid, smooth_matrix
from potentials.electrostatics.reciprocal_model import EwaldSum
from potentials.electrostatics.splitting import Splitting
from potentials.metadata import Metadata
from potentials.neighbours import Pairs, Structure, batch_pairs
from potentials.potential import Evaluation, Potential

CUTOFF_A = 10.0
WIDTHS = 5.5
"""Of a pair's Gaussian width: so far apart two spread charges are points to 1e-8."""


@dataclass(frozen=True)
class Atom:
    """What an element needs to take or give charge.

    Attributes:
        chi_eV: electronegativity.
        hardness_eV: J, the energy of a charge with itself: E = χ q + ½ J q².
    """

    chi_eV: float
    hardness_eV: float

    @property
    def width_A(self) -> float:
        """σ of the Gaussian whose charge has that energy with itself, K/(√π σ) = J."""
        return COULOMB_EV_A / (sqrt(pi) * self.hardness_eV)


class EquilibratedPotential(Potential):
    """Charge equilibration (Rappé & Goddard 1991) with Gaussian instead of Slater charges, float64.

        E = Σ_i χ_i q_i + ½ Σ_ij q_i q_j J_ij,   J_ii = J_i + images,   J_ij = K Σ_images erf(r/√2 s_ij)/r

    with s_ij² = σ_i² + σ_j², minimal under Σ q = `total_charge_e`. J is positive definite, for it is the energy of
    charges spread in space, so there is always one minimum. At it E is stationary in q, and forces and stress are
    those of the charges held fixed (Hellmann and Feynman). Nothing repels ions at short range: it is a part of a sum.
    """

    def __init__(
        self,
        atoms: Mapping[str, Atom],
        metadata: Metadata,
        total_charge_e: float,
        splitting: Splitting,
        device: str = "cpu",
    ) -> None:
        self.metadata, self.device = metadata, device
        self.total_charge_e, self.splitting = total_charge_e, splitting
        self.cutoff_A = splitting.cutoff_A
        self.batch_atoms = 256
        self.atoms = dict(atoms)
        self._summed = EwaldSum(splitting)
        self._table = np.full((3, 120), np.nan)
        for symbol, atom in atoms.items():
            self._table[:, atomic_numbers[symbol]] = atom.chi_eV, atom.hardness_eV, atom.width_A

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order."""
        return [self._one(s)[0] for s in structures]

    def charges(self, structure: Structure) -> np.ndarray:
        """The settled charges, e, (n,)."""
        return self._one(structure)[1]

    def held(self, structure: Structure, charges_e: np.ndarray) -> float:
        """E at other charges, eV: what `evaluate` finds the minimum of."""
        chi, matrix = self._form(structure, self._pairs(structure))
        q = torch.as_tensor(charges_e)
        return float(chi @ q + 0.5 * q @ matrix @ q)

    def _one(self, structure: Structure) -> tuple[Evaluation, np.ndarray]:
        pairs = self._pairs(structure)
        chi, matrix = self._form(structure, pairs)
        q = _settled(chi, matrix, self.total_charge_e)
        energy = float(chi @ q + 0.5 * q @ matrix @ q)
        forces, stress = self._slopes(structure, pairs, q)
        return Evaluation(energy, forces.numpy(), stress.numpy()), q.numpy()

    def _pairs(self, structure: Structure) -> Pairs:
        if bool(np.isnan(self._table[0, structure.numbers]).any()):
            strangers = {chemical_symbols[z] for z in structure.numbers if np.isnan(self._table[0, z])}
            raise ValueError(f"the potential does not know {', '.join(sorted(strangers))}")
        reach = self.splitting.cutoff_A
        return batch_pairs([structure], reach, MOST_NEIGHBOURS_PER_A3 * 4 / 3 * pi * reach**3)

    def _form(self, structure: Structure, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """χ, (n,), and J, (n, n), eV."""
        chi, hardness, _ = torch.as_tensor(self._table[:, structure.numbers])
        first, second = torch.as_tensor(pairs.first), torch.as_tensor(pairs.second)
        r = torch.as_tensor(np.linalg.norm(pairs.vectors, axis=1))
        value, _ = _spread(r, torch.ones_like(r), self._widths(structure, pairs), self.splitting.alpha_per_A)
        n = len(chi)
        near = torch.zeros(n * n, dtype=torch.float64).index_add(0, first * n + second, value).reshape(n, n)
        return chi, near + near.T + _smooth_matrix(structure, self.splitting) + torch.diag(hardness)

    def _widths(self, structure: Structure, pairs: Pairs) -> Tensor:
        """S of each pair, Å."""
        squares = torch.as_tensor(self._table[2, structure.numbers]) ** 2
        return (squares[torch.as_tensor(pairs.first)] + squares[torch.as_tensor(pairs.second)]).sqrt()

    def _slopes(self, structure: Structure, pairs: Pairs, q: Tensor) -> tuple[Tensor, Tensor]:
        """Forces, eV/Å, and stress, eV/Å³, at fixed charges."""
        first, second = torch.as_tensor(pairs.first), torch.as_tensor(pairs.second)
        vectors = torch.as_tensor(pairs.vectors)
        r = torch.linalg.norm(vectors, dim=1)
        products = q[first] * q[second]
        _, slope = _spread(r, products, self._widths(structure, pairs), self.splitting.alpha_per_A)
        gradient = (slope / r)[:, None] * vectors
        positions, cell = torch.as_tensor(structure.positions), torch.as_tensor(structure.cell)[None]
        smooth = self._summed(q, positions, cell, [len(q)], True)
        forces = smooth["forces"].index_add(0, first, gradient).index_add(0, second, -gradient)
        return forces, smooth["stress"][0] + vectors.T @ gradient / structure.volume_A3


def equilibrated(
    device: str,
    elements: Mapping[str, Mapping[str, float]],
    total_charge_e: float = 0.0,
    cutoff_A: float = CUTOFF_A,
    accuracy: float = 1e-8,
) -> EquilibratedPotential:
    """Charges by equilibration.

    elements: {"Na": {"chi_eV": 2.84, "hardness_eV": 9.2}, ...}, fitted to Gaussian charges. None come along: Rappé
        and Goddard's go with Slater functions of their own width, and Gaussians would make Na(6.4+)Cl(6.4-) of salt.
    cutoff_A: widened where soft atoms are spread so far that they are no points at it.

    Raises:
        ValueError: elements that are none.
    """
    atoms = _atoms(elements)
    reach = max(cutoff_A, WIDTHS * sqrt(2) * max(atom.width_A for atom in atoms.values()))
    settings = {
        "charges": {"equilibrate": {s: {"chi_eV": a.chi_eV, "hardness_eV": a.hardness_eV} for s, a in atoms.items()}},
        "total_charge_e": total_charge_e, "cutoff_A": reach, "accuracy": accuracy,
    }  # fmt: skip
    metadata = Metadata("ewald", "1", elements=tuple(atoms), parameters=settings, licence="MIT")
    return EquilibratedPotential(atoms, metadata, total_charge_e, Splitting(reach, accuracy), device)


def _atoms(elements: Mapping[str, Mapping[str, float]]) -> dict[str, Atom]:
    if not isinstance(elements, Mapping) or not elements:
        raise ChargeError("charges: equilibrate: needs chi_eV and hardness_eV of each element")
    found = {}
    for symbol, given in elements.items():
        if symbol not in atomic_numbers or not isinstance(given, Mapping) or set(given) != {"chi_eV", "hardness_eV"}:
            raise ChargeError(f"charges: equilibrate: {symbol}: needs an element's chi_eV and hardness_eV")
        if not given["hardness_eV"] > 0:
            value = given["hardness_eV"]
            raise ChargeError(f"charges: equilibrate: {symbol}.hardness_eV: must be above 0 (is {value})")
        found[symbol] = Atom(float(given["chi_eV"]), float(given["hardness_eV"]))
    return found


def _settled(chi: Tensor, matrix: Tensor, total: float) -> Tensor:
    """Q of the least χ·q + ½ q·J·q with Σ q = total: J q = μ − χ."""
    ones = torch.ones_like(chi)
    free, unit = torch.linalg.solve(matrix, torch.stack([-chi, ones], dim=1)).unbind(1)
    return free + unit * (total - free.sum()) / unit.sum()


def _spread(r: Tensor, products: Tensor, widths: Tensor, alpha_per_A: float) -> tuple[Tensor, Tensor]:
    """Energies and slopes of erfc(αr)/r − erfc(r/√2 s)/r: spread charges, less what reciprocal space holds."""
    point, point_slope = screened(r, products, alpha_per_A)
    beta = 1 / (sqrt(2) * widths)
    over_r = COULOMB_EV_A * products / r
    lost = over_r * torch.erfc(beta * r)
    lost_slope = -lost / r - over_r * torch.exp(-((beta * r) ** 2)) * (2 * beta / sqrt(pi))
    return point - lost, point_slope - lost_slope


def _smooth_matrix(structure: Structure, splitting: Splitting) -> Tensor:
    """The smooth half between all pairs of unit charges, self-energy and background included, eV, (n, n)."""
    cell = torch.as_tensor(structure.cell)[None]
    return smooth_matrix(torch.as_tensor(structure.positions), grid(cell, splitting), splitting)
