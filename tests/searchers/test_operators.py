"""Every operator's children belong to the space and keep their distances; parents stay what they were."""

from collections import Counter
from math import gcd

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers import SearchSpace
from searchers.distances import far_enough, min_distance_ratio
from searchers.generation import random_p1
from searchers.operators import OPERATORS, composition, heredity, permutation, rattle, strain
from searchers.operators.composition import factors_to, with_atom_in_void
from searchers.operators.separation import separated
from searchers.operators.supercell import fitting_factors, random_supercell

SPACES = (
    SearchSpace.from_system("TiC", (2, 8)),
    SearchSpace.from_system("Si-Ge", (1, 6)),
    SearchSpace.from_system("Ti-C-N", (2, 5)),
    SearchSpace(("Al",), 8, 8),
)


def _parent(space, rng, most_atoms=8):
    allowed = [c for c in space.compositions if sum(c) <= most_atoms]
    counts = allowed[int(rng.integers(len(allowed)))]
    atoms_of = {e: n for e, n in zip(space.elements, counts, strict=True) if n}
    return random_p1(atoms_of, 20.0 * sum(counts), space.min_distance_scale, rng)


def _small(space, rng):
    """A primitive parent of one formula unit, or of one atom, whether the space has cells of that size or not."""
    counts = min(space.compositions, key=sum)
    divisor = gcd(*counts)
    atoms_of = {e: n // divisor for e, n in zip(space.elements, counts, strict=True) if n}
    return random_p1(atoms_of, 20.0 * sum(counts) / divisor, space.min_distance_scale, rng)


def _nearly_repeating(space, rng):
    """Two equal cells, side by side and rattled; one cell where two have too many atoms."""
    halves = [c for c in space.compositions if all(n % 2 == 0 for n in c)]
    if not halves:
        return _parent(space, rng)
    counts = halves[int(rng.integers(len(halves)))]
    atoms_of = {e: n // 2 for e, n in zip(space.elements, counts, strict=True) if n}
    one = random_p1(atoms_of, 10.0 * sum(counts), space.min_distance_scale, rng)
    two = one.repeat(tuple(rng.permutation([2, 1, 1]).tolist()))
    two.positions += rng.uniform(-0.02, 0.02, two.positions.shape)
    return two


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), space=st.sampled_from(SPACES), parent=st.sampled_from([_parent, _nearly_repeating]))
def test_children_belong_and_parents_stay(name, seed, space, parent):
    rng = np.random.default_rng(seed)
    parents = [parent(space, rng) for _ in range(OPERATORS[name].parents)]
    before = [p.copy() for p in parents]
    child = OPERATORS[name].make(*parents, rng, space)
    assert parents == before
    if child is not None:
        assert space.allows(child.get_chemical_symbols())
        assert far_enough(child, space.min_distance_scale)
        assert child.pbc.all() and child.calc is None and child.cell.volume > 0
        assert all(child is not p for p in parents)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("space", SPACES)
def test_operators_that_do_not_apply_make_nothing_and_the_others_something(name, space):
    rng = np.random.default_rng(0)
    operator = OPERATORS[name]
    made = [
        operator.make(*(parent(space, rng) for _ in range(operator.parents)), rng, space)
        for parent in (_parent, _nearly_repeating, _small)
        for _ in range(12)
    ]
    assert any(m is not None for m in made) == operator.applies(space)


@pytest.mark.parametrize("name", OPERATORS)
def test_children_are_a_function_of_their_random_generator(name):
    space = SPACES[1]
    parents = [_nearly_repeating(space, np.random.default_rng(seed)) for seed in range(OPERATORS[name].parents)]
    first, second = (OPERATORS[name].make(*parents, np.random.default_rng(9), space) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["heredity", "rattle", "ripple", "slip"])
def test_large_cells_have_children(name):
    """One clash among forty atoms must not cost the child."""
    space = SearchSpace(("Ti",), 40, 40)
    parents = [bulk("Ti"), bulk("Ti", "fcc", a=4.1)][: OPERATORS[name].parents]
    assert all(OPERATORS[name].make(*parents, np.random.default_rng(s), space) is not None for s in range(5))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_separation_keeps_cell_and_species_and_leaves_the_rest_in_place(seed):
    rng = np.random.default_rng(seed)
    atoms = random_p1({"Ti": 3, "C": 3}, 90.0, 0.65, rng)
    assert (separated(atoms, 0.64).positions == atoms.positions).all()
    clash = atoms.copy()
    clash.positions[0] = clash.positions[3] + [0.1, 0.2, 0.3]
    before = clash.copy()
    parted = separated(clash, 0.65)
    assert clash == before
    if parted is not None:
        assert far_enough(parted, 0.65)
        assert (parted.numbers == clash.numbers).all() and (parted.cell.array == clash.cell.array).all()


def test_separation_gives_up_where_there_is_no_room():
    assert separated(Atoms("Cs", cell=np.eye(3), pbc=True), 0.65) is None
    crowded = Atoms("Cs8", positions=np.random.default_rng(0).random((8, 3)), cell=np.eye(3) * 4, pbc=True)
    assert separated(crowded, 0.65) is None


