"""`discover compute kie`: a vacancy's neon, 20 and 22, over its pass in a rigid crystal of Lennard-Jones."""

import json

import ase.io
import numpy as np
import pytest
from ase import units
from ase.build import bulk

from discover.cli import main
from discover.compute.kie import Settings, plots, table
from discover.compute.registry import computation
from discover.config_properties import checked_stages
from discover.report.look import Look, png
from properties.isotopes import eckart
from properties.path_integrals.ring_polymer import PER_CM

NEON = ["--potential", "lj", "--option", "sigma_A=2.782", "--option", "epsilon_eV=0.00317", "--option", "cutoff_A=6.0"]
DESIGN = {"temperatures_K", "rate_ratio", "rate_ratio_error", "zero_point", "path_integral", "tunnelling"}
HOPS = 0
HARMONIC = ["path_integrals=false"]
QUICK = ["beads=4", "nodes=1", "replicas=1", "time_step_fs=5", "equilibrate_ps=0.2", "produce_ps=2.6"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The vacancy is at the corner; atom 0 stands beside it, and at the saddle between both places."""
    monkeypatch.chdir(tmp_path)
    crystal = bulk("Ne", a=4.4, cubic=True).repeat((2, 2, 1))
    del crystal[0]
    ase.io.write("start.extxyz", crystal)
    crystal.positions[HOPS] /= 2
    ase.io.write("saddle.extxyz", crystal)
    del crystal[-1]
    ase.io.write("fewer.extxyz", crystal)
    ase.io.write("two.extxyz", [crystal, crystal])
    return tmp_path


def words(*settings, saddle="saddle.extxyz"):
    fixed = ", ".join(str(k) for k in range(15) if k != HOPS)
    given = (f"saddle={saddle}", "isotopes=20Ne>22Ne", f"exchange=[{HOPS}]", f"fixed=[{fixed}]", *settings)
    return ["compute", "kie", "start.extxyz", *NEON, *(word for one in given for word in ("--set", one))]


def found(capsys, *settings):
    assert main([*words(*settings), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_path_integrals_give_the_keys_of_the_design_and_go_on_where_they_were(here, capsys):
    asked = ["compute", "kie"], [*words("temperatures_K=[40]", *QUICK)[2:], "--keep", "kept", "--plots", "figures"]
    assert main([*asked[0], *asked[1], "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first.keys() >= DESIGN and first["temperatures_K"] == [40]
    assert first["rate_ratio"][0] == pytest.approx(first["path_integral"][0] * first["tunnelling"][0])
    assert 0 < first["rate_ratio_error"][0] < 0.2
    # 20 and 22 differ little, so even a short run is near to the harmonic ratio
    assert first["path_integral"][0] == pytest.approx(first["harmonic"][0], abs=0.2)
    assert [np.shape(picture["beads_A"]) for picture in first["bead_pictures"]] == [(1, 4, 3)] * 2
    assert sorted(file.name for file in (here / "figures").iterdir()) == [
        "start.extxyz-beads.png", "start.extxyz-isotope-effect.png",
    ]  # fmt: skip
    assert list((here / "kept" / "start.extxyz").iterdir())
    assert main([*asked[0], *asked[1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path_integral"] == first["path_integral"]
    for plot in plots(first):
        assert png(plot, Look(dark=True, narrow=True)).startswith(b"\x89PNG")
    head, (row,), _ = table(first)
    assert len(head) == len(row) and row[0] == "40"


def test_a_barrier_that_is_lower_from_behind_tunnels_less(here, capsys):
    same = found(capsys, "temperatures_K=[10]", *HARMONIC)
    assert any("taken as symmetric" in warning for warning in same["warnings"])
    assert same["rate_ratio_error"] == [None] and same["path_integral"] == [None] and same["bead_pictures"] == []
    back = 0.3 * same["barrier_eV"]
    other = found(capsys, "temperatures_K=[10]", f"reverse_barrier_eV={back}", *HARMONIC)
    assert other["reverse_barrier_eV"] == back and not other["warnings"]
    for kappa, isotopologue in zip(other["kappa"][0], other["isotopologues"], strict=True):
        omega = isotopologue["unstable_per_cm"] * PER_CM
        assert kappa == pytest.approx(eckart(same["barrier_eV"], back, omega, 10 * units.kB))
    assert 1 < other["kappa"][0][0] < same["kappa"][0][0]
    assert other["rate_ratio"][0] == pytest.approx(other["harmonic"][0] * other["tunnelling"][0])


def test_where_one_mass_has_no_instanton_eckart_stands_in_for_both(here, capsys):
    harmonic = found(capsys, "temperatures_K=[10]", *HARMONIC)
    light, heavy = (
        one["unstable_per_cm"] * units.invcm / (2 * np.pi * units.kB) for one in harmonic["isotopologues"]
    )  # crossover temperatures
    assert heavy < light
    between = [f"temperatures_K=[{(light + heavy) / 2}]", "tunnelling=instanton", "instanton_beads=32"]
    mixed = found(capsys, *between, *HARMONIC)
    assert mixed["instanton"] == [None] and mixed["tunnelling"] == mixed["eckart"]
    assert mixed["kappa"][0][0] / mixed["kappa"][0][1] == pytest.approx(mixed["eckart"][0])
    assert any("Eckart's factor stands in for both masses" in warning for warning in mixed["warnings"])


@pytest.mark.parametrize(
    ("saddle", "said"),
    [
        ("none.extxyz", "none.extxyz: no such file"),
        ("two.extxyz", "two.extxyz: holds 2 structures; the saddle is one"),
        ("fewer.extxyz", "start.extxyz: saddle: must have the reactant's atoms in the same order"),
        ("start.extxyz", "start.extxyz: saddle: has 0 unstable modes; a first-order saddle has exactly one"),
    ],
)
def test_a_saddle_that_is_none_is_refused_in_one_line(here, capsys, saddle, said):
    assert main(words(*HARMONIC, saddle=saddle)) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(said)


def test_a_saddle_has_to_be_named(here, capsys):
    assert main(["compute", "kie", "start.extxyz", *NEON]) == 2
    assert "--set: saddle" in capsys.readouterr().err.splitlines()[-1]


def test_a_campaign_finds_the_saddle_beside_itself(here):
    assert computation("kie").Settings is Settings
    stages = checked_stages([{"kie": {"saddle": "saddle.extxyz"}}], str, here)
    assert stages["kie"]["saddle"] == str((here / "saddle.extxyz").resolve())
