"""What it costs to take a crystal apart into its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from ase import Atoms

from potentials.dispersion.coefficients import c6_eV_A6
from potentials.metadata import Metadata
from potentials.potential import Potential, structure_of
from potentials.primitive import primitive
from properties.evaluating import evaluate_all
from properties.layers.curve import OPENINGS_A, BindingCurve, binding_curve
from properties.layers.isolated_layers import IsolatedLayer, isolated_layers
from properties.layers.layers import LayeredCrystal, NotLayeredError, find_layers, formula_of
from properties.layers.reach import vacuum_A
from properties.layers.sliding import OPENINGS_A as SLIDING_OPENINGS_A
from properties.layers.sliding import SlidingSurface, check_sliding_layer, sliding_surface
from properties.layers.stacks import opened
from properties.rest import FMAX_EV_A, MAX_STEPS, NotAtRestError, at_rest

EASY_MEV_A2, POSSIBLE_MEV_A2 = 35.0, 130.0
"""Binding energies up to which Mounet et al. call a crystal easily, and potentially, exfoliable (with rVV10)."""
OTHER_STACKING_MEV_A2 = 0.05
"""Less than the spline through a few distances is wrong by."""
IMAGES_MEV_PER_ATOM = 0.1
"""What a layer may feel of its images before somebody is told."""

Told = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True)
class ExfoliationSettings:
    """How layers are found and taken apart.

    Attributes:
        bond_scale: bonds are what is closer than this times the sum of covalent radii; None looks for the gap.
        layer_cell: "relaxed": an isolated layer finds its own cell in the plane; "bulk": it keeps the crystal's. Both
            are always computed; this says which one `exfoliation_energy_meV_per_atom` is.
        vacuum_A: between a layer and its image; None takes what is beyond the potential's reach.
        fmax_eV_A: of crystals and layers at rest.
        openings_A: of the binding curve, from the crystal's own distance; none leaves it out.
        sliding: compute the sliding surface.
        sliding_grid: shifts along the two vectors of the plane; None takes sixes of them no further apart than 0.75 Å.
        sliding_openings_A: distances that are tried at each shift; one alone holds it.
        sliding_layer: which layer slides, counted from below.
    """

    bond_scale: float | None = None
    layer_cell: str = "relaxed"
    vacuum_A: float | None = None
    fmax_eV_A: float = FMAX_EV_A
    openings_A: tuple[float, ...] = OPENINGS_A
    sliding: bool = True
    sliding_grid: tuple[int, int] | None = None
    sliding_openings_A: tuple[float, ...] = SLIDING_OPENINGS_A
    sliding_layer: int = 0


@dataclass(frozen=True)
class Exfoliation:
    """A layered crystal and what holds it together.

    Attributes:
        formula: reduced.
        potential: who computed.
        crystal: at rest, primitive.
        bulk_eV: its energy.
        layers: one of each kind by itself.
        gap_openings_meV_A2: of each gap, the energy to open it alone, layers rigid.
        curve, sliding: None where they were not asked for.
        c6_eV_A6: of each atom of `crystal`; None where the potential does not tell.
        settings: as given.
        rest_calls: model calls that brought the crystal to rest.
    """

    formula: str
    potential: Metadata
    crystal: LayeredCrystal
    bulk_eV: float
    layers: tuple[IsolatedLayer, ...]
    gap_openings_meV_A2: tuple[float, ...]
    curve: BindingCurve | None
    sliding: SlidingSurface | None
    c6_eV_A6: np.ndarray | None
    settings: ExfoliationSettings
    rest_calls: int

    @property
    def model_calls(self) -> int:
        """Spent on everything."""
        gaps = len(self.gap_openings_meV_A2)
        counts = [self.rest_calls, *(x.model_calls for x in self.layers), gaps if gaps > 1 else 0]
        counts.append(0 if self.curve is None else len(self.curve.distances_A))
        counts.append(0 if self.sliding is None else self.sliding.evaluations)
        return sum(counts)

    def meV_per_atom(self, how: str) -> float:
        """Energy to take the crystal apart into layers that are "rigid", "held" (ions at rest) or "relaxed"."""
        return 1e3 * self._apart_eV(how) / len(self.crystal.atoms)

    def meV_per_A2(self, how: str) -> float:
        """The same per area of one layer in the crystal."""
        return 1e3 * self._apart_eV(how) / (len(self.crystal.layers) * self.crystal.area_A2)

    def _apart_eV(self, how: str) -> float:
        return sum(x.count * float(getattr(x, f"{how}_eV")) for x in self.layers) - self.bulk_eV

    @property
    def how(self) -> str:
        """Which of them the settings ask for."""
        return "held" if self.settings.layer_cell == "bulk" else "relaxed"

    @property
    def verdict(self) -> str:
        """By the thresholds of Mounet et al., Nat. Nanotechnol. 13, 246 (2018)."""
        per_area = self.meV_per_A2(self.how)
        if per_area <= 0:
            return "not bound"
        if per_area < EASY_MEV_A2:
            return "easily exfoliable"
        return "potentially exfoliable" if per_area < POSSIBLE_MEV_A2 else "strongly bound"

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before he believes the numbers."""
        return [*_dispersion_warnings(self.potential), *self._own_warnings()]

    def _own_warnings(self) -> list[str]:
        told = []
        seen = max(1e3 * x.vacuum_error_eV / len(x.atoms) for x in self.layers)
        if seen > IMAGES_MEV_PER_ATOM:
            told.append(f"an isolated layer still feels its images by {seen:.2g} meV/atom; give a wider vacuum_A")
        if self.verdict == "strongly bound":
            told.append(f"{self.meV_per_A2(self.how):.0f} meV/Å² is no weak bond between layers: is this a network?")
        if self.curve is not None and self.curve.lowest is None:
            told.append("the binding curve has no minimum within the distances asked for (openings_A)")
        return told + ([] if self.sliding is None else _sliding_warnings(self.sliding))

    def to_json(self) -> dict[str, Any]:
        """Everything; null is not known, or was not asked for."""
        rest = self.crystal.atoms
        return {
            "formula": self.formula,
            "potential": self.potential.to_json(),
            "exfoliation_energy_meV_per_atom": self.meV_per_atom(self.how),
            "exfoliation_energy_meV_per_A2": self.meV_per_A2(self.how),
            "layer_cell": self.settings.layer_cell,
            "with_layers": {
                how: {"meV_per_atom": self.meV_per_atom(how), "meV_per_A2": self.meV_per_A2(how)}
                for how in ("rigid", "held", "relaxed")
            },
            "verdict": self.verdict,
            "c6_eV_A6": None if self.c6_eV_A6 is None else self.c6_eV_A6.tolist(),
            **self._stack(),
            "isolated_layers": [x.to_json() for x in self.layers],
            "curve": None if self.curve is None else self.curve.to_json(),
            "sliding": None if self.sliding is None else self.sliding.to_json(),
            "energy_eV_per_atom": self.bulk_eV / len(rest),
            "structure": {
                "numbers": rest.numbers.tolist(),
                "cell": rest.cell.array.tolist(),
                "positions": _in_pieces(self.crystal),
            },
            "warnings": self.warnings,
            "model_calls": self.model_calls,
            "settings": asdict(self.settings),
        }

    def _stack(self) -> dict[str, Any]:
        stack = self.crystal.to_json()
        for gap, opening in zip(stack["gaps"], self.gap_openings_meV_A2, strict=True):
            gap["opening_meV_per_A2"] = opening
        return stack


