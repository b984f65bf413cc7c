"""Coulomb sums against lattice sums, differences and torch-sim's own; force fields of ions; charges that settle."""

import json
import re

import numpy as np
import pytest
import torch
import torch_sim as ts
from ase.build import bulk
from ase.io import write
from torch_sim.models.electrostatics import EwaldModel

from potentials import LoadError, load
from potentials.conformance import check_forces, check_potential, check_stress, rattled, strained
from potentials.electrostatics.constants import COULOMB_EV_A as K
from potentials.electrostatics.splitting import Splitting
from potentials.neighbours import Structure
from potentials.potential import structure_of
from potentials.torch_sim_adapter import dynamics_model
from tests.potentials.ions import CHARGES, SALT, rattled_salt, salt, silver_iodide, skew

CPU = torch.device("cpu")
# By the distance of nearest neighbours: NaCl and ZnS as REFERENCES has them; CsCl (Sakamoto, J. Chem. Phys. 28, 164
# (1958)); and the simple cubic lattice of one charge in its background, by the lattice constant
CRYSTALS = {
    "NaCl": (bulk("NaCl", "rocksalt", a=5.64), 2.82, 1.74756459463318),
    "ZnS": (bulk("ZnS", "zincblende", a=5.4), 5.4 * 3**0.5 / 4, 1.63805505338879),
    "CsCl": (bulk("CsCl", "cesiumchloride", a=4.1), 4.1 * 3**0.5 / 2, 1.76267477307099),
    "Po": (bulk("Po", "sc", a=3.3), 3.3, 2.837297479 / 2),
}
SIGNS = {"Na": 1, "Cl": -1, "Zn": 1, "S": -1, "Cs": 1, "Po": 1}


def madelung(name, **options):
    atoms, length, _ = CRYSTALS[name]
    charges = {symbol: SIGNS[symbol] for symbol in set(atoms.symbols)}
    potential = load(options.pop("method", "ewald"), "cpu", charges=charges, **options)
    return -potential.evaluate([structure_of(atoms)])[0].energy_eV * length / K


@pytest.mark.parametrize("name", CRYSTALS)
def test_madelung_constants(name):
    """By Ewald to 1e-8 with the default accuracy, by PME to 1e-4."""
    assert madelung(name) == pytest.approx(CRYSTALS[name][2], abs=1e-8)
    assert madelung(name, method="pme") == pytest.approx(CRYSTALS[name][2], abs=1e-4)


@pytest.mark.parametrize("cutoff", [4.0, 7.0, 13.0])
def test_no_sum_depends_on_where_it_is_split(cutoff):
    s = skew(odd=1)
    expected, got = (load("ewald", "cpu", charges=CHARGES, **o).evaluate([s])[0] for o in ({}, {"cutoff_A": cutoff}))
    # Of energies of some 10 eV, 1e-8 is asked for
    assert got.energy_eV == pytest.approx(expected.energy_eV, abs=1e-6)
    assert got.forces_eV_A == pytest.approx(expected.forces_eV_A, abs=1e-6)
    assert got.stress_eV_A3 == pytest.approx(expected.stress_eV_A3, abs=1e-7)


@pytest.mark.parametrize("odd", [0, 1])
def test_forces_and_stress_are_derivatives_in_a_triclinic_cell(odd):
    """Of a charged cell too: its background's energy falls as 1/V."""
    p, s = load("ewald", "cpu", charges=CHARGES, accuracy=1e-12), skew(odd=odd)
    check_forces(p, s, 1e-4)
    check_stress(p, s, 1e-4)
    answer, h = p.evaluate([s])[0], 1e-5
    for a, b in ((0, 0), (1, 2)):
        strain = np.zeros((3, 3))
        strain[a, b] += h / 2
        strain[b, a] += h / 2
        up, down = (e.energy_eV for e in p.evaluate([strained(s, k * strain) for k in (1, -1)]))
        assert answer.stress_eV_A3[a, b] == pytest.approx((up - down) / (2 * h) / s.volume_A3, abs=1e-7)


def test_the_background_of_a_charged_cell():
    """A lone charge: only its images and its background act on it, and the pressure is −E/3V as of any 1/r energy."""
    p = load("ewald", "cpu", charges={"Na": 1})
    answer, volume = p.evaluate([structure_of(bulk("Na", "sc", a=3.0))])[0], 27.0
    assert answer.stress_eV_A3 == pytest.approx(-np.eye(3) * answer.energy_eV / (3 * volume), abs=1e-9)


