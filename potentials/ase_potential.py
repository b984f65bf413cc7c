"""Any ASE calculator behind the same interface."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.stress import voigt_6_to_full_3x3_stress

from potentials.metadata import Metadata, file_sha256
from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential


class AsePotential(Potential):
    """A potential that has no batched form: its calculator is called structure by structure."""

    def __init__(self, calculator: Calculator, metadata: Metadata, device: str = "cpu") -> None:
        self.metadata = metadata
        self.device = device
        self._calculator = calculator

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order."""
        return [self._one(s) for s in structures]

    def _one(self, structure: Structure) -> Evaluation:
        atoms = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=True)
        atoms.calc = self._calculator
        try:
            energy = float(atoms.get_potential_energy())
            return Evaluation(energy, np.array(atoms.get_forces()), voigt_6_to_full_3x3_stress(atoms.get_stress()))
        except Exception:
            # It remembers the atoms it failed on: asked again, it would go on from a half-made state
            self._calculator.reset()
            raise

    def calculator(self) -> Calculator:
        """The calculator itself."""
        return self._calculator


class ChgnetPotential(AsePotential):
    """CHGNet with the features that its read-out sees."""

    precision = "float32"

    def __init__(self, calculator: Any, metadata: Metadata, device: str) -> None:
        super().__init__(calculator, metadata, device)
        self._features: np.ndarray | None = None
        # The package returns the features before its last convolution; energies are made of the read-out's input
        calculator.model.mlp.register_forward_pre_hook(self._keep)

    def _keep(self, module: Any, inputs: tuple[Any, ...]) -> None:
        self._features = inputs[0].detach().cpu().numpy()

    def _one(self, structure: Structure) -> Evaluation:
        self._features = None
        # ASE gives a structure that it has just seen from memory, and no features with it
        self._calculator.reset()
        found = super()._one(_right_handed(structure))
        return replace(found, features=self._features)


def _right_handed(structure: Structure) -> Structure:
    """The same lattice: CHGNet takes the volume with its sign, and turns the stress of left-handed cells around."""
    if np.linalg.det(structure.cell) >= 0:
        return structure
    return Structure(structure.numbers, structure.positions, structure.cell[[1, 0, 2]])


def emt(device: str = "cpu") -> AsePotential:
    """ASE's effective-medium theory (Jacobsen, Stoltze & Nørskov, Surf. Sci. 366, 394 (1996))."""
    from ase.calculators.emt import EMT, parameters

    return AsePotential(
        EMT(),
        Metadata(
            "emt",
            f"ase {version('ase')}",
            elements=tuple(parameters),
            licence="LGPL-2.1-or-later",
            dispersion="by its fit to experiment",
        ),
    )


def chgnet(device: str = "cpu") -> ChgnetPotential:
    """CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)).

    Its training energies already hold the MP2020 corrections.
    """
    import chgnet as package
    from chgnet.model import CHGNet, CHGNetCalculator

    with contextlib.redirect_stdout(io.StringIO()):  # it greets on stdout, where `--json` prints one object
        model = CHGNet.load(use_device=device, verbose=False)
        calculator = CHGNetCalculator(model, use_device=device)
    folder = Path(inspect.getfile(package)).parent / "pretrained" / str(model.version)
    weights = sorted(folder.glob("*.tar"))[0]
    metadata = Metadata(
        "chgnet",
        f"chgnet {version('chgnet')}",
        checkpoint=weights.name,
        checkpoint_sha256=file_sha256(weights),
        training_functional="PBE / PBE+U with MP2020 corrections (MPtrj)",
        licence="BSD-3-Clause (modified)",
        dispersion="none",
    )
    return ChgnetPotential(calculator, metadata, device)


def from_class_path(name: str, **options: Any) -> AsePotential:
    """Any calculator by "ase:module:Class", as in "ase:ase.calculators.morse:MorsePotential".

    Raises:
        ValueError: a name of another form, a module or class that does not exist.
    """
    try:
        _, module_name, class_name = name.split(":")
    except ValueError:
        raise ValueError(f"{name!r}: write ase:module:Class, as in ase:ase.calculators.emt:EMT") from None
    try:
        calculator = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            raise ValueError(f"{name!r}: there is no module {error.name!r}") from None
        raise
    except AttributeError:
        raise ValueError(f"{name!r}: module {module_name!r} has no class {class_name!r}") from None
    package = module_name.partition(".")[0]
    try:
        release = f"{package} {version(package)}"
    except importlib.metadata.PackageNotFoundError:
        release = package
    return AsePotential(calculator(**options), Metadata(name, release, parameters=options or None))
