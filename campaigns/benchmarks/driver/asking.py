"""What does the searcher take to make a candidate, with the process that makes its random crystals?

python campaigns/benchmarks/driver/asking.py            writes asking.json; half a minute
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
from played import energy_of

from discover.config import CampaignConfig
from discover.strategy import make_searcher, search_space
from searchers.candidate import Candidate, Fate, Relaxed
from searchers.fingerprint import fingerprint

WARM_UP, CANDIDATES = 100, 400


def main() -> None:
    search = {"atoms": [1, 8], "prototypes": False}
    config = CampaignConfig.model_validate({"system": "Ti-C", "potential": "7net-0", "search": search})
    searcher, rng = make_searcher(config, search_space(config), first_id=0), np.random.default_rng(0)
    own_s = theirs_s = 0.0
    for k in range(WARM_UP + CANDIDATES):
        start, start_theirs = time.process_time(), children_s()
        (candidate,) = searcher.ask(1)
        if k >= WARM_UP:  # by then the child has been started
            own_s += time.process_time() - start
            theirs_s += children_s() - start_theirs
        searcher.tell([ended(candidate, rng)])
    result = {
        "own_ms_per_candidate": round(1000 * own_s / CANDIDATES, 2),
        "generation_ms_per_candidate": round(1000 * theirs_s / CANDIDATES, 2),
    }
    (Path(__file__).parent / "asking.json").write_text(json.dumps(result, indent=1) + "\n")
    print(result)


def ended(candidate: Candidate, rng: np.random.Generator) -> Relaxed:
    """A candidate that stayed as it was."""
    atoms = candidate.atoms
    energy = energy_of(atoms.symbols.count("Ti") / len(atoms)) + float(rng.uniform(0.001, 1.0))
    return Relaxed(candidate, atoms, energy * len(atoms), Fate.CONVERGED, fingerprint=fingerprint(atoms))


def children_s() -> float:
    """Processor time of this process's children so far; Linux only."""
    ticks = 0
    for child in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        ticks += sum(int(field) for field in Path(f"/proc/{child}/stat").read_text().rsplit(")")[1].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
