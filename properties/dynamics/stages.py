"""The stages of a run, and the one that a batch is in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from potentials.potential import Potential
from potentials.torch_sim_adapter import dynamics_model, failures_of, forget_lists, set_stress
from properties.dynamics import motion
from properties.dynamics.batch import Batch
from properties.dynamics.flow import Departure
from properties.dynamics.keeping import Keeper
from properties.dynamics.motion import GPA, KELVIN, PS, Barostat
from properties.dynamics.recording import Recorder
from properties.dynamics.settings import DynamicsSettings, Replica
from properties.dynamics.standing import Pace, Progress
from properties.dynamics.watching import Watch

WORDS = {"npt": "finding the cell", "equilibrate": "equilibrating", "produce": "producing"}
CENTRE_EVERY = 100
"""Steps after which the centre of mass is held again: forces of a mesh (PME) do not quite sum to zero."""
SURELY = 10.0
"""Standard deviations of the kinetic energy beyond `hottest`: small cells are hot by chance."""


@dataclass(frozen=True)
class Stage:
    """What is done, for how many steps."""

    name: str
    steps: int


@dataclass(frozen=True)
class Stopped:
    """A replica that did not come to its end.

    Attributes:
        replica: its index.
        stage, step: where.
        reason: one line.
    """

    replica: int
    stage: str
    step: int
    reason: str


def stages_of(settings: DynamicsSettings) -> tuple[Stage, ...]:
    """In order; those without steps are left out."""
    stages = [
        Stage("npt", settings.steps(settings.npt_ps) if settings.pressure_GPa is not None else 0),
        Stage("equilibrate", settings.steps(settings.equilibrate_ps)),
        Stage("produce", settings.steps(settings.produce_ps)),
    ]
    return tuple(stage for stage in stages if stage.steps)


class Course:
    """A batch on its way through the stages; `on` carries it to the next checkpoint."""

    def __init__(
        self,
        potential: Potential,
        replicas: Sequence[Replica],
        settings: DynamicsSettings,
        keepers: Sequence[Keeper],
        tell: Progress,
        save: Callable[[Mapping[str, np.ndarray]], None],
    ) -> None:
        self.settings, self.keepers, self._save = settings, keepers, save
        self.model = dynamics_model(potential, settings.skin_A)
        self.watch = Watch(potential) if settings.watch else None
        self.stages = stages_of(settings)
        self.stage, self.step = 0, 0
        self.stopped: list[Stopped] = []
        self.departures: dict[int, Departure] = {}
        self.batch = Batch.begin(replicas, self.model.device)
        self._pace = Pace(tell, sum(s.steps for s in self.stages))

    def begin(self) -> None:
        """From the beginning."""
        set_stress(self.model, True)
        motion.take_forces(self.batch.state, self.model)
        self._enter()
        self._checkpoint()

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        """From a checkpoint."""
        said = json.loads(str(arrays["course"]))
        self.stage, self.step = said["stage"], said["step"]
        self.stopped = [Stopped(**s) for s in said["stopped"]]
        self.departures = {int(k): Departure(**d) for k, d in said["departures"].items()}
        for keeper, sizes in zip(self.keepers, said["sizes"], strict=True):
            keeper.cut(sizes)
        self.batch = Batch.from_arrays(self.batch.replicas, arrays, self.model.device)
        if self.batch.members:
            self._settle()
            self._follow()

    def run(self) -> None:
        """To the end, or until nobody is left."""
        while self.stage < len(self.stages) and self.batch.members:
            every, stage = self.settings.checkpoint_every, self.stages[self.stage]
            until = min(self.step + every - self.step % every, stage.steps)
            while self.step < until and self.batch.members:
                self._advance(stage)
                self._news(stage)
            if self.step == stage.steps:
                self._leave()
            self._hand_on()
            self._checkpoint()

    def _news(self, stage: Stage, at_once: bool = False) -> None:
        behind = sum(s.steps for s in self.stages[: self.stage]) + self.step
        self._pace.news(WORDS[stage.name], behind, len(self.batch.members), len(self.stopped), at_once)

    def _follow(self) -> None:
        """What depends on who runs."""
        forget_lists(self.model)
        self._around = self.batch.around(self.settings)
        self._recorder = Recorder(self.batch.state)
        free = (3 * self.batch.state.n_atoms_per_system - 3).to(torch.float64)
        most = self.settings.hottest + SURELY * torch.sqrt(2 / free)
        self._most_eV = most * 0.5 * free * self._around.kT_eV

    def _enter(self) -> None:
        """The first thing in a stage."""
        self._follow()
        if self.stages[self.stage].name == "produce":
            motion.without_total_momentum(self.batch.state)
            self.batch.heat_eV = torch.zeros_like(self.batch.heat_eV)
            self._settle()
            self._recorder.frame(self.batch.state, has_stress=False)
            self._hand_on()

    def _settle(self) -> None:
        for k, cell in zip(self.batch.members, self.batch.state.row_vector_cell.cpu().numpy(), strict=True):
            self.keepers[k].settle(cell)

    def _leave(self) -> None:
        """The last thing in a stage: on to the next one."""
        batch = self.batch
        self._news(self.stages[self.stage], at_once=True)
        self._hand_on()
        if self.stages[self.stage].name == "npt" and batch.members:
            mean = batch.cells / batch.counted
            into = torch.linalg.solve(batch.state.cell.mT, mean.mT)
            batch.state.positions = torch.einsum("ia,iab->ib", batch.state.positions, into[batch.state.system_idx])
            batch.state.cell = mean
            forget_lists(self.model)
            motion.take_forces(batch.state, self.model)
        self.stage, self.step = self.stage + 1, 0
        if self.stage < len(self.stages) and batch.members:
            self._enter()

    def _advance(self, stage: Stage) -> None:
        """One step."""
        settings, batch = self.settings, self.batch
        state, around = batch.state, self._around
        friction = settings.friction_per_ps / PS
        self.step += 1
        frame = stage.name == "produce" and self.step % settings.frame_every == 0
        set_stress(self.model, frame or stage.name == "npt")
        if stage.name == "npt":
            motion.langevin_npt(state, self.model, around, friction, self._barostat())
            if 2 * self.step > stage.steps:
                batch.cells, batch.counted = batch.cells + state.cell, batch.counted + 1
        elif stage.name == "equilibrate":
            motion.langevin(state, self.model, around, friction)
        else:
            motion.nve(state, self.model, around)
            if settings.ensemble == "nvt":
                over_tau = 1e-3 * settings.time_step_fs / settings.thermostat_ps
                batch.heat_eV = batch.heat_eV + motion.rescale_velocities(state, around, over_tau)
            if self.step % CENTRE_EVERY == 0:
                motion.without_total_momentum(state)
        kinetic = motion.kinetic_energies(state)
        if stage.name == "produce" and self.step % settings.every == 0:
            self._recorder.step(state, kinetic, batch.heat_eV)
        if frame:
            self._recorder.frame(state, has_stress=True)
        self._look(stage, kinetic)

    def _barostat(self) -> Barostat:
        settings = self.settings
        assert settings.pressure_GPa is not None
        rate = 1 / (settings.bulk_modulus_GPa * GPA * settings.barostat_ps * PS)
        return Barostat(settings.pressure_GPa * GPA, rate, settings.barostat == "isotropic")

    def _look(self, stage: Stage, kinetic: Tensor) -> None:
        """Stop who has exploded, and who left the domain where that is asked for."""
        gone: dict[int, str] = {}
        hot = ~(kinetic < self._most_eV)
        if bool(hot.any()):
            failures = failures_of(self.model)
            for place in hot.nonzero()[:, 0].tolist():
                gone[place] = self._why(place, float(kinetic[place]), failures)
        if self.watch is not None and self.step % self.settings.watch_every == 0:
            gone |= self._departed(stage, self.watch.distances(self.batch.state, self.model), self.watch.threshold)
        if gone:
            for place, reason in gone.items():
                self.stopped.append(Stopped(self.batch.members[place], stage.name, self.step, reason))
            self._hand_on()
            self.batch = self.batch.without(list(gone)) if len(gone) < len(self.batch.members) else self._nobody()
            if self.batch.members:
                self._follow()

    def _nobody(self) -> Batch:
        self.batch.members = []
        return self.batch

    def _why(self, place: int, kinetic_eV: float, failures: Mapping[int, str]) -> str:
        if place in failures:
            return failures[place]
        if not np.isfinite(kinetic_eV):
            return "the potential gave a force that is not finite"
        replica = self.batch.replicas[self.batch.members[place]]
        kelvin = 2 * kinetic_eV / KELVIN / (3 * len(replica.atoms) - 3)
        return f"exploded: {kelvin:.0f} K where {replica.temperature_K:g} K was asked for"

    def _departed(self, stage: Stage, distances: np.ndarray, threshold: float) -> dict[int, str]:
        out = {}
        for place in np.flatnonzero(distances > threshold).tolist():
            k, distance = self.batch.members[place], float(distances[place])
            self.departures.setdefault(k, Departure(stage.name, self.step, distance, threshold))
            if self.settings.watch == "stop":
                out[place] = f"left the potential's domain: an atom at distance {distance:.3g}, above {threshold:.3g}"
        return out

    def _hand_on(self) -> None:
        if self.batch.members:
            for k, rows in zip(self.batch.members, self._recorder.take(), strict=True):
                self.keepers[k].add(rows)

    def _checkpoint(self) -> None:
        """Everything, and a new list in this process too: one that goes on from here makes it new as well."""
        forget_lists(self.model)
        said = {
            "stage": self.stage,
            "step": self.step,
            "stopped": [asdict(s) for s in self.stopped],
            "departures": {k: asdict(d) for k, d in self.departures.items()},
            "sizes": [keeper.sizes() for keeper in self.keepers],
        }
        self._save(self.batch.to_arrays() | {"course": np.array(json.dumps(said))})
