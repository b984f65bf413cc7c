"""Operators that find, keep or lower a parent's symmetry, judged by spglib."""

import time
from pathlib import Path

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers import SearchSpace
from searchers.fingerprint import distance, fingerprint
from searchers.generation import PYXTAL_WORKER, GenerationError, child_process, random_p1
from searchers.generation_worker import SymmetricMaker, place, subgroups_of
from searchers.operators import subgroup, symmetrised, wyckoff
from searchers.operators.subgroup import lowered
from searchers.operators.symmetric_move import symmetric_move
from searchers.subgroups import maximal_subgroups
from searchers.symmetry import idealised, images
from searchers.wyckoff import space_group
from tests.searchers.crystals import wurtzite

HANGING = (str(Path(__file__).with_name("hanging_worker.py")),)
EXACT_A = 1e-3  # children are symmetric to rounding, and one operation more would show by the moves' 0.1 Å
ROCKSALT = bulk("TiC", "rocksalt", a=4.33)
TIC = SearchSpace.from_system("TiC", (2, 8))


def corundum():
    sites = [(0, 0, 0.352), (0.306, 0, 0.25)]
    cell = [4.76, 4.76, 12.99, 90, 90, 120]
    return crystal(["Al", "O"], sites, spacegroup=167, cellpar=cell, primitive_cell=True)


