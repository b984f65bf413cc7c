import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers.fingerprint import FINGERPRINT_SIZE, distance, fingerprint
from searchers.generation import random_p1
from tests.searchers.crystals import POLYMORPHS, rewritten

# float32 rounding of about a hundred numbers of order one.
ROUNDING = 2e-5


def random_crystal(seed: int) -> Atoms:
    rng = np.random.default_rng(seed)
    counts = {"Ti": int(rng.integers(1, 4)), "O": int(rng.integers(0, 4)), "Cs": int(rng.integers(0, 2))}
    volume = float(rng.uniform(8, 25)) * sum(counts.values())
    return random_p1(counts, volume, 0.6, rng)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_same_crystal_written_differently_has_the_same_fingerprint(seed):
    atoms = random_crystal(seed)
    again = rewritten(atoms, np.random.default_rng(seed))
    assert distance(fingerprint(atoms), fingerprint(again)) < ROUNDING


def test_primitive_and_conventional_cell_agree():
    for name, a in (("diamond", 5.43), ("fcc", 4.0), ("bcc", 3.0)):
        primitive, conventional = bulk("Si", name, a=a), bulk("Si", name, a=a, cubic=True)
        assert distance(fingerprint(primitive), fingerprint(conventional)) < ROUNDING


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_fingerprint_is_smooth_in_the_coordinates(seed):
    atoms = random_crystal(seed)
    step = np.random.default_rng(seed).normal(size=atoms.positions.shape)
    step /= np.linalg.norm(step)

    def moved(length_A):
        other = atoms.copy()
        other.positions += length_A * step
        return fingerprint(other).astype(float)

    # Without jumps the change is proportional to the step; the steepest slope of 300 crystals was 3.5 per Å.
    assert np.linalg.norm(moved(1e-3) - moved(0)) < 0.02
    assert np.linalg.norm(moved(0.01) - moved(-0.01)) < 0.2


@pytest.mark.parametrize("pair", POLYMORPHS)
def test_polymorphs_are_further_apart_than_rattled_copies(pair):
    one, other = POLYMORPHS[pair]
    apart = distance(fingerprint(one), fingerprint(other))
    assert apart > 0.15
    for seed in range(5):
        copy = one.repeat((2, 2, 1))
        copy.rattle(0.01, seed=seed)
        assert distance(fingerprint(one), fingerprint(copy)) < 0.2 * apart


def test_scale_and_species_order_are_seen():
    rocksalt = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    larger = rocksalt.copy()
    larger.set_cell(rocksalt.cell.array * 1.02, scale_atoms=True)
    swapped = rocksalt.copy()
    swapped.numbers[[0, 1]] = swapped.numbers[[1, 0]]
    assert distance(fingerprint(rocksalt), fingerprint(larger)) > 0.1
    assert distance(fingerprint(rocksalt), fingerprint(swapped)) > 0.3


@pytest.mark.parametrize("pair", [("Si", "Ge"), ("Fe", "Co"), ("Na", "K"), ("H", "Ba"), ("La", "Lu")])
def test_any_two_elements_are_told_apart(pair):
    layered = bulk("NaCl", "rocksalt", a=5.6).repeat((2, 1, 1))
    alternating = layered.copy()
    layered.symbols = [pair[0], pair[0], pair[1], pair[1]]
    alternating.symbols = [pair[0], pair[1], pair[0], pair[1]]
    assert distance(fingerprint(layered), fingerprint(alternating)) > 0.1


def test_shape_type_and_cost():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    vector = fingerprint(atoms)
    assert vector.shape == (FINGERPRINT_SIZE,)
    assert vector.dtype == np.float32
    start = time.perf_counter()
    for _ in range(20):
        fingerprint(atoms)
    assert (time.perf_counter() - start) / 20 < 0.02  # 1 ms on an idle core


def test_lonely_and_broken_structures():
    assert np.isfinite(fingerprint(Atoms("H", cell=[30, 30, 30], pbc=True))).all()
    with pytest.raises(ValueError, match="has a volume"):
        fingerprint(Atoms("H", cell=[1, 1, 0], pbc=True))
    with pytest.raises(ValueError, match="needs atoms"):
        fingerprint(Atoms(cell=[1, 1, 1], pbc=True))
