"""Charges beside a short-range potential: sums, refusals, and what counting twice does."""

import json
import re

import numpy as np
import pytest
import torch
import torch_sim as ts
from ase.build import bulk

from potentials import Evaluation, LoadError, Metadata, Potential, load
from potentials.conformance import check_potential, rattled
from potentials.electrostatics import ChargeError
from potentials.electrostatics.settings import Electrostatics
from potentials.neighbours import Structure
from potentials.potential import structure_of
from potentials.sum_potential import SumPotential, joined_metadata
from potentials.surrogate.basis import VOIGT, Basis
from potentials.torch_sim_adapter import dynamics_model
from potentials.training import Label, TrainingError, TrainSettings, answers, fine_tune, lineage
from potentials.training.residual import Residual
from tests.potentials.crystals import potential
from tests.potentials.ions import CHARGES, SALT, rattled_salt, salt

CPU = torch.device("cpu")
JOINED = {"charges": CHARGES, "method": "ewald"}


@pytest.fixture(scope="module")
def oracle():
    """Ewald plus short-range pair terms."""
    return load("ionic", "cpu", charges=CHARGES, pairs=SALT, accuracy=1e-8)


@pytest.fixture(scope="module")
def both():
    """7net-0 and charges, as a user who insists gets them."""
    return load("7net-0", "cpu", electrostatics={**JOINED, "insist": True})


def small(seed):
    """Two ions, moved and strained."""
    return rattled(salt(cubic=False), seed)


# Sums


def test_a_sum_is_the_sum_of_its_parts(both):
    s = small(1)
    charges = load("ewald", "cpu", charges=CHARGES, accuracy=1e-6)
    got, near, far = (p.evaluate([s])[0] for p in (both, potential("7net-0"), charges))
    assert got.energy_eV == pytest.approx(near.energy_eV + far.energy_eV, abs=1e-9)
    assert got.forces_eV_A == pytest.approx(near.forces_eV_A + far.forces_eV_A, abs=1e-9)
    assert got.stress_eV_A3 == pytest.approx(near.stress_eV_A3 + far.stress_eV_A3, abs=1e-12)
    assert np.array_equal(got.features, near.features)
    assert both.metadata.elements == ("Na", "Cl")
    assert both.cutoff_A == potential("7net-0").cutoff_A


def test_a_sum_is_one_torch_sim_model(both):
    """In the precision of the short-range part, and in double for molecular dynamics."""
    batch = [salt(cubic=False), salt(5.7, cubic=False).repeat((2, 1, 1))]
    expected = [both.evaluate([structure_of(a)])[0].energy_eV for a in batch]
    for model in (both.model, dynamics_model(both)):
        found = model(ts.initialize_state(batch, CPU, model.dtype))
        assert found["energy"].numpy() == pytest.approx(expected, abs=2e-5)  # single precision of 30 eV
    assert dynamics_model(both).dtype == torch.float64


def test_a_sum_conforms():
    pairs = {"Na-Cl": {"sigma_A": 2.3, "epsilon_eV": 0.3}}
    check_potential(load("lj", "cpu", sigma_A=2.5, epsilon_eV=0.05, cutoff_A=8.0, pairs=pairs, electrostatics=JOINED),
                    salt(cubic=False), 1e-3)  # fmt: skip


