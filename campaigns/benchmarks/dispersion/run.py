"""C6 learnt from surroundings: against dftd4's, in energies, in layered crystals, and what it does to ordinary solids.

python campaigns/benchmarks/dispersion/run.py            measures; 5 minutes on one idle core
python campaigns/benchmarks/dispersion/run.py --table    measures nothing, writes table and plot of what there is
python campaigns/benchmarks/dispersion/run.py --quick    a tenth of the structures, results under build/
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE), str(HERE.parents[1] / "dispersion")]
from machine import machine  # noqa: E402
from measured import coefficients, energies, layers, solids  # noqa: E402
from shown import draw, text  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--quick", action="store_true", help="a tenth of the structures, results under build/")
    given = parser.parse_args()
    out = Path("build/dispersion-quick") if given.quick else HERE
    out.mkdir(parents=True, exist_ok=True)
    if not given.table:
        import torch

        torch.set_num_threads(1)
        found = {
            "coefficients": coefficients(share=400 if given.quick else 40), "energies": energies(),
            "layers": layers(), "solids": solids(), "machine": machine(("dftd4", "dftd3", "sevenn", "torch", "ase")),
        }  # fmt: skip
        (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    rows = json.loads((out / "results.json").read_text())
    (out / "results.md").write_text(text(rows))
    draw(rows, out / "results.png")
    print(text(rows))


if __name__ == "__main__":
    main()
