"""Barriers: paths of least energy between two states, their saddles, and how often they are crossed."""

from properties.barriers.band import Band, BandSettings, relax_band
from properties.barriers.barrier import Barrier, Hop, barrier
from properties.barriers.hops import CrystalHop, vacancy_hops
from properties.barriers.interstitials import EmptySite, interstitial_hops
from properties.barriers.path import Path, neb
from properties.barriers.search import FoundSaddle, saddle_from
from properties.barriers.settings import BarrierSettings
from properties.barriers.surface import BarrierError

__all__ = [
    "Band",
    "BandSettings",
    "Barrier",
    "BarrierError",
    "BarrierSettings",
    "CrystalHop",
    "EmptySite",
    "FoundSaddle",
    "Hop",
    "Path",
    "barrier",
    "interstitial_hops",
    "neb",
    "relax_band",
    "saddle_from",
    "vacancy_hops",
]
