"""`discover run`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from discover.cli.campaign_options import Out, Overrides, RayAddress, Resume, Seed, Workers
from discover.cli.interruption import Interrupted, sigterm_interrupts
from discover.cli.output import duration

if TYPE_CHECKING:
    from discover.config import CampaignConfig
    from discover.progress import Progress
    from discover.records import RunRecord


def run(
    campaign: Annotated[
        Path, typer.Argument(metavar="CAMPAIGN.yaml", help="What to search; see docs/campaign-yaml.md.")
    ],
    out: Out = None,
    resume: Resume = False,
    seed: Seed = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    overrides: Overrides = None,
) -> None:
    """Search a chemical system, as a campaign file says, and write hull, structures and report.

    A campaign that gives its structures searches nothing, and computes its properties of them.

    Stop it with Ctrl-C whenever you like: what was finished is kept, and --resume goes on from there.

    \b
    Examples:
      discover run campaigns/si-ge.yaml
      discover run campaigns/si-ge.yaml --out runs/quick --set search.candidates=20
      discover run campaigns/si-ge.yaml --out runs/quick --set search.candidates=40 --resume
      discover run campaigns/agi.yaml
    """  # noqa: D301 - \b is what keeps the lines below it apart
    from rich.console import Console

    from discover.cli.progress import progress_on
    from discover.config import load_campaign

    # Before the slow imports: whoever mistyped a key should know at once
    config = load_campaign(campaign, overrides or (), seed)
    folder = out or Path("runs") / campaign.stem
    console = Console(stderr=True)
    try:
        with sigterm_interrupts() as claim:
            progress = progress_on(console, claim)
            progress.message(f"{config.system} with {config.potential} into {folder}; starting the workers")
            try:
                text = _run(config, campaign.stem, folder, resume, workers, ray_address, progress)
            finally:
                progress.finish()
    except KeyboardInterrupt:
        again = _command(campaign, folder, seed, workers, ray_address, overrides or ())
        kept = f"interrupted; everything finished is kept in {folder}"
        raise Interrupted(f"{kept}; go on with: {again}") from None
    print(text)


def _run(
    config: CampaignConfig,
    name: str,
    folder: Path,
    resume: bool,
    workers: int | None,
    ray_address: str | None,
    progress: Progress,
) -> str:
    """Run it, whichever kind it is; what was found, in a few lines."""
    if config.structures:
        from discover.cli.properties import given_summary
        from discover.given.run import run_given

        done = run_given(config, folder, progress, resume=resume, workers=workers, ray_address=ray_address)
        return given_summary(done)
    from discover.campaign import Campaign

    record = Campaign(config, name).run(
        folder, resume=resume, workers=workers, ray_address=ray_address, progress=progress
    )
    return _summary(record, folder)


def _command(
    campaign: Path,
    folder: Path,
    seed: int | None,
    workers: int | None,
    ray_address: str | None,
    overrides: list[str] | tuple[()],
) -> str:
    """The command that goes on from here: the same settings, or the folder would refuse them."""
    words = ["discover", "run", str(campaign), "--out", str(folder), "--resume"]
    for name, value in (("--seed", seed), ("--workers", workers), ("--ray-address", ray_address)):
        words += [name, str(value)] if value is not None else []
    for text in overrides:
        words += ["--set", text]
    return shlex.join(words)


def _summary(record: RunRecord, folder: Path) -> str:
    """What was found, in a few lines."""
    history = record.history
    failed = sum(r.fate == "failed" for r in history)
    calls = sum(r.model_calls for r in history)
    stable = [f"{e.formula} ({e.space_group or 'no space group'})" for e in record.hull.entries if e.on_hull]
    return "\n".join(
        [
            f"{len(history)} structures in {duration(record.wall_s)}: {calls} model calls, {failed} failed",
            f"on the hull: {', '.join(stable) or 'nothing'}",
            f"report: {folder / 'report' / 'index.html'}",
        ]
    )
