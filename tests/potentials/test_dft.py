"""DFT calculations: what decides a result is in its key, what fails says why, and what is killed is made again."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from potentials.dft import DFTError, DFTPool, DFTResult, DFTSettings, identity, symmetric_primitive
from potentials.dft.calculation import calculate
from potentials.dft.worker import write_result
from potentials.primitive import space_group

SI = bulk("Si", "diamond", a=5.47)
GPAW = pytest.mark.skipif(find_spec("gpaw") is None, reason="GPAW is not installed; `make dft` installs it")
LOOSE = DFTSettings(cutoff_eV=200.0, kpoint_density_A=1.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"cutoff_eV": 600.0},
        {"xc": "LDA"},
        {"kpoint_density_A": 5.0},
        {"smearing_eV": 0.05},
        {"spin": "on"},
        {"relax_steps": 5},
        {"options": {"nbands": 20}},
        {"pseudopotentials": {"Si": "Si.upf"}},
    ],
)
def test_whatever_changes_an_energy_changes_the_key(changed):
    assert replace(DFTSettings(), **changed).key(SI, {}) != DFTSettings().key(SI, {})


def test_the_key_knows_the_structure_and_the_code_but_not_how_the_code_is_started():
    own = DFTSettings().key(SI, {"gpaw": "26.7.0"})
    shifted = SI.copy()
    shifted.positions[1] += [1e-3, 0, 0]
    assert DFTSettings().key(shifted, {"gpaw": "26.7.0"}) != own
    assert DFTSettings().key(SI, {"gpaw": "27.0.0"}) != own
    rounded = SI.copy()
    rounded.positions += 1e-9
    assert replace(DFTSettings(), command="mpirun pw.x").key(rounded, {"gpaw": "26.7.0"}) == own


def test_the_grid_has_the_density_asked_for_whatever_the_cell():
    settings = DFTSettings(kpoint_density_A=4.0)
    for atoms in (SI, SI.repeat((3, 1, 1)), bulk("Ti", "hcp", a=2.95, c=4.68)):
        lengths = 2 * np.pi * np.linalg.norm(atoms.cell.reciprocal(), axis=1)
        grid = np.array(settings.grid(atoms))
        assert (grid >= 4.0 * lengths - 1e-6).all() and (grid < 4.0 * lengths + 1).all()


def test_spin_is_where_an_element_asks_for_it():
    iron, auto = bulk("Fe"), DFTSettings()
    assert auto.polarised(iron) and not auto.polarised(SI)
    assert auto.moments(iron).min() > 2 and not auto.moments(SI).any()
    assert not replace(auto, spin="off").polarised(iron) and replace(auto, spin="on").polarised(SI)


def test_a_symmetric_primitive_cell_is_the_same_crystal():
    rng = np.random.default_rng(3)
    conventional = bulk("Cu", "fcc", a=3.6, cubic=True)
    conventional.rattle(0.003, rng=rng)
    found = symmetric_primitive(conventional)
    assert len(found) == 1 and space_group(found, 1e-5) == 225
    found.calc, conventional.calc = EMT(), EMT()
    # 0.003 Å of rattle: ½ k u², k some 10 eV/Å²
    assert abs(found.get_potential_energy() - conventional.get_potential_energy() / 4) < 3e-4


def test_a_crystal_without_symmetry_is_left_alone():
    atoms = Atoms(
        "CuAg", positions=[(0, 0, 0), (1.9, 1.3, 2.2)], cell=[[3, 0, 0], [0.4, 3.4, 0], [0.7, 0.2, 3.9]], pbc=True
    )
    found = symmetric_primitive(atoms)
    assert len(found) == 2
    assert np.isclose(found.get_volume(), atoms.get_volume())


class Stubborn(EMT):
    """Converges from the third attempt on."""

    def __init__(self, attempt: int, works_from: int) -> None:
        super().__init__()
        self.works = attempt >= works_from

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if not self.works:
            raise RuntimeError  # GPAW's error has no words either
        super().calculate(atoms, properties, system_changes)


def stubborn(works_from: int):
    made: list = []

    def make(settings, atoms, attempt, folder):
        made.append(attempt)
        return Stubborn(len(made) - 1, works_from)

    return make, made


def test_attempts_grow_gentler_until_one_converges(tmp_path):
    make, made = stubborn(2)
    result = calculate(bulk("Cu"), DFTSettings(), tmp_path, make)
    alone = bulk("Cu")
    alone.calc = EMT()
    assert result.energy_eV == pytest.approx(alone.get_potential_energy())
    assert len(result.attempts) == 2 and "RuntimeError" in result.attempts[0] and "gentler" in result.attempts[1]
    assert [a.mixing for a in made] == [None, 0.02, 0.02] and made[2].widening > made[1].widening


def test_a_failure_of_all_attempts_is_a_result_with_its_reasons(tmp_path):
    make, made = stubborn(99)
    result = calculate(bulk("Cu"), DFTSettings(), tmp_path, make)
    assert result.energy_eV is None and np.isnan(result.energy_eV_per_atom)
    assert len(result.attempts) == len(made) == 3


class Unconverged(Calculator):
    """Ends well without a self-consistent field, as VASP does."""

    implemented_properties = ("energy", "forces", "stress")
    converged = False

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": -1.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}


def test_an_energy_without_a_self_consistent_field_is_none(tmp_path):
    result = calculate(bulk("Cu"), DFTSettings(), tmp_path, lambda *_: Unconverged())
    assert result.energy_eV is None and "self-consistent" in result.attempts[0]


def test_relaxation_lowers_the_energy_to_the_crystal_under_its_pressure(tmp_path):
    stretched = bulk("Cu", "fcc", a=3.75)
    make, _ = stubborn(0)
    settings = DFTSettings(relax_steps=50, relax_fmax_eV_A=0.001)
    relaxed = calculate(stretched, settings, tmp_path, make)
    # EMT's copper: a = 3.59 Å (ASE's documentation)
    assert relaxed.atoms.cell.volume == pytest.approx(3.59**3 / 4, rel=0.01)
    assert abs(relaxed.pressure_GPa) < 0.1
    pressed = calculate(stretched, replace(settings, pressure_GPa=10.0), tmp_path, make)
    assert pressed.pressure_GPa == pytest.approx(10.0, abs=0.1)


def test_results_survive_json():
    result = DFTResult(SI, -10.8, 0.01, -0.3, 1.5, (4, 4, 4), 12.0, ("gentler",), {"gpaw": "26.7.0"})
    again = DFTResult.from_json(result.to_json())
    assert again.to_json() == result.to_json()
    assert np.allclose(again.atoms.positions, SI.positions) and again.atoms.pbc.all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DFTSettings(code="espresso", command="no-such-pw.x"), "Quantum ESPRESSO is not here"),
        (DFTSettings(code="espresso", command="true"), "no pseudopotential for Si"),
        (DFTSettings(code="abinit", command="true", pseudopotentials={"Si": "Si.psp8"}), "no pseudopotential of Si at"),
        (DFTSettings(code="espresso", command="mpirun -np 2 no-such-pw.x"), "no program in"),
        (DFTSettings(code="vasp", command="no-such-vasp"), "VASP is not here"),
    ],
)
def test_a_code_or_data_set_that_is_missing_is_named_before_anything_starts(settings, words):
    with pytest.raises(DFTError, match=words):
        identity(settings, {"Si"})


@GPAW
def test_gpaw_names_what_it_lacks():
    with pytest.raises(DFTError, match="no PAW data set of Pu"):
        identity(DFTSettings(), {"Si", "Pu"})
    with pytest.raises(DFTError, match="no functional 'nonsense'"):
        identity(DFTSettings(xc="nonsense"), {"Si"})
    assert set(identity(DFTSettings(), {"Si"})) == {"gpaw", "Si"}


@GPAW
def test_a_calculation_is_made_once_and_read_again(tmp_path):
    who = identity(LOOSE, {"Si"})
    with DFTPool(LOOSE, who, tmp_path, 1) as pool:
        key = pool.submit(SI)
        (first,) = pool.collect(120).values()
    assert first.energy_eV is not None and first.identity == who
    before = (tmp_path / key / "result.json").stat().st_mtime_ns
    with DFTPool(LOOSE, who, tmp_path, 1) as pool:
        pool.submit(SI)
        (again,) = pool.collect(0.0).values()
    assert again.to_json() == first.to_json()
    assert (tmp_path / key / "result.json").stat().st_mtime_ns == before


@GPAW
def test_a_killed_calculation_leaves_no_result_and_is_made_again(tmp_path):
    who = identity(LOOSE, {"Si"})
    with DFTPool(LOOSE, who, tmp_path, 1) as pool:
        key = pool.submit(SI)
        os.kill(pool._running[key][0].pid, signal.SIGKILL)
        (result,) = pool.collect(60).values()
        assert result.energy_eV is None and "-9" in result.attempts[0]
        assert pool.stored(SI) is None
        pool.submit(SI)
        (result,) = pool.collect(120).values()
    assert result.energy_eV is not None


@GPAW
def test_a_calculation_ends_with_whoever_asked_for_it(tmp_path):
    parent = os.fork()
    if parent == 0:  # a driver that is killed while GPAW runs
        DFTPool(replace(LOOSE, cutoff_eV=900.0, kpoint_density_A=9.0), {}, tmp_path, 1).submit(SI)
        time.sleep(60)
        os._exit(0)
    deadline = time.monotonic() + 60
    while not (found := _calculating(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert found
    while _calculating(tmp_path) and time.monotonic() < deadline + 30:
        time.sleep(0.2)
    assert not _calculating(tmp_path)


def test_a_failure_is_not_stored_for_good(tmp_path):
    pool = DFTPool(LOOSE, {}, tmp_path, 1)
    folder = tmp_path / pool.key(SI)
    folder.mkdir()
    write_result(folder, DFTResult(SI, None, attempts=("no licence",)))
    assert pool.stored(SI) is None
    (folder / "result.json").write_text("")  # of a machine that lost its power
    assert pool.stored(SI) is None
    write_result(folder, DFTResult(SI, -10.8))
    assert pool.stored(SI).energy_eV == -10.8


def test_a_program_ends_with_whoever_asked_for_it(tmp_path):
    """A stand-in for pw.x that takes its time."""
    program = tmp_path / "pw.x"
    program.write_text("#!/bin/sh\nexec sleep 987\n")
    program.chmod(0o755)
    (tmp_path / "Si.upf").write_text("")
    settings = DFTSettings(
        code="espresso", command=str(program), pseudo_dir=str(tmp_path), pseudopotentials={"Si": "Si.upf"}
    )
    with DFTPool(settings, {}, tmp_path / "work", 1) as pool:
        pool.submit(SI)
        deadline = time.monotonic() + 60
        while not (found := _sleeping()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert found
    deadline = time.monotonic() + 10
    while _sleeping() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _sleeping()


def _sleeping() -> list[bytes]:
    return [words for p in _command_lines() if b"sleep\x00987" in (words := p.read_bytes())]


def _calculating(folder: Path) -> list[str]:
    """Processes that calculate in this folder."""
    lines = [p.read_bytes().decode(errors="replace") for p in _command_lines()]
    return [line for line in lines if str(folder) in line and "potentials.dft.worker" in line]


def _command_lines() -> list[Path]:
    return [p for p in Path("/proc").glob("[0-9]*/cmdline") if _readable(p)]


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
