"""Dispersion whose C6 follow the atoms: derivatives, limits, a second code, and where it must be refused."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch_sim as ts
from ase import Atoms
from ase.build import bulk, molecule
from ase.units import Bohr, Hartree

from potentials import load
from potentials.ase_potential import AsePotential
from potentials.dispersion import Dispersion, DispersionCountedError, DispersionError, add_dispersion
from potentials.dispersion.c6 import C6Potential, c6
from potentials.dispersion.coefficients import c6_eV_A6, d4_properties
from potentials.dispersion.damping import Damping, damping_of
from potentials.dispersion.libraries import library
from potentials.dispersion.model import Reach
from potentials.dispersion.pair_sum import PairList, combined, pair_sum
from potentials.dispersion.three_body import triple_sum, triples
from potentials.neighbours import NeighbourOverflowError, Structure, batch_pairs
from potentials.potential import structure_of
from potentials.registry import LoadError, UnknownPotentialError, check_name
from potentials.sum_potential import SumPotential
from potentials.torch_sim_adapter import dynamics_model, features_of
from potentials.training import fine_tune
from potentials.training.lineage import held_by

NEAR = Reach(12.0, 3.0, 7.0, 1.5)
"""Short sums, for derivatives: no law here depends on how far is summed."""
STEP = 1e-3
FIVE_POINTS = ((-2, 1), (-1, -8), (1, 8), (2, -1))


@pytest.fixture(scope="module")
def seven():
    return load("7net-0", "cpu", dtype="float64")


@pytest.fixture(scope="module")
def alone(seven):
    """By whether triples are in: dispersion without 7net-0's energy, PBE's damping."""
    far = c6(Dispersion(functional="pbe"), seven)
    return {three: C6Potential(seven, far.damping, three, False, far.metadata, NEAR) for three in (False, True)}


@pytest.fixture(scope="module")
def far(seven):
    return c6(Dispersion(functional="pbe"), seven)


@pytest.fixture(scope="module")
def whole(seven):
    return add_dispersion(seven, Dispersion())


def graphite(distance_A=3.35):
    sites = [(0, 0, 0.25), (1 / 3, 2 / 3, 0.25), (0, 0, 0.75), (2 / 3, 1 / 3, 0.75)]
    return Atoms("C4", scaled_positions=sites, cell=[2.461, 2.461, 2 * distance_A, 90, 90, 120], pbc=True)


def sheared():
    """TiS2, every atom and the cell moved: no symmetry hides an error."""
    sites = [(0, 0, 0.5), (1 / 3, 2 / 3, 0.75), (2 / 3, 1 / 3, 0.25)]
    atoms = Atoms("TiS2", scaled_positions=sites, cell=[3.4, 3.4, 5.7, 90, 90, 120], pbc=True)
    atoms.rattle(0.1, seed=3)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * np.random.default_rng(0).normal(size=(3, 3))), True)
    return atoms


def boxed(name, side_A=14.0):
    atoms = molecule(name)
    atoms.set_cell([side_A] * 3)
    atoms.center()
    atoms.pbc = True
    return atoms


def energy(potential, *structures):
    return [e.energy_eV for e in potential.evaluate(list(structures))]


def difference(potential, moved):
    """dE/dx by five points; moved(step) -> Structure."""
    values = energy(potential, *(moved(k * STEP) for k, _ in FIVE_POINTS))
    return sum(w * e for (_, w), e in zip(FIVE_POINTS, values, strict=True)) / (12 * STEP)


@pytest.mark.parametrize("three_body", [False, True])
def test_forces_and_stress_are_differences_of_the_energy(alone, three_body):
    potential, s = alone[three_body], structure_of(sheared())
    found = potential.evaluate([s])[0]
    for atom, axis in ((0, 0), (1, 2), (2, 1)):

        def moved(step, atom=atom, axis=axis):
            x = s.positions.copy()
            x[atom, axis] += step
            return Structure(s.numbers, x, s.cell)

        # In float64 five points of 1e-3 Å are exact to 1e-11; the issue asks for 1e-5
        assert -difference(potential, moved) == pytest.approx(found.forces_eV_A[atom, axis], abs=1e-8)
    for i, j in ((2, 2), (0, 1)):

        def strained(step, i=i, j=j):
            f = np.eye(3)
            f[i, j] += step / 2
            f[j, i] += step / 2
            return Structure(s.numbers, s.positions @ f, s.cell @ f)

        slope = difference(potential, strained) / s.volume_A3
        assert slope == pytest.approx(found.stress_eV_A3[i, j], abs=1e-9)


def test_forces_hold_the_change_of_c6_with_positions(alone):
    potential, s = alone[False], structure_of(sheared())
    found = potential.evaluate([s])[0]
    potential.model.frozen = True
    try:
        frozen = potential.evaluate([s])[0]
    finally:
        potential.model.frozen = False
    assert frozen.energy_eV == found.energy_eV
    # 1e-3 eV/Å is far above what differences resolve and what a relaxation leaves
    assert np.abs(frozen.forces_eV_A - found.forces_eV_A).max() > 1e-3


def test_one_network_call_gives_the_sum(seven, whole):
    assert isinstance(whole, C6Potential) and whole.whole
    s = structure_of(sheared())
    together, near = whole.evaluate([s])[0], seven.evaluate([s])[0]
    beside = c6(Dispersion(), seven).evaluate([s])[0]
    assert together.energy_eV == pytest.approx(near.energy_eV + beside.energy_eV, abs=1e-10)
    np.testing.assert_allclose(together.forces_eV_A, near.forces_eV_A + beside.forces_eV_A, atol=1e-10)
    np.testing.assert_allclose(together.stress_eV_A3, near.stress_eV_A3 + beside.stress_eV_A3, atol=1e-10)
    np.testing.assert_allclose(together.features, near.features, atol=1e-10)
    np.testing.assert_allclose(whole.descriptors(s), near.features, atol=1e-10)


@pytest.mark.parametrize("three_body", [False, True])
def test_supercells_and_batches_change_nothing(alone, three_body):
    potential, one, other = alone[three_body], sheared(), bulk("Si")
    (e,), many = energy(potential, structure_of(one)), structure_of(one.repeat((2, 1, 2)))
    got = energy(potential, structure_of(other), many, structure_of(one))
    assert got[1] == pytest.approx(4 * e, abs=1e-12)
    assert got[2] == pytest.approx(e, abs=1e-12)
    assert got[0] == pytest.approx(energy(potential, structure_of(other))[0], abs=1e-12)


def test_far_fragments_add_up(alone):
    """Two molecules whose images and selves lie beyond all cut-offs."""
    one, other = boxed("CO2", 40), boxed("CH3OH", 40)
    both = one.copy()
    shifted = other.copy()
    shifted.positions[:, 0] += 40
    both.set_cell([80, 40, 40])
    both += shifted
    for potential in alone.values():
        e = energy(potential, *(structure_of(x) for x in (one, other, both)))
        assert e[2] == pytest.approx(e[0] + e[1], abs=1e-12)


def test_an_exactly_hexagonal_cell_is_as_one_distorted_by_a_millionth(alone):
    start = graphite()
    for potential in alone.values():
        found = potential.evaluate([structure_of(start)])[0]
        largest = np.abs(found.stress_eV_A3).max() * start.get_volume()
        for k in range(4):
            moved = start.copy()
            deformation = np.eye(3) + 1e-6 * np.random.default_rng(k).uniform(-1, 1, (3, 3))
            moved.set_cell(moved.cell.array @ deformation, scale_atoms=True)
            other = potential.evaluate([structure_of(moved)])[0]
            # First order, nine components of at most 1e-6 each, and nothing that jumps
            assert abs(other.energy_eV - found.energy_eV) < 9 * 1e-6 * largest + 1e-9
            np.testing.assert_allclose(other.forces_eV_A, found.forces_eV_A, atol=1e-5)


def test_two_far_atoms_attract_as_minus_c6_over_r6(far):
    """E r⁶/−C6 = 1 + (C8/C6)/r² + ..., C6 that which the potential tells."""
    excess = []
    for r in (12.0, 16.0, 19.5):  # pairs are switched from 20 Å on
        pair = Atoms("Ar2", [[0, 0, 0], [0, 0, r]], cell=[50, 50, 50 + r], pbc=True)
        s = structure_of(pair)
        coefficients = c6_eV_A6(far, s)
        assert coefficients[0] == pytest.approx(coefficients[1])
        excess.append((energy(far, s)[0] * r**6 / -coefficients[0] - 1) * r**2)
    assert all(0 < x < 20 for x in excess)
    # What is left falls as r⁻⁴ against the C8 term's r⁻²: a few per cent of it at 12 Å
    assert excess[0] == pytest.approx(excess[2], rel=0.1) and excess[1] == pytest.approx(excess[2], rel=0.05)


def test_energy_ends_softly_at_the_cutoff(far):
    def dimer(r):
        return Structure(np.array([18, 18]), np.array([[0, 0, 0], [0, 0, r]]), np.diag([60.0, 60.0, 60.0 + r]))

    near, end, beyond = energy(far, dimer(21.0), dimer(23.999), dimer(24.001))
    assert near < 0 and beyond == 0 and abs(end) < 1e-9 * abs(near)


def of_two(r_A, held):
    """Energy of two atoms with C6 = α = 1, undamped, and its slope along the pair vector."""
    one = torch.tensor([0])
    pairs = PairList(
        torch.tensor([[0.0, 0.0, r_A / Bohr]], dtype=torch.float64), one, one + 1, one, torch.zeros(2).long(), 1
    )
    ones, none = torch.ones(2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    found = pair_sum(pairs, ones, ones, none, none, (1.0, 0.0, held), 1e3, 1.0)
    return float(found.energy), float(found.by_vector[0, 2])


@pytest.mark.parametrize(("r_A", "left"), [(3.0, 0.6), (5.0, 0.6), (7.5, 0.8), (10.0, 1.0), (20.0, 1.0)])
def test_what_a_potential_holds_is_left_out_where_it_looks_and_never_far_away(r_A, left):
    energy, slope = of_two(r_A, 0.4)
    assert energy == pytest.approx(-left / (r_A / Bohr) ** 6, rel=1e-12)
    step = 1e-4 * Bohr
    difference = (of_two(r_A + step, 0.4)[0] - of_two(r_A - step, 0.4)[0]) / 2e-4
    assert slope == pytest.approx(difference, rel=1e-6)  # of the step's third order


def by_dftd4(atoms, s6=1.0, s8=0.0, s9=0.0):
    """Energy, eV, of a cluster, with damping of PBE."""
    from dftd4.interface import DampingParam, DispersionModel

    pbe = damping_of("pbe")
    model = DispersionModel(atoms.numbers, atoms.positions / Bohr)
    param = DampingParam(s6=s6, s8=s8, s9=s9, a1=pbe.a1, a2=pbe.a2_bohr)
    return float(model.get_dispersion(param, grad=False)["energy"]) * Hartree, model.get_properties()


def in_pairs(atoms, far):
    """All that the sums need of a cluster, with dftd4's C6 and α in place of the head's."""
    i, j = np.triu_indices(len(atoms), 1)
    x = torch.as_tensor(atoms.positions / Bohr)
    first, second = torch.as_tensor(i), torch.as_tensor(j)
    atom_system = torch.zeros(len(atoms), dtype=torch.long)
    pairs = PairList(x[second] - x[first], first, second, torch.zeros_like(first), atom_system, 1)
    return pairs, far.model.network.kinds[far.model.types_of(torch.as_tensor(atoms.numbers))]


@pytest.mark.parametrize("name", ["C6H6", "CH3CH2OH", "SiH4"])
def test_sums_are_dftd4s_where_its_c6_are_put_in(far, name):
    """A second code: what differs is London's rule for unlike atoms, exact to 1 % (0.3 % as measured)."""
    atoms = molecule(name)
    pairs, kinds = in_pairs(atoms, far)
    ratios, radii = far.model.network.tables()
    for s8 in (0.0, 1.0):
        expected, properties = by_dftd4(atoms, s8=s8)
        six, alpha = np.diag(properties["c6 coefficients"]).copy(), properties["polarizabilities"]
        inputs = torch.as_tensor(six), torch.as_tensor(alpha)
        one, other = kinds[pairs.first], kinds[pairs.second]
        got = pair_sum(pairs, *inputs, ratios[one, other], radii[one, other], (1.0, s8, 0.0), 1e3, 1.0)
        assert float(got.energy) * Hartree == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("symbol", "side_A"), [("Ar", 3.8), ("P", 2.2), ("C", 1.6)])
