"""The DFT codes by name: what each needs to run, and its ASE calculator for one attempt."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.units import Ry

from potentials.dft.settings import DFTError, DFTSettings
from potentials.metadata import file_sha256

_ENERGY_eV_PER_ELECTRON = 1e-5  # of the last three iterations: below 0.1 meV an atom


@dataclass(frozen=True)
class Attempt:
    """How gently a self-consistent field is approached.

    Attributes:
        mixing: share of the new density.
        widening: factor on the smearing; energies are extrapolated to none all the same.
        iterations: most.
        label: for people.
    """

    mixing: float | None
    widening: float
    iterations: int
    label: str


ATTEMPTS = (
    Attempt(None, 1.0, 150, "as the code does by itself"),
    Attempt(0.02, 1.0, 300, "with gentler mixing"),
    Attempt(0.02, 2.0, 500, "with gentler mixing and twice the smearing"),
)


@dataclass(frozen=True)
class DFTCode:
    """One code.

    Attributes:
        identity: version of the code and of its data sets for these elements; raises DFTError where it cannot run.
        calculator: an ASE calculator for a structure, in a folder.
    """

    identity: Callable[[DFTSettings, Collection[str]], dict[str, str]]
    calculator: Callable[[DFTSettings, Atoms, Attempt, Path], Any]


def identity(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    """Version of the code and of its data sets for these elements.

    Raises:
        DFTError: it is not here, or lacks a data set; with the command that mends it.
    """
    return _CODES[settings.code].identity(settings, elements)


def calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    """ASE calculator of the code, which writes into `folder`."""
    return _CODES[settings.code].calculator(settings, atoms, attempt, folder)


def _gpaw_identity(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    if find_spec("gpaw") is None:
        raise DFTError("GPAW is not installed here; `make dft` installs it (or pip install 'discover-materials[dft]')")
    from gpaw import setup_paths
    from gpaw.xc import XC

    try:
        name = XC(settings.xc).get_setup_name()
    except Exception as error:  # libxc's and GPAW's own errors have many classes
        raise DFTError(f"GPAW knows no functional {settings.xc!r} ({' '.join(str(error).split())[:80]})") from None
    found = {"gpaw": version("gpaw")}
    for element in sorted(elements):
        file = _paw_file(f"{element}.{name}", setup_paths)
        if file is None:
            raise DFTError(
                f"GPAW has no PAW data set of {element} for {name}; `gpaw install-data DIR` brings them, or "
                "set GPAW_SETUP_PATH to where they lie"
            )
        found[element] = file_sha256(file)[:12]
    return found


def _paw_file(stem: str, folders: Collection[str | Path]) -> Path | None:
    """The data set that GPAW takes: the first in its path."""
    files = (Path(folder) / f"{stem}{suffix}" for folder in folders for suffix in ("", ".gz"))
    return next((f for f in files if f.is_file()), None)


def _gpaw_calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    from gpaw import GPAW

    more: dict[str, Any] = dict(settings.options)
    if attempt.mixing is not None:
        more["mixer"] = {"beta": attempt.mixing, "nmaxold": 5, "weight": 100.0}
    return GPAW(
        mode={"name": "pw", "ecut": settings.cutoff_eV},
        xc=settings.xc,
        kpts={"size": settings.grid(atoms), "gamma": True},
        occupations={"name": "fermi-dirac", "width": settings.smearing_eV * attempt.widening},
        convergence={"energy": _ENERGY_eV_PER_ELECTRON},
        maxiter=attempt.iterations,
        txt=str(folder / "gpaw.txt"),
        **more,
    )


def _espresso_identity(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    return _program("Quantum ESPRESSO", settings.command or "pw.x") | _pseudopotentials(settings, elements)


def _espresso_calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    from ase.calculators.espresso import Espresso, EspressoProfile

    system: dict[str, Any] = {
        "ecutwfc": settings.cutoff_eV / Ry,
        "occupations": "smearing",
        "smearing": "mv",  # its free energy is that without smearing, to second order
        "degauss": settings.smearing_eV * attempt.widening / Ry,
        "input_dft": settings.xc,
    }
    electrons: dict[str, Any] = {"conv_thr": _ENERGY_eV_PER_ELECTRON / Ry, "electron_maxstep": attempt.iterations}
    if attempt.mixing is not None:
        electrons["mixing_beta"] = 5 * attempt.mixing  # its own is 0.7
    if settings.polarised(atoms):
        system["nspin"] = 2
    given = dict(settings.options)
    data = {"control": {"tprnfor": True, "tstress": True}, "system": system, "electrons": electrons}
    for section, values in dict(given.pop("input_data", {})).items():
        data[section] = data.get(section, {}) | dict(values)
    return Espresso(
        profile=EspressoProfile(settings.command or "pw.x", Path(settings.pseudo_dir or ".").resolve()),
        pseudopotentials=dict(settings.pseudopotentials),
        input_data=data,
        kpts=settings.grid(atoms),
        koffset=(0, 0, 0),
        directory=folder,
        **given,
    )


def _abinit_identity(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    found = _program("ABINIT", settings.command or "abinit") | _pseudopotentials(settings, elements)
    kinds = {_suffix(settings.pseudopotentials[e]) for e in elements}
    if len(kinds) > 1:
        raise DFTError(f"ABINIT takes pseudopotentials of one format together, not {', '.join(sorted(kinds))}")
    return found


def _abinit_calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    from ase.calculators.abinit import Abinit, AbinitProfile

    more: dict[str, Any] = {}
    suffix = _linked_pseudopotentials(settings, set(atoms.symbols), folder)
    if suffix == "xml":
        more["pawecutdg"] = 2 * settings.cutoff_eV  # of the fine grid, which ABINIT has no default for
    if attempt.mixing is not None:
        more["diemix"] = 5 * attempt.mixing
    return Abinit(
        profile=AbinitProfile(settings.command or "abinit", pp_paths=[str(folder.resolve())]),
        pps="pawxml" if suffix == "xml" else suffix,
        ecut=settings.cutoff_eV,
        xc=settings.xc,
        kptopt=1,  # by hand: ASE shifts an even grid off Γ
        ngkpt=list(settings.grid(atoms)),
        nshiftk=1,
        shiftk=[0, 0, 0],
        chksymtnons=0,
        occopt=4,  # cold smearing
        tsmear=settings.smearing_eV * attempt.widening,
        toldfe=_ENERGY_eV_PER_ELECTRON,
        nstep=attempt.iterations,
        directory=folder,
        **more | dict(settings.options),
    )


def _linked_pseudopotentials(settings: DFTSettings, elements: Collection[str], folder: Path) -> str:
    """Links to the files in `folder`, by the names under which ASE looks for them, and their common suffix."""
    suffix = ""
    for element in elements:
        file = (Path(settings.pseudo_dir or ".") / settings.pseudopotentials[element]).resolve()
        suffix = _suffix(file.name)
        link = folder / (f"{element}.psp8" if suffix == "psp8" else f"{element}.chosen.{suffix}")
        link.unlink(missing_ok=True)
        link.symlink_to(file)
    return suffix


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _vasp_identity(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    import os

    program = _program("VASP", settings.command or "vasp_std")
    if not os.environ.get("VASP_PP_PATH"):
        raise DFTError(
            "VASP's POTCAR files are not known; set VASP_PP_PATH to the folder that ASE's page on VASP names"
        )
    return program


def _vasp_calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    from ase.calculators.vasp import Vasp

    more: dict[str, Any] = dict(settings.options)
    if attempt.mixing is not None:
        more |= {"amix": 5 * attempt.mixing, "bmix": 0.001}
    return Vasp(
        command=settings.command or "vasp_std",
        xc=settings.xc,
        encut=settings.cutoff_eV,
        kpts=settings.grid(atoms),
        gamma=True,
        ismear=0,
        sigma=settings.smearing_eV * attempt.widening,
        ediff=_ENERGY_eV_PER_ELECTRON,
        nelm=attempt.iterations,
        ispin=2 if settings.polarised(atoms) else 1,
        directory=str(folder),
        **more,
    )


def _program(name: str, command: str) -> dict[str, str]:
    """The program at the end of a command line such as `mpirun -np 4 pw.x`, by its file's hash."""
    words = shlex.split(command)
    found = [path for word in words if not word.startswith("-") and (path := shutil.which(word))]
    launcher_only = found and Path(found[-1]).name in ("mpirun", "mpiexec", "srun")
    if not found or launcher_only:
        raise DFTError(
            f"{name} is not here: no program in {command!r}; install it or give its command as anchor.command"
        )
    return {name: file_sha256(Path(found[-1]))[:12]}


def _pseudopotentials(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    files: Mapping[str, str] = settings.pseudopotentials
    for element in sorted(elements):
        if element not in files:
            raise DFTError(
                f"no pseudopotential for {element}; name its file, as in anchor.pseudopotentials: "
                f"{{{element}: {element}.upf}}, and its folder as anchor.pseudo_dir"
            )
    paths = {e: Path(settings.pseudo_dir or ".") / files[e] for e in sorted(elements)}
    for element, path in paths.items():
        if not path.is_file():
            raise DFTError(f"no pseudopotential of {element} at {path}; mend anchor.pseudo_dir or the file's name")
    return {element: file_sha256(path)[:12] for element, path in paths.items()}


_CODES = {
    "gpaw": DFTCode(_gpaw_identity, _gpaw_calculator),
    "espresso": DFTCode(_espresso_identity, _espresso_calculator),
    "abinit": DFTCode(_abinit_identity, _abinit_calculator),
    "vasp": DFTCode(_vasp_identity, _vasp_calculator),
}
