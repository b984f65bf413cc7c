"""Fits damping parameters to a potential of its own, as every functional has its own.

python campaigns/dispersion/fit_damping.py 7net-0          3 minutes on one idle core; writes data/damping.json
python campaigns/dispersion/fit_damping.py 7net-l3i5
python campaigns/dispersion/fit_damping.py 7net-0 --look   what the parameters in use give, nothing written

What is fitted to: binding energies of layered compounds by the random-phase approximation and their measured interlayer
distances (compounds.py). graphite, BN and MoS2 are left out and tell whether the parameters mean anything.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from ase.units import Bohr, Hartree  # noqa: E402
from compounds import TESTS, Compound, compounds, stacked  # noqa: E402
from reference import write_functionals  # noqa: E402

from potentials import load  # noqa: E402
from potentials.dispersion.c6 import C6Potential, c6  # noqa: E402
from potentials.dispersion.damping import FILE, Damping, damping_of, table  # noqa: E402
from potentials.dispersion.pair_sum import PairList, pair_sum  # noqa: E402
from potentials.dispersion.settings import Dispersion  # noqa: E402
from potentials.neighbours import batch_pairs  # noqa: E402
from potentials.potential import Potential, structure_of  # noqa: E402

SHARES = (0.89, 0.93, 0.96, 0.99, 1.02, 1.06, 1.11, 1.19)
"""Interlayer distances, of the measured one."""
ENERGY_ERROR, DISTANCE_ERROR = 0.15, 0.02
"""Relative; what counts as one: RPA's own errors, and thermal expansion with the functional's error of the layer."""
STARTS = ((0.9, 0.38, 4.8, 0.4), (0.1, 0.27, 5.3, 0.2), (0.1, 0.4, 4.0, 0.45))
"""s8, a1, a2 (bohr) and the share that is held, from which the search goes: the valley is long and flat."""
STEPS, MOST = (0.3, 0.1, -0.6, 0.1), (5.0, 1.0, 12.0, 0.9)


@dataclass(frozen=True)
class Curve:
    """A compound at some distances: what the potential alone says, and all that dispersion needs.

    Attributes:
        apart_eV: energy of the crystal less that of its layers alone, without dispersion, per cell, of each distance.
        layers: cells of the crystal hold so many.
        cells: of each distance, and of one layer alone: pairs, C6, α (atomic units), C8/C6 of the pairs.
    """

    compound: Compound
    distances_A: np.ndarray
    apart_eV: np.ndarray
    cells: Sequence[tuple[PairList, Tensor, Tensor, Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential")
    parser.add_argument("--look", action="store_true", help="write nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    short = load(given.potential, "cpu")
    far = c6(Dispersion(), short)
    curves = [curve(one, short, far) for one in compounds()]
    functional = damping_of("pbe")
    found = far.damping if given.look else fitted([x for x in curves if x.compound.name not in TESTS], far, functional)
    told = [row(x, far, found) | {"pbe": row(x, far, functional)} for x in curves]
    for each in told:
        print(json.dumps(each))
    print(found)
    if not given.look:
        write(load(given.potential, "cpu").metadata.checkpoint_sha256, given.potential, found, told)


def curve(compound: Compound, short: Potential, far: C6Potential) -> Curve:
    """Layers as the potential likes them, rigid, at the experimental cell in the plane."""
    half = relaxed_half_A(compound, short)
    distances = compound.distance_A * np.array(SHARES)
    structures = [structure_of(stacked(compound, d, half)) for d in distances]
    structures.append(structure_of(stacked(compound, 0.0, half, alone=True)))
    energies = np.array([e.energy_eV for s in structures for e in short.evaluate([s])])
    cells = []
    for structure in structures:
        pairs = batch_pairs([structure], far.reach.pairs_A, far.model.network.max_neighbours)
        first, second, system = (torch.as_tensor(x) for x in (pairs.first, pairs.second, pairs.system))
        atoms = torch.zeros(len(structure.numbers), dtype=torch.long)
        listed = PairList(torch.as_tensor(pairs.vectors) / Bohr, first, second, system, atoms, 1)
        six, alpha = (torch.as_tensor(x) for x in far.coefficients(structure))
        kinds = far.model.network.kinds[far.model.types_of(torch.as_tensor(structure.numbers))]
        ratios = far.model.network.tables()[0][kinds[first], kinds[second]]
        cells.append((listed, six / (Hartree * Bohr**6), alpha / Bohr**3, ratios))
    print(compound.name, f"half a layer {half:.3f} Å", flush=True)
    return Curve(compound, distances, energies[:-1] - compound.layers * energies[-1], cells)


def relaxed_half_A(compound: Compound, short: Potential) -> float:
    """Height of a layer's outer atoms above its middle where the potential has its minimum."""
    if compound.kind in ("graphite", "BN"):
        return 0.0

    def energy(half: float) -> float:
        return short.evaluate([structure_of(stacked(compound, 0.0, half, alone=True))])[0].energy_eV

    return float(minimize_scalar(energy, bounds=(0.9, 2.3), method="bounded", options={"xatol": 2e-3}).x)


