"""Public peers live in environments of their own under build/, pinned by files beside their benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import which


def install(folder: Path, pins: Path) -> str:
    """Make the virtual environment that holds what `pins` says, where it is not there yet; its Python."""
    mark, python = folder / ".installed", str(folder / "bin" / "python")
    wanted = pins.read_text()
    if mark.exists() and mark.read_text() == wanted:
        return python
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else which("uv")
    if uv:
        subprocess.run([uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--python", python, "-r", str(pins)], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-r", str(pins)], check=True)
    mark.write_text(wanted)
    return python
