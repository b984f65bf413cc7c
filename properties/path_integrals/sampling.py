"""`sample`: many ring polymers at once, from their start to averages with errors."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from ase import units

from potentials.potential import Potential
from potentials.torch_sim_adapter import dynamics_model, forget_lists, set_stress
from properties.dynamics.keeping import write_arrays
from properties.dynamics.memory import keep_freed_memory
from properties.dynamics.standing import Pace, Progress, unheard
from properties.errors import PropertyError
from properties.path_integrals.averages import Estimate, mean_with_error
from properties.path_integrals.holding import dimensions
from properties.path_integrals.recording import Observer, Record
from properties.path_integrals.rings import Propagator, Rings, Surface, step
from properties.path_integrals.settings import PathSettings, RingSystem

CHECKPOINT = "rings.npz"


@dataclass(frozen=True)
class RingAverages:
    """What was sampled of one system.

    Attributes:
        temperature_K, beads: of it.
        potential_eV: mean over beads.
        kinetic_eV: by the centroid virial.
        primitive_eV: kinetic energy by the primitive estimator: the same mean, noisier with more beads.
        energy_eV: potential plus `kinetic_eV`.
        kinetic_by_atom_eV: (n,).
        kinetic_tensors_eV: (n, 3, 3).
        gyration_A2: mean squared distance of an atom's beads from their centroid, (n,).
        mode_temperatures_K: of the thermostat, (P,), centroid first.
        kinetic_blocks_eV: block means of `kinetic_by_atom_eV`, (blocks, n), for errors of sums over atoms.
        series_eV: potential, kinetic, primitive at each sample, (samples, 3).
        beads_A: where the beads were last, (P, n, 3).
        seconds_per_step: of the whole batch.
    """

    temperature_K: float
    beads: int
    potential_eV: Estimate
    kinetic_eV: Estimate
    primitive_eV: Estimate
    energy_eV: Estimate
    kinetic_by_atom_eV: Estimate
    kinetic_tensors_eV: Estimate
    gyration_A2: Estimate
    mode_temperatures_K: np.ndarray
    kinetic_blocks_eV: np.ndarray
    series_eV: np.ndarray
    beads_A: np.ndarray
    seconds_per_step: float

    @property
    def enough(self) -> bool:
        """False where the run is too short for its energies' errors to be known."""
        return self.potential_eV.enough and self.kinetic_eV.enough

    def to_json(self) -> dict[str, object]:
        """Energies and sizes; no series."""
        names = ("potential_eV", "kinetic_eV", "primitive_eV", "energy_eV", "kinetic_by_atom_eV", "gyration_A2")
        known: dict[str, object] = {"temperature_K": self.temperature_K, "beads": self.beads}
        return known | {n: getattr(self, n).to_json() for n in names} | {"enough": self.enough}


def sample(
    potential: Potential,
    systems: Sequence[RingSystem],
    settings: PathSettings | None = None,
    folder: Path | None = None,
    progress: Progress = unheard,
) -> list[RingAverages]:
    """Path-integral molecular dynamics in the canonical ensemble, each system in its own cell; averages in order.

    All beads of all systems are one batch: P beads cost one model call a step.

    folder: for the checkpoint; a run that is asked for again goes on from it, and ends bit for bit as it would have
        without the interruption (on a CPU).
    progress: told steps, time per step and time left.

    Raises:
        PropertyError: nothing to sample; the potential gave no finite force; the folder holds another run.
    """
    if not systems:
        raise PropertyError("systems: there is nothing to sample")
    settings = settings or PathSettings()
    if potential.device == "cpu":
        keep_freed_memory()
    model = dynamics_model(potential, settings.skin_A)
    set_stress(model, False)
    by = Propagator.of(systems, settings, model.device)
    surface = Surface(model, systems, settings.beads)
    observer = Observer.of(systems, by)
    record = Record.empty(settings.samples, settings.blocks, settings.beads, len(by.masses), len(systems))
    file = None if folder is None else folder / CHECKPOINT
    who = fingerprint(potential, systems, settings)
    done, spent_s, rings = _resumed(file, who, record, model.device)
    if rings is None:
        rings = Rings.begin(systems, by, surface)
    pace = Pace(progress, settings.steps)
    began = time.perf_counter() - spent_s
    while done < settings.steps:
        step(rings, systems, by, surface)
        done += 1
        beyond = done - settings.equilibration_steps
        if beyond > 0 and beyond % settings.every == 0:
            record.take(rings, observer)
        doing = "path integrals" if beyond > 0 else "path integrals, equilibrating"
        pace.news(doing, done, len(systems), 0, at_once=done == settings.steps)
        if done % settings.checkpoint_every == 0 or done == settings.steps:
            # With or without a file, so that a run that was resumed and one that was not have the same lists
            forget_lists(model)
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                known = {"who": np.array(who), "done": np.array(done), "spent_s": np.array(time.perf_counter() - began)}
                write_arrays(file, rings.to_arrays() | record.to_arrays() | known)
    pace_s = (time.perf_counter() - began) / settings.steps
    beads = by.of_beads(rings.q).cpu().numpy()
    return _split(systems, settings, record, beads, pace_s)


