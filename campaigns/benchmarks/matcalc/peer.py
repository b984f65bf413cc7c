"""matcalc's side, in an environment of its own: python peer.py TASK.json OUT.json.

TASK: {"potential", "crystals": {name: [symbols, cell, scaled positions]}, "norm_strains",
"shear_strains", "q_points", "threads", "peer"}. OUT: seconds of each step, and numbers to compare.
"""

import json
import sys
import time
import warnings
from pathlib import Path

BEGUN = time.perf_counter()
warnings.simplefilter("ignore")


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text())
    import torch

    torch.set_num_threads(task["threads"])
    from ase import Atoms
    from matcalc import ElasticityCalc, PhononCalc, QHACalc
    from sevenn.calculator import SevenNetCalculator

    calculator = SevenNetCalculator(task["potential"], device="cpu")
    out = {"start_s": time.perf_counter() - BEGUN, "crystals": {}}
    for name, (symbols, cell, scaled) in task["crystals"].items():
        atoms = Atoms(symbols, cell=cell, scaled_positions=scaled, pbc=True)
        supercell = task["peer"]
        seconds = {}
        begun = time.perf_counter()
        strains = {key: task[key] for key in ("norm_strains", "shear_strains") if key in task}
        elastic = ElasticityCalc(calculator, fmax=1e-4, units_GPa=True, **strains).calc(atoms)
        seconds["elastic"] = time.perf_counter() - begun
        begun = time.perf_counter()
        harmonic = PhononCalc(calculator, fmax=1e-4, write_phonon=False, **supercell).calc(atoms)
        seconds["phonons"] = time.perf_counter() - begun
        begun = time.perf_counter()
        qha = QHACalc(calculator, fmax=1e-4, phonon_calc_kwargs={**supercell, "write_phonon": False}).calc(atoms)
        seconds["qha"] = time.perf_counter() - begun
        phonon = harmonic["phonon"]
        phonon.run_qpoints(task["q_points"])
        at = list(qha["temperatures"]).index(300)
        out["crystals"][name] = {
            "seconds": seconds,
            "c_GPa": [[float(x) for x in row] for row in elastic["elastic_tensor"].voigt],
            "cell_A": [[float(x) for x in row] for row in elastic["final_structure"].lattice.matrix],
            "frequencies_THz": phonon.get_qpoints_dict()["frequencies"].tolist(),
            "displaced": len(harmonic["disp_supercells"]),
            "supercell_atoms": len(harmonic["disp_supercells"][0]),
            "expansion_per_K": float(qha["thermal_expansion_coefficients"][at]),
            "bulk_modulus_GPa": float(qha["bulk_modulus_P"][at]),
        }
        print(name, {k: round(v, 1) for k, v in seconds.items()}, flush=True)
    out["total_s"] = time.perf_counter() - BEGUN
    Path(sys.argv[2]).write_text(json.dumps(out))


main()
