"""Whatever a structure does, it does it to itself alone."""

import numpy as np
import pytest
from ase import Atoms

from potentials import Evaluation, RelaxSettings
from potentials.relax import Outcome, relax
from tests.potentials import fakes
from tests.potentials.crystals import argon, argon_fcc, rattled

SETTINGS = RelaxSettings(fmax_eV_A=1e-4)
HEALTHY = [rattled(argon_fcc().repeat((2, 1, 1)), 0.15, 0.03, seed) for seed in range(3)]


def victim():
    atoms = rattled(argon_fcc().repeat((2, 1, 1)), seed=9)
    atoms.symbols[0] = "Kr"
    return atoms


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (fakes.nan, "the potential gave NaN or infinity"),
        (fakes.infinite_force, "the potential gave NaN or infinity"),
        (fakes.raising, "RuntimeError: krypton is not welcome"),
        (fakes.hole, "hole in the potential: -94.0 eV an atom"),
        (fakes.exploding, "fell apart"),
        (fakes.collapsing, "NeighbourOverflowError: collapsed"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_failure_names_itself_and_spares_the_others(act, reason):
    together = relax(fakes.OnKrypton(act), [*HEALTHY[:2], victim(), *HEALTHY[2:]], SETTINGS)
    assert [r.id for r in together] == [0, 1, 2, 3]
    failed = together.pop(2)
    assert failed.outcome is Outcome.FAILED
    assert failed.reason.startswith(reason)
    assert "\n" not in failed.reason
    assert np.isnan(failed.energy_eV)
    assert failed.model_calls >= 1
    for done, alone in zip(together, (relax(argon(), [a], SETTINGS)[0] for a in HEALTHY), strict=True):
        assert done.outcome is Outcome.CONVERGED
        assert done.energy_eV == pytest.approx(alone.energy_eV, abs=1e-9)
        assert done.model_calls == alone.model_calls


@pytest.mark.parametrize(
    ("atoms", "reason"),
    [
        (Atoms("Ar2", [[0, 0, 0], [0, 0, 0.3]], cell=5 * np.eye(3)), "overlap: two atoms at 0.14"),
        (Atoms("Ar2", [[0, 0, 0], [0, 0, 0]], cell=5 * np.eye(3)), "overlap: two atoms at 0.00"),
        (Atoms("Ar", cell=0.5 * np.eye(3)), "collapsed"),
        (Atoms("Ar", cell=np.zeros((3, 3))), "collapsed"),
        (Atoms("Ar", cell=20 * np.eye(3)), "fell apart: 8000 Å³ an atom"),
        (Atoms("Ar", [[np.nan, 0, 0]], cell=5 * np.eye(3)), "exploded"),
        (Atoms("Ar", cell=np.diag([np.inf, 5, 5])), "exploded"),
        (Atoms(cell=5 * np.eye(3)), "empty"),
    ],
    ids=["overlap", "coincide", "collapsed", "no cell", "gas", "nan", "infinite", "empty"],
)
def test_a_geometry_past_mending_is_never_evaluated(atoms, reason):
    done, healthy = relax(argon(), [atoms, HEALTHY[0]], SETTINGS)
    assert done.outcome is Outcome.FAILED
    assert done.reason.startswith(reason)
    assert done.model_calls == 0
    assert healthy.outcome is Outcome.CONVERGED


def test_an_unknown_element_is_the_fate_of_one():
    from ase.build import bulk

    from tests.potentials.crystals import potential

    done = relax(potential("7net-0"), [bulk("Po", "sc", a=3.35), bulk("Si")])
    assert [r.outcome for r in done] == [Outcome.FAILED, Outcome.CONVERGED]
    assert done[0].reason == "ValueError: the potential does not know Po"


def test_out_of_memory_halves_the_batch_for_good():
    class Small(fakes.OnKrypton):
        def evaluate(self, structures):
            if sum(len(s.numbers) for s in structures) > 4:
                raise RuntimeError("CUDA out of memory. Tried to allocate")
            return super().evaluate(structures)

    potential = Small(fakes.nan)
    done = relax(potential, HEALTHY, SETTINGS)
    assert all(r.outcome is Outcome.CONVERGED for r in done)


def test_a_step_into_an_overlap_is_shortened_before_anyone_is_blamed():
    """Pushed together by forces that end where the overlap begins: half the step is still good."""

    def pushed(structure, evaluation):
        gap = structure.positions[1] - structure.positions[0]
        r = np.linalg.norm(gap)
        force = 40.0 * (r - 1.3) * gap / r
        energy = 20.0 * (r - 1.3) ** 2
        return Evaluation(float(energy), np.array([force, -force]), np.zeros((3, 3)))

    atoms = Atoms("Kr2", [[0, 0, 0], [0, 0, 2.4]], cell=8 * np.eye(3))  # 1.16 Å is where Kr2 overlaps
    done = relax(fakes.OnKrypton(pushed), [atoms], RelaxSettings(relax_cell=False, primitive=False))[0]
    assert done.outcome is Outcome.CONVERGED
    assert done.atoms.get_distance(0, 1) == pytest.approx(1.3, abs=1e-2)
