"""A campaign of given structures from its configuration to its report."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from discover.config import CampaignConfig
from discover.config_properties import PropertiesSettings
from discover.errors import InputError
from discover.given.folder import LEARNING, GivenFolder
from discover.given.structures import FILE, given_structures
from discover.pipeline.record import PropertiesRecord
from discover.pipeline.run import check_properties, computed, properties_potential
from discover.pipeline.tasks import PotentialSpec
from discover.preflight import check_device, check_name
from discover.progress import Progress
from discover.run_folder import CONFIG
from discover.strategy import search_space


def run_given(
    config: CampaignConfig,
    out: Path,
    progress: Progress,
    *,
    resume: bool = False,
    workers: int | None = None,
    ray_address: str | None = None,
) -> GivenFolder:
    """Learn, where the campaign asks for it; compute what is asked of every structure; write the report.

    workers: Ray actors; 0 computes in this process; None takes one a GPU or core.

    Raises:
        InputError: a folder that exists (without resume) or belongs to another campaign, an unknown potential,
            structures that do not fit. No file is written then.
        KeyboardInterrupt: interrupted; everything finished is kept.
    """
    if config.properties is None:
        raise InputError(
            "properties: is missing; say what to compute of the structures, as in properties: [conductivity] "
            "(`discover learn` learns alone)"
        )
    check_name("potential", config.potential)
    if ray_address is None:
        check_device("device", config.device)
    check_properties(config)
    if not (out / FILE).is_file():
        given_structures(config)
    folder = GivenFolder.claim(out, config, resume)
    folder.begin()
    try:
        if config.learn is not None:
            _learn(folder, progress)
        compute_given(folder, config.properties, progress, workers=workers, ray_address=ray_address)
        folder.write_results()
    finally:
        folder.release()
    return folder


def compute_given(
    folder: GivenFolder,
    settings: PropertiesSettings,
    progress: Progress,
    *,
    workers: int | None = None,
    ray_address: str | None = None,
    only: Collection[str] = (),
    retry_failed: bool = False,
) -> PropertiesRecord:
    """As `discover.pipeline.run.properties_run`, of the structures that were given."""
    return computed(
        folder.path,
        folder.config,
        settings,
        folder.hits(),
        computes_with(folder, settings),
        progress,
        workers=workers,
        ray_address=ray_address,
        only=only,
        retry_failed=retry_failed,
    )


def computes_with(folder: GivenFolder, settings: PropertiesSettings) -> PotentialSpec:
    """The one that the section names, else the newest that was taught, else the campaign's."""
    spec = properties_potential(folder.config, settings, climbed=False)
    learning = folder.learning
    if settings.potential is not None or learning is None or learning.generations[-1].number == 0:
        return spec
    checkpoint = folder.path / LEARNING / learning.generations[-1].checkpoint
    return PotentialSpec(str(checkpoint.resolve()), {}, spec.device)


def _learn(folder: GivenFolder, progress: Progress) -> None:
    """Active learning in a folder of its own, which `discover status` and `report` know too."""
    from discover.learning.folder import learn_in

    path = folder.path / LEARNING
    alone = folder.config.model_copy(
        update={
            "system": "-".join(search_space(folder.config).elements),
            "structures": [],
            "properties": None,
        }
    )
    learn_in(path, alone, (path / CONFIG).is_file(), progress)
