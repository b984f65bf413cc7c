"""Published crystals of the systems that 7net-0 is asked for: where their atoms are, from the experiments."""

from __future__ import annotations

from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal


def silicon() -> dict[str, Atoms]:
    """Silicon: Wyckoff, Crystal Structures (1963); its high-pressure and open forms."""
    return {
        "diamond": bulk("Si", "diamond", a=5.43),
        "lonsdaleite": crystal("Si", [(1 / 3, 2 / 3, 0.0625)], spacegroup=194, cellpar=[3.84, 3.84, 6.35, 90, 90, 120]),
        "beta-tin": crystal("Si", [(0, 0, 0)], spacegroup=141, cellpar=[4.69, 4.69, 2.58, 90, 90, 90]),
        "BC8": crystal("Si", [(0.1003,) * 3], spacegroup=206, cellpar=[6.636] * 3 + [90] * 3, primitive_cell=True),
        "simple hexagonal": crystal("Si", [(0, 0, 0)], spacegroup=191, cellpar=[2.55, 2.55, 2.37, 90, 90, 120]),
        "bct5": crystal("Si", [(0, 0, 0.2)], spacegroup=139, cellpar=[3.32, 3.32, 5.96, 90, 90, 90]),
    }


def carbide() -> dict[str, Atoms]:
    """TiC is rocksalt; others for comparison."""
    return {
        "rocksalt": bulk("TiC", "rocksalt", a=4.33),
        "CsCl": bulk("TiC", "cesiumchloride", a=2.7),
        "zincblende": bulk("TiC", "zincblende", a=4.7),
        "WC": crystal(
            ["Ti", "C"], [(0, 0, 0), (1 / 3, 2 / 3, 0.5)], spacegroup=187, cellpar=[3.05, 3.05, 2.98, 90, 90, 120]
        ),
        "NiAs": crystal(
            ["Ti", "C"], [(0, 0, 0), (1 / 3, 2 / 3, 0.25)], spacegroup=194, cellpar=[3.06, 3.06, 5.4, 90, 90, 120]
        ),
        "anti-NiAs": crystal(
            ["C", "Ti"], [(0, 0, 0), (1 / 3, 2 / 3, 0.25)], spacegroup=194, cellpar=[3.06, 3.06, 5.4, 90, 90, 120]
        ),
    }


def titania() -> dict[str, Atoms]:
    """TiO2 of up to 12 atoms.

    Rutile and anatase: Howard et al., Acta Cryst. B 47, 462 (1991). TiO2(B): Feist and Davies, J. Solid State Chem.
    101, 275 (1992). TiO2-II: Grey et al., Mater. Res. Bull. 23, 743 (1988). Baddeleyite: Sato et al., Science 251, 786
    (1991). Ramsdellite: Akimoto et al., J. Solid State Chem. 113, 27 (1994). Hollandite TiO2 has 24 atoms, brookite 24.
    """
    return {
        "rutile": crystal(
            ["Ti", "O"], [(0, 0, 0), (0.3048, 0.3048, 0)], spacegroup=136, cellpar=[4.5937, 4.5937, 2.9587, 90, 90, 90]
        ),
        "anatase": crystal(
            ["Ti", "O"],
            [(0, 0, 0), (0, 0, 0.2081)],
            spacegroup=141,
            cellpar=[3.7845, 3.7845, 9.5143, 90, 90, 90],
            primitive_cell=True,
        ),
        "TiO2(B)": crystal(
            ["Ti", "Ti", "O", "O", "O", "O"],
            [
                (0.1966, 0, 0.2880),
                (0.1006, 0, 0.7082),
                (0.1307, 0, 0.0024),
                (0.2359, 0, 0.6489),
                (0.3641, 0, 0.9968),
                (0.0577, 0, 0.3761),
            ],
            spacegroup=12,
            cellpar=[12.1787, 3.7412, 6.5249, 90, 107.054, 90],
            primitive_cell=True,
        ),
        "TiO2-II (columbite)": crystal(
            ["Ti", "O"],
            [(0, 0.171, 0.25), (0.272, 0.381, 0.414)],
            spacegroup=60,
            cellpar=[4.541, 5.493, 4.906, 90, 90, 90],
        ),
        "baddeleyite": crystal(
            ["Ti", "O", "O"],
            [(0.28, 0.05, 0.21), (0.08, 0.34, 0.33), (0.45, 0.76, 0.48)],
            spacegroup=14,
            cellpar=[4.64, 4.76, 4.81, 90, 99.2, 90],
        ),
        "ramsdellite": crystal(
            ["Ti", "O", "O"],
            [(0.13, 0.25, -0.028), (0.276, 0.25, 0.298), (-0.025, 0.25, -0.208)],
            spacegroup=62,
            cellpar=[9.459, 2.959, 4.902, 90, 90, 90],
        ),
        "fluorite": crystal(
            ["Ti", "O"], [(0, 0, 0), (0.25,) * 3], spacegroup=225, cellpar=[4.8] * 3 + [90] * 3, primitive_cell=True
        ),
    }


def alumina() -> dict[str, Atoms]:
    """Al2O3 of 10 atoms: corundum, Ishizawa et al., Acta Cryst. B 36, 228 (1980); and La2O3."""
    return {
        "corundum": crystal(
            ["Al", "O"],
            [(0, 0, 0.35216), (0.30624, 0, 0.25)],
            spacegroup=167,
            cellpar=[4.7602, 4.7602, 12.9933, 90, 90, 120],
            primitive_cell=True,
        ),
        "La2O3": crystal(
            ["Al", "O", "O"],
            [(1 / 3, 2 / 3, 0.245), (0, 0, 0), (1 / 3, 2 / 3, 0.645)],
            spacegroup=164,
            cellpar=[3.1, 3.1, 5.0, 90, 90, 120],
        ),
    }


def quartz() -> dict[str, Atoms]:
    """SiO2 of 9 atoms: quartz, Will et al., J. Appl. Cryst. 21, 182 (1988); other polymorphs have no cell of 9."""
    return {
        "alpha-quartz": crystal(
            ["Si", "O"],
            [(0.4697, 0, 2 / 3), (0.4133, 0.2672, 0.7855)],
            spacegroup=154,
            cellpar=[4.9137, 4.9137, 5.4047, 90, 90, 120],
        ),
        "beta-quartz": crystal(
            ["Si", "O"],
            [(0.5, 0, 0), (0.4155, 0.2078, 1 / 6)],
            spacegroup=180,
            cellpar=[4.9977, 4.9977, 5.4601, 90, 90, 120],
        ),
    }