def test_triples_are_dftd4s_where_atoms_bear_no_charge(far, symbol, side_A):
    """D4 puts C6 of uncharged atoms into its triples, this sum those of the pairs: alike where atoms are alike."""
    corners = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    atoms = Atoms(symbol * 4, side_A / 8**0.5 * np.array(corners))
    pairs, kinds = in_pairs(atoms, far)
    three, properties = by_dftd4(atoms, s6=0.0, s9=1.0)
    inputs = (
        torch.as_tensor(np.diag(properties["c6 coefficients"]).copy()),
        torch.as_tensor(properties["polarizabilities"]),
    )
    got = triple_sum(pairs, *inputs, kinds, far.model.network.tables()[1], 1e3, 1.0)
    assert float(got.energy) * Hartree == pytest.approx(three, rel=1e-6)  # Q is kept in single precision


def test_every_triple_is_met_once():
    """Of a half list of a crystal's images, against all of them counted by hand."""
    s = structure_of(bulk("NaCl", "rocksalt", a=5.6))
    reach = 6.0
    pairs = batch_pairs([s], reach)
    vectors = torch.as_tensor(pairs.vectors)
    p, q = (torch.cat(part) for part in zip(*triples(torch.as_tensor(pairs.first)), strict=True))
    third = (vectors[q] - vectors[p]).norm(dim=1)
    met = int((third < reach).sum())
    both = np.concatenate([pairs.vectors, -pairs.vectors])
    begin = np.concatenate([pairs.first, pairs.second])
    count = 0
    for atom in range(2):
        v = both[begin == atom]
        d = np.linalg.norm(v[:, None] - v[None], axis=2)
        count += int(((d < reach) & (d > 1e-6)).sum())
    assert met == count / 6  # from each of three atoms, in two orders


