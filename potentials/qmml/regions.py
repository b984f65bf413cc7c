"""From what a user calls a region to the atoms of one or more capped clusters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase.geometry import find_mic

from potentials.neighbours import Structure
from potentials.potential import Potential
from potentials.qmml.bonds import Bonds
from potentials.qmml.cluster import Cluster, cut_out, refusal
from potentials.qmml.errors import CrowdedError, QmmlError, RegionError
from potentials.qmml.settings import Buffer, QmmlSettings, Region, Sphere

MOST_BONDS = 2
"""From an outside atom into a grown region; one with more is as good as inside."""


@dataclass(frozen=True)
class Chosen:
    """Atoms of one region.

    Attributes:
        core: what was asked for.
        members: with the buffer, and what bonds that must not be cut have brought along.
        charge, multiplicity: as said.
    """

    core: frozenset[int]
    members: frozenset[int]
    charge: int
    multiplicity: int | None


def clusters_of(ml: Potential, structure: Structure, settings: QmmlSettings) -> list[Cluster]:
    """The capped clusters that the settings' regions are in a structure.

    Raises:
        RegionError: a region that cannot be cut out so.
        NoDomainError: atoms outside the domain of a potential that has none.
    """
    bonds = Bonds.of(structure)
    chosen = [one for region in settings.all_regions for one in _chosen(ml, bonds, region, settings)]
    return cut(bonds, _apart(bonds, chosen, settings), settings)


def cut(bonds: Bonds, chosen: Sequence[Chosen], settings: QmmlSettings) -> list[Cluster]:
    """Each region as a capped cluster.

    Raises:
        RegionError: one that cannot be cut out.
    """
    found = []
    for one in chosen:
        _check_size(len(one.members), settings)
        cluster = cut_out(
            bonds, one.members, one.core, settings.cap, settings.most_polar, one.charge, one.multiplicity
        )
        _check_size(len(cluster.numbers), settings)
        found.append(cluster)
    return found


def _chosen(ml: Potential, bonds: Bonds, region: Region, settings: QmmlSettings) -> list[Chosen]:
    charge = settings.charge if region.charge is None else region.charge
    multiplicity = settings.multiplicity if region.multiplicity is None else region.multiplicity
    if region.outside_domain:
        cores = pieces(bonds, outside_domain(ml, bonds.structure))
        if charge and len(cores) > 1:
            raise RegionError(
                f"charge: {len(cores)} separate regions lie outside the domain; say by atoms which is charged"
            )
    elif region.sphere is not None:
        cores = [in_sphere(bonds.structure, region.sphere)]
    else:
        cores = [_listed(bonds, region.atoms or [])]
    found = []
    for core in cores:
        members = buffered(bonds, core, settings.buffer)
        if region.atoms is None or settings.buffer is not None:
            members = grown(bonds, members, settings)
        found.append(Chosen(frozenset(core), frozenset(members), charge, multiplicity))
    return _merged(bonds, found, settings) if region.outside_domain else found


def _listed(bonds: Bonds, atoms: Sequence[int]) -> set[int]:
    n = len(bonds.structure.numbers)
    strange = [k for k in atoms if k >= n]
    if strange:
        raise RegionError(f"region.atoms: there is no atom {strange[0]}; the structure has {n}, counted from 0")
    return set(atoms)


def distances_A(structure: Structure, centre: int | tuple[float, float, float]) -> np.ndarray:
    """From an atom or a point to the nearest image of each atom, Å, (n,).

    Raises:
        RegionError: there is no such atom.
    """
    if isinstance(centre, int):
        if not 0 <= centre < len(structure.numbers):
            n = len(structure.numbers)
            raise RegionError(f"sphere.centre: there is no atom {centre}; the structure has {n}, counted from 0")
        point = structure.positions[centre]
    else:
        point = np.array(centre, float)
    return np.asarray(find_mic(structure.positions - point, structure.cell, pbc=True)[1])


def in_sphere(structure: Structure, sphere: Sphere, before: Collection[int] = ()) -> set[int]:
    """Atoms within the radius, and those of before that have not left yet.

    Raises:
        RegionError: there is none.
    """
    r = distances_A(structure, sphere.centre)
    leave_A = sphere.radius_A + 0.5 if sphere.leave_A is None else sphere.leave_A
    found = {int(k) for k in np.flatnonzero(r <= sphere.radius_A)} | {k for k in before if r[k] <= leave_A}
    if not found:
        raise RegionError(
            f"sphere: no atom lies within {sphere.radius_A:g} Å of its centre (the nearest: {r.min():.2f} Å)"
        )
    return found


def outside_domain(ml: Potential, structure: Structure) -> set[int]:
    """Atoms whose surroundings are unlike the potential's reference set, by its uncertainty.

    Raises:
        NoDomainError: nobody has made a domain of this potential.
        RegionError: there is no such atom.
    """
    from potentials.uncertainty import uncertainty_of

    estimate = uncertainty_of(ml).estimate(ml, structure)
    found = {int(k) for k in np.flatnonzero(estimate.distance > estimate.threshold)}
    if not found:
        raise RegionError(
            f"outside_domain: no atom lies outside {ml.metadata.name}'s domain (largest distance "
            f"{estimate.distance.max():.2f}, threshold {estimate.threshold:.2f}); nothing is to be done by QM"
        )
    return found


def buffered(bonds: Bonds, core: Collection[int], buffer: Buffer | None) -> set[int]:
    """The core and its buffer."""
    found = set(core)
    if buffer is None:
        return found
    if buffer.hops is not None:
        for _ in range(buffer.hops):
            found |= bonds.neighbours(found)
        return found
    for atom in core:
        found |= {int(k) for k in np.flatnonzero(distances_A(bonds.structure, atom) <= (buffer.radius_A or 0.0))}
    return found


def whole(bonds: Bonds, atoms: Collection[int], settings: QmmlSettings) -> set[int]:
    """Grown until no bond is cut that must not be: multiple and polar ones, and those to atoms with no other bond.

    Raises:
        RegionError: it cuts a bond to a metal, of which there would be no end; it has grown beyond `most_atoms`.
    """
    found, why = set(atoms), None
    _check_size(len(found), settings)  # before its pairs are looked at
    while True:
        crossing = bonds.crossing(found)
        outer, counts = np.unique(bonds.second[crossing], return_counts=True)
        more = {int(k) for k in outer[counts > MOST_BONDS]}
        for k in crossing:
            against = bonds.why_not_cut(int(k), settings.most_polar)
            if against is not None:
                if bonds.to_metal(int(k)):
                    raise RegionError(refusal(bonds, int(k), against))
                why = against
                more.add(int(bonds.second[k]))
            elif bonds.degrees[bonds.second[k]] == 1:
                more.add(int(bonds.second[k]))
        if not more:
            return found
        found |= more
        if len(found) > settings.most_atoms:
            raise RegionError(
                f"the region has grown to {len(found)} atoms over bonds that must not be cut ({why or 'rings'}), and "
                f"most_atoms is {settings.most_atoms}; where all bonds are polar no capped cluster can be cut out"
            )


def grown(bonds: Bonds, atoms: Collection[int], settings: QmmlSettings) -> set[int]:
    """As `whole`, and grown on where a cap would sit on another atom.

    Raises:
        RegionError: as of `whole` and of `cut_out`.
    """
    found = whole(bonds, atoms, settings)
    while True:
        try:
            cut_out(bonds, found, atoms, settings.cap, settings.most_polar)
        except CrowdedError as crowded:
            found = whole(bonds, found | {crowded.outer}, settings)
        else:
            return found


def pieces(bonds: Bonds, atoms: Collection[int]) -> list[set[int]]:
    """Bonded pieces of a set of atoms."""
    left, found = set(atoms), []
    while left:
        piece = {left.pop()}
        while more := bonds.neighbours(piece) & left:
            piece |= more
            left -= more
        found.append(piece)
    return found


def _meet(bonds: Bonds, one: Chosen, other: Chosen) -> str | None:
    """How two regions are in each other's way, for a message; None where they are not."""
    shared = one.members & other.members
    if shared:
        return f"share {bonds.name(min(shared))}"
    touched = bonds.neighbours(one.members)
    if touched & other.members:
        return f"are bonded to each other at {bonds.name(min(touched & other.members))}"
    between = touched & bonds.neighbours(other.members)
    if between:
        return f"both end at {bonds.name(min(between))}, in whose place two caps would sit"
    return None


