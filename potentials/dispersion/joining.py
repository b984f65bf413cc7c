"""When dispersion may be added to a potential, and when that would count it twice."""

from __future__ import annotations

from dataclasses import replace

from potentials.dispersion.settings import Dispersion
from potentials.potential import Potential
from potentials.sum_potential import SumPotential, joined_metadata

DEFAULT_FUNCTIONAL = "pbe"


class DispersionCountedError(ValueError):
    """Dispersion added to a potential that holds it already, or of which nobody knows whether it does."""


def add_dispersion(short: Potential, settings: Dispersion) -> SumPotential:
    """A potential with dispersion added, where that is right or the user insists.

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
    meant = replace(settings, functional=settings.functional or _functional(short))
    far = _dispersion(meant, short)
    metadata = joined_metadata(short.metadata, far.metadata, "dispersion")
    told = meant.method if holds == "none" else f"{meant.method}, beside what it holds ({holds or 'unknown'})"
    return SumPotential(short, far, replace(metadata, dispersion=told))


def _functional(short: Potential) -> str:
    told = (short.metadata.training_functional or DEFAULT_FUNCTIONAL).lower()
    return next((name for name in ("pbesol", "r2scan", "scan", "pbe") if name in told), DEFAULT_FUNCTIONAL)


def _dispersion(settings: Dispersion, short: Potential) -> Potential:
    from potentials.dispersion.libraries import library

    return library(settings, short.device)
