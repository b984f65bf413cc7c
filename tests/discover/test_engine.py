"""Engines: what goes in comes out, whatever dies on the way."""

import os
from pathlib import Path

import pytest
from ase.build import bulk

from discover.engine import LocalEngine, Lost, slots_for
from discover.errors import InputError
from discover.ray_cluster import start_ray
from discover.ray_engine import RayEngine
from discover.worker import RelaxWorker, Task, WorkerSpec
from potentials import RelaxSettings

SYMBOLS = ("Cu", "Ag", "Al", "Au", "Ni", "Pt")


def tasks():
    cells = []
    for symbol in SYMBOLS:
        atoms = bulk(symbol, cubic=True)
        atoms.rattle(0.02, seed=1)
        cells.append(atoms)
    return [Task(10 + k, atoms) for k, atoms in enumerate(cells)]


def everything(engine):
    ended = {}
    engine.submit(tasks())
    try:
        for _ in range(2000):
            for item in engine.collect():
                ended[item.id if isinstance(item, Lost) else item.relaxation.id] = item
            if len(ended) == len(SYMBOLS):
                break
    finally:
        engine.close()
    return ended


def test_ids_in_equal_ids_out_in_the_process():
    spec = WorkerSpec("ase:tests.discover.fakes:Moody", "cpu", RelaxSettings())
    ended = everything(LocalEngine(spec, 4))
    assert sorted(ended) == [t.id for t in tasks()]
    fates = {SYMBOLS[id - 10]: item.relaxation for id, item in ended.items()}
    assert fates["Ag"].reason == "the potential gave NaN or infinity"
    assert fates["Au"].reason == "RuntimeError: no gold today"
    assert all(fates[s].outcome == "converged" for s in ("Cu", "Al", "Ni", "Pt"))


def test_a_candidate_that_kills_its_worker_is_lost_alone():
    spec = WorkerSpec("ase:tests.discover.fakes:Killer", "cpu", RelaxSettings())
    ended = everything(RayEngine(spec, 1, 4))
    assert sorted(ended) == [t.id for t in tasks()]
    lost = [id for id, item in ended.items() if isinstance(item, Lost)]
    assert lost == [10 + SYMBOLS.index("Ag")]
    assert ended[lost[0]].reason.startswith("its worker died 2 times")


def test_a_worker_gets_its_share_of_a_core_that_others_use_too():
    engine = RayEngine(WorkerSpec("emt", "cpu", RelaxSettings()), 1, 4)
    try:
        mine = os.nice(0)
        commands = {p: p.read_bytes().decode(errors="replace") for p in Path("/proc").glob("[0-9]*/cmdline")}
        workers = [int(p.parent.name) for p, words in commands.items() if words.startswith("ray::_RemoteWorker")]
        assert workers and {os.getpriority(os.PRIO_PROCESS, pid) for pid in workers} == {mine}
    finally:
        engine.close()


class Guarded:
    """In place of the module `ray`: a cluster that lets nobody in without a token."""

    def init(self, **_):
        raise ConnectionError("Failed to connect") from RuntimeError("RPC error: InvalidAuthToken: missing")


def test_a_cluster_that_wants_a_token_says_how_to_give_it():
    message = r"--ray-address: the Ray cluster at 'auto' wants a token; export RAY_AUTH_MODE=token first"
    with pytest.raises(InputError, match=message):
        start_ray(Guarded(), "auto", None)


def rattled(seed):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.3, seed=seed)
    return atoms


def calls(surrogate, tidy=True):
    """Model calls of each of twelve cells, one after another."""
    spec = WorkerSpec("emt", "cpu", RelaxSettings(), batch_atoms=4, surrogate=surrogate, elements=("Cu",))
    worker, ended = RelaxWorker(spec), {}
    worker.load()
    tasks = [Task(seed, rattled(seed), tidy=tidy) for seed in range(12)]
    while len(ended) < 12:
        ended |= {f.relaxation.id: f.relaxation.model_calls for f in worker.advance(tasks)}
        tasks = []
    return [ended[id] for id in range(12)]


def test_a_worker_learns_a_surrogate_where_it_is_told_to_and_known_crystals_are_spared():
    plain = calls("off")
    assert calls("on", tidy=False) == plain
    assert calls("auto") == calls("on")  # for the device is a processor
    assert sum(calls("on")[6:]) < 0.5 * sum(plain[6:])


def test_a_task_for_modes_gives_the_cell_as_it_is_with_its_vibrations():
    engine = LocalEngine(WorkerSpec("emt", "cpu", RelaxSettings()), 4)
    atoms = bulk("Cu", cubic=True)
    engine.submit([Task(3, atoms, relax=False, modes=5)])
    (item,) = engine.collect()
    assert item.modes.displacements.shape == (5, 4, 3)
    assert (item.modes.frequencies_THz > 1).all()  # fcc copper is stable and stiff
    assert item.relaxation.outcome == "converged"
    assert item.relaxation.atoms.positions == pytest.approx(atoms.positions)
    assert item.relaxation.model_calls == 2  # the cell itself, and the one displacement that cubic symmetry leaves


def test_modes_that_cannot_be_had_are_a_failure_with_a_reason():
    engine = LocalEngine(WorkerSpec("ase:tests.discover.fakes:Moody", "cpu", RelaxSettings()), 4)
    engine.submit([Task(3, bulk("Ag", cubic=True), relax=False, modes=5)])
    (item,) = engine.collect()
    assert (item.relaxation.outcome, item.modes) == ("failed", None)
    assert item.relaxation.reason == "the potential gave NaN or infinity"


@pytest.mark.parametrize("batch_atoms, mean_atoms, slots", [(16, 5, 6), (1, 4, 3), (4000, 10, 403)])
def test_slots_fill_a_batch_with_some_in_reserve(batch_atoms, mean_atoms, slots):
    assert slots_for(batch_atoms, mean_atoms) == slots
