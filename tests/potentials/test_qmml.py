"""QM/ML: every interaction once, forces and stress exact at the caps, nothing gained by shifting or wrapping."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from potentials import load
from potentials.conformance import check_forces, check_identity, check_stress
from potentials.neighbours import Structure
from potentials.potential import structure_of
from potentials.qmml import QMError, TopologyError, loop_work_eV, measured_drift, qmml
from potentials.qmml.methods import DFTMethod, PotentialMethod, XtbMethod
from tests.potentials.qmml_systems import CORE, OTHER, SOFT, alkane, gentle, methyl, silicon, soft, stand_in


def evaluated(potential, atoms):
    return potential.evaluate([structure_of(atoms)])[0]


def test_equal_methods_give_the_whole_potential_back():
    """With links, over the cell's boundary; to rounding of sums of some hundred eV."""
    sphere = {"region": {"sphere": {"centre": 3, "radius_A": 4.0}}, "buffer": None}
    for settings in ({}, {"buffer": {"hops": 2}}, sphere):
        potential = stand_in(parameters=SOFT, **settings)
        assert potential.clusters[0].n_caps >= 12
        alone, both = evaluated(soft(), silicon()), evaluated(potential, silicon())
        assert both.energy_eV == pytest.approx(alone.energy_eV, abs=1e-10)
        assert np.abs(both.forces_eV_A - alone.forces_eV_A).max() < 1e-10
        assert np.abs(both.stress_eV_A3 - alone.stress_eV_A3).max() < 1e-10


def test_equal_networks_give_the_whole_network_back():
    """7net-0 in 7net-0, float64."""
    network = load("7net-0", "cpu", dtype="float64")
    potential = qmml(network, silicon(), {"method": "potential", "model": "lj", **CORE})
    potential.qm = PotentialMethod(network)  # saves loading it again
    alone, both = evaluated(network, silicon()), evaluated(potential, silicon())
    assert both.energy_eV == pytest.approx(alone.energy_eV, abs=1e-10)
    assert np.abs(both.forces_eV_A - alone.forces_eV_A).max() < 1e-10
    assert both.features is not None and both.features.shape == alone.features.shape


def test_what_is_not_taken_off_is_counted_twice():
    """The plain sum of both potentials, without the cluster's own E_ML, is wrong by just that."""
    potential = stand_in(parameters=SOFT)
    cluster = potential.clusters[0]
    structure = structure_of(silicon())
    box = cluster.in_box(cluster.positions(structure), potential.vacuum_A)
    quantum = potential.qm.evaluate([box], 0, 1)[0]
    alone = soft().evaluate([structure])[0]
    summed_eV = alone.energy_eV + quantum.energy_eV
    summed_eV_A = alone.forces_eV_A + cluster.pulled_back(quantum.forces_eV_A, 64)
    truth = evaluated(potential, silicon())
    assert summed_eV - truth.energy_eV == pytest.approx(quantum.energy_eV, abs=1e-9) and quantum.energy_eV < -1
    core = cluster.members[cluster.core][0]
    twice, once = summed_eV_A[core], truth.forces_eV_A[core]
    # All of the core atom's neighbours are counted twice, the next shell once
    assert twice @ once / (once @ once) == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("settings", [{}, {"buffer": {"radius_A": 4.0}}, {"cap": "F"}], ids=["H", "radius", "F"])
def test_forces_and_stress_are_derivatives(settings):
    """At caps' hosts and ends, and everywhere; 1e-6 eV/Å is the five-point rule's own error with these walls."""
    potential = stand_in(**settings)
    structure = structure_of(silicon())
    check_forces(potential, structure, 1e-5)
    check_stress(potential, structure, 1e-5)
    cluster = potential.clusters[0]
    forces = potential.evaluate([structure])[0].forces_eV_A
    for atom in (int(cluster.ends[0]), int(cluster.members[cluster.hosts[0]]), int(cluster.members[0])):
        for axis in range(3):
            assert difference(potential, structure, atom, axis) == pytest.approx(-forces[atom, axis], abs=1e-6)


def difference(potential, structure, atom, axis, step_A=1e-4):
    energies = []
    for h in (step_A, -step_A):
        moved = structure.positions.copy()
        moved[atom, axis] += h
        energies.append(potential.evaluate([Structure(structure.numbers, moved, structure.cell)])[0].energy_eV)
    return (energies[0] - energies[1]) / (2 * step_A)


