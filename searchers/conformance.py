"""What every searcher must keep to, as checks that any searcher's tests can run, other people's too.

    def test_conformance():
        check_searcher(lambda space: MySearch(space, seed=3))

Each check raises AssertionError with the broken rule. `toy_relax` stands in for a potential: it costs about a
millisecond and its energies are good for nothing but ordering.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from searchers.candidate import Candidate, Fate, Relaxed
from searchers.distances import far_enough, nearest_distances
from searchers.searcher import Searcher
from searchers.space import SearchSpace

MakeSearcher = Callable[[SearchSpace], Searcher]

_TOY_STRAINS = np.linspace(0.85, 1.15, 13)
_ROUNDING = 1e-6  # min_distance_scale holds up to the rounding of a geometry


def default_spaces() -> tuple[SearchSpace, ...]:
    """One composition, all compositions of a binary, one element down to one atom."""
    return (
        SearchSpace.from_system("TiC", (2, 6)),
        SearchSpace.from_system("Si-Ge", (2, 4)),
        SearchSpace(("Al",), 1, 3),
    )


def toy_energy_eV(atoms: Atoms) -> float:
    """A Morse-like sum over each pair's nearest image, minimum at the sum of covalent radii; eV."""
    return _toy_energy_eV(nearest_distances(atoms), atoms.numbers)


def _toy_energy_eV(distances: np.ndarray, numbers: np.ndarray) -> float:
    radii = covalent_radii[numbers]
    stretch = distances / (radii[:, None] + radii[None, :]) - 1.0
    return float(((1 - np.exp(-3 * stretch)) ** 2 - 1).sum() / 2)


def toy_relax(candidate: Candidate) -> Relaxed:
    """Converged at the uniform strain of lowest toy energy (unstrained where `candidate.relax` is False)."""
    atoms = candidate.atoms.copy()
    strain = 1.0
    if candidate.relax:
        distances = nearest_distances(atoms)
        energies = [_toy_energy_eV(distances * s, atoms.numbers) for s in _TOY_STRAINS]
        strain = float(_TOY_STRAINS[int(np.argmin(energies))])
        atoms.set_cell(atoms.cell.array * strain, scale_atoms=True)
    return Relaxed(
        candidate,
        atoms,
        toy_energy_eV(atoms),
        Fate.CONVERGED,
        max_force_eV_A=0.01,
        stress_eV_A3=np.zeros(6),
        steps=3,
        model_calls=4,
    )


def failed(candidate: Candidate) -> Relaxed:
    """The candidate as a potential that exploded would hand it back."""
    return Relaxed(candidate, candidate.atoms, float("nan"), Fate.FAILED, reason="made to fail")


def duplicate_of(candidate: Candidate, original: Relaxed) -> Relaxed:
    """The candidate as found to be `original` again."""
    return replace(original, candidate=candidate, fate=Fate.DUPLICATE, duplicate_of=original.candidate.id)


def fingerprints_of(candidates: Sequence[Candidate]) -> list[str]:
    """A text per candidate that is equal only where everything about it is equal."""
    return [
        json.dumps(
            [
                c.id, c.operator, list(c.parents), c.seed, c.relax, dict(c.info),
                c.atoms.numbers.tolist(), c.atoms.positions.tolist(), c.atoms.cell.array.tolist(),
            ],
            sort_keys=True,
        )
        for c in candidates
    ]  # fmt: skip


def check_searcher(
    make: MakeSearcher, spaces: Sequence[SearchSpace] | None = None, first_id: int = 0
) -> None:
    """Run every check on every space.

    Args:
        make: a fresh searcher of that space; called twice it must make equal ones (same seed).
        spaces: spaces to try; `default_spaces()` where None.
        first_id: the id that a fresh searcher's first candidate bears.
    """
    for space in default_spaces() if spaces is None else spaces:
        check_protocol(make, space)
        check_ids_are_counted(make, space, first_id)
        check_candidates_belong(make, space)
        check_never_starves(make, space)
        check_same_seed_same_candidates(make, space)
        check_tells_in_any_order(make, space)
        check_tolerates_every_fate(make, space)
        check_state_round_trip(make, space)


def run(searcher: Searcher, n: int, batch: int = 4) -> list[Candidate]:
    """Ask, relax by the toy and tell until n candidates were made; returns them.

    Raises:
        AssertionError: `ask` gave none with nothing outstanding, or more than asked for.
    """
    made: list[Candidate] = []
    while len(made) < n:
        wanted = min(batch, n - len(made))
        asked = searcher.ask(wanted)
        assert 1 <= len(asked) <= wanted, f"ask({wanted}) gave {len(asked)} with nothing outstanding"
        searcher.tell([toy_relax(c) for c in asked])
        made += asked
    return made


