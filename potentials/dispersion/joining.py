"""When dispersion may be added to a potential, and when that would count it twice."""

from __future__ import annotations

from dataclasses import replace

from potentials.dispersion.settings import Dispersion
from potentials.metadata import Metadata
from potentials.potential import Potential
from potentials.sum_potential import SumPotential, joined_metadata


class DispersionCountedError(ValueError):
    """Dispersion added to a potential that holds it already, or of which nobody knows whether it does."""


def add_dispersion(short: Potential, settings: Dispersion) -> Potential:
    """A potential with dispersion added, where that is right or the user insists.

    A `SumPotential`; of 7net-0 and c6 one that needs a single call of the network (`dispersion.c6.C6Potential`).

    Raises:
        DispersionCountedError: its energies hold dispersion already, or it does not tell.
        DispersionError: a library that is not installed, a functional without parameters.
    """
    holds = short.metadata.dispersion
    if holds != "none" and not settings.insist:
        why = (
            "it does not tell whether the energies it was trained on hold dispersion"
            if holds is None
            else f"it holds dispersion already ({holds}), and a sum would count it twice"
        )
        raise DispersionCountedError(f"{why}; leave the dispersion away, or say insist: true")
    if settings.method == "c6":
        return _learnt(short, settings)
    from potentials.dispersion.damping import functional_of
    from potentials.dispersion.libraries import library

    far = library(replace(settings, functional=settings.functional or functional_of(short.metadata)), short.device)
    return SumPotential(short, far, _joined(short, far.metadata, settings.method))


def _learnt(short: Potential, settings: Dispersion) -> Potential:
    from potentials.dispersion.c6 import c6, shares, with_network

    far = c6(settings, short)
    metadata = _joined(short, far.metadata, settings.method)
    return with_network(far, metadata) if shares(short) else SumPotential(short, far, metadata)


def _joined(short: Potential, far: Metadata, method: str) -> Metadata:
    holds = short.metadata.dispersion
    told = method if holds == "none" else f"{method}, beside what it holds ({holds or 'unknown'})"
    return replace(joined_metadata(short.metadata, far, "dispersion"), dispersion=told)
