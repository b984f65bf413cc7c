"""`discover learn`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from discover.cli.campaign_options import Out, Overrides, Resume, Seed
from discover.cli.interruption import Interrupted, sigterm_interrupts
from discover.cli.output import chatter_to_stderr, print_json
from discover.cli.reading import AsJson
from discover.errors import InputError

if TYPE_CHECKING:
    from discover.learning.record import LearningRecord


def learn(
    campaign: Annotated[
        Path, typer.Argument(metavar="CAMPAIGN.yaml", help="A campaign with a learn section; see docs/learning.md.")
    ],
    out: Out = None,
    resume: Resume = False,
    seed: Seed = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Teach a potential what it lacks: explore, stop where it knows too little, label, fine-tune, go on.

    Stop it whenever you like: labels are never made twice, and --resume goes on, in the middle of a training too.

    \b
    Examples:
      discover learn campaigns/learn-li3n.yaml
      discover learn campaigns/learn-li3n.yaml --out runs/more --set learn.labels=60
      discover learn campaigns/learn-li3n.yaml --set learn.oracle.potential=null --set learn.oracle.calculator=gpaw
    """  # noqa: D301 - \b is what keeps the lines below it apart
    from rich.console import Console

    from discover.cli.progress import progress_on
    from discover.config import load_campaign

    config = load_campaign(campaign, overrides or (), seed)
    if config.learn is None:
        raise InputError(f"{campaign}: learn: is missing; give a section with oracle and structures (docs/learning.md)")
    folder = out or Path("runs") / campaign.stem
    try:
        with chatter_to_stderr(), sigterm_interrupts() as claim:
            progress = progress_on(Console(stderr=True), claim)
            try:
                from discover.learning.folder import learn_in

                record = learn_in(folder, config, resume, progress)
            finally:
                progress.finish()
    except KeyboardInterrupt:
        words = ["discover", "learn", str(campaign), "--out", str(folder), "--resume"]
        words += ["--seed", str(seed)] if seed is not None else []
        for text in overrides or ():
            words += ["--set", text]
        raise Interrupted(f"interrupted; labels are kept in {folder}; go on with: {shlex.join(words)}") from None
    if as_json:
        print_json(record.to_json())
    else:
        print(_summary(record, folder))


def _summary(record: LearningRecord, folder: Path) -> str:
    """What was learnt, in a few lines."""
    first, last = record.generations[0], record.generations[-1]
    lines = [f"{len(record.labels)} labels in {last.number} generations: {record.finished}"]
    if first.held_out_force_eV_A is not None and last.held_out_force_eV_A is not None:
        lines.append(
            f"forces on {record.held_out} held-out frames: {last.held_out_force_eV_A:.3f} eV/Å off, "
            f"{first.held_out_force_eV_A:.3f} before"
        )
    if first.reference_force_eV_A and last.reference_force_eV_A:
        growth = 100 * (last.reference_force_eV_A / first.reference_force_eV_A - 1)
        lines.append(f"error of forces on reference structures of other systems: {growth:+.0f} %")
    lines += [f"checkpoint: {folder / last.checkpoint}"] if last.number else []
    return "\n".join([*lines, f"report: {folder / 'report' / 'index.html'}"])
