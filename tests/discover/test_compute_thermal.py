"""`discover compute thermal` and `kappa`: table, figures and JSON of a crystal that takes a second."""

import json

import pytest
from ase.build import bulk
from pydantic import ValidationError

from discover.compute import kappa as kappa_module
from discover.compute import thermal as thermal_module
from discover.compute.registry import computation
from discover.progress import Silent
from discover.report.look import Look, png
from potentials import load

LJ = {"sigma_A": 3.4, "epsilon_eV": 0.0103, "cutoff_A": 13.0}


class Heard(Silent):
    def __init__(self):
        self.begun, self.said = [], []

    def start(self, total, done, doing="searching"):
        self.begun.append(doing)

    def message(self, text):
        self.said.append(text)


def _drawn(module, found):
    """PNG of every figure, from what JSON keeps."""
    kept = json.loads(json.dumps(found.json, allow_nan=False))
    looks = (Look(), Look(dark=True, narrow=True))
    return {plot.name: [png(plot, look)[:4] for look in looks] for plot in module.plots(kept)}


def test_thermal_tells_draws_and_warns():
    heard = Heard()
    settings = thermal_module.Settings(
        temperatures_K=[0, 10, 20, 70], supercell=[2, 2, 2], mesh_length_A=20, extensions=0, volumes=7
    )
    found = computation("thermal").compute(load("lj", **LJ), bulk("Ar", "hcp", a=3.75, c=6.1), settings, heard)
    assert heard.begun == ["volumes", "phonons"]
    assert any("70 K are left out" in text for text in heard.said)
    assert [row[0] for row in found.rows] == ["0", "10", "20"]
    assert all(len(row) == len(found.head) for row in found.rows)
    assert set(_drawn(thermal_module, found)) == {
        "thermal-expansion", "thermal-stiffness", "grueneisen", "free-energy-volume",
    }  # fmt: skip
    assert found.json["settings"]["volumes"] == 7
    assert found.json["potential"]["name"] == "lj"


def test_kappa_tells_its_cost_first_and_draws():
    pytest.importorskip("phono3py")
    heard = Heard()
    settings = kappa_module.Settings(
        temperatures_K=[100, 200], supercell=[2, 2, 2], mesh_length_A=12, harmonic_supercell_length_A=7
    )
    found = computation("kappa").compute(load("lj", **LJ), bulk("Ar", a=5.2), settings, heard)
    assert heard.begun[0].startswith("third order, ")
    assert "displaced cells of 8 atoms" in heard.begun[0]
    assert set(_drawn(kappa_module, found)) == {"kappa"}
    assert found.json["kappa_W_per_m_K"][0] > found.json["kappa_W_per_m_K"][1] > 0


def test_settings_refuse_what_cannot_be():
    for wrong in ({"volumes": 5}, {"smallest": 0.02}, {"volume": 9}, {"temperatures_K": [-1]}):
        with pytest.raises(ValidationError):
            thermal_module.Settings(**wrong)
    with pytest.raises(ValidationError):
        kappa_module.Settings(temperatures_K=[0])
