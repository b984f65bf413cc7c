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
    """How gently a self-consistent field is approached; what `options` name is left as they have it.

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

    given: dict[str, Any] = {
        "mode": {"name": "pw", "ecut": settings.cutoff_eV},
        "xc": settings.xc,
        "kpts": {"size": settings.grid(atoms), "gamma": True},
        "occupations": {"name": "fermi-dirac", "width": settings.smearing_eV * attempt.widening},
        "convergence": {"energy": _ENERGY_eV_PER_ELECTRON},
        "maxiter": attempt.iterations,
        "txt": str(folder / "gpaw.txt"),
    }
    if attempt.mixing is not None:
        given["mixer"] = {"beta": attempt.mixing, "nmaxold": 5, "weight": 100.0}
    return GPAW(**given | dict(settings.options))


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
    more = dict(settings.options)
    data = {"control": {"tprnfor": True, "tstress": True}, "system": system, "electrons": electrons}
    for section, values in dict(more.pop("input_data", {})).items():
        data[section] = data.get(section, {}) | dict(values)
    given: dict[str, Any] = {
        "pseudopotentials": dict(settings.pseudopotentials),
        "input_data": data,
        "kpts": settings.grid(atoms),
        "koffset": (0, 0, 0),
    }
    profile = EspressoProfile(settings.command or "pw.x", Path(settings.pseudo_dir or ".").resolve())
    return Espresso(profile=profile, directory=folder, **given | more)


def _abinit_identity(settings: DFTSettings, elements: Collection[str]) -> dict[str, str]:
    found = _program("ABINIT", settings.command or "abinit") | _pseudopotentials(settings, elements)
    kinds = {_suffix(settings.pseudopotentials[e]) for e in elements}
    if len(kinds) > 1:
        raise DFTError(f"ABINIT takes pseudopotentials of one format together, not {', '.join(sorted(kinds))}")
    return found


def _abinit_calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    from ase.calculators.abinit import Abinit, AbinitProfile

    suffix = _linked_pseudopotentials(settings, set(atoms.symbols), folder)
    given: dict[str, Any] = {
        "pps": "pawxml" if suffix == "xml" else suffix,
        "ecut": settings.cutoff_eV,
        "xc": settings.xc,
        "kptopt": 1,  # by hand: ASE shifts an even grid off Γ
        "ngkpt": list(settings.grid(atoms)),
        "nshiftk": 1,
        "shiftk": [0, 0, 0],
        "chksymtnons": 0,
        "occopt": 4,  # cold smearing
        "tsmear": settings.smearing_eV * attempt.widening,
        "toldfe": _ENERGY_eV_PER_ELECTRON,
        "nstep": attempt.iterations,
    }
    if suffix == "xml":
        given["pawecutdg"] = 2 * settings.cutoff_eV  # of the fine grid, which ABINIT has no default for
    if attempt.mixing is not None:
        given["diemix"] = 5 * attempt.mixing
    profile = AbinitProfile(settings.command or "abinit", pp_paths=[str(folder.resolve())])
    return Abinit(profile=profile, directory=folder, **given | dict(settings.options))


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

    found = _program("VASP", settings.command or "vasp_std")
    if not os.environ.get("VASP_PP_PATH"):
        raise DFTError(
            "VASP's POTCAR files are not known; set VASP_PP_PATH to the folder that ASE's page on VASP names"
        )
    for element in sorted(elements):
        atom = Atoms(element, cell=[10, 10, 10], pbc=True)
        chooser = _vasp_calculator(settings, atom, ATTEMPTS[0], Path())
        try:
            chooser.initialize(atom)  # it looks the files up, and writes nothing
        except Exception as error:  # RuntimeError and others of ASE's, by what is missing
            said = " ".join(str(error).split())[:150]
            raise DFTError(f"VASP has no POTCAR of {element} ({said}); mend VASP_PP_PATH or options.setups") from None
        found[element] = file_sha256(Path(chooser.ppp_list[0]))[:12]
    return found


def _vasp_calculator(settings: DFTSettings, atoms: Atoms, attempt: Attempt, folder: Path) -> Any:
    from ase.calculators.vasp import Vasp

    given: dict[str, Any] = {
        "command": settings.command or "vasp_std",
        "xc": settings.xc,
        "encut": settings.cutoff_eV,
        "kpts": settings.grid(atoms),
        "gamma": True,
        "ismear": 0,
        "sigma": settings.smearing_eV * attempt.widening,
        "ediff": _ENERGY_eV_PER_ELECTRON,
        "nelm": attempt.iterations,
        "ispin": 2 if settings.polarised(atoms) else 1,
        "directory": str(folder),
    }
    if attempt.mixing is not None:
        given |= {"amix": 5 * attempt.mixing, "bmix": 0.001}
    return Vasp(**given | dict(settings.options))


def _program(name: str, command: str) -> dict[str, str]:
    """The program at the end of a command line such as `mpirun -np 4 pw.x`, by its file's hash."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise DFTError(f"{name}: {command!r} is no command line ({error}); mend anchor.command") from None
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