def fingerprint(potential: Potential, systems: Sequence[RingSystem], settings: PathSettings) -> str:
    """Of everything that a run's numbers hang on but the seeds' use: equal for equal runs."""
    known = {"potential": potential.metadata.to_json(), "precision": potential.precision, "settings": asdict(settings)}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    for s in systems:
        digest.update(json.dumps([s.temperature_K, s.seed, s.plane.holds if s.plane else None]).encode())
        normal = s.plane.normal if s.plane else np.zeros(0)
        for array in (s.atoms.numbers, s.atoms.positions, s.atoms.cell.array, s.atoms.get_masses(), s.moving, normal):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _resumed(file: Path | None, who: str, record: Record, device: torch.device) -> tuple[int, float, Rings | None]:
    """Steps done, seconds spent and where the beads were, of a run's checkpoint; no rings where there is none."""
    if file is None or not file.exists():
        return 0, 0.0, None
    with np.load(file) as kept:
        arrays: Mapping[str, np.ndarray] = dict(kept)
    if str(arrays["who"]) != who:
        raise PropertyError(
            f"{file} is of another run (other systems, settings or potential); give another folder, or remove it"
        )
    record.restore(arrays)
    return int(arrays["done"]), float(arrays["spent_s"]), Rings.from_arrays(arrays, device)


def _split(
    systems: Sequence[RingSystem], settings: PathSettings, record: Record, beads: np.ndarray, pace_s: float
) -> list[RingAverages]:
    """The record by system."""
    ends = np.cumsum([0] + [len(s.atoms) for s in systems])
    found = []
    for k, system in enumerate(systems):
        here = slice(ends[k], ends[k + 1])
        series = record.series[:, :, k]
        kinetic = record.kinetic[:, here]
        by_atom = np.trace(kinetic, axis1=2, axis2=3)
        held = system.plane is not None
        freedom = dimensions(system).sum()
        # Momenta of a held centroid have one direction less than its kinetic energy has in the estimators
        free = np.full(settings.beads, freedom)
        if held and system.plane is not None and system.plane.holds == "centroid":
            free[0] -= 1
        found.append(
            RingAverages(
                system.temperature_K,
                settings.beads,
                potential_eV=mean_with_error(series[:, 0]),
                kinetic_eV=mean_with_error(series[:, 1]),
                primitive_eV=mean_with_error(series[:, 2]),
                energy_eV=mean_with_error(series[:, 0] + series[:, 1]),
                kinetic_by_atom_eV=mean_with_error(by_atom),
                kinetic_tensors_eV=mean_with_error(kinetic),
                gyration_A2=mean_with_error(record.gyration[:, here]),
                mode_temperatures_K=record.modes[:, k] / settings.samples / units.kB / settings.beads / free,
                kinetic_blocks_eV=by_atom,
                series_eV=series,
                beads_A=beads[:, here],
                seconds_per_step=pace_s,
            )
        )
    return found
