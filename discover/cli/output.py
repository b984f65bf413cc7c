"""What goes to stdout, and what must not."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any


@contextmanager
def chatter_to_stderr() -> Iterator[None]:
    """Libraries that print while they load must not spoil what stands on stdout."""
    with redirect_stdout(sys.stderr):
        yield


def print_json(value: Any) -> None:
    """One JSON object on stdout; what is not a number is null, for NaN is no JSON."""
    print(json.dumps(_clean(value), indent=1, ensure_ascii=False, allow_nan=False))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> None:
    """Columns as wide as their widest cell, flush left but for those named in `right`."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (
            cell.rjust(w) if name in right else cell.ljust(w) for cell, w, name in zip(row, widths, head, strict=True)
        )
        print("  ".join(cells).rstrip())


def number(value: float | None, digits: int = 4) -> str:
    """A number for a table; a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 5 s, 2 h 10 min."""
    s = round(seconds)
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60} s"
    return f"{s // 3600} h {s % 3600 // 60} min"


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
