"""What a campaign starts from before its searcher is asked: element references and the user's own structures."""

from __future__ import annotations

from pathlib import Path

import ase.io
from ase import Atoms

from discover.compounds import compound_prototypes
from discover.config import CampaignConfig
from discover.elements import element_prototypes
from discover.errors import InputError
from potentials.words import in_words
from searchers.candidate import Candidate
from searchers.space import SearchSpace


def seed_structures(config: CampaignConfig, space: SearchSpace) -> list[Candidate]:
    """Candidates with ids from 0: known forms of elements and compounds, then the files of `search.start_from`.

    Raises:
        InputError: a file that holds no crystal of the system.
    """
    found: list[tuple[str, Atoms, dict[str, str]]] = []
    known = config.search.prototypes
    if known != "none":
        for element in space.elements:
            found += [("prototype", a, {"prototype": n}) for n, a in element_prototypes(element).items()]
    if known == "all":
        found += [("prototype", a, {"prototype": n}) for n, a in compound_prototypes(space)]
    found += [("start_from", a, {"file": name}) for name, a in user_structures(config, space)]
    return [
        Candidate(k, atoms, operator, seed=config.seed, info=info) for k, (operator, atoms, info) in enumerate(found)
    ]


def user_structures(config: CampaignConfig, space: SearchSpace) -> list[tuple[str, Atoms]]:
    """File name and structure of everything in `search.start_from`.

    Raises:
        InputError: a file that holds no crystal of the system.
    """
    return [(path.name, atoms) for path in config.search.start_from for atoms in _read(path, space)]


def _read(path: Path, space: SearchSpace) -> list[Atoms]:
    try:
        images = ase.io.read(path, index=":")
    except FileNotFoundError:
        raise InputError(f"search.start_from: {path}: no such file") from None
    except Exception as error:  # ASE's readers raise whatever their parsers meet
        raise InputError(f"search.start_from: {path}: ASE cannot read it ({in_words(error, 120)})") from None
    for atoms in images:
        strangers = sorted(set(atoms.symbols) - set(space.elements))
        if strangers:
            raise InputError(f"search.start_from: {path}: holds {strangers[0]}, which is not in the system")
        if atoms.cell.rank < 3:
            raise InputError(f"search.start_from: {path}: has no three-dimensional cell; give a crystal")
    return list(images)
