"""Distances against scipy's, calibration against the truth it was drawn from, coverage, round trips, refusals."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from potentials import load
from potentials.potential import Evaluation, structure_of
from potentials.uncertainty import (
    Domain,
    NoDomainError,
    ReferenceSetError,
    ReferenceStructure,
    Uncertainty,
    build,
    from_atoms,
    read_reference,
    save_reference,
    uncertainty_of,
)
from potentials.uncertainty.calibration import ErrorScale
from potentials.uncertainty.reference import AT_REST, Labels


def two_clouds(rng, n=400, d=6):
    numbers = np.repeat([8, 12], n)
    mix = rng.normal(size=(d, d))
    features = rng.normal(size=(2 * n, d)) @ mix + np.where(numbers == 8, 3.0, -2.0)[:, None]
    return numbers, features


def test_distance_is_that_of_scipy_where_nothing_is_shrunk():
    rng = np.random.default_rng(0)
    numbers, features = two_clouds(rng)
    domain = Domain.fit(numbers, features, prior_strength=0.0)
    mine = domain.distances(numbers, features)
    for z in (8, 12):
        cloud = features[numbers == z]
        inverse = np.linalg.inv(np.cov(cloud.T, bias=True))
        theirs = [mahalanobis(x, cloud.mean(axis=0), inverse) for x in cloud]
        np.testing.assert_allclose(mine[numbers == z], theirs, rtol=1e-6)


@given(st.integers(0, 10**6))
def test_distance_does_not_depend_on_the_basis_of_feature_space(seed):
    rng = np.random.default_rng(seed)
    numbers, features = two_clouds(rng, n=40)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    before = Domain.fit(numbers, features).distances(numbers, features)
    after = Domain.fit(numbers, features @ turn + 5.0).distances(numbers, features @ turn + 5.0)
    np.testing.assert_allclose(after, before, rtol=1e-6)


def test_an_element_without_reference_is_infinitely_far():
    numbers, features = two_clouds(np.random.default_rng(1))
    found = Domain.fit(numbers, features).distances(np.array([8, 26]), features[:2])
    assert np.isfinite(found[0]) and np.isinf(found[1])


def test_few_atoms_lean_on_the_covariance_of_all():
    numbers, features = two_clouds(np.random.default_rng(2))
    few = np.concatenate([np.flatnonzero(numbers == 8), np.flatnonzero(numbers == 12)[:2]])
    all_known = Domain.fit(numbers, features)
    little = Domain.fit(numbers[few], features[few], all_known.projection)
    far = features[numbers == 12] + 4.0
    ratio = little.distances(np.full(400, 12), far) / all_known.distances(np.full(400, 12), far)
    assert 0.5 < np.median(ratio) < 2.0  # two atoms alone would have no covariance to speak of


def test_domain_survives_a_trip_through_arrays():
    numbers, features = two_clouds(np.random.default_rng(3))
    domain = Domain.fit(numbers, features)
    again = Domain.from_arrays(domain.to_arrays())
    np.testing.assert_allclose(again.distances(numbers, features), domain.distances(numbers, features), rtol=1e-4)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        Domain.fit(np.array([8]), np.array([[np.nan]]))


def drawn(rng, systems, each=30):
    """Errors that follow a power law of distance and force, with a factor of each system and each structure."""
    names = np.repeat([f"s{k}" for k in range(systems)], each)
    distances, forces = np.exp(rng.normal(2, 0.5, len(names))), np.exp(rng.normal(0, 1, len(names)))
    spread = np.repeat(rng.normal(0, 0.3, systems), each) + rng.normal(0, 0.5, len(names))
    errors = 0.02 * distances**1.2 * (forces + 0.1) ** 0.8 * np.exp(spread)
    return errors, distances, forces, list(names)


def test_coverage_on_new_systems_is_what_was_promised():
    scale = ErrorScale.fit(*drawn(np.random.default_rng(4), 200), floor=1e-6)
    errors, distances, forces, _ = drawn(np.random.default_rng(5), 200)
    for level in (0.5, 0.8, 0.9, 0.95):
        covered = np.mean(errors <= scale.bound(level, distances, forces))
        # 200 systems with a common factor: the standard error of a share is below 0.02
        assert abs(covered - level) < 0.04, level


def test_expected_error_is_the_mean_error():
    scale = ErrorScale.fit(*drawn(np.random.default_rng(6), 200), floor=1e-6)
    errors, distances, forces, _ = drawn(np.random.default_rng(7), 200)
    assert scale.expected(distances, forces).mean() == pytest.approx(errors.mean(), rel=0.1)


def test_bounds_grow_with_level_and_distance():
    scale = ErrorScale.fit(*drawn(np.random.default_rng(8), 20), floor=1e-6)
    near, far = np.array([3.0]), np.array([30.0])
    one = np.array([1.0])
    assert scale.bound(0.5, near, one) < scale.bound(0.9, near, one) < scale.bound(0.9, far, one)
    assert np.isinf(scale.bound(0.9, np.array([np.inf]), one))


def test_a_level_that_no_score_reaches_has_no_bound():
    """Ten structures cannot vouch for 99.9 %."""
    rng = np.random.default_rng(9)
    scale = ErrorScale.fit(rng.random(10), np.ones(10), None, [str(k) for k in range(10)], floor=0.1)
    assert np.isinf(scale.bound(0.999, np.ones(1))[0])


def test_one_system_cannot_be_calibrated():
    with pytest.raises(ValueError, match="two chemical systems"):
        ErrorScale.fit(np.ones(4), np.ones(4), None, ["a"] * 4, 0.1)


class Described:
    """A potential whose features are distances to the neighbours and whose energy is off where these are odd."""

    def __init__(self):
        from potentials.lennard_jones import lennard_jones

        self._inner = lennard_jones("cpu", sigma_A=2.3, epsilon_eV=0.2)
        self.metadata, self.batch_atoms, self.model = self._inner.metadata, 16, None

    def evaluate(self, structures):
        found = []
        for s in structures:
            e = self._inner.evaluate([s])[0]
            features = np.stack([np.linalg.norm(e.forces_eV_A, axis=1), np.full(len(s.numbers), s.volume_A3)], axis=1)
            found.append(Evaluation(e.energy_eV, e.forces_eV_A, e.stress_eV_A3, features))
        return found


def reference_of(potential, systems=12, offset_eV=0.0):
    """Rattled crystals whose labels are off by more, the more they are rattled."""
    rng = np.random.default_rng(10)
    found = []
    for k in range(systems):
        for kind in ("relaxed", "rattled", "liquid"):
            atoms = bulk("Cu", cubic=True)
            atoms.rattle({"relaxed": 0.01, "rattled": 0.03, "liquid": 0.3}[kind], rng=rng)
            structure = structure_of(atoms)
            answer = potential.evaluate([structure])[0]
            wrong = 1.0 + 0.1 * rng.normal()
            labels = Labels(answer.energy_eV * wrong + offset_eV * len(atoms), answer.forces_eV_A * wrong)
            found.append(ReferenceStructure(structure, f"system-{k}", kind, {"truth": labels}))
    return found


def test_built_estimates_rank_what_is_wrong():
    potential = Described()
    known = build(potential, reference_of(potential), "truth")
    calm, wild = bulk("Cu", cubic=True), bulk("Cu", cubic=True)
    calm.rattle(0.01, seed=3)
    wild.rattle(0.3, seed=3)
    near, far = (known.estimate(potential, structure_of(a)) for a in (calm, wild))
    assert near.in_domain and not far.in_domain
    assert near.structure_distance < far.structure_distance
    assert near.force_error_bound_eV_A < far.force_error_bound_eV_A
    assert far.expected_force_error_eV_A.shape == (4,)


def test_saved_is_what_was_built(tmp_path):
    potential = Described()
    known = build(potential, reference_of(potential), "truth", {"note": "x"})
    known.save(tmp_path / "d.npz")
    again = Uncertainty.load(tmp_path / "d.npz")
    structure = structure_of(bulk("Cu", cubic=True))
    first, second = (u.estimate(potential, structure) for u in (known, again))
    assert second.expected_error_meV_per_atom == pytest.approx(first.expected_error_meV_per_atom, rel=1e-4)
    assert again.provenance["note"] == "x" and again.provenance["oracle"] == "truth"


def test_another_zero_of_energy_is_no_error():
    potential = Described()
    plain = build(potential, reference_of(potential), "truth")
    shifted = build(potential, reference_of(potential, offset_eV=-50.0), "truth")
    structure = structure_of(bulk("Cu", cubic=True))
    errors = [u.estimate(potential, structure).expected_error_meV_per_atom for u in (plain, shifted)]
    assert errors[0] < 1000 and errors[1] < 1000  # 50,000 if the zero were an error


def test_an_estimate_becomes_json_with_null_for_infinity():
    potential = Described()
    known = build(potential, reference_of(potential), "truth")
    found = known.estimate(potential, structure_of(bulk("Al", cubic=True))).to_json()
    assert found["distance"] == [None] * 4 and found["in_domain"] is False
    assert found["expected_error_meV_per_atom"] is None


def test_what_was_fine_tuned_on_belongs_to_the_domain():
    potential = Described()
    wild = bulk("Cu", cubic=True)
    wild.rattle(0.3, seed=3)
    reference = reference_of(potential)
    without = build(potential, reference, "truth").estimate(potential, structure_of(wild))
    having = build(potential, reference, "truth", familiar=[structure_of(wild)] * 40)
    assert having.estimate(potential, structure_of(wild)).structure_distance < without.structure_distance


def test_reference_set_survives_its_file(tmp_path):
    reference = reference_of(Described())
    save_reference(tmp_path / "r.npz", reference)
    again = read_reference(tmp_path / "r.npz")
    assert [r.system for r in again] == [r.system for r in reference]
    np.testing.assert_allclose(again[5].structure.positions, reference[5].structure.positions, atol=1e-5)
    assert again[5].labels["truth"].energy_eV == reference[5].labels["truth"].energy_eV


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such reference set"), (b"junk", "no reference set")]
)
def test_no_reference_set_is_said_to_be_none(tmp_path, content, said):
    if content is not None:
        (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(ReferenceSetError, match=said):
        read_reference(tmp_path / "r.npz")


def test_a_training_set_of_ones_own():
    frames = []
    for k in range(3):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=k)
        atoms.calc = load("emt").calculator()
        atoms.get_forces()
        frames.append(atoms)
    found = from_atoms(frames, "emt")
    assert found[0].system == "Cu" and found[0].kind == AT_REST
    assert found[2].labels["emt"].forces_eV_A.shape == (4, 3)


def test_frames_without_labels_are_refused_with_their_number():
    with pytest.raises(ReferenceSetError, match="frame 1 has no energy"):
        from_atoms([bulk("Cu")], "x")


def test_a_potential_without_features_has_no_domain():
    with pytest.raises(NoDomainError, match="no features"):
        uncertainty_of(load("emt"))
    with pytest.raises(ReferenceSetError, match="no features"):
        build(load("emt"), reference_of(Described()), "truth")


def test_a_domain_of_other_weights_is_refused(tmp_path):
    potential = Described()
    known = build(potential, reference_of(potential), "truth")
    known.save(tmp_path / "d.npz")
    with pytest.raises(NoDomainError, match="other weights"):
        uncertainty_of(load("7net-0", "cpu"), tmp_path / "d.npz")


@pytest.mark.parametrize("name", ["7net-0", "chgnet"])
def test_shipped_domains_tell_a_crystal_from_a_wreck(name):
    potential = load(name, "cpu")
    known = uncertainty_of(potential)
    crystal = bulk("MgO", "rocksalt", 4.25)
    squeezed = bulk("MgO", "rocksalt", 3.0)
    squeezed.rattle(0.3, seed=0)
    calm, wreck = (known.estimate(potential, structure_of(a)) for a in (crystal, squeezed))
    assert calm.in_domain and not wreck.in_domain
    assert wreck.expected_error_meV_per_atom > 3 * calm.expected_error_meV_per_atom


@pytest.mark.parametrize("name", ["7net-0", "chgnet"])
def test_features_follow_the_symmetries_of_space(name):
    """Rotation and permutation leave an atom's features alone; to what rounding in single precision leaves."""
    potential = load(name, "cpu")
    atoms = bulk("NaCl", "rocksalt", 5.6, cubic=True)
    atoms.rattle(0.1, seed=1)
    turned = atoms[::-1]
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    first, second = (potential.evaluate([structure_of(a)])[0].features for a in (atoms, turned))
    np.testing.assert_allclose(second[::-1], first, atol=2e-4 * np.abs(first).max())
