"""Fine-tuning keeps to its labels, remembers, resumes, and says where a checkpoint comes from."""

import hashlib
from functools import lru_cache

import numpy as np
import pytest
import torch
from ase.build import bulk
from torch.func import functional_call

from potentials import LoadError, load
from potentials.conformance import check_potential
from potentials.potential import structure_of
from potentials.sevennet_network import SevenNetNetwork
from potentials.sevennet_weights import weights_of
from potentials.training import (
    Label,
    LabelError,
    TrainingError,
    TrainSettings,
    answers,
    fine_tune,
    fit_offsets,
    lineage,
    lineages,
    read_labels,
    shifted,
    write_labels,
)
from potentials.training import run as run_module
from potentials.training.checkpoint import open_parent
from potentials.training.loss import collate, residuals, samples_of, structure_losses
from tests.potentials.crystals import potential, rattled
from tests.potentials.test_sevennet import original

FEW = TrainSettings(steps=4, least_epochs=3, batch_atoms=8)
ORACLE = {"name": "7net-l3i5"}


def frames(crystal, count, seed=0):
    return [structure_of(rattled(crystal, strain=0.01, seed=seed + k)) for k in range(count)]


@lru_cache
def labels(count=4, seed=0):
    return tuple(answers(potential("7net-l3i5"), frames(bulk("SiGe", "zincblende", a=5.55), count, seed)))


@lru_cache
def memories(count=4, seed=0):
    return tuple(answers(potential("7net-0"), frames(bulk("NaCl", "rocksalt", a=5.69), count, seed)))


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    """A checkpoint of four steps, and what came of them."""
    out = tmp_path_factory.mktemp("training") / "child.pth"
    return fine_tune("7net-0", labels(), out, FEW, memories(), oracle=ORACLE)


def state_of(path):
    return torch.load(path, weights_only=False, map_location="cpu")["model_state_dict"]


# Network and loss


def test_weights_that_are_read_compute_what_buffers_do():
    model = open_parent("7net-0").model()
    network = SevenNetNetwork(model)
    held = dict(network.named_buffers()) | dict(network.named_parameters())
    read = weights_of(model)
    assert {name for name in held if "coupling" not in name} == read.keys()
    assert all(torch.equal(held[name], value) for name, value in read.items())


def test_gradient_of_the_loss_matches_finite_differences():
    model = open_parent("7net-0").model().double()
    network = SevenNetNetwork(model).double()
    types = torch.zeros(120, dtype=torch.long)
    types[list(network.type_map)] = torch.tensor(list(network.type_map.values()))
    sets = samples_of(labels(2), network.cutoff_A, network.max_neighbours)
    batch = collate(sets, types, torch.float64, "cpu")

    def loss(learn=False):
        weights = weights_of(model)
        error = residuals(lambda *inputs: functional_call(network, weights, inputs), batch, learn)
        return structure_losses(error, batch, TrainSettings(energy_weight=2.0)).mean()

    parameters = dict(model.named_parameters())
    names = ["edge_embedding.basis_function.coeffs", "0_convolution.weight_nn.layer2.weight"]
    names += ["2_self_interaction_1.linear.weight", "reduce_hidden_to_energy.linear.weight"]
    gradients = torch.autograd.grad(loss(learn=True), [parameters[name] for name in names])
    h = 1e-5
    for name, gradient in zip(names, gradients, strict=True):
        at = int(gradient.abs().argmax())
        sides = []
        for step in (h, -h):
            with torch.no_grad():
                parameters[name].view(-1)[at] += step
            sides.append(float(loss().detach()))
            with torch.no_grad():
                parameters[name].view(-1)[at] -= step
        assert (sides[0] - sides[1]) / (2 * h) == pytest.approx(float(gradient.view(-1)[at]), rel=1e-4)


def test_training_lowers_the_error_on_what_it_learns_and_on_what_is_held_out(tmp_path):
    settings = TrainSettings(steps=20, batch_atoms=8)
    done = fine_tune("7net-0", labels(8), tmp_path / "c.pth", settings, validation=labels(2, seed=50))
    assert done.train.force_eV_A < 0.7 * done.history[0].train.force_eV_A
    assert done.validation.loss < 0.8 * done.history[0].validation.loss
    assert done.validation.loss == min(epoch.validation.loss for epoch in done.history)
    assert done.history[done.best_epoch].validation.loss == pytest.approx(done.validation.loss)


def test_replay_holds_old_answers_better_than_none(tmp_path):
    settings = TrainSettings(steps=8, batch_atoms=8)
    old, held = memories(), memories(seed=50)
    drifts = []
    for name, replay in (("with", old), ("without", ())):
        fine_tune("7net-0", labels(4), tmp_path / name, settings, replay)
        again = load(str(tmp_path / name), "cpu").evaluate([label.structure for label in held])
        drifts.append(np.mean([(a.forces_eV_A - b.forces_eV_A) ** 2 for a, b in zip(again, held, strict=True)]))
    assert drifts[0] < 0.5 * drifts[1]


