"""Laws of anchoring: offsets cancel, errors are honest, and the budget goes where it tells."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from discover.anchoring.assessment import Assessor, undetermined
from discover.anchoring.choice import STABLE_WEIGHT, knowledge, next_choice
from discover.anchoring.delta_model import NOISE_EV, DeltaModel, Features
from discover.anchoring.hull_distances import drawn_hulls, formation_energies, hull_distances
from discover.anchoring.loop import Loop
from potentials.dft import DFTResult


def system(rng: np.random.Generator, n: int = 60, elements: int = 2, size: int = 4):
    """Fractions with pure elements among them, descriptors, and differences of the kind that the model expects."""
    fractions = np.vstack([np.eye(elements), np.eye(elements), rng.dirichlet(np.ones(elements), n - 2 * elements)])
    above = np.r_[np.zeros(elements), np.full(elements, 0.01), rng.exponential(0.02, n - 2 * elements)]
    descriptors = rng.standard_normal((n, size)) + 2 * fractions @ rng.standard_normal((elements, size))
    offsets = 10 * rng.standard_normal(elements)
    wave = 0.02 * np.sin(3 * fractions[:, 0] + descriptors[:, 0] / 2) + 0.005 * rng.standard_normal(n)
    return Features(fractions, descriptors, above), fractions @ offsets + wave


def test_offsets_of_elements_are_learned_exactly_and_cost_no_certainty():
    rng = np.random.default_rng(0)
    features, _ = system(rng)
    known = [0, 1, 10, 20, 30]
    for offsets in ([0.0, 0.0], [250.0, -37.0]):
        delta = features.fractions @ offsets
        posterior = DeltaModel(features).given(known, delta[known])
        assert np.allclose(posterior.mean, delta, atol=1e-6)
    small = DeltaModel(features).given(known, np.zeros(5)).sigma
    assert np.allclose(posterior.sigma, small)


def test_what_was_calculated_is_known_to_its_noise():
    rng = np.random.default_rng(1)
    features, delta = system(rng)
    known = [0, 1, 5, 7, 11]
    posterior = DeltaModel(features).given(known, delta[known])
    assert np.allclose(posterior.mean[known], delta[known], atol=4 * NOISE_EV)
    assert posterior.sigma[known].max() < 3 * NOISE_EV
    assert posterior.sigma.max() > 10 * NOISE_EV


def test_draws_have_the_posterior_s_mean_and_covariance():
    rng = np.random.default_rng(2)
    features, delta = system(rng, n=12)
    posterior = DeltaModel(features).given([0, 1, 4, 5, 6, 7, 8], delta[[0, 1, 4, 5, 6, 7, 8]])
    draws = posterior.sample(40_000, rng)
    variance = np.diag(posterior.covariance)
    assert (np.abs(draws.mean(axis=0) - posterior.mean) < 5 * np.sqrt(variance / len(draws)) + 1e-9).all()
    # Student t with 8 degrees of freedom has a fourth moment of 4.5 σ⁴: the variance's error is 1.9 σ²/√draws
    assert np.allclose(draws.var(axis=0), variance, rtol=6 * 1.9 / np.sqrt(len(draws)))
    half = np.abs(draws - posterior.mean) <= posterior.sigma
    assert half.mean(axis=0)[9:] == pytest.approx(0.6827, abs=5 * np.sqrt(0.68 * 0.32 / len(draws)))
    correlation = np.corrcoef(draws[:, 9], draws[:, 10])[0, 1]
    expected = posterior.covariance[9, 10] / np.sqrt(variance[9] * variance[10])
    assert correlation == pytest.approx(expected, abs=0.03)


def test_errors_of_the_expected_kind_fall_within_sigma_as_often_as_they_should():
    """Differences drawn from the model itself: 68 % within σ and 95 % within 2 σ, to what 40 draws of it leave."""
    rng = np.random.default_rng(3)
    within = []
    for _ in range(40):
        features, _ = system(rng, n=40)
        prior = DeltaModel(features).given([0, 1], np.zeros(2))
        delta = prior.sample(1, rng)[0]
        known = [0, 1, *rng.choice(np.arange(4, 40), 6, replace=False)]
        posterior = DeltaModel(features).given(known, delta[known])
        rest = np.setdiff1d(np.arange(40), known)
        z = (delta - posterior.mean)[rest] / posterior.sigma[rest]
        within.append([np.mean(np.abs(z) < 1), np.mean(np.abs(z) < 2)])
    # Structures of one draw hang together: the mean of 40 is known to some 0.03; t's tails leave less within 2 σ
    one, two = np.mean(within, axis=0)
    assert 0.58 < one < 0.78 and 0.87 < two < 0.98


def test_the_elements_must_be_calculated_first():
    features, delta = system(np.random.default_rng(4))
    with pytest.raises(ValueError, match="every element"):
        DeltaModel(features).given([0, 2], delta[[0, 2]])
    assert undetermined(features.fractions, [0]) == [1]
    assert undetermined(features.fractions, [0, 1]) == []


def test_of_one_composition_one_calculation_is_enough():
    rng = np.random.default_rng(5)
    features = Features(np.tile([0.5, 0.5], (9, 1)), rng.standard_normal((9, 3)), rng.exponential(0.02, 9))
    assert undetermined(features.fractions, []) and not undetermined(features.fractions, [4])
    posterior = DeltaModel(features).given([4], np.array([-3.0]))
    assert posterior.mean[4] == pytest.approx(-3.0, abs=1e-9) and np.isfinite(posterior.sigma).all()


@pytest.mark.parametrize("elements", [2, 3, 4])
def test_distances_of_draws_are_pymatgen_s(elements):
    rng = np.random.default_rng(elements)
    counts = np.vstack(
        [np.eye(elements, dtype=int), rng.integers(0, 4, (25, elements)) + np.eye(elements, dtype=int)[0]]
    )
    fractions = counts / counts.sum(axis=1, keepdims=True)
    energies = rng.normal(-3, 0.3, (4, len(counts)))
    found = hull_distances(fractions, energies)
    symbols = ["Li", "Al", "Si", "O"][:elements]
    for row, distances in zip(energies, found, strict=True):
        entries = [
            PDEntry(Composition(dict(zip(symbols, map(int, c), strict=True))), e * c.sum())
            for c, e in zip(counts, row, strict=True)
        ]
        diagram = PhaseDiagram(entries)
        assert np.allclose(distances, [diagram.get_e_above_hull(e) for e in entries], atol=1e-6)
        assert np.allclose(
            formation_energies(fractions, row[None])[0],
            [diagram.get_form_energy_per_atom(e) for e in entries],
            atol=1e-9,
        )


def test_distances_ignore_offsets_of_elements():
    rng = np.random.default_rng(6)
    features, _ = system(rng)
    energies = rng.normal(0, 0.1, (3, len(features)))
    moved = energies + features.fractions @ [5.0, -8.0]
    assert np.allclose(
        hull_distances(features.fractions, energies), hull_distances(features.fractions, moved), atol=1e-9
    )


def test_the_gain_is_what_a_calculation_takes_off_the_standard_errors():
    """Against the model itself, of known variance: how far the distances' errors fall where an energy is given."""
    rng = np.random.default_rng(3)
    features, delta = system(rng, n=16)
    energies = rng.normal(0, 0.02, 16) - 0.3 * features.fractions[:, 0] * features.fractions[:, 1]
    model, known = DeltaModel(features, 0.02, prior_rows=1e6), [0, 1, 6]
    posterior = model.given(known, delta[known])
    draws = energies + posterior.sample(2000, rng)
    gain = knowledge(features.fractions, draws, posterior.covariance, within_eV=1.0).gain
    now = hull_distances(features.fractions, draws)
    weights = 1 + STABLE_WEIGHT * (now <= 1e-6).mean(axis=0)
    before = np.average(now.std(axis=0), weights=weights)
    real = []
    for k in range(4, 16):
        values = np.quantile(posterior.sample(4000, np.random.default_rng(1))[:, k], np.linspace(0.1, 0.9, 5))
        given = [model.given([*known, k], np.array([*delta[known], v])) for v in values]
        after = [energies + g.sample(400, np.random.default_rng(2)) for g in given]
        errors = [hull_distances(features.fractions, a).std(axis=0) for a in after]
        real.append(before - np.mean([np.average(e, weights=weights) for e in errors]))
    # The order is what decides; corners of the hull change the sizes: 0.88 to 0.98 with 25 values
    assert np.corrcoef(real, gain[4:])[0, 1] > 0.75


