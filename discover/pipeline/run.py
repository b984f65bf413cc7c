"""A run's folder through the pipeline: its hull's hits in, the record of what they are good for out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from discover.config import CampaignConfig
from discover.config_properties import PropertiesSettings
from discover.errors import InputError
from discover.hull import reference_structures
from discover.ladder import on_top_rung
from discover.pipeline.hits import Hit, hits_of
from discover.pipeline.offers import write_offers
from discover.pipeline.pipeline import Pipeline
from discover.pipeline.record import TABLE, PropertiesRecord, properties_csv, read_properties, write_hits
from discover.pipeline.results import FOLDER, StageResult, read_result
from discover.pipeline.stages import Stage, planned
from discover.pipeline.tasks import LocalWorkers, PotentialSpec, RayWorkers, Workers
from discover.progress import Progress
from discover.records import Hull, HullEntry, RunRecord
from discover.run_folder import REFERENCES, RunFolder
from discover.whole_files import write_files
from potentials import DeviceError, LoadError, Metadata, UnknownPotentialError, check_name, load


def properties_run(
    folder: RunFolder,
    settings: PropertiesSettings,
    progress: Progress,
    *,
    workers: int | None = None,
    ray_address: str | None = None,
    only: Collection[str] = (),
    retry_failed: bool = False,
) -> PropertiesRecord:
    """Compute what is not known yet of the run's hits; the folder must be this process's own (`RunFolder.begin`).

    settings: with the stages as `checked_stages` writes them out.
    workers: Ray actors; 0 computes in this process; None takes one a GPU or core.
    only: of the stages.
    retry_failed: compute again what failed.

    Raises:
        InputError: nothing is found yet, a potential that is not here or is another than the hull's, no such stage.
        KeyboardInterrupt: interrupted; everything finished is kept.
    """
    record = folder.record()
    hits, bare = _hits(folder, record, settings.most)
    return computed(
        folder.path,
        folder.config,
        settings,
        hits,
        properties_potential(folder.config, settings, bool(record.hull.ladder)),
        progress,
        hull=record.hull,
        bare=bare,
        workers=workers,
        ray_address=ray_address,
        only=only,
        retry_failed=retry_failed,
    )


def computed(
    path: Path,
    config: CampaignConfig,
    settings: PropertiesSettings,
    hits: Sequence[Hit],
    spec: PotentialSpec,
    progress: Progress,
    *,
    hull: Hull | None = None,
    bare: Sequence[HullEntry] = (),
    workers: int | None = None,
    ray_address: str | None = None,
    only: Collection[str] = (),
    retry_failed: bool = False,
) -> PropertiesRecord:
    """Send these hits through the stages, and keep what is found below `path`; otherwise as `properties_run`.

    hull: that the hits are of, whose potential must be the stages' own; None where they were given.
    bare: entries without a structure.
    """
    pressure_GPa = config.search.pressure_GPa
    stages = planned({k: v for stage in settings.stages for k, v in stage.items()}, only, pressure_GPa)

    def start(most: int) -> Workers:
        return LocalWorkers(spec) if workers == 0 else RayWorkers(spec, workers, most, ray_address)

    def offer(hit: Hit, found: StageResult) -> None:
        if hull is not None and (names := write_offers(path, hit.id, found)):
            progress.message(f"{hit.label}: {len(names)} lower structures offered to the search (--resume takes them)")

    # Where something is surely new, the workers load the potential, and this process need not
    early = start(len(hits) * len(stages)) if _lacking(path, hits, stages) else None
    try:
        metadata = _metadata(spec, settings, hull, hits, early)
        write_hits(path, metadata.to_json(), hits, bare)
        _say_bare(bare, progress)
        Pipeline(
            path,
            hits,
            stages,
            metadata.to_json(),
            progress,
            pressure_GPa=pressure_GPa,
            insist=settings.insist,
            retry_failed=retry_failed,
            on_result=offer,
        ).run(start if early is None else lambda most: early)
    finally:
        if early is not None:
            early.close()
    found = read_properties(path)
    assert found is not None
    write_files(path / FOLDER, {TABLE: properties_csv(found).encode()})
    return found


def _lacking(path: Path, hits: Sequence[Hit], stages: Sequence[Stage]) -> bool:
    """Whether a result has no file at all, so that something has to be computed whatever the inputs' hashes are."""
    return any(read_result(path, hit.id, stage.name) is None for hit in hits for stage in stages)


