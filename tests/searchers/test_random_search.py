from ase.data import chemical_symbols

from searchers.conformance import check_searcher, fingerprints_of
from searchers.random_search import RandomSearch
from searchers.space import SearchSpace
from searchers.starts import START_KINDS


def test_conformance():
    check_searcher(lambda space: RandomSearch(space, seed=3))


def test_ids_start_where_asked():
    check_searcher(
        lambda space: RandomSearch(space, seed=3, first_id=40),
        [SearchSpace.from_system("TiC", (2, 4))],
        first_id=40,
    )


def test_candidate_can_be_made_again_alone():
    space = SearchSpace.from_system("Si-Ge", (2, 6))
    search = RandomSearch(space, seed=11)
    made = search.ask(5)
    search.close()
    alone = RandomSearch(space, seed=11, first_id=4)
    assert fingerprints_of(alone.ask(1)) == fingerprints_of(made[4:])
    alone.close()


def test_info_names_the_space_group():
    search = RandomSearch(SearchSpace(("Si",), 2, 2, space_groups=(227,)), seed=0)
    candidates = search.ask(3)
    search.close()
    assert [c.info["space_group"] for c in candidates] == [227] * 3
    assert {c.operator for c in candidates} <= set(START_KINDS)


def test_any_element_can_be_searched():
    space = SearchSpace(tuple(chemical_symbols[1:100:7]), 1, 1)
    search = RandomSearch(space, seed=1)
    candidates = search.ask(40)
    search.close()
    assert len({c.atoms.get_chemical_formula() for c in candidates}) > 10