def test_a_campaign_too_large_to_be_drawn_jointly_is_assessed_like_a_small_one(monkeypatch):
    features, delta = system(np.random.default_rng(10), n=80)
    far = np.r_[np.zeros(25), np.full(55, 0.5)]
    far[70] = 0.0
    features = Features(features.fractions, features.descriptors, features.above + far)
    energies = features.above - 0.2 * features.fractions.prod(axis=1)
    given = {k: delta[k] for k in (0, 1, 70)}
    whole = Assessor(features, energies, 0.1).assess(given)
    monkeypatch.setattr("discover.anchoring.assessment.JOINT", 30)
    parts = Assessor(features, energies, 0.1).assess(given)
    assert parts.energies == pytest.approx(whole.energies, abs=1e-12)
    assert parts.sigma == pytest.approx(whole.sigma, rel=1e-6)  # of a bisection
    assert parts.above == pytest.approx(whole.above, abs=1e-12)
    drawn = np.flatnonzero(parts.knowledge.gain > 0)
    assert len(drawn) <= 30 and {0, 1, 70} <= set(np.flatnonzero(parts.knowledge.distance_sigma != parts.sigma))
    # Of what is left out each has a chance of a per cent of changing the hull, at the most
    assert np.abs(parts.knowledge.p_stable - whole.knowledge.p_stable).max() < 0.1


