"""One DFT calculation in this process: attempts that grow gentler, and what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import GPa

from potentials.dft.codes import ATTEMPTS, Attempt, calculator, identity
from potentials.dft.settings import DFTError, DFTResult, DFTSettings
from potentials.words import in_words

Calculator = Callable[[DFTSettings, Atoms, Attempt, Path], Any]


class NotConvergedError(RuntimeError):
    """The code ended without an error, and without a self-consistent field."""


def calculate(atoms: Atoms, settings: DFTSettings, folder: Path, calculator: Calculator = calculator) -> DFTResult:
    """Energy of a structure, and of its relaxation where the settings ask for one.

    An attempt that fails is followed by one with gentler mixing, then by one with twice the smearing as well; what each
    of them said is kept. A failure of all of them is a result without an energy, no error.

    atoms: periodic in three directions; a primitive, symmetric cell is cheapest.
    folder: for the code's own files; must exist.
    calculator: makes an ASE calculator for an attempt.

    Raises:
        DFTError: the code or one of its data sets is not here.
    """
    versions = identity(settings, set(atoms.symbols)) if calculator is _OWN else {}
    begun = time.monotonic()
    reasons: list[str] = []
    for attempt in ATTEMPTS:
        work = atoms.copy()
        work.set_initial_magnetic_moments(settings.moments(atoms) if settings.polarised(atoms) else None)
        try:
            work.calc = calculator(settings, work, attempt, folder)
            energy_eV = _energy(work, settings)
        except DFTError:
            raise
        except Exception as error:  # GPAW, LinAlgError, CalledProcessError, parsers: each code has its own
            reasons.append(f"{attempt.label}: {in_words(error, 120) if str(error) else type(error).__name__}")
            continue
        found = _properties(work, energy_eV, settings)
        break
    else:
        found = DFTResult(atoms, None)
    return replace(
        found,
        grid=settings.grid(atoms),
        seconds=time.monotonic() - begun,
        attempts=tuple(reasons),
        identity=versions,
    )


_OWN = calculator


def _energy(work: Atoms, settings: DFTSettings) -> float:
    """Total energy extrapolated to no smearing, of the relaxed structure where steps are asked for."""
    energy_eV = float(work.get_potential_energy())
    if settings.relax_steps:
        from ase.filters import FrechetCellFilter
        from ase.optimize import BFGS

        moving = FrechetCellFilter(work, scalar_pressure=settings.pressure_GPa * GPa)
        optimiser = BFGS(moving, logfile=None, maxstep=0.1)  # type: ignore[arg-type]
        optimiser.run(settings.relax_fmax_eV_A, settings.relax_steps)
        energy_eV = float(work.get_potential_energy())
    if not np.isfinite(energy_eV):
        raise NotConvergedError(f"energy is {energy_eV}")
    if getattr(work.calc, "converged", True) is False:  # VASP ends well without a self-consistent field
        raise NotConvergedError("self-consistent field not reached")
    return energy_eV


def _properties(work: Atoms, energy_eV: float, settings: DFTSettings) -> DFTResult:
    """What else the calculation can tell."""
    forces, stress = _array(work.get_forces), _array(lambda: work.get_stress(voigt=False))
    return DFTResult(
        atoms=Atoms(work.numbers, positions=work.positions, cell=work.cell, pbc=True),
        energy_eV=energy_eV,
        free_energy_eV=_known(lambda: work.get_potential_energy(force_consistent=True)),
        forces_eV_A=forces,
        stress_eV_A3=stress,
        max_force_eV_A=None if forces is None else float(np.linalg.norm(forces, axis=1).max()),
        pressure_GPa=None if stress is None else float(-np.trace(stress) / 3 / GPa),
        moment=(_known(work.get_magnetic_moment) or 0.0) if settings.polarised(work) else 0.0,
    )


def _known(value: Callable[[], Any]) -> float | None:
    """A number that the code may not be able to give, and that no energy rests on."""
    try:
        return float(value())
    except Exception:  # stress of some modes and functionals: NotImplementedError, PropertyNotImplementedError, ...
        return None


def _array(values: Callable[[], Any]) -> np.ndarray | None:
    """The same of many; None too where one of them is not finite."""
    try:
        found = np.asarray(values(), float)
    except Exception:  # as in _known
        return None
    return found if np.isfinite(found).all() else None
