"""A path in the loop of learning: its saddle is always labelled, and it ends when that label says what was foretold."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from discover.config import load_campaign
from discover.config_learning import LearnSettings, PathSettings, energy_weight_of_path
from discover.errors import InputError
from discover.learning.band import Known
from discover.learning.explore import Exploration
from discover.learning.folder import learn_in
from discover.learning.frames import Frame
from discover.learning.ground import Ground
from discover.learning.learning import Learning
from discover.learning.oracle import PotentialOracle, write_labels_whole
from discover.learning.path_choice import PathRules, choose_on_path, nearest_label
from discover.learning.path_labels import path_record, with_labels
from discover.learning.path_record import PathRecord
from discover.learning.path_walk import PathWalk, WalkedPath, check_ends, walk_path
from discover.learning.record import Generation, LearningRecord
from discover.learning.report import headline, write_report
from discover.progress import Silent
from potentials import load
from potentials.potential import Evaluation, structure_of
from potentials.training import Label

CAMPAIGN = Path(__file__).parents[2] / "campaigns" / "learn-pdh-barrier.yaml"
QUICK = [
    "learn.labels=6", "learn.replay=0", "learn.path.images=3", "learn.path.steps=20", "learn.train.steps=2",
    "learn.domain=false",
]  # fmt: skip
RNG = np.random.default_rng(0)


def vacancy():
    """A neighbour goes into a hole in copper, seven atoms."""
    host = bulk("Cu").repeat(2)
    return host[[k for k in range(8) if k != 0]], host[[k for k in range(8) if k != 1]]


def copper(shift=0.0):
    atoms = bulk("Cu", cubic=True)
    atoms.positions[0] += [shift, 0, 0]
    return atoms


def path_of(features, energies, broken=()):
    """Images of four atoms whose features are one number each; image k has an atom moved by k/2 Å."""
    frames = []
    for k, (x, energy) in enumerate(zip(features, energies, strict=True)):
        own = np.random.default_rng(abs(int(1000 * x))).normal(0, 0.1, (4, 3)) + np.array([x, 0, 0])
        forces = np.full((4, 3), 100.0 if k in broken else 0.0)
        frames.append(Frame(copper(k / 2), Evaluation(energy, forces, np.zeros((3, 3)), own), k, k / 2))
    sound = [f for f in frames[1:-1] if f.sound]
    return WalkedPath(frames, max(sound, key=lambda f: f.evaluation.energy_eV).walker, True)


def label(atoms, energy=0.0):
    return Label(structure_of(atoms), energy, np.zeros((len(atoms), 3)))


def ends_of(path):
    return [label(path.frames[k].atoms) for k in (0, -1)]


def known(*positions):
    """Frames at these places, eight about each."""
    rng = np.random.default_rng(5)
    features = [rng.normal(0, 1, (4, 3)) + np.array([x, 0, 0]) for x in positions for _ in range(8)]
    return Known(tuple(np.full(4, 29) for _ in features), tuple(features), np.eye(3))


HILL = (0.0, 0.4, 1.0, 0.4, 0.1)


def test_the_first_generation_asks_for_saddle_and_ends_and_then_for_what_is_farthest():
    path = path_of([0, 3, 6, 20, 12], HILL)
    seen = choose_on_path(path, [], Known((), (), np.eye(3)), PathRules(15, 2), 0, RNG)
    assert [(c.walker, c.why) for c in seen.chosen] == [
        (2, "saddle"), (0, "end"), (4, "end"), (3, "farthest from what has labels")
    ]  # fmt: skip
    assert all(c.distance is None for c in seen.chosen) and seen.inner is None


@pytest.mark.parametrize("choose", ["distance", "random", "all"])
@pytest.mark.parametrize("most", [1, 2, 9])
def test_the_saddle_is_always_chosen_and_no_more_than_there_are_labels_left(choose, most):
    path = path_of([0, 30, 0.1, 30, 0], HILL)
    seen = choose_on_path(path, ends_of(path), known(0.0), PathRules(most, 3, choose), 2, RNG)
    assert seen.chosen[0].walker == 2 and seen.chosen[0].why == "saddle" and len(seen.chosen) <= most
    if choose == "all":
        assert len(seen.chosen) == min(3, most)


def test_an_end_that_has_moved_gets_a_new_label():
    path = path_of([0, 30, 0.1, 30, 0], HILL)
    start, stop = path.frames[0].atoms.copy(), path.frames[4].atoms.copy()
    start.positions[1, 2] += 0.04
    stop.positions[1, 2] += 0.2
    seen = choose_on_path(path, [label(start), label(stop)], known(0.0), PathRules(9, 2), 1, RNG)
    assert [(c.walker, c.why) for c in seen.chosen] == [(2, "saddle"), (4, "end")]


def test_images_inside_the_band_cost_no_label():
    path = path_of([0, 0.2, 0.1, 30, 0], HILL)
    seen = choose_on_path(path, ends_of(path), known(0.0), PathRules(9, 5), 1, RNG)
    assert [c.walker for c in seen.chosen] == [2, 3] and seen.stops == 1
    assert not path_record(path, seen.traces[0], seen.inner).inside


def test_images_inside_the_band_are_asked_for_where_a_label_contradicts_the_domain():
    path = path_of([0, 0.5, 1, 0.5, 0], HILL)
    labels = [*ends_of(path), label(path.frames[2].atoms)]
    assert not choose_on_path(path, labels, known(0.0), PathRules(9, 3), 2, RNG).chosen
    within = choose_on_path(path, labels, known(0.0), PathRules(9, 3, within=True), 2, RNG)
    # The other half is this one's mirror
    assert len(within.chosen) == 1 and within.chosen[0].walker in (1, 3)


def test_images_that_are_alike_cost_one_label():
    """Symmetry makes one of another: the first that is chosen counts as known for the second."""
    path = path_of([0, 12, 3, 12, 0], HILL)
    met, labels = known(0.0), ends_of(path)
    seen = choose_on_path(path, labels, met, PathRules(9, 5), 1, RNG)
    assert [c.walker for c in seen.chosen] == [2, 1]
    met = met.also(path.frames[3].atoms.numbers, path.frames[3].evaluation.features)
    seen = choose_on_path(path, labels, met, PathRules(9, 5), 2, RNG)
    assert [c.walker for c in seen.chosen] == [2] and seen.traces[0][1] == (0.5, 0.0)


def test_what_has_its_label_and_what_is_torn_is_not_asked_for():
    path = path_of([0, 30, 0.1, 40, 0], HILL, broken=[3])
    labels = [*ends_of(path), label(path.frames[2].atoms)]
    seen = choose_on_path(path, labels, known(0.0), PathRules(9, 5), 1, RNG)
    assert [c.walker for c in seen.chosen] == [1]


def test_a_shift_of_the_whole_is_no_other_frame():
    atoms = copper(0.3)
    labels = [label(copper(0.0)), label(atoms)]
    atoms.positions += 0.7
    at, away = nearest_label(atoms, labels)
    assert at == 1 and away < 1e-12
    assert nearest_label(atoms, []) == (None, np.inf)


class Ramp:
    """An energy of one coordinate; the oracle's is another."""

    batch_atoms = 100

    def __init__(self, factor):
        self.factor = factor

    def evaluate(self, structures):
        return [
            Evaluation(self.factor * s.positions[0][0], np.zeros((4, 3)), np.zeros((3, 3)), None) for s in structures
        ]