@pytest.mark.parametrize("method", ["ewald", "pme"])
def test_a_left_handed_cell_is_the_same_lattice(method):
    s = skew()
    mirrored = Structure(s.numbers, s.positions, s.cell[[1, 0, 2]])
    one, other = load(method, "cpu", charges=CHARGES).evaluate([s, mirrored])
    assert other.energy_eV == pytest.approx(one.energy_eV, abs=1e-8)
    assert other.forces_eV_A == pytest.approx(one.forces_eV_A, abs=1e-8)
    assert other.stress_eV_A3 == pytest.approx(one.stress_eV_A3, abs=1e-9)


def test_torch_sims_ewald_says_the_same():
    """Another code altogether, nvalchemiops' kernels, on a batch of a neutral and a charged cell."""
    batch = [skew(), skew(odd=1)]
    ours = load("ewald", "cpu", charges=CHARGES).evaluate(batch)
    state = ts.initialize_state([_atoms(s) for s in batch], CPU, torch.float64)
    numbers = np.concatenate([s.numbers for s in batch])
    state.store_model_extras({"partial_charges": torch.tensor(np.where(numbers == 11, 1.0, -1.0))})
    theirs = EwaldModel(cutoff=10.0, accuracy=1e-10, device=CPU)(state)
    # Their constants are good to 4e-10 of the energy
    assert theirs["energy"].numpy() == pytest.approx([a.energy_eV for a in ours], abs=1e-6)
    assert theirs["forces"].numpy() == pytest.approx(np.concatenate([a.forces_eV_A for a in ours]), abs=1e-6)
    assert theirs["stress"].numpy() == pytest.approx(np.stack([a.stress_eV_A3 for a in ours]), abs=1e-8)


def test_pme_agrees_with_ewald():
    batch = [skew(), skew(odd=1), rattled_salt(1)]
    exact, mesh = (load(m, "cpu", charges=CHARGES, accuracy=1e-6).evaluate(batch) for m in ("ewald", "pme"))
    for one, other in zip(exact, mesh, strict=True):
        assert other.energy_eV == pytest.approx(one.energy_eV, abs=1e-5)
        assert other.forces_eV_A == pytest.approx(one.forces_eV_A, abs=2e-5)  # of forces of 5 eV/Å
        assert other.stress_eV_A3 == pytest.approx(one.stress_eV_A3, abs=1e-6)


# Forces of the mesh do not sum to zero but for its error; the rest are exact to the h⁴ of the five-point rule
@pytest.mark.parametrize(
    ("options", "atoms", "tolerance"),
    [
        ({"name": "ewald", "charges": CHARGES}, salt(cubic=False), 1e-5),
        ({"name": "ionic", "charges": CHARGES, "pairs": SALT}, salt(cubic=False), 1e-4),
        ({"name": "ionic", "parameters": "agi-prv"}, silver_iodide(), 1e-4),
        ({"name": "ewald", "charges": {"equilibrate": {"Na": {"chi_eV": 2.8, "hardness_eV": 9.0},
                                                       "Cl": {"chi_eV": 8.6, "hardness_eV": 9.9}}}},
         salt(cubic=False), 1e-5),
    ],
    ids=["ewald", "ionic", "agi", "equilibrated"],
)  # fmt: skip
def test_conforms(options, atoms, tolerance):
    check_potential(load(device="cpu", **options), atoms, tolerance)


def test_pme_has_derivatives():
    p, s = load("pme", "cpu", charges=CHARGES), rattled(salt(cubic=False), 0)
    check_forces(p, s, 1e-3)


@pytest.mark.parametrize("options", [{"name": "ewald"}, {"name": "ionic", "pairs": SALT}])
def test_a_sim_state_gets_the_same_numbers(options):
    """Cells of different sizes in one batch, by the model and by the one that molecular dynamics uses."""
    batch = [salt(), salt(5.7, cubic=False), salt(5.8)]
    for k, atoms in enumerate(batch):
        atoms.rattle(0.1, seed=k)
    p = load(device="cpu", charges=CHARGES, **options)
    answers = p.evaluate([structure_of(a) for a in batch])
    for model in (p.model, dynamics_model(p)):
        found = model(ts.initialize_state(batch, CPU, torch.float64))
        assert found["energy"].numpy() == pytest.approx([a.energy_eV for a in answers], abs=1e-9)
        assert found["forces"].numpy() == pytest.approx(np.concatenate([a.forces_eV_A for a in answers]), abs=1e-9)
        assert found["stress"].numpy() == pytest.approx(np.stack([a.stress_eV_A3 for a in answers]), abs=1e-10)


def test_a_molecule_needs_a_box():
    p = load("ewald", "cpu", charges=CHARGES)
    atoms = salt()
    atoms.pbc = [True, True, False]
    with pytest.raises(ValueError, match="needs periodicity in three directions; put the molecule into a box"):
        p.model(ts.initialize_state([atoms], CPU, torch.float64))


