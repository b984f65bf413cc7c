"""What a benchmark's table says of the machine it ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any


def processor() -> str:
    """The processor's name, its architecture where the system does not tell."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine(packages: Sequence[str] = ()) -> dict[str, Any]:
    """Processor, cores, Python, and the versions that matter."""
    known = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    return known | {package: version(package) for package in packages}
