"""All phases of a hull in one campaign, or one campaign for each? Ti-C and its ordered carbides, one command.

python campaigns/benchmarks/carbides/run.py            seeds 0 to 9; goes on where it was stopped
python campaigns/benchmarks/carbides/run.py --fresh    forgets what was run before
python campaigns/benchmarks/carbides/run.py --table    runs nothing, writes table and plot of what there is
python campaigns/benchmarks/carbides/run.py --quick    a few hundred calls, to try it
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from discover.composition import fractions_of
from searchers import SearchSpace

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent)]
from machine import machine  # noqa: E402
from picture import draw  # noqa: E402
from race import WITHIN_EV, Goal, campaign  # noqa: E402
from references import ON_HULL_EV, on_hull, references  # noqa: E402

SEEDS = tuple(range(10))
TOGETHER_CALLS = 20_000
EACH_CALLS = 8_000
"""Budgets: model calls of the campaign of all compositions, and of each campaign of one."""
SEARCH = {"searcher": "genetic", "candidates": None}
"""What both ways have in common; everything else is the default."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", action="store_true", help="run every campaign again")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--quick", action="store_true", help="one seed and few calls, results under build/")
    parser.add_argument("--seeds", type=int, nargs="+", help="0 to 9 where not given")
    parser.add_argument("--way", choices=("together", "each"), help="both where not given")
    arguments = parser.parse_args()
    folder = Path("build/carbides-quick" if arguments.quick else "build/carbides")
    out = folder if arguments.quick else HERE
    folder.mkdir(parents=True, exist_ok=True)
    known = references()
    runs = out / "runs.jsonl"
    if arguments.fresh:
        runs.unlink(missing_ok=True)
    seeds = [] if arguments.table else arguments.seeds or SEEDS[: 1 if arguments.quick else None]
    for run in _missing(known, seeds, 0.02 if arguments.quick else 1.0, _read(runs)):
        if arguments.way in (None, run["way"]):
            sought = run.pop("goals")
            done = run | campaign(sought, run["config"], folder / _key(run))
            with runs.open("a") as f:
                f.write(json.dumps(done) + "\n")
            print({k: done[k] for k in ("way", "phase", "seed", "calls", "found")}, flush=True)
    result = summary(known, _read(runs))
    (out / "results.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    (out / "results.md").write_text(table(result))
    draw(result, out / "results.png")
    print(table(result))


def goals_of(known: Sequence[Any]) -> list[Goal]:
    """The compounds on the hull."""
    stable = on_hull(known)
    return [Goal(name, tuple(alike), alike[0].info["energy_eV_per_atom"]) for name, alike in stable.items()]


def _missing(
    known: Sequence[Any], seeds: Sequence[int], share: float, done: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The campaigns that are still to be run, seed by seed."""
    goals = goals_of(known)
    most = max(min(len(a) for a in g.variants) for g in goals)
    for seed in seeds:
        runs = [("together", "Ti-C", goals, TOGETHER_CALLS, "elements")]
        runs += [("each", goal.name, [goal], EACH_CALLS, "none") for goal in goals]
        for way, system, sought, calls, prototypes in runs:
            search = SEARCH | {"atoms": [2, most], "model_calls": int(share * calls), "prototypes": prototypes}
            run = {"way": way, "phase": system, "seed": seed}
            run["config"] = {"system": system, "seed": seed, "search": search, "relax": {"compile": "off"}}
            if (_key(run), run["config"]) not in [(_key(d), d["config"]) for d in done]:
                yield run | {"goals": sought}


def _key(run: dict[str, Any]) -> str:
    return f"{run['way']}-{run['phase']}-{run['seed']}"


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def summary(known: Sequence[Any], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was relaxed, and each seed's calls until each phase, either way."""
    goals = [g.name for g in goals_of(known)]
    seeds = sorted({r["seed"] for r in runs})
    return {
        "machine": machine(("torch", "sevenn", "ase", "pymatgen")),
        "goals": goals,
        "references": [_row(a) for a in known],
        "budgets": {"together": TOGETHER_CALLS, "each": EACH_CALLS},
        "seeds": [_seed(seed, goals, [r for r in runs if r["seed"] == seed]) for seed in seeds],
        "runs": list(runs),
    }


def _row(atoms: Any) -> dict[str, Any]:
    """What is known of a reference; ASE reads its numbers as NumPy's."""
    plain = {k: v.item() if hasattr(v, "item") else v for k, v in atoms.info.items()}
    return plain | {"atoms": len(atoms), "carbon_share": fractions_of(atoms).get("C", 0.0)}


def _seed(seed: int, goals: Sequence[str], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Calls until each phase; fixed compositions one after another, after the elements' own."""
    compounds = _compounds(next(r["config"]["search"]["atoms"] for r in runs))
    last = {_key(r): r for r in runs}  # with other budgets a campaign is run again
    together = next((r for r in last.values() if r["way"] == "together"), None)
    each = {r["phase"]: r for r in last.values() if r["way"] == "each"}
    spent = elements = together["elements_calls"] if together else 0
    after: dict[str, int | None] = {}
    for name in goals:
        if name in each:
            hit = each[name]["found"].get(name)
            after[name] = spent + hit["calls"] if hit else None
            spent += each[name]["calls"]
    slowest = max((r["calls"] for r in each.values()), default=0)
    return {
        "seed": seed,
        "elements_calls": elements,
        "together": together and {g: together["found"].get(g, {}).get("calls") for g in goals},
        "together_calls": together and together["calls"],
        "each": after if len(each) == len(goals) else None,
        "each_alone": {g: each[g]["found"].get(g, {}).get("calls") for g in goals if g in each},
        "each_calls": spent if len(each) == len(goals) else None,
        "equal_calls": elements + len(goals) * slowest if len(each) == len(goals) else None,
        "compounds": compounds,
        "sweep_calls": spent + (compounds - len(goals)) * slowest if len(each) == len(goals) else None,
    }


def _compounds(atoms: Sequence[int]) -> int:
    """How many compositions of both elements cells of so many atoms have."""
    space = SearchSpace.from_system("Ti-C", (atoms[0], atoms[1]))
    return sum(min(counts) > 0 for counts in space.cells_of)


def table(result: dict[str, Any]) -> str:
    """The result as markdown."""
    m, goals = result["machine"], result["goals"]
    lines = [
        f"{m['processor']}, {m['cores']} cores; torch {m['torch']}, sevenn {m['sevenn']}, ase {m['ase']}.",
        "",
        *_reference_table(result["references"]),
        "",
        f"Model calls until a phase is met within {1000 * WITHIN_EV:.0f} meV/atom, elements included; — not within the "
        f"budget ({TOGETHER_CALLS} together, {EACH_CALLS} each).",
        "",
        f"| seed | way | {' | '.join(goals)} | all of them | calls spent |",
        "|---|---|" + "---|" * (len(goals) + 2),
    ]
    for s in result["seeds"]:
        for way, label in (("together", "all compositions at once"), ("each", "one after another")):
            if s[way] is not None:
                at = [s[way][g] for g in goals]
                last = None if None in at else max(at)
                cells = [_or_dash(x) for x in [*at, last]]
                lines.append(f"| {s['seed']} | {label} | {' | '.join(cells)} | {s[f'{way}_calls']} |")
        if s["sweep_calls"] is not None:
            blanks = " | " * len(goals)
            lines.append(f"| {s['seed']} | *one after another, equally long* | {blanks} | *{s['equal_calls']}* |")
            lines.append(f"| {s['seed']} | *each of all {s['compounds']}* | {blanks} | *{s['sweep_calls']}* |")
    both = [s for s in result["seeds"] if all(s[way] and None not in s[way].values() for way in ("together", "each"))]
    if both:
        lines += ["", *_medians(both)]
    return "\n".join([*lines, ""])


def _medians(seeds: Sequence[dict[str, Any]]) -> list[str]:
    """What all seeds say together, of those that met every phase both ways."""
    wins = sum(s["together_calls"] < s["each_calls"] for s in seeds)
    medians = {k: statistics.median(s[k] for s in seeds) for k in ("together_calls", "each_calls", "equal_calls")}
    return [
        f"Median of {len(seeds)} seeds: {medians['together_calls']:.0f} calls at once, {medians['each_calls']:.0f} one "
        f"after another, each stopped as its phase is met (more than at once with {wins} of {len(seeds)} seeds), "
        f"{medians['equal_calls']:.0f} one after another, equally long.",
        "",
        "*Equally long* is arithmetic: who knows the compositions, and not when a phase has been met, gives each the "
        "calls of the slowest. *Each of all*: who does not know the compositions gives every one as many.",
    ]


def _reference_table(known: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "| cell, structure | atoms | space group | relaxed | formation energy, meV/atom | above the hull | source |",
        "|---|---|---|---|---|---|---|",
    ]
    shown = [a for a in known if a["kind"] != "element" or a["name"] in FORMS or a["above_hull_eV"] < ON_HULL_EV]
    for a in sorted(shown, key=lambda a: (a["carbon_share"], a["above_hull_eV"])):
        above = "**0**" if a["above_hull_eV"] < ON_HULL_EV else f"{1000 * a['above_hull_eV']:.1f}"
        lines.append(
            f"| {a['name']} | {a['atoms']} | {a['ideal_group']} | {a['relaxed_group']} "
            f"| {1000 * a['formation_eV']:.1f} | {above} | {a['source']} |"
        )
    return lines


FORMS = ("Ti, A2 (bcc)", "Ti, A3 (hcp)", "Ti, C32 (omega)", "C, A9 (graphite)", "C, A4 (diamond)")
"""Of the elements, that the table shows besides the lowest."""


def _or_dash(value: int | None) -> str:
    return "—" if value is None else str(value)


if __name__ == "__main__":
    main()