def told(saddle_factor=1.0, inside=True):
    """A path over images at 0, 0.5, 1 Å with labels of its own ends and saddle, and the potential 10 % too steep."""
    path = path_of([0, 0, 0], (0.0, 0.55, 0.2))
    images = [f.atoms for f in path.frames]
    energies = (0.0, 0.5 * saddle_factor, 1.0)
    labels = [label(a, e) for a, e in zip(images, energies, strict=True)]
    traces = [(f.place, 0.5) for f in path.frames]
    record = path_record(path, traces, 1.0 if inside else 0.1)
    return with_labels(record, images, labels, Ramp(1.1))


def test_the_error_is_that_of_the_same_differences_of_the_same_frames():
    record = told()
    assert record.oracle_forward_eV == pytest.approx(0.5) and record.error_forward_eV == pytest.approx(0.05)
    assert record.oracle_reverse_eV == pytest.approx(-0.5) and record.error_reverse_eV == pytest.approx(-0.05)
    assert record.saddle_label_A == pytest.approx(0) and record.farthest == 0.5
    assert [e for _, e in record.oracle_energies_eV] == pytest.approx([0, 0.5, 1.0])


def test_it_ends_when_all_is_inside_and_the_saddle_s_label_agrees():
    assert told().settled(0.06) and not told().settled(0.04)
    assert not told(inside=False).settled(0.06)