def test_londons_rule_is_near_dftd4s_own_c6_of_unlike_atoms():
    errors = []
    for atoms in (boxed("CH3OH"), boxed("H2O"), bulk("NaCl", "rocksalt", a=5.64), bulk("GaAs", "zincblende", a=5.65)):
        found = d4_properties(structure_of(atoms))
        table, alpha = torch.as_tensor(found["c6 coefficients"]), torch.as_tensor(found["polarizabilities"])
        own = table.diagonal()
        ours = combined(own[:, None], own[None], alpha[:, None], alpha[None])
        errors += (ours / table - 1).abs()[table.triu(1) > 0].tolist()
    assert np.median(errors) < 0.01 and max(errors) < 0.05  # docs/dispersion.md has the figures of many


def test_carbon_is_not_carbon(far):
    d4 = library(Dispersion("d4", "pbe"))
    found = {}
    for name, atoms in {"graphite": graphite(), "diamond": bulk("C"), "CO2": boxed("CO2")}.items():
        found[name], theirs = (c6_eV_A6(potential, structure_of(atoms))[0] for potential in (far, d4))
        assert found[name] == pytest.approx(theirs, rel=0.1)  # none of the three was in the recipe
    assert found["graphite"] > 1.15 * found["diamond"] and found["graphite"] > 1.15 * found["CO2"]


