"""SevenNet's network, laid out for speed: the same weights, the same numbers, half the time or less.

SevenNet (Park et al., J. Chem. Theory Comput. 20, 4857 (2024)) is a NequIP-type equivariant network (Batzner et al.,
Nat. Commun. 13, 2453 (2022)) built from e3nn modules. Three things are done differently here, none of which changes
the function:

* features of degree l are kept as (atoms, 2l+1, channels): channels lie innermost, where processors have their
  vector lanes (e3nn keeps 2l+1 innermost);
* the tensor product of an edge is one small matrix (spherical harmonics times Clebsch-Gordan coefficients) applied to
  the sender's features, so that `torch.compile` fuses it into a single loop and finishes within a minute;
* the radial network runs once a pair: w(r) is the same for i -> j and j -> i.

Weights are read off the modules by feeding them unit vectors (`sevennet_weights`), so nothing rests on e3nn's
conventions; they are buffers, and training puts others in their place with `torch.func.functional_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from potentials.neighbours import MAX_NEIGHBOURS_PER_ATOM
from potentials.sevennet_weights import chunks, weights_of


@dataclass(frozen=True)
class _Block:
    """All tensor-product paths that start from degree `l` with `channels` channels.

    `widths` holds 2 l_out + 1 of each path.
    """

    l: int  # noqa: E741
    channels: int
    widths: tuple[int, ...]


class UnsupportedNetworkError(ValueError):
    """A SevenNet network of a kind that this layout does not know."""


class TensorProduct(nn.Module):
    """The 'uvu' tensor product of sender features with an edge's spherical harmonics, weighted by w(r)."""

    def __init__(self, product: Any) -> None:
        super().__init__()
        from e3nn.o3 import wigner_3j

        inputs, filters, outputs = (
            chunks(i) for i in (product.irreps_in1, product.irreps_in2, product.irreps_out)
        )
        paths = []
        for instruction in product.instructions:
            l1, (l2, _, y) = inputs[instruction.i_in1][0], filters[instruction.i_in2]
            l3 = outputs[instruction.i_out][0]
            paths.append((instruction, l3, y, wigner_3j(l1, l2, l3) * instruction.path_weight))
        self.blocks: list[_Block] = []
        slots: dict[int, list[tuple[int, int, slice]]] = {}
        for b, (l1, mul, _) in enumerate(inputs):
            own = [p for p in paths if p[0].i_in1 == b]
            widths = tuple(2 * p[1] + 1 for p in own)
            coupling = torch.zeros(product.irreps_in2.dim, 2 * l1 + 1, sum(widths))
            start = 0
            for (instruction, l3, y, c), width in zip(own, widths, strict=True):
                coupling[y, :, start : start + width] = c.permute(1, 0, 2)
                slots.setdefault(l3, []).append((instruction.i_out, b, slice(start, start + width)))
                start += width
            self.blocks.append(_Block(l1, mul, widths))
            self.register_buffer(f"coupling_{b}", coupling.flatten(1))
        # e3nn sorts the paths of one degree by their place in the output
        self.slots = {l3: [(b, k) for _, b, k in sorted(s, key=lambda t: t[0])] for l3, s in sorted(slots.items())}

    def couplings(self) -> list[Tensor]:
        """One matrix a block: (spherical harmonics, (2l+1) x sum of widths)."""
        return [getattr(self, f"coupling_{b}") for b in range(len(self.blocks))]

    def shape_key(self) -> tuple[Any, ...]:
        """Equal for products that the same compiled function can serve."""
        return tuple((b.l, b.channels, b.widths) for b in self.blocks)


def product_function(blocks: Sequence[_Block]) -> Callable[..., list[Tensor]]:
    """Messages of every edge as a pure function, the unit that is compiled.

    The function takes weights (edges, sum of paths x channels), harmonics (edges, n), the couplings, and the senders'
    features of each degree (edges, 2l+1, channels); it returns (edges, sum of widths, channels) for each block.
    """

    def messages(w: Tensor, y: Tensor, couplings: list[Tensor], senders: list[Tensor]) -> list[Tensor]:
        out, start = [], 0
        for block, coupling, x in zip(blocks, couplings, senders, strict=True):
            a = (y @ coupling).view(-1, 2 * block.l + 1, sum(block.widths))
            product = x[:, 0, None, :] * a[:, 0, :, None]
            for i in range(1, 2 * block.l + 1):
                product = product + x[:, i, None, :] * a[:, i, :, None]
            n = len(block.widths)
            weights = w[:, start : start + n * block.channels].view(-1, n, block.channels)
            start += n * block.channels
            spread = torch.cat([weights[:, p : p + 1].expand(-1, k, -1) for p, k in enumerate(block.widths)], 1)
            out.append(product * spread)
        return out

    return messages


