"""What the benchmark measures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from ase.build import bulk
from compounds import TESTS, Compound, compounds, stacked
from fit_damping import SHARES, best, relaxed_half_A
from labels import Labelled, known_elements, labelled
from never import kinds, never
from recipe import COUNTS, examples
from train import Batches, relative_errors, summary

from potentials import load
from potentials.dispersion import Dispersion
from potentials.dispersion.c6 import c6
from potentials.dispersion.coefficients import d4_properties
from potentials.dispersion.head import C6Head, record
from potentials.dispersion.libraries import library
from potentials.dispersion.pair_sum import combined
from potentials.potential import Potential, structure_of

NEW_SEED = 2
"""Of the structures here: none is the training's, and only compositions and prototypes it held out are used."""


@lru_cache
def parts() -> dict[str, Potential]:
    """7net-0 and what is added to it."""
    short = load("7net-0", "cpu")
    return {
        "7net-0": short,
        "c6": c6(Dispersion(), short),
        "c6, PBE's damping": c6(Dispersion(functional="pbe"), short),
        "d3": library(Dispersion("d3", "pbe")),
        "d4": library(Dispersion("d4", "pbe")),
    }


def coefficients(share: int) -> dict[str, Any]:
    """C6 and α of held-out environments, of kinds never in the recipe, and London's rule."""
    seven, head = load("7net-0", "cpu"), C6Head.read()
    counts = {kind: max(count // share, 2) for kind, count in COUNTS.items()}
    found = [x for x in examples(known_elements(seven), NEW_SEED, counts) if x.part == "held out"]
    data, _ = labelled(found, seven)
    shown: dict[str, Any] = {"held out": summary(relative_errors(head, data))}
    sets = {"held out": data, **{f"{name}": value for name, value in never(seven).items()}}
    shown |= {name: summary(relative_errors(head, value)) for name, value in sets.items()}
    return {
        "errors": shown, "training": record()["errors"], "london": _london(found),
        "pairs": {name: _parity(head, value) for name, value in sets.items()},
    }  # fmt: skip


def _parity(head: C6Head, data: Labelled, most: int = 400) -> list[list[float]]:
    """dftd4's C6 and ours, atomic units, of at most so many atoms."""
    some = np.random.default_rng(0).permutation(len(data.numbers))[:most]
    known = Batches(data, head.numbers).of(np.unique(data.structure))
    with torch.no_grad():
        ours = head.of_state(known.state(head), known.kinds)[:, 0].exp().numpy()
    return [[round(float(x), 2), round(float(y), 2)] for x, y in zip(data.c6_au[some], ours[some], strict=True)]


def _london(found: list[Any], most: int = 300) -> dict[str, float]:
    """Relative errors, %, of C6 of unlike atoms from dftd4's own C6 and α of each, against dftd4's."""
    errors: list[float] = []
    for example in found[:most]:
        values = d4_properties(structure_of(example.atoms))
        table, alpha = torch.as_tensor(values["c6 coefficients"]), torch.as_tensor(values["polarizabilities"])
        own = table.diagonal()
        ours = combined(own[:, None], own[None], alpha[:, None], alpha[None])
        errors += (ours / table - 1).abs()[torch.ones_like(table).triu(1) > 0].tolist()
    median, ninety = np.percentile(errors, (50, 90)) * 100
    return {"median_%": round(float(median), 3), "90_%": round(float(ninety), 3), "pairs": len(errors)}


def energies() -> list[dict[str, Any]]:
    """Of dispersion alone with PBE's damping, meV/atom, beside d4's; with triples and without."""
    short = parts()["7net-0"]
    crystals = {name: solids_[len(solids_) // 2] for name, solids_ in kinds().items() if name != "MOF-5"}
    crystals |= {name: bulk(*given) for name, given in SOLIDS.items()}
    rows = []
    for name, atoms in crystals.items():
        row: dict[str, Any] = {"crystal": name, "formula": atoms.get_chemical_formula()}
        for three in (False, True):
            ours = c6(Dispersion(functional="pbe", three_body=three), short)
            theirs = library(Dispersion("d4", "pbe", three_body=three))
            for who, potential in (("c6", ours), ("d4", theirs)):
                value = potential.evaluate([structure_of(atoms)])[0].energy_eV / len(atoms)
                row[who + (", triples" if three else "")] = round(1000 * value, 2)
        rows.append(row)
    return rows


def layers() -> list[dict[str, Any]]:
    """Binding energies of rigid layers, meV/atom and meV/Å², and distances, Å, of what damping was not fitted to."""
    rows = []
    for compound in compounds():
        if compound.name in TESTS:
            rows += _layers_of(compound)
    return rows


def _layers_of(compound: Compound) -> list[dict[str, Any]]:
    half = relaxed_half_A(compound, parts()["7net-0"])
    distances = compound.distance_A * np.array(SHARES)
    structures = [structure_of(stacked(compound, d, half)) for d in distances]
    structures.append(structure_of(stacked(compound, 0.0, half, alone=True)))
    table = {who: np.array([p.evaluate([s])[0].energy_eV for s in structures]) for who, p in parts().items()}
    rows = []
    for who, values in table.items():
        total = values if who == "7net-0" else values + table["7net-0"]
        binding = -1000 * (total[:-1] / compound.layers - total[-1])
        distance, energy = best(distances, binding)
        rows.append({
            "compound": compound.name, "with": who, "meV_A2": round(energy / compound.area_A2, 2),
            "meV_atom": round(energy / len(structures[-1].numbers), 1), "distance_A": round(distance, 3),
            "rpa_meV_A2": compound.binding_meV_A2, "measured_A": round(compound.distance_A, 3),
                "curve": np.round([distances, binding / compound.area_A2], 3).T.tolist(),
        })  # fmt: skip
    return rows


SOLIDS: Mapping[str, tuple[str, str, float]] = {
    "Si": ("Si", "diamond", 5.43), "diamond": ("C", "diamond", 3.567), "NaCl": ("NaCl", "rocksalt", 5.64),
    "Cu": ("Cu", "fcc", 3.61), "Al": ("Al", "fcc", 4.05), "MgO": ("MgO", "rocksalt", 4.21),
}  # fmt: skip
MEASURED_A = {"Si": 5.43, "diamond": 3.567, "NaCl": 5.64, "Cu": 3.61, "Al": 4.05, "MgO": 4.21}


def solids() -> list[dict[str, Any]]:
    """Lattice constants, Å, and bulk moduli, GPa, without dispersion and with it."""
    rows = []
    for name, (symbols, prototype, a) in SOLIDS.items():
        lengths = a * np.linspace(0.955, 1.045, 10)
        structures = [structure_of(bulk(symbols, prototype, a=x)) for x in lengths]
        volumes = np.array([s.volume_A3 for s in structures])
        table = {who: np.array([p.evaluate([s])[0].energy_eV for s in structures]) for who, p in parts().items()}
        for who, values in table.items():
            length, modulus = _minimum(lengths, volumes, values if who == "7net-0" else values + table["7net-0"])
            rows.append({
                "solid": name, "with": who, "a_A": round(length, 4), "bulk_modulus_GPa": round(modulus, 1),
                "measured_A": MEASURED_A[name],
            })  # fmt: skip
    return rows


def _minimum(lengths: np.ndarray, volumes: np.ndarray, energies: np.ndarray) -> tuple[float, float]:
    """Lattice constant and bulk modulus from a quartic in V^(−2/3): Birch and Murnaghan's variable."""
    x = volumes ** (-2 / 3)
    line = np.polynomial.Polynomial.fit(x, energies, 4)
    roots = line.deriv().roots()
    inside = [float(r.real) for r in roots if abs(r.imag) < 1e-9 and x.min() < r.real < x.max()]
    at = min(inside, key=lambda r: float(line(r)))
    volume = at**-1.5
    curvature = float(line.deriv(2)(at)) * (2 / 3 * volume ** (-5 / 3)) ** 2
    return float(lengths[0] * (volume / volumes[0]) ** (1 / 3)), volume * curvature * 160.21766
