"""The loop of active learning: what stops a walker, what is chosen, labels made once, and going on where it stopped."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from discover.cli import main
from discover.config import CampaignConfig, load_campaign
from discover.config_learning import MDSettings
from discover.errors import InputError
from discover.learning.band import Band, Known
from discover.learning.choice import LENGTH, NOISE, Surroundings, most_telling
from discover.learning.explore import MOST_REWINDS, explore, survey
from discover.learning.folder import learn_in
from discover.learning.frames import Chosen, Frame, read_chosen, save_chosen
from discover.learning.learning import Learning
from discover.learning.md_walk import MDWalk
from discover.learning.oracle import DFTOracle, PotentialOracle
from discover.learning.record import Generation, LabelRecord, LearningRecord
from discover.learning.report import growth, headline, write_report
from discover.learning.search_walk import SearchWalk
from discover.learning.walks import walks
from discover.progress import Silent
from potentials import load
from potentials.dft import DFTResult, DFTSettings
from potentials.potential import Evaluation
from potentials.training import lineages

CAMPAIGN = Path(__file__).parents[2] / "campaigns" / "learn-li3n.yaml"
QUICK = [
    "learn.labels=6", "learn.per_generation=3", "learn.held_out=2", "learn.replay=6", "learn.md.picoseconds=0.2",
    "learn.supercell=[1, 1, 1]", "learn.train.steps=4", "learn.domain=false", "learn.band=[2, 200]",
]  # fmt: skip


def copper(seed=0, amplitude=0.05):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(amplitude, seed=seed)
    return atoms


def frame_at(position, place=0.0, broken=False):
    """Four atoms whose features are one number each, `position` away from the known ones."""
    atoms = copper()
    features = np.random.default_rng(int(1000 * place)).normal(0, 0.1, (4, 3)) + np.array([position, 0, 0])
    energy = np.nan if broken else 0.0
    return Frame(atoms, Evaluation(energy, np.zeros((4, 3)), np.zeros((3, 3)), features), 0, place)


def known_frames(n=12):
    rng = np.random.default_rng(0)
    numbers = np.full(4, 29)
    return Known(tuple(numbers for _ in range(n)), tuple(rng.normal(size=(4, 3)) for _ in range(n)), np.eye(3))


class Scripted:
    """A walker that shows the frames it was given."""

    unit, length, rest, independent = "steps", 100.0, 0, False

    def __init__(self, frames):
        self.frames = list(frames)
        self.rewinds = 0

    def step(self):
        return self.frames.pop(0) if self.frames else None

    def rewind(self):
        self.rewinds += 1


def test_known_frames_lie_inside_their_own_band():
    known = known_frames()
    band = Band.around(known)
    distances = [band.distance(n, f) for n, f in zip(known.numbers, known.features, strict=True)]
    # Known to itself a frame is nearer than to the others alone, whose median distance is the edge
    assert np.mean(np.array(distances) <= band.inner) > 0.5 and band.outer > band.inner


def test_too_few_frames_and_frames_without_a_common_element_have_no_band():
    assert Band.around(known_frames(2)) is None
    features = tuple(np.random.default_rng(k).normal(size=(4, 3)) for k in range(3))
    assert Band.around(Known(tuple(np.full(4, z) for z in (29, 47, 79)), features, np.eye(3))) is None


def test_the_users_band_is_taken_as_it_is():
    band = Band.around(known_frames(), (1.5, 7.0))
    assert (band.inner, band.outer) == (1.5, 7.0)


def test_inside_goes_on_in_the_band_is_chosen_beyond_is_sent_back():
    walker = Scripted([frame_at(0.5, 1), frame_at(7.0, 2), frame_at(60.0, 3), frame_at(0.2, 4)])
    seen = explore([walker], known_frames(), 10, 3, (4.0, 12.0))
    assert [c.place for c in seen.chosen] == [2] and seen.chosen[0].generation == 3
    assert walker.rewinds == 1 == seen.rewinds and seen.stops == 1
    assert len(seen.traces[0]) == 4 and (seen.inner, seen.outer) == (4.0, 12.0)


def test_labels_go_where_most_was_met_and_then_to_what_they_leave_unknown():
    """Twenty-nine frames in one spot and one in another: one of the many, then the one, which is another thing."""
    frames = [frame_at(9.0, k) for k in range(1, 30)]
    frames.insert(5, frame_at(14.0, 40))
    first, second, *_ = explore([Scripted(frames)], known_frames(), 30, 0, (2.5, 40.0)).chosen
    assert first.place != 40 and second.place == 40


def test_what_is_left_unknown_is_the_posterior_variance_of_a_gaussian_process():
    """Against the textbook's formula, with few enough atoms that landmarks are all of them."""
    rng = np.random.default_rng(3)
    met = [Surroundings(np.full(4, 29), rng.normal(size=(4, 3))) for _ in range(12)]
    known = Known((np.full(4, 29),), (rng.normal(size=(4, 3)),), np.eye(3))
    every = np.concatenate([m.features for m in met])
    scale = np.sqrt(np.mean(np.sum((every - every.mean(0)) ** 2, axis=1)))

    def kernel(a, b):
        return np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=2) / (2 * (LENGTH * scale) ** 2))

    def unknown(taught):
        gram, cross = kernel(taught, taught) + NOISE * np.eye(len(taught)), kernel(every, taught)
        return np.sum(1 - np.sum(cross * np.linalg.solve(gram, cross.T).T, axis=1))

    before = unknown(known.features[0])
    each = [unknown(np.concatenate([known.features[0], m.features])) for m in met]
    ((place, left),) = most_telling(met, range(12), known, 1)
    assert place == np.argmin(each)
    # Landmarks outside the known frame's atoms do not span it wholly
    assert left == pytest.approx(min(each) / before, rel=0.02)


