"""Good potentials pass every check; for each check there is a potential broken in just that way, and it fails."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from potentials import Evaluation, Metadata, Potential, load
from potentials.neighbours import Structure, half_list
from potentials.potential import structure_of
from properties.validation import NotConservativeError, UnsuitableStructureError, require_conservative, validate
from properties.validation.dynamics import Trajectory
from properties.validation.limits import LIMITS
from properties.validation.smoothness import SWEEP
from properties.validation.suite import FAMILIES
from tests.potentials.crystals import FCC_LJ_A, argon, argon_fcc, potential, triclinic

AL2CU = Atoms(
    "Al2Cu", cell=[[4.05, 0, 0], [2.1, 4.3, 0], [1.9, 1.2, 2.55]],
    scaled_positions=[[0, 0, 0], [0.32, 0.35, 0.3], [0.66, 0.63, 0.69]], pbc=True,
)  # fmt: skip
SI, MGO, NIO = bulk("Si"), bulk("MgO", "rocksalt", a=4.21), bulk("NiO", "rocksalt", a=4.2)
DOUBLE = argon_fcc().repeat((2, 1, 1))
TRIPLE = argon_fcc().repeat((3, 1, 1))  # of two atoms, each is the other's mirror image


def lj(sigma_A, cutoff_A=None):
    return load("lj", "cpu", sigma_A=sigma_A, cutoff_A=cutoff_A)


GOOD = {
    "emt Al": lambda: (load("emt"), bulk("Al")),
    "emt NiO": lambda: (load("emt"), NIO),
    "emt triclinic": lambda: (load("emt"), AL2CU),
    "lj Si": lambda: (lj(2.1), SI),
    "lj MgO": lambda: (lj(1.9), MGO),
    "lj triclinic": lambda: (lj(1.9, 6.0), triclinic()),
    "lj reduced": lambda: (lj(1.0), bulk("Ar", "fcc", a=FCC_LJ_A)),
    "argon": lambda: (argon(), argon_fcc()),
    "7net-0 Si": lambda: (potential("7net-0+64"), SI),
    "7net-0 Si, float32": lambda: (potential("7net-0"), SI),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_potentials_pass(case):
    found = validate(*GOOD[case]())
    assert found.passed, found.failures
    if found.precision == "float64":
        virials = [c for c in found.checks if c.name.startswith("virial")]
        assert len(virials) == 2
        # The project's own bound; what is left of a right stress is 1e-8 where a pair meets EMT's cut-off, else 1e-11
        assert all(c.value <= 1e-6 for c in virials)


# Seconds each: only what their precision could spoil
@pytest.mark.parametrize("atoms", [MGO, triclinic()], ids=["MgO", "triclinic"])
def test_7net_0_in_double_precision_has_exact_derivatives_and_symmetries(atoms):
    found = validate(potential("7net-0+64"), atoms, only=("derivatives", "invariances"))
    assert found.passed, found.failures


class Broken(Potential):
    """Argon, its answers changed by `spoil(structure, evaluation)`."""

    metadata = Metadata("broken", "1")
    batch_atoms = 64

    def __init__(self, spoil, cutoff_A=None, precision="float64"):
        self.spoil, self.cutoff_A, self.precision = spoil, cutoff_A, precision

    def evaluate(self, structures):
        return [self.spoil(s, a) for s, a in zip(structures, argon().evaluate(structures), strict=True)]


def changed(evaluation, energy_eV=0.0, forces=0.0, stress=0.0):
    return Evaluation(
        evaluation.energy_eV + energy_eV, evaluation.forces_eV_A + forces, evaluation.stress_eV_A3 + stress
    )


def scaled_forces(structure, evaluation):
    return changed(evaluation, forces=1e-3 * evaluation.forces_eV_A)


def curl(structure, evaluation):
    """Each atom is driven round an axis through its lattice site: no energy has this force."""
    u = structure.positions - np.round(structure.positions @ np.linalg.inv(structure.cell) * [2, 1, 1]) / [2, 1, 1] \
        @ structure.cell  # fmt: skip
    turn = 2e-2 * np.cross([0.0, 0.0, 1.0], u)
    return changed(evaluation, forces=turn - turn.mean(axis=0))


def pushed(structure, evaluation):
    return changed(evaluation, forces=np.array([0.0, 0.01, 0.0]))


def wrong_shear(structure, evaluation):
    """The stress is right but for one shear, which no cubic crystal shows."""
    stress = evaluation.stress_eV_A3.copy()
    stress[0, 1] = stress[1, 0] = 0.5 * stress[0, 1]
    return Evaluation(evaluation.energy_eV, evaluation.forces_eV_A, stress)


def pinned(structure, evaluation):
    """A field that is fixed in space."""
    return changed(evaluation, energy_eV=0.01 * np.sin(structure.positions[:, 0]).sum())


def leaning(structure, evaluation):
    """Space has a preferred axis."""
    _, _, d = half_list(structure, 5.0)
    return changed(evaluation, energy_eV=1e-3 * (d[:, 2] ** 2).sum())


def ordered(structure, evaluation):
    """The first atom's bonds count twice."""
    i, j, d = half_list(structure, 5.0)
    r = np.linalg.norm(d, axis=1)
    return changed(evaluation, energy_eV=float((np.exp(-r) * ((i == 0) * 1.0 + (j == 0))).sum()))


