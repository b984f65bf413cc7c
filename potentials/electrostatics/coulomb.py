"""Nothing but charges: what `ewald` and `pme` load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potentials.electrostatics.charges import ChargeError, charges_of
from potentials.electrostatics.equilibration import equilibrated
from potentials.electrostatics.ewald import IonPotential
from potentials.electrostatics.splitting import ACCURACY, Splitting
from potentials.metadata import Metadata
from potentials.potential import Potential

CUTOFF_A = 10.0
MESH_ACCURACY = 1e-5


def ewald(
    device: str = "cpu",
    charges: Mapping[str, Any] | str | None = None,
    cutoff_A: float = CUTOFF_A,
    accuracy: float = ACCURACY,
    total_charge_e: float | None = None,
) -> Potential:
    """Charges by Ewald's sum (Ann. Phys. 369, 253 (1921)); arguments as of `coulomb`.

    charges: also {"equilibrate": {"Na": {"chi_eV": 2.84, "hardness_eV": 9.2}, ...}}: they settle in every structure and
        sum to `total_charge_e` (0 by default).
    """
    if isinstance(charges, Mapping) and "equilibrate" in charges:
        if set(charges) != {"equilibrate"}:
            raise ChargeError("charges: equilibrate stands alone; charges are either given or settle")
        return equilibrated(device, charges["equilibrate"], total_charge_e or 0.0, cutoff_A, accuracy)
    if total_charge_e is not None:
        raise ChargeError("total_charge_e: is for charges that settle; given ones have their sum")
    return coulomb("ewald", charges, cutoff_A, accuracy, device)


def pme(
    device: str = "cpu",
    charges: Mapping[str, float] | str | None = None,
    cutoff_A: float = CUTOFF_A,
    accuracy: float = MESH_ACCURACY,
) -> IonPotential:
    """Point charges, the smooth half of the sum on a mesh; arguments as of `coulomb`."""
    return coulomb("pme", charges, cutoff_A, accuracy, device)


def coulomb(
    method: str, charges: Mapping[str, float] | str | None, cutoff_A: float, accuracy: float, device: str = "cpu"
) -> IonPotential:
    """Point charges in periodic cells, float64; a charged cell has a uniform neutralising background.

    charges: e, as `charges_of` takes them.
    cutoff_A: of the sum's real-space part; results do not depend on it, times do.
    accuracy: of the sum, relative.

    Raises:
        ValueError: charges that are none, a cut-off or an accuracy out of bounds.
    """
    if charges is None:
        raise ChargeError("charges: needed, as in {Na: 1, Cl: -1}, or a file that holds them")
    values = charges_of(charges)
    settings: dict[str, Any] = {"charges": values, "cutoff_A": cutoff_A, "accuracy": accuracy}
    metadata = Metadata(method, "1", elements=tuple(values), parameters=settings, licence="MIT")
    return IonPotential(values, Splitting(cutoff_A, accuracy), metadata, device, method=method)