def exfoliation(
    potential: Potential, atoms: Atoms, settings: ExfoliationSettings | None = None, on_news: Told | None = None
) -> Exfoliation:
    """Find the layers, bring the crystal to rest, and take it apart.

    The energy to peel one layer off a thick crystal is exactly that of an isolated layer less that of the crystal per
    layer, each at rest: what the surface gains by relaxing is gained before and after alike (Jung, Park and Ihm, Nano
    Lett. 18, 2759 (2018)). No slabs are needed.

    atoms: periodic in three directions; taken to its primitive cell.

    Raises:
        NotLayeredError: it is no stack of layers, as given or at rest.
        PropertyError: there is no layer that should slide, or no distance that the binding curve asks for.
        NotAtRestError: the crystal or a layer does not come to rest.
        EvaluationError: the potential gives something that is not finite.
    """
    settings, tell = settings or ExfoliationSettings(), on_news or (lambda doing, done, of: None)
    _check(atoms, settings)
    potential = potential.in_double_precision()
    tell("bringing the crystal to rest", 0, 1)
    crystal, bulk_eV, calls = _at_rest(potential, atoms, settings)
    tell("relaxing isolated layers", 0, 1)
    vacuum = settings.vacuum_A or vacuum_A(potential)
    layers = isolated_layers(potential, crystal, vacuum, settings.fmax_eV_A, MAX_STEPS)
    apart_eV = sum(x.count * x.rigid_eV for x in layers)
    return Exfoliation(
        formula=formula_of(crystal.atoms),
        potential=potential.metadata,
        crystal=crystal,
        bulk_eV=bulk_eV,
        layers=tuple(layers),
        gap_openings_meV_A2=_gap_openings(potential, crystal, bulk_eV, apart_eV, vacuum),
        curve=_curve(potential, crystal, apart_eV, settings, tell),
        sliding=_sliding(potential, crystal, settings, tell),
        c6_eV_A6=c6_eV_A6(potential, structure_of(crystal.atoms)),
        settings=settings,
        rest_calls=calls,
    )


