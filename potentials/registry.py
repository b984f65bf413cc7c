"""`load(name)`: from a name in a YAML file to a potential."""

from __future__ import annotations

import difflib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from potentials.dispersion.settings import METHODS, Dispersion, DispersionError
from potentials.metadata import Metadata
from potentials.potential import Potential

SEVENNET = ("7net-0", "7net-l3i5")
CHARGED = ("ewald", "pme", "ionic")
"""Potentials of ions, which nothing is without the charges that a user gives."""
NAMES = (*SEVENNET, "chgnet", "emt", "lj", "contacts", *CHARGED)


class UnknownPotentialError(ValueError):
    """A name that is no potential; the message lists those there are."""


class LoadError(ValueError):
    """A potential that there is, but that cannot be loaded as asked for: wrong options, a broken checkpoint."""


class DeviceError(ValueError):
    """A device that this machine does not have."""


def resolve_device(device: str = "auto") -> str:
    """The device meant: "auto" is the first GPU, or the CPU where there is none.

    Raises:
        DeviceError: a GPU is asked for and there is none.
    """
    if device == "cpu":
        return device
    import torch

    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    kind, _, index = device.partition(":")
    if kind != "cuda":
        raise DeviceError(f"must be auto, cpu, cuda or cuda:N (is {device!r})")
    if not torch.cuda.is_available():
        raise DeviceError(f"{device!r} is asked for, but PyTorch finds no GPU here; use cpu or auto")
    if int(index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"{device!r} is asked for, but there are {torch.cuda.device_count()} GPUs; count from 0")
    return f"cuda:{int(index or 0)}"


def split_dispersion(name: str) -> tuple[str, str]:
    """A potential's name and the dispersion behind its last plus, "" where there is none: ("7net-0", "d4")."""
    base, plus, method = name.rpartition("+")
    return (base, method) if plus and not Path(name).is_file() else (name, "")


def check_name(name: str) -> None:
    """Refuse a name that `load` would not know, without loading anything.

    Raises:
        UnknownPotentialError: with the nearest name.
    """
    base, method = split_dispersion(name)
    if method and method not in METHODS:
        raise UnknownPotentialError(f"unknown dispersion {method!r} in {name!r}; use one of {', '.join(METHODS)}")
    if base in NAMES or base.startswith("ase:") or Path(base).is_file():
        return
    near = difflib.get_close_matches(base, NAMES, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(NAMES)}"
    raise UnknownPotentialError(
        f"unknown potential {base!r}; {hint} (or ase:module:Class, or the path of a SevenNet checkpoint)"
    )


def load(name: str = "7net-0", device: str = "auto", compiled: bool = False, **options: Any) -> Potential:
    """A potential by name.

    name: 7net-0, 7net-l3i5, chgnet, emt, lj (options sigma_A, epsilon_eV, cutoff_A, pairs), contacts (epsilon_eV),
        ewald, pme (charges, cutoff_A, accuracy), ionic (charges and pairs, or parameters), ase:module:Class (options go
        to the class), or the path of a SevenNet checkpoint. "+c6", "+d4" or "+d3" behind any
        name adds dispersion, as 7net-0+d4; so does the option `dispersion`, {"method": "d4", "functional": "pbe", ...}
        (`potentials.dispersion.Dispersion`). The option `electrostatics` ({"charges": ..., "method":
        ...}) adds charges, which a potential that holds them already refuses unless told to `insist`; a checkpoint that
        was fine-tuned beside electrostatics brings them along.
    device: auto, cpu, cuda, cuda:N.
    compiled: fuse SevenNet's tensor products with torch.compile (needs a C++ compiler on a CPU; a minute once).

    Raises:
        UnknownPotentialError: no such name.
        DeviceError: no such device here.
        LoadError: options that it does not take, dispersion on top of dispersion, a file that is no such checkpoint, a
            class that cannot be made.
    """
    check_name(name)
    try:
        return _load(name, device, compiled, options)
    except DeviceError:
        raise
    except Exception as error:
        # Of ours, only options can be wrong, or missing where ions need charges; of a file or a foreign class, anything
        if name in NAMES and name not in CHARGED and not options:
            raise
        kind = "" if isinstance(error, TypeError | ValueError) else f"{type(error).__name__}: "
        raise LoadError(f"{name!r} cannot be loaded: {kind}{' '.join(str(error).split())[:300]}") from error


