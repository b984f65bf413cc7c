"""Known structure types: each has its space group, its place in a space, and no two atoms on top of each other."""

import pytest
import spglib

from discover.compounds import _PROTOTYPES, compound_prototypes
from discover.config import CampaignConfig
from discover.seeds import seed_structures
from discover.strategy import search_space
from searchers.distances import min_distance_ratio
from searchers.space import SearchSpace

NEAREST = {  # nearest unlike neighbours by textbook
    "B1 (rocksalt)": 6, "B2 (CsCl)": 8, "B3 (zincblende)": 4, "C1 (fluorite)": 8, "D09 (ReO3)": 6,
}  # fmt: skip


@pytest.mark.parametrize("prototype", _PROTOTYPES, ids=lambda p: p.name)
def test_every_type_has_its_space_group(prototype):
    atoms = prototype.atoms(("Ca", "Ti", "O")[-len(prototype.kinds) :])
    found = spglib.get_symmetry_dataset((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), 1e-4)
    assert found.number == prototype.group
    assert min_distance_ratio(atoms) > 0.65


@pytest.mark.parametrize("name", NEAREST)
def test_the_first_element_has_its_neighbours(name):
    (prototype,) = (p for p in _PROTOTYPES if p.name == name)
    atoms = prototype.atoms(("Ti", "O")).repeat(4)
    first = list(atoms.symbols).index("Ti")
    others = [k for k, s in enumerate(atoms.symbols) if s == "O"]
    distances = sorted(atoms.get_distances(first, others, mic=True))
    assert sum(d < 1.01 * distances[0] for d in distances) == NEAREST[name]


def test_only_what_fits_the_space_is_tried_and_nothing_twice():
    names = [n for n, _ in compound_prototypes(SearchSpace.from_system("TiO2", (3, 12)))]
    assert sorted(names) == [
        "C1 (fluorite)", "C11b (MoSi2)", "C15 (MgCu2)", "C32 (AlB2)", "C4 (rutile)", "C6 (CdI2)",
    ]  # fmt: skip
    assert [n for n, _ in compound_prototypes(SearchSpace.from_system("TiC", (2, 2)))].count("B1 (rocksalt)") == 1
    # 4 atoms of TiC: a cell of 2 fits twice
    assert "B1 (rocksalt)" in [n for n, _ in compound_prototypes(SearchSpace.from_system("TiC", (4, 4)))]
    assert not list(compound_prototypes(SearchSpace(("Si",), 1, 8)))


@pytest.mark.parametrize(
    ("written", "elements", "compounds"), [(True, True, True), ("elements", True, False), (False, False, False)]
)
def test_a_campaign_says_which(written, elements, compounds):
    config = CampaignConfig.model_validate({"system": "Ti-C", "search": {"prototypes": written}})
    found = [set(c.atoms.symbols) for c in seed_structures(config, search_space(config))]
    assert ({"Ti"} in found, {"Ti", "C"} in found) == (elements, compounds)
