"""The campaign: from its configuration through the search to hull, structures and report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from discover.anchoring.anchor import check_anchor
from discover.anchoring.run import anchor_run
from discover.config import CampaignConfig, load_campaign
from discover.doubts import witness_of
from discover.engine import Engine, LocalEngine
from discover.errors import InputError
from discover.ladder import on_top_rung
from discover.pipeline.results import FOLDER as PROPERTIES
from discover.pipeline.run import check_properties, properties_run
from discover.preflight import check_campaign, check_elements, check_ladder, check_rungs_differ
from discover.progress import Progress, Silent
from discover.ray_engine import RayEngine
from discover.records import RunRecord
from discover.rerank import Reranking
from discover.run_folder import RunFolder
from discover.steady_state import SteadyState
from discover.strategy import measured_properties, search_space
from discover.tidy import TidySpec
from discover.worker import WorkerSpec
from potentials import DeviceError, LoadError, Metadata, RelaxSettings

COMPILE_FROM_CALLS = 15_000
"""Compiling costs 80 s (half a minute where an earlier run's work is still on disk) and saves 6 ms of every model call
on two cores (campaigns/benchmarks/workers): it pays from here."""
HALT_EVERY = 4
"""Model calls between two looks at a relaxation, where any may be stopped: random cells take 17 to 25 without a
surrogate, 3 to 13 with one."""
CALLS_PER_CANDIDATE = 8
"""What a relaxation costs on average, for estimates only: 7 in Si-Ge, 3 in Cu-Au, 14 in Al2O3."""


class Campaign:
    """A search from its configuration to its report.

    >>> Campaign.from_yaml("campaigns/si-ge.yaml").run("runs/si-ge")  # doctest: +SKIP
    """

    def __init__(self, config: CampaignConfig, name: str = "campaign") -> None:
        self.config = config
        self.name = name

    @classmethod
    def from_yaml(cls, path: Path | str, overrides: Sequence[str] = (), seed: int | None = None) -> Campaign:
        """Read and check a campaign file.

        Raises:
            InputError: anything in it that cannot be run; the message names file, line and key.
        """
        return cls(load_campaign(Path(path), overrides, seed), Path(path).stem)

    def run(
        self,
        out: Path | str | None = None,
        *,
        resume: bool = False,
        workers: int | None = None,
        ray_address: str | None = None,
        progress: Progress | None = None,
    ) -> RunRecord:
        """Search until the budget is spent, then write hull, structures and report.

        out: run folder, `runs/<name>` by default.
        workers: Ray actors; 0 runs all in this process; None takes one a GPU or core.

        Raises:
            InputError: a folder that exists (without resume) or belongs to another campaign, an unknown potential,
                a device that is not here, structures or references that do not fit. No file is written then.
            KeyboardInterrupt: interrupted; everything finished is kept.
        """
        out = Path(out) if out is not None else Path("runs") / self.name
        check_campaign(self.config, here=ray_address is None)
        check_properties(self.config)
        anchor = self.config.anchor
        if anchor is not None:
            check_anchor(anchor, search_space(self.config).elements, self.config.search.pressure_GPa)
        folder = RunFolder.claim(out, self.config, resume)
        progress = progress or Silent()
        top = check_ladder(self.config)
        if top is not None:
            folder.check_top(top)
        engine = _engine(self.config, workers, ray_address, progress)
        try:
            try:
                check_elements(self.config, engine.description["elements"])
                potential = Metadata.from_json(engine.description["metadata"])
                check_rungs_differ(potential, top)
                folder.references(top or potential)
                folder.begin()
                SteadyState(self.config, folder, engine, progress).run()
            finally:
                engine.close()
            if top is not None:
                rung = on_top_rung(self.config)
                ranking = Reranking(self.config, folder, top, progress)
                ranking.run(lambda: _engine(rung, workers, ray_address, progress, "ladder.rerank."))
            if anchor is not None:
                folder.store.save({"finished": None})
                anchor_run(folder, anchor, progress)
            if self.config.properties is not None:
                if not (out / PROPERTIES).is_dir():
                    folder.finish()  # properties may take hours: what was found should be there to see
                properties_run(folder, self.config.properties, progress, workers=workers, ray_address=ray_address)
            return folder.finish()
        finally:
            folder.release()


def _engine(
    config: CampaignConfig, workers: int | None, ray_address: str | None, progress: Progress, section: str = ""
) -> Engine:
    """What relaxes under a campaign's potential; `section` is where its keys stand."""
    spec = _worker_spec(config)
    mean_atoms = 0.5 * sum(config.search.atoms)
    try:
        if workers == 0:
            return LocalEngine(spec, mean_atoms)
        return RayEngine(spec, workers, mean_atoms, ray_address, progress.message)
    except (LoadError, DeviceError) as error:
        # Ray puts a remote traceback before the message
        message = str(getattr(error, "cause", error))
        if message.startswith(repr(spec.witness)):
            raise InputError(f"witness: {message}") from None
        key = "device" if isinstance(error, DeviceError) else "potential"
        raise InputError(f"{section}{key}: {message}") from None


def _worker_spec(config: CampaignConfig) -> WorkerSpec:
    has_gpu_form = config.potential != "emt" and not config.potential.startswith("ase:")
    device = config.device if has_gpu_form or config.device != "auto" else "cpu"
    settings = RelaxSettings(
        fmax_eV_A=config.relax.fmax_eV_A,
        max_steps=config.relax.max_steps,
        pressure_GPa=config.search.pressure_GPa,
        halt_every=HALT_EVERY if config.relax.risk > 0 else 0,
        halt_rehearsed=config.relax.risk > 0 and search_space(config).variable,
        closest=0.0 if config.potential == "lj" else RelaxSettings.closest,
    )
    return WorkerSpec(
        config.potential,
        device,
        settings,
        _compiled(config),
        batch_atoms=config.relax.batch_atoms,
        witness=witness_of(config.potential, config.witness),
        options=config.potential_options,
        measured=measured_properties(config),
        tidy=_tidy_spec(config),
        surrogate=config.relax.surrogate,
        elements=search_space(config).elements,
    )


def _tidy_spec(config: CampaignConfig) -> TidySpec | None:
    tidy = config.ladder.tidy
    if tidy is None:
        return None
    closest = 0.0 if "lj" in (tidy.potential, config.potential) else TidySpec.closest
    return TidySpec(tidy.potential, tidy.max_steps, tidy.options, closest=closest)


def _compiled(config: CampaignConfig) -> bool:
    """Whether compiling the potential will pay."""
    if not config.potential.startswith("7net") or config.relax.compile == "off":
        return False
    if config.relax.compile == "on":
        return True
    search = config.search
    calls = search.model_calls or CALLS_PER_CANDIDATE * (search.candidates or COMPILE_FROM_CALLS)
    return calls >= COMPILE_FROM_CALLS and (config.device.startswith("cuda") or shutil.which("g++") is not None)