def test_elements_are_told_apart_and_only_candidates_are_chosen():
    same = np.random.default_rng(0).normal(size=(4, 3))
    met = [Surroundings(np.full(4, z), same) for z in (29, 29, 47)]
    chosen = most_telling(met, range(3), Known((), (), np.eye(3)), 2)
    assert {met[place].numbers[0] for place, _ in chosen} == {29, 47}
    assert [place for place, _ in most_telling(met, [2], Known((), (), np.eye(3)), 2)] == [2]
    assert most_telling([], [], Known((), (), np.eye(3)), 2) == []


def test_one_event_is_one_candidate():
    walker = Scripted([frame_at(9.0, k) for k in range(1, 21)])
    walker.rest = 10
    assert explore([walker], known_frames(), 20, 0, (4.0, 40.0)).stops == 2


def test_a_broken_frame_is_never_chosen():
    walker = Scripted([frame_at(7.0, 1, broken=True), frame_at(0.0, 2)])
    assert not explore([walker], known_frames(), 5, 0, (4.0, 12.0)).chosen
    assert walker.rewinds == 1


def test_an_element_without_a_label_is_what_a_label_is_for():
    strange = frame_at(0.0, 1)
    strange.atoms.numbers[:] = 47
    (chosen,) = explore([Scripted([strange])], known_frames(), 5, 0, (4.0, 12.0)).chosen
    assert chosen.distance is None and chosen.place == 1


def test_a_walker_before_a_wall_is_given_up_unless_its_frames_are_independent():
    far = [frame_at(99.0, k) for k in range(10 * MOST_REWINDS)]
    walker, search = Scripted(far), Scripted(far)
    search.independent = True
    explore([walker], known_frames(), 5, 0, (4.0, 12.0))
    explore([search], known_frames(), 5, 0, (4.0, 12.0))
    assert walker.rewinds == MOST_REWINDS + 1 and search.rewinds == len(far)


def test_with_nothing_labelled_the_beginning_sets_the_band_and_any_frame_may_be_chosen():
    still = [frame_at(0.0, 0.5 * k) for k in range(1, 60)]
    walker = Scripted([*still, frame_at(0.7, 50), frame_at(30.0, 51)])
    seen = explore([walker], Known((), (), np.eye(3)), 8, 0)
    assert seen.inner is not None and walker.rewinds == 1
    places = [c.place for c in seen.chosen]
    assert len(places) == 8 and 50 in places and 51 not in places and min(places) <= 10


def test_no_more_are_chosen_than_asked_for():
    rng = np.random.default_rng(1)
    frames = [frame_at(5.0 + rng.random(), k) for k in range(1, 20)]
    assert len(explore([Scripted(frames)], known_frames(), 3, 0, (1.0, 500.0)).chosen) == 3
    assert explore([Scripted(frames)], known_frames(), 0, 0, (4.0, 500.0)).chosen == []


def test_survey_is_evenly_spaced_or_random_and_skips_what_is_broken():
    frames = [frame_at(0.0, k, broken=k == 5) for k in range(1, 101)]
    even = survey([Scripted(frames)], 5, 0, None).chosen
    assert [c.place for c in even][::4] == [1, 100]
    drawn = survey([Scripted(frames)], 5, 0, np.random.default_rng(1)).chosen
    assert len({c.place for c in drawn}) == 5 and 5 not in [c.place for c in drawn]


