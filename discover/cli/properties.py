"""`discover properties`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discover.cli.campaign_options import RayAddress, Workers
from discover.cli.interruption import Interrupted, sigterm_interrupts
from discover.cli.output import chatter_to_stderr, number, print_json, print_table
from discover.cli.reading import AsJson, Folder

if TYPE_CHECKING:
    from discover.config import CampaignConfig
    from discover.config_properties import PropertiesSettings
    from discover.given.folder import GivenFolder
    from discover.pipeline.record import HitRecord, PropertiesRecord


def properties(
    folder: Folder,
    only: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these stages, and what they need.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STAGE.KEY=VALUE", help="A setting of a stage; repeat for more."),
    ] = None,
    potential: Annotated[
        str | None, typer.Option(metavar="P", help="In place of the hull's own; see `discover potentials`.")
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Hits beside the stable ones; 10 by default.")
    ] = None,
    insist: Annotated[
        bool, typer.Option("--insist", help="Go on with structures on which the potential breaks a law.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute again what failed with the same inputs.")
    ] = False,
    workers: Workers = None,
    ray_address: RayAddress = None,
    as_json: AsJson = False,
) -> None:
    """Compute what a run's hits are good for: the stages of its campaign, or validate, elastic and phonons.

    Stop it whenever you like: a stage that is finished is not computed again unless what goes into it changes.

    \b
    Examples:
      discover properties runs/si-ge
      discover properties runs/si-ge --only elastic --set elastic.n_strains=9
      discover properties runs/si-ge --retry-failed --json
    """  # noqa: D301 - \b is what keeps the lines below it apart
    from rich.console import Console

    from discover.cli.progress import progress_on

    try:
        with chatter_to_stderr(), sigterm_interrupts() as claim:
            from discover.given.folder import GivenFolder
            from discover.given.run import compute_given
            from discover.pipeline.run import properties_run, with_options
            from discover.run_folder import RunFolder

            given = GivenFolder.open(folder)
            run = RunFolder.open(folder) if given is None else given
            wanted = [name.strip() for name in only.split(",") if name.strip()] if only else []
            settings = _settings(run.config, wanted, overrides or [])
            typed = {"potential": potential, "most": most, "insist": True if insist else None}
            settings = with_options(settings, typed)
            progress = progress_on(Console(stderr=True), claim)
            run.begin()
            try:
                options: dict[str, Any] = {
                    "workers": workers,
                    "ray_address": ray_address,
                    "only": wanted,
                    "retry_failed": retry_failed,
                }
                if isinstance(run, GivenFolder):
                    found = compute_given(run, settings, progress, **options)
                else:
                    found = properties_run(run, settings, progress, **options)
                run.write_results()
            finally:
                progress.finish()
                run.release()
    except KeyboardInterrupt:
        again = shlex.join(["discover", "properties", str(folder)])
        raise Interrupted(
            f"interrupted; finished stages are kept in {folder}/properties; go on with: {again} and the same options"
        ) from None
    if as_json:
        print_json(found.to_json())
    elif given is not None:
        print(given_summary(given))
    else:
        print(summary(found))
        print(f"report: {folder / 'report' / 'index.html'}")


def _settings(config: CampaignConfig, only: list[str], overrides: list[str]) -> PropertiesSettings:
    """The campaign's section, or its defaults, with what the command line says of stages.

    A stage of `--only` or `--set` that the campaign does not have is added.
    """
    from discover.config_errors import spelt
    from discover.config_properties import PropertiesSettings, checked_stages, with_overrides
    from discover.yaml_lines import Key

    section = config.properties or PropertiesSettings()

    def blamed(key: Key) -> str:
        below = tuple(key[1:]) or tuple(stages[int(key[0])])
        typed = any(text.startswith(f"{below[0]}.") for text in overrides)
        return f"{'--only' if below[0] in only and not typed else '--set'}: {spelt(below)}"

    stages: list[dict[str, Any]] = with_overrides(checked_stages(section.stages, str), overrides)
    stages += [{name: {}} for name in only if not any(name in stage for stage in stages)]
    checked = checked_stages(stages, blamed, Path.cwd())
    return section.model_copy(update={"stages": [{name: s} for name, s in checked.items()]})


def summary(found: PropertiesRecord) -> str:
    """One line a hit, and what failed below."""
    import io
    from contextlib import redirect_stdout

    text = io.StringIO()
    with redirect_stdout(text):
        _print(found)
    return text.getvalue().rstrip("\n")


def given_summary(folder: GivenFolder) -> str:
    """A line for each stage of each structure that was given."""
    from discover.pipeline.record import read_properties

    found = read_properties(folder.path)
    lines = []
    for hit in found.hits if found is not None else ():
        lines += [f"{hit.hit['formula']} ({hit.id})"]
        lines += [f"  {r.stage}: {r.title if r.done else f'failed: {r.reason}'}" for r in hit.results.values()]
    return "\n".join([*lines, f"report: {folder.path / 'report' / 'index.html'}"])


HEAD = ("id", "formula", "group", "above hull", "B (GPa)", "G (GPa)", "Debye (K)", "stable", "min THz", "failed")


def _print(found: PropertiesRecord) -> None:
    print(f"{len(found.hits)} hits with {found.potential.get('name')}")
    print_table(HEAD, [_row(hit) for hit in found.hits], right=HEAD[2:9])
    for hit in found.hits:
        for failed in hit.failures:
            print(f"{hit.hit['formula']} ({hit.id}): {failed.stage}: {failed.reason}")


def _row(hit: HitRecord) -> list[str]:
    above = "on hull" if hit.hit["on_hull"] else number(hit.hit["e_above_hull_eV_per_atom"])
    group = hit.value("rest", "space_group") or hit.hit["space_group"]
    stable = {True: "yes", False: "NO", None: "-"}[hit.value("phonons", "dynamically_stable")]
    return [
        str(hit.id),
        hit.hit["formula"],
        str(group or "-"),
        above,
        number(hit.value("elastic", "bulk_modulus_GPa", "hill"), 1),
        number(hit.value("elastic", "shear_modulus_GPa", "hill"), 1),
        number(hit.value("elastic", "debye_temperature_K"), 0),
        stable,
        number(hit.value("phonons", "min_frequency_THz"), 2),
        ", ".join(r.stage for r in hit.failures) or "-",
    ]
