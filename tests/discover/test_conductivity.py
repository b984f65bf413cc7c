"""`discover compute conductivity`: too short a run says so, a killed one goes on, what is known is told and drawn."""

import json
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk

from discover.cli import main
from discover.compute import conductivity as module
from discover.compute.carriers import carriers_of
from discover.compute.conductivity import Settings, supercell_of
from discover.compute.conductivity_words import said, sentence
from discover.compute.kept_structure import kept_structure
from discover.progress import Silent
from discover.report.look import Look, png
from potentials import load
from properties.dynamics import Run
from properties.errors import PropertyError
from tests.properties.synthetic_flows import S_PER_CM, flow_of, langevin_paths, thermal_velocity2

AGI = Path(__file__).parents[2] / "campaigns" / "structures" / "agi-alpha.cif"
SHORT = {
    "relax": False, "supercell": [2, 1, 1], "temperatures_K": [600, 700], "replicas": 2, "timestep_fs": 5,
    "equilibrate_ps": 0.1, "produce_ps": 0.5, "frame_every": 5, "charges": {"Ag": 1, "I": -1}, "processes": 1,
}  # fmt: skip
ENERGY_EV, D0_A2_PS = 0.2, 40.0
N_LI, CELL_A = 12, 12.0


@pytest.fixture(scope="module")
def ionic():
    return load("ionic", "cpu", parameters="agi-prv", cutoff_A=6.0, accuracy=1e-4)


@pytest.fixture(autouse=True)
def conserving(monkeypatch):
    """Tested where it lives; here it would take seconds each time."""
    monkeypatch.setattr(module, "require_conservative", lambda *given: None)


def agi():
    return ase.io.read(AGI)


def test_too_short_a_run_has_designs_keys_and_no_numbers(ionic, tmp_path):
    found = module.compute(ionic, agi(), Settings(**SHORT), Silent(), tmp_path)
    told = json.loads(json.dumps(found.json))
    assert told["temperatures_K"] == [600, 700]
    for key in ("green_kubo_S_per_cm", "green_kubo_error_S_per_cm", "nernst_einstein_S_per_cm", "haven_ratio"):
        assert told[key] == [None, None]
    assert told["activation_energy_eV"] is None and told["activation_energy_error_eV"] is None
    assert told["formula"] == "AgI" and told["charges_note"] == "Charges are as given."
    assert told["mobile"] == ["Ag"] and told["reference_frame"] == "host"
    assert not found.ok and "AgI with ionic: no conductivity can be told at any temperature; " in found.title
    assert all(len(row) == len(found.head) for row in found.rows) and found.rows[0][-1]
    assert len(list(tmp_path.glob("*/*.extxyz"))) == 4
    plots = {plot.name: plot for plot in module.plots(told)}
    assert {"displacement", "current"} <= set(plots) and "arrhenius" not in plots  # it would be empty
    assert png(plots["current"], Look())[:4] == b"\x89PNG"


class Stop(Silent):
    """Interrupts at its n-th news."""

    def __init__(self, after):
        self.left = after

    def note(self, done, text):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_been(ionic, tmp_path, monkeypatch):
    monkeypatch.setattr("properties.dynamics.standing.NEWS_EVERY_S", 0.0)
    settings = Settings(**SHORT | {"anneal_K": 800, "anneal_ps": 0.1})
    whole = module.compute(ionic, agi(), settings, Silent(), tmp_path / "whole")
    for news in (5, 60):
        with pytest.raises(KeyboardInterrupt):
            module.compute(ionic, agi(), settings, Stop(news), tmp_path / "killed")
    after = module.compute(ionic, agi(), settings, Silent(), tmp_path / "killed")
    assert after.json["points"] == whole.json["points"]
    # Another analysis of the same trajectories runs nothing
    monkeypatch.setattr("properties.dynamics.replicas.run_part", None)
    half = settings.model_copy(update={"charges": {"Ag": 0.5, "I": -0.5}})
    again = module.compute(ionic, agi(), half, Silent(), tmp_path / "killed")
    assert again.json["charges"] == {"Ag": 0.5, "I": -0.5}


