"""How many model calls until the ground state? Our searchers, plain random search and two public peers.

python campaigns/benchmarks/search/run.py                                    all of it; goes on where it was stopped
python campaigns/benchmarks/search/run.py --systems lj,cuau --methods genetic,fire --seeds 5 --jobs 2
python campaigns/benchmarks/search/run.py --table                            only the tables and the plot again
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILD = Path("build/search")
sys.path += [str(HERE), str(HERE.parent)]

VARIANTS = ("genetic-full", "genetic-unaided")
"""What does stopping relaxations save, and what the surrogate? Asked where there are seeds enough to tell."""
OURS = ("random", "genetic", "annealing", "hopping", "portfolio", *VARIANTS)
PEERS = ("cryspy", "agox", "agox-cell")
METHODS = (*OURS, "fire", *PEERS)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""ASE's cell filter multiplies 3 × 3 matrices: BLAS's idle threads took 25 times its own time on a busy machine."""
MANY = 20
"""Seeds from which on differences between two of our own settings can be told."""
GRACE_S = 120.0
"""What a run may take beyond its own wall limit: loading, imports, one last relaxation."""
BROKEN = ("crashed", "hung")
"""Ends of runs that say nothing of the method; they are made again."""
PRELOADED = [
    "torch", "ase.optimize", "pymatgen.analysis.structure_matcher", "pymatgen.io.ase", "potentials.sevennet",
    "potentials.lennard_jones", "discover.campaign", "discover.seeds", "pyxtal",
]  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One run to be made."""

    system: str
    method: str
    seed: int
    budget: int
    seconds: float
    beyond: bool = False


def main() -> None:
    os.environ |= ONE_THREAD  # before anything reads them
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    from systems import systems

    chosen = {name: s for name, s in systems().items() if name in options.systems}
    runs = options.out / "runs.jsonl"
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    if not options.table:
        if set(options.methods) & set(PEERS):
            import peers

            peers.install(sorted({peers.PACKAGE[m] for m in options.methods if m in PEERS}))
        _references(chosen, options.out, context)
        ended = [r for r in _valid(runs, options.out) if options.resume and r["ended"] not in BROKEN]
        done = {(r["system"], r["method"], r["seed"]) for r in ended}
        jobs = [
            Job(name, method, seed, options.budget or s.budget, options.seconds or s.seconds, options.beyond)
            for seed in range(options.seeds or max(s.seeds for s in chosen.values()))  # so that all advance evenly
            for name, s in chosen.items()
            for method in options.methods
            if seed < (options.seeds or s.seeds) and (name, method, seed) not in done
            if s.seeds >= MANY or method not in VARIANTS
        ]
        _work(jobs, options, runs, context)
    from report import write

    references = json.loads((options.out / "references.json").read_text())
    write(list(_valid(runs, options.out)), references, METHODS, options.out)


def _options() -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return text.split(",")

    from systems import systems

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", type=names, default=list(systems()), help=", ".join(systems()))
    parser.add_argument("--methods", type=names, default=list(METHODS), help=", ".join(METHODS))
    parser.add_argument("--seeds", type=int, help="of each method on each system; by default the system's own")
    parser.add_argument("--budget", type=int, help="model calls of a run; by default the system's own")
    parser.add_argument("--seconds", type=float, help="wall time of a run; by default the system's own")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True, help="skip runs that are done")
    parser.add_argument("--beyond", action="store_true", help="go on where it is found: is there a lower one?")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of runs.jsonl and the results")
    options = parser.parse_args()
    for given, known in ((options.systems, systems()), (options.methods, METHODS)):
        if strangers := set(given) - set(known):
            parser.error(f"unknown: {', '.join(sorted(strangers))}; there are {', '.join(known)}")
    return options


def _read(file: Path) -> Iterator[dict[str, Any]]:
    """Runs that were made, each once; a line that a kill cut short is none."""
    seen: dict[tuple[str, str, int], dict[str, Any]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            run = json.loads(line)
        except json.JSONDecodeError:
            continue
        seen[run["system"], run["method"], run["seed"]] = run
    yield from seen.values()


def _valid(runs: Path, out: Path) -> Iterator[dict[str, Any]]:
    """Runs that searched for what is now known as the lowest."""
    known = json.loads((out / "references.json").read_text())
    return (r for r in _read(runs) if r["reference"] == known[r["system"]]["name"])


def _references(chosen: dict[str, Any], out: Path, context: Any) -> None:
    """What is searched for; relaxed where anything about it has changed."""
    file = out / "references.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    for name, system in chosen.items():
        if known.get(name, {}).get("of") == system.digest():
            continue
        here, there = context.Pipe()
        child = context.Process(target=_relax_reference, args=(name, there))
        child.start()
        there.close()
        known[name] = here.recv() | {"of": system.digest()}
        child.join()
        print(f"{name}: reference {known[name]['name']}, {known[name]['energy_eV_per_atom']:.5f} eV/atom", flush=True)
    file.write_text(json.dumps(known, indent=1) + "\n")


def _relax_reference(name: str, out: Connection) -> None:
    from systems import reference_of, systems
    from trial import plain

    system = systems()[name]
    r = reference_of(system)
    facts = {"formula": system.formula, "potential": system.potential, "options": dict(system.options)}
    found = {"name": r.name, "energy_eV_per_atom": r.energy_eV_per_atom, "tried_eV_per_atom": r.others}
    out.send(facts | found | {"structure": plain(r.atoms)})


def _work(jobs: Sequence[Job], options: argparse.Namespace, runs: Path, context: Any) -> None:
    """So many at a time, each in a process of its own, each result on disk at once."""
    waiting, working = deque(jobs), {}
    done = 0
    while waiting or working:
        while waiting and len(working) < options.jobs:
            job = waiting.popleft()
            here, there = context.Pipe()
            child = context.Process(target=_run, args=(job, options.out.resolve(), there))
            child.start()
            there.close()
            working[here] = job, child, time.monotonic() + job.seconds + GRACE_S
        for here in wait(list(working), timeout=5.0):
            job, child, _ = working.pop(here)
            try:
                result = here.recv()
            except EOFError:
                result = {"ended": "crashed", "calls": None, "calls_at_success": None}
            _end(child)
            done += 1
            _keep(job, result, runs, f"{done}/{len(jobs)}")
        for here, (job, child, deadline) in list(working.items()):
            if time.monotonic() > deadline:
                del working[here]
                _end(child)
                done += 1
                _keep(job, {"ended": "hung", "calls": None, "calls_at_success": None}, runs, f"{done}/{len(jobs)}")


def _keep(job: Job, result: dict[str, Any], runs: Path, where: str) -> None:
    row = {"system": job.system, "method": job.method, "seed": job.seed, "budget": job.budget} | result
    row["reference"] = json.loads((runs.parent / "references.json").read_text())[job.system]["name"]
    with runs.open("a") as file:
        file.write(json.dumps(row) + "\n")
    told = {k: v for k, v in row.items() if k not in ("below_reference", "error") and v not in (None, "")}
    print(where, json.dumps(told), result.get("error", "")[-300:], flush=True)


def _end(child: Any) -> None:
    """The process and all that it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    child.join()


