"""Minima hopping of crystals: walkers that hop from minimum to minimum, more wildly where they keep falling back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

import numpy as np
from ase import Atoms

from searchers.candidate import Candidate, Fate, Relaxed, candidate_rng, useful_below
from searchers.encoding import atoms_from_json, atoms_to_json
from searchers.generation import SymmetricGenerator
from searchers.local_hull import LocalHull, reduced
from searchers.operators import OPERATORS
from searchers.operators.child import accepted, counts_of, set_volume
from searchers.operators.supercell import random_fitting
from searchers.space import SearchSpace
from searchers.starts import Starts

_FIRST_WIDTH, _NARROWEST, _WIDEST = 0.12, 0.03, 0.5
_FIRST_THRESHOLD_eV = 0.02  # per atom
# Goedecker's feedback: escapes widen by 1.1 where they fall back, by 1.05 where they end in a minimum that is known,
# and narrow by 1.1 where they find a new one; the threshold moves by 2 %, so that half of the hops are taken.
_FELL_BACK, _KNOWN, _NEW = 1.1, 1.05, 1 / 1.1
_TAKEN, _REFUSED = 1 / 1.02, 1.02
_SAME_eV = 0.001  # per atom; nearer, a hop has fallen back
_TRIES = 8
_MOVES = {"hop": 0.6, "permutation": 0.2, "composition": 0.2}


@dataclass
class Walker:
    """One walker.

    Attributes:
        atoms: the minimum it stands in, relaxed and primitive; None before its first has come back.
        counts: atoms of each element in `atoms`.
        energy_eV_per_atom: of that minimum.
        origin: id of the candidate that found it.
        width: of its escapes: rms displacement in units of the cube root of the volume per atom; strain is half of it.
        threshold_eV: rise per atom up to which a hop is taken.
        idle: hops since it last came to a new lowest of its own.
        lowest_eV: energy above the hull of the lowest minimum since its start, per atom.
        pending: id of its candidate that has not come back.
        move: what made that candidate.
    """

    atoms: Atoms | None = None
    counts: tuple[int, ...] = ()
    energy_eV_per_atom: float = 0.0
    origin: int = -1
    width: float = _FIRST_WIDTH
    threshold_eV: float = _FIRST_THRESHOLD_eV
    idle: int = 0
    lowest_eV: float = 0.0
    pending: int | None = None
    move: str = ""

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        atoms = None if self.atoms is None else atoms_to_json(self.atoms)
        return {**self.__dict__, "atoms": atoms, "counts": list(self.counts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The walker that `to_json` wrote."""
        atoms = None if data["atoms"] is None else atoms_from_json(data["atoms"])
        return cls(**{**data, "atoms": atoms, "counts": tuple(data["counts"])})


