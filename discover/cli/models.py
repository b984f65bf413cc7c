"""`discover potentials`."""

from __future__ import annotations

import sys
from typing import Any

from discover.cli.output import chatter_to_stderr, print_json, print_table
from discover.cli.reading import AsJson


def potentials(as_json: AsJson = False) -> None:
    """Show which potentials can be loaded here, and with which checkpoint.

    \b
    Examples:
      discover potentials
      discover potentials --json
    """  # noqa: D301 - \b is what keeps the lines below it apart
    print("loading each of them", file=sys.stderr)
    with chatter_to_stderr():
        from potentials import available

        rows = available()
    if as_json:
        print_json({"potentials": rows})
        return
    head = ("name", "version", "functional", "elements", "checkpoint", "SHA-256", "licence", "note")
    print_table(head, [_row(row) for row in rows])


def _row(row: dict[str, Any]) -> list[str]:
    elements = row.get("elements")
    known = {
        "version": row.get("version") if row.get("installed") else "not installed",
        "functional": row.get("training_functional"),
        "elements": "any" if elements is None else elements if isinstance(elements, int) else len(elements),
        "checkpoint": row.get("checkpoint"),
        "sha256": (row.get("checkpoint_sha256") or "")[:12],
        "licence": row.get("licence"),
        "note": row.get("note"),
    }
    return [str(row["name"]), *(str(v) if v not in (None, "") else "-" for v in known.values())]
