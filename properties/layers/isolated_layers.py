"""Layers by themselves: as they are in the crystal, with their ions at rest, and with their own cell besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ase import Atoms

from potentials.potential import Potential, structure_of
from properties.evaluating import evaluate_all
from properties.layers.in_plane import ions_at_rest, layer_at_rest
from properties.layers.layers import Layer, LayeredCrystal
from properties.layers.stacks import isolated

WIDER = 1.5
"""Times the vacuum: where the energy still changes, the layer feels its images."""


@dataclass(frozen=True)
class IsolatedLayer:
    """One kind of layer by itself; energies in eV for the layer of the crystal's cell.

    Attributes:
        layer: one of its kind, as it is in the crystal.
        count: layers of that kind in the cell.
        rigid_eV: of the crystal's shape.
        held_eV: ions at rest in the crystal's cell.
        relaxed_eV: ions and the cell in the plane at rest.
        atoms: at rest, with its vacuum.
        strain: of the cell's two vectors in the plane, when it comes to rest: their relative change.
        vacuum_A: to its next image.
        vacuum_error_eV: by how much the rigid layer's energy changes with a wider vacuum.
        model_calls: spent.
    """

    layer: Layer
    count: int
    rigid_eV: float
    held_eV: float
    relaxed_eV: float
    atoms: Atoms
    strain: tuple[float, float]
    vacuum_A: float
    vacuum_error_eV: float
    model_calls: int

    def to_json(self) -> dict[str, Any]:
        """Energies per atom where they are differences."""
        n = len(self.atoms)
        return {
            "kind": self.layer.kind,
            "formula": self.layer.formula,
            "layers_in_cell": self.count,
            "n_atoms": n,
            "energy_eV_per_atom": self.relaxed_eV / n,
            "relaxation_ions_meV_per_atom": 1e3 * (self.rigid_eV - self.held_eV) / n,
            "relaxation_cell_meV_per_atom": 1e3 * (self.held_eV - self.relaxed_eV) / n,
            "strain": list(self.strain),
            "vacuum_A": self.vacuum_A,
            "vacuum_error_meV_per_atom": 1e3 * self.vacuum_error_eV / n,
        }


def isolated_layers(
    potential: Potential, crystal: LayeredCrystal, vacuum_A: float, fmax_eV_A: float, max_steps: int
) -> list[IsolatedLayer]:
    """One of each kind, in order of kinds.

    Raises:
        NotAtRestError: one that does not come to rest.
        EvaluationError: as of `evaluate_all`.
    """
    kinds = crystal.kinds
    layers = [crystal.layers[places[0]] for places in kinds]
    cells = [isolated(crystal, layer, vacuum_A) for layer in layers]
    wide = [isolated(crystal, layer, WIDER * vacuum_A) for layer in layers]
    told = evaluate_all(potential, [structure_of(cell) for cell in cells + wide])
    rigid, beyond = told[: len(cells)], told[len(cells) :]
    held = [ions_at_rest(potential, cell, fmax_eV_A, max_steps) for cell in cells]
    free = [layer_at_rest(potential, h.atoms, fmax_eV_A, max_steps) for h in held]
    return [
        IsolatedLayer(
            layer, len(places), r.energy_eV, h.energy_eV, f.energy_eV, f.atoms, _strain(h.atoms, f.atoms), vacuum_A,
            abs(b.energy_eV - r.energy_eV), 2 + h.model_calls + f.model_calls,
        )
        for layer, places, r, b, h, f in zip(layers, kinds, rigid, beyond, held, free, strict=True)
    ]  # fmt: skip


def _strain(before: Atoms, after: Atoms) -> tuple[float, float]:
    old, new = before.cell.lengths(), after.cell.lengths()
    return float(new[0] / old[0] - 1), float(new[1] / old[1] - 1)
