"""The head that ships: what it says of coordination, charge and C6, and that its record is its own."""

import hashlib

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from potentials import load
from potentials.dispersion import Dispersion
from potentials.dispersion.c6 import c6
from potentials.dispersion.coefficients import d4_properties
from potentials.dispersion.head import BOND_A, WEIGHTS, record
from potentials.neighbours import batch_pairs
from potentials.potential import structure_of


@pytest.fixture(scope="module")
def dispersion():
    return c6(Dispersion(functional="pbe"), load("7net-0", "cpu"))


def state(potential, structure):
    """Coordination and charge of each atom, (n, 2), and the rows of their elements."""
    network = potential.model.network
    pairs = batch_pairs([structure], BOND_A, network.max_neighbours)
    vectors = torch.as_tensor(pairs.vectors, dtype=torch.float32)
    first, second = torch.as_tensor(pairs.first), torch.as_tensor(pairs.second)
    types = potential.model.types_of(torch.as_tensor(structure.numbers))
    r = vectors.norm(dim=1)
    seen = r < network.seven.cutoff_A
    with torch.no_grad():
        features = network.seven.features(types, vectors[seen], first[seen], second[seen])
        kinds = network.kinds[types]
        return network.head.state(features, kinds, first, second, r).numpy(), kinds


def salts():
    perovskite = Atoms(
        "LaAlO3",
        scaled_positions=[(0.5,) * 3, (0,) * 3, (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)],
        cell=[3.79] * 3,
        pbc=True,
    )
    return [bulk("NaCl", "rocksalt", a=5.64), bulk("GaAs", "zincblende", a=5.65), perovskite]


@pytest.mark.parametrize("atoms", [*salts(), bulk("Cu"), bulk("Cs")], ids=lambda atoms: atoms.get_chemical_formula())
def test_coordination_is_d4s_and_charge_sums_to_zero(dispersion, atoms):
    s = structure_of(atoms)
    found, _ = state(dispersion, s)
    expected = d4_properties(s)["coordination numbers"]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-4)  # single precision, tables of 7 digits
    assert found[:, 1].sum() == pytest.approx(0, abs=1e-5)
    if len(set(s.numbers)) == 1:
        assert np.abs(found[:, 1]).max() < 1e-5  # nothing passes between atoms that are alike


@pytest.mark.parametrize("atoms", salts(), ids=lambda atoms: atoms.get_chemical_formula())
def test_c6_of_ions_is_near_dftd4s(dispersion, atoms):
    s = structure_of(atoms)
    expected = np.diag(d4_properties(s)["c6 coefficients"])
    found = dispersion.c6_eV_A6(s) / (27.211386 * 0.529177**6)
    # Of held-out environments 90 % err by less than 12 %; a perovskite's oxygen is among the rest, 22 %
    assert np.abs(found / expected - 1).max() < 0.3


def test_c6_never_leaves_the_range_of_its_element(dispersion):
    """In a cell so dense that 7net-0's features mean nothing."""
    s = structure_of(bulk("NaCl", "rocksalt", a=3.4))
    head = dispersion.model.network.head
    _, kinds = state(dispersion, s)
    with torch.no_grad():
        wild = head.of_state(torch.tensor([[40.0, 9.0], [0.0, -9.0]]), kinds)
    assert bool((wild >= head.low[kinds]).all() and (wild <= head.high[kinds]).all())
    assert bool(np.isfinite(dispersion.c6_eV_A6(s)).all())


def test_the_record_is_of_these_weights_and_meets_what_was_asked():
    told = record()
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == told["weights_sha256"]
    assert told["errors"]["held out"]["c6_median_%"] <= 5  # issue 9
    for solid in ("graphite", "diamond", "CO2 crystal"):
        assert told["errors"][f"never: {solid}"]["c6_median_%"] <= 10
