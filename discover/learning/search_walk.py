"""A search as an explorer: the structures near its hull, lowest first."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms

from discover.config import CampaignConfig
from discover.config_sections import LadderSettings
from discover.learning.frames import Frame
from potentials import Potential
from potentials.potential import structure_of


class SearchWalk:
    """The campaign's search with a generation's potential, each in a folder of its own; places count structures.

    Frames are what the search holds for stable or nearly so: if the potential is wrong about these, the hull is wrong.
    """

    unit = "structures"
    independent = True
    rest = 0

    def __init__(
        self,
        config: CampaignConfig,
        potential: Potential,
        folder: Path,
        seed: int,
        generation: int,
        workers: int | None = None,
    ) -> None:
        self._config = config
        self._potential = potential
        self._folder = folder
        self._seed = seed + generation
        self._workers = workers
        self._found: list[Atoms] | None = None
        self._next = 0

    def step(self) -> Frame | None:
        """The next structure up from the hull; the first call searches."""
        if self._found is None:
            self._found = self._search()
        if self._next == len(self._found):
            return None
        atoms = self._found[self._next]
        self._next += 1
        return Frame(atoms, self._potential.evaluate([structure_of(atoms)])[0], 0, float(self._next))

    def rewind(self) -> None:
        """The next structure owes nothing to the last one."""

    @property
    def length(self) -> float:
        """Structures near the hull."""
        return float(len(self._found or ()))

    def _search(self) -> list[Atoms]:
        from discover.campaign import Campaign

        config = self._config.model_copy(
            update={
                "potential": self._potential.metadata.name,
                "seed": self._seed,
                # Energies of another potential must not stand on this one's hull, nor take its place
                "references": None,
                "ladder": LadderSettings(),
                "learn": None,
                "anchor": None,
            }
        )
        record = Campaign(config).run(
            self._folder, resume=(self._folder / "campaign.yaml").exists(), workers=self._workers
        )
        near = [
            e for e in record.hull.own_entries
            if isinstance(e.id, int) and e.e_above_hull_eV_per_atom <= config.report.near_hull_eV_per_atom
        ]  # fmt: skip
        return [record.atoms_of(entry.id) for entry in near]
