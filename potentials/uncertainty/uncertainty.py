"""What a potential does not know of a structure: distances of its atoms, and the errors that follow."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from potentials.neighbours import Structure
from potentials.potential import Evaluation, Potential
from potentials.uncertainty.calibration import ErrorScale
from potentials.uncertainty.domain import Domain
from potentials.whole_file import whole_file

DATA = Path(__file__).parent / "data"
LEVEL = 0.9
"""Of the bounds that an estimate gives."""
SUFFIX = ".domain.npz"
"""Of the file beside a checkpoint that says what it knows."""


class NoDomainError(ValueError):
    """A potential whose domain nobody has made; the message says how to."""


@dataclass(frozen=True)
class Estimate:
    """What is known of a potential's error on one structure without a label.

    Attributes:
        distance: of each atom, (n,); infinite for an element that the reference set lacks.
        threshold: of the largest distance in a structure inside the domain.
        expected_error_meV_per_atom: of the energy, mean.
        error_bound_meV_per_atom: of the energy, not exceeded with probability `level`.
        expected_force_error_eV_A: of each atom's force vector, (n,), mean.
        force_error_bound_eV_A: of the root mean square over the atoms, not exceeded with probability `level`.
        level: of the bounds.
    """

    distance: np.ndarray
    threshold: float
    expected_error_meV_per_atom: float
    error_bound_meV_per_atom: float
    expected_force_error_eV_A: np.ndarray
    force_error_bound_eV_A: float
    level: float = LEVEL

    @property
    def in_domain(self) -> bool:
        """Whether no atom is further from the reference set than crystals at rest of unseen systems are."""
        return bool(self.distance.max() <= self.threshold)

    @property
    def structure_distance(self) -> float:
        """Root mean square over the atoms: what the energy's error follows."""
        return root_mean_square(self.distance)

    def to_json(self) -> dict[str, Any]:
        """The object of `discover compute uncertainty --json`; what is infinite is null."""
        return {
            "distance": [_finite(d) for d in self.distance],
            "structure_distance": _finite(self.structure_distance),
            "threshold": self.threshold,
            "in_domain": self.in_domain,
            "expected_error_meV_per_atom": _finite(self.expected_error_meV_per_atom),
            "error_bound_meV_per_atom": _finite(self.error_bound_meV_per_atom),
            "expected_force_error_eV_A": [_finite(e) for e in self.expected_force_error_eV_A],
            "force_error_bound_eV_A": _finite(self.force_error_bound_eV_A),
            "level": self.level,
        }


@dataclass(frozen=True)
class Uncertainty:
    """A potential's domain with its calibration.

    Attributes:
        domain: of the reference set.
        threshold: see `Estimate`.
        energy: scale of the energy's error, meV/atom, by the structure's distance and forces.
        force: of the forces' root mean square error over a structure, eV/Å.
        atom_force: of the error of one atom's force, eV/Å.
        potential: metadata of the potential that the features are of, as `Metadata.to_json` gives them.
        provenance: of the reference set: its oracle, its size, its file's SHA-256.
    """

    domain: Domain
    threshold: float
    energy: ErrorScale
    force: ErrorScale
    atom_force: ErrorScale
    potential: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def estimate(self, potential: Potential, structure: Structure) -> Estimate:
        """What is not known of a structure, by one model call.

        Raises:
            NoDomainError: a potential of other weights than this domain is of.
        """
        self.require(potential)
        return self.judge(structure.numbers, potential.evaluate([structure])[0])

    def judge(self, numbers: np.ndarray, evaluation: Evaluation, level: float = LEVEL) -> Estimate:
        """The same from a model call that was made anyway; costs well under a thousandth of it.

        numbers: atomic numbers, (n,); evaluation: of the domain's own potential; level: of the bounds.
        """
        assert evaluation.features is not None, "the evaluation has no features"
        distance = self.domain.distances(numbers, evaluation.features)
        forces = np.linalg.norm(evaluation.forces_eV_A, axis=1)
        whole, acting = np.array([root_mean_square(distance)]), np.array([root_mean_square(forces)])
        return Estimate(
            distance=distance,
            threshold=self.threshold,
            expected_error_meV_per_atom=float(self.energy.expected(whole, acting)[0]),
            error_bound_meV_per_atom=float(self.energy.bound(level, whole, acting)[0]),
            expected_force_error_eV_A=self.atom_force.expected(distance, forces),
            force_error_bound_eV_A=float(self.force.bound(level, whole, acting)[0]),
            level=level,
        )

    def require(self, potential: Potential) -> None:
        """Refuse a potential whose features are not this domain's.

        Raises:
            NoDomainError: its weights are others.
        """
        if not potential.metadata.same_energies(self.potential):
            raise NoDomainError(
                f"this domain is of {self.potential.get('name')} with other weights than "
                f"{potential.metadata.name}'s; make one for it (docs/uncertainty.md)"
            )

    def save(self, path: Path) -> None:
        """Write to a .npz file, atomically."""
        arrays: dict[str, Any] = self.domain.to_arrays() | {"threshold": np.array(self.threshold)}
        for prefix in _SCALES:
            arrays |= getattr(self, prefix).to_arrays(prefix)
        said = {"potential": dict(self.potential), "provenance": dict(self.provenance)}
        arrays["said"] = np.array(json.dumps(said))
        with whole_file(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Uncertainty:
        """What `save` wrote.

        Raises:
            NoDomainError: no such file, or another one.
        """
        try:
            with np.load(path) as file:
                arrays = {key: file[key] for key in file.files}
            said = json.loads(str(arrays["said"]))
            scales: dict[str, Any] = {prefix: ErrorScale.from_arrays(arrays, prefix) for prefix in _SCALES}
            return cls(Domain.from_arrays(arrays), float(arrays["threshold"]), **scales, **said)
        except FileNotFoundError:
            raise NoDomainError(f"{path}: no such file") from None
        except (KeyError, TypeError, AttributeError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise NoDomainError(f"{path}: no domain of a potential ({type(error).__name__}: {error})") from None


_SCALES = ("energy", "force", "atom_force")


def uncertainty_of(potential: Potential, file: Path | None = None) -> Uncertainty:
    """The domain of a potential: a file's, that beside its checkpoint, or the one shipped.

    Raises:
        NoDomainError: there is none, or it is of other weights; the message says how to make one.
    """
    if file is not None:
        found = Uncertainty.load(file)
        found.require(potential)
        return found
    for path in (beside(potential.metadata.name), DATA / f"{potential.metadata.name}{SUFFIX}"):
        if path.is_file():
            found = Uncertainty.load(path)
            if potential.metadata.same_energies(found.potential):
                return found
    raise NoDomainError(
        f"no reference set is known of {potential.metadata.name}"
        + ("; " if _describes(potential) else ", which has no features of atoms to make one from; ")
        + "use 7net-0, 7net-l3i5 or chgnet, or make a domain of yours (docs/uncertainty.md)"
    )


def beside(name: str) -> Path:
    """Where the domain of a checkpoint file lies."""
    return Path(f"{name}{SUFFIX}")


def _describes(potential: Potential) -> bool:
    return bool(getattr(potential.model, "has_features", False)) or potential.metadata.name == "chgnet"


def root_mean_square(values: np.ndarray) -> float:
    """Over all of them."""
    return float(np.sqrt(np.mean(np.square(values))))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
