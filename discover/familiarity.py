"""How familiar a structure is to the potential that relaxed it: distance to its domain, and the error to expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from potentials import Potential
from potentials.potential import structure_of
from potentials.uncertainty import Uncertainty
from potentials.uncertainty.uncertainty import root_mean_square

DISTANCE, THRESHOLD, ERROR = "domain_distance", "domain_threshold", "expected_error_eV_per_atom"
"""Names under which the store keeps it among a candidate's properties."""


@dataclass(frozen=True)
class Familiarity:
    """What the potential knows of a structure.

    Attributes:
        distance: largest atomic distance to its domain; infinite for an element that its reference set lacks.
        threshold: of what lies inside.
        expected_error_eV_per_atom: of its energy, mean; infinite where the distance is.
    """

    distance: float
    threshold: float
    expected_error_eV_per_atom: float

    @property
    def in_domain(self) -> bool:
        """Whether it lies inside."""
        return self.distance <= self.threshold

    def to_properties(self) -> dict[str, float]:
        """As the store keeps it."""
        return {DISTANCE: self.distance, THRESHOLD: self.threshold, ERROR: self.expected_error_eV_per_atom}

    @classmethod
    def from_properties(cls, properties: Mapping[str, float]) -> Familiarity | None:
        """What `to_properties` gave; None where nobody asked."""
        if DISTANCE not in properties:
            return None
        return cls(properties[DISTANCE], properties[THRESHOLD], properties[ERROR])


def familiarity(potential: Potential, known: Uncertainty, atoms: Atoms) -> Familiarity:
    """Of a relaxed structure, by its features alone: a quarter of a model call.

    known: the potential's own.
    """
    features = potential.descriptors(structure_of(atoms))
    assert features is not None, "a potential with a domain has features"
    distances = known.domain.distances(atoms.numbers, features)
    at_rest = np.zeros(1)
    error_meV = known.energy.expected(np.array([root_mean_square(distances)]), at_rest)[0]
    return Familiarity(float(distances.max()), known.threshold, float(error_meV) / 1000)