def _check(atoms: Atoms, settings: ExfoliationSettings) -> None:
    """Before anything costs time: as of `find_layers` and `check_sliding_layer`."""
    find_layers(atoms, settings.bond_scale)
    if settings.sliding:
        check_sliding_layer(find_layers(primitive(atoms), settings.bond_scale), settings.sliding_layer)


def _curve(
    potential: Potential, crystal: LayeredCrystal, apart_eV: float, settings: ExfoliationSettings, tell: Told
) -> BindingCurve | None:
    openings = settings.openings_A
    if not openings:
        return None
    return binding_curve(
        potential, crystal, apart_eV, openings, lambda done: tell("binding curve", done, len(openings))
    )


def _sliding(
    potential: Potential, crystal: LayeredCrystal, settings: ExfoliationSettings, tell: Told
) -> SlidingSurface | None:
    if not settings.sliding:
        return None
    openings, layer = settings.sliding_openings_A, settings.sliding_layer
    step = partial(tell, "sliding surface")
    return sliding_surface(potential, crystal, settings.sliding_grid, openings, layer, step)


def _at_rest(
    potential: Potential, atoms: Atoms, settings: ExfoliationSettings
) -> tuple[LayeredCrystal, float, int]:
    """The stack at rest, its energy and what that cost."""
    try:
        rest = at_rest(potential, primitive(atoms), fmax_eV_A=settings.fmax_eV_A)
    except NotAtRestError as error:
        hint = "".join(f" ({warning})" for warning in _dispersion_warnings(potential.metadata))
        raise NotAtRestError(f"{error}{hint}") from None
    try:
        crystal = find_layers(rest.atoms, settings.bond_scale)
    except NotLayeredError as error:
        raise NotLayeredError(f"at rest with {potential.metadata.name} {error}", error.found) from None
    return crystal, rest.energy_eV, rest.model_calls


def _gap_openings(
    potential: Potential, crystal: LayeredCrystal, bulk_eV: float, apart_eV: float, vacuum_A: float
) -> tuple[float, ...]:
    """Energy to open each gap alone, layers rigid, meV/Å².

    What comes apart is a slab of as many layers as the cell has; with one gap that is the layer.
    """
    area = crystal.area_A2
    if len(crystal.layers) == 1:
        return (1e3 * (apart_eV - bulk_eV) / area,)
    told = evaluate_all(potential, [opened(crystal, gap, vacuum_A) for gap in range(len(crystal.layers))])
    return tuple(1e3 * (answer.energy_eV - bulk_eV) / area for answer in told)


def _dispersion_warnings(potential: Metadata) -> list[str]:
    if potential.dispersion == "none":
        return [
            f"{potential.name} holds no dispersion, which is what binds layers: these numbers mean little; take "
            f"{potential.name}+c6 (or +d4, +d3)"
        ]
    if potential.dispersion is None and potential.elements is not None:
        return [f"nobody knows whether {potential.name} holds dispersion, which is what binds layers"]
    return []


def _sliding_warnings(sliding: SlidingSurface) -> list[str]:
    told = []
    surface = sliding.meV_per_A2
    if surface.min() < -OTHER_STACKING_MEV_A2:
        i, j = np.unravel_index(int(np.argmin(surface)), surface.shape)
        shift = f"({i / surface.shape[0]:.3g}, {j / surface.shape[1]:.3g})"
        told.append(f"another stacking is lower by {-surface.min():.2f} meV/Å² of a gap: a layer shifted by {shift}")
    if sliding.at_the_end:
        told.append(
            f"at {sliding.at_the_end} of {surface.size} shifts the lowest distance is the first or the last of those "
            "tried; give more sliding_openings_A"
        )
    return told


def _in_pieces(crystal: LayeredCrystal) -> list[list[float]]:
    """Positions with every layer in one piece, Å."""
    positions = crystal.atoms.positions.copy()
    for layer in crystal.layers:
        positions[layer.atoms] = layer.positions
    return [list(map(float, row)) for row in positions]
