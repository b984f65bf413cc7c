"""The campaign: from its configuration through the search to hull, structures and report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from discover.config import CampaignConfig, load_campaign
from discover.doubts import witness_of
from discover.engine import Engine, LocalEngine, RayEngine, WorkerSpec, default_workers
from discover.errors import InputError
from discover.progress import Progress, Silent
from discover.records import RunRecord
from discover.run_folder import RunFolder
from discover.seeds import seed_structures
from discover.steady_state import SteadyState
from discover.strategy import search_space
from potentials import LoadError, Metadata, RelaxSettings, UnknownPotentialError, check_name, resolve_device
from potentials.registry import DeviceError
from searchers.generation import NoStructureError, SymmetricGenerator

COMPILE_FROM_CALLS = 20_000
"""Compiling costs a minute once and saves about 20 ms a model call on two cores: it pays from here."""
CALLS_PER_CANDIDATE = 20
"""What a relaxation costs on average, for estimates only."""


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
                a device that is not here, structures or references that do not fit. Nothing is written then.
            KeyboardInterrupt: interrupted; everything finished is kept.
        """
        out = Path(out) if out is not None else Path("runs") / self.name
        device = self._check()
        folder = RunFolder.claim(out, self.config, resume)
        _check_space(self.config)
        engine = self._engine(device, workers, ray_address)
        try:
            _check_elements(search_space(self.config).elements, engine)
            folder.references(Metadata.from_json(engine.description["metadata"]))
            folder.begin()
            SteadyState(self.config, folder, engine, progress or Silent()).run()
        finally:
            engine.close()
        return folder.finish()

    def _check(self) -> str:
        """Whatever can be refused before anything starts; gives the device."""
        for key, name in (("potential", self.config.potential), ("witness", self.config.witness)):
            try:
                if name not in ("auto", "none"):
                    check_name(name)
            except UnknownPotentialError as error:
                raise InputError(f"{key}: {error}") from None
        if self.config.potential in ("emt",) or self.config.potential.startswith("ase:"):
            return "cpu"
        try:
            return resolve_device(self.config.device)
        except DeviceError as error:
            raise InputError(f"device: {error}") from None

    def _engine(self, device: str, workers: int | None, ray_address: str | None) -> Engine:
        config = self.config
        settings = RelaxSettings(
            fmax_eV_A=config.relax.fmax_eV_A,
            max_steps=config.relax.max_steps,
            pressure_GPa=config.search.pressure_GPa,
            closest=0.0 if config.potential == "lj" else RelaxSettings.closest,
        )
        spec = WorkerSpec(
            config.potential,
            device,
            settings,
            _compiled(config, device),
            batch_atoms=config.relax.batch_atoms,
            witness=witness_of(config.potential, config.witness),
            options=config.potential_options,
        )
        mean_atoms = 0.5 * sum(config.search.atoms)
        try:
            if workers == 0:
                return LocalEngine(spec, mean_atoms)
            return RayEngine(spec, workers or default_workers(device), mean_atoms, ray_address)
        except LoadError as error:
            raise InputError(f"potential: {_own_words(error)}") from None


def _check_space(config: CampaignConfig) -> None:
    """Refuse structures that do not fit, and space groups that no crystal of the space can have."""
    space = search_space(config)
    seed_structures(config, space)
    if space.space_groups is not None:
        try:
            SymmetricGenerator(space).draw(np.random.default_rng(config.seed))
        except NoStructureError as error:
            raise InputError(f"search.space_groups: {error}") from None


def _own_words(error: LoadError) -> str:
    """The message, without the remote traceback that Ray puts before it."""
    return str(getattr(error, "cause", error))


def _check_elements(elements: Sequence[str], engine: Engine) -> None:
    known = engine.description["elements"]
    strangers = [e for e in elements if known is not None and e not in known]
    if strangers:
        name = engine.description["metadata"]["name"]
        raise InputError(f"system: {name} does not know {strangers[0]}; `discover potentials` lists who does")


def _compiled(config: CampaignConfig, device: str) -> bool:
    """Whether compiling the potential will pay."""
    if not config.potential.startswith("7net") or config.relax.compile == "off":
        return False
    if config.relax.compile == "on":
        return True
    search = config.search
    calls = search.model_calls or CALLS_PER_CANDIDATE * (search.candidates or COMPILE_FROM_CALLS)
    return calls >= COMPILE_FROM_CALLS and (device != "cpu" or shutil.which("g++") is not None)
