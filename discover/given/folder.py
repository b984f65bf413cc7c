"""The folder of a run whose structures were given: begun, resumed, read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from discover.config import CampaignConfig, differences, dump_campaign, lookup, read_campaign
from discover.errors import InputError
from discover.folder_lock import LOCK, FolderLock, make_writable
from discover.given.structures import FILE, given_structures, keep_structures, kept_hits
from discover.learning.record import LearningRecord
from discover.pipeline.hits import Hit
from discover.pipeline.jotting import jotted
from discover.pipeline.record import read_properties
from discover.pipeline.results import FOLDER as PROPERTIES
from discover.pipeline.results import StageResult, folder_of, read_results
from discover.pipeline.stages import Stage, planned
from discover.run_folder import CONFIG
from discover.whole_files import write_files

LEARNING = "learning"
MAY_CHANGE = ("device", "learn", "properties")
"""Of a resumed campaign: results are kept by what went into them, and a learning run looks after its own folder."""


class GivenFolder:
    """One such run on disk."""

    def __init__(self, path: Path, config: CampaignConfig) -> None:
        self.path = path
        self.config = config
        self._lock = FolderLock(path)

    @classmethod
    def claim(cls, path: Path, config: CampaignConfig, resume: bool) -> GivenFolder:
        """A new run's folder, or with resume an old one's; nothing is in it before `begin`.

        Raises:
            InputError: it exists already, it cannot be written, it belongs to another campaign.
        """
        if (path / CONFIG).exists():
            if not resume:
                raise InputError(f"{path}: holds a run already; go on with --resume or choose another --out")
            before, now = read_campaign(path / CONFIG).model_dump(), config.model_dump()
            for key in sorted(k for k in differences(before, now) if k[0] not in MAY_CHANGE):
                was, is_ = (lookup(c, key) for c in (before, now))
                raise InputError(
                    f"{path}: belongs to another campaign ({'.'.join(key)} was {was}, is {is_}); "
                    "give that value or choose another --out"
                )
        elif path.exists() and (not path.is_dir() or any(p.name != LOCK for p in path.iterdir())):
            raise InputError(f"{path}: exists and is no run folder; choose another --out")
        make_writable(path)
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> GivenFolder | None:
        """The folder of an existing run; None where it is no run, or one of another kind."""
        if not (path / CONFIG).is_file() or not (path / FILE).is_file():
            return None
        return cls(path, read_campaign(path / CONFIG))

    def begin(self) -> None:
        """Take the folder for this process, write the campaign as it is run, and keep the structures.

        Those of a resumed run are not read again: their files may be gone, or others by now.

        Raises:
            InputError: another process has it, structures that cannot be read.
        """
        self._lock.take()
        if not (self.path / FILE).is_file():
            keep_structures(self.path, given_structures(self.config))
        write_files(self.path, {CONFIG: dump_campaign(self.config).encode()})

    def release(self) -> None:
        """Let another process have it."""
        self._lock.release()

    @property
    def learning(self) -> LearningRecord | None:
        """What was learnt before anything was computed; None where nothing was asked for."""
        return LearningRecord.read(self.path / LEARNING)

    def hits(self) -> list[Hit]:
        """The structures, as the pipeline takes them."""
        return kept_hits(self.path)

    def results(self) -> Iterator[tuple[Hit, dict[str, StageResult]]]:
        """Each structure with its results by stage, those of other settings than the campaign's left out."""
        for hit in self.hits():
            there = read_results(self.path, hit.id)
            yield hit, {s.name: there[s.name] for s in self._planned if _fits(there.get(s.name), s.settings)}

    @property
    def stages(self) -> list[str]:
        """That each structure goes through, in their order."""
        return [s.name for s in self._planned]

    @cached_property
    def _planned(self) -> list[Stage]:
        section = self.config.properties
        return planned({k: v for stage in section.stages for k, v in stage.items()}) if section is not None else []

    @property
    def complete(self) -> bool:
        """Whether every stage of every structure has come to its end."""
        learning = self.learning
        taught = self.config.learn is None or (learning is not None and bool(learning.finished))
        return taught and all(len(found) == len(self.stages) for _, found in self.results())

    def status(self) -> dict[str, Any]:
        """Where the run stands, JSON-able."""
        record, learning = read_properties(self.path), self.learning
        return {
            "system": self.config.system,
            "potential": dict(record.potential) if record is not None else {"name": self.config.potential},
            "state": "complete" if self.complete else "unfinished",
            "structures": [
                {
                    "id": hit.id,
                    "formula": hit.entry.formula,
                    "stages": {name: found[name].status if name in found else "waiting" for name in self.stages},
                    "begun": {name: text for name in self.stages if (text := self._begun(hit.id, name))},
                }
                for hit, found in self.results()
            ],
            **({} if self.config.learn is None else {"learning": learning.status() if learning else None}),
        }

    def _begun(self, id: int | str, stage: str) -> str:
        """What a stage that runs, or that was killed, has last said of itself."""
        said = jotted((self.path / PROPERTIES / folder_of(id) / stage).with_suffix(".progress"))
        return f"begun ({said})" if said else ""

    def status_text(self) -> str:
        """The same for people."""
        now = self.status()
        lines = [f"{now['system']} with {now['potential'].get('name')}: {now['state']}"]
        if self.config.learn is not None:
            learning = self.learning
            lines += learning.status_text().splitlines()[1:] if learning else ["labels: none yet"]
        for row in now["structures"]:
            ends = ", ".join(f"{name} {row['begun'].get(name) or end}" for name, end in row["stages"].items())
            lines.append(f"{row['formula']} ({row['id']}): {ends}")
        return "\n".join(lines)

    def write_results(self) -> None:
        """Write structures/ and report/.

        Raises:
            InputError: the folder cannot be written.
        """
        from discover.given.report import write_report

        try:
            write_report(self)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror}); copy the run elsewhere") from None


def _fits(found: StageResult | None, settings: Any) -> bool:
    return found is not None and dict(found.settings) == dict(settings)