def test_errors_reported_are_the_checkpoints(child):
    again = load(str(child.path), "cpu").evaluate([label.structure for label in labels()])
    wrong = [a.forces_eV_A - b.forces_eV_A for a, b in zip(again, labels(), strict=True)]
    assert np.sqrt(np.mean(np.square(wrong))) == pytest.approx(child.train.force_eV_A, rel=1e-3)


# Checkpoints


def test_sevenn_reads_the_checkpoint_and_gets_the_same(child):
    """To rounding in single precision, as the published weights do."""
    for atoms in (rattled(bulk("SiGe", "zincblende", a=5.55)), rattled(bulk("NaCl", "rocksalt", a=5.69))):
        energy, forces, stress = original(str(child.path), atoms)
        ours = load(str(child.path), "cpu").evaluate([structure_of(atoms)])[0]
        parent = potential("7net-0").evaluate([structure_of(atoms)])[0]
        assert ours.energy_eV == pytest.approx(energy, rel=2e-6)
        assert np.abs(ours.forces_eV_A - forces).max() < 3e-5
        assert np.abs(ours.stress_eV_A3 - stress).max() < 3e-5
        assert abs(ours.energy_eV - parent.energy_eV) > 1e-4


def test_a_fine_tuned_network_is_conservative_and_smooth(child):
    check_potential(load(str(child.path), "cpu"), bulk("SiGe", "zincblende", a=5.55))


def test_the_checkpoint_says_where_it_comes_from(child):
    made = lineage(child.path)
    assert (made.parent, made.generation, made.before) == ("7net-0", 1, None)
    assert made.parent_sha256 == potential("7net-0").metadata.checkpoint_sha256
    assert made.labels == tuple(label.sha256 for label in labels())
    assert (made.replay_labels, made.validation_labels, made.validation_sha256) == (4, 0, None)
    assert made.settings == FEW.to_json()
    assert made.offsets_eV == child.offsets_eV
    metadata = load(str(child.path), "cpu").metadata
    assert metadata.training_functional == (
        "PBE / PBE+U (MPtrj, uncorrected); fine-tuned on 4 labels of 7net-l3i5"
    )
    assert metadata.checkpoint_sha256 == hashlib.sha256(child.path.read_bytes()).hexdigest()
    assert not metadata.same_energies(potential("7net-0").metadata.to_json())


def test_generations_remember_their_ancestors(child, tmp_path):
    grandchild = fine_tune(child.path, labels(2, seed=70), tmp_path / "grandchild.pth", FEW, oracle={"code": "gpaw"})
    chain = lineages(grandchild.path)
    assert [made.generation for made in chain] == [2, 1]
    assert chain[0].parent == "child.pth"
    assert chain[0].parent_sha256 == hashlib.sha256(child.path.read_bytes()).hexdigest()
    assert chain[1] == lineage(child.path)
    assert chain[0].training_functional.endswith(
        "fine-tuned on 4 labels of 7net-l3i5; fine-tuned on 2 labels of gpaw"
    )


def test_a_checkpoint_without_lineage_has_none(tmp_path):
    assert lineage(open_parent("7net-0").path) is None
    (tmp_path / "weights.pth").write_text("nothing")
    assert lineage(tmp_path / "weights.pth") is None
    with pytest.raises(LoadError, match=r"weights.pth' cannot be loaded: UnpicklingError"):
        fine_tune(tmp_path / "weights.pth", labels(), tmp_path / "out.pth")
    torch.save({"something": 1}, tmp_path / "weights.pth")
    with pytest.raises(LoadError, match=r"weights.pth' cannot be loaded: .*(no SevenNet model|No version)"):
        fine_tune(tmp_path / "weights.pth", labels(), tmp_path / "out.pth")
    with pytest.raises(LoadError, match="'chgnet' cannot be fine-tuned: give 7net-0, 7net-l3i5 or the path"):
        fine_tune("chgnet", labels(), tmp_path / "out.pth")


# Again, and on


def test_the_same_inputs_train_once(child):
    told = []
    again = fine_tune("7net-0", labels(), child.path, FEW, memories(), oracle=ORACLE, on_epoch=told.append)
    assert again == child
    assert not told
    with pytest.raises(TrainingError, match=r"child\.pth exists and was not made from these inputs"):
        fine_tune("7net-0", labels(), child.path, FEW)


def test_killed_and_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    """Killed twice: after an epoch, and in the middle of one."""
    settings = FEW.but(average=0.5)
    inputs = (labels(), tmp_path / "resumed.pth", settings, memories())

    def after_an_epoch(epoch):
        if epoch.number == 1:
            raise KeyboardInterrupt

    def within_an_epoch(self, batch, rate):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune("7net-0", *inputs, on_epoch=after_an_epoch)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run_module.Run, "_step", within_an_epoch)
        fine_tune("7net-0", *inputs)
    epochs = []
    resumed = fine_tune("7net-0", *inputs, on_epoch=epochs.append)
    straight = fine_tune("7net-0", labels(), tmp_path / "straight.pth", settings, memories())
    assert [epoch.number for epoch in epochs] == [2, 3]
    ours, theirs = state_of(resumed.path), state_of(straight.path)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert resumed.train == straight.train
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["resumed.pth", "straight.pth"]


