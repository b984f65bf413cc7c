"""A quantum region inside a potential, as a potential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from potentials.neighbours import Structure, boxed
from potentials.potential import Evaluation, Potential, PotentialCalculator, batches, structure_of
from potentials.qmml.answers import Answer, QMMethod, reach_A
from potentials.qmml.bonds import Bonds
from potentials.qmml.cluster import Cluster, virial_eV
from potentials.qmml.errors import TopologyError
from potentials.qmml.field import Field, FieldAt, fields_of
from potentials.qmml.identity import identity
from potentials.qmml.methods import checked
from potentials.qmml.regions import Chosen, buffered, cut, depth_bonds, grown, in_sphere
from potentials.qmml.settings import QmmlSettings

ENOUGH_BONDS = 2
"""Of buffer. At a Si vacancy one leaves forces worse than without any QM (campaigns/benchmarks/qmml)."""


@dataclass(frozen=True)
class Part:
    """What one cluster adds to the whole: E_QM − E_ML of it.

    Attributes:
        energy_eV: difference of the two.
        forces_eV_A: on all atoms of the structure, caps' forces handed on, (n, 3).
        virial_eV: dE/d(strain), (3, 3).
        quantum_eV_A: the quantum method's own forces on the members, in the field where there is one, (m, 3).
    """

    energy_eV: float
    forces_eV_A: np.ndarray
    virial_eV: np.ndarray
    quantum_eV_A: np.ndarray


class QmmlPotential(Potential):
    """A machine-learned potential with quantum regions.

        subtractive:    E = E_ML(all) + Σ_regions [E_QM(capped cluster) − E_ML(same capped cluster)]
        force mixing:   F_i = F_QM(capped cluster) for the core of each region, F_ML(all) elsewhere, less the net force

    Subtractive coupling (ONIOM: Svensson et al., J. Phys. Chem. 100, 19357 (1996)) counts every interaction once;
    forces and stress are its derivatives, those of caps handed on by the chain rule. Force mixing with buffers:
    Bernstein, Kermode & Csányi, Rep. Prog. Phys. 72, 026501 (2009). It has no energy: `evaluate` gives the subtractive
    one of the same clusters, with its stress, of which the forces are *not* derivatives (`conservative` is False).

    It is bound to the atoms that it was set up with: `evaluate` refuses others. Regions and cut bonds stay those of
    the set-up, but for a following region, which changes with each structure asked about, in the order of asking.

    ml, qm: the two potentials; clusters: at set-up; fields: of each, None where embedding is mechanical.
    """

    def __init__(
        self,
        ml: Potential,
        qm: QMMethod,
        settings: QmmlSettings,
        reference: Structure,
        clusters: Sequence[Cluster],
        fields: Sequence[Field | None],
    ) -> None:
        self.ml, self.qm, self.settings = ml, qm, settings
        self.reference, self.clusters, self.fields = reference, list(clusters), list(fields)
        self.conservative = settings.scheme == "subtractive"
        self.metadata = identity(ml, qm, settings, clusters)
        self.device, self.precision = ml.device, ml.precision
        # A following region is that of one structure after another
        self.batch_atoms = 1 if settings.follows else ml.batch_atoms
        self.vacuum_A = max(reach_A(ml), qm.reach_A)
        self._double: QmmlPotential | None = None

    @property
    def reach_A(self) -> float:
        """How wide the vacuum has to be in directions that are not periodic."""
        return max([self.vacuum_A, *(field.cutoff_A for field in self.fields if field is not None)])

    def evaluate(self, structures: Sequence[Structure]) -> list[Evaluation]:
        """Energy, forces and stress of each structure, in order; features of the potential's own.

        Raises:
            TopologyError: other atoms than at set-up, or bonds across a boundary that are no longer those.
            QMError: no self-consistent field.
        """
        self._check_atoms(structures)
        if self.settings.follows:
            return [self._after(structure) for structure in structures]
        return self._all(structures)

    def descriptors(self, structure: Structure) -> np.ndarray | None:
        """Those of the machine-learned potential."""
        return self.ml.descriptors(structure)

    def calculator(self) -> QmmlCalculator:
        """An ASE calculator, also of atoms that are not periodic, or not in all directions."""
        return QmmlCalculator(self)

    def in_double_precision(self) -> QmmlPotential:
        """The same with the machine-learned part in float64; the quantum method computes in it anyway."""
        if self.precision == "float64":
            return self
        if self._double is None:
            self._double = QmmlPotential(
                self.ml.in_double_precision(), self.qm, self.settings, self.reference, self.clusters, self.fields
            )
        return self._double

    def warm_up(self) -> None:
        """Of the machine-learned part."""
        self.ml.warm_up()

    def summary(self) -> str:
        """One line: method, regions, caps, scheme, embedding."""
        sizes = ", ".join(
            _counted(int(c.core.sum()), "atom") + (f" + {int((~c.core).sum())} of buffer" if not c.core.all() else "")
            + f" and {_counted(c.n_caps, 'cap')}" + (f" (charge {c.charge:+d})" if c.charge else "")
            for c in self.clusters
        )  # fmt: skip
        embedding = "mechanical" if self.settings.electrostatic is None else "electrostatic"
        scheme = self.settings.scheme.replace("_", " ")
        return f"{self.qm.name} on {sizes} within {self.ml.metadata.name}; {scheme}, {embedding} embedding"

    def advice(self) -> str | None:
        """What to beware of with these regions, one line; None where two bonds or more lie before every cut one."""
        bonds = Bonds.of(self.reference)
        depths = [d for c in self.clusters if (d := depth_bonds(bonds, c)) is not None]
        if not depths or min(depths) >= ENOUGH_BONDS:
            return None
        return (
            f"{_counted(min(depths), 'bond')} of buffer between a region and its nearest cut bond; where fewer than "
            f"{ENOUGH_BONDS} lie between what moves or reacts and a cap, results can be worse than "
            f"{self.ml.metadata.name}'s own: compute again with a larger region or buffer, and believe what no longer "
            "changes"
        )

    def _check_atoms(self, structures: Sequence[Structure]) -> None:
        for structure in structures:
            if not np.array_equal(structure.numbers, self.reference.numbers):
                was, is_ = (Atoms(s.numbers).get_chemical_formula() for s in (self.reference, structure))
                order = " in another order" if was == is_ else ""
                raise TopologyError(
                    f"the region was chosen in a structure of {len(self.reference.numbers)} atoms ({was}), and this "
                    f"one has {len(structure.numbers)} ({is_}){order}; set QM/ML up for it, or give the same atoms in "
                    "the same order"
                )

    def _after(self, structure: Structure) -> Evaluation:
        """With the region where it has gone."""
        (region,) = self.settings.all_regions
        assert region.sphere is not None
        (now,) = self.clusters
        before = {int(k) for k in now.members[now.core]}
        core = in_sphere(structure, region.sphere, before)
        if core != before:
            bonds = Bonds.of(structure)
            members = grown(bonds, buffered(bonds, core, self.settings.buffer), self.settings)
            chosen = Chosen(frozenset(core), frozenset(members), now.charge, now.multiplicity)
            self.clusters = checked(cut(bonds, [chosen], self.settings), self.qm)
            self.fields = fields_of(self.settings, bonds, self.clusters)
        return self._all([structure])[0]

    def _all(self, structures: Sequence[Structure]) -> list[Evaluation]:
        # Boundaries are checked before anything is computed
        places = [[cluster.positions(s) for cluster in self.clusters] for s in structures]
        for structure in structures:
            for cluster in self.clusters:
                cluster.check_new_bonds(structure)
        wholes = _in_calls(self.ml, structures)
        pairs = [(k, c) for k in range(len(structures)) for c in range(len(self.clusters))]
        boxes = [self.clusters[c].in_box(places[k][c], self.vacuum_A) for k, c in pairs]
        inner = _in_calls(self.ml, boxes)
        parts: list[list[Part]] = [[] for _ in structures]
        for (k, c), box, told in zip(pairs, boxes, inner, strict=True):
            parts[k].append(self._part(structures[k], c, places[k][c], box, told))
        return [self._joined(*one) for one in zip(structures, wholes, parts, strict=True)]

    def _part(self, structure: Structure, c: int, positions: np.ndarray, box: Structure, ml: Evaluation) -> Part:
        cluster, field = self.clusters[c], self.fields[c]
        multiplicity = cluster.multiplicity or 1
        n = len(structure.numbers)
        if field is None:
            (answer,) = self.qm.evaluate([box], cluster.charge, multiplicity)
            added = np.zeros((n, 3)), np.zeros((3, 3))
            energy, quantum = answer.energy_eV, answer.forces_eV_A
        else:
            answer, energy, quantum, added = self._in_field(structure, cluster, field, positions, multiplicity)
        forces = quantum - ml.forces_eV_A
        return Part(
            energy - ml.energy_eV,
            cluster.pulled_back(forces, n) + added[0],
            virial_eV(positions, forces) + added[1],
            answer.forces_eV_A[: len(cluster.members)],
        )

    def _in_field(
        self, structure: Structure, cluster: Cluster, field: Field, positions: np.ndarray, multiplicity: int
    ) -> tuple[Answer, float, np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """QM's answer; energy and forces on the cluster at fixed F, fixed charges' share taken off; F's change.

        The last is what the change of F with all positions adds: forces on all atoms, and a virial.
        """
        m = len(cluster.members)
        at: FieldAt = field.at(cluster, structure)
        F = at.value_V_A
        centre = positions[:m].mean(0)
        centred = Structure(cluster.numbers, positions - centre, np.eye(3) * (cluster.diameter_A + self.vacuum_A))
        (answer,) = self.qm.evaluate([centred], cluster.charge, multiplicity, F)
        assert answer.dipole_eA is not None
        fixed = field.inner_e @ (positions[:m] - centre)
        forces = answer.forces_eV_A.copy()
        # The origin goes along with the members: a charged cluster feels that
        forces[:m] -= forces.sum(0) / m
        forces[:m] -= np.outer(field.inner_e - field.inner_e.mean(), F)
        added = at.acting(fixed - answer.dipole_eA, len(structure.numbers))
        return answer, answer.energy_eV + float(fixed @ F), forces, added

    def _joined(self, structure: Structure, whole: Evaluation, parts: Sequence[Part]) -> Evaluation:
        energy = whole.energy_eV + sum(part.energy_eV for part in parts)
        stress = whole.stress_eV_A3 + sum(part.virial_eV for part in parts) / structure.volume_A3
        stress = 0.5 * (stress + stress.T)
        if self.conservative:
            forces = whole.forces_eV_A + sum(part.forces_eV_A for part in parts)
        else:
            forces = self._mixed(whole.forces_eV_A, parts)
        return Evaluation(energy, np.asarray(forces), stress, whole.features)

    def _mixed(self, ml: np.ndarray, parts: Sequence[Part]) -> np.ndarray:
        """Quantum forces on the cores, and no net force: the least change, in squares, that takes it off."""
        forces = np.array(ml, float)
        for cluster, part in zip(self.clusters, parts, strict=True):
            forces[cluster.members[cluster.core]] = part.quantum_eV_A[cluster.core]
        return forces - forces.mean(axis=0)


class QmmlCalculator(PotentialCalculator):
    """ASE's view: atoms that are not periodic in some direction get vacuum there."""

    potential: QmmlPotential

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes
    ) -> None:
        """Evaluate once; results in ASE's units; the stress only where the cell is periodic in all directions."""
        Calculator.calculate(self, atoms, properties, system_changes)
        assert self.atoms is not None
        periodic = np.asarray(self.atoms.pbc, bool)
        structure = in_vacuum(structure_of(self.atoms), periodic, self.potential.reach_A)
        evaluation = self.evaluation = self.potential.evaluate([structure])[0]
        self.results = {
            "energy": evaluation.energy_eV,
            "free_energy": evaluation.energy_eV,
            "forces": evaluation.forces_eV_A,
        }
        if periodic.all():
            s = evaluation.stress_eV_A3
            self.results["stress"] = np.array([s[0, 0], s[1, 1], s[2, 2], s[1, 2], s[0, 2], s[0, 1]])


def in_vacuum(structure: Structure, periodic: np.ndarray, reach_A: float) -> Structure:
    """The structure where it is, in a cell with vacuum in directions that are not periodic, (3,) of bool.

    Atoms stay in their places, for the centre of a sphere may be told in the same coordinates.
    """
    return Structure(structure.numbers, structure.positions, boxed(structure, periodic, reach_A).cell)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def _in_calls(potential: Potential, structures: Sequence[Structure]) -> list[Evaluation]:
    return [one for batch in batches(structures, potential.batch_atoms) for one in potential.evaluate(batch)]