@pytest.mark.parametrize("atoms", [graphite(), bulk("NaCl", "rocksalt", a=5.64), bulk("Si"), boxed("C6H6", 10)])
def test_energies_are_near_d4s_with_its_parameters(far, atoms):
    """5 % of C6, and triples, which d4 has and which are left out of both here."""
    s = structure_of(atoms)
    d4 = library(Dispersion("d4", "pbe", three_body=False))
    # Both fade at the end of their sums, this one 8 Å before d4's: 1 % of the energy
    assert energy(far, s)[0] == pytest.approx(energy(d4, s)[0], rel=0.08)


def test_dynamics_keep_the_energy(whole):
    state = ts.initialize_state([graphite()], device=torch.device("cpu"), dtype=torch.float64)
    model = dynamics_model(whole)
    found, expected = model(state), whole.evaluate([structure_of(graphite())])[0]
    assert float(found["energy"][0]) == pytest.approx(expected.energy_eV, abs=1e-9)
    np.testing.assert_allclose(found["forces"].numpy(), expected.forces_eV_A, atol=1e-9)
    assert features_of(model).shape == (4, 128)
    masses = torch.full((4, 1), 12.011, dtype=torch.float64)
    v = 0.01 * torch.randn((4, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    v -= v.mean(0)
    totals, dt = [], 0.05  # Å √(u/eV): half a femtosecond
    for _ in range(20):
        v = v + 0.5 * dt * found["forces"] / masses
        state.positions = state.positions + dt * v
        found = model(state)
        v = v + 0.5 * dt * found["forces"] / masses
        totals.append(float(found["energy"][0]) + 0.5 * float((masses * v * v).sum()))
    # Of second order in the step: its share of the kinetic energy of some 10 meV
    assert max(totals) - min(totals) < 2e-4


def test_single_precision_is_near_double(whole):
    single = add_dispersion(load("7net-0", "cpu"), Dispersion())
    s = structure_of(sheared())
    one, two = single.evaluate([s])[0], whole.evaluate([s])[0]
    assert single.precision == "float32" and single.in_double_precision().precision == "float64"
    assert single.in_double_precision().in_double_precision() is single.in_double_precision()
    assert one.energy_eV == pytest.approx(two.energy_eV, abs=1e-4)  # 7 digits of 20 eV
    np.testing.assert_allclose(one.forces_eV_A, two.forces_eV_A, atol=1e-4)


def test_any_potential_gets_it():
    lj = load("lj", "cpu", sigma_A=2.3, epsilon_eV=0.1)
    with pytest.raises(DispersionCountedError) as told:
        add_dispersion(lj, Dispersion())
    assert str(told.value) == (
        "it holds dispersion already (its r^-6 term), and a sum would count it twice; leave the dispersion away, or "
        "say insist: true"
    )
    both = add_dispersion(lj, Dispersion(insist=True))
    assert isinstance(both, SumPotential) and both.metadata.dispersion == "c6, beside what it holds (its r^-6 term)"
    s = structure_of(bulk("Ar", a=5.3))
    assert energy(both, s)[0] == pytest.approx(energy(lj, s)[0] + energy(both.far, s)[0])
    assert both.far.damping.name == "pbe"  # nothing was fitted to it
    np.testing.assert_allclose(c6_eV_A6(both, s), c6_eV_A6(both.far, s))
    # Nothing has none, and d3's library does not tell its own
    assert c6_eV_A6(lj, s) is None and c6_eV_A6(library(Dispersion("d3", "pbe")), s) is None


def test_elements_that_nobody_knows_are_named(far):
    s = structure_of(Atoms("Po", cell=[3.3] * 3, pbc=True))
    with pytest.raises(ValueError, match=r"^the potential does not know Po$"):
        far.evaluate([s])
    with pytest.raises(ValueError, match=r"^the potential does not know Po$"):
        c6_eV_A6(far, s)


def test_a_collapsed_cell_is_told(far):
    with pytest.raises(NeighbourOverflowError, match="collapsed"):
        far.evaluate([Structure(np.array([6, 6]), np.zeros((2, 3)), 0.5 * np.eye(3))])


def refused(call):
    with pytest.raises((LoadError, DispersionError, UnknownPotentialError)) as told:
        call()
    return str(told.value)


def test_dispersion_is_refused_where_it_is_held_or_unknown(seven):
    assert refused(lambda: load("emt+c6", "cpu")) == (
        "'emt+c6' cannot be loaded: it holds dispersion already (by its fit to experiment), and a sum would count it "
        "twice; leave the dispersion away, or say insist: true"
    )
    assert refused(lambda: load("ase:ase.calculators.morse:MorsePotential+d4", "cpu")) == (
        "'ase:ase.calculators.morse:MorsePotential+d4' cannot be loaded: it does not tell whether the energies it was "
        "trained on hold dispersion; leave the dispersion away, or say insist: true"
    )
    twice = add_dispersion(seven, Dispersion())
    with pytest.raises(DispersionCountedError, match=r"^it holds dispersion already \(c6\), and a sum would count it"):
        add_dispersion(twice, Dispersion("d3"))


@pytest.mark.parametrize(
    ("oracle", "held"),
    [
        ({"code": "gpaw", "xc": "PBE"}, "none"),
        ({"name": "7net-l3i5"}, "none"),
        ({"code": "gpaw", "xc": "vdW-DF"}, "vdW-DF of its oracle"),
        ({"code": "gpaw", "xc": "BEEF-vdW"}, "BEEF-vdW of its oracle"),
        ({"code": "vasp", "xc": "rVV10"}, "rVV10 of its oracle"),
        ({"name": "labels.xyz", "xc": "r2SCAN-D4"}, "r2SCAN-D4 of its oracle"),
        ({"code": "vasp", "xc": "PBE", "options": {"ivdw": 12}}, "ivdw 12 of its oracle"),
        ({"code": "espresso", "xc": "PBE", "options": {"vdw_corr": "none"}}, "none"),
        ({"name": "7net-0+d4", "parameters": {"dispersion": {"name": "d4"}}}, "d4 of its oracle"),
        ({"name": "my labels"}, None),
    ],
)
def test_what_labels_hold_is_told_by_their_oracle(oracle, held):
    assert held_by(oracle) == held


def test_names_and_settings_are_checked(seven):
    assert refused(lambda: check_name("7net-0+d5")) == "unknown dispersion 'd5' in '7net-0+d5'; use one of c6, d4, d3"
    assert refused(lambda: load("7net-0+d4", "cpu", dispersion={"functional": "pbe"})) == (
        "'7net-0+d4' cannot be loaded: dispersion: the name says d4 already; give the settings and the bare name"
    )
    known = "am05, blyp, bp, hse06, pbe, pbe0, pbesol, pw91, r2scan, revpbe, rpbe, rscan, scan"
    assert refused(lambda: c6(Dispersion(functional="pbx"), seven)) == (
        f"dispersion: c6 has no damping parameters for 'pbx'; it has those of {known}"
    )
    assert refused(lambda: Dispersion.of({"method": "c6", "cutoff": 3})) == (
        "dispersion: unknown key 'cutoff'; there are method, functional, three_body, insist"
    )
    assert refused(lambda: Dispersion("c7")) == "dispersion: method must be one of c6, d4, d3 (is 'c7')"


def test_damping_is_the_potentials_own_unless_a_functional_is_asked_for(seven):
    own, asked = c6(Dispersion(), seven), c6(Dispersion(functional="PBE"), seven)
    assert own.damping.name == "fitted to 7net-0" and asked.damping == damping_of("pbe")
    s = structure_of(graphite())
    # Negative: weaker than PBE's, but no less than half
    assert energy(asked, s)[0] < energy(own, s)[0] < 0.5 * energy(asked, s)[0]
    assert own.metadata.parameters["damping"]["name"] == "fitted to 7net-0"
    assert own.metadata.parameters != asked.metadata.parameters


def test_a_head_reads_only_the_network_it_was_trained_on(seven):
    other = copy(seven)
    other.metadata = replace(other.metadata, checkpoint="mine.pth", checkpoint_sha256="0" * 64)
    damping = Damping(1, 1, 0.4, 4.8, "x")
    assert refused(lambda: C6Potential(other, damping, False, False, other.metadata)) == (
        "dispersion: c6 reads the features of 7net-0 as its head knows it, and mine.pth is another checkpoint; train "
        "the head anew (campaigns/dispersion/train.py)"
    )
    # Beside it 7net-0's own are computed
    assert isinstance(add_dispersion(other, Dispersion()), SumPotential)


def test_dispersion_is_not_what_is_learnt(tmp_path):
    assert refused(lambda: fine_tune("7net-0+c6", [], tmp_path / "x.pth")) == (
        "'7net-0+c6' cannot be fine-tuned: dispersion is added to what has learnt; fine-tune '7net-0' on labels "
        "without dispersion and load the checkpoint as 'NAME.pth+c6'"
    )


def test_library_dispersion_is_a_sum(seven):
    for name in ("d3", "d4"):
        both = add_dispersion(seven, Dispersion(name))
        assert isinstance(both.far, AsePotential) and both.metadata.dispersion == name
        s = structure_of(graphite())
        assert -1.0 < energy(both.far, s)[0] < -0.1