def check_protocol(make: MakeSearcher, space: SearchSpace) -> None:
    """It has the protocol's methods and keeps the space it was given."""
    searcher = make(space)
    assert isinstance(searcher, Searcher), f"{type(searcher).__name__} lacks a method of Searcher"
    assert searcher.space == space, "searcher.space is not the space it was made with"
    assert searcher.ask(0) == [], "ask(0) must give nothing"
    searcher.tell([])


def check_ids_are_counted(make: MakeSearcher, space: SearchSpace, first_id: int = 0, n: int = 12) -> None:
    """Ids are first_id, first_id + 1, ... in the order in which candidates come."""
    ids = [c.id for c in run(make(space), n)]
    assert ids == list(range(first_id, first_id + n)), f"ids are not counted up from {first_id}: {ids}"


def check_candidates_belong(make: MakeSearcher, space: SearchSpace, n: int = 16) -> None:
    """Candidates lie in the space, are periodic, keep minimum distances, name operator, and known parents."""
    known: set[int] = set()
    for c in run(make(space), n):
        label = f"candidate {c.id} ({c.operator}, {c.atoms.get_chemical_formula()})"
        assert space.allows(c.atoms.get_chemical_symbols()), f"{label} is outside the space"
        assert c.atoms.pbc.all(), f"{label} is not periodic in three directions"
        assert c.atoms.calc is None, f"{label} carries a calculator"
        assert far_enough(c.atoms, space.min_distance_scale - _ROUNDING), f"{label}: atoms too close"
        assert c.operator, f"{label} does not say what made it"
        assert set(c.parents) <= known, f"{label} has parents nobody has seen: {c.parents}"
        json.dumps(dict(c.info))
        known.add(c.id)


def check_never_starves(make: MakeSearcher, space: SearchSpace) -> None:
    """With nothing outstanding `ask` gives at least one, though everything failed until now."""
    searcher = make(space)
    for _ in range(6):
        asked = searcher.ask(3)
        assert asked, "ask gave nothing with nothing outstanding, after failures only"
        searcher.tell([failed(c) for c in asked])


def check_same_seed_same_candidates(make: MakeSearcher, space: SearchSpace, n: int = 12) -> None:
    """Two searchers of one seed that hear the same make the same."""
    first, second = fingerprints_of(run(make(space), n)), fingerprints_of(run(make(space), n))
    assert first == second, "two searchers of one seed made different candidates"


def check_tells_in_any_order(make: MakeSearcher, space: SearchSpace) -> None:
    """Results may come late, one by one and backwards; ids stay unique and candidates stay inside."""
    searcher = make(space)
    waiting = list(searcher.ask(6))
    seen = [c.id for c in waiting]
    for _ in range(8):
        if waiting:
            searcher.tell([toy_relax(waiting.pop())])
        asked = searcher.ask(2)
        assert asked or waiting, "ask gave nothing with nothing outstanding"
        waiting += asked
        seen += [c.id for c in asked]
    searcher.tell([toy_relax(c) for c in reversed(waiting)])
    assert searcher.ask(1), "ask gave nothing after everything was told"
    assert len(set(seen)) == len(seen), f"an id came twice: {seen}"


def check_tolerates_every_fate(make: MakeSearcher, space: SearchSpace) -> None:
    """Failed, unconverged, pruned, duplicate and never-asked-for results are all taken."""
    searcher = make(space)
    first = searcher.ask(1)
    original = toy_relax(first[0])
    searcher.tell([original])
    stranger = Candidate(10_000_000, original.atoms.copy(), "prototype")
    searcher.tell([toy_relax(stranger)])
    searcher.tell([original])  # the same news twice, as after a resume
    for fate in (Fate.FAILED, Fate.UNCONVERGED, Fate.PRUNED):
        for c in searcher.ask(2):
            ended = failed(c) if fate is Fate.FAILED else replace(toy_relax(c), fate=fate, reason="x")
            searcher.tell([ended])
    searcher.tell([duplicate_of(c, original) for c in searcher.ask(2)])
    assert all(c.id < stranger.id for c in run(searcher, 6)), "a stranger's id changed the count of ids"


def check_state_round_trip(make: MakeSearcher, space: SearchSpace) -> None:
    """A state that went through JSON goes on exactly as its searcher does, results outstanding too."""
    searcher = make(space)
    run(searcher, 10)
    outstanding = searcher.ask(3)
    text = json.dumps(searcher.state(), allow_nan=False)
    twin = type(searcher).from_state(space, json.loads(text))
    assert json.dumps(twin.state(), sort_keys=True) == json.dumps(json.loads(text), sort_keys=True), (
        "the state of a restored searcher is not the state it was restored from"
    )
    news = [toy_relax(c) for c in outstanding]
    searcher.tell(news)
    twin.tell(news)
    expected, got = fingerprints_of(run(searcher, 10)), fingerprints_of(run(twin, 10))
    assert got == expected, "a restored searcher goes on differently"