def langevin_run(potential, replicas, *given):
    """Li in a fixed lattice of Cl, as free Brownian particles whose D obeys Arrhenius."""
    flows = []
    for k, r in enumerate(replicas):
        T = r.temperature_K
        v2 = thermal_velocity2("Li", T)
        friction = v2 / (D0_A2_PS * np.exp(-ENERGY_EV / (units.kB * T)))
        x, v = langevin_paths(np.random.default_rng(k), (N_LI, 3), 4000, 0.02, friction, v2)
        still = np.zeros((4000, N_LI, 3))
        sites = np.random.default_rng(1).uniform(0, CELL_A, (N_LI, 3))
        flow = flow_of(
            ["Li"] * N_LI + ["Cl"] * N_LI, CELL_A * np.eye(3), np.concatenate([x, still + sites], 1),
            np.concatenate([v, still], 1), 0.02, 20, T,
        )  # fmt: skip
        flows.append(replace(flow, seed=r.seed))
    return Run(tuple(flows), ())


@pytest.fixture(scope="module")
def known():
    """What Langevin charges give; their transport has a closed form."""
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "run", langevin_run)
    patch.setattr(module, "require_conservative", lambda *given: None)
    settings = Settings(
        relax=False, temperatures_K=[700, 800, 950, 1100], replicas=4, charges={"Li": 1, "Cl": -1},
        jump_A={"Li": 2.0},
        references=[{"label": "closed form", "temperatures_K": [800], "conductivity_S_per_cm": [1.0]}],
    )  # fmt: skip
    rocksalt = bulk("LiCl", "rocksalt", a=5.14)
    found = module.compute(load("lj", sigma_A=3.0, epsilon_eV=0.01), rocksalt, settings, Silent())
    patch.undo()
    return found


def test_langevin_charges_have_the_conductivity_of_their_closed_form(known):
    told = known.json
    for k, T in enumerate(told["temperatures_K"]):
        D = D0_A2_PS * np.exp(-ENERGY_EV / (units.kB * T))
        exact = S_PER_CM * N_LI / CELL_A**3 * D / (units.kB * T)
        # 3.5 of its own errors: one of eight numbers is beyond once in 250 times
        for key in ("green_kubo", "nernst_einstein"):
            assert abs(told[f"{key}_S_per_cm"][k] - exact) < 3.5 * told[f"{key}_error_S_per_cm"][k]
    assert abs(told["activation_energy_eV"] - ENERGY_EV) < 3.5 * told["activation_energy_error_eV"]
    assert known.ok and known.title == sentence(told)
    assert known.title.startswith("LiCl with lj: σ = ") and known.title.endswith("at 300 K by extrapolation")


def test_all_figures_are_drawn_of_what_json_keeps(known):
    kept = json.loads(json.dumps(known.json, allow_nan=False))
    plots = module.plots(kept)
    assert [plot.name for plot in plots] == ["displacement", "current", "arrhenius", "density"]
    for plot, look in zip(plots, (Look(), Look(dark=True, narrow=True)) * 2, strict=True):
        assert png(plot, look)[:4] == b"\x89PNG"


def test_figures_of_a_crystal_in_which_nothing_moves_are_drawn(known):
    points = [{**point, "density": {}, "jumps": {}} for point in known.json["points"]]
    plots = module.plots({**known.json, "mobile": [], "points": points})
    assert [plot.name for plot in plots] == ["displacement", "current", "arrhenius"]
    assert png(plots[0], Look())[:4] == b"\x89PNG"


def test_temperatures_that_lost_replicas_are_told_of():
    stopped = [{"temperature_K": 900.0, "reason": "exploded"}] * 2 + [{"temperature_K": 800.0, "reason": "too near"}]
    flows = [{"temperature_K": 700.0, "departure": {}}, {"temperature_K": 800.0, "departure": None}]
    assert module._lost({"stopped": stopped, "flows": flows, "temperatures_K": [700.0, 800.0]}) == [
        "800 K: 1 replica stopped early; the first: too near",
        "900 K: 2 replicas stopped early, all of them, so that this temperature is missing; the first: exploded",
        "700 K: 1 replica left what the potential is known to be good for",
    ]