def rutile():
    cell = [4.59, 4.59, 2.96, 90, 90, 90]
    return crystal(["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136, cellpar=cell)


def _general(number):
    """A primitive cell of three elements, each in the group's general position: two may have more symmetry."""
    group, rng = space_group(number), np.random.default_rng(number)
    general = group.sites[0]
    cell = SymmetricMaker()._cell(group, 60.0 * general.multiplicity, rng)
    kinds, points = place(cell, [(kind, general) for kind in range(3)], np.full(3, 0.1), rng)
    return Atoms(np.array([6, 14, 32])[kinds], scaled_positions=points, cell=cell, pbc=True)


def dataset(atoms, symprec=EXACT_A):
    return spglib.get_symmetry_dataset((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec)


def group_order(atoms):
    """Operations of the primitive cell."""
    found = dataset(atoms)
    return len(found.rotations) / (len(atoms) / len(set(found.mapping_to_primitive.tolist())))


@pytest.mark.parametrize("number", range(1, 231, 7))
def test_idealised_cells_have_their_group_and_all_its_operations(number):
    atoms = _general(number)
    noise = np.random.default_rng(number).uniform(-0.002, 0.002, (len(atoms), 3))
    atoms.positions += noise
    ideal = idealised(atoms, 0.02)
    assert ideal.number == number == dataset(ideal.atoms, 1e-5).number
    assert images(ideal.atoms, ideal.operations) is not None
    assert len(ideal.operations.rotations) == group_order(ideal.atoms)


@pytest.mark.parametrize(
    ("parent", "system"),
    [(ROCKSALT, "TiC"), (corundum(), "Al2O3"), (rutile(), "TiO2"), (wurtzite("Zn", "S", 5.4), "ZnS")],
    ids=["rocksalt", "corundum", "rutile", "wurtzite"],
)  # fmt: skip
def test_symmetrised_undoes_a_distortion(parent, system):
    space = SearchSpace.from_system(system, (len(parent), len(parent)))
    rng = np.random.default_rng(0)
    distorted = parent.copy()
    distorted.set_cell(distorted.cell.array @ (np.eye(3) + rng.normal(0, 0.01, (3, 3))), scale_atoms=True)
    distorted.positions += rng.uniform(-0.06, 0.06, distorted.positions.shape)
    assert dataset(distorted).number == 1
    made = [symmetrised(distorted, np.random.default_rng(seed), space) for seed in range(10)]
    assert dataset(parent).number in {dataset(m).number for m in made if m is not None}
    for child in made:
        if child is not None:
            # 1e-9: scaling by a cube root
            assert child.cell.volume == pytest.approx(distorted.cell.volume, rel=1e-9)
            assert group_order(child) > 1


@pytest.mark.parametrize("parent", [ROCKSALT, bulk("Si"), corundum()])
def test_symmetrised_makes_nothing_of_what_is_symmetric(parent):
    space = SearchSpace(tuple(dict.fromkeys(parent.get_chemical_symbols())), 1, 10)
    assert all(symmetrised(parent, np.random.default_rng(seed), space) is None for seed in range(5))


def test_symmetrised_finds_a_smaller_cell():
    doubled = ROCKSALT.repeat((2, 1, 1))
    doubled.rattle(0.03, seed=1)
    child = symmetrised(doubled, np.random.default_rng(0), TIC)
    assert len(child) == 2 and dataset(child).number == 225


@pytest.mark.parametrize(
    ("parent", "system"), [(corundum(), "Al2O3"), (rutile(), "TiO2"), (wurtzite("Zn", "S", 5.4), "ZnS")]
)
def test_wyckoff_keeps_the_space_group_and_changes_the_crystal(parent, system):
    space = SearchSpace.from_system(system, (len(parent), 2 * len(parent)))
    before = dataset(parent).number
    children = [wyckoff(parent, np.random.default_rng(seed), space) for seed in range(12)]
    kept = [c for c in children if c is not None]
    assert len(kept) >= 10
    for child in kept:
        assert dataset(child).number == before or group_order(child) > group_order(parent)
        assert child.cell.volume == pytest.approx(parent.cell.volume, rel=1e-6)
        assert distance(fingerprint(child), fingerprint(parent)) > 1e-3
    assert sum(dataset(c).number == before for c in kept) >= len(kept) - 2


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), number=st.integers(2, 230))
def test_symmetric_moves_survive_every_operation(seed, number):
    ideal = idealised(_general(number), 0.01)
    moved = symmetric_move(ideal.atoms, ideal.operations, 1.0, np.random.default_rng(seed))
    assert images(moved, ideal.operations) is not None
    assert moved.cell.volume == pytest.approx(ideal.atoms.cell.volume, rel=1e-9)


def test_symmetric_moves_need_operations_that_map_the_atoms():
    ideal, other = idealised(bulk("Si"), 0.01), idealised(corundum(), 0.01)
    with pytest.raises(ValueError, match="do not map"):
        symmetric_move(other.atoms, ideal.operations, 1.0, np.random.default_rng(0))


@pytest.mark.parametrize("parent", [bulk("Si"), ROCKSALT, bulk("Ti", "bcc", a=3.2)])
def test_wyckoff_makes_nothing_where_nothing_is_free(parent):
    space = SearchSpace(tuple(dict.fromkeys(parent.get_chemical_symbols())), 1, 8)
    assert all(wyckoff(parent, np.random.default_rng(seed), space) is None for seed in range(5))


def test_wyckoff_exchanges_whole_orbits():
    """Layers Ti C Ti N: exchanging an orbit of one atom with one of one atom leaves four layers in another order."""
    layers = [("Ti", 0), ("C", 1), ("Ti", 2), ("N", 3)]
    cell = np.diag([2.1, 2.1, 8.4])
    parent = Atoms([e for e, _ in layers], positions=[[0, 0, 2.1 * z] for _, z in layers], cell=cell, pbc=True)
    space = SearchSpace(("Ti", "C", "N"), 4, 4)
    ideal = idealised(parent, 0.01)
    found = {
        "".join(child.get_chemical_symbols()[i] for i in child.positions[:, 2].argsort())
        for seed in range(20)
        if (child := wyckoff(parent, np.random.default_rng(seed), space)) is not None
    }
    assert ideal.number == 123
    # An exchange of C and N alone would be the parent again, shifted by half a cell.
    assert found and all(sorted(f) == sorted("TiCTiN") for f in found)


@pytest.mark.parametrize(
    "parent",
    [ROCKSALT, bulk("Si"), corundum(), rutile(), wurtzite("Zn", "S", 5.4), _general(14), _general(5)],
    ids=["rocksalt", "diamond", "corundum", "rutile", "wurtzite", "P2_1/c", "C2"],
)  # fmt: skip
def test_lowered_crystals_are_mapped_by_all_operations_of_the_subgroup(parent):
    """All 3730 subgroups of index 2 to 4 of 229 groups hold it for a general position too (65 s, run by hand)."""
    ideal = idealised(parent, 0.01)
    for found in maximal_subgroups(ideal.number):
        if found.index <= 4:
            atoms, operations = lowered(ideal, found)
            assert images(atoms, operations) is not None
            assert len(atoms) == len(ideal.atoms) * (found.index if found.enlarges else 1)
            smaller = 1 if found.enlarges else found.index
            assert len(operations.rotations) * smaller == len(ideal.operations.rotations)


def test_subgroups_of_rocksalt_give_tetragonal_rhombohedral_and_ordered_children():
    parent = ROCKSALT
    children = [subgroup(parent, np.random.default_rng(seed), TIC) for seed in range(30)]
    numbers = {dataset(c).number for c in children if c is not None}
    assert {139, 166, 221} <= numbers and 225 not in numbers
    assert all(c is None or c.cell.volume / len(c) == pytest.approx(parent.cell.volume / 2) for c in children)


def test_subgroup_is_a_function_of_its_random_generator():
    first, second = (subgroup(corundum(), np.random.default_rng(3), SearchSpace(("Al", "O"), 10, 20)) for _ in range(2))
    assert first == second


def test_subgroup_of_a_worker_that_hangs_is_none_in_bounded_time():
    parent = ROCKSALT
    child_process(HANGING).ask({"group": 1, "volume_A3": 1.0, "symbols": ["Ti"]}, 5.0)  # starts it
    start = time.perf_counter()
    assert subgroup(parent, np.random.default_rng(0), TIC, timeout_s=0.2, worker=HANGING) is None
    assert time.perf_counter() - start < 5
    # The one that answers is another process, and was not stopped
    assert subgroup(parent, np.random.default_rng(0), TIC) is not None
    child_process(HANGING).stop()


def test_subgroup_where_pyxtal_cannot_be_run_says_so():
    with pytest.raises(GenerationError, match="pip install 'pyxtal"):
        subgroup(bulk("Si"), np.random.default_rng(0), SearchSpace(("Si",), 2, 4), worker=("-c", "raise SystemExit(3)"))


def test_tables_come_through_the_child_process_as_they_are():
    told = maximal_subgroups(166, worker=PYXTAL_WORKER)
    assert [(s.number, s.index, s.enlarges) for s in told] == [
        (s["number"], s["index"], s["enlarges"]) for s in subgroups_of(166)
    ]


def test_p1_parents_may_be_symmetrised_but_keep_p1_by_wyckoff():
    space = SearchSpace.from_system("TiO2", (6, 6))
    parent = random_p1({"Ti": 2, "O": 4}, 70.0, 0.65, np.random.default_rng(0))
    child = wyckoff(parent, np.random.default_rng(0), space)
    assert child is not None and dataset(child).number == 1