@pytest.mark.parametrize("make", [strain, rattle, permutation])
def test_one_parent_operators_keep_the_reduced_formula(make):
    space = SearchSpace.from_system("Ti-C", (2, 8))
    child = make(bulk("TiC", "rocksalt", a=4.3), np.random.default_rng(1), space)
    counts = Counter(child.get_chemical_symbols())
    assert counts["Ti"] == counts["C"]


@pytest.mark.parametrize("name", ["strain", "rattle", "heredity", "ripple", "slip", "supercell"])
def test_primitive_parents_smaller_than_the_search_have_children(name):
    space = SearchSpace(("Ar",), 8, 8)
    parents = [bulk("Ar", "fcc", a=5.3), bulk("Ar", "hcp", a=3.75)][: OPERATORS[name].parents]
    made = [OPERATORS[name].make(*parents, np.random.default_rng(s), space) for s in range(20)]
    assert all(len(m) == 8 for m in made if m is not None)
    assert sum(m is not None for m in made) >= 16


def test_parents_that_fit_no_allowed_cell_give_none():
    space = SearchSpace(("Ar",), 8, 8)
    three = bulk("Ar", "fcc", a=5.3).repeat((3, 1, 1))
    assert rattle(three, np.random.default_rng(0), space) is None
    assert permutation(bulk("Ar", "fcc", a=5.3), np.random.default_rng(0), space) is None


def test_heredity_takes_from_both_parents():
    space = SearchSpace.from_system("Si-Ge", (8, 8))
    silicon, germanium = bulk("Si"), bulk("Ge")
    children = [heredity(silicon, germanium, np.random.default_rng(s), space) for s in range(10)]
    mixed = [c for c in children if c is not None and len(set(c.numbers)) == 2]
    assert len(mixed) >= 8


@pytest.mark.parametrize("pressure", [0.7, 1.0, 1.3])
def test_heredity_inherits_the_volume(pressure):
    space = SearchSpace(("Si",), 8, 8)
    parent = bulk("Si", a=5.43 * pressure ** (1 / 3))
    child = heredity(parent, parent, np.random.default_rng(0), space)
    assert child.cell.volume / len(child) == pytest.approx(parent.cell.volume / 2)


def test_composition_changes_one_atom_at_most_of_each_element():
    space = SearchSpace.from_system("Ti-C", (1, 4))
    parent = bulk("TiC", "rocksalt", a=4.3).repeat((2, 1, 1))
    for seed in range(30):
        child = composition(parent, np.random.default_rng(seed), space)
        counts = Counter(child.get_chemical_symbols())
        assert max(abs(counts[e] - 2) for e in ("Ti", "C")) == 1


def test_the_largest_void_is_found():
    rocksalt_without_carbon = bulk("Ti", "fcc", a=4.3)
    atoms = with_atom_in_void(rocksalt_without_carbon, "C", np.random.default_rng(0))
    best = min_distance_ratio(bulk("TiC", "rocksalt", a=4.3))
    assert atoms.get_chemical_symbols() == ["Ti", "C"]
    assert min_distance_ratio(atoms) > 0.8 * best


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.integers(1, 6))
def test_supercells_are_the_same_crystal(seed, factor):
    rng = np.random.default_rng(seed)
    atoms = random_p1({"Ti": 1, "C": 1}, 30.0, 0.65, rng)
    large = random_supercell(atoms, factor, rng)
    assert len(large) == factor * len(atoms)
    assert abs(large.cell.volume) == pytest.approx(factor * abs(atoms.cell.volume))
    assert min_distance_ratio(large) == pytest.approx(min_distance_ratio(atoms))


def test_fitting_factors_need_the_elements_and_the_size():
    space = SearchSpace.from_system("TiC", (4, 8))
    assert fitting_factors(bulk("TiC", "rocksalt", a=4.3), space) == [2, 3, 4]
    assert fitting_factors(Atoms("Au", cell=np.eye(3) * 3, pbc=True), space) == []


def test_composition_meets_its_target_wherever_one_step_leads_there():
    """From rocksalt's two atoms: six cells less one carbon make Ti6C5, and no step leads to Ti5C2."""
    space = SearchSpace.from_system("Ti-C", (2, 11))
    parent = bulk("TiC", "rocksalt", a=4.33)
    for target, cells in (((6, 5), [6]), ((4, 3), [4]), ((2, 1), [2]), ((1, 2), [2]), ((3, 2), [3]), ((2, 2), [])):
        reached = factors_to(target, (1, 1))
        assert cells == [] or set(cells) <= set(reached)
        for seed in range(5):
            child = composition(parent, np.random.default_rng(seed), space, target)
            assert (child is None) == (not reached)
            if child is not None:
                assert tuple(child.get_chemical_symbols().count(e) for e in space.elements) == target
    assert factors_to((5, 2), (1, 1)) == []
    assert composition(parent, np.random.default_rng(0), space, (5, 2)) is None


def test_composition_with_a_target_orders_vacancies_in_many_ways():
    """Ti6C5 on rocksalt has 10 orderings in cells of 11 atoms; compact superlattices alone have fewer."""
    space = SearchSpace.from_system("Ti-C", (2, 11))
    parent = bulk("TiC", "rocksalt", a=4.33)
    made = [composition(parent, np.random.default_rng(seed), space, (6, 5)) for seed in range(60)]
    shapes = {tuple(np.round(np.sort(np.linalg.eigvalsh(a.cell.array @ a.cell.array.T)), 2)) for a in made}
    assert len(shapes) >= 5