def _apart(bonds: Bonds, chosen: Sequence[Chosen], settings: QmmlSettings) -> list[Chosen]:
    """Regions none of which meets another.

    Raises:
        RegionError: some do, and are not to be merged.
    """
    if settings.overlap == "merge":
        return _merged(bonds, chosen, settings)
    for k, one in enumerate(chosen):
        for offset, other in enumerate(chosen[k + 1 :], start=k + 2):
            how = _meet(bonds, one, other)
            if how is not None:
                raise RegionError(
                    f"regions {k + 1} and {offset} {how}: each would be counted without the other; make them one "
                    "region, or say overlap: merge"
                )
    return list(chosen)


def _merged(bonds: Bonds, chosen: Iterable[Chosen], settings: QmmlSettings) -> list[Chosen]:
    """With those that meet made one; charges add up."""
    left, found = list(chosen), list[Chosen]()
    while left:
        one = left.pop(0)
        near = next((k for k, other in enumerate(left) if _meet(bonds, one, other)), None)
        if near is None:
            found.append(one)
            continue
        other = left.pop(near)
        if {one.multiplicity, other.multiplicity} - {None, 1}:
            raise QmmlError("multiplicity: regions that are merged have one in common; give them as one region")
        members = grown(bonds, one.members | other.members, settings)
        left.insert(0, Chosen(one.core | other.core, frozenset(members), one.charge + other.charge, one.multiplicity))
    return found


def _check_size(n: int, settings: QmmlSettings) -> None:
    if n > settings.most_atoms:
        raise RegionError(
            f"the capped region has {n} atoms or more, and most_atoms is {settings.most_atoms}; choose less, or raise "
            "it"
        )


def depth_bonds(bonds: Bonds, cluster: Cluster) -> int | None:
    """Bonds from the region itself to the nearest cut bond: 0 where its own atoms are capped; None without caps."""
    ends, found, depth = set(cluster.ends.tolist()), {int(k) for k in cluster.members[cluster.core]}, 0
    while ends and (around := bonds.neighbours(found)):
        if around & ends:
            return depth
        found, depth = found | around, depth + 1
    return None  # nothing is cut, or only what no bond joins to the region