def binding(curve: Curve, far: C6Potential, damping: Damping) -> np.ndarray:
    """Energy to pull the layers apart at each distance, meV/Å²."""
    reach, width = far.reach.pairs_A / Bohr, far.reach.pair_width_A / Bohr
    energies = []
    for pairs, six, alpha, ratios in curve.cells:
        radii = damping.a1 * ratios.sqrt() + damping.a2_bohr
        scales = (damping.s6, damping.s8, damping.held)
        energies.append(
            float(pair_sum(pairs, six, alpha, ratios, radii, scales, reach, width).energy)
        )
    layers = curve.compound.layers
    apart = curve.apart_eV + Hartree * (np.array(energies[:-1]) - layers * energies[-1])
    return -1000 * apart / layers / curve.compound.area_A2


def best(distances: np.ndarray, energies: np.ndarray) -> tuple[float, float]:
    """Distance of the largest binding, and that."""
    line = CubicSpline(distances, energies)
    fine = np.linspace(distances[0], distances[-1], 2001)
    k = int(np.argmax(line(fine)))
    return float(fine[k]), float(line(fine[k]))


def row(curve: Curve, far: C6Potential, damping: Damping) -> dict[str, Any]:
    """Name, energies in meV/Å² and distances in Å beside the references."""
    distance, energy = best(curve.distances_A, binding(curve, far, damping))
    one = curve.compound
    return {
        "compound": one.name, "binding": round(energy, 2), "rpa": one.binding_meV_A2, "distance_A": round(distance, 3),
        "measured_A": round(one.distance_A, 3),
    }  # fmt: skip


def fitted(curves: Sequence[Curve], far: C6Potential, start: Damping) -> Damping:
    """The least robust misfit (soft l1, for some compounds are no van der Waals solids), s6 = 1."""
    keys = ("s8", "a1", "a2_bohr", "held")

    def damping(x: np.ndarray) -> Damping:
        return replace(start, **dict(zip(keys, map(float, np.clip(x, 0.0, MOST)), strict=True)))

    def misfit(x: np.ndarray) -> float:
        outside = np.abs(x - np.clip(x, 0.0, MOST)).sum()
        return float(sum(_misfit(one, far, damping(x)) for one in curves)) + 100 * float(outside)

    options = {"maxfev": 150, "xatol": 0.01, "fatol": 0.02}
    found = []
    for x in STARTS:
        simplex = np.array([x, *(np.array(x) + step for step in np.diag(STEPS))])
        ended = minimize(misfit, x, method="Nelder-Mead", options=options | {"initial_simplex": simplex})
        found.append((ended.fun, damping(ended.x)))
        print(round(ended.fun, 2), damping(ended.x), flush=True)
    return min(found, key=lambda pair: pair[0])[1]


def _misfit(curve: Curve, far: C6Potential, damping: Damping) -> float:
    distance, energy = best(curve.distances_A, binding(curve, far, damping))
    wrong = np.array([
        (energy / curve.compound.binding_meV_A2 - 1) / ENERGY_ERROR,
        (distance / curve.compound.distance_A - 1) / DISTANCE_ERROR,
    ])  # fmt: skip
    return float((2 * (np.sqrt(1 + wrong**2) - 1)).sum())


def write(sha256: str | None, name: str, found: Damping, told: list[dict[str, Any]]) -> None:
    """Into the file of damping parameters, the others kept."""
    assert sha256 is not None
    kept = dict(table()["potentials"])
    parameters = replace(found, name=f"fitted to {name}").to_json()
    kept[sha256] = {"name": name, "pairs": {"parameters": parameters, "left_out": list(TESTS), "compounds": told}}
    write_functionals(FILE, kept)


if __name__ == "__main__":
    main()