def test_a_snapshot_of_other_inputs_is_not_gone_on_from(tmp_path):
    def stop(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune("7net-0", labels(), tmp_path / "c.pth", FEW, on_epoch=stop)
    epochs = []
    fine_tune("7net-0", labels(), tmp_path / "c.pth", FEW.but(seed=1), on_epoch=epochs.append)
    assert epochs[0].number == 0


def test_what_cannot_be_learnt_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="there are no labels"):
        fine_tune("7net-0", [], tmp_path / "c.pth", FEW)
    polonium = Label(structure_of(bulk("Po", "sc", a=3.35)), 0.0, np.zeros((1, 3)))
    with pytest.raises(TrainingError, match="does not know Po"):
        fine_tune("7net-0", [polonium], tmp_path / "c.pth", FEW)
    with pytest.raises(ValueError, match=r"learning_rate: must be above 0 \(is 0\)"):
        TrainSettings(learning_rate=0)


# Labels and energy scales


def test_offsets_of_a_shifted_oracle_are_recovered_exactly():
    shift = {"Ge": 2.5, "Na": -3.0, "Si": -100.0, "Cl": 0.25}
    silicon = answers(potential("7net-0"), [structure_of(bulk("Si"))])
    sodium = answers(potential("7net-0"), [structure_of(bulk("Na", cubic=True))])
    plain = [*labels(2), *memories(2), *silicon, *sodium]
    found = fit_offsets(shifted(plain, shift, sign=1), [label.energy_eV for label in plain])
    assert found == pytest.approx(shift, abs=1e-9)
    back = shifted(shifted(plain, shift, sign=1), found)
    assert [b.energy_eV for b in back] == pytest.approx([p.energy_eV for p in plain])


def test_elements_that_compositions_cannot_tell_apart_share_the_offset():
    found = fit_offsets(shifted(labels(2), {"Si": 4.0}, sign=1), [label.energy_eV for label in labels(2)])
    assert found == pytest.approx({"Ge": 2.0, "Si": 2.0})
    fixed = fit_offsets(shifted(labels(2), {"Si": 4.0}, sign=1), [label.energy_eV for label in labels(2)], {"Ge": 0.0})
    assert fixed == pytest.approx({"Ge": 0.0, "Si": 4.0})


def test_an_oracle_on_another_scale_teaches_the_same(tmp_path):
    one = fine_tune("7net-0", labels(), tmp_path / "one.pth", FEW)
    moved = shifted(labels(), {"Si": 500.0, "Ge": -80.0}, sign=1)
    other = fine_tune("7net-0", moved, tmp_path / "other.pth", FEW)
    # The parent's energies, which offsets are fitted to, are rounded to 1e-6 eV an atom
    assert other.train.force_eV_A == pytest.approx(one.train.force_eV_A, rel=1e-3)
    assert other.offsets_eV["Si"] - one.offsets_eV["Si"] == pytest.approx(210.0, abs=1e-3)


def test_the_same_oracles_offsets_stay_in_later_generations(child, tmp_path):
    later = fine_tune(child.path, labels(2, seed=70), tmp_path / "later.pth", FEW, oracle=ORACLE)
    assert later.offsets_eV == child.offsets_eV


def test_labels_survive_a_file(tmp_path):
    without = Label(labels()[0].structure, labels()[0].energy_eV, labels()[0].forces_eV_A)
    write_labels(tmp_path / "labels.xyz", [*labels(), without])
    again = read_labels(tmp_path / "labels.xyz")
    assert [label.sha256 for label in again] == [label.sha256 for label in (*labels(), without)]
    assert again[-1].stress_eV_A3 is None
    assert len({label.sha256 for label in again}) == 5


def test_labels_that_are_none_are_refused_in_one_line(tmp_path):
    path = tmp_path / "labels.xyz"
    with pytest.raises(LabelError, match=r"labels\.xyz: no such file"):
        read_labels(path)
    path.write_text('1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 energy=-1 pbc="T T T"\nNa 0 0 0\n')
    with pytest.raises(LabelError, match=r"labels.xyz: structure 1 \(Na\): no .*forces"):
        read_labels(path)
    path.write_text("not a structure\n")
    with pytest.raises(LabelError, match=r"labels\.xyz: structure 1 cannot be read"):
        read_labels(path)
    with pytest.raises(LabelError, match=r"forces must have shape \(2, 3\)"):
        Label(structure_of(bulk("Si")), 0.0, np.zeros((3, 3)))
    with pytest.raises(LabelError, match="not finite"):
        Label(structure_of(bulk("Si")), float("nan"), np.zeros((2, 3)))