def test_a_sum_shares_no_hull_with_its_part(both):
    one = potential("7net-0").metadata
    other = joined_metadata(one, load("ewald", "cpu", charges={"Na": 0.9, "Cl": -0.9}).metadata, "electrostatics")
    through_json = json.loads(json.dumps(both.metadata.to_json()))
    assert both.metadata.same_energies(through_json)
    assert not one.same_energies(through_json)
    assert not other.same_energies(through_json)
    assert both.metadata.name == "7net-0+ewald"
    assert both.metadata.training_functional.endswith("; electrostatics within its cut-off counted twice")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("7net-0", {"electrostatics": JOINED},
         "it already holds the electrostatics within its cut-off (5 Å), and a sum would count them twice; fine-tune it "
         "on the residual (learn.electrostatics, or fine_tune(..., electrostatics=...)), or say insist: true"),
        ("emt", {"electrostatics": {"charges": {"Cu": 1}}}, "it already holds the electrostatics within its cut-off"),
        ("ewald", {"charges": CHARGES, "electrostatics": JOINED}, "it is made of charges already; remove"),
        ("lj", {"electrostatics": {"method": "pme"}}, "electrostatics: needs charges, as in {charges: {Na: 1, Cl"),
        ("lj", {"electrostatics": {**JOINED, "metod": "pme"}}, "electrostatics.metod: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_counting_twice_is_refused(name, options, message):
    with pytest.raises(LoadError, match=re.escape(f"{name!r} cannot be loaded: {message}")):
        load(name, "cpu", **options)


# Double counting, shown


class Pairs(Potential):
    """All that a short-range learner can know: two- and three-body functions within 6.5 Å, fitted to labels."""

    def __init__(self, labels):
        self.metadata = Metadata("fitted", "1")
        self.basis = Basis([11, 17])
        rows = [(self.basis.design(label.structure), _data(label)) for label in labels]
        x, y = (np.concatenate(part) for part in zip(*rows, strict=True))
        scale = np.maximum(np.abs(x).max(axis=0), 1e-12)
        regular = 1e-7 * np.sqrt(len(x)) * np.eye(x.shape[1])
        self.weights = np.linalg.lstsq(np.vstack([x / scale, regular]), np.append(y, np.zeros(x.shape[1])))[0] / scale

    def evaluate(self, structures):
        found = [(s, *self.basis.energy(s, self.weights)) for s in structures]
        return [Evaluation(e, f, strain / s.volume_A3) for s, e, f, strain in found]


def _data(label):
    strain = (label.structure.volume_A3 * label.stress_eV_A3)[VOIGT]
    return np.concatenate([[label.energy_eV], label.forces_eV_A.ravel(), strain])


def _apart(distance):
    """A pair of ions in a box: it is neutral, and at 7 Å and more no learner sees one ion from the other."""
    positions = np.array([[0, 0, 0], [distance, 0, 0.0]])
    return Structure(np.array([11, 17]), positions, 30.0 * np.eye(3))


@pytest.fixture(scope="module")
def lessons(oracle):
    """Rattled and strained crystals, and pairs of ions that a learner can see."""
    crystals = [rattled_salt(k, 5.64 + 0.15 * np.sin(k), 0.05 + 0.02 * (k % 6)) for k in range(30)]
    return answers(oracle, [*crystals, *(_apart(r) for r in np.linspace(2.2, 6.0, 20))])


@pytest.fixture(scope="module")
def learnt(lessons):
    """The same learner three ways: on whole labels; on residuals, charges added; on whole labels, charges added."""
    residual = Residual.fit(Electrostatics.of(JOINED), lessons)
    far = load("ewald", "cpu", charges=CHARGES)
    direct, left = Pairs(lessons), Pairs(residual.of(lessons))
    return {
        "direct": direct,
        "residual": SumPotential(left, far, left.metadata, residual.constants_eV),
        "naive": SumPotential(direct, far, direct.metadata),
    }


def _force_error(potential, structures, oracle):
    pairs = zip(potential.evaluate(structures), oracle.evaluate(structures), strict=True)
    return float(np.sqrt(np.mean(np.concatenate([(p.forces_eV_A - o.forces_eV_A).ravel() ** 2 for p, o in pairs]))))


def test_residual_training_gets_separated_charges_right(learnt, oracle):
    """K/r² between ions beyond the cut-off: 0.2 eV/Å that no training can give a short-range potential."""
    far = [_apart(r) for r in (7.0, 8.0, 9.0, 10.0)]
    errors = {name: _force_error(p, far, oracle) for name, p in learnt.items()}
    assert errors["direct"] > 0.1
    assert errors["direct"] > 10 * errors["residual"]


def test_residual_training_gets_the_energy_of_parting_right(learnt, oracle):
    def work(potential):
        near, far = potential.evaluate([_apart(7.0), _apart(12.0)])
        return far.energy_eV - near.energy_eV

    assert work(oracle) > 0.5
    assert abs(work(learnt["direct"]) - work(oracle)) > 10 * abs(work(learnt["residual"]) - work(oracle))


def test_a_sum_with_what_learnt_whole_energies_is_wrong(learnt, oracle):
    """Within the cut-off each pair of ions attracts twice: wrong where the learner alone was right."""
    new = [rattled_salt(100 + k) for k in range(4)]
    errors = {name: _force_error(p, new, oracle) for name, p in learnt.items()}
    assert errors["naive"] > 10 * errors["direct"]
    assert errors["naive"] > 10 * errors["residual"]


# Fine-tuning on residuals


def test_a_residual_and_its_charges_are_the_label(lessons):
    crystals = lessons[:30]
    residual = Residual.fit(Electrostatics.of(JOINED), crystals)
    far = load("ewald", "cpu", charges=CHARGES, accuracy=1e-6)
    for label, left in zip(lessons[:3], residual.of(lessons[:3]), strict=True):
        charges = far.evaluate([label.structure])[0]
        assert left.forces_eV_A + charges.forces_eV_A == pytest.approx(label.forces_eV_A, abs=1e-12)
        assert left.stress_eV_A3 + charges.stress_eV_A3 == pytest.approx(label.stress_eV_A3, abs=1e-12)
        symbols = np.where(label.structure.numbers == 11, "Na", "Cl")
        zero = sum(residual.constants_eV[s] for s in symbols)
        assert left.energy_eV + charges.energy_eV - zero == pytest.approx(label.energy_eV, abs=1e-9)
    moved = [abs(a.energy_eV - b.energy_eV) / 8 for a, b in zip(residual.of(crystals), crystals, strict=True)]
    assert np.mean(moved) < 0.2  # of a Madelung energy of 4.5 eV an atom


def test_replay_keeps_what_the_sum_can_say():
    """Neutral cells of ions lose their charges, cells without any stay, what lies between is left out."""
    residual = Residual(Electrostatics.of(JOINED), {})
    others = [bulk("Si"), bulk("Na"), bulk("KCl", "rocksalt", a=6.3)]
    cells = [rattled_salt(1), *map(structure_of, others)]
    labels = [Label(s, 0.0, np.zeros(s.positions.shape), np.zeros((3, 3))) for s in cells]
    kept = residual.of_replay(labels)
    assert [len(x) for x in kept] == [8, 2]
    charges = load("ewald", "cpu", charges=CHARGES).evaluate(cells[:1])[0]
    assert kept[0].energy_eV == pytest.approx(-charges.energy_eV, abs=1e-4)
    assert kept[1] is labels[1]


def test_labels_of_elements_without_charges_are_refused(lessons):
    with pytest.raises(ChargeError, match=re.escape("electrostatics.charges: Cl of the labels has none; give it one")):
        Residual.fit(Electrostatics.of({"charges": {"Na": 1}}), lessons)


@pytest.fixture(scope="module")
def taught(oracle, tmp_path_factory):
    """7net-0 on three frames of salt, beside charges; and its own answers on a salt replayed."""
    out = tmp_path_factory.mktemp("residual") / "checkpoint.pth"
    labels = answers(oracle, [small(k) for k in range(3)])
    replay = answers(potential("7net-0"), [small(9), structure_of(bulk("Si"))])
    settings = TrainSettings(steps=3, least_epochs=1)
    result = fine_tune("7net-0", labels, out, settings, replay, labels[:1], {"name": "salt"}, electrostatics=JOINED)
    return out, labels, result


def test_a_checkpoint_brings_its_charges_along(taught):
    out, labels, result = taught
    p = load(str(out), "cpu")
    assert isinstance(p, SumPotential)
    assert p.metadata.elements == ("Na", "Cl")
    assert p.metadata.checkpoint_sha256 is not None
    assert "less electrostatics, which are added" in p.metadata.training_functional
    assert lineage(out).electrostatics["charges"] == CHARGES
    # What training says of its validation is what the loaded sum does
    errors = p.evaluate([labels[0].structure])[0].forces_eV_A - labels[0].forces_eV_A
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(result.validation.force_eV_A, abs=1e-5)
    with pytest.raises(LoadError, match="it was fine-tuned beside electrostatics and brings them along; remove"):
        load(str(out), "cpu", electrostatics=JOINED)


def test_the_next_generation_inherits_the_charges(taught, tmp_path):
    """And begins where its parent stopped: replaying the parent's own answers it finds no error."""
    out, labels, _ = taught
    whole = answers(load(str(out), "cpu"), [small(11)])
    short = TrainSettings(steps=1, least_epochs=1)
    child = fine_tune(out, labels, tmp_path / "next.pth", short, whole, oracle={"name": "salt"})
    assert child.history[0].replay.force_eV_A < 1e-5
    assert child.history[0].replay.energy_eV_per_atom < 1e-5
    assert lineage(tmp_path / "next.pth").electrostatics == lineage(out).electrostatics
    with pytest.raises(TrainingError, match="was fine-tuned beside others; leave them out to go on with its own"):
        fine_tune(out, labels, tmp_path / "other.pth", electrostatics={"charges": {"Na": 0.9, "Cl": -0.9}})