def test_an_element_without_a_charge_is_an_error():
    with pytest.raises(ValueError, match="the potential does not know K"):
        load("ewald", "cpu", charges=CHARGES).evaluate([structure_of(bulk("KCl", "rocksalt", a=6.3))])


# Force fields of ions


def test_pair_terms_are_what_they_say():
    """Two neutral atoms far from their images: B/r⁶ + A e^(−r/ρ), zero from the cut-off on."""
    pairs = {"Ar-Kr": {"powers": [{"n": 6, "B_eV_An": -80.0}], "exponential": {"A_eV": 900.0, "rho_A": 0.3}}}
    p = load("ionic", "cpu", charges={"Ar": 0, "Kr": 0}, pairs=pairs, cutoff_A=8.0, tail=False)
    for r, keep in ((2.0, 1.0), (5.0, 1.0), (7.6, 0.5), (8.0, 0.0)):
        s = Structure(np.array([18, 36]), np.array([[0, 0, 0], [0, 0, r]]), 40 * np.eye(3))
        expected = keep * (-80 / r**6 + 900 * np.exp(-r / 0.3))
        assert p.evaluate([s])[0].energy_eV == pytest.approx(expected, abs=1e-12)


def test_the_tail_makes_pressure_independent_of_the_cut_off():
    """Terms in r⁻⁴ beyond 8 Å pull with 2.7 GPa; with the tail a fifth is left: cold ions are not spread evenly."""
    s, GPa = structure_of(silver_iodide(repeat=2)), 160.21766

    def pressure(cutoff, tail):
        p = load("ionic", "cpu", parameters="agi-prv", cutoff_A=cutoff, tail=tail)
        return -np.trace(p.evaluate([s])[0].stress_eV_A3) / 3 * GPa

    limit = pressure(16.0, True)
    assert abs(pressure(8.0, False) - limit) > 2.0
    assert abs(pressure(8.0, True) - limit) < 0.5


def test_silver_iodide_has_its_published_constants():
    """P_ij = (α_i q_j² + α_j q_i²)/2 with α(I) = 6.52 Å³ and α(Ag) = 0, as Parrinello, Rahman and Vashishta have it."""
    parameters = load("ionic", "cpu", parameters="agi-prv").metadata.parameters
    q, found = parameters["charges"]["I"], parameters["pairs"]
    dipole = {name: next((t["B_eV_An"] for t in pair["powers"] if t["n"] == 4), 0.0) for name, pair in found.items()}
    assert dipole == pytest.approx({"Ag-Ag": 0, "Ag-I": -0.5 * 6.52 * q**2 * K, "I-I": -6.52 * q**2 * K}, rel=1e-6)
    steepest = {name: max(t["n"] for t in pair["powers"]) for name, pair in found.items()}
    assert steepest == {"Ag-Ag": 11, "Ag-I": 9, "I-I": 7}


def test_silver_iodide_is_at_rest_near_its_lattice_constant():
    """At 0 K, silver on ordered sites: the crystal of 5.06 Å at 450 K is a few per cent smaller when cold."""
    p, s = load("ionic", "cpu", parameters="agi-prv"), silver_iodide(repeat=2)
    stress = [np.trace(p.evaluate([structure_of(silver_iodide(a, 2))])[0].stress_eV_A3) for a in (4.8, 5.2)]
    assert stress[0] < 0 < stress[1]
    assert len(s) == 32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give charges and pairs, or parameters: agi-prv, agi-shimojo-kobayashi or a file"),
        ({"parameters": "agi-x"}, "parameters: 'agi-x' is neither agi-prv, agi-shimojo-kobayashi nor a file"),
        ({"charges": {"Na": 1}, "pairs": ["Na-Na"]}, "pairs: must name the terms of each pair, as in {Ag-I: "),
        ({"pairs": SALT}, "charges: needed, as in {Ag: 0.6, I: -0.6}"),
        ({"charges": {"Na": 1}, "pairs": SALT}, "charges: Cl of pairs has none; give it one, 0 where it is neutral"),
        ({"charges": CHARGES, "pairs": {"NaCl": {}}}, "pairs: 'NaCl' is no pair of elements; write it as in Ag-I"),
        ({"charges": CHARGES, "pairs": {"Na-Cl": {}}}, "pairs: Na-Cl: needs powers or exponential"),
        ({"charges": CHARGES, "pairs": {"Na-Cl": {"powers": [{"n": 2, "B_eV_An": 1}]}}},
         "tail: there is none of 1/r^2, which falls too slowly; give tail: false"),
        ({"charges": CHARGES, "pairs": {**SALT, "Cl-Na": SALT["Na-Cl"]}}, "pairs: Na-Cl is given twice"),
        ({"charges": CHARGES, "pairs": {"Na-Cl": {"exponential": {"A_eV": 1, "rho_A": 0}}}},
         "pairs: Na-Cl.exponential.rho_A: Input should be greater than 0"),
    ],
)  # fmt: skip
def test_a_force_field_that_is_none_is_refused(options, message):
    with pytest.raises(LoadError, match=re.escape(f"'ionic' cannot be loaded: {message}")):
        load("ionic", "cpu", **options)


