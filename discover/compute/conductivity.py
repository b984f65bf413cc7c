"""`discover compute conductivity`: from a structure to σ(T) by molecular dynamics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import make_supercell

from discover.composition import formula_of, fractions_of
from discover.compute.carriers import Carriers, carriers_of
from discover.compute.conductivity_figures import arrhenius_plot, current_plot, density_plot, displacement_plot
from discover.compute.conductivity_settings import OF_THE_ANALYSIS, Settings
from discover.compute.conductivity_words import columns, sentence
from discover.compute.kept_structure import kept_structure
from discover.compute.registry import Computed
from discover.progress import DYNAMICS, Progress
from discover.report.look import Plot
from potentials import Potential
from properties.dynamics import DynamicsSettings, Replica, Run, Standing, run
from properties.errors import PropertyError
from properties.rest import at_rest
from properties.transport import conductivity
from properties.validation import require_conservative

LAST_STEPS = 10
"""Of the annealing: dynamics end with a frame."""
AFTER = 1_000_000
"""Between the seeds of a replica's annealing and of what follows."""
MOST_ATOMS = 20_000
"""Of a supercell; beyond it a mistyped length ends the process."""


NEEDS: Sequence[str] = ("rest", "validate")
KEEPS = True


def needs(settings: Mapping[str, Any]) -> Sequence[str]:
    """A crystal that is taken as it is has to come to no rest."""
    return NEEDS if settings["relax"] else ("validate",)


def compute(
    potential: Potential, atoms: Atoms, settings: Settings, progress: Progress, folder: Path | None = None
) -> Computed:
    """A temperature on each line.

    folder: for trajectories and checkpoints, from which a run that was killed goes on; None keeps nothing.
    """
    carriers = carriers_of(atoms, settings.charges, settings.mobile)
    atoms = _prepared(potential, atoms, settings, folder)
    cell = supercell_of(atoms, settings)
    replicas = [
        Replica(cell, kelvin, settings.seed + k * settings.replicas + n)
        for k, kelvin in enumerate(settings.temperatures_K)
        for n in range(settings.replicas)
    ]
    dynamics = settings.dynamics(_processes(potential, settings))
    where = None if folder is None else folder / _name(potential, cell, settings)
    if settings.anneal_K is not None:
        replicas = _annealed(potential, replicas, settings, dynamics, where, progress)
    done = run(potential, replicas, dynamics, where, _told(progress))
    progress.message("analysing currents and displacements")
    transport = conductivity(done.flows, carriers.charges, settings.transport(carriers, atoms, cell))
    found = transport.to_json() | _beside(potential, replicas, done, carriers, settings, where)
    found["warnings"] += _lost(found)
    for warning in found["warnings"]:
        progress.message(f"warning: {warning}")
    head, rows, right = table(found)
    ok = all(value is not None for value in found["green_kubo_S_per_cm"])
    return Computed(found, sentence(found), head, rows, right, ok)


def _prepared(potential: Potential, atoms: Atoms, settings: Settings, folder: Path | None) -> Atoms:
    """The crystal at rest where it is wanted so, after a look at the potential's laws; both once for a folder."""
    pressure_GPa = settings.pressure_GPa or 0.0

    def make() -> Atoms:
        require_conservative(potential, atoms, settings.insist)
        return at_rest(potential.in_double_precision(), atoms, pressure_GPa).atoms if settings.relax else atoms

    arrays = [array.tolist() for array in (atoms.numbers, atoms.positions, atoms.cell.array)]
    made_from = [potential.metadata.to_json(), pressure_GPa, settings.relax, settings.insist, arrays]
    return kept_structure(folder, "crystal", made_from, make)


def _annealed(
    potential: Potential,
    replicas: Sequence[Replica],
    settings: Settings,
    dynamics: DynamicsSettings,
    folder: Path | None,
    progress: Progress,
) -> list[Replica]:
    """The same with the positions that each has after a while at `anneal_K`, each by a way of its own."""
    assert settings.anneal_K is not None
    short = replace(
        dynamics,
        pressure_GPa=None,
        equilibrate_ps=settings.anneal_ps,
        produce_ps=1e-3 * LAST_STEPS * settings.timestep_fs,
        every=min(dynamics.every, LAST_STEPS),
        frame_every=LAST_STEPS,
        watch=None,
    )
    hot = [Replica(r.atoms, settings.anneal_K, r.seed) for r in replicas]
    told = _told(progress, f"annealing at {settings.anneal_K:g} K")
    done = run(potential, hot, short, folder and folder / "anneal", told)
    if done.stopped:
        raise PropertyError(f"anneal_K: a replica was lost at {settings.anneal_K:g} K ({done.stopped[0].reason})")
    progress.finish()
    return [
        Replica(
            Atoms(r.atoms.numbers, flow.positions_A[-1], cell=r.atoms.cell, pbc=True), r.temperature_K, r.seed + AFTER
        )
        for r, flow in zip(replicas, done.flows, strict=True)
    ]