def test_nothing_comes_of_shifting_and_wrapping():
    potential, structure = stand_in(), structure_of(silicon())
    told = potential.evaluate([structure])[0]
    rng = np.random.default_rng(0)
    shifted = structure.positions + rng.normal(size=3) * 5 + rng.integers(-2, 3, size=(64, 3)) @ structure.cell
    again = potential.evaluate([Structure(structure.numbers, shifted, structure.cell)])[0]
    assert again.energy_eV == pytest.approx(told.energy_eV, abs=1e-9)
    assert np.abs(again.forces_eV_A - told.forces_eV_A).max() < 1e-9


def test_a_new_order_of_atoms_gives_the_same():
    atoms, order = silicon(), np.random.default_rng(3).permutation(64)
    told = evaluated(stand_in(atoms), atoms)
    where = int(np.flatnonzero(order == 0)[0])
    again = evaluated(stand_in(atoms[order], region={"atoms": [where]}), atoms[order])
    assert again.energy_eV == pytest.approx(told.energy_eV, abs=1e-9)
    assert np.abs(again.forces_eV_A - told.forces_eV_A[order]).max() < 1e-9


def test_a_supercell_adds_the_potentials_own_energy():
    atoms = silicon()
    double = atoms.repeat((2, 1, 1))
    grown = evaluated(stand_in(double), double).energy_eV - evaluated(stand_in(atoms), atoms).energy_eV
    assert grown == pytest.approx(evaluated(soft(), atoms).energy_eV, abs=1e-9)


def test_a_batch_is_what_its_structures_are_alone():
    potential = stand_in()
    several = [structure_of(silicon(r)) for r in (0.05, 0.02, 0.08)]
    for one, alone in zip(potential.evaluate(several), (potential.evaluate([s])[0] for s in several), strict=True):
        assert one.energy_eV == pytest.approx(alone.energy_eV, abs=1e-10)
        assert np.abs(one.forces_eV_A - alone.forces_eV_A).max() < 1e-10


def test_two_regions_add_up():
    atoms = silicon()
    far = int(np.argmax(atoms.get_distances(0, range(64), mic=True)))
    settings = {"region": None, "regions": [{"atoms": [0]}, {"atoms": [far]}], "buffer": None}
    both = evaluated(stand_in(atoms, **settings), atoms).energy_eV
    single = [evaluated(stand_in(atoms, region={"atoms": [k]}, buffer=None), atoms).energy_eV for k in (0, far)]
    assert both == pytest.approx(sum(single) - evaluated(soft(), atoms).energy_eV, abs=1e-9)


def test_momentum_is_kept_by_both_schemes():
    for scheme in ("subtractive", "force_mixing"):
        forces = evaluated(stand_in(scheme=scheme), silicon()).forces_eV_A
        assert np.abs(forces.sum(0)).max() < 1e-10
    mixed = stand_in(scheme="force_mixing")
    kept, (cluster,) = mixed.evaluate([structure_of(silicon())])[0].forces_eV_A, mixed.clusters
    alone = evaluated(soft(), silicon()).forces_eV_A
    outside = np.setdiff1d(np.arange(64), cluster.members[cluster.core])
    net = alone[outside] - kept[outside]
    assert np.ptp(net, axis=0).max() < 1e-12  # the same share
    assert np.abs(net).max() > 1e-5  # and there was one to take off


def test_forces_that_are_mixed_do_work_on_a_loop_and_subtractive_ones_none():
    structure, rng = structure_of(silicon()), np.random.default_rng(5)
    one, other = (0.05 * rng.normal(size=(64, 3)) for _ in range(2))
    schemes = [stand_in(scheme=s) for s in ("subtractive", "force_mixing")]
    works = [loop_work_eV(potential, structure, one, other, points=32) for potential in schemes]
    assert abs(works[0]) < 1e-5 < 1e-4 < abs(works[1])  # the rule on 32 points, of forces with kinks at the cut-off


def test_drift_is_measured():
    """Velocity Verlet's own error is bounded, and it is all that the subtractive scheme has."""
    atoms = silicon(0.02)
    runs = [
        measured_drift(stand_in(atoms, scheme=scheme), atoms, steps=60, step_fs=0.5, temperature_K=300)
        for scheme in ("subtractive", "force_mixing")
    ]
    spread = [np.abs(run.total_eV_per_atom).max() for run in runs]
    assert spread[0] < 1e-4 and spread[1] > 3 * spread[0]
    assert all(run.momentum_eV_fs_A < 1e-8 for run in runs)


def test_identity_tells_everything():
    plain, mixed = stand_in(), stand_in(scheme="force_mixing")
    check_identity(plain, structure_of(silicon()))
    assert plain.conservative and not mixed.conservative
    assert not plain.metadata.same_energies(soft().metadata.to_json())
    assert not plain.metadata.same_energies(mixed.metadata.to_json())
    told = plain.metadata.parameters["qmml"]
    assert told["regions"][0]["core"] == [0] and len(told["regions"][0]["cut_bonds"]) == 12
    assert mixed.metadata.parameters["qmml"]["energy"].endswith("not its derivatives")


