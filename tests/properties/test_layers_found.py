"""Finding layers: what a crystal is made of, whatever cell it comes in."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.geometry.dimensionality import analyze_dimensionality
from hypothesis import given
from hypothesis import strategies as st

from properties.layers import NotLayeredError, dimensionality, find_layers
from properties.layers.integer_lattice import IntegerLattice, basis_with_plane, index_in_plane, normal_of
from properties.layers.periodic_graph import PeriodicGraph
from tests.properties.layered_crystals import LAYERED, OTHERS, another_cell, sheets

SMALL = st.integers(-6, 6)
TRIPLE = st.tuples(SMALL, SMALL, SMALL)


@pytest.mark.parametrize("name", LAYERED)
def test_known_layered_crystals_are_layers_as_far_apart_as_published(name):
    known = LAYERED[name]
    found = find_layers(known.atoms())
    assert len(found.layers) == known.layers
    assert found.interlayer_distance_A == pytest.approx(known.distance_A, abs=1e-4)  # digits of the table
    assert sum(gap.distance_A for gap in found.gaps) == pytest.approx(found.period_A)
    assert len(found.kinds) == 1
    assert all(gap.free_A > 0 for gap in found.gaps)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_layered_is_refused_by_its_name(name):
    kind, atoms = OTHERS[name]
    words = {"3D": "a 3D network", "1D": "chains", "0D": "molecules"}[kind]
    with pytest.raises(NotLayeredError, match=f"is not layered but {words}") as refused:
        find_layers(atoms)
    assert refused.value.found["layered"] is False and refused.value.found["dimensionality"] == kind


def test_a_refusal_says_the_longest_bond_and_the_next_contact():
    with pytest.raises(NotLayeredError) as refused:
        find_layers(OTHERS["CO2"][1])
    assert str(refused.value) == (
        "CO2 is not layered but molecules (0D, score 0.98): its longest bond is C-O 1.15 Å (0.81 of the sum of "
        "covalent radii), the next contact is C-O 3.11 Å (2.19 of the sum of covalent radii)"
    )


SAME_AS_ASE = [name for name in LAYERED if name != "BiOCl"]


@pytest.mark.parametrize("name", [*SAME_AS_ASE, *OTHERS])
def test_scores_are_those_of_a_second_code(name):
    """ASE's, by the authors of the score; BiOCl apart, which is where our rule on lone atoms differs."""
    atoms = LAYERED[name].atoms() if name in LAYERED else OTHERS[name][1]
    ours, theirs = dimensionality(atoms), analyze_dimensionality(atoms)[0]
    assert ours.kind == theirs.dimtype
    assert ours.score == pytest.approx(theirs.score, abs=1e-6)  # we skip shells closer than 1e-6


@pytest.mark.parametrize("name", ["graphite", "MoS2", "TiS2", "black P", "Bi2Te3", "MoO3"])
def test_layers_do_not_depend_on_the_cell(name):
    atoms, rng = LAYERED[name].atoms(), np.random.default_rng(7)
    reference = find_layers(atoms)
    first = reference.layers[0]
    for _ in range(12):
        found = find_layers(another_cell(atoms, rng))
        assert found.interlayer_distance_A == pytest.approx(reference.interlayer_distance_A, abs=1e-8)
        assert len(found.kinds) == 1
        for layer, gap in zip(found.layers, found.gaps, strict=True):
            assert layer.thickness_A == pytest.approx(first.thickness_A, abs=1e-8)
            assert layer.formula == first.formula
            assert gap.distance_A == pytest.approx(reference.gaps[0].distance_A, abs=1e-8)
            density = len(layer.atoms) / found.area_A2
            assert density == pytest.approx(len(first.atoms) / reference.area_A2, abs=1e-8)


def test_each_layer_is_drawn_in_one_piece():
    """Bi2Te3's layer is thicker than the height of the primitive cell's atoms lets one see."""
    rng = np.random.default_rng(3)
    found = find_layers(another_cell(LAYERED["Bi2Te3"].atoms(), rng, 2))
    for layer in found.layers:
        apart = np.linalg.norm(layer.positions[:, None] - layer.positions[None], axis=2)
        near = (apart > 0) & (apart < 3.4)  # Bi-Te is 3.25 Å at most
        reached, ends = {0}, [0]
        while ends:
            new = set(np.flatnonzero(near[ends.pop()]).tolist()) - reached
            reached |= new
            ends += list(new)
        assert len(reached) == len(layer.atoms)


