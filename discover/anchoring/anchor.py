"""Anchoring a run: DFT on the structures that decide its hull, each result kept as it comes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from discover.anchoring.assessment import Assessment, Assessor, undetermined
from discover.anchoring.files import KnownEnergy, formula, match, read_all_energies
from discover.anchoring.hull_distances import pure_places
from discover.anchoring.loop import Loop, Oracle, Step
from discover.anchoring.stored import FOLDER, Anchoring, AnchorStep, read_anchoring
from discover.anchoring.subjects import Subject, features_of, subjects
from discover.composition import fractions_of
from discover.config_sections import AnchorSettings
from discover.dft_level import level_of
from discover.errors import InputError
from discover.hull import ON_HULL_EV
from discover.progress import Progress, Silent
from discover.records import Hull, HullEntry
from potentials import Potential
from potentials.dft import DFTError, DFTPool, DFTResult, DFTSettings, identity
from potentials.primitive import space_group


def check_anchor(settings: AnchorSettings, elements: Sequence[str], pressure_GPa: float) -> dict[str, str]:
    """Version of the code and of its data sets; refuse what cannot run before anything starts.

    Raises:
        InputError: no such code or data set here, or a file of energies that cannot be read.
    """
    if settings.calculator == "none":
        read_all_energies(settings.files, elements)
        return {}
    try:
        return identity(level_of(settings, pressure_GPa), elements)
    except DFTError as error:
        raise InputError(f"anchor: {error}") from None


@dataclass
class Anchor:
    """One run's hull and what anchors it.

    Attributes:
        path: of the run's folder.
        hull: by the potential.
        atoms_of: structure of an entry, KeyError where there is none.
        potential: the hull's own.
        settings: the campaign's `anchor`.
        seed: of the posterior's draws.
        progress: where news go.
    """

    path: Path
    hull: Hull
    atoms_of: Callable[[int | str], Atoms]
    potential: Potential
    settings: AnchorSettings
    seed: int = 0
    progress: Progress = Silent()  # noqa: RUF009 - it holds nothing

    def run(self, make_oracle: Callable[[DFTSettings, Mapping[str, str], Path, int], Oracle] = DFTPool) -> Anchoring:
        """Anchor it; what was calculated before, whenever and wherever it stopped, is not calculated again.

        make_oracle: DFTPool, or a stand-in with the same arguments.

        Raises:
            InputError: no code, no data set, a hull without an element's reference, an element that DFT fails on.
        """
        identity = check_anchor(self.settings, self.hull.elements, self.hull.pressure_GPa)
        self._prepare()
        if self.settings.calculator == "none":
            return self._from_files()
        level = level_of(self.settings, self.hull.pressure_GPa)
        oracle = make_oracle(level, identity, self.path / FOLDER, self.settings.workers or os.cpu_count() or 1)
        try:
            return self._calculate(oracle, level, identity)
        finally:
            close = getattr(oracle, "close", None)
            if close is not None:
                close()

    def _prepare(self, extra: Sequence[Subject] = ()) -> None:
        """Structures, features and the model of all that can be anchored."""
        known = [e for e in self.hull.own_entries if self._has_structure(e.id)]
        self._left_out = [e.id for e in self.hull.own_entries if not self._has_structure(e.id)]
        pressure_GPa = self.hull.pressure_GPa
        self._subjects = [*subjects(known, self.atoms_of, self.potential, pressure_GPa), *extra]
        features = features_of(self._subjects, self.hull.elements)
        pure = pure_places(features.fractions)
        missing = [e for e, places in zip(self.hull.elements, pure, strict=True) if not len(places)]
        if missing and not np.allclose(features.fractions, features.fractions[0]):
            raise InputError(
                f"{self.path}: no structure of {missing[0]} has an energy, so formation energies have no zero; "
                "go on with the search first"
            )
        self._fractions = features.fractions
        self._energies = np.array([s.entry.energy_eV_per_atom for s in self._subjects])
        self._above = np.array([s.entry.e_above_hull_eV_per_atom for s in self._subjects])
        self._assessor = Assessor(features, self._energies, self.settings.within_eV_per_atom, self.seed)

    def _has_structure(self, id: int | str) -> bool:
        try:
            self.atoms_of(id)
        except KeyError:
            return False
        return True

    def _loop(self) -> Loop:
        most = self.settings.most_atoms
        too_large = {k for k, s in enumerate(self._subjects) if most is not None and len(s.atoms) > most}
        pressure_GPa = self.hull.pressure_GPa

        def delta(place: int, result: DFTResult) -> float:
            return self._subjects[place].delta_eV_per_atom(result, pressure_GPa)

        atoms = [s.atoms for s in self._subjects]
        budget, strangers = self.settings.budget, self._strangers()
        return Loop(self._assessor, self._fractions, self._above, atoms, delta, budget, strangers, too_large)

    def _strangers(self) -> list[int]:
        """Outside the potential's domain, and as near to the hull as its error there; the lowest, for half the budget.

        The other half is for what decides the hull by what is known.
        """
        low = []
        for place, subject in enumerate(self._subjects):
            entry = subject.entry
            reach = min(entry.expected_error_eV_per_atom or 0.0, self.settings.within_eV_per_atom)
            if entry.in_domain is False and self._above[place] <= reach:
                low.append(place)
        return sorted(low, key=lambda k: self._above[k])[: self.settings.budget // 2]

    def _calculate(self, oracle: Oracle, level: DFTSettings, identity: Mapping[str, str]) -> Anchoring:
        loop, steps = self._loop(), []
        self.progress.start(self.settings.budget, 0, f"anchoring with {_named(level)}")
        earlier = self._earlier(oracle, loop)
        if earlier:
            self.progress.note(min(len(earlier), loop.budget), f"{len(earlier)} calculated before")
        for step in loop.run(oracle, earlier):
            steps.append(self._stored(step))
            if len(steps) < len(earlier):
                continue
            found = loop.assessment()
            self._say(steps, found)
            if found is not None:
                self._record(found, steps, loop, level.to_json(), identity).save(self.path)
        self.progress.finish()
        final = loop.assessment()
        if final is None:
            raise InputError(self._without_references(steps))
        return self._saved(self._record(final, steps, loop, level.to_json(), identity))

    def _earlier(self, oracle: Oracle, loop: Loop) -> list[Step]:
        """What was calculated before at this level, in the order of then; failures are tried anew if chosen again."""
        before = read_anchoring(self.path)
        told = {} if before is None else {s.key: (k, s.why) for k, s in enumerate(before.steps)}
        found = []
        for place, subject in enumerate(self._subjects):
            result = oracle.stored(subject.atoms)
            if result is not None and place not in loop.barred:
                key = oracle.key(subject.atoms)
                order, why = told.get(key, (len(told), "calculated before"))
                found.append((order, Step(place, key, result, loop.delta(place, result), why)))
        # Elements first: without them the others tell nothing
        return [step for _, step in sorted(found, key=lambda f: (not self._is_element(f[1].place), f[0]))]

    def _is_element(self, place: int) -> bool:
        return bool(np.isclose(self._fractions[place].max(), 1.0))

    def _saved(self, record: Anchoring) -> Anchoring:
        record.save(self.path)
        return record

    def _without_references(self, steps: Sequence[AnchorStep]) -> str:
        known = [k for k, s in enumerate(self._subjects) if s.entry.id in {t.id for t in steps if t.delta_eV_per_atom}]
        element = self.hull.elements[undetermined(self._fractions, known)[0]]
        failed = [s for s in steps if s.formula == element and s.energy_eV_per_atom is None]
        if failed:
            said = failed[-1].attempts[-1] if failed[-1].attempts else "no energy"
            return f"anchor: no structure of {element} could be calculated ({said}); see {self.path / FOLDER}"
        return (
            f"anchor.budget: {self.settings.budget} is too small: every element needs a calculation of its own, "
            f"and {element} has none yet"
        )

    def _stored(self, step: Step) -> AnchorStep:
        subject, result = self._subjects[step.place], step.result
        worked = np.isfinite(step.delta_eV_per_atom)
        return AnchorStep(
            id=subject.entry.id,
            key=step.key,
            formula=subject.entry.formula,
            space_group=subject.entry.space_group,
            energy_eV_per_atom=subject.enthalpy_eV_per_atom + step.delta_eV_per_atom if worked else None,
            delta_eV_per_atom=step.delta_eV_per_atom if worked else None,
            why=step.why,
            seconds=result.seconds,
            n_atoms=len(result.atoms),
            grid=result.grid,
            moment=result.moment,
            attempts=result.attempts,
        )

    def _say(self, steps: Sequence[AnchorStep], found: Assessment | None) -> None:
        last = steps[-1]
        name = f"{last.formula} ({last.space_group})" if last.space_group else last.formula
        failed = last.energy_eV_per_atom is None
        said = f"{name} failed: {last.attempts[-1] if last.attempts else 'no reason'}" if failed else f"{name} done"
        where = ""
        if found is not None:
            stable = {self._subjects[k].entry.formula for k in np.flatnonzero(found.above <= ON_HULL_EV)}
            where = f"; hull: {', '.join(sorted(stable))}"
        self.progress.note(len(steps), f"{said} in {last.seconds:.0f} s{where}")

    def _record(
        self,
        found: Assessment,
        steps: Sequence[AnchorStep],
        loop: Loop,
        level: Mapping[str, Any],
        identity: Mapping[str, str],
    ) -> Anchoring:
        entries = sorted(
            (self._entry(k, found, k in loop.known) for k in range(len(self._subjects))),
            key=lambda e: (e.e_above_hull_eV_per_atom, e.energy_eV_per_atom),
        )
        return Anchoring(
            level=level,
            identity=dict(identity),
            potential=dict(self.hull.potential),
            steps=list(steps),
            entries=entries,
            needs=self._needs(found, loop.barred | set(loop.known)),
            left_out=self._left_out,
            budget=self.settings.budget,
        )

    def _needs(self, found: Assessment, barred: set[int]) -> list[tuple[int | str, float]]:
        """What is not calculated, in the order in which it should be by what is known now."""
        gain = found.knowledge.gain
        order = [int(k) for k in np.argsort(-gain, kind="stable") if k not in barred and gain[k] > 0]
        return [(self._subjects[k].entry.id, float(gain[k])) for k in order]

    def _entry(self, place: int, found: Assessment, anchored: bool) -> HullEntry:
        above, one = float(found.above[place]), bool(np.allclose(self._fractions, self._fractions[0]))
        return replace(
            self._subjects[place].entry,
            energy_eV_per_atom=float(found.energies[place]),
            formation_energy_eV_per_atom=float("nan") if one else float(found.formation[place]),
            e_above_hull_eV_per_atom=above,
            on_hull=above <= ON_HULL_EV,
            sigma_eV_per_atom=float(found.sigma[place]),
            p_stable=float(found.knowledge.p_stable[place]),
            anchored=anchored,
        )

    def _from_files(self) -> Anchoring:
        """Energies that are there already: those of structures of the hull, and others, which join it."""
        given = read_all_energies(self.settings.files, self.hull.elements)
        structures = [s.atoms for s in self._subjects]
        places: list[int] = []
        strangers: list[KnownEnergy] = []
        for known in given:
            place = match(known, structures)
            if place is None:
                same = match(known, [s.atoms for s in strangers])
                place = len(structures) + (len(strangers) if same is None else same)
                strangers += [known] if same is None else []
            places.append(place)
        if strangers:
            self._prepare([self._stranger(k) for k in strangers])
        loop, steps = self._loop(), []
        lowest: dict[int, tuple[float, KnownEnergy]] = {}
        for known, place in zip(given, places, strict=True):
            result = DFTResult(known.atoms, known.energy_eV)
            delta = self._subjects[place].delta_eV_per_atom(result, self.hull.pressure_GPa)
            if place not in lowest or delta < lowest[place][0]:
                lowest[place] = delta, known
        for at, (delta, known) in lowest.items():
            loop.known[at] = delta
            step = Step(at, known.name, DFTResult(known.atoms, known.energy_eV), delta, "read from a file")
            steps.append(self._stored(step))
        open_ = undetermined(self._fractions, list(loop.known))
        if open_:
            raise InputError(
                f"anchor.files: no energy of {self.hull.elements[open_[0]]} is among them, so formation energies have "
                "no zero; add its lowest structure by the same method"
            )
        found = loop.assessment()
        assert found is not None
        level = {"files": [file.name for file in self.settings.files]}
        return self._saved(self._record(found, steps, loop, level, {}))

    def _stranger(self, known: KnownEnergy) -> Subject:
        """A structure that the search has not met, with its energy by the potential as it lies in the file."""
        entry = HullEntry(
            id=known.name,
            formula=formula(known),
            composition=fractions_of(known.atoms),
            energy_eV_per_atom=float("nan"),
            formation_energy_eV_per_atom=float("nan"),
            e_above_hull_eV_per_atom=float("inf"),
            space_group=space_group(known.atoms),
            on_hull=False,
            rung=str(self.hull.potential.get("name") or ""),
        )
        (subject,) = subjects([entry], lambda id: known.atoms, self.potential, self.hull.pressure_GPa)
        enthalpy = subject.enthalpy_eV_per_atom
        return replace(subject, entry=replace(entry, energy_eV_per_atom=enthalpy))


def _named(level: DFTSettings) -> str:
    return f"{level.code} {level.xc}"