def not_extensive(structure, evaluation):
    return changed(evaluation, energy_eV=0.01 * len(structure.numbers) ** 2)


def handed(structure, evaluation):
    """A volume with a sign."""
    sign = np.sign(np.linalg.det(structure.cell))
    return Evaluation(evaluation.energy_eV, evaluation.forces_eV_A, sign * evaluation.stress_eV_A3)


def energy_step(structure, evaluation):
    """A pair energy that ends at 6 Å as if cut with scissors, by a thousandth of argon's well."""
    _, _, d = half_list(structure, 6.0)
    return changed(evaluation, energy_eV=2e-5 * len(d))


def force_step(structure, evaluation):
    """A pair energy a (6 Å − r) that ends at 6 Å: continuous, but its force is not."""
    a = 1e-3
    i, j, d = half_list(structure, 6.0)
    r = np.linalg.norm(d, axis=1)
    along = a * d / r[:, None]
    forces = np.zeros_like(evaluation.forces_eV_A)
    np.add.at(forces, i, -along)
    np.add.at(forces, j, along)
    virial = -np.einsum("pi,pj->ij", d, along)
    return changed(evaluation, a * float((6.0 - r).sum()), forces, virial / structure.volume_A3)


def collapsing(structure, evaluation):
    """A hole where a crystal has half its volume."""
    hole = -94.0 * len(structure.numbers) if 1 < structure.volume_A3 / len(structure.numbers) < 18 else 0.0
    return changed(evaluation, energy_eV=hole)


def sticky(structure, evaluation):
    """A hole between atoms nearer than 1.5 Å (0.71 of argon's covalent radii)."""
    _, _, d = half_list(structure, 1.5)
    return Evaluation(-94.0 * len(d), evaluation.forces_eV_A, evaluation.stress_eV_A3) if len(d) else evaluation


def nan(structure, evaluation):
    return Evaluation(np.nan, evaluation.forces_eV_A * np.nan, evaluation.stress_eV_A3 * np.nan)


BROKEN = {
    "forces (rattled)": (scaled_forces, None),
    "net force": (pushed, None),
    "virial (rattled)": (wrong_shear, None),
    "energy drift": (curl, None),
    "drift over kinetic spread": (curl, None),
    "translation": (pinned, None),
    "rotation": (leaning, None),
    "permutation": (ordered, None),
    "supercell": (not_extensive, None),
    "left-handed cell": (handed, None),
    "energy at the cut-off": (energy_step, 6.0),
    "forces at the cut-off": (force_step, 6.0),
    "squeezed crystal": (collapsing, None),
    "pair Ar-Ar": (sticky, None),
}