def check_properties(config: CampaignConfig) -> None:
    """Refuse a pipeline that cannot run, before the search.

    Raises:
        InputError: an unknown potential, stages that need each other.
    """
    settings = config.properties
    if settings is None:
        return
    planned({k: v for stage in settings.stages for k, v in stage.items()})
    if settings.potential is not None:
        try:
            check_name(settings.potential)
        except UnknownPotentialError as error:
            raise InputError(f"properties.potential: {error}") from None


def properties_potential(config: CampaignConfig, settings: PropertiesSettings, climbed: bool) -> PotentialSpec:
    """Who computes: the one that the section names, or the hull's own.

    climbed: whether the hull is the top rung's.
    """
    if settings.potential is not None:
        return PotentialSpec(settings.potential, settings.potential_options, _device(settings.potential, config.device))
    own = on_top_rung(config) if climbed else config
    return PotentialSpec(own.potential, own.potential_options, _device(own.potential, own.device))


def _device(potential: str, device: str) -> str:
    """Potentials without a form for a GPU stay on the processor, as in a search."""
    has_gpu_form = potential != "emt" and not potential.startswith("ase:")
    return device if has_gpu_form or device != "auto" else "cpu"


def _hits(folder: RunFolder, record: RunRecord, most: int) -> tuple[list[Hit], list[HullEntry]]:
    references = folder.path / REFERENCES
    theirs = reference_structures(references) if references.is_file() else {}

    def atoms_of(id: int | str) -> Atoms:
        return theirs[id] if isinstance(id, str) and id in theirs else record.atoms_of(id)

    hits, bare = hits_of(record.hull, atoms_of, folder.config.hits_within_eV_per_atom, most)
    if not hits:
        raise InputError(f"{folder.path}: no structure has an energy yet; there is nothing to compute properties of")
    return hits, bare


def _metadata(
    spec: PotentialSpec,
    settings: PropertiesSettings,
    hull: Hull | None,
    hits: Sequence[Hit],
    workers: Workers | None,
) -> Metadata:
    """Of the potential, as the workers have loaded it, or, where there are none, this process."""
    try:
        metadata = load(spec.name, "cpu", **spec.options).metadata if workers is None else workers.metadata()
    except DeviceError as error:
        raise InputError(f"device: {error}") from None
    except (LoadError, UnknownPotentialError) as error:
        raise InputError(f"properties.potential: {error}") from None
    known = metadata.elements
    strangers = {e for hit in hits for e in hit.entry.composition if known is not None and e not in known}
    if strangers:
        raise InputError(f"properties.potential: {spec.name} does not know {min(strangers)}")
    if hull is not None and settings.potential is None and not metadata.same_energies(hull.potential):
        raise InputError(
            f"potential: {spec.name} has other weights here than the run was made with; compute where it was run, or "
            "name a potential for the properties (properties.potential)"
        )
    return metadata


def _say_bare(bare: Sequence[HullEntry], progress: Progress) -> None:
    if bare:
        named = ", ".join(f"{e.formula} ({e.id})" for e in bare)
        progress.message(f"no structure, no properties: {named}")


def with_options(settings: PropertiesSettings, given: Mapping[str, Any]) -> PropertiesSettings:
    """The same with what the command line says; None leaves what is there.

    Another potential takes none of the former one's options.
    """
    update = {k: v for k, v in given.items() if v is not None}
    if update.get("potential") not in (None, settings.potential):
        update.setdefault("potential_options", {})
    return settings.model_copy(update=update)