class MinimaHopping:
    """Walkers that hop between minima and learn how hard to push.

    S. Goedecker, J. Chem. Phys. 120, 9911 (2004); for crystals M. Amsler and S. Goedecker, J. Chem. Phys. 133, 224104
    (2010). Their escapes are short runs of molecular dynamics; these are random displacements with a random strain, of
    a supercell that fits the space, for a searcher knows no forces. Their feedback is kept: escapes widen while a
    walker falls back into minima that are known and narrow when it finds new ones, and the rise in energy that is
    taken adapts until every second hop is. Energies are counted per atom above the hull of all that was told, so that
    a walk may change its composition. A walker that has not come lower for `patience` hops starts afresh.

    Attributes:
        space: what may be visited.
        seed: the campaign's seed; all randomness about candidate k comes from (seed, k).
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        first_id: int = 0,
        walkers: int = 8,
        patience: int = 5,
        generator: SymmetricGenerator | None = None,
    ) -> None:
        """Set the walkers up.

        Args:
            space: what may be visited.
            seed: the campaign's seed.
            first_id: id of the first candidate.
            walkers: as many candidates can be out at once.
            patience: hops without a new lowest after which a walker starts afresh.
            generator: of random crystals.
        """
        if walkers < 1 or patience < 1:
            raise ValueError(f"hopping needs at least one walker and a patience of 1 (are {walkers}, {patience})")
        self.space, self.seed = space, seed
        self._patience = patience
        self.next_id = first_id
        self._starts = Starts(space, generator or SymmetricGenerator(space))
        self._hull = LocalHull(space.elements)
        self._walkers = [Walker() for _ in range(walkers)]
        self._moves = {n: w for n, w in _MOVES.items() if n == "hop" or OPERATORS[n].applies(space)}

    def ask(self, n: int) -> list[Candidate]:
        """One proposal of each of at most n walkers that have none out; none only where all have.

        Raises:
            GenerationError: pyxtal cannot be run.
        """
        free = [k for k, walker in enumerate(self._walkers) if walker.pending is None]
        return [self._propose(k) for k in free[: max(n, 0)]]

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Move the hull by everything, and the walkers by what they asked for."""
        for result in relaxed:
            self._starts.learn(result)
            counts = counts_of(result.atoms, self.space)
            energy = float(result.energy_eV_per_atom)
            usable = result.fate.has_energy and isfinite(energy) and counts is not None
            if usable and counts is not None:
                self._hull.add(counts, energy)
            walker = next((w for w in self._walkers if w.pending == result.candidate.id), None)
            if walker is not None:
                walker.pending = None
                self._judge(walker, result, counts if usable else None)

    def state(self) -> dict[str, Any]:
        """Walkers, hull and settings."""
        return {
            "seed": self.seed,
            "next_id": self.next_id,
            "patience": self._patience,
            "walkers": [walker.to_json() for walker in self._walkers],
            "hull": self._hull.state(),
            "starts": self._starts.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The search whose `state()` this was."""
        made = cls(space, state["seed"], state["next_id"], len(state["walkers"]), state["patience"])
        made._starts = Starts.from_state(space, state["starts"])
        made._walkers = [Walker.from_json(w) for w in state["walkers"]]
        made._hull = LocalHull.from_state(space.elements, state["hull"])
        return made

    def _propose(self, index: int) -> Candidate:
        walker, id = self._walkers[index], self.next_id
        rng = candidate_rng(self.seed, id)
        moved = None if walker.atoms is None else self._move(walker, walker.atoms, rng)
        info: dict[str, Any] = {"walker": index}
        parents: tuple[int, ...] = ()
        if moved is None:
            self._walkers[index] = walker = Walker()
            walker.move, atoms, made = self._starts.draw(rng)
            info |= made
        else:
            walker.move, atoms = moved
            parents, info["width"] = (walker.origin,), round(walker.width, 4)
            info |= useful_below(self._taken_below_eV(walker, atoms))
        walker.pending = id
        self.next_id += 1
        return Candidate(id, atoms, walker.move, parents, self.seed, info=info)

    def _move(self, walker: Walker, atoms: Atoms, rng: np.random.Generator) -> tuple[str, Atoms] | None:
        """A proposal and what made it; None where none was found."""
        names, shares = list(self._moves), np.array(list(self._moves.values()))
        for name in rng.choice(names, size=_TRIES, p=shares / shares.sum()).tolist():
            if name == "hop":
                made = hop(atoms, walker.width, rng, self.space)
            else:
                made = OPERATORS[name].make(atoms, rng, space=self.space)
            if made is not None:
                return name, made
        return None

    def _judge(self, walker: Walker, result: Relaxed, counts: tuple[int, ...] | None) -> None:
        """Take the hop or not, and learn from where it has led."""
        if walker.atoms is None:
            if counts is not None:
                self._stand(walker, result, counts)
                walker.lowest_eV = self._above(walker)
            return
        walker.idle += 1
        if counts is not None:
            rise = self._hull.above(counts, float(result.energy_eV_per_atom)) - self._above(walker)
            self._learn(walker, result, counts, rise)
            if rise < walker.threshold_eV:
                walker.threshold_eV *= _TAKEN
                self._stand(walker, result, counts)
            else:
                walker.threshold_eV *= _REFUSED
        elif result.fate is Fate.PRUNED:  # its end was foreseen: new, and too high
            walker.threshold_eV *= _REFUSED
            walker.width = max(walker.width * _NEW, _NARROWEST)
        if walker.idle >= self._patience:
            self._walkers[self._walkers.index(walker)] = Walker()

    def _learn(self, walker: Walker, result: Relaxed, counts: tuple[int, ...], rise_eV: float) -> None:
        if walker.move != "hop":
            return
        alike = reduced(counts) == reduced(walker.counts) and abs(rise_eV) < _SAME_eV
        if result.duplicate_of == walker.origin or alike:
            factor = _FELL_BACK
        else:
            factor = _KNOWN if result.fate is Fate.DUPLICATE else _NEW
        walker.width = min(max(walker.width * factor, _NARROWEST), _WIDEST)

    def _stand(self, walker: Walker, result: Relaxed, counts: tuple[int, ...]) -> None:
        walker.atoms, walker.counts = result.atoms.copy(), counts
        walker.energy_eV_per_atom = float(result.energy_eV_per_atom)
        walker.origin = result.candidate.id
        above = self._above(walker)
        if above < walker.lowest_eV - _SAME_eV:
            walker.lowest_eV, walker.idle = above, 0

    def _taken_below_eV(self, walker: Walker, atoms: Atoms) -> float:
        """Energy per atom below which a hop to these atoms would be taken."""
        counts = counts_of(atoms, self.space)
        assert counts is not None
        return self._above(walker) + walker.threshold_eV - self._hull.above(counts, 0.0)

    def _above(self, walker: Walker) -> float:
        return self._hull.above(walker.counts, walker.energy_eV_per_atom)


def hop(atoms: Atoms, width: float, rng: np.random.Generator, space: SearchSpace) -> Atoms | None:
    """A (supercell of a) crystal with every atom displaced and the cell strained at random, at its volume per atom.

    Args:
        atoms: a minimum, not changed.
        width: standard deviation of each displacement in units of the cube root of the volume per atom; that of each
            strain is half of it.
        rng: source of every random number.
        space: what the child must belong to.
    """
    volume_A3 = abs(atoms.cell.volume) / len(atoms)
    for _ in range(_TRIES):
        child = random_fitting(atoms, rng, space)
        if child is None:
            return None
        strain = rng.normal(0.0, width / 2, (3, 3))
        child.set_cell(child.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        if abs(child.cell.volume) < 1e-3:
            continue
        set_volume(child, volume_A3 * len(child))
        child.positions += rng.normal(0.0, width * volume_A3 ** (1 / 3), child.positions.shape)
        if (made := accepted(child, space)) is not None:
            return made
    return None
