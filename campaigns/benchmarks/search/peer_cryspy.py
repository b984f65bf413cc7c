"""CrySPY's evolutionary algorithm in its interactive mode; runs in CrySPY's own environment.

`cryspy.in` follows the package's own example for 16 atoms (CrySPY_utility, examples/ase_Cu8Au8_EA): EA, 10 structures a
generation, five by crossover, two by permutation, two by strain, one random, two elite. What can be left out is left
out. Relaxation is the interactive mode's own: BFGS on FrechetCellFilter with FixSymmetry, as its ASE example has it.
"""

from __future__ import annotations

from pathlib import Path

from served import Served, settings


def cryspy_in(told: dict) -> str:
    """The input file; an element has nothing to permute, so its two go to crossover and strain."""
    counts = told["counts"]
    crossover, permutation, strain = (6, 0, 3) if len(counts) == 1 else (5, 2, 2)
    return f"""[basic]
algo = EA
calc_code = ASE
nstage = 1
njob = 1
jobcmd = bash
jobfile = job_cryspy

[structure]
atype = {" ".join(counts)}
nat = {" ".join(str(n) for n in counts.values())}

[EA]
n_pop = 10
n_crsov = {crossover}
n_perm = {permutation}
n_strain = {strain}
n_rand = 1
n_elite = 2
n_fittest = 5
slct_func = TNM
t_size = 2
maxgen_ea = 0

[ASE]
ase_python = ase_in.py

[option]
seed = {told["seed"]}
backup_interval = 0
"""


def main() -> None:
    told = settings()
    Path("cryspy.in").write_text(cryspy_in(told))
    Path("calc_in").mkdir()
    for name in ("ase_in.py_1", "job_cryspy"):  # checked for, not used in interactive mode
        (Path("calc_in") / name).write_text("")
    calculator = Served()
    from cryspy.interactive import action, restart_interact
    from pymatgen.io.ase import AseAtomsAdaptor

    relax = restart_interact.opt_ase

    def watched(*arguments, **options):  # noqa: ANN002, ANN003, ANN202
        """Its relaxation; what it raises is a failed structure, as it is when CrySPY starts its jobs itself."""
        try:
            structure, energy, converged = relax(*arguments, **options)
        except ConnectionError:
            raise
        except Exception as error:
            print("failed:", error)
            calculator.reset()
            calculator.finish(None)
            return None, float("nan"), False
        calculator.finish(None if structure is None else AseAtomsAdaptor.get_atoms(structure), energy)
        return structure, energy, converged

    restart_interact.opt_ase = watched
    restart_interact.tqdm = lambda ids: ids  # a notebook's progress bar
    action.initialize()
    while True:
        action.restart(njob=1, calculator=calculator, optimizer="BFGS", fmax=told["fmax_eV_A"], steps=told["max_steps"])


if __name__ == "__main__":
    main()