def test_chosen_frames_survive_their_file(tmp_path):
    chosen = [Chosen(copper(1), 2, 1, 0.25, 3.5, "outside"), Chosen(copper(2), 0, 0, 1.0, None, "evenly spaced: x")]
    save_chosen(tmp_path / "c.extxyz", chosen)
    again = read_chosen(tmp_path / "c.extxyz")
    assert [(c.generation, c.walker, c.place, c.distance, c.why) for c in again] == [
        (c.generation, c.walker, c.place, c.distance, c.why) for c in chosen
    ]
    np.testing.assert_allclose(again[0].atoms.positions, chosen[0].atoms.positions, atol=1e-7)


class Counting:
    """EMT that counts, and fails on demand."""

    def __init__(self, fail_on=None):
        self._inner = load("emt")
        self.metadata = self._inner.metadata
        self.calls = 0
        self.fail_on = fail_on

    def evaluate(self, structures):
        self.calls += 1
        if self.calls == self.fail_on:
            raise RuntimeError("no convergence")
        return self._inner.evaluate(structures)


def test_labels_are_never_made_twice(tmp_path):
    potential = Counting()
    frames = [copper(k) for k in range(3)]
    first = list(PotentialOracle(potential, tmp_path).label(frames))
    again = list(PotentialOracle(potential, tmp_path).label(frames))
    assert potential.calls == 3 and all(a.before for a in again)
    assert [a.label.sha256 for a in again] == [a.label.sha256 for a in first]


def test_a_failed_label_has_its_reason_and_stops_no_other(tmp_path):
    answers = list(PotentialOracle(Counting(fail_on=2), tmp_path).label([copper(k) for k in range(3)]))
    assert [a.label is None for a in answers] == [False, True, False]
    assert "no convergence" in answers[1].reason


class Pool:
    """Of DFT, which answers at once."""

    free = 1

    def __init__(self, settings, versions, folder, workers):
        self.waiting = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def stored(self, atoms):
        return None

    def key(self, atoms):
        return str(atoms.positions.sum())

    def submit(self, atoms):
        self.waiting[self.key(atoms)] = atoms
        return self.key(atoms)

    def collect(self):
        done = {
            k: DFTResult(a, -3.0, free_energy_eV=-3.5, forces_eV_A=np.zeros((len(a), 3)), stress_eV_A3=np.zeros((3, 3)))
            for k, a in self.waiting.items()
        }
        self.waiting.clear()
        return done


def test_a_label_of_dft_is_the_energy_that_its_forces_derive_from(tmp_path, monkeypatch):
    monkeypatch.setattr("discover.learning.oracle.DFTPool", Pool)
    same = copper(1)
    answers = list(DFTOracle(DFTSettings(), {"gpaw": "1"}, tmp_path, 1).label([copper(0), same, same.copy()]))
    assert sorted(a.place for a in answers) == [0, 1, 2]
    assert {a.label.energy_eV for a in answers} == {-3.5}


def test_dynamics_are_the_same_for_the_same_seed_and_go_back_when_told():
    potential = load("emt")
    settings = MDSettings(picoseconds=0.1, look_every=5)
    first, second = (MDWalk(potential, copper(), settings, 500, np.random.default_rng([1, 2]), 0) for _ in range(2))
    ways = [[walk.step().atoms.positions for _ in range(6)] for walk in (first, second)]
    np.testing.assert_array_equal(ways[0], ways[1])
    first.rewind()
    np.testing.assert_array_equal(first._atoms.positions, ways[0][1])  # four looks back
    steps = 0
    while first.step() is not None:
        steps += 1
    assert steps == 4  # 0.1 ps are ten looks, of which six were had before


def test_every_structure_has_a_walker_at_every_temperature(tmp_path):
    files = [tmp_path / "a.cif", tmp_path / "b.cif"]
    for file in files:
        copper().write(file)
    md = {"temperature_K": [200, 400, 800], "picoseconds": 0.05, "walkers": 1}
    learn = {"oracle": {"potential": "lj"}, "structures": [str(f) for f in files], "md": md}
    config = CampaignConfig.model_validate({"system": "Cu", "potential": "emt", "learn": learn})
    starts = [copper()] * 6
    found = walks(config, load("emt"), 1, 0, starts, tmp_path)
    assert [walk._temperature_K for walk in found] == [200, 200, 400, 400, 800, 800]


