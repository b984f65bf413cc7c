"""Simulated annealing and parallel tempering of crystals, many walkers at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import e, isfinite
from typing import Any, Literal, Self

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from searchers import moves
from searchers.acceptance import acceptance_probability, largest_accepted_rise_eV, swap_probability
from searchers.candidate import Candidate, Relaxed, candidate_rng, useful_below
from searchers.chemical_potential import ElementEnergies
from searchers.cooling import Schedule, schedule_from
from searchers.distances import far_enough
from searchers.encoding import atoms_from_json, atoms_to_json
from searchers.generation import NoStructureError, SymmetricGenerator
from searchers.replica import Pending, Replica
from searchers.space import SearchSpace
from searchers.starts import Starts
from searchers.supercell import supercell_of
from searchers.volume import estimate_volume

_TRIES = 60  # proposals outside the walls in a row before a walker starts afresh
_ELEMENT_TRIES = 5  # starts from one element before its chemical potential is given up
_WALLS = (0.5, 2.0)  # of the estimated volume; on basins' energies nothing else holds a landscape walk
_SHAPE_MOVES = {"rattle": 0.6, "strain": 0.4}
_MIXED_MOVES = {"rattle": 0.4, "strain": 0.3, "swap": 0.3}
_OPEN_MOVES = {"rattle": 0.25, "strain": 0.15, "swap": 0.15, "substitute": 0.15, "add": 0.15, "remove": 0.15}


class SimulatedAnnealing:
    """Walkers that go from crystal to crystal, downhill always and uphill with Boltzmann's probability.

    Each walker starts from a random crystal and has one proposal out at a time. Proposals are relaxed, so
    that the walk sees the energies of basins: D. J. Wales and J. P. K. Doye, J. Phys. Chem. A 101, 5111
    (1997).

    walk="minima" goes on from the relaxed crystal (Monte-Carlo minimisation: Z. Li and H. A. Scheraga, PNAS
    84, 6611 (1987)). It finds low energies fastest, but it samples no known distribution: which basin is
    proposed from which is not symmetric, and nobody knows the Hastings factor. Plain Metropolis is used.

    walk="landscape" keeps the proposal unrelaxed as its state, with the energy of its basin. At a fixed
    temperature and with fixed step sizes the moves' Hastings factors (`searchers.moves`) then keep
    Boltzmann's weights of that transformed landscape exactly, between hard walls (minimum distances, atoms
    allowed, 0.5 to 2 times the estimated volume). While cooling, during burn-in (the first quarter of the
    steps, which adapts the step sizes) and where a walker starts afresh after 60 proposals outside the walls,
    they do not. Proposals outside the walls are rejections that cost no candidate: they count in the
    residence time of a state, not in `steps`. So the weight of a state is the sum of `info["tries"]` of the
    candidates proposed from it, not their number. A proposal that comes back without an energy is rejected, too.

    At fixed composition E is the energy of the whole cell. Where compositions are searched it is E - Σ μ_i
    N_i, μ_i the lowest energy of the element known when both all elements and the walkers' first energies
    are; until then the missing elements are started from first (at most 5 times each), and composition is not
    changed. μ stays from then on.

    Attributes:
        space: what may be visited.
        seed: the campaign's seed; all randomness about candidate k comes from (seed, k).
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        first_id: int = 0,
        replicas: int = 8,
        t_start_K: float | None = None,
        t_end_K: float | None = None,
        steps: int = 40,
        tempering: bool = False,
        walk: Literal["minima", "landscape"] = "minima",
        generator: SymmetricGenerator | None = None,
    ) -> None:
        """Set the walkers up.

        Args:
            space: what may be visited.
            seed: the campaign's seed.
            first_id: id of the first candidate.
            replicas: walkers; as many candidates can be out at once.
            t_start_K: None takes half the spread of the first energies.
            t_end_K: None takes a fiftieth of the start.
            steps: proposals of a walker from start to end, then it starts afresh; tempering has no end.
            tempering: walkers on a ladder of temperatures that neighbours exchange, instead of cooling.
            walk: "minima" or "landscape", see above.
            generator: of random crystals.
        """
        if replicas < 1:
            raise ValueError(f"annealing needs at least one replica (is {replicas})")
        if walk not in ("minima", "landscape"):
            raise ValueError(f'walk must be "minima" or "landscape" (is {walk!r})')
        schedule_from([], t_start_K, t_end_K, steps)  # complains now rather than after the first relaxations
        self.space, self.seed = space, seed
        self._settings: dict[str, Any] = {
            "t_start_K": t_start_K, "t_end_K": t_end_K, "steps": steps, "tempering": tempering, "walk": walk,
        }  # fmt: skip
        self._steps, self._tempering, self._walk = steps, tempering, walk
        self.next_id = first_id
        self._starts = Starts(space, generator or SymmetricGenerator(space))
        self._replicas = [Replica(rung=k) for k in range(replicas)]
        self._pending: dict[int, Pending] = {}
        self._first: list[tuple[float, Atoms]] = []
        self._element_tries = dict.fromkeys(space.elements, 0)
        self._potentials = ElementEnergies(space.elements)
        self._numbers = [atomic_numbers[symbol] for symbol in space.elements]
        # e times the volume per atom makes adding and removing about equally likely at equal energies.
        self._gas_A3 = e * float(np.mean([estimate_volume({symbol: 1}) for symbol in space.elements]))

    def ask(self, n: int) -> list[Candidate]:
        """One proposal of each of at most n walkers that have none out; none only where all have.

        Raises:
            GenerationError: pyxtal cannot be run.
        """
        free = [replica for replica in self._replicas if replica.pending is None]
        return [self._propose(replica) for replica in sorted(free, key=lambda r: r.asked)[: max(n, 0)]]

    def tell(self, relaxed: Sequence[Relaxed]) -> None:
        """Accept or reject proposals; learn the elements' energies from all results."""
        for result in relaxed:
            self._potentials.learn(result)
            self._starts.learn(result)
        for result in relaxed:
            pending = self._pending.pop(result.candidate.id, None)
            if pending is not None:
                self._judge(pending, result)
        if len(self._first) == len(self._replicas):
            self._potentials.freeze()

    def temperatures_K(self) -> list[float]:
        """The walkers' present temperatures."""
        schedule = self._schedule()
        return [self._temperature_K(replica, schedule) for replica in self._replicas]

    def _propose(self, replica: Replica) -> Candidate:
        id = self.next_id
        rng = candidate_rng(self.seed, id)
        missing = self._next_missing() if self.space.variable else None
        moved = None if missing or replica.atoms is None else self._move(replica, rng)
        parents = () if moved is None else (replica.origin,)
        info: dict[str, Any] = {"replica": self._replicas.index(replica), "step": replica.step}
        if moved is None:
            replica.clear()
            pending, made = self._start(info["replica"], missing, rng)
            info |= made
        else:
            name, (atoms, ln_hastings), info["tries"] = moved
            pending = Pending(info["replica"], atoms, ln_hastings, name)
            info |= useful_below(self._accepted_below_eV(replica, pending, id))
        self.next_id += 1
        self._pending[id], replica.pending = pending, id
        replica.asked += 1
        return Candidate(id, pending.atoms.copy(), pending.move, parents, self.seed, info=info)

    def _next_missing(self) -> str | None:
        """An element to start from, because its energy is not known and nobody is looking for it."""
        out = {frozenset(p.atoms.get_chemical_symbols()) for p in self._pending.values()}
        for element in self._potentials.missing:
            if frozenset([element]) not in out and self._element_tries[element] < _ELEMENT_TRIES:
                self._element_tries[element] += 1
                return element
        return None

    def _start(self, index: int, element: str | None, rng: np.random.Generator) -> tuple[Pending, dict[str, Any]]:
        operator, atoms, info = self._starts.draw(rng) if element is None else self._of_element(element, rng)
        return Pending(index, _plain(atoms), 0.0, operator), info

    def _of_element(self, element: str, rng: np.random.Generator) -> tuple[str, Atoms, dict[str, Any]]:
        """A crystal of one element; of anything where the space groups wanted have none of it."""
        sizes = range(self.space.min_atoms, self.space.max_atoms + 1)
        alone = [tuple(n * (symbol == element) for symbol in self.space.elements) for n in sizes]
        try:
            return self._starts.draw(rng, alone)
        except NoStructureError:
            return self._starts.draw(rng)

    def _move(self, replica: Replica, rng: np.random.Generator) -> tuple[str, moves.Proposal, int] | None:
        """A move that stays inside the walls, and how many it took; those that do not are rejections for nothing."""
        assert replica.atoms is not None
        table = _MIXED_MOVES if len(self.space.elements) > 1 else _SHAPE_MOVES
        if self.space.variable and self._potentials.frozen:
            table = _OPEN_MOVES
        for tries in range(1, _TRIES + 1):
            name = str(rng.choice(list(table), p=list(table.values())))
            proposal = self._try(name, replica, rng)
            if proposal is not None and self._inside(proposal[0]):
                return name, proposal, tries
        return None

    def _try(self, name: str, replica: Replica, rng: np.random.Generator) -> moves.Proposal | None:
        atoms = replica.atoms
        assert atoms is not None
        match name:
            case "rattle":
                return moves.rattle(atoms, replica.widths[name], rng)
            case "strain":
                return moves.strain(atoms, replica.widths[name], rng)
            case "swap":
                return moves.swap(atoms, rng)
            case "substitute":
                return moves.substitute(atoms, self._numbers, rng)
            case "add":
                return moves.add(atoms, self._numbers, self._gas_A3, rng)
        return moves.remove(atoms, self._numbers, self._gas_A3, rng)

    def _inside(self, atoms: Atoms) -> bool:
        symbols = atoms.get_chemical_symbols()
        if not self.space.allows(symbols):
            return False
        if self._walk == "landscape":
            usual_A3 = estimate_volume({symbol: symbols.count(symbol) for symbol in set(symbols)})
            if not _WALLS[0] * usual_A3 <= atoms.cell.volume <= _WALLS[1] * usual_A3:
                return False
        return far_enough(atoms, self.space.min_distance_scale)

    def _judge(self, pending: Pending, result: Relaxed) -> None:
        replica, id = self._replicas[pending.replica], result.candidate.id
        rng = _acceptance_rng(self.seed, id)
        replica.pending = None
        # Relaxation hands back the primitive cell; energies compare in the cell that was proposed.
        energy_eV = float(result.energy_eV_per_atom) * len(pending.atoms)
        usable = result.fate.has_energy and isfinite(energy_eV)
        if replica.atoms is None:
            if usable:
                replica.settle(self._state_after(pending, result, rng), energy_eV, id)
                self._learn_spread(energy_eV, pending.atoms)
            return
        accepted = usable and self._accepts(replica, pending, energy_eV, rng)
        if replica.step < self._steps // 4:
            replica.adapt(pending.move, accepted)
        if accepted:
            replica.settle(self._state_after(pending, result, rng), energy_eV, id)
        replica.step += 1
        if self._tempering:
            self._exchange(replica, rng)
        elif replica.step >= self._steps:
            replica.clear()

    def _accepts(self, replica: Replica, pending: Pending, energy_eV: float, rng: np.random.Generator) -> bool:
        assert replica.atoms is not None
        rise_eV = energy_eV - self._potentials.of(pending.atoms) - self._walked_energy_eV(replica)
        ln_hastings = pending.ln_hastings if self._walk == "landscape" else 0.0
        temperature_K = self._temperature_K(replica, self._schedule())
        return bool(rng.random() < acceptance_probability(rise_eV, temperature_K, ln_hastings))

    def _accepted_below_eV(self, replica: Replica, pending: Pending, id: int) -> float:
        """Energy per atom at which the proposal will be accepted: its random number is drawn already.

        So a relaxation that is stopped for ending higher changes nothing about the walk, unless the walker's
        temperature does meanwhile.
        """
        chance = _acceptance_rng(self.seed, id).random()
        temperature_K = self._temperature_K(replica, self._schedule())
        ln_hastings = pending.ln_hastings if self._walk == "landscape" else 0.0
        rise_eV = largest_accepted_rise_eV(chance, temperature_K, ln_hastings)
        return (self._walked_energy_eV(replica) + self._potentials.of(pending.atoms) + rise_eV) / len(pending.atoms)

    def _state_after(self, pending: Pending, result: Relaxed, rng: np.random.Generator) -> Atoms:
        if self._walk == "landscape":
            return pending.atoms
        grown = supercell_of(result.atoms, len(pending.atoms), rng)
        return pending.atoms if grown is None else _plain(grown)

    def _walked_energy_eV(self, replica: Replica) -> float:
        """E - Σ μN of the walker's state; at fixed composition the sum is a constant that cancels."""
        assert replica.atoms is not None
        return replica.energy_eV - self._potentials.of(replica.atoms)

    def _exchange(self, replica: Replica, rng: np.random.Generator) -> None:
        """Offer to swap temperatures with the walker one rung up or down."""
        rung = replica.rung + (1 if rng.random() < 0.5 else -1)
        other = next((r for r in self._replicas if r.rung == rung), None)
        if other is None or other.atoms is None or replica.atoms is None:
            return
        schedule = self._schedule()
        probability = swap_probability(
            self._walked_energy_eV(replica),
            self._temperature_K(replica, schedule),
            self._walked_energy_eV(other),
            self._temperature_K(other, schedule),
        )
        if rng.random() < probability:
            replica.rung, other.rung = other.rung, replica.rung

    def _learn_spread(self, energy_eV: float, atoms: Atoms) -> None:
        if len(self._first) < len(self._replicas):
            self._first.append((energy_eV, atoms))

    def _schedule(self) -> Schedule:
        """Cooling by the first energies known so far; fixed as soon as all walkers have one."""
        size = float(np.mean([len(atoms) for _, atoms in self._first] or [1]))
        spread = [size * (energy_eV - self._potentials.of(atoms)) / len(atoms) for energy_eV, atoms in self._first]
        return schedule_from(spread, self._settings["t_start_K"], self._settings["t_end_K"], self._steps)

    def _temperature_K(self, replica: Replica, schedule: Schedule) -> float:
        if self._tempering:
            return schedule.ladder(len(self._replicas))[replica.rung]
        return schedule.at(replica.step)

    def state(self) -> dict[str, Any]:
        """Walkers, proposals that are out, what is known of elements and temperatures, and the settings."""
        return {
            "seed": self.seed,
            "next_id": self.next_id,
            "settings": dict(self._settings),
            "replicas": [replica.to_json() for replica in self._replicas],
            "pending": {str(id): pending.to_json() for id, pending in self._pending.items()},
            "first": [[energy_eV, atoms_to_json(atoms)] for energy_eV, atoms in self._first],
            "element_tries": dict(self._element_tries),
            "element_energies_eV": dict(self._potentials.lowest_eV),
            "elements_frozen": self._potentials.frozen,
            "starts": self._starts.state(),
        }

    @classmethod
    def from_state(cls, space: SearchSpace, state: dict[str, Any]) -> Self:
        """The search whose `state()` this was."""
        search = cls(space, state["seed"], state["next_id"], len(state["replicas"]), **state["settings"])
        search._starts = Starts.from_state(space, state["starts"])
        search._replicas = [Replica.from_json(data) for data in state["replicas"]]
        search._pending = {int(id): Pending.from_json(data) for id, data in state["pending"].items()}
        search._first = [(energy_eV, atoms_from_json(data)) for energy_eV, data in state["first"]]
        search._element_tries = dict(state["element_tries"])
        search._potentials = ElementEnergies(space.elements, state["element_energies_eV"], state["elements_frozen"])
        return search

    def close(self) -> None:
        """End the generator's child process."""
        self._starts.generator.close()


def _acceptance_rng(seed: int, id: int) -> np.random.Generator:
    """What judges a proposal, apart from what made it."""
    return candidate_rng(seed, id).spawn(1)[0]


def _plain(atoms: Atoms) -> Atoms:
    """Numbers, positions and cell alone, as a resumed search has them."""
    return atoms_from_json(atoms_to_json(atoms))
