"""What becomes of a relaxation that converged: a new structure, a known one, or nothing that is to be believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from discover.doubts import Doubts
from discover.findings import Findings
from searchers.candidate import Fate, Relaxed


def judged(relaxed: Relaxed, fingerprint: np.ndarray | None, findings: Findings, doubts: Doubts) -> Relaxed:
    """The same with its fate; a new structure is among the findings afterwards.

    fingerprint: of the final geometry, where it is at hand.
    """
    if relaxed.fate is not Fate.CONVERGED:
        return relaxed
    energy = relaxed.energy_eV_per_atom
    reason = doubts.about(relaxed.atoms, energy, findings.hull)
    if reason:
        return replace(relaxed, fate=Fate.FAILED, reason=f"unphysical: {reason}")
    known = findings.add(relaxed.candidate.id, relaxed.atoms, energy, fingerprint)
    if known is None:
        return relaxed
    return replace(relaxed, fate=Fate.DUPLICATE, duplicate_of=known, reason=f"relaxed into {known}")
