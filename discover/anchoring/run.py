"""A run's folder, anchored: its hull and potential in, the anchored record out."""

from __future__ import annotations

from ase import Atoms

from discover.anchoring.anchor import Anchor
from discover.anchoring.stored import Anchoring
from discover.config import CampaignConfig
from discover.config_sections import AnchorSettings
from discover.errors import InputError
from discover.hull import reference_structures
from discover.ladder import on_top_rung
from discover.progress import Progress
from discover.records import Hull
from discover.run_folder import REFERENCES, RunFolder
from potentials import LoadError, Potential, load


def anchor_run(folder: RunFolder, settings: AnchorSettings, progress: Progress) -> None:
    """Anchor what the run has found so far; the folder must be this process's own (`RunFolder.begin`).

    Raises:
        InputError: nothing found yet, a potential of other weights, whatever `Anchor.run` refuses.
    """
    record = folder.record(anchored=False)
    if not record.hull.entries:
        raise InputError(f"{folder.path}: no structure has an energy yet; there is no hull to anchor")
    progress.message(f"anchoring: learning what {len(record.hull.own_entries)} structures look like to the potential")
    potential = _potential(folder.config, record.hull)
    references = folder.path / REFERENCES
    theirs = reference_structures(references) if references.is_file() else {}

    def atoms_of(id: int | str) -> Atoms:
        return theirs[id] if isinstance(id, str) and id in theirs else record.atoms_of(id)

    anchor = Anchor(folder.path, record.hull, atoms_of, potential, settings, folder.config.seed, progress)
    said = _left_out(record.hull, anchor.run())
    if said:
        progress.message(said)


def _left_out(hull: Hull, found: Anchoring) -> str:
    """What is no part of the anchored hull, for people."""
    lost = [e for e in hull.own_entries if e.id in set(found.left_out)]
    if not lost:
        return ""
    stable = sorted({e.formula for e in lost if e.on_hull})
    named = (
        f", among them {', '.join(stable)} of the potential's hull: what lies above may look stable" if stable else ""
    )
    return f"{len(lost)} references without a structure are left out of the anchored hull{named}"


def _potential(config: CampaignConfig, hull: Hull) -> Potential:
    """The hull's own, loaded again."""
    own = on_top_rung(config) if hull.ladder else config
    try:
        potential = load(own.potential, "cpu", **own.potential_options)
    except LoadError as error:
        raise InputError(f"potential: {error}") from None
    if not potential.metadata.same_energies(hull.potential):
        raise InputError(
            f"potential: {own.potential} has other weights here than the run was made with; anchor it where it was run"
        )
    return potential