def test_stacking_cell_is_the_same_lattice_with_two_vectors_in_the_plane():
    atoms = LAYERED["graphite"].atoms()
    skewed = Atoms(atoms.numbers, atoms.positions, cell=np.array([[1, 0, 1], [0, 1, 2], [1, 1, 4]]) @ atoms.cell.array)
    skewed.pbc = True
    found = find_layers(skewed)
    assert np.abs(found.atoms.cell.array[:2] @ found.normal).max() < 1e-12
    whole = found.atoms.cell.array @ np.linalg.inv(skewed.cell.array)
    assert np.abs(whole - np.round(whole)).max() < 1e-9 and abs(np.linalg.det(whole)) == pytest.approx(1)
    reciprocal = np.linalg.inv(skewed.cell.array).T
    upright = np.array(found.miller) @ reciprocal * found.period_A
    assert np.abs(upright) == pytest.approx(np.abs(found.normal), abs=1e-12)


def test_a_distortion_of_a_millionth_changes_nothing():
    for name in ("graphite", "hBN", "Bi2Te3"):
        atoms = LAYERED[name].atoms()
        rng = np.random.default_rng(1)
        bent = atoms.copy()
        bent.set_cell(atoms.cell.array @ (np.eye(3) + 1e-6 * rng.normal(size=(3, 3))), scale_atoms=True)
        one, other = find_layers(atoms), find_layers(bent)
        assert other.interlayer_distance_A == pytest.approx(one.interlayer_distance_A, abs=1e-4)
        assert other.dimensionality.score == pytest.approx(one.dimensionality.score, abs=1e-4)
        assert [x.kind for x in other.layers] == [x.kind for x in one.layers]
        assert other.miller == one.miller


def test_a_crystal_pressed_together_stops_being_layered_once():
    """Where its score as a network passes that as layers: f(gap) = (1 + f(bond))/2, by Larsen's f."""
    a = 2.77
    bond = a / (2 * 1.32)  # of copper's covalent radii
    unbonded = lambda x: ((x - 1) / 0.15) ** 2 / (1 + ((x - 1) / 0.15) ** 2)  # noqa: E731
    kinds = []
    for gap in np.linspace(1.1, 1.6, 26):
        cell = [[a, 0, 0], [-a / 2, a * np.sqrt(0.75), 0], [0, 0, gap * 2 * 1.32]]
        stacked = Atoms("Cu", cell=cell, pbc=True)
        expected = unbonded(gap) - unbonded(bond) > 1 - unbonded(gap)
        kinds.append(dimensionality(stacked).kind)
        assert (kinds[-1] == "2D") == expected
    assert kinds[0] == "3D" and kinds[-1] == "2D" and sum(x != y for x, y in pairwise(kinds)) == 1


def test_a_bond_scale_of_ones_own_overrules_the_gap():
    lithium = OTHERS["LiCoO2"][1]
    with pytest.raises(NotLayeredError, match=r"but molecules and layers \(0D\+2D"):
        find_layers(lithium, bond_scale=1.0)
    with pytest.raises(NotLayeredError, match="but a 3D network"):
        find_layers(LAYERED["graphite"].atoms(), bond_scale=2.5)
    assert len(find_layers(LAYERED["BiOCl"].atoms(), bond_scale=1.3).layers) == 1


def test_molecules_between_layers_are_no_stack():
    """Graphite opened, with nitrogen in between."""
    atoms = LAYERED["graphite"].atoms()
    layer = atoms[np.abs(atoms.positions[:, 2] - 1.677) < 0.1].repeat((3, 3, 1))
    layer.set_cell([*layer.cell.array[:2], [0, 0, 7.0]])
    layer += Atoms("N2", [(3, 3, 5.2), (3, 3, 6.3)])
    with pytest.raises(NotLayeredError, match="but molecules and layers"):
        find_layers(layer)


