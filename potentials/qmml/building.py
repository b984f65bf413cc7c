"""A quantum region set up in a structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms

from potentials.potential import Potential, structure_of
from potentials.qmml.answers import reach_A
from potentials.qmml.bonds import Bonds
from potentials.qmml.cluster import Cluster
from potentials.qmml.errors import QmmlError
from potentials.qmml.field import fields_of
from potentials.qmml.methods import checked, method_of
from potentials.qmml.potential import QmmlPotential, in_vacuum
from potentials.qmml.regions import clusters_of
from potentials.qmml.settings import QmmlSettings


def qmml(ml: Potential, atoms: Atoms, settings: Any) -> QmmlPotential:
    """Set up a quantum region in a structure.

    ml: the potential of the surroundings.
    atoms: where the regions are chosen; later structures are of the same atoms in the same order.
    settings: `QmmlSettings`, or a mapping of them.

    Raises:
        QmmlError: settings that cannot be, an element of the capped clusters that the potential does not know.
        RegionError: regions that cannot be cut out so.
        QMError: the method is not here, or does not know an element.
        NoDomainError: atoms outside the domain of a potential that has none.
    """
    meant = QmmlSettings.of(settings)
    qm = method_of(meant, ml.device)
    if meant.electrostatic is not None and not qm.takes_field:
        raise QmmlError(f"embedding: {qm.name} cannot be put into a field; use mechanical, or method: xtb")
    reach = max([reach_A(ml), qm.reach_A, 0.0 if meant.electrostatic is None else meant.electrostatic.cutoff_A])
    structure = in_vacuum(structure_of(atoms), np.asarray(atoms.pbc, bool), reach)
    clusters = checked(clusters_of(ml, structure, meant), qm)
    _check_known(ml, clusters)
    _check_charged(ml, meant, clusters)
    fields = fields_of(meant, Bonds.of(structure), clusters)
    return QmmlPotential(ml, qm, meant, structure, clusters, fields)


def _check_known(ml: Potential, clusters: Sequence[Cluster]) -> None:
    known = ml.metadata.elements
    symbols = {s for c in clusters for s in Atoms(c.numbers).get_chemical_symbols()}
    strangers = sorted(symbols - set(known)) if known is not None else []
    if strangers:
        raise QmmlError(
            f"{ml.metadata.name} does not know {', '.join(strangers)}, and is asked about the capped cluster too; take "
            "another cap, or another potential"
        )


def _check_charged(ml: Potential, settings: QmmlSettings, clusters: Sequence[Cluster]) -> None:
    charged = [c.charge for c in clusters if c.charge]
    knows = {"electrostatics", "charges"} & set(ml.metadata.parameters or {})
    if charged and not knows and not settings.insist:
        raise QmmlError(
            f"charge: the region's {charged[0]:+d} e would act on its surroundings only as far as {ml.metadata.name} "
            "knows of charges, which it does not; differences of energies between like geometries may still be meant: "
            "say insist: true then, or add electrostatics to the potential"
        )
