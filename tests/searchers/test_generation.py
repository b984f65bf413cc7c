import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st

from searchers.candidate import candidate_rng
from searchers.distances import far_enough, min_distance_ratio
from searchers.generation import GenerationError, NoStructureError, SymmetricGenerator, random_p1
from searchers.generation_worker import SymmetricMaker, place
from searchers.space import SearchSpace
from searchers.volume import estimate_volume
from searchers.wyckoff import fill, space_group

HANGING = (str(Path(__file__).with_name("hanging_worker.py")),)


@pytest.fixture(scope="module")
def generator():
    generator = SymmetricGenerator(SearchSpace(("Ti", "O"), 1, 12))
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def maker():
    return SymmetricMaker()


def found_group(atoms) -> int:
    cell = atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers
    return spglib.get_symmetry_dataset(cell, 1e-3).number


@pytest.mark.parametrize("number", range(1, 231, 3))
def test_general_positions_in_the_primitive_cell_have_the_space_group(maker, number):
    group = space_group(number)
    rng = np.random.default_rng(number)
    general = group.sites[0]
    cell = maker._cell(group, 60.0 * general.multiplicity, rng)
    # Two orbits of two elements: one alone may have more symmetry than its group.
    kinds, points = place(cell, [(0, general), (1, general)], np.array([0.1, 0.1]), rng)
    assert spglib.get_symmetry_dataset((cell, points, kinds), 1e-4).number == number


@pytest.mark.parametrize(("number", "counts", "possible"), [
    (225, [1, 1], True),  # rock salt
    (225, [3], True),  # 2 of 8c and 1 of 4a or 4b
    (225, [1, 1, 1], False),  # only 4a and 4b have one atom in the primitive cell
    (227, [2], True),  # diamond
    (227, [1], False),
    (2, [16], True),
    (1, [5, 7], True),
])  # fmt: skip
def test_filling_holds_the_atoms_or_is_known_not_to(number, counts, possible):
    sites = space_group(number).sites
    for seed in range(20):
        filling = fill(sites, counts, np.random.default_rng(seed))
        assert (filling is not None) == possible
        if filling is None:
            continue
        assert [sum(sites[i].multiplicity for i in chosen) for chosen in filling] == counts
        fixed = [i for chosen in filling for i in chosen if sites[i].free == 0]
        assert len(fixed) == len(set(fixed))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 8), st.integers(0, 4), st.integers(0, 10**6))
def test_structure_has_the_atoms_and_keeps_the_distances(generator, ti, o, seed):
    counts = (ti, o) if ti + o else (1, 0)
    atoms, group = generator.generate(counts, np.random.default_rng(seed))
    assert Counter(atoms.get_chemical_symbols()) == +Counter(Ti=counts[0], O=counts[1])
    assert atoms.pbc.all()
    assert far_enough(atoms, generator.space.min_distance_scale)
    assert 1 <= group <= 230
    ratio = atoms.cell.volume / estimate_volume({"Ti": counts[0], "O": counts[1]})
    assert ratio > 0.79
    assert group == 1 or ratio < 1.41


def test_centred_groups_are_reached_with_one_atom():
    generator = SymmetricGenerator(SearchSpace(("Al",), 1, 1, space_groups=(225, 229)))
    groups = {found_group(generator.generate((1,), candidate_rng(0, i))[0]) for i in range(12)}
    generator.close()
    assert groups == {225, 229}


def test_same_generator_state_makes_the_same_structure_whatever_was_made_before(generator):
    fresh = SymmetricGenerator(generator.space)
    expected, group = fresh.generate((2, 4), candidate_rng(3, 17))
    fresh.close()
    for i in range(5):
        generator.generate((i, 2), candidate_rng(4, i))
    again, group_again = generator.generate((2, 4), candidate_rng(3, 17))
    assert group == group_again
    assert expected == again


