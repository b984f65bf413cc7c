"""The loop on an engine that only plays: budgets, repeats, interruptions, all without a potential."""

import numpy as np
import pytest

from discover.config import CampaignConfig
from discover.errors import InputError
from discover.progress import Silent
from discover.run_folder import RunFolder
from discover.steady_state import AT_ONCE, SteadyState
from discover.worker import Finished
from potentials import Metadata, Relaxation
from potentials.relax.settings import Outcome
from searchers.fingerprint import fingerprint

CALLS = 3


class Playback:
    """Gives every candidate back as it was, one at a time; energies fall with the id, so that all of them are new."""

    def __init__(self, slots=500):
        self.description = {"metadata": Metadata("emt", "played").to_json(), "elements": None, "batch_atoms": 1}
        self.tasks = []
        self.slots = slots
        self.most = 0
        self.done = 0

    def free(self):
        return self.slots - len(self.tasks)

    def submit(self, tasks):
        self.tasks.extend(tasks)
        self.most = max(self.most, len(self.tasks))

    def collect(self):
        if not self.tasks:
            return []
        task = self.tasks.pop(0)
        self.done += 1
        energy = -0.01 * self.done * len(task.atoms)
        stress, outcome = np.zeros(6), Outcome.CONVERGED
        relaxation = Relaxation(task.id, task.atoms, energy, energy, 0.01, stress, 2, CALLS, outcome)
        return [Finished(relaxation, 1, fingerprint(task.atoms))]

    def answer(self, verdicts):
        raise AssertionError("nothing ever halts here")

    def second_opinion(self, atoms):
        return float("nan")

    def close(self):
        pass


class Told(Silent):
    def __init__(self):
        self.messages = []

    def message(self, text):
        self.messages.append(text)


def make(folder, engine, progress=None, resume=False, **search):
    search = {"prototypes": False, "atoms": [2, 4], **search}
    config = CampaignConfig.model_validate({"system": "CuAu", "potential": "emt", "search": search})
    run_folder = RunFolder.claim(folder, config, resume)
    run_folder.begin()
    return SteadyState(config, run_folder, engine, progress or Silent()), run_folder


def test_a_roomy_engine_does_not_get_the_whole_budget_at_once(tmp_path):
    engine = Playback(slots=500)
    loop, folder = make(tmp_path / "run", engine, candidates=60)
    loop.run()
    assert engine.most == AT_ONCE
    assert len(folder.store.history()) == 60


@pytest.mark.parametrize("search", [{"candidates": None, "model_calls": 60}, {"candidates": 500, "model_calls": 60}])
def test_a_budget_of_model_calls_ends_the_search(search, tmp_path):
    loop, folder = make(tmp_path / "run", Playback(slots=4), **search)
    loop.run()
    calls = sum(r.model_calls for r in folder.store.history())
    assert 60 <= calls <= 60 + 4 * CALLS


def test_a_search_that_only_repeats_itself_ends(tmp_path):
    """Swapping the two atoms of CuAu gives CuAu; nothing random may come to its help."""
    genetic = {"random_share": 0, "operators": {"permutation": 1}, "population": 4}
    told = Told()
    search = {"candidates": None, "model_calls": 10**6, "atoms": [2, 2], "genetic": genetic}
    loop, folder = make(tmp_path / "run", Playback(slots=4), told, **search)
    loop.run()
    assert told.messages == ["nothing new in 1000 candidates in a row: the search ends here"]
    fates = [r.fate for r in folder.store.history()]
    assert fates.count("duplicate") >= 1000


def test_space_groups_are_kept_to_all_the_way(tmp_path):
    loop, folder = make(tmp_path / "run", Playback(slots=4), candidates=12, searcher="random", space_groups=[225, 62])
    loop.run()
    assert {r.fate for r in folder.store.history()} <= {"converged", "duplicate"}


def test_a_run_goes_on_with_its_own_seeds_only(tmp_path):
    from ase.build import bulk
    from ase.io import write

    file = tmp_path / "mine.extxyz"
    write(file, [bulk("CuAu", "rocksalt", a=5.0)])
    search = {"start_from": [str(file)], "candidates": 4}
    make(tmp_path / "run", Playback(), **search)[0].run()
    write(file, [bulk("CuAu", "rocksalt", a=5.0), bulk("CuAu", "cesiumchloride", a=3.0)])
    with pytest.raises(InputError, match="start_from holds other structures than when it was begun"):
        make(tmp_path / "run", Playback(), resume=True, **search)


def test_two_processes_never_share_a_folder(tmp_path):
    _, first = make(tmp_path / "run", Playback())
    with pytest.raises(InputError, match="another process runs in it"):
        make(tmp_path / "run", Playback(), resume=True)
    first.release()
    make(tmp_path / "run", Playback(), resume=True)


def test_what_a_run_killed_as_it_began_leaves_does_not_stand_in_the_way(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (".lock", "campaign.yaml.tmp"):
        (folder / name).touch()
    make(folder, Playback(), resume=True, candidates=3)[0].run()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(InputError, match="exists and is no run folder"):
        make(tmp_path / "other", Playback())