def test_without_a_label_of_the_saddle_nothing_is_said_of_the_barrier_s_error():
    path = path_of([0, 0, 0], (0.0, 0.55, 0.2))
    images = [f.atoms for f in path.frames]
    record = with_labels(path_record(path, [], None), images, [label(images[0])], Ramp(1.0))
    assert record.error_eV is None and not record.settled(9.0) and record.saddle_label_A == pytest.approx(0.375)


def test_the_path_is_the_potential_s_own_between_ends_at_rest():
    first, last = vacancy()
    first.rattle(0.03, seed=1)
    path = walk_path(load("emt"), first, last, PathSettings(ends=["a", "b"], images=3))
    assert path.converged and path.top == 2 and not path.trouble
    forces = [np.abs(f.evaluation.forces_eV_A).max() for f in path.frames]
    assert forces[0] < 0.005 > forces[-1]


def test_ends_that_fall_into_one_another_leave_the_first_guess_to_learn_from():
    first, last = copper(0.0), copper(0.4)
    path = walk_path(load("emt"), first, last, PathSettings(ends=["a", "b"], images=3))
    assert "no barrier between them" in path.trouble and not path.converged and len(path.frames) == 5
    assert path.frames[-1].place > 0.3


def test_held_out_images_lie_beside_the_path():
    first, last = vacancy()
    settings = PathSettings(ends=["a", "b"], images=3)
    walk = PathWalk(load("emt"), first, last, settings, np.random.default_rng(0))
    frames = [walk.step() for _ in range(5)]
    assert walk.step() is None and walk.length == frames[-1].place > 1
    path = walk_path(load("emt"), first, last, settings)
    off = [a.atoms.positions - b.atoms.positions for a, b in zip(frames, path.frames, strict=True)]
    assert np.std(off) == pytest.approx(0.05, rel=0.3)
    walk.rewind()


def test_ends_that_no_path_joins_are_refused():
    small, large = bulk("Cu", cubic=True), bulk("Cu", a=4.0, cubic=True)
    with pytest.raises(InputError, match=r"learn\.path\.ends: final: has another cell"):
        check_ends(small, large)
    with pytest.raises(InputError, match="is the initial structure"):
        check_ends(small, small.copy())
    with pytest.raises(InputError, match="has other atoms"):
        check_ends(small, Atoms("Au4", small.positions, cell=small.cell, pbc=True))


def test_a_path_has_defaults_of_its_own_and_all_images_are_for_paths_alone():
    oracle = {"potential": "emt"}
    path = LearnSettings.model_validate({"oracle": oracle, "explore": "path", "path": {"ends": ["a", "b"]}})
    assert path.per_generation == 3 and path.held_out == 0
    md = {"oracle": oracle, "structures": ["a"]}
    assert LearnSettings.model_validate(md).per_generation == 10
    with pytest.raises(ValueError, match="all is for paths"):
        LearnSettings.model_validate({**md, "choose": "all"})