def test_hang_costs_a_bounded_time_once_and_is_remembered():
    space = SearchSpace(("Si",), 1, 1, space_groups=(2, 225))
    generator = SymmetricGenerator(space, timeout_s=0.2, worker=HANGING)
    seeds = [s for s in range(40) if np.random.default_rng(s).permutation(np.array([2, 225]))[0] == 225]
    generator.generate((1,), np.random.default_rng(seeds[0]))
    assert generator.bad_choices == {"225:(1,)"}
    start = time.perf_counter()
    atoms, group = generator.generate((1,), np.random.default_rng(seeds[1]))
    # A restart imports numpy (well under 5 s); another hang would add bad choices.
    assert time.perf_counter() - start < 10
    assert group == 2
    assert len(atoms) == 1
    generator.close()
    resumed = SymmetricGenerator(space, bad_choices=json.loads(json.dumps(sorted(generator.bad_choices))))
    assert resumed.bad_choices == generator.bad_choices


def test_worker_ends_with_its_parent_though_it_hangs():
    code = (
        "import os, sys, numpy as np\n"
        "from searchers.generation import ChildProcess\n"
        "child = ChildProcess(sys.argv[1:])\n"
        "child._start()\n"
        "child._outbox.send({'group': 225})\n"
        "print(child._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-c", code, *HANGING], capture_output=True, text=True, check=False
    )
    worker = int(parent.stdout)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _runs(worker):
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc")
    try:
        return stat.read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_worker_that_does_not_start_is_an_error_with_the_remedy():
    generator = SymmetricGenerator(SearchSpace(("Si",), 1, 1), worker=("-c", "raise SystemExit(3)"))
    with pytest.raises(GenerationError, match="pip install 'pyxtal"):
        generator.generate((1,), np.random.default_rng(0))


def test_failure_of_every_group_ends_in_p1():
    space = SearchSpace(("Si",), 4, 4)
    generator = SymmetricGenerator(space, volume=lambda counts: 4.0)
    atoms, group = generator.generate((4,), np.random.default_rng(0))
    assert group == 1
    assert far_enough(atoms, space.min_distance_scale)


def test_groups_that_were_asked_for_get_more_room_rather_than_p1():
    space = SearchSpace(("Si",), 4, 4, space_groups=(221, 62))
    generator = SymmetricGenerator(space, volume=lambda counts: 0.4 * estimate_volume(counts))
    assert {generator.generate((4,), np.random.default_rng(seed))[1] for seed in range(8)} <= {221, 62}


def test_compositions_that_the_groups_cannot_have_are_drawn_again():
    generator = SymmetricGenerator(SearchSpace(("Ti", "C"), 1, 2, space_groups=(227,)))
    drawn = [generator.draw(candidate_rng(1, k)) for k in range(4)]
    assert {(len(atoms), len(set(atoms.symbols)), group) for atoms, group in drawn} == {(2, 1, 227)}


def test_groups_without_any_composition_are_an_error_that_names_them():
    generator = SymmetricGenerator(SearchSpace.from_system("TiC", (2, 2), space_groups=(227,)))
    with pytest.raises(NoStructureError, match="no crystal of 2 to 2 atoms of Ti-C was found in the space groups 227"):
        generator.draw(np.random.default_rng(0))


@pytest.mark.parametrize("n", [1, 6, 12])
def test_p1_always_ends_and_keeps_distances(n):
    atoms = random_p1({"Cs": n}, 5.0, 0.9, np.random.default_rng(n))  # a volume far too small
    assert len(atoms) == n
    assert min_distance_ratio(atoms) >= 0.9


def test_counts_are_checked(generator):
    with pytest.raises(ValueError, match="2 numbers of atoms"):
        generator.generate((1,), np.random.default_rng(0))


def test_importing_searchers_imports_nothing_heavy():
    code = "import sys, searchers; print({'pyxtal', 'pymatgen', 'torch', 'deap', 'ray'} & set(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert out.stdout.strip() == "set()"