def family_of(name):
    kinds = {"drift": "dynamics", "cut-off": "smoothness", "squeezed": "short_distances", "pair": "short_distances"}
    kinds |= {"forces (": "derivatives", "virial": "derivatives", "net": "derivatives"}
    return next((family for word, family in kinds.items() if word in name), "invariances")


@pytest.mark.parametrize("name", BROKEN)
def test_each_check_fails_a_potential_made_for_it(name):
    spoil, cutoff_A = BROKEN[name]
    atoms = TRIPLE if name == "permutation" else DOUBLE
    found = validate(Broken(spoil, cutoff_A), atoms, only=(family_of(name),))
    assert name in {c.name for c in found.failures}, found.checks
    assert not found.passed


def test_every_check_has_its_broken_potential():
    names = {c.name for c in validate(argon(), argon_fcc()).checks}
    assert names - set(BROKEN) == {"forces (as given)", "virial (as given)"}  # of the same functions as the rattled


def test_what_is_wrong_in_equilibrium_only_shows_on_the_rattled_copy():
    found = {c.name: c for c in validate(Broken(scaled_forces), DOUBLE, only=("derivatives",)).checks}
    assert found["forces (as given)"].passed and not found["forces (rattled)"].passed


@pytest.mark.parametrize(
    ("spoil", "name"), [(energy_step, "energy at the cut-off"), (force_step, "forces at the cut-off")]
)
def test_a_cut_off_that_is_not_told_is_found_by_scanning(spoil, name):
    found = validate(Broken(spoil), DOUBLE, only=("smoothness",))
    (check,) = (c for c in found.failures if c.name == name)
    assert f"scaled from {SWEEP[0]}" in check.note


def test_a_potential_that_gives_no_numbers_fails_everything_and_json_stays_json():
    found = validate(Broken(nan), DOUBLE)
    passed = {c.name for c in found.checks if c.passed}
    assert not passed, passed
    assert not found.to_json()["passed"]


def test_a_potential_that_raises_fails_that_family_and_no_other():
    def moody(structure, evaluation):
        if len(structure.numbers) == 4:
            raise RuntimeError("too\nmany atoms")
        return evaluation

    found = validate(Broken(moody), DOUBLE, only=("derivatives", "invariances"))
    (failed,) = found.failures
    assert (failed.name, failed.note) == ("invariances", "the potential raised RuntimeError: too many atoms")


def test_thresholds_depend_on_precision():
    coarse, fine = (
        validate(Broken(scaled_forces, precision=p), DOUBLE, only=("derivatives",)) for p in ("float32", "float64")
    )
    assert coarse.passed and not fine.passed  # a thousandth of argon's forces is beneath what single precision tells
    assert (coarse.precision, fine.precision) == ("float32", "float64")
    assert validate(Broken(scaled_forces), DOUBLE, ("derivatives",), precision="float32").passed
    assert all(LIMITS["float32"].force_eV_A > limit for limit in (1e-6, LIMITS["float64"].force_eV_A))


def test_precision_and_cut_off_are_the_potential_s_own():
    assert (potential("7net-0").precision, potential("7net-0+64").precision) == ("float32", "float64")
    assert (load("emt").precision, load("emt").cutoff_A) == ("float64", None)
    assert (lj(1.0).precision, lj(1.0).cutoff_A) == ("float64", 4.0)
    assert load("7net-0", "cpu", dtype="float64").precision == "float64"
    with pytest.raises(ValueError, match="dtype: must be float32 or float64 \\(is 'float16'\\)"):
        load("7net-0", "cpu", dtype="float16")


def test_a_conservative_potential_is_let_through():
    assert require_conservative(argon(), DOUBLE).passed