def test_other_atoms_are_refused():
    potential = stand_in()
    atoms = silicon()
    del atoms[63]
    with pytest.raises(TopologyError) as refused:
        evaluated(potential, atoms)
    assert str(refused.value) == (
        "the region was chosen in a structure of 64 atoms (Si64), and this one has 63 (Si63); set QM/ML up for it, or "
        "give the same atoms in the same order"
    )


def test_bonds_that_break_or_form_across_the_boundary_are_refused():
    potential, atoms = stand_in(), silicon(0)
    cluster = potential.clusters[0]
    host, end = int(cluster.members[cluster.hosts[0]]), int(cluster.ends[0])
    pulled = atoms.copy()
    pulled.positions[end] += 0.6 * atoms.get_distance(host, end, mic=True, vector=True)
    with pytest.raises(TopologyError, match=f"the cut bond between atoms {host} and {end} is 3.76 Å long"):
        evaluated(potential, pulled)
    far = int(np.argmax(atoms.get_distances(0, range(64), mic=True)))
    joined = atoms.copy()
    joined.positions[far] = atoms.positions[0] + [-1.3, -1.3, -1.3]
    with pytest.raises(TopologyError, match=rf"atoms 0 \(of the region\) and {far} \(outside\) have come within 2.25"):
        evaluated(potential, joined)


@pytest.mark.parametrize("model", ["GFN2-xTB", "GFN1-xTB"])
def test_forces_are_derivatives_with_xtb(model):
    """A methyl group by xTB, the rest of butane by LJ; 1e-5 eV/Å is the self-consistent field's."""
    atoms = alkane(4)
    potential = qmml(gentle(), atoms, {"model": model, "region": {"atoms": methyl(atoms)}})
    assert potential.clusters[0].n_caps == 1
    check_forces(potential, structure_of(atoms), 1e-5)


def test_the_field_of_charges_acts_and_its_forces_are_derivatives():
    """Also of a charged radical, whose dipole hangs on the origin, and under strain."""
    atoms = alkane(5)
    charges = np.where(atoms.numbers == 6, -0.3, 0.13).tolist()
    embedded = {"electrostatic": {"charges": charges, "cutoff_A": 7.0}}
    for charge, spin in ((0, 1), (1, 2)):
        settings = {"region": {"atoms": methyl(atoms)}, "charge": charge, "multiplicity": spin, "insist": True}
        bare = qmml(gentle(), atoms, settings)
        potential = qmml(gentle(), atoms, settings | {"embedding": embedded})
        structure = structure_of(atoms)
        changed = potential.evaluate([structure])[0].energy_eV - bare.evaluate([structure])[0].energy_eV
        assert 1e-3 < abs(changed) < 1.0
        check_forces(potential, structure, 1e-5)
        check_stress(potential, structure, 1e-5)


def test_mixed_forces_in_a_field_are_those_of_the_quantum_method_in_it():
    """Nothing is taken off for fixed charges: E_ML of the whole has no say in the core, and counts nothing there."""
    atoms = alkane(5)
    charges = np.where(atoms.numbers == 6, -0.3, 0.13).tolist()
    embedding = {"electrostatic": {"charges": charges, "cutoff_A": 7.0}}
    settings = {"region": {"atoms": methyl(atoms)}, "embedding": embedding, "scheme": "force_mixing"}
    potential = qmml(gentle(), atoms, settings)
    (cluster,), structure = potential.clusters, structure_of(atoms)
    field = potential.fields[0].at(cluster, structure).value_V_A
    box = cluster.in_box(cluster.positions(structure), 10.0)
    (alone,) = potential.qm.evaluate([box], 0, 1, field)
    off = evaluated(potential, atoms).forces_eV_A[cluster.members] - alone.forces_eV_A[: len(cluster.members)]
    assert np.ptp(off, axis=0).max() < 1e-6  # the share that each atom's forces are less by


def test_a_field_changes_the_energy_by_minus_the_dipole():
    atoms = alkane(2)
    atoms.positions[2] += [0.3, 0.2, 0.1]
    method, structure = XtbMethod(), structure_of(atoms)
    step = np.array([1e-3, 2e-3, -1e-3])
    energies = [method.evaluate([structure], 0, 1, s * step)[0].energy_eV for s in (1, -1)]
    dipole = method.evaluate([structure], 0, 1)[0].dipole_eA
    assert (energies[0] - energies[1]) / 2 == pytest.approx(-dipole @ step, rel=1e-3)