def test_a_search_shows_what_lies_near_its_hull(tmp_path):
    config = load_campaign(
        CAMPAIGN.parent / "si-ge.yaml", ["system=Cu-Au", "potential=emt", "search.candidates=6", "search.atoms=[1, 4]"]
    )
    walk = SearchWalk(config, load("emt"), tmp_path / "search", 1, 0, workers=0)
    frames = []
    while (frame := walk.step()) is not None:
        frames.append(frame)
    assert len(frames) == walk.length > 2
    assert {"Cu", "Au"} == {s for f in frames for s in f.atoms.get_chemical_symbols()}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A run of two generations, killed as its fourth label is made, between a checkpoint and its record, and when the
    last label is made and not learnt yet."""
    folder = tmp_path_factory.mktemp("learn") / "run"
    config = load_campaign(CAMPAIGN, QUICK)
    make, made, answers = PotentialOracle.label, [], []

    def interrupted(self, structures):
        for answer in make(self, structures):
            made.append(answer)
            if len(made) == 4:  # two of the held-out ones, one of the first generation, and this
                raise KeyboardInterrupt
            yield answer

    def counted(self, structures):
        for answer in make(self, structures):
            answers.append(answer)
            yield answer

    def killed(self, generation, potential, offsets):
        raise KeyboardInterrupt

    def killed_at_the_last(self, now, labels):
        if len(labels) == 6:
            raise KeyboardInterrupt
        return taught(self, now, labels)

    taught = Learning._taught

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PotentialOracle, "label", interrupted)
        with pytest.raises(KeyboardInterrupt):
            learn_in(folder, config, resume=False, progress=Silent())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learning, "_assayed", killed)
        with pytest.raises(KeyboardInterrupt):
            learn_in(folder, config, resume=True, progress=Silent())
    assert (folder / "generations" / "1" / "checkpoint.pth").is_file()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learning, "_taught", killed_at_the_last)
        with pytest.raises(KeyboardInterrupt):
            learn_in(folder, config, resume=True, progress=Silent())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PotentialOracle, "label", counted)
        record = learn_in(folder, config, resume=True, progress=Silent())
    return folder, record, answers


def test_interrupted_learning_goes_on_and_labels_nothing_twice(learnt):
    folder, record, answers = learnt
    assert len(record.labels) == 6 and record.finished == "all labels are spent"
    assert len(list((folder / "labels").glob("*.extxyz"))) == 6 + record.held_out
    assert all(a.before for a in answers)  # the last process had only to learn what the one before it had asked


def test_the_second_generation_chose_by_distance(learnt):
    _, record, _ = learnt
    first, second = ([r for r in record.labels if r.generation == g] for g in (0, 1))
    assert all(r.distance is None for r in first) and all(r.distance > 2 for r in second)
    assert record.generations[1].inner == 2 and record.generations[1].traces[0]


def test_each_generation_is_a_checkpoint_with_its_lineage(learnt):
    folder, record, _ = learnt
    assert [g.labels for g in record.generations] == [0, 3, 6]
    last = folder / record.generations[-1].checkpoint
    assert [made.generation for made in lineages(last)] == [2, 1]
    assert load(str(last), "cpu").metadata.training_functional.endswith("fine-tuned on 6 labels of 7net-l3i5")
    assert record.generations[1].sha256 != record.generations[2].sha256


def test_errors_are_known_of_every_generation(learnt):
    _, record, _ = learnt
    assert all(g.held_out_force_eV_A > 0 and g.reference_force_eV_A > 0 for g in record.generations)
    assert all(label.force_error_eV_A > 0 for label in record.labels)


def test_the_report_shows_it(learnt):
    folder, record, _ = learnt
    page = (folder / "report" / "index.html").read_text()
    assert "held-out frames" in page and "7net-l3i5" in page and headline(record) in page
    assert (folder / "report" / "labels.csv").read_text().count("\n") == 7
    assert (folder / "report" / "errors.png").stat().st_size > 10_000


def test_finished_learning_asked_again_does_nothing(learnt):
    folder, record, _ = learnt
    again = learn_in(folder, load_campaign(CAMPAIGN, QUICK), resume=True, progress=Silent())
    assert json.dumps(again.to_json()) == json.dumps(record.to_json())


def test_a_folder_of_other_settings_is_refused(learnt):
    folder, _, _ = learnt
    with pytest.raises(InputError, match=r"learn\.per_generation was 3, is 4"):
        learn_in(folder, load_campaign(CAMPAIGN, [*QUICK, "learn.per_generation=4"]), True, Silent())
    with pytest.raises(InputError, match="holds a run already"):
        learn_in(folder, load_campaign(CAMPAIGN, QUICK), False, Silent())


def test_fewer_labels_end_it_and_more_go_on(learnt):
    """The folder is not poisoned by a smaller number in between."""
    folder, record, _ = learnt
    fewer = learn_in(folder, load_campaign(CAMPAIGN, [*QUICK, "learn.labels=1"]), True, Silent())
    assert [g.sha256 for g in fewer.generations] == [g.sha256 for g in record.generations]
    more = learn_in(folder, load_campaign(CAMPAIGN, [*QUICK, "learn.labels=7"]), True, Silent())
    assert [g.labels for g in more.generations] == [0, 3, 6, 7]


def test_search_and_learning_do_not_enter_each_other_s_folder(learnt, tmp_path):
    folder, _, _ = learnt
    words = ["run", str(CAMPAIGN.parent / "si-ge.yaml"), "--out", str(folder), "--workers", "0"]
    assert main(words) == main([*words, "--resume"]) == 2
    for command in ("hull", "anchor"):
        assert main([command, str(folder)]) == 2
    assert main(["status", str(folder)]) == main(["report", str(folder)]) == 0
    (tmp_path / "campaign.yaml").write_text("system: Li-N")
    (tmp_path / "candidates.db").write_text("")
    with pytest.raises(InputError, match="holds a search"):
        learn_in(tmp_path, load_campaign(CAMPAIGN, QUICK), True, Silent())


def test_an_oracle_that_never_answers_is_said_at_once(tmp_path):
    potential = Counting()
    potential.evaluate = lambda structures: 1 / 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("discover.learning.oracle.load", lambda *_, **__: potential)
        potential.metadata = load("7net-l3i5", "cpu").metadata
        with pytest.raises(InputError, match=r"no held-out frame could be labelled .*division by zero"):
            learn_in(tmp_path / "run", load_campaign(CAMPAIGN, QUICK), False, Silent())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["device=cuda"], "device: "),
        (["learn.oracle.potential=null"], "needs one oracle"),
        (["learn.oracle.calculator=gpaw"], "needs one oracle"),
        (["learn.structures=[]"], "structures"),
        (["learn.band=[3, 2]"], "inner below outer"),
        (["learn.explore=path"], "path.ends"),
        (["learn.labels=0"], "labels"),
        (["learn.structures=[nowhere.cif]"], "no such file"),
        (["learn.oracle.potential=7net-9"], "unknown potential"),
        (["potential=emt", "system=Cu-Au"], "cannot be fine-tuned"),
        (["system=Li-F"], "no element of Li-F"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, changes, said):
    words = [w for change in changes for w in ("--set", change)]
    assert main(["learn", str(CAMPAIGN), "--out", str(tmp_path / "x"), *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert said in error
    assert not (tmp_path / "x").exists()


def test_a_campaign_without_the_section_is_refused(capsys):
    assert main(["learn", str(CAMPAIGN.parent / "si-ge.yaml")]) == 2
    assert "learn: is missing" in capsys.readouterr().err


def test_a_report_of_nothing_learnt_yet(tmp_path):
    root = Generation(0, "7net-0", None, 0)
    record = LearningRecord("Li-N", {"name": "7net-0"}, {"name": "x"}, "md", "ps", 5, (root,))
    assert "Nothing is learnt yet" in write_report(record, tmp_path).read_text()


def test_forgetting_is_said():
    generations = (
        Generation(0, "7net-0", "a", 0, 0.2, 5.0, 0.10, 9.0),
        Generation(1, "c.pth", "b", 3, 0.1, 3.0, 0.15, 9.0),
    )
    labels = tuple(LabelRecord(0, 0, k, None, 0.2, 5.0, "") for k in range(3))
    record = LearningRecord("Li-N", {}, {}, "md", "ps", 5, generations, labels)
    assert growth(record) == pytest.approx(0.5)
    assert headline(record) == "Force errors fell by 50 % with 3 labels"


def test_atoms_inside_each_other_are_no_frame():
    close = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.4]], cell=[5, 5, 5], pbc=True)
    good = Evaluation(0.0, np.zeros((2, 3)), np.zeros((3, 3)), None)
    assert not Frame(close, good, 0, 0.0).sound
    torn = Evaluation(0.0, np.full((4, 3), 100.0), np.zeros((3, 3)), None)
    calm = Evaluation(0.0, np.zeros((4, 3)), np.zeros((3, 3)), None)
    assert not Frame(copper(), torn, 0, 0.0).sound and Frame(copper(), calm, 0, 0.0).sound