def test_a_curl_is_refused_in_one_line_unless_insisted_on():
    with pytest.raises(NotConservativeError) as caught:
        require_conservative(Broken(curl), DOUBLE)
    line = str(caught.value)
    assert line.startswith("broken does not conserve energy on Ar2: forces (")
    assert "(at most 1e-06)" in line and line.endswith("to run all the same, give insist=True") and "\n" not in line
    assert not require_conservative(Broken(curl), DOUBLE, insist=True).passed


def test_a_hole_is_no_reason_to_refuse_dynamics():
    assert require_conservative(Broken(collapsing), DOUBLE).passed


def test_the_slope_and_its_error_of_a_known_trajectory():
    rng = np.random.default_rng(0)
    t = np.arange(401)
    total = 2 * 1e-3 * (3.0 * 1e-3 * t + 0.1 * np.sin(2 * np.pi * t / 40) + 0.05 * rng.normal(size=401))
    slope, error = Trajectory(1.0, 2, total, np.ones(401)).slope_meV_atom_ps()
    assert slope == pytest.approx(3.0, abs=4 * error)
    # Blocks of 40 samples of 0.05 meV in 0.4 ps: 0.05/√40 / (0.4 ps · √(10/12))
    assert 0.3 < error / (0.05 / 40**0.5 / (0.4 * (10 / 12) ** 0.5)) < 3


def test_the_structure_is_not_changed_and_the_answer_repeats():
    atoms, before = AL2CU.copy(), AL2CU.copy()
    first, again = (validate(load("emt"), atoms, only=("derivatives", "dynamics")).to_json() for _ in range(2))
    assert first == again and atoms == before


def test_json_has_the_keys_of_the_design():
    found = json.loads(json.dumps(validate(argon(), argon_fcc(), only=("derivatives",)).to_json()))
    assert {"passed", "checks", "potential", "precision"} <= set(found)
    assert {"name", "value", "threshold", "unit", "passed"} <= set(found["checks"][0])
    assert found["potential"]["name"] == "lj"


UNSUITABLE = {
    "emt does not know Si; ": lambda: (load("emt"), SI),
    "has no three-dimensional cell": lambda: (argon(), Atoms("Ar2", positions=[[0, 0, 0], [0, 0, 4]])),
    "atoms overlap: two are 0.4 Å apart": lambda: (
        load("emt"), Atoms("Cu2", positions=[[0, 0, 0], [0.4, 0, 0]], cell=[4, 4, 4], pbc=True),
    ),
    "atoms overlap: two are 0 Å apart": lambda: (argon(), Atoms("Ar2", cell=[4, 4, 4], pbc=True)),
    "holds no atoms": lambda: (argon(), Atoms(cell=[4, 4, 4])),
}  # fmt: skip


@pytest.mark.parametrize("line", UNSUITABLE)
def test_unsuitable_structures_are_input_errors(line):
    with pytest.raises(UnsuitableStructureError) as caught:
        validate(*UNSUITABLE[line]())
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [({"only": ("dynamic",)}, "only: must be some of derivatives, "),
     ({"nve_steps": 3}, "nve_steps: must be at least 20"),
     ({"precision": "half"}, "precision: must be float64 or float32 \\(is 'half'\\)")],
)  # fmt: skip
def test_wrong_settings_are_named(wrong, line):
    with pytest.raises(ValueError, match=line):
        validate(argon(), argon_fcc(), **wrong)


def test_large_cells_are_judged_on_some_atoms_and_all_together():
    big = structure_of(argon_fcc().repeat((3, 2, 2)))
    atoms = Atoms(big.numbers, big.positions, cell=big.cell, pbc=True)
    (check,) = (c for c in validate(argon(), atoms, ("derivatives",)).checks if c.name == "forces (rattled)")
    assert check.passed and check.note.startswith("27 directions")  # 8 atoms along three axes, and 3 collective ones


def test_families_are_those_that_settings_offer():
    from discover.compute.validation import Settings

    assert Settings().only == list(FAMILIES)
    assert isinstance(structure_of(SI), Structure)
