"""Quantum regions: what they hold, which bonds may be cut, and what is refused in which words."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, molecule

from potentials import load
from potentials.potential import structure_of
from potentials.qmml import QmmlError, QmmlSettings, RegionError, qmml
from potentials.qmml.bonds import Bonds
from potentials.qmml.elements import bond_order, cap_share, is_metal
from potentials.qmml.regions import grown, whole
from potentials.uncertainty import Estimate, NoDomainError
from tests.potentials.qmml_systems import alkane, methyl, silicon, soft

LJ = {"method": "potential", "model": "lj"}


def refused(atoms, kind=RegionError, **settings):
    with pytest.raises(kind) as error:
        qmml(soft(), atoms, LJ | settings)
    return str(error.value)


def chain(symbols, step_A):
    """Atoms in a row, far from their images."""
    n = len(symbols)
    atoms = Atoms(symbols, [[step_A * k, 0, 0] for k in range(n)])
    atoms.center(vacuum=6.0)
    atoms.pbc = True
    return atoms


def test_bond_orders_follow_from_lengths():
    assert [bond_order(6, 6, r) for r in (1.20, 1.34, 1.50, 1.6)] == pytest.approx([3, 2, 1, 1])
    assert 1.4 < bond_order(6, 6, 1.42) <= 1.51  # graphene
    assert bond_order(14, 14, 2.35) == 1.0
    assert cap_share(6, 6, 1) * 1.50 == pytest.approx(1.07)
    assert cap_share(14, 14, 1) * 2.35 == pytest.approx(1.50, abs=0.01)
    assert is_metal(13) and is_metal(31) and not is_metal(14) and not is_metal(18)


def test_bonds_reach_across_the_cells_boundaries():
    bonds = Bonds.of(structure_of(bulk("Si").repeat((3, 3, 3))))
    assert (bonds.degrees == 4).all() and bonds.lengths_A == pytest.approx(2.351, abs=1e-3)


def test_a_multiple_bond_is_not_cut():
    sheet = graphene(size=(4, 4, 1), vacuum=8.0)
    sheet.pbc = True
    said = refused(sheet, region={"atoms": [0]})
    other = said.partition("C0-C")[2].partition(" ")[0]
    assert said == (
        f"the region cuts what must not be cut: the bond C0-C{other} (1.42 Å) is a multiple bond (order 1.5 by its "
        f"length); take C{other} into the region too"
    )


def test_a_polar_bond_is_not_cut():
    quartz = chain(["Si", "O", "Si", "O"], 1.6)
    assert refused(quartz, region={"atoms": [0]}) == (
        "the region cuts what must not be cut: the bond Si0-O1 (1.60 Å) is polar (electronegativities differ by 1.54, "
        "more than 0.3); take O1 into the region too"
    )
    arsenide = bulk("BAs", "zincblende", a=4.78, cubic=True).repeat(2)
    assert "is polar" in refused(bulk("SiC", "zincblende", a=4.36, cubic=True).repeat(2), region={"atoms": [0]})
    assert qmml(soft(), arsenide, LJ | {"region": {"atoms": [0]}}).clusters[0].n_caps == 4  # they differ by 0.14


def test_how_polar_a_bond_may_be_is_said():
    carbide = bulk("SiC", "zincblende", a=4.36, cubic=True).repeat(2)
    assert qmml(soft(), carbide, LJ | {"region": {"atoms": [0]}, "most_polar": 0.7}).clusters[0].n_caps == 4


def test_metals_are_refused():
    gallium = bulk("GaAs", "zincblende", a=5.65, cubic=True).repeat(2)
    assert refused(gallium, region={"atoms": [0]}).endswith(
        "is to a metal (Ga0), whose electrons no cap stands for; QM/ML by capped clusters is not for metals"
    )
    assert "is to a metal" in refused(bulk("Al", cubic=True).repeat(3), region={"sphere": {"centre": 0, "radius_A": 3}})


def test_hydrogen_goes_with_its_neighbour():
    atoms = alkane(4)
    carbon, *hydrogens = methyl(atoms)
    assert refused(atoms, region={"atoms": [carbon]}).endswith(
        f"is to a hydrogen, which goes with its neighbour; take H{hydrogens[0]} into the region too"
    )
    sphere = qmml(soft(), atoms, LJ | {"region": {"sphere": {"centre": carbon, "radius_A": 0.5}}})
    assert sorted(sphere.clusters[0].members) == [carbon, *hydrogens] and sphere.clusters[0].n_caps == 1


def test_a_sphere_grows_over_bonds_that_must_not_be_cut():
    """From one end of an amide to its other; the chain beyond is cut at a C-C bond."""
    row = chain(["C", "C", "C", "N", "C", "C", "C"], 1.5)
    found = qmml(soft(), row, LJ | {"region": {"sphere": {"centre": 3, "radius_A": 0.1}}}).clusters[0]
    assert sorted(found.members) == [2, 3, 4] and found.n_caps == 2


def test_a_region_that_grows_without_end_says_so():
    said = refused(chain(["C", "N"] * 8, 1.4), region={"sphere": {"centre": 0, "radius_A": 0.1}}, most_atoms=8)
    assert said.startswith("the region has grown to 9 atoms over bonds that must not be cut (the bond ")
    assert said.endswith("and most_atoms is 8; where all bonds are polar no capped cluster can be cut out")


def test_a_region_bonded_to_its_own_image_is_refused():
    small = bulk("Si", cubic=True)
    assert refused(small, region={"sphere": {"centre": 0, "radius_A": 4.0}}).startswith(
        "the region holds every atom and reaches its own images: nothing is left around it"
    )
    layer = [int(k) for k in np.flatnonzero(silicon(0).positions[:, 2] < 3.0)]
    assert refused(silicon(0), region={"atoms": layer}).startswith(
        "the region is too large for the cell: it is bonded to its own image ("
    )


def test_a_whole_molecule_is_a_region():
    atoms = molecule("H2O")
    atoms.center(vacuum=6.0)
    atoms.pbc = True
    assert qmml(soft(), atoms, LJ | {"region": {"atoms": [0, 1, 2]}}).clusters[0].n_caps == 0


def test_caps_in_one_place_are_refused():
    row = chain(["C", "C", "C"], 1.5)
    said = refused(row, region={"atoms": [0, 2]})
    assert said == (
        "the cap in place of C1 would be 0.86 Å from another atom of the cluster; take C1 into the region too"
    )


def test_a_region_grows_where_caps_would_sit_in_one_place():
    row = chain(["C"] * 7, 1.5)
    settings = QmmlSettings.of(LJ | {"region": {"atoms": [2, 4]}})
    assert grown(Bonds.of(structure_of(row)), {2, 4}, settings) == {2, 3, 4}


def test_regions_that_meet_are_refused_or_merged():
    atoms = silicon(0)
    bonds = Bonds.of(structure_of(atoms))
    near = min(bonds.neighbours({0}))
    between = min(bonds.neighbours({near}) - {0})
    pairs = {
        (0, 0): "share Si0",
        (0, near): f"are bonded to each other at Si{near}",
        (0, between): f"both end at Si{near}, in whose place two caps would sit",
    }
    for (one, other), how in pairs.items():
        regions = [{"atoms": [one]}, {"atoms": [other]}]
        assert refused(atoms, regions=regions) == (
            f"regions 1 and 2 {how}: each would be counted without the other; make them one region, or say "
            "overlap: merge"
        )
        merged = qmml(soft(), atoms, LJ | {"regions": regions, "overlap": "merge"}).clusters
        assert len(merged) == 1 and {one, other} <= set(merged[0].members)


def test_electrons_charge_and_multiplicity_go_together():
    atoms = alkane(4)
    region = {"region": {"atoms": methyl(atoms)}, "method": "xtb", "model": None}
    assert refused(atoms, QmmlError, charge=1, insist=True, **region) == (
        "multiplicity: the capped cluster CH4 of charge 1 has 9 electrons, an odd number; give multiplicity: 2 if it "
        "is a radical, or another charge"
    )
    assert refused(atoms, QmmlError, multiplicity=2, **region) == (
        "multiplicity: 2 does not go with the 10 electrons of the capped cluster CH4 of charge 0; an even number has "
        "1, 3, ..."
    )
    assert refused(atoms, QmmlError, charge=2, **region).startswith(
        "charge: the region's +2 e would act on its surroundings only as far as lj knows of charges, which it does not;"
    )
    charges = {"electrostatic": {"charges": {"C": 0.0, "H": 0.3}}}
    assert refused(atoms, QmmlError, embedding=charges, **region) == (
        "charge: the region's charges sum to +0.90 e, and its charge is +0; mend one of them, move the boundary, or "
        "say insist: true"
    )


def test_charges_of_the_surroundings_are_checked():
    atoms = alkane(4)
    region = {"region": {"atoms": methyl(atoms)}, "method": "xtb", "model": None}
    given = {"embedding": {"electrostatic": {"charges": {"C": 0.1}}}}
    assert refused(atoms, QmmlError, **given, **region) == "embedding.electrostatic.charges: none is given of H"
    given = {"embedding": {"electrostatic": {"charges": [0.1, 0.2]}}}
    assert refused(atoms, QmmlError, **given, **region).endswith("2 charges for 14 atoms; give one of each")
    given = {"embedding": {"electrostatic": {"charges": {"C": 0.0, "H": 0.0}}}, "region": {"atoms": methyl(atoms)}}
    assert refused(atoms, QmmlError, **given) == (
        "embedding: lj cannot be put into a field; use mechanical, or method: xtb"
    )


def test_charges_settle_in_the_chosen_structure_and_stay():
    atoms = alkane(4)
    settle = {"equilibrate": {"C": {"chi_eV": 5.3, "hardness_eV": 10.1}, "H": {"chi_eV": 4.5, "hardness_eV": 13.9}}}
    settings = {"region": {"atoms": methyl(atoms)}, "embedding": {"electrostatic": {"charges": settle}}, "insist": True}
    (field,) = qmml(soft(), atoms, settings).fields
    assert field.inner_e.sum() == pytest.approx(0, abs=1e-12) and np.abs(field.outer_e).max() > 0.01
    assert (field.outer_e[methyl(atoms)] == 0).all()


def test_atoms_outside_the_domain_are_a_region(monkeypatch):
    """By an uncertainty that knows which; regions that are apart are treated apart, near ones together."""
    atoms = silicon(0)
    bonds = Bonds.of(structure_of(atoms))
    far = int(np.argmax(atoms.get_distances(0, range(64), mic=True)))
    strange = np.ones(64)

    class Known:
        def estimate(self, potential, structure):
            return Estimate(strange, 2.0, 0.0, 0.0, strange, 0.0)

    monkeypatch.setattr("potentials.uncertainty.uncertainty_of", lambda potential: Known())
    assert refused(atoms, region={"outside_domain": True}) == (
        "outside_domain: no atom lies outside lj's domain (largest distance 1.00, threshold 2.00); nothing is to be "
        "done by QM"
    )
    strange[[0, far]] = 5.0
    found = qmml(soft(), atoms, LJ | {"region": {"outside_domain": True}}).clusters
    assert sorted(sorted(c.members.tolist()) for c in found) == sorted([[0], [far]])
    strange[list(bonds.neighbours({0}))] = 5.0
    found = qmml(soft(), atoms, LJ | {"region": {"outside_domain": True}}).clusters
    assert sorted(len(c.members) for c in found) == [1, 5]
    diamond = bulk("C", cubic=True).repeat(2)  # whose caps on one atom would be 1.0 Å apart
    bonds = Bonds.of(structure_of(diamond))
    between = min(bonds.neighbours({0}))
    strange[:] = 1.0
    strange[[0, min(bonds.neighbours({between}) - {0})]] = 5.0
    (found,) = qmml(soft(), diamond, LJ | {"region": {"outside_domain": True}}).clusters
    assert between in found.members and found.core.sum() == 2
    monkeypatch.undo()
    assert refused(atoms, NoDomainError, region={"outside_domain": True}).startswith("no reference set is known of lj")


def test_whole_takes_in_what_is_bonded_from_many_sides():
    atoms = silicon(0)
    bonds = Bonds.of(structure_of(atoms))
    around = bonds.neighbours({0})
    assert whole(bonds, around, QmmlSettings.of(LJ | {"region": {"atoms": [0]}})) == around | {0}


def test_the_potential_knows_the_caps():
    with pytest.raises(QmmlError) as error:
        qmml(load("emt"), alkane(4), LJ | {"region": {"atoms": methyl(alkane(4))}, "cap": "F"})
    assert str(error.value) == (
        "emt does not know F, and is asked about the capped cluster too; take another cap, or another potential"
    )


def test_atoms_that_are_not_there_are_refused():
    assert refused(silicon(), region={"atoms": [64]}) == (
        "region.atoms: there is no atom 64; the structure has 64, counted from 0"
    )
    assert refused(silicon(), region={"sphere": {"centre": 64, "radius_A": 3}}) == (
        "sphere.centre: there is no atom 64; the structure has 64, counted from 0"
    )
    empty = alkane(2)
    assert refused(empty, region={"sphere": {"centre": (0.0, 0.0, 0.0), "radius_A": 0.5}}).startswith(
        "sphere: no atom lies within 0.5 Å of its centre (the nearest: "
    )


def test_a_point_is_meant_in_the_coordinates_of_its_molecule():
    """Also where vacuum is put around it, and where the calculator puts it."""
    free = alkane(6)
    free.cell, free.pbc = None, False
    free.positions -= [100, 20, 3]
    spheres = [{"centre": c, "radius_A": 1.2} for c in (0, free.positions[0], tuple(free.positions[0]), np.int64(0))]
    chosen = [qmml(soft(), free, LJ | {"region": {"sphere": s}}).clusters[0].members.tolist() for s in spheres]
    assert sorted(chosen[0]) == methyl(alkane(6)) and all(c == chosen[0] for c in chosen)
    follows = {"sphere": spheres[1] | {"follow": True}}
    potential = qmml(soft(), free, LJ | {"region": follows, "scheme": "force_mixing"})
    free.calc = potential.calculator()
    assert np.isfinite(free.get_forces()).all()
    assert sorted(potential.clusters[0].members.tolist()) == methyl(alkane(6))


def test_too_large_a_region_is_refused_before_its_pairs_are_looked_at():
    """1207 atoms, whose pairs would take seconds."""
    big = bulk("Si", cubic=True).repeat(7)
    said = "the capped region has 1207 atoms or more, and most_atoms is 300; choose less, or raise it"
    sphere = {"sphere": {"centre": 0, "radius_A": 18.0}}
    assert refused(big, region=sphere) == said
    inside = np.flatnonzero(big.get_distances(0, range(len(big)), mic=True) < 18.0)
    assert refused(big, region={"atoms": inside}) == said


def test_a_region_that_grew_to_everything_says_from_how_few():
    sheet = graphene(size=(3, 3, 1), vacuum=8.0)
    sheet.pbc = True
    assert refused(sheet, region={"sphere": {"centre": 0, "radius_A": 2.0}}) == (
        "the region, grown from 4 atoms over bonds that must not be cut, holds every atom and reaches its own images: "
        "nothing is left around it; take a supercell, or a smaller region"
    )


def test_noble_gases_pressed_together_are_not_capped():
    pressed = chain(["Ar"] * 4, 2.5)
    assert refused(pressed, region={"atoms": [0, 1]}).endswith(
        "the bond Ar1-Ar2 (2.50 Å) is to a noble gas, which no cap stands for; take Ar2 into the region too"
    )


def test_a_buffer_of_fewer_than_two_bonds_is_warned_of():
    atoms = bulk("Si", cubic=True).repeat(3)
    asked = {n: qmml(soft(), atoms, LJ | {"region": {"atoms": [0]}, "buffer": {"hops": n}}) for n in range(3)}
    for n, bonds in ((0, "0 bonds"), (1, "1 bond")):
        assert asked[n].advice() == (
            f"{bonds} of buffer between a region and its nearest cut bond; where fewer than 2 lie between what moves "
            "or reacts and a cap, results can be worse than lj's own: compute again with a larger region or buffer, "
            "and believe what no longer changes"
        )
    assert asked[2].advice() is None
    water = molecule("H2O")
    water.center(vacuum=6.0)
    assert qmml(soft(), water, LJ | {"region": {"atoms": [0, 1, 2]}}).advice() is None  # nothing is cut


def test_a_summary_counts_and_tells_the_charge():
    water = molecule("H2O")
    water.center(vacuum=6.0)
    settings = {"region": {"atoms": [0, 1, 2]}, "charge": 1, "multiplicity": 2, "insist": True}
    assert qmml(soft(), water, settings).summary().endswith(
        " on 3 atoms and 0 caps (charge +1) within lj; subtractive, mechanical embedding"
    )
    assert " on 1 atom and 4 caps within lj" in qmml(soft(), silicon(0), LJ | {"region": {"atoms": [0]}}).summary()
