import time

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers.duplicates import DuplicateIndex
from searchers.fingerprint import FINGERPRINT_SIZE
from searchers.generation import random_p1
from tests.searchers.crystals import POLYMORPHS, rewritten


class Store:
    """An index beside the structures that it knows."""

    def __init__(self):
        self.atoms = {}
        self.index = DuplicateIndex(self.atoms.__getitem__)

    def offer(self, id, atoms, energy=None):
        """Id of the crystal that it repeats, or None where it is new and was added."""
        found = self.index.find(atoms, energy)
        if found is None:
            self.atoms[id] = atoms
            self.index.add(id, atoms, energy)
        return found


def random_crystals(n: int, seed: int):
    rng = np.random.default_rng(seed)
    return [random_p1({"Ti": 2, "C": 2}, float(rng.uniform(40, 55)), 0.7, rng) for _ in range(n)]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_rewritten_copies_are_found_and_dedup_is_idempotent(seed):
    rng = np.random.default_rng(seed)
    store = Store()
    crystals = random_crystals(4, seed)
    for id, atoms in enumerate(crystals):
        assert store.offer(id, atoms) is None
    for id, atoms in enumerate(crystals):
        assert store.offer(100 + id, atoms) == id
        assert store.offer(200 + id, rewritten(atoms, rng)) == id
    assert len(store.index) == 4


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_dedup_is_order_independent(seed):
    rng = np.random.default_rng(seed)
    crystals = random_crystals(4, seed)
    offered = [(i, rewritten(c, rng)) for i, c in enumerate(crystals) for _ in range(3)]
    kept = []
    for order in (rng.permutation(len(offered)), rng.permutation(len(offered))):
        store, names = Store(), {}
        for n in order:
            name, atoms = offered[n]
            names.setdefault(name, set()).add(store.offer(int(n), atoms))
        kept.append(len(store.index))
        assert all(None in found and len(found) == 2 for found in names.values())
    assert kept == [4, 4]


@pytest.mark.parametrize("pair", POLYMORPHS)
@pytest.mark.parametrize("energy", [None, -5.0])
def test_polymorphs_are_not_merged_though_their_energies_agree(pair, energy):
    one, other = POLYMORPHS[pair]
    store = Store()
    assert store.offer(0, one, energy) is None
    assert store.offer(1, other, energy) is None


@pytest.mark.parametrize("pair", POLYMORPHS)
@pytest.mark.parametrize("displacement_A", [0.01, 0.03])
def test_rattled_copies_are_duplicates(pair, displacement_A):
    for n, atoms in enumerate(POLYMORPHS[pair]):
        store = Store()
        store.offer(n, atoms, -5.0)
        copy = atoms.repeat((2, 2, 1))
        copy.rattle(displacement_A, seed=n)
        assert store.offer(9, copy, -4.998) == n


def test_energies_must_agree_where_both_are_known():
    store = Store()
    silicon = bulk("Si")
    store.offer(0, silicon, -5.40)
    assert store.index.find(silicon, -5.405) == 0
    assert store.index.find(silicon, -5.42) is None
    assert store.index.find(silicon) == 0


def test_compositions_are_kept_apart_and_supercells_together():
    store = Store()
    store.offer(0, bulk("MgO", "rocksalt", a=4.2))
    assert store.index.find(bulk("MgS", "rocksalt", a=4.2)) is None
    assert store.index.find(bulk("MgO", "rocksalt", a=4.2, cubic=True)) == 0


def test_grid_finds_what_looking_at_all_would_find():
    rng = np.random.default_rng(0)
    silicon = bulk("Si")
    index = DuplicateIndex(lambda id: silicon)
    vectors = rng.normal(0, 0.1, (500, FINGERPRINT_SIZE)).astype(np.float32)
    vectors[250:] = vectors[:250] + rng.normal(
        0, 0.011, (250, FINGERPRINT_SIZE)
    )  # some within 0.12, some not
    for id, vector in enumerate(vectors):
        index.add(id, silicon, -5.0, vector)
    bucket = next(iter(index._buckets.values()))
    hits = 0
    for vector in vectors[:250]:
        near = set(bucket.near(vector, -5.0, 0.01)[0].tolist())
        assert near == set(np.flatnonzero(np.linalg.norm(vectors - vector, axis=1) <= 0.12).tolist())
        hits += len(near) > 1
    assert 20 < hits < 230


def test_cost_does_not_grow_with_the_store():
    rng = np.random.default_rng(1)
    silicon = bulk("Si")
    index = DuplicateIndex(lambda id: silicon)

    def cost_ms(count):
        vectors = rng.normal(0, 0.3, (count, FINGERPRINT_SIZE)).astype(np.float32)
        start = time.perf_counter()
        for vector in vectors:
            index.find(silicon, -5.0, vector)
            index.add(len(index), silicon, -5.0, vector)
        return (time.perf_counter() - start) / count * 1e3

    cost_ms(2000)
    assert cost_ms(200) < 10  # 0.1 ms on an idle core


@pytest.mark.parametrize("known", [3, 4096, 5000])
def test_the_nearest_is_that_of_all_distances_among_the_latest(known):
    """5,000 are more than are looked at; 0.003 is what rounding in single precision may cost."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(2, 0.3, (known, FINGERPRINT_SIZE)).astype(np.float32)
    index = DuplicateIndex(lambda id: bulk("Al"))
    for id, vector in enumerate(vectors):
        index.add(id, bulk("Al"), None, vector)
    for asked in (rng.normal(2, 0.3, FINGERPRINT_SIZE), vectors[-2], vectors[known // 2]):
        id, distance = index.nearest(bulk("Al"), asked)
        distances = np.linalg.norm(vectors[-4096:] - asked, axis=1)
        assert id >= known - 4096
        assert distance == pytest.approx(np.linalg.norm(vectors[id] - asked), abs=1e-5)
        assert distance <= distances.min() + 0.003
    assert index.nearest(bulk("Cu"), vectors[0]) == (None, np.inf)