def test_a_number_is_said_with_two_digits_of_its_error():
    assert said(1.8374, 0.1234) == "1.84 ± 0.12"
    assert said(2.5134e-5, 0.08e-5) == "(2.513 ± 0.080)e-05"
    assert said(None, None) == "–"
    assert said(0.25, None) == "0.25"


def test_charges_are_oxidation_states_and_carriers_go_by_rule():
    rule = carriers_of(Atoms("Li6PS5Cl"), None, None)
    assert rule.charges == {"Li": 1, "P": 5, "S": -2, "Cl": -1} and rule.mobile == ["Li"]
    assert rule.mobile_note == "Li is taken to move, the rest to be the host."
    assert carriers_of(Atoms("CaF2"), None, None).mobile == ["Ca"]
    assert carriers_of(Atoms("CaF2"), None, ["F"]).mobile == ["F"]
    for charges, mobile, message in (
        ({"Ag": 1}, None, "charges: I has none; give one for each of Ag, I"),
        ({"Ag": 1, "I": -1, "Cl": 0}, None, "charges: the crystal holds no Cl; it holds Ag, I"),
        (None, ["Li"], "mobile: the crystal holds no Li; it holds Ag, I"),
    ):
        with pytest.raises(PropertyError) as error:
            carriers_of(Atoms("AgI"), charges, mobile)
        assert str(error.value) == message
    with pytest.raises(PropertyError) as error:
        carriers_of(Atoms("CuAu"), None, None)
    assert str(error.value) == (
        "charges: no oxidation states of CuAu sum to zero; give charges, as in {Au: ..., Cu: ...}"
    )


def test_the_cell_is_repeated_until_opposite_faces_are_so_far_apart():
    hexagonal = bulk("Ti", "hcp", a=2.95, c=4.68)
    cell = supercell_of(hexagonal, Settings(supercell_length_A=9.3))
    apart = 1 / np.linalg.norm(np.linalg.inv(cell.cell.array), axis=0)
    assert apart.min() >= 9.3 and len(cell) == 2 * 4 * 4 * 2
    with pytest.raises(PropertyError, match="supercell: has 2000000 atoms, more than 20000; take a smaller one"):
        supercell_of(hexagonal, Settings(supercell=[100, 100, 100]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("temperatures_K=[600, 600]", "--set: temperatures_K: names a temperature twice (is 600, 600)"),
        ("produce_ps=0.01", "--set: produce_ps: must hold 50 steps, one frame (is 0.01)"),
        ("supercell=[0, 1, 1]",
         "--set: supercell: give three whole numbers, or a 3x3 matrix of them with a positive determinant"),
        ("timestep=2", "--set: timestep: unknown key; did you mean 'timestep_fs'?"),
        ("frame=lab", "--set: frame: must be 'host', 'centre of mass' or 'laboratory' (is 'lab')"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused_in_a_line(given, message, capsys):
    assert main(["compute", "conductivity", str(AGI), "--potential", "emt", "--set", given]) == 2
    assert capsys.readouterr().err.strip().splitlines()[-1] == message


def test_a_crystal_that_was_prepared_is_read_to_the_last_digit(tmp_path):
    made = []

    def make():
        made.append(1)
        return bulk("Cu", a=3.6 + len(made) / 3e7)

    first = kept_structure(tmp_path, "crystal", {"of": 1}, make)
    again = kept_structure(tmp_path, "crystal", {"of": 1}, make)
    assert len(made) == 1 and (again.cell.array == first.cell.array).all()
    other = kept_structure(tmp_path, "crystal", {"of": 2}, make)
    assert (other.cell.array != first.cell.array).any()
    assert kept_structure(None, "crystal", {"of": 1}, make).cell.array.max() > other.cell.array.max()
