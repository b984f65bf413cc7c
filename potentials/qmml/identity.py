"""What the energies of a potential with quantum regions are told apart by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from potentials.metadata import Metadata
from potentials.potential import Potential
from potentials.qmml.answers import QMMethod
from potentials.qmml.cluster import Cluster
from potentials.qmml.settings import QmmlSettings

NET = "an equal share taken off every atom"


def identity(ml: Potential, qm: QMMethod, settings: QmmlSettings, clusters: Sequence[Cluster]) -> Metadata:
    """Metadata of the potential with method, settings and regions; one hash stands for all of them."""
    told: dict[str, Any] = {
        "method": qm.name,
        "settings": settings.to_json(),
        "regions": [
            {
                "core": sorted(int(k) for k in c.members[c.core]),
                "buffer": sorted(int(k) for k in c.members[~c.core]),
                "cut_bonds": [[int(c.members[h]), int(e)] for h, e in zip(c.hosts, c.ends, strict=True)],
                "charge": c.charge,
                "multiplicity": c.multiplicity,
            }
            for c in clusters
        ],
    }
    if settings.scheme == "force_mixing":
        told["energy"] = "of the subtractive scheme; the forces are not its derivatives"
        told["net_force"] = NET
    own = ml.metadata
    sha = own.checkpoint_sha256
    if sha is not None:
        sha = hashlib.sha256((sha + json.dumps(told, sort_keys=True)).encode()).hexdigest()
    holds = None if own.dispersion is None else f"{own.dispersion} in the surroundings, {qm.name}'s in the region"
    return replace(
        own, name=f"{own.name}+qm", checkpoint_sha256=sha, dispersion=holds,
        parameters={**(own.parameters or {}), "qmml": told},
    )  # fmt: skip