def test_the_field_is_coulombs():
    """One charge five Å away, within the half of the cut-off in which nothing fades."""
    corners = 0.63 * np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]])
    atoms = Atoms("CH4Ar", [[0, 0, 0], *corners, [5, 0, 0]], cell=[30, 30, 30], pbc=True)
    settings = {"region": {"atoms": [0, 1, 2, 3, 4]}, "embedding": {"electrostatic": {"charges": [0] * 5 + [1.0]}}}
    potential = qmml(gentle(), atoms, settings)
    away = atoms.positions[:5] - atoms.positions[5]
    expected = 14.3996 * (away / np.linalg.norm(away, axis=1)[:, None] ** 3).mean(0)
    field = potential.fields[0].at(potential.clusters[0], structure_of(atoms)).value_V_A
    assert field == pytest.approx(expected, rel=1e-4)


def test_no_self_consistent_field_is_said_with_what_to_try():
    atoms = alkane(4)
    potential = qmml(gentle(), atoms, {"region": {"atoms": methyl(atoms)}, "options": {"max_iterations": 1}})
    with pytest.raises(QMError) as failed:
        evaluated(potential, atoms)
    said = str(failed.value)
    assert said.startswith("GFN2-xTB finds no self-consistent field of the cluster CH4 (charge 0, multiplicity 1; ")
    assert said.endswith(
        "; try options: {electronic_temperature_K: 1500}, another charge or multiplicity, or a larger region"
    )


def test_dft_is_asked_in_a_box_at_gamma():
    """Through the code's interface, with a calculator in the place of the code."""
    from ase.calculators.lj import LennardJones

    seen = []

    def code(settings, atoms, attempt, folder):
        seen.append((settings.grid(atoms), atoms.cell.lengths().min(), settings.xc))
        return LennardJones(sigma=OTHER["sigma_A"], epsilon=OTHER["epsilon_eV"])

    potential = stand_in()
    potential.qm = DFTMethod("PBE", {"cutoff_eV": 400}, calculator=code)
    told = evaluated(potential, silicon())
    assert told.finite and seen[0][0] == (1, 1, 1) and seen[0][1] > 14 and seen[0][2] == "PBE"
    with pytest.raises(QMError, match=r"multiplicity: dft computes closed shells here, multiplicity 1 \(is 3\)"):
        potential.qm.evaluate([structure_of(silicon())], 0, 3)


def test_a_molecule_without_a_cell_has_a_calculator():
    """The same energies as in a box; no stress."""
    boxed = alkane(4)
    free = boxed.copy()
    free.cell, free.pbc = None, False
    settings = {"method": "potential", "model": "lj", "options": OTHER, "region": {"atoms": methyl(boxed)}}
    expected = evaluated(qmml(gentle(), boxed, settings), boxed)
    free.calc = qmml(gentle(), free, settings).calculator()
    assert free.get_potential_energy() == pytest.approx(expected.energy_eV, abs=1e-9)
    assert np.abs(free.get_forces() - expected.forces_eV_A).max() < 1e-9
    assert "stress" not in free.calc.results
    free.rotate(50, "y")
    assert free.get_potential_energy() == pytest.approx(expected.energy_eV, abs=1e-9)


def test_double_precision_is_that_of_the_network():
    network = load("7net-0", "cpu")
    atoms = alkane(4)
    settings = {"method": "potential", "model": "lj", "options": OTHER, "region": {"atoms": methyl(atoms)}}
    potential = qmml(network, atoms, settings)
    double = potential.in_double_precision()
    assert (potential.precision, double.precision) == ("float32", "float64") and double.in_double_precision() is double
    structure = structure_of(atoms)
    forces = double.evaluate([structure])[0].forces_eV_A
    assert difference(double, structure, 0, 0) == pytest.approx(-forces[0, 0], rel=1e-5)  # inside LJ's wall
    assert replace(double.metadata, version="") != replace(potential.metadata, version="")


def test_a_region_follows_its_centre_with_hysteresis():
    atoms = silicon(0)
    settings = {"scheme": "force_mixing", "buffer": {"hops": 0}}
    sphere = {"centre": 0, "radius_A": 2.5, "follow": True, "leave_A": 3.2}
    potential = stand_in(atoms, region={"sphere": sphere}, **settings)
    start = set(potential.clusters[0].members[potential.clusters[0].core].tolist())
    neighbour = next(k for k in sorted(start) if k)
    away = atoms.get_distance(0, neighbour, mic=True, vector=True)
    for stretch, inside in ((0.2, True), (0.5, False), (0.2, False), (0.0, True)):
        moved = atoms.copy()
        moved.positions[neighbour] += stretch * away  # at 2.35, 2.82 and 3.53 Å
        evaluated(potential, moved)
        cluster = potential.clusters[0]
        assert (neighbour in cluster.members[cluster.core]) is inside