# Charges


def test_charges_come_from_files(tmp_path):
    (tmp_path / "q.json").write_text(json.dumps(CHARGES))
    (tmp_path / "q.yaml").write_text("Cl: -1\nNa: 1\n")
    atoms = salt()
    atoms.set_initial_charges(np.where(atoms.numbers == 11, 1.0, -1.0))
    write(tmp_path / "q.extxyz", atoms)
    for name in ("q.json", "q.yaml", "q.extxyz"):
        p = load("ewald", "cpu", charges=str(tmp_path / name))
        assert p.metadata.parameters["charges"] == CHARGES
        assert p.metadata.elements == ("Na", "Cl")


@pytest.mark.parametrize(
    ("charges", "message"),
    [
        (None, "charges: needed, as in {Na: 1, Cl: -1}, or a file that holds them"),
        ({}, "charges: needs a charge of each species, as in {Na: 1, Cl: -1}"),
        ({"Nb": "one"}, "charges: Nb: must be a number of e (is 'one')"),
        ({"Nx": 1}, "charges: 'Nx' is no element"),
        ("nowhere.json", "charges: nowhere.json: no such file; give one, or charges as in {Na: 1, Cl: -1}"),
    ],
)
def test_charges_that_are_none_are_refused(charges, message):
    with pytest.raises(LoadError, match=re.escape(f"'ewald' cannot be loaded: {message}")):
        load("ewald", "cpu", charges=charges)


def test_charges_of_one_species_that_differ_are_refused(tmp_path):
    atoms = salt()
    atoms.set_initial_charges(np.where(atoms.numbers == 11, np.linspace(0.8, 1.2, 8), -1.0))
    write(tmp_path / "q.extxyz", atoms)
    message = "Na has charges from 0.8 to 1.14286, and one is needed for all; if their mean is meant, give {Na: 0.9714}"
    with pytest.raises(LoadError, match=re.escape(message)):
        load("ewald", "cpu", charges=str(tmp_path / "q.extxyz"))


# Charges that settle

ELEMENTS = {"Na": {"chi_eV": 2.8, "hardness_eV": 9.0}, "Cl": {"chi_eV": 8.6, "hardness_eV": 9.9}}


@pytest.mark.parametrize("total", [0.0, 1.0])
def test_settled_charges_sum_to_the_total_and_are_a_minimum(total):
    p, s = load("ewald", "cpu", charges={"equilibrate": ELEMENTS}, total_charge_e=total), rattled_salt(3, by=0.2)
    q, energy = p.charges(s), p.evaluate([s])[0].energy_eV
    assert q.sum() == pytest.approx(total, abs=1e-12)
    assert p.held(s, q) == pytest.approx(energy, abs=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(3):
        step = rng.normal(size=8)
        assert p.held(s, q + 1e-2 * (step - step.mean())) > energy


def test_forces_are_those_of_the_charges_held_fixed():
    """Hellmann and Feynman: at the minimum the charges' own motion costs nothing."""
    p, s, h = load("ewald", "cpu", charges={"equilibrate": ELEMENTS}), rattled_salt(3, by=0.2), 1e-4
    q, forces = p.charges(s), p.evaluate([s])[0].forces_eV_A
    for atom, axis in ((0, 0), (5, 2)):
        move = np.zeros_like(s.positions)
        move[atom, axis] = h
        up, down = (p.held(Structure(s.numbers, s.positions + k * move, s.cell), q) for k in (1, -1))
        assert forces[atom, axis] == pytest.approx((down - up) / (2 * h), abs=1e-6)


def test_the_electronegative_ion_is_negative_and_equal_ions_are_equal():
    q = load("ewald", "cpu", charges={"equilibrate": ELEMENTS}).charges(structure_of(salt()))
    assert q[salt().numbers == 17].max() < 0 < q[salt().numbers == 11].min()
    assert np.ptp(np.abs(q)) < 1e-9


def _atoms(s):
    from ase import Atoms

    return Atoms(s.numbers, s.positions, cell=s.cell, pbc=True)


@pytest.mark.parametrize(("cutoff_A", "accuracy"), [("far", 1e-8), (9.0, "fine"), (True, 1e-8)])
def test_a_splitting_of_words_is_refused_with_its_key(cutoff_A, accuracy):
    wrong = "accuracy" if accuracy == "fine" else "cutoff_A"
    with pytest.raises(ValueError, match=rf"^{wrong}: must be a number \(is "):
        Splitting(cutoff_A, accuracy)
