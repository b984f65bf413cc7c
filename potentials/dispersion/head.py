"""The head: C6 and polarizability of each atom from 7net-0's features of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

DATA = Path(__file__).parent / "data"
WEIGHTS = DATA / "c6-head.npz"
RECORD = DATA / "c6-head.json"
"""How it was made, and its errors."""
COORDINATIONS = torch.linspace(0.0, 16.0, 33)
CHARGES_E = torch.linspace(-2.4, 2.4, 33)
"""Centres of the bells in which coordination and charge are laid out."""
STEEPNESS = 7.5
"""Of the coordination number of D3 and D4."""
BOND_A = 8.5
"""No pair further apart counts as bonded: of two Cs, the largest atoms, 10⁻⁸."""


class C6Head(nn.Module):
    """C6 and static polarizability of atoms, by way of what D4 makes them of: coordination and charge.

        c_ij = d_ij ½ erfc(7.5 (r_ij/R_ij − 1)),     n_i = Σ_j c_ij
        h₁ = silu(W₁ [asinh((x − m)/s), bells(n)] + e₁(Z)),  h₂ = silu(W₂ h₁ + e₂(Z)),  (χ, w) = v(Z)·h₂ + b(Z)
        q_i = Σ_j c_ij (1 + w_i)(1 + w_j)(χ_i − χ_j)
        t₁ = silu(A bells(n, q) + a(Z)),  t₂ = silu(B t₁ + c(Z)),  y = d(Z)·t₂ + f(Z)
        ln C6 = low(Z) + (high(Z) − low(Z)) / (1 + exp(−y))

    and as much for ln α. n is D4's coordination number (Caldeweyher et al., J. Chem. Phys. 150, 154122 (2019)); d_ij
    weighs bonds by the difference of electronegativities. Charge passes along bonds, so it sums to zero, vanishes
    where all atoms are alike, and fragments far apart keep theirs. q learns from dftd4's own, so that the map to C6,
    steep where one reference system gives way to the next, is learnt from exact arguments. Reference systems bound an
    element's C6: outside of low to high nothing that the network says can lead.

    numbers: atomic numbers that it knows, in the order of its rows.
    hidden: widths of h₁, h₂, t₁ and t₂.
    """

    mean: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor
    r4r2: Tensor
    radii_A: Tensor
    electronegativity: Tensor
    centres: Tensor
    first_of: nn.Embedding
    second_of: nn.Embedding
    third_of: nn.Embedding
    fourth_of: nn.Embedding
    state_of: nn.Embedding
    state_bias_of: nn.Embedding
    out_of: nn.Embedding
    out_bias_of: nn.Embedding

    def __init__(
        self, numbers: tuple[int, ...], features: int = 128, hidden: tuple[int, int, int, int] = (128, 64, 64, 32)
    ) -> None:
        super().__init__()
        self.numbers, count = numbers, len(numbers)
        self.first = nn.Linear(features + len(COORDINATIONS), hidden[0], bias=False)
        self.second = nn.Linear(hidden[0], hidden[1], bias=False)
        self.third = nn.Linear(len(COORDINATIONS) + len(CHARGES_E), hidden[2], bias=False)
        self.fourth = nn.Linear(hidden[2], hidden[3], bias=False)
        widths = {"first": hidden[0], "second": hidden[1], "third": hidden[2], "fourth": hidden[3]}
        of = {f"{name}_of": width for name, width in widths.items()}
        of |= {"state_of": 2 * hidden[1], "state_bias_of": 2, "out_of": 2 * hidden[3], "out_bias_of": 2}
        for name, width in of.items():
            self.add_module(name, nn.Embedding(count, width))
        for name, shape in (("mean", (features,)), ("scale", (features,)), ("low", (count, 2)), ("high", (count, 2))):
            self.register_buffer(name, torch.zeros(shape))
        for name in ("r4r2", "radii_A", "electronegativity"):
            self.register_buffer(name, torch.zeros(count))
        self.register_buffer("centres", torch.cat([COORDINATIONS, CHARGES_E]), persistent=False)

    def bonds(self, kinds: Tensor, first: Tensor, second: Tensor, distance_A: Tensor) -> Tensor:
        """c_ij of pairs, (n_pairs,); kinds: rows of the elements, (n,)."""
        one, other = kinds[first], kinds[second]
        unlike = (self.electronegativity[one] - self.electronegativity[other]).abs()
        share = 4.10451 * torch.exp(-((unlike + 19.08857) ** 2) / (2 * 11.28174**2))
        ratio = distance_A / (self.radii_A[one] + self.radii_A[other])
        return share * 0.5 * torch.erfc(STEEPNESS * (ratio - 1))

    def state(self, features: Tensor, kinds: Tensor, first: Tensor, second: Tensor, distance_A: Tensor) -> Tensor:
        """Coordination number and charge, e, (n, 2); pairs: half list within BOND_A, (n_pairs,)."""
        c = self.bonds(kinds, first, second, distance_A)
        zero = c.new_zeros(len(kinds))
        n = zero.index_add(0, first, c).index_add(0, second, c)
        x = torch.cat([torch.asinh((features - self.mean) / self.scale), self._bells(n, len(COORDINATIONS))], 1)
        h = nn.functional.silu(self.first(x) + self.first_of(kinds))
        h = nn.functional.silu(self.second(h) + self.second_of(kinds))
        chi, w = (
            (self.state_of(kinds).view(len(kinds), 2, -1) * h[:, None]).sum(-1) + self.state_bias_of(kinds)
        ).unbind(1)
        passed = c * (1 + w[first]) * (1 + w[second]) * (chi[first] - chi[second])
        return torch.stack([n, zero.index_add(0, first, passed).index_add(0, second, -passed)], 1)

    def _bells(self, value: Tensor, begin: int) -> Tensor:
        """Of coordinations (begin: how many centres they have) or charges (0)."""
        centres = self.centres[:begin] if begin else self.centres[len(COORDINATIONS) :]
        # No value lies beyond the last bell: it would look like an atom without neighbours (La in LaAlO3: C6 4 times)
        inside = centres[-1] * torch.tanh(value / centres[-1])
        return torch.exp(-0.5 * ((inside[:, None] - centres) / (centres[1] - centres[0])) ** 2)

    def of_state(self, state: Tensor, kinds: Tensor) -> Tensor:
        """Logarithms of C6 and α, atomic units, (n, 2), of coordination and charge."""
        bells = torch.cat([self._bells(state[:, 0], len(COORDINATIONS)), self._bells(state[:, 1], 0)], 1)
        t = nn.functional.silu(self.third(bells) + self.third_of(kinds))
        t = nn.functional.silu(self.fourth(t) + self.fourth_of(kinds))
        y = (self.out_of(kinds).view(len(kinds), 2, -1) * t[:, None]).sum(-1) + self.out_bias_of(kinds)
        low = self.low[kinds]
        return low + (self.high[kinds] - low) * torch.sigmoid(y)

    def forward(
        self, features: Tensor, kinds: Tensor, first: Tensor, second: Tensor, distance_A: Tensor
    ) -> tuple[Tensor, Tensor]:
        """C6 and α, atomic units, float64, (n,) each; arguments as of `state`."""
        state = self.state(features, kinds, first, second, distance_A)
        c6, alpha = self.of_state(state, kinds).double().exp().unbind(1)
        return c6, alpha

    def save(self, path: Path) -> None:
        """As an npz of single precision."""
        arrays = {name: value.detach().cpu().numpy().astype(np.float32) for name, value in self.state_dict().items()}
        np.savez_compressed(path, numbers=np.array(self.numbers), **arrays)

    @classmethod
    def read(cls, path: Path = WEIGHTS) -> C6Head:
        """What `save` wrote."""
        with np.load(path) as f:
            weights = {name: torch.as_tensor(f[name]) for name in f.files if name != "numbers"}
            numbers = tuple(f["numbers"].tolist())
        first, second, third, fourth = (
            weights[f"{name}.weight"].shape[0] for name in ("first", "second", "third", "fourth")
        )
        head = cls(numbers, weights["mean"].shape[0], (first, second, third, fourth))
        head.load_state_dict(weights)
        return head.requires_grad_(False)


@lru_cache
def record() -> Mapping[str, Any]:
    """How the shipped head was made: `RECORD`."""
    return dict(json.loads(RECORD.read_text()))
