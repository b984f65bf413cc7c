"""What a user types for QM/ML: what cannot be is said where it stands, and what methods lack."""

import pytest
from ase import Atoms

from potentials.qmml import QMError, QmmlError, QmmlSettings, qmml
from tests.potentials.qmml_systems import alkane, methyl, soft


def refused(atoms, **settings):
    with pytest.raises(QMError) as error:
        qmml(soft(), atoms, settings)
    return str(error.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"region": {}}, "qm.region: give one of atoms, sphere and outside_domain"),
        ({}, "qm: give one of region and regions"),
        ({"region": {"atoms": [1]}, "metod": "xtb"}, "qm.metod: unknown key; did you mean 'method'?"),
        ({"region": {"atoms": [1]}, "method": "ccsd"}, "qm.method: must be 'xtb', 'dft' or 'potential' (is 'ccsd')"),
        ({"region": {"atoms": [1]}, "cap": "Hh"}, "qm.cap: must be the symbol of an element (is 'Hh')"),
        ({"region": {"atoms": [1]}, "buffer": {}}, "qm.buffer: give one of hops and radius_A"),
        ({"region": {"atoms": [-1]}}, "qm.region.atoms.0: must be at least 0 (is -1)"),
        ({"region": {"atoms": [1]}, "method": "potential"}, "qm: model: method potential needs the name of one"),
        (
            {"region": {"sphere": {"centre": 0, "radius_A": 3, "follow": True}}},
            "qm: sphere.follow: a region that changes makes the subtractive energy jump; use scheme: force_mixing, or "
            "leave follow away",
        ),
        (
            {"region": {"sphere": {"centre": 0, "radius_A": 3, "leave_A": 2}}},
            "qm.region.sphere: leave_A must be at least radius_A, 3 (is 2)",
        ),
        (
            {"region": {"atoms": [1]}, "embedding": "electrostatic"},
            "qm.embedding: must be mechanical, or {electrostatic: {charges: ...}} (is 'electrostatic')",
        ),
        (
            {"region": {"atoms": [1]}, "embedding": {"electrostatic": {"cutoff": 3, "charges": {}}}},
            "qm.embedding.electrostatic.cutoff: unknown key; did you mean 'cutoff_A'?",
        ),
        (
            {"region": {"sphere": {"centre": "Si", "radius_A": 3}}},
            "qm.region.sphere.centre: must be an atom's index, or a point as [x, y, z] in Å (is 'Si')",
        ),
        ({"region": {"sphere": {"centre": 0, "radius": 3}}}, "qm.region.sphere.radius: unknown key; did you mean "
         "'radius_A'?"),
        ({"region": {"sphere": {"centre": 0}}}, "qm.region.sphere.radius_A: is missing"),
        ({"region": {"sphere": {"centre": 0, "radius_A": "3 Å"}}}, "qm.region.sphere.radius_A: must be a number (is "
         "'3 Å')"),
        ({"region": {"sphere": {"centre": 0, "radius_A": -3}}}, "qm.region.sphere.radius_A: must be above 0 (is -3)"),
        (
            {"region": {"sphere": {"centre": [float("nan"), 0, 0], "radius_A": 3}}},
            "qm.region.sphere.centre: must be an atom's index, or a point as [x, y, z] in Å (is [nan, 0, 0])",
        ),
        ({"region": {"atoms": []}}, "qm.region.atoms: must not be empty"),
        ({"region": {"atoms": "0-5"}}, "qm.region.atoms: must be a list of atoms' indices, from 0 (is '0-5')"),
        ({"region": {"atoms": [True]}}, "qm.region.atoms: must be a list of atoms' indices, from 0 (is [True])"),
        ({"regions": [{"atoms": [1]}, {"ball": 3}]}, "qm.regions.1.ball: unknown key; there are atoms, sphere, "
         "outside_domain, charge, multiplicity"),
        ({"region": {"atoms": [1]}, "buffer": 2}, "qm.buffer: must be settings, as {key: value} (is 2)"),
        ({"region": {"atoms": [1]}, "charge": 0.5}, "qm.charge: must be a whole number (is 0.5)"),
        (
            {"region": {"atoms": [1]}, "embedding": {"electrostatic": {"charges": ["a"]}}},
            "qm.embedding.electrostatic.charges.0: must be a number (is 'a')",
        ),
        (
            {"region": {"atoms": [1]}, "cap": "Na"},
            "qm.cap: must be a non-metal that ends a single bond, as H or F (is 'Na')",
        ),
        ({"region": {"atoms": [1]}, "cap": False}, "qm.cap: must be text; YAML takes No and 3 for something else, put "
         "it in quotes (is False)"),
        ([1], "qm: give settings, as {method: xtb, region: {sphere: {centre: 12, radius_A: 4}}}"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_say_where(given, said):
    with pytest.raises(QmmlError) as error:
        QmmlSettings.of(given)
    assert str(error.value) == said


def test_methods_say_what_they_lack():
    atoms = alkane(4)
    region = {"region": {"atoms": methyl(atoms)}}
    assert refused(atoms, method="xtb", model="GFN9", **region) == (
        "qm.model: xtb knows GFN2-xTB, GFN1-xTB, IPEA1-xTB (is 'GFN9')"
    )
    assert refused(atoms, method="xtb", model=None, options={"temperature": 3}, **region) == (
        "qm.options: xtb has no option 'temperature'; there are electronic_temperature_K, accuracy, max_iterations"
    )
    assert refused(atoms, method="potential", model="ljj", **region).startswith(
        "qm.model: unknown potential 'ljj'; did you mean 'lj'?"
    )
    heavy = Atoms("U", cell=[12, 12, 12], pbc=True)
    assert refused(heavy, method="xtb", model=None, region={"atoms": [0]}) == "GFN2-xTB does not know U"
    assert refused(atoms, method="dft", model="PBE", options={"ecut": 3}, **region).startswith(
        "qm.options: dft has no option 'ecut'; there are code, cutoff_eV,"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "potential", "model": "lj", "options": {"device": "cpu"}}, "qm.options.device: is no option of a "
         "potential; its name is model, and its device that of the surroundings"),
        ({"options": {"max_iterations": float("inf")}}, "qm.options.max_iterations: must be a number above 0 (is inf)"),
        ({"method": "dft", "options": {"code": "gpau"}}, "qm.options.code: must be gpaw, espresso, abinit or vasp (is "
         "'gpau')"),
        ({"method": "dft", "options": {"cutoff_eV": "500 eV"}}, "qm.options.cutoff_eV: must be a number above 0 (is "
         "'500 eV')"),
        ({"method": "dft", "options": {"relax_steps": 9}}, "qm.options: dft has no option 'relax_steps'; there are "
         "code, cutoff_eV, smearing_eV, pseudopotentials, pseudo_dir, command, options"),
    ],
)  # fmt: skip
def test_options_of_methods_are_checked(given, said):
    atoms = alkane(4)
    assert refused(atoms, **given, region={"atoms": methyl(atoms)}) == said


def test_atoms_on_top_of_each_other_are_an_error_in_words():
    pair = Atoms("H2", [[0, 0, 0], [0, 0, 0]], cell=[9, 9, 9], pbc=True)
    potential = qmml(soft(), pair, {"region": {"atoms": [0, 1]}})
    with pytest.raises(QMError, match=r"GFN2-xTB finds no self-consistent field of the cluster H2 .*Too close"):
        potential.qm.evaluate([potential.reference], 0, 1)