def test_layers_that_cross_are_no_stack():
    """Two open nets of carbon chains, one through the other's meshes at a right angle, 4.2 Å from chain to chain."""
    along = 1.4 * np.arange(6)
    across = along[1:]
    zero, rest = np.zeros(6), np.zeros(5)
    flat = np.concatenate([np.array([along, zero, zero]).T, np.array([rest, across, rest]).T])
    upright = flat[:, [2, 1, 0]] + 4.2
    with pytest.raises(NotLayeredError, match=r"^C has layers that cross each other: no stack"):
        find_layers(Atoms("C22", np.concatenate([flat, upright]), cell=[8.4] * 3, pbc=True))


def test_nets_that_run_through_each_other_are_no_stack():
    """A square lattice whose atoms are joined along the diagonals alone, by arches above and below each other."""
    steps, heights = np.array([1.3, 2.1, 3.5, 4.3]), np.array([0.65, 1.85, 1.85, 0.65])
    steps /= np.sqrt(2)  # along either vector
    over, under = np.array([steps, steps, heights]).T, np.array([steps, -steps, -heights]).T
    side = 5.6 / np.sqrt(2)
    nets = Atoms("C9", np.concatenate([np.zeros((1, 3)), over, under]), cell=[side, side, 9.0], pbc=True)
    with pytest.raises(NotLayeredError, match=r"^C has nets that run through each other in one layer"):
        find_layers(nets)


def test_two_kinds_of_layers_are_told_apart():
    found = find_layers(sheets())
    assert [layer.formula for layer in found.layers] == ["Cu", "Ag"]
    assert [layer.kind for layer in found.layers] == [0, 1]
    uneven = sheets()
    uneven.positions[1, 2] += 0.3
    gaps = find_layers(uneven).gaps
    assert [gap.distance_A for gap in gaps] == pytest.approx([3.4, 2.8])


def test_layers_of_one_formula_and_two_shapes_are_two_kinds():
    atoms = LAYERED["MoS2"].atoms()
    below = np.flatnonzero(atoms.get_scaled_positions()[:, 2] < 0.5)
    atoms.positions[below, 2] += 0.1 * np.sign(atoms.positions[below, 2] - atoms.positions[below, 2].mean())
    assert sorted(layer.kind for layer in find_layers(atoms).layers) == [0, 1]


@given(TRIPLE)
def test_a_basis_holds_the_plane_and_fills_space(h):
    divisor = np.gcd.reduce(h)
    if not divisor:
        return
    h = np.array(h) // divisor
    basis = basis_with_plane(h)
    assert (basis @ h).tolist() == [0, 0, 1]
    assert abs(round(np.linalg.det(basis))) == 1


@given(st.lists(TRIPLE, max_size=6))
def test_a_lattice_has_the_rank_and_the_volume_of_its_vectors(vectors):
    lattice = IntegerLattice()
    for vector in vectors:
        lattice.put_in(vector)
    rank = int(np.linalg.matrix_rank(np.array(vectors).reshape(-1, 3))) if vectors else 0
    assert lattice.rank == rank
    if rank == 3:  # the cell's volume is the greatest common divisor of all minors
        minors = [round(np.linalg.det(np.array(three))) for three in combinations(vectors, 3)]
        assert abs(round(np.linalg.det(lattice.basis))) == np.gcd.reduce(minors)
    if rank == 2:
        crosses = [np.cross(u, v) for u, v in combinations(vectors, 2)]
        assert index_in_plane(lattice.basis) == np.gcd.reduce(np.concatenate(crosses))
        assert all(normal_of(lattice.basis) @ np.array(v) == 0 for v in vectors)


@given(st.randoms(use_true_random=False))
def test_components_do_not_depend_on_the_order_of_edges(random):
    edges = [(0, 1, (0, 0, 0)), (1, 0, (1, 0, 0)), (1, 2, (0, 1, 0)), (2, 0, (0, 0, 0))]
    edges += [(3, 4, (0, 0, 1)), (4, 3, (0, 0, 1))]
    random.shuffle(edges)
    graph = PeriodicGraph(5)
    for edge in edges:
        graph.add(*edge)
    sheet, chain = graph.components()
    assert (sheet.nodes.tolist(), sheet.lattice.rank) == ([0, 1, 2], 2)
    assert chain.nodes.tolist() == [3, 4]
    assert np.abs(chain.lattice.basis).tolist() == [[0, 0, 2]]  # either direction of a chain will do
