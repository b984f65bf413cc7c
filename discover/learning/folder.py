"""A learning run's folder: begun, resumed, reported on."""

from __future__ import annotations

from pathlib import Path

from discover.config import CampaignConfig, differences, dump_campaign, lookup, read_campaign
from discover.errors import InputError
from discover.folder_lock import LOCK, FolderLock, make_writable
from discover.learning.learning import Learning
from discover.learning.record import LearningRecord
from discover.learning.report import write_report
from discover.progress import Progress
from discover.run_folder import CONFIG, DATABASE
from discover.whole_files import write_files

MAY_CHANGE = {("learn", "labels"), ("learn", "oracle", "workers"), ("device",), ("learn", "oracle", "command")}
"""Keys that a resumed run may have changed: how much, and where."""


def learn_in(folder: Path, config: CampaignConfig, resume: bool, progress: Progress) -> LearningRecord:
    """Learn in a folder and write its report.

    Raises:
        InputError: a folder that holds a run (without resume), another campaign's or something else; whatever
            `Learning.check` refuses. No file is written then.
    """
    _check_folder(folder, config, resume)
    learning = Learning(folder, config, progress)
    progress.message(f"{config.system} with {config.potential} into {folder}")
    learning.check()
    make_writable(folder)
    lock = FolderLock(folder)
    lock.take()
    try:
        write_files(folder, {CONFIG: dump_campaign(config).encode()})
        record = learning.run()
        write_report(record, folder)
    except KeyboardInterrupt:
        found = LearningRecord.read(folder)
        if found is not None:
            write_report(found, folder)
        raise
    finally:
        lock.release()
    return record


def _shown(value: object) -> object:
    """A section is too long for a line."""
    return "another" if isinstance(value, dict) else value


def _check_folder(folder: Path, config: CampaignConfig, resume: bool) -> None:
    if (folder / CONFIG).is_file():
        if (folder / DATABASE).is_file():
            raise InputError(f"{folder}: holds a search, not a learning run; choose another --out")
        if not resume:
            raise InputError(f"{folder}: holds a run already; go on with --resume or choose another --out")
        before, now = read_campaign(folder / CONFIG).model_dump(), config.model_dump()
        for key in sorted(differences(before, now) - MAY_CHANGE):
            was, is_ = (_shown(lookup(c, key)) for c in (before, now))
            raise InputError(
                f"{folder}: belongs to another campaign ({'.'.join(key)} was {was}, is {is_}); give that value or "
                "choose another --out"
            )
    elif folder.exists() and (not folder.is_dir() or any(p.name != LOCK for p in folder.iterdir())):
        raise InputError(f"{folder}: exists and is no run folder; choose another --out")