def test_a_calculated_structure_has_nothing_more_to_tell():
    rng = np.random.default_rng(8)
    features, delta = system(rng)
    assessor = Assessor(features, -0.2 * features.fractions.prod(axis=1), 0.1)
    found = assessor.assess({k: delta[k] for k in (0, 1, 9)})
    assert found.knowledge.gain[[0, 1, 9]].max() < 0.1 * found.knowledge.gain.max()
    choice = next_choice(found.knowledge, {0, 1, 9})
    assert choice not in (0, 1, 9, None)


def test_probabilities_of_lying_on_the_hull_follow_the_energies():
    fractions = np.array([[1.0, 0], [0, 1.0], [0.5, 0.5], [0.5, 0.5]])
    rng = np.random.default_rng(9)
    draws = np.array([0.0, 0.0, 0.010, 1.0]) + rng.normal(0, 1, (20_000, 4)) * [0, 0, 0.010, 0.001]
    found = knowledge(fractions, draws, np.diag([0, 0, 0.010, 0.001]) ** 2, within_eV=0.1)
    # One σ above the line between the elements: Φ(−1)
    assert found.p_stable == pytest.approx([1.0, 1.0, 0.1587, 0.0], abs=0.01)
    assert next_choice(found, {0, 1}) == 2


class Instant:
    """Calculates at once, `width` at a time."""

    def __init__(self, width: int = 1, failing: tuple[int, ...] = ()) -> None:
        self.width, self.failing = width, failing
        self.asked: list[int] = []
        self._waiting: dict[str, DFTResult] = {}

    @property
    def free(self) -> int:
        return self.width - len(self._waiting)

    def key(self, atoms):
        return str(atoms.info["place"])

    def stored(self, atoms):
        return None

    def submit(self, atoms):
        place = int(atoms.info["place"])
        self.asked.append(place)
        self._waiting[str(place)] = DFTResult(atoms, None if place in self.failing else -1.0)
        return str(place)

    def collect(self, patience_s: float = 10.0):
        key = next(iter(self._waiting))
        return {key: self._waiting.pop(key)}


def loop(rng, budget, elements=2, barred=()):
    features, delta = system(rng, elements=elements)
    energies = (
        -0.2 * features.fractions.prod(axis=1) + np.r_[np.zeros(elements), np.full(len(features) - elements, 0.01)]
    )
    above = hull_distances(features.fractions, energies[None])[0]
    atoms = []
    for k in range(len(features)):
        one = bulk("Cu")
        one.info["place"] = k
        atoms.append(one)

    def found(place, result):
        return float(delta[place]) if result.energy_eV is not None else float("nan")

    assessor = Assessor(features, energies, 0.1)
    return Loop(assessor, features.fractions, above, atoms, found, budget, barred=set(barred))


@pytest.mark.parametrize("width", [1, 3])
def test_every_element_is_calculated_first_and_nothing_twice(width):
    oracle = Instant(width)
    steps = list(loop(np.random.default_rng(10), 9).run(oracle))
    assert [s.place for s in steps[:2]] == [0, 1] and "reference" in steps[0].why
    assert len(oracle.asked) == len(set(oracle.asked)) == len(steps) == 9


def test_a_reference_that_fails_is_followed_by_the_element_s_next():
    steps = list(loop(np.random.default_rng(11), 5).run(Instant(failing=(0,))))
    assert [s.place for s in steps[:3]] == [0, 2, 1]  # 2 is the first element's other structure
    assert np.isnan(steps[0].delta_eV_per_atom) and len(steps) == 5


def test_a_loop_that_was_stopped_goes_on_as_if_it_had_not_been():
    whole = [s.place for s in loop(np.random.default_rng(12), 8).run(Instant())]
    first = loop(np.random.default_rng(12), 8).run(Instant())
    done = [next(first) for _ in range(4)]
    again = Instant()
    assert [s.place for s in loop(np.random.default_rng(12), 8).run(again, done)] == whole
    assert again.asked == whole[4:]


def test_what_is_barred_is_not_calculated():
    steps = list(loop(np.random.default_rng(13), 50, barred=range(10, 60)).run(Instant()))
    assert {s.place for s in steps} == set(range(10))


@pytest.mark.parametrize("elements", [2, 3, 4])
def test_shares_are_the_derivatives_of_the_distances(elements):
    """Against differences: moving one energy moves the distances by what hangs from it."""
    rng = np.random.default_rng(20 + elements)
    fractions = np.vstack([np.eye(elements), rng.dirichlet(np.ones(elements), 20)])
    energies = rng.normal(-0.3, 0.2, (1, len(fractions)))
    found = drawn_hulls(fractions, energies)
    assert np.allclose(found.shares.sum(axis=1), 1.0)
    step = 1e-6
    for k in range(len(fractions)):
        moved = energies.copy()
        moved[0, k] += step
        slopes = (hull_distances(fractions, moved) - found.distances)[0] / step
        assert np.allclose(slopes, np.eye(len(fractions))[k] - found.shares[:, k], atol=1e-4)
