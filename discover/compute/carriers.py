"""Who carries the current, and which charge: formal charges by species, and the species that move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ase import Atoms

from properties.errors import PropertyError

CARRIERS = (("Li", "Na", "Ag", "Cu"), ("K", "Rb", "Mg", "Zn", "Ca"), ("H",), ("F", "O"))
"""What conducts in known superionics; of a crystal that holds several rows of these the first moves."""


@dataclass(frozen=True)
class Carriers:
    """Charges and mobile species, and where they are from.

    Attributes:
        charges: formal ones, e, by symbol.
        charges_note: one sentence.
        mobile: symbols; none where the run itself shall tell.
        mobile_note: one sentence.
    """

    charges: Mapping[str, float]
    charges_note: str
    mobile: Sequence[str]
    mobile_note: str


def carriers_of(atoms: Atoms, charges: Mapping[str, float] | None, mobile: Sequence[str] | None) -> Carriers:
    """What is given, completed by rules.

    Raises:
        PropertyError: a species without a charge, one that the crystal does not hold.
    """
    species = sorted(set(atoms.get_chemical_symbols()))
    for key, names in (("charges", charges or ()), ("mobile", mobile or ())):
        strangers = [name for name in names if name not in species]
        if strangers:
            raise PropertyError(f"{key}: the crystal holds no {strangers[0]}; it holds {', '.join(species)}")
    found, charges_note = _charges(atoms, species, charges)
    moving, mobile_note = _mobile(species, mobile)
    return Carriers(found, charges_note, moving, mobile_note)


def _charges(
    atoms: Atoms, species: Sequence[str], given: Mapping[str, float] | None
) -> tuple[dict[str, float], str]:
    if given is not None:
        missing = [name for name in species if name not in given]
        if missing:
            raise PropertyError(f"charges: {missing[0]} has none; give one for each of {', '.join(species)}")
        return dict(given), "Charges are as given."
    found = guessed_charges(atoms)
    said = ", ".join(f"{name} {charge:+g}" for name, charge in found.items())
    return found, f"Charges are formal ones, the likeliest oxidation states of the composition (pymatgen): {said}."


def guessed_charges(atoms: Atoms) -> dict[str, float]:
    """Oxidation states that sum to zero and are most common in crystals, e, by symbol.

    Raises:
        PropertyError: none do.
    """
    from pymatgen.core.composition import Composition

    formula = Composition(atoms.get_chemical_formula()).reduced_composition
    guesses = formula.oxi_state_guesses()
    if not guesses or not any(guesses[0].values()):
        example = ", ".join(f"{e}: ..." for e in sorted(set(atoms.symbols)))
        raise PropertyError(
            f"charges: no oxidation states of {formula.reduced_formula} sum to zero; give charges, as in {{{example}}}"
        )
    return {str(symbol): float(charge) for symbol, charge in guesses[0].items()}


def _mobile(species: Sequence[str], given: Sequence[str] | None) -> tuple[list[str], str]:
    if given:
        return list(given), "Mobile species are as given."
    for row in CARRIERS:
        moving = [name for name in row if name in species]
        if moving:
            who = f"{' and '.join(moving)} {'are' if len(moving) > 1 else 'is'}"
            return moving, f"{who} taken to move, the rest to be the host."
    return [], "No species of known conductors is there: those are taken to move that did."
