"""The searchers' hull against pymatgen's, and where elements are missing."""

import time

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from searchers.local_hull import LocalHull

ELEMENTS = ("Li", "Si", "Ge", "O", "F")


def _random_entries(n_elements, n_entries, rng):
    pure = [tuple(row) for row in np.eye(n_elements, dtype=int).tolist()]
    mixed = [tuple(rng.integers(0, 4, n_elements).tolist()) for _ in range(n_entries)]
    counts = pure + [c for c in mixed if sum(c)]
    return [(c, float(rng.normal(-3, 1))) for c in counts]


@pytest.mark.parametrize("n_elements", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_pymatgen(n_elements, seed):
    rng = np.random.default_rng(seed)
    elements = ELEMENTS[:n_elements]
    known = _random_entries(n_elements, 20, rng)
    hull = LocalHull(elements)
    for counts, energy in known:
        hull.add(counts, energy)
    diagram = PhaseDiagram([PDEntry(Composition(dict(zip(elements, c, strict=True))), e * sum(c)) for c, e in known])
    for counts, energy in _random_entries(n_elements, 10, rng):
        composition = Composition(dict(zip(elements, counts, strict=True)))
        expected = energy - diagram.get_hull_energy_per_atom(composition)
        assert hull.above(counts, energy) == pytest.approx(expected, abs=1e-8)


def test_one_composition_is_judged_by_its_best():
    hull = LocalHull(("Ti", "C"))
    hull.add((1, 1), -8.0)
    hull.add((2, 2), -8.5)
    hull.add((1, 1), -7.0)
    assert hull.above((3, 3), -8.2) == pytest.approx(0.3)
    assert hull.lowest((4, 4)) == -8.5
    assert hull.lowest((1, 2)) is None


def test_nothing_told_is_no_distance():
    assert LocalHull(("Al",)).above((1,), -3.0) == 0.0


def test_missing_elements_do_not_put_known_compositions_above_the_hull():
    hull = LocalHull(("Ti", "C"))
    hull.add((0, 1), -9.0)
    hull.add((1, 1), -9.2)
    hull.add((1, 2), -9.0)  # above the line from C to TiC
    hull.add((3, 1), -8.5)  # beyond all others: nothing known to fall apart into
    assert hull.above((1, 1), -9.2) == pytest.approx(0.0, abs=1e-9)
    assert hull.above((3, 1), -8.5) == pytest.approx(0.0, abs=1e-9)
    assert hull.above((1, 2), -9.0) == pytest.approx(0.4 / 3)


def test_an_end_member_that_comes_late_counts():
    hull = LocalHull(("Ti", "C"))
    hull.add((1, 1), -5.0)
    hull.add((1, 0), -7.0)
    hull.add((0, 1), -9.0)
    assert hull.above((1, 1), -5.0) == pytest.approx(3.0)


def test_state_is_complete():
    rng = np.random.default_rng(3)
    hull = LocalHull(ELEMENTS[:3])
    for counts, energy in _random_entries(3, 15, rng):
        hull.add(counts, energy)
    twin = LocalHull.from_state(ELEMENTS[:3], hull.state())
    assert twin.state() == hull.state()
    assert twin.above((1, 2, 3), -2.0) == hull.above((1, 2, 3), -2.0)


@pytest.mark.parametrize("counts", [(1,), (0, 0), (-1, 2)])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(ValueError, match="Ti-C"):
        LocalHull(("Ti", "C")).add(counts, -1.0)


def test_look_ups_are_fast():
    rng = np.random.default_rng(4)
    hull = LocalHull(ELEMENTS)
    for counts, energy in _random_entries(5, 300, rng):
        hull.add(counts, energy)
    hull.above((1, 1, 1, 1, 1), 0.0)
    start = time.perf_counter()
    for _ in range(200):
        hull.above((1, 2, 1, 0, 1), -2.0)
    assert (time.perf_counter() - start) / 200 < 1e-3  # 0.02 ms where nobody else computes


@pytest.mark.parametrize("n_elements", [1, 2, 4])
def test_heights_are_what_each_lowest_structure_lies_above_the_hull(n_elements):
    hull = LocalHull(ELEMENTS[:n_elements])
    assert hull.heights() == {}
    for counts, energy in _random_entries(n_elements, 30, np.random.default_rng(n_elements)):
        hull.add(counts, energy)
        heights = hull.heights()
    for counts, height in heights.items():
        assert height == pytest.approx(hull.above(counts, hull.lowest(counts)), abs=1e-12)
    assert min(heights.values()) == 0.0
