"""Writing a folder so that whoever looks, or kills us, finds whole files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write each file (path relative to `folder`) under a temporary name, then rename all, in order.

    The renames come after the last byte has been written: a kill leaves the old report, or the new one,
    but for the instant of the renames themselves.
    """
    parts = {}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        parts[part] = path
    for part, path in parts.items():
        os.replace(part, path)  # noqa: PTH105 - the name by which its atomicity is known


def remove_others(folder: Path, keep: Mapping[str, bytes], below: str = "structures") -> None:
    """Remove an earlier report's files from a folder below it: a phase that left must not stay behind."""
    for path in (folder / below).glob("*"):
        if str(path.relative_to(folder)) not in keep and path.suffix in (".cif", ".png", ".part"):
            path.unlink()
