"""Which relaxations deserve more model calls: those that may end low enough, or somewhere new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from discover.composition import fractions_of
from discover.findings import Findings
from discover.forecast import Forecast, Rung
from discover.foretelling import Foretelling, Foretold
from discover.worker import Halted, Verdict
from searchers.candidate import Candidate, useful_below_eV_per_atom

FALLING = 0.15
"""Fingerprint distance to a known structure below which a relaxation may be falling into it: within what two
relaxations of one crystal are apart (`discover.findings.FINGERPRINT_TOLERANCE`)."""
FALLS_INTO = "falls into"
"""How the reason of such a verdict begins."""
NOVEL = 0.6
"""Distance to everything known beyond which a structure is new country: distances of random TiC cells have a median of
1.3, of relatives 0.2."""
NOVELTY_BONUS = 0.25
"""Share of the usual risk that is taken with new country."""


@dataclass
class _Watched:
    """A relaxation that has been held at least once."""

    rungs: list[Rung] = field(default_factory=list)
    foretold: Foretold | None = None
    into: int | None = None


@dataclass(frozen=True)
class _End:
    """What is known of where a relaxation will end."""

    chance_below: Callable[[float], float]
    may_be: Callable[[float, float], bool]


class Pruner:
    """Stops a relaxation whose searcher has no use for where it will end, and one that falls into a known structure.

    The searcher says below which energy it has a use for a candidate (`searchers.candidate.useful_below`). A
    relaxation is stopped where the forecast gives it less than `risk` to end there; a quarter of that where it is far
    from all that is known. It is a repeat where a known structure matches it (StructureMatcher) and has an energy that
    it will reach: not more below it than the forecast's largest drop, not above it by more than energies of one
    structure differ. The successive-halving idea of Jamieson and Talwalkar (AISTATS 2016), but decided by prediction
    with its uncertainty, for a plain truncation stops ground states that begin high.

    What may end near the hull is relaxed to its end, whatever its searcher thinks of it.

    findings: what is known.
    risk: of stopping a relaxation that would have been of use; 0 stops none.
    near_hull_eV: per atom, above the hull; whatever may end lower is a possible hit.
    forecast: what earlier relaxations taught.
    """

    def __init__(
        self, findings: Findings, risk: float, near_hull_eV: float = 0.0, forecast: Forecast | None = None
    ) -> None:
        self.risk = risk
        self.near_hull_eV = near_hull_eV
        self.forecast = forecast or Forecast()
        self.foretelling = Foretelling()
        self._findings = findings
        self._watched: dict[int, _Watched] = {}

    def verdict(self, candidate: Candidate, halted: Halted) -> Verdict:
        """Whether the relaxation goes on."""
        halt, n = halted.halt, len(halted.halt.atoms)
        watched = self._watched.setdefault(halt.id, _Watched())
        if halt.foretold_error_eV is None:
            rung = Rung(halt.enthalpy_eV / n, halt.expected_drop_eV / n)
            watched.rungs.append(rung)
            end = _End(partial(self.forecast.chance_below, rung), partial(self.forecast.may_end_at, rung))
        else:
            watched.foretold = foretold = Foretold(halt.enthalpy_eV / n, halt.foretold_error_eV / n)
            end = _End(partial(self.foretelling.chance_below, foretold), partial(self.foretelling.may_end_at, foretold))
        distance = self._findings.nearest(halt.atoms, halted.fingerprint)[1]
        if distance <= FALLING:
            known = self._findings.repeated_by(halt.atoms, FALLING, halted.fingerprint)
            tolerance_eV = self._findings.energy_tolerance_eV
            if known is not None and end.may_be(self._findings.energy_eV_per_atom(known), tolerance_eV):
                watched.into = known
                return Verdict(halt.id, f"{FALLS_INTO} {known}")
        hit_eV = self._findings.hull.level(fractions_of(halt.atoms)) + self.near_hull_eV
        wanted = max(useful_below_eV_per_atom(candidate), hit_eV)
        risk = self.risk * (NOVELTY_BONUS if distance > NOVEL else 1.0)
        chance = end.chance_below(wanted)
        if chance < risk:
            return Verdict(halt.id, f"hopeless: {chance:.1%} to end below {wanted:.3f} eV/atom")
        return Verdict(halt.id)

    def end(self, id: int, energy_eV_per_atom: float | None) -> int | None:
        """Learn from a relaxation that has ended; id of the known structure that it was stopped for, or None.

        energy_eV_per_atom: where it went to its end.
        """
        watched = self._watched.pop(id, None)
        if watched is None:
            return None
        if energy_eV_per_atom is not None:
            self.forecast.learn(watched.rungs, energy_eV_per_atom)
            if watched.foretold is not None:
                self.foretelling.learn(watched.foretold, energy_eV_per_atom)
        return watched.into