def uncompiled_product_function(blocks: Sequence[_Block]) -> Callable[..., list[Tensor]]:
    """As `product_function`, of few large operations: 1.4 times faster in training, where nothing can be compiled.

    (torch.compile knows no second derivatives: forces are the first, the gradient of their error the second.)
    """
    sizes = [len(block.widths) * block.channels for block in blocks]

    def messages(w: Tensor, y: Tensor, couplings: list[Tensor], senders: list[Tensor]) -> list[Tensor]:
        out = []
        for weights, block, coupling, x in zip(w.split(sizes, 1), blocks, couplings, senders, strict=True):
            a = (y @ coupling).view(-1, 2 * block.l + 1, sum(block.widths))
            products = torch.bmm(a.transpose(1, 2), x).split(block.widths, 1)
            paths = zip(products, weights.split(block.channels, 1), strict=True)
            out.append(torch.cat([product * weight[:, None] for product, weight in paths], 1))
        return out

    return messages


class SevenNetNetwork(nn.Module):
    """Energies of atoms from pair vectors.

    Raises:
        UnsupportedNetworkError: a network with other self-connections, parity-odd features or several modalities.
    """

    max_neighbours = MAX_NEIGHBOURS_PER_ATOM
    embedding: Tensor
    head: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        modules = model._modules
        self.cutoff_A = float(model.cutoff)
        self.type_map = dict(model.type_map)
        self.n_layers = sum(name.endswith("_convolution") for name in modules)
        if model.modal_map or any(
            type(modules[f"{t}_self_connection_intro"]).__name__ != "SelfConnectionLinearIntro"
            for t in range(self.n_layers)
        ):
            raise UnsupportedNetworkError("only single-modality SevenNet networks with linear self-connections")
        self.edge = deepcopy(modules["edge_embedding"])
        self.layers = nn.ModuleList(_Layer(modules, t) for t in range(self.n_layers))
        self._take(model)
        self.requires_grad_(False)
        self._messages: dict[Any, Callable[..., list[Tensor]]] = {}
        self._compile = False

    @torch.no_grad()
    def _take(self, model: Any) -> None:
        for name, value in weights_of(model).items():
            path, _, leaf = name.rpartition(".")
            if not path.startswith("edge"):  # whose parameters came with it
                self.get_submodule(path).register_buffer(leaf, value.detach())

    def compile_products(self, on: bool = True) -> None:
        """Let `torch.compile` fuse the tensor products: 3 times faster on a CPU, a minute once, then cached on disk."""
        self._compile = on
        self._messages.clear()

    def _messages_of(self, product: TensorProduct) -> Callable[..., list[Tensor]]:
        key = product.shape_key()
        if key not in self._messages:
            self._messages[key] = (
                torch.compile(product_function(product.blocks), dynamic=True)
                if self._compile
                else uncompiled_product_function(product.blocks)
            )
        return self._messages[key]

    def features(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Last invariant features of each atom, (n_atoms, channels).

        types: indices into the network's species, (n_atoms,); vectors: half list, Å, (n_pairs, 3); first, second:
        (n_pairs,).
        """
        both = torch.cat([vectors, -vectors])
        receiver, sender = torch.cat([first, second]), torch.cat([second, first])
        r = torch.linalg.norm(vectors, dim=-1)
        radial = self.edge.basis_function(r) * self.edge.cutoff_function(r).unsqueeze(-1)
        harmonics = self.edge.spherical(both)
        x = [self.embedding[types][:, None, :]]
        layer: Any
        for layer in self.layers:
            x = layer(x, radial, harmonics, receiver, sender, self._messages_of(layer.product))
        return x[0][:, 0]

    def forward(self, types: Tensor, vectors: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Energy of each atom, eV, (n_atoms,); arguments as in `features`."""
        return self.readout(types, self.features(types, vectors, first, second))

    def readout(self, types: Tensor, features: Tensor) -> Tensor:
        """Energy of each atom, eV, (n_atoms,), from what `features` gives: linear in it."""
        return (features @ self.head) * self.scale[types] + self.shift[types]


class _Layer(nn.Module):
    """One interaction layer: self-interaction, convolution, self-interaction, self-connection, gate."""

    denominator: Tensor

    def __init__(self, modules: dict[str, Any], t: int) -> None:
        super().__init__()
        convolution = modules[f"{t}_convolution"]
        self.product = TensorProduct(convolution.convolution)
        self.radial = _RadialNetwork(convolution.weight_nn)
        self.self_connection = _ByDegree(modules[f"{t}_self_connection_intro"].linear)
        self.before = _ByDegree(modules[f"{t}_self_interaction_1"].linear)
        self.after = _ByDegree(modules[f"{t}_self_interaction_2"].linear)
        gate = modules[f"{t}_equivariant_gate"].gate
        self.n_scalars = gate.irreps_scalars.dim
        self.gated = tuple((ir.l, mul) for mul, ir in gate.irreps_gated)
        if any(act.f is not torch.nn.functional.silu for act in (*gate.act_scalars.acts, *gate.act_gates.acts)):
            raise UnsupportedNetworkError("only networks gated by SiLU")
        self.activation_scale = float(gate.act_scalars.acts[0].cst)

    def forward(
        self,
        x: list[Tensor],
        radial: Tensor,
        harmonics: Tensor,
        receiver: Tensor,
        sender: Tensor,
        messages_of: Callable[..., list[Tensor]],
    ) -> list[Tensor]:
        kept = self.self_connection(dict(enumerate(x)))
        x = list(self.before(dict(enumerate(x))).values())
        half = self.radial(radial)
        messages = messages_of(
            torch.cat([half, half]), harmonics, self.product.couplings(), [f[sender] for f in x]
        )
        n = len(x[0])
        sums = [
            torch.zeros((n, *m.shape[1:]), dtype=m.dtype, device=m.device).index_add_(0, receiver, m) for m in messages
        ]
        gathered = {
            degree: torch.cat([sums[b][:, k] for b, k in slots], 2) / self.denominator
            for degree, slots in self.product.slots.items()
        }
        y = self.after(gathered)
        y = {degree: f + kept[degree] if degree in kept else f for degree, f in y.items()}
        return self._gate(y)

    def _gate(self, y: dict[int, Tensor]) -> list[Tensor]:
        active = torch.nn.functional.silu(y[0]) * self.activation_scale
        out, start = [active[..., : self.n_scalars]], self.n_scalars
        for degree, channels in self.gated:
            out.append(y[degree] * active[..., start : start + channels])
            start += channels
        return out


class _ByDegree(nn.Module):
    """A linear map of channels for each degree."""

    def __init__(self, linear: Any) -> None:
        super().__init__()
        from_, to = ({degree for degree, _, _ in chunks(i)} for i in (linear.irreps_in, linear.irreps_out))
        self.degrees = tuple(sorted(from_ & to))

    def forward(self, x: dict[int, Tensor]) -> dict[int, Tensor]:
        return {d: x[d] @ getattr(self, f"w{d}") for d in self.degrees if d in x}


class _RadialNetwork(nn.Module):
    """Weights of all paths from the radial basis, columns in the product's block order."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.depth = len(network.hs) - 1
        *hidden, last = (getattr(network, f"layer{i}") for i in range(self.depth))
        if last.act is not None or any(layer.act.f is not torch.nn.functional.silu for layer in hidden):
            raise UnsupportedNetworkError("only radial networks with SiLU")
        self.activation_scale = float(hidden[-1].act.cst)

    def forward(self, h: Tensor) -> Tensor:
        for i in range(self.depth - 1):
            h = torch.nn.functional.silu(h @ getattr(self, f"w{i}")) * self.activation_scale
        return h @ getattr(self, f"w{self.depth - 1}")
