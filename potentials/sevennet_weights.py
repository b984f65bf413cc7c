"""SevenNet's weights as the dense matrices of our layout, differentiable by the parameters of sevenn's own model.

Evaluation reads them once. Training keeps sevenn's model as the owner of the weights, reads them at every step and lets
gradients flow back through the reading, so that what is trained can be stored as sevenn stores it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

PUBLISHED_FUNCTIONAL = "PBE / PBE+U (MPtrj, uncorrected)"
"""What the energies of 7net-0 and 7net-l3i5 imitate."""


def weights_of(model: Any) -> dict[str, Tensor]:
    """Every weight of a sevenn model, by the name of the buffer or parameter of `SevenNetNetwork` that holds it."""
    modules = model._modules
    rescale = modules["rescale_atomic_energy"]
    head = (linear(modules[f"reduce_{step}"].linear)[0] for step in ("input_to_hidden", "hidden_to_energy"))
    weights = {
        "embedding": linear(modules["onehot_to_feature_x"].linear)[0],
        "head": (next(head) @ next(head))[:, 0],
        "scale": rescale.scale.reshape(-1),
        "shift": rescale.shift.reshape(-1),
    }
    weights |= {f"edge.{name}": value for name, value in modules["edge_embedding"].named_parameters()}
    for t in range(sum(name.endswith("_convolution") for name in modules)):
        weights |= {f"layers.{t}.{name}": value for name, value in _layer(modules, t).items()}
    return weights


def path_order(product: Any) -> Tensor:
    """For each channel of the paths in our order (by the degree they start from), its column in the radial network."""
    starts, start = [], 0
    for instruction in product.instructions:
        starts.append(start)
        start += product.irreps_in1[instruction.i_in1].mul
    order = [
        column
        for b, (mul, _) in enumerate(product.irreps_in1)
        for instruction, at in zip(product.instructions, starts, strict=True)
        if instruction.i_in1 == b
        for column in range(at, at + mul)
    ]
    return torch.tensor(order)


def _layer(modules: dict[str, Any], t: int) -> dict[str, Tensor]:
    convolution = modules[f"{t}_convolution"]
    weights = {"denominator": convolution.denominator} | {
        f"radial.w{i}": matrix
        for i, matrix in enumerate(_radial(convolution.weight_nn, path_order(convolution.convolution)))
    }
    names = {"self_connection": "self_connection_intro", "before": "self_interaction_1", "after": "self_interaction_2"}
    for ours, theirs in names.items():
        matrices = linear(modules[f"{t}_{theirs}"].linear)
        weights |= {f"{ours}.w{degree}": matrix for degree, matrix in matrices.items()}
    return weights


def _radial(network: Any, order: Tensor) -> list[Tensor]:
    """Matrices of the radial network, the last one's columns in the order given."""
    layers = [getattr(network, f"layer{i}") for i in range(len(network.hs) - 1)]
    matrices = []
    for layer in layers:
        variance = layer.var_in / layer.var_out if layer.act is None else layer.var_in
        matrices.append(layer.weight / (layer.h_in * variance) ** 0.5)
    return [*matrices[:-1], matrices[-1][:, order.to(matrices[-1].device)].contiguous()]


def chunks(irreps: Any) -> list[tuple[int, int, slice]]:
    """(degree, multiplicity, slice) of each chunk."""
    return [(ir.l, mul, s) for (mul, ir), s in zip(irreps, irreps.slices(), strict=True)]


def linear(module: Any) -> dict[int, Tensor]:
    """Dense (channels in, channels out) matrix of each degree, read off by feeding unit vectors.

    Degrees do not mix: one row holds the unit vector of a channel of every degree, and all matrices come of one call.
    """
    inputs, outputs = chunks(module.irreps_in), chunks(module.irreps_out)
    degrees = sorted({d for d, _, _ in outputs} & {d for d, _, _ in inputs})
    columns = {d: [s.start + u * (2 * d + 1) for i, mul, s in inputs if i == d for u in range(mul)] for d in degrees}
    x = module.weight.new_zeros(max(map(len, columns.values())), module.irreps_in.dim)
    for ones in columns.values():
        x[torch.arange(len(ones)), torch.tensor(ones)] = 1.0
    y = module(x)
    return {
        d: torch.cat([y[: len(ones), s.start : s.stop : 2 * d + 1] for o, _, s in outputs if o == d], 1)
        for d, ones in columns.items()
    }