def _load(name: str, device: str, compiled: bool, options: dict[str, Any]) -> Potential:
    base, method = split_dispersion(name)
    beside = ("electrostatics", "dispersion")
    found = _load_alone(base, device, compiled, {key: value for key, value in options.items() if key not in beside})
    if options.get("electrostatics") is not None:
        from potentials.joining import join
        from potentials.training.lineage import lineage

        found = join(found, base, options["electrostatics"], lineage(base) if Path(base).is_file() else None)
    if method and options.get("dispersion") is not None:
        raise DispersionError(f"dispersion: the name says {method} already; give the settings and the bare name")
    if method or options.get("dispersion") is not None:
        from potentials.dispersion import add_dispersion

        found = add_dispersion(found, Dispersion.of(method or options["dispersion"]))
    return found


def _load_alone(name: str, device: str, compiled: bool, options: dict[str, Any]) -> Potential:
    if name == "emt" or name.startswith("ase:"):
        from potentials import ase_potential

        return ase_potential.emt(**options) if name == "emt" else ase_potential.from_class_path(name, **options)
    device = resolve_device(device)
    if name == "chgnet":
        from potentials.ase_potential import chgnet

        return chgnet(device, **options)
    if name == "lj":
        from potentials.lennard_jones import lennard_jones

        return lennard_jones(device, **options)
    if name == "contacts":
        from potentials.contacts import contacts

        return contacts(device, **options)
    if name in CHARGED:
        from potentials import electrostatics

        return getattr(electrostatics, name)(device, **options)
    from potentials.sevennet import SevenNetPotential

    if name in SEVENNET:
        return SevenNetPotential(name, device, compiled=compiled, **options)
    network = SevenNetPotential(name, device, compiled=compiled, checkpoint=Path(name), **options)
    from potentials.training.lineage import lineage

    made = lineage(name)
    if made is None or not made.electrostatics:
        return network
    from potentials.joining import rejoined

    return rejoined(network, made)


def available() -> list[dict[str, Any]]:
    """One row for each named potential: what can be loaded here, and with which checkpoint.

    Rows have the keys name, installed, version, checkpoint, checkpoint_sha256, training_functional, elements (a list,
    or None for any), licence, note.
    """
    packages = {"7net-0": "sevenn", "7net-l3i5": "sevenn", "chgnet": "chgnet", "emt": "ase"}
    packages |= dict.fromkeys(("lj", "contacts", *CHARGED), "torch_sim")
    notes = {
        "7net-0": "default; trained on MPtrj",
        "7net-l3i5": "slower, more accurate",
        "chgnet": "evaluated structure by structure",
        "emt": "fcc metals; a toy beyond them",
        "lj": "reduced units unless told otherwise",
        "contacts": "tidies structures; its energies mean nothing",
        "ewald": "point charges, which options give",
        "pme": "the same on a mesh, for many atoms",
        "ionic": "charges and pair terms, which options give",
    }
    rows = []
    for name in NAMES:
        row: dict[str, Any] = {"name": name, "installed": find_spec(packages[name]) is not None, "note": notes[name]}
        if row["installed"] and name in CHARGED:
            row |= Metadata(name, "1", licence="MIT").to_json() | {"elements": None}
        elif row["installed"]:
            metadata = load(name, "cpu").metadata
            row |= metadata.to_json() | {"elements": metadata.elements and list(metadata.elements)}
        rows.append(row)
    return rows
