"""Many replicas and temperatures at once, from crystals to flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase.data import atomic_masses

from potentials.potential import Potential
from potentials.suitable import UnsuitableStructureError, check_suitable
from properties.dynamics.flow import Departure, Flow
from properties.dynamics.folder import RunFolder
from properties.dynamics.keeping import InMemory, Keeper
from properties.dynamics.memory import keep_freed_memory
from properties.dynamics.recording import Rows
from properties.dynamics.settings import DynamicsSettings, Replica
from properties.dynamics.stages import Course, Stopped
from properties.dynamics.standing import Progress, unheard
from properties.errors import PropertyError

FEWEST_ROWS = 10
"""With which a slope is worth its name."""


@dataclass(frozen=True)
class Run:
    """What became of the replicas.

    Attributes:
        flows: of those that came to their end, in order.
        stopped: the others, each with its reason.
    """

    flows: tuple[Flow, ...]
    stopped: tuple[Stopped, ...]


def simulate(
    potential: Potential,
    replicas: Sequence[Replica],
    settings: DynamicsSettings | None = None,
    folder: Path | None = None,
    progress: Progress = unheard,
) -> list[Flow]:
    """As `run`: the flows of the replicas that came to their end, in order."""
    return list(run(potential, replicas, settings, folder, progress).flows)


def run(
    potential: Potential,
    replicas: Sequence[Replica],
    settings: DynamicsSettings | None = None,
    folder: Path | None = None,
    progress: Progress = unheard,
) -> Run:
    """Equilibrate and run all replicas in one batch; sizes, compositions and temperatures may differ.

    A replica whose forces are not finite, that explodes or that leaves the domain where it is to stop there, is taken
    out; the others go on as if it had never been there.

    potential: conservative, if Green and Kubo are to be believed: `properties.validation.require_conservative` tells.
    folder: for trajectories and checkpoints. Run again with the same folder and the same inputs, an interrupted run
        goes on from its last checkpoint, and a finished one is read. None keeps everything in memory.
    progress: told where it stands about twice a second.

    Raises:
        PropertyError: replicas or settings that cannot be run, a folder that holds another run, nobody left.
    """
    settings = settings or DynamicsSettings()
    _check(potential, replicas)
    kept = None if folder is None else RunFolder.open(folder, potential, replicas, settings)
    if kept is not None and (found := kept.finished()) is not None:
        return _survivors(*found)
    processes = min(settings.processes if kept is None else kept.processes, len(replicas))
    if processes > 1:
        from properties.dynamics.shared import run_shared

        flows, stopped = run_shared(potential, replicas, replace(settings, processes=processes), folder, progress)
    else:
        flows, stopped = run_part(potential, replicas, range(len(replicas)), settings, folder, progress)
    if kept is not None:
        kept.finish(stopped)
    return _survivors(flows, stopped)


def run_part(
    potential: Potential,
    replicas: Sequence[Replica],
    part: Sequence[int],
    settings: DynamicsSettings,
    folder: Path | None,
    progress: Progress,
) -> tuple[dict[int, Flow], list[Stopped]]:
    """Those replicas of all whose indices are in `part`, in this process."""
    if potential.device == "cpu":
        keep_freed_memory()
    mine = [replicas[k] for k in part]
    if folder is None:
        course = Course(potential, mine, settings, [InMemory() for _ in part], progress, lambda arrays: None)
        course.begin()
        course.run()
        return _harvest(course, part)
    with RunFolder(folder, replicas, settings).part(part) as files:
        course = Course(potential, mine, settings, files.keepers, progress, files.save)
        arrays = files.load()
        if arrays is None:
            course.begin()
        else:
            course.resume(arrays)
        course.run()
        flows, stopped = _harvest(course, part)
        files.write_flows(flows)
    return flows, stopped


def _harvest(course: Course, part: Sequence[int]) -> tuple[dict[int, Flow], list[Stopped]]:
    """Flows by index among all replicas, and who was stopped."""
    flows = {}
    for place, k in enumerate(course.batch.members):
        cell = course.batch.state.row_vector_cell[place].cpu().numpy()
        keeper: Keeper = course.keepers[k]
        flows[part[k]] = flow_of(
            course.batch.replicas[k], course.settings, cell, keeper.all(), course.departures.get(k)
        )
    stopped = [Stopped(part[s.replica], s.stage, s.step, s.reason) for s in course.stopped]
    return flows, stopped


def flow_of(
    replica: Replica, settings: DynamicsSettings, cell: np.ndarray, rows: Rows, departure: Departure | None
) -> Flow:
    """The flow of a replica's rows."""
    step_ps = 1e-3 * settings.time_step_fs * settings.every
    drift, spread = _slope(rows.energies[:, 1] * 1e3 / len(replica.atoms), step_ps)
    known = rows.pressures[np.isfinite(rows.pressures)]
    return Flow(
        temperature_K=replica.temperature_K,
        mean_temperature_K=float(rows.energies[:, 0].mean()),
        ensemble=settings.ensemble,
        numbers=replica.atoms.numbers.copy(),
        cell=cell,
        step_ps=step_ps,
        currents_A_ps=rows.currents,
        frame_ps=1e-3 * settings.time_step_fs * settings.frame_every,
        positions_A=rows.positions,
        charge_current_eA_ps=rows.charge_currents if len(rows.charge_currents) else None,
        seed=replica.seed,
        energy_drift_meV_atom_ps=drift,
        energy_spread_meV_atom=spread,
        pressure_GPa=float(known.mean()) if len(known) else None,
        departure=departure,
    )


def _slope(values: np.ndarray, step_ps: float) -> tuple[float | None, float | None]:
    """Of a straight line through equally spaced values, and the standard deviation about it."""
    if len(values) < FEWEST_ROWS:
        return None, None
    t = (np.arange(len(values)) - (len(values) - 1) / 2) * step_ps
    slope = float(t @ values / (t @ t))
    return slope, float((values - values.mean() - slope * t).std())


def _check(potential: Potential, replicas: Sequence[Replica]) -> None:
    if not replicas:
        raise PropertyError("replicas: there is none")
    looked_at: list[bytes] = []
    for k, replica in enumerate(replicas):
        atoms, where = replica.atoms, f"replica {k + 1}"
        if not 0 < replica.temperature_K < float("inf"):
            raise PropertyError(f"{where}: its temperature must be above 0 K (is {replica.temperature_K:g})")
        if len(atoms) < 2:
            raise PropertyError(f"{where}: has {len(atoms)} atom; give a supercell, of two at least")
        if not atoms.pbc.all():
            raise PropertyError(f"{where}: must be periodic in three directions")
        if not np.allclose(atoms.get_masses(), atomic_masses[atoms.numbers]):
            raise PropertyError(f"{where}: has masses of its own, which flows know nothing of")
        same = atoms.numbers.tobytes() + atoms.positions.tobytes() + atoms.cell.array.tobytes()
        if same not in looked_at:
            looked_at.append(same)
            try:
                check_suitable(potential, atoms)
            except UnsuitableStructureError as error:
                raise PropertyError(f"{where}: {error}") from None


def _survivors(flows: Mapping[int, Flow], stopped: Sequence[Stopped]) -> Run:
    if not flows:
        first = min(stopped, key=lambda s: s.replica)
        raise PropertyError(
            f"no replica came to its end; the first was stopped in step {first.step} of {first.stage!r}: {first.reason}"
        )
    return Run(tuple(flows[k] for k in sorted(flows)), tuple(sorted(stopped, key=lambda s: s.replica)))
