"""The hull: what it says of known numbers, and whom it refuses."""

import json
from dataclasses import replace

import pytest
from ase.build import bulk
from pymatgen.entries.computed_entries import ComputedStructureEntry
from pymatgen.io.ase import AseAtomsAdaptor

from discover.composition import formula_of
from discover.errors import InputError
from discover.hull import build_hull, read_references
from discover.records import CandidateRecord
from potentials import Metadata

POTENTIAL = Metadata("7net-0", "sevenn 0", checkpoint_sha256="ab" * 32)


def record(id, composition, energy, fate="converged"):
    formula = "".join(composition)
    return CandidateRecord(
        id, "random", (), formula, composition, 2, energy, fate, "", None, 10, 9, 225, 0.01, float(id)
    )


def test_formation_energies_are_measured_from_the_lowest_elements():
    history = [
        record(0, {"Si": 1.0}, -5.403),
        record(1, {"Ge": 1.0}, -4.578),
        record(2, {"Ge": 1.0}, -4.4),
        record(3, {"Si": 0.5, "Ge": 0.5}, -5.0),
    ]
    hull = build_hull("Si-Ge", ("Si", "Ge"), POTENTIAL.to_json(), history)
    by_id = {e.id: e for e in hull.entries}
    assert by_id[3].formation_energy_eV_per_atom == pytest.approx(-5.0 + (5.403 + 4.578) / 2)
    assert [by_id[i].on_hull for i in range(4)] == [True, True, False, True]
    assert by_id[2].e_above_hull_eV_per_atom == pytest.approx(0.178)


def test_the_lowest_copy_of_a_structure_stands_for_it():
    history = [
        record(0, {"Si": 1.0}, -5.400),
        replace(record(1, {"Si": 1.0}, -5.403, "duplicate"), duplicate_of=0, space_group=160),
        replace(record(2, {"Si": 1.0}, -5.40305, "duplicate"), duplicate_of=0, space_group=1),
    ]
    (entry,) = build_hull("Si", ("Si",), {}, history).entries
    assert (entry.id, entry.energy_eV_per_atom, entry.space_group) == (1, -5.403, 160)


def test_without_a_reference_nothing_of_many_compositions_is_on_a_hull():
    history = [record(0, {"Ti": 0.5, "C": 0.5}, -9.3), record(1, {"Ti": 1.0}, -7.8)]
    hull = build_hull("Ti-C", ("Ti", "C"), {}, history)
    assert not any(e.on_hull for e in hull.entries)
    assert hull.to_json()["entries"][0]["formation_energy_eV_per_atom"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": float("nan")}, "its energy must be a finite number"),
        ({"energy": None}, "not a pymatgen entry"),
        ({"parameters": "x"}, "not a pymatgen entry"),
        ({"structure": "x"}, "not a pymatgen entry"),
    ],
)
def test_broken_entries_are_one_line(changes, message, tmp_path):
    path = entry_json(tmp_path, {"potential": POTENTIAL.to_json()})
    values = json.loads(path.read_text())
    path.write_text(json.dumps([values[0] | changes]))
    with pytest.raises(InputError, match=f"entry 0: {message}"):
        read_references(path, ("Si",), POTENTIAL)


def test_a_folder_is_no_references_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_references(tmp_path, ("Si",), POTENTIAL)


@pytest.mark.parametrize("gas", ["O", "N", "H", "F", "Cl"])
def test_elements_that_people_write_as_molecules_are_references_too(gas):
    history = [
        record(0, {"Ti": 1.0}, -7.8),
        record(1, {gas: 1.0}, -4.9),
        record(2, {"Ti": 1 / 3, gas: 2 / 3}, -9.0),
        record(3, {"Ti": 1 / 2, gas: 1 / 2}, -8.0),
    ]
    hull = build_hull(f"Ti-{gas}", ("Ti", gas), {}, history)
    by_id = {e.id: e for e in hull.entries}
    assert by_id[2].formation_energy_eV_per_atom == pytest.approx(-9.0 + 7.8 / 3 + 2 * 4.9 / 3)
    assert [by_id[i].on_hull for i in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    "counts, formula",
    [
        ({"O": 4}, "O"),
        ({"Ge": 0.5, "Si": 0.5}, "SiGe"),
        ({"O": 4, "Ti": 2}, "TiO2"),
        ({"Li": 6 / 13, "P": 1 / 13, "S": 5 / 13, "Cl": 1 / 13}, "Li6PS5Cl"),
        ({"Li": 2, "O": 2}, "LiO"),
        ({"Ti": 1.0, "C": 0.0}, "Ti"),
    ],
)
def test_formulas_are_reduced_and_ordered_by_electronegativity(counts, formula):
    assert formula_of(counts) == formula


def test_references_at_another_pressure_are_refused(tmp_path):
    path = entry_json(tmp_path, {"potential": POTENTIAL.to_json(), "pressure_GPa": 10.0})
    with pytest.raises(InputError, match="at 10 GPa, this campaign's are at 0; leave it out"):
        read_references(path, ("Si",), POTENTIAL)
    assert len(read_references(path, ("Si",), POTENTIAL, 10.0)) == 1


@pytest.mark.parametrize("fate", ["failed", "duplicate", "unconverged", "pruned"])
def test_only_converged_distinct_candidates_stand_on_the_hull(fate):
    history = [record(0, {"Si": 1.0}, -5.4), record(1, {"Si": 1.0}, -9.0, fate)]
    assert [e.id for e in build_hull("Si", ("Si",), {}, history).entries] == [0]


def test_without_an_element_there_is_a_ranking_but_no_formation_energy():
    history = [record(0, {"Ti": 0.5, "C": 0.5}, -9.3), record(1, {"Ti": 0.5, "C": 0.5}, -9.1)]
    first, second = build_hull("TiC", ("Ti", "C"), {}, history).entries
    assert first.formation_energy_eV_per_atom != first.formation_energy_eV_per_atom  # NaN
    assert second.e_above_hull_eV_per_atom == pytest.approx(0.2)


def entry_json(tmp_path, parameters, symbol="Si"):
    atoms = bulk(symbol, "diamond", a=5.4)
    entry = ComputedStructureEntry(AseAtomsAdaptor.get_structure(atoms), -10.8, parameters=parameters, entry_id="ref-1")
    path = tmp_path / "refs.json"
    path.write_text(json.dumps([entry.as_dict()]))
    return path


def test_references_of_the_same_weights_are_taken(tmp_path):
    path = entry_json(tmp_path, {"potential": POTENTIAL.to_json()})
    (entry,) = read_references(path, ("Si", "Ge"), POTENTIAL)
    assert (entry.id, entry.energy_eV_per_atom, entry.space_group) == ("ref-1", -5.4, 227)


@pytest.mark.parametrize("theirs", [{}, {"potential": {"name": "chgnet", "checkpoint_sha256": "cd" * 32}}])
def test_potentials_are_never_mixed(tmp_path, theirs):
    with pytest.raises(InputError, match="must not stand on one hull"):
        read_references(entry_json(tmp_path, theirs), ("Si",), POTENTIAL)


def test_references_outside_the_system_or_broken_are_refused(tmp_path):
    path = entry_json(tmp_path, {"potential": POTENTIAL.to_json()})
    with pytest.raises(InputError, match="holds Si, which is not in Ge"):
        read_references(path, ("Ge",), POTENTIAL)
    path.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_references(path, ("Si",), POTENTIAL)
    with pytest.raises(InputError, match="no such file"):
        read_references(tmp_path / "none.json", ("Si",), POTENTIAL)
