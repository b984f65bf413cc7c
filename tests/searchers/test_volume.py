import pytest
from ase.data import chemical_symbols

from searchers.space import parse_formula
from searchers.volume import estimate_volume

# Experimental volumes of a formula unit, Å^3.
KNOWN = {
    "NaCl": 44.8, "MgO": 18.7, "Al2O3": 42.5, "SiO2": 37.7, "TiC": 20.4, "GaAs": 45.2, "NiAl": 24.0,
    "CaF2": 40.8, "SrTiO3": 59.6, "PbTe": 67.0, "TiH2": 22.0, "Si": 20.0, "Cu": 11.8,
}  # fmt: skip


@pytest.mark.parametrize("formula", KNOWN)
def test_estimate_is_within_a_third_of_experiment(formula):
    # Random candidates spread over 0.8 to 1.4 of it, so that the true volume is always reached.
    assert 0.75 < estimate_volume(parse_formula(formula)) / KNOWN[formula] < 1.33


@pytest.mark.parametrize("symbol", chemical_symbols[1:104])
def test_every_element_has_a_volume(symbol):
    assert 3 < estimate_volume({symbol: 1}) < 150


def test_volume_is_extensive_and_ignores_absent_elements():
    assert estimate_volume({"Ti": 4, "C": 4, "O": 0}) == pytest.approx(4 * estimate_volume({"Ti": 1, "C": 1}))


@pytest.mark.parametrize(
    ("counts", "message"), [({"Si": 0}, "at least one atom"), ({"Qq": 1}, "unknown element 'Qq'")]
)
def test_errors_say_what_is_wrong(counts, message):
    with pytest.raises(ValueError, match=message):
        estimate_volume(counts)