def _run(job: Job, out: Path, there: Connection) -> None:
    """In a process and a process group of its own."""
    import traceback

    import numpy as np
    from ase import Atoms
    from processes import end_with_parent
    from systems import systems
    from trial import Reference, Stop, Trial

    os.setpgrp()
    end_with_parent()
    system = systems()[job.system]
    known = json.loads((out / "references.json").read_text())[job.system]
    s = known["structure"]
    atoms = Atoms(s["numbers"], np.array(s["positions"]), cell=s["cell"], pbc=True)
    reference = Reference(known["name"], atoms, known["energy_eV_per_atom"], {})
    trial = Trial(reference, job.budget, job.seconds, job.beyond)
    extra: dict[str, Any] = {}
    try:
        _search(system, job, trial)
    except Stop:
        pass
    except Exception:
        extra = {"ended": "crashed", "error": traceback.format_exc()[-2000:]}
    there.send(trial.outcome() | extra)


def _search(system: Any, job: Job, trial: Any) -> None:
    if job.method in OURS:
        import ours

        ours.run(system, job.method, job.seed, trial)
    elif job.method == "fire":
        import fire

        fire.run(system, job.seed, trial)
    else:
        import peers

        peers.run(system, job.method, job.seed, trial)


if __name__ == "__main__":
    main()