def supercell_of(atoms: Atoms, settings: Settings) -> Atoms:
    """The cell that is run.

    Raises:
        PropertyError: more atoms than anybody can have meant.
    """
    matrix = settings.supercell
    if matrix is None:
        inverse = np.linalg.inv(atoms.cell.array)
        apart = 1 / np.linalg.norm(inverse, axis=0)  # of opposite faces, Å
        matrix = np.diag(np.ceil(settings.supercell_length_A / apart - 1e-6).astype(int)).tolist()
    count = round(float(np.linalg.det(np.array(matrix)))) * len(atoms)
    if count > MOST_ATOMS:
        raise PropertyError(f"supercell: has {count} atoms, more than {MOST_ATOMS}; take a smaller one")
    return make_supercell(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True), matrix)


def _processes(potential: Potential, settings: Settings) -> int:
    """One a thread, for many small crystals share no work that threads could halve."""
    if settings.processes is not None:
        return settings.processes
    import torch

    on_cpu = potential.device == "cpu"
    return min(torch.get_num_threads(), settings.replicas * len(settings.temperatures_K)) if on_cpu else 1


def _name(potential: Potential, cell: Atoms, settings: Settings) -> str:
    """Of the folder of these trajectories: others, of other settings or weights, stay beside it."""
    metadata = potential.metadata.to_json()
    ours = (*OF_THE_ANALYSIS, "insist", "processes", "references", "relax", "supercell", "supercell_length_A")
    parts = [
        {k: metadata.get(k) for k in ("name", "version", "checkpoint_sha256", "parameters")},
        [cell.numbers.tolist(), cell.cell.array.tolist(), cell.positions.tolist()],
        settings.model_dump(mode="json", exclude=set(ours)),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:10]


def _told(progress: Progress, doing: str = "") -> Callable[[Standing], None]:
    """Steps of all stages make one bar; `doing` stands for what they are called."""
    begun = False

    def tell(standing: Standing) -> None:
        nonlocal begun
        if not begun:
            progress.start(standing.total, standing.done, DYNAMICS)
            begun = True
        progress.note(standing.done, _said(replace(standing, doing=doing or standing.doing)))

    return tell


def _said(standing: Standing) -> str:
    """In a line; the time left is for whoever shows it."""
    words = [standing.doing, f"{standing.running} replica{'s' if standing.running != 1 else ''}"]
    words += [f"{standing.stopped} stopped"] if standing.stopped else []
    words += [f"{1e3 * standing.seconds_per_step:.3g} ms a step"] if standing.seconds_per_step is not None else []
    return ", ".join(words)


def _beside(
    potential: Potential,
    replicas: Sequence[Replica],
    done: Run,
    carriers: Carriers,
    settings: Settings,
    folder: Path | None,
) -> dict[str, Any]:
    """What the figures and a reader need besides: who moved, in which cell, how well energy was kept."""
    stopped = [
        asdict(s) | {"replica": replicas[s.replica].seed, "temperature_K": replicas[s.replica].temperature_K}
        for s in done.stopped
    ]
    return {
        "formula": formula_of(fractions_of(replicas[0].atoms)),
        "potential": potential.metadata.to_json(),
        "charges_note": carriers.charges_note,
        "mobile_note": carriers.mobile_note,
        "stopped": stopped,
        "trajectories": None if folder is None else str(folder),
        "flows": [
            {
                "temperature_K": f.temperature_K,
                "seed": f.seed,
                "energy_drift_meV_atom_ps": f.energy_drift_meV_atom_ps,
                "energy_spread_meV_atom": f.energy_spread_meV_atom,
                "pressure_GPa": f.pressure_GPa,
                "departure": None if f.departure is None else asdict(f.departure),
            }
            for f in done.flows
        ],
        "references": [r.model_dump() for r in settings.references],
        "run": settings.model_dump(mode="json"),
    }


def _lost(json: Mapping[str, Any]) -> list[str]:
    """A line for every temperature with replicas that did not come to their end, or that left what is known."""
    told = []
    for kelvin in sorted({s["temperature_K"] for s in json["stopped"]}):
        here = [s for s in json["stopped"] if s["temperature_K"] == kelvin]
        none = "" if kelvin in json["temperatures_K"] else ", all of them, so that this temperature is missing"
        who = f"{len(here)} replica{'s' if len(here) > 1 else ''}"
        told.append(f"{kelvin:g} K: {who} stopped early{none}; the first: {here[0]['reason']}")
    left = [f for f in json["flows"] if f["departure"] is not None]
    for kelvin in sorted({f["temperature_K"] for f in left}):
        count = sum(f["temperature_K"] == kelvin for f in left)
        who = f"{count} replica{'s' if count > 1 else ''}"
        told.append(f"{kelvin:g} K: {who} left what the potential is known to be good for")
    return told


def table(json: Mapping[str, Any]) -> tuple[Sequence[str], list[list[str]], Sequence[str]]:
    """Head, rows and the columns of numbers."""
    return columns(json)


def plots(json: Mapping[str, Any]) -> Sequence[Plot]:
    """Displacements, the current's autocorrelation, Arrhenius where there is a point for it, and where ions were."""
    known = any(value is not None for key in ("green_kubo", "nernst_einstein") for value in json[f"{key}_S_per_cm"])
    arrhenius = [arrhenius_plot(json)] if known else []
    return [displacement_plot(json), current_plot(json), *arrhenius, *density_plot(json)]