@pytest.fixture(scope="module")
def untested():
    """Without errors on a hundred reference structures, which other tests are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ground, "_tested", ())
        yield


@pytest.fixture(scope="module")
def learnt(tmp_path_factory, untested):
    """A run of six labels, killed as its third is made and again before the first training."""
    folder = tmp_path_factory.mktemp("learn") / "run"
    config = load_campaign(CAMPAIGN, QUICK)
    make, asked, later = PotentialOracle.label, [], []

    def interrupted(self, structures):
        for answer in make(self, structures):
            asked.append(answer)
            if len(asked) == 3:
                raise KeyboardInterrupt
            yield answer

    def counted(self, structures):
        for answer in make(self, structures):
            later.append(answer)
            yield answer

    def killed(self, now, labels):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PotentialOracle, "label", interrupted)
        with pytest.raises(KeyboardInterrupt):
            learn_in(folder, config, resume=False, progress=Silent())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PotentialOracle, "label", counted)
        patch.setattr(Learning, "_taught", killed)
        with pytest.raises(KeyboardInterrupt):
            learn_in(folder, config, resume=True, progress=Silent())
        patch.undo()
        patch.setattr(PotentialOracle, "label", counted)
        record = learn_in(folder, config, resume=True, progress=Silent())
    return folder, record, later


def test_interrupted_it_goes_on_and_labels_nothing_twice(learnt):
    folder, record, later = learnt
    assert len(record.labels) == 6 == len(list((folder / "labels").glob("*.extxyz")))
    # Five of the first generation, of which three were there; five that all were; one of the second
    assert [a.before for a in later] == [True] * 3 + [False] * 2 + [True] * 5 + [False]
    assert record.finished == "all labels are spent"


def test_every_generation_says_its_barrier_and_the_labelled_ones_their_error(learnt):
    _, record, _ = learnt
    assert record.unit == "Å along the path" and [g.labels for g in record.generations] == [0, 5, 6]
    first, second, last = (g.path for g in record.generations)
    assert [r.why for r in record.labels].count("saddle") == 2 and record.labels[0].why == "saddle"
    # 7net-0 without learning, in this cell: docs/learning.md
    assert first.forward_eV == pytest.approx(0.287, abs=0.003) and first.error_forward_eV > 0.1
    assert second.error_forward_eV is not None and last.forward_eV > 0
    assert second.farthest is not None and first.farthest is None


def test_what_was_written_is_read_and_shown(learnt):
    folder, record, _ = learnt
    again = LearningRecord.read(folder)
    assert isinstance(again.generations[0].path, PathRecord)
    assert json.dumps(again.to_json()) == json.dumps(record.to_json())
    page = (folder / "report" / "index.html").read_text()
    assert "Barrier by generation" in page and headline(record) in page and "meV off, then" in page
    assert all((folder / "report" / f"{name}.png").stat().st_size > 10_000 for name in ("barrier", "profiles"))
    assert len(list(Path(folder, "generations").glob("*/path.extxyz"))) == 3


def test_more_labels_go_on_where_they_were_spent(learnt, tmp_path):
    folder, record, _ = learnt
    shutil.copytree(folder, tmp_path / "run")
    more = learn_in(tmp_path / "run", load_campaign(CAMPAIGN, [*QUICK, "learn.labels=7"]), True, Silent())
    assert len(more.labels) == 7 and more.generations[2].path.error_eV is not None
    assert more.generations[2].path.forward_eV == record.generations[2].path.forward_eV


def test_a_saddle_foretold_well_enough_ends_it_without_another_training(learnt, tmp_path, monkeypatch):
    assert not learnt[1].generations[0].path.settled(0.01)
    monkeypatch.setattr(PathRecord, "settled", lambda self, tolerance_eV: self.error_eV is not None)
    done = learn_in(tmp_path / "run", load_campaign(CAMPAIGN, QUICK), False, Silent())
    assert done.finished == "generation 0 knows its path and its saddle, which has its label"
    assert len(done.labels) == 5 and len(done.generations) == 1


def test_a_saddle_that_is_labelled_but_not_learnt_is_taught_again_and_not_for_ever(learnt, tmp_path, monkeypatch):
    folder, _, _ = learnt
    shutil.copytree(folder, tmp_path / "run")
    taught = []

    def not_learnt(self, now, labels):
        taught.append(len(labels))
        return replace(now, number=now.number + 1, path=None, traces=())

    monkeypatch.setattr(Learning, "_taught", not_learnt)
    monkeypatch.setattr("discover.learning.learning.explore_path", nothing_new)
    monkeypatch.setattr("discover.learning.path_stage.with_labels", off)
    done = learn_in(tmp_path / "run", load_campaign(CAMPAIGN, [*QUICK, "learn.labels=9"]), True, Silent())
    assert taught == [6, 6] and len(done.labels) == 6
    assert done.finished == "generation 4 met nothing that it does not know, and is −30 meV off its saddle's label"


def nothing_new(ground, folder, generation, potential, labels, most):
    write_labels_whole(folder / "path.extxyz", list(labels)[:1])
    seen = Exploration()
    seen.path = PathRecord(0.3, 0.2, True, "", [0, 1, 2], [0, 0.3, 0.1], 1, 0.0, True)
    return seen


def off(record, images, labels, potential):
    return replace(record, error_forward_eV=-0.03)


def test_a_report_of_a_path_without_labels(tmp_path):
    path = PathRecord(0.3, 0.2, True, "", [0, 1, 2], [0, 0.3, 0.1], 1, None, False)
    root = Generation(0, "x", None, 0, path=path)
    record = LearningRecord("Pd-H", {"name": "7net-0"}, {"name": "x"}, "path", "Å", 5, (root,))
    assert "Nothing is learnt yet" in write_report(record, tmp_path).read_text()


def test_energies_of_a_path_weigh_as_whole_ones():
    config = load_campaign(CAMPAIGN, [])
    assert Ground(Path("nowhere"), config, Silent()).energy_weight == pytest.approx(0.4 * 5**2)
    told = load_campaign(CAMPAIGN, ["learn.train.energy_weight=3"])
    assert Ground(Path("nowhere"), told, Silent()).energy_weight == 3
    assert energy_weight_of_path(1) == 1 and energy_weight_of_path(500) == 1000
