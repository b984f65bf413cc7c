"""A path's barrier, and what labels say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ase import Atoms

from discover.learning.path_choice import SAME_A, nearest_label
from discover.learning.path_record import PathRecord
from discover.learning.path_walk import WalkedPath
from potentials import Potential
from potentials.training import Label, answers
from properties.barriers.saddle import SAME_VALLEY_A


def path_record(path: WalkedPath, traces: Sequence[tuple[float, float]], inner: float | None) -> PathRecord:
    """Before any of its images has a label.

    traces: (place, distance) of the images; inner: edge of the band, None where there is none.
    """
    E = path.energies_eV
    far = max((distance for _, distance in traces), default=None)
    inside = inner is not None and far is not None and len(traces) == len(E) and far <= inner
    return PathRecord(
        forward_eV=float(E[path.top] - E[0]),
        reverse_eV=float(E[path.top] - E[-1]),
        converged=path.converged,
        trouble=path.trouble,
        places_A=tuple(path.distances_A.tolist()),
        energies_eV=tuple((E - E[0]).tolist()),
        saddle=path.top,
        farthest=far,
        inside=inside,
    )


def with_labels(
    record: PathRecord, images: Sequence[Atoms], labels: Sequence[Label], potential: Potential
) -> PathRecord:
    """With the oracle's barrier and the potential's error, as far as labels tell.

    The saddle's label has to be its own, within 0.02 Å; the ends' those nearest to them, in their valley: ends are
    labelled once, and move a little from one potential to the next. Differences of potential and oracle are taken
    between the same frames.

    images: of the path; labels: all there are.
    """
    saddle, away = nearest_label(images[record.saddle], labels)
    told = [(record.places_A[k], at) for k, image in enumerate(images) if (at := _own(image, labels)) is not None]
    ends = [nearest_label(images[k], labels) for k in (0, -1)]
    start, stop = (at if off < SAME_VALLEY_A else None for at, off in ends)
    record = replace(record, saddle_label_A=away if labels else None)
    if start is not None:
        zero = labels[start].energy_eV
        record = replace(record, oracle_energies_eV=[(place, labels[at].energy_eV - zero) for place, at in told])
    if saddle is None or away >= SAME_A:
        return record
    forward = _differences(potential, labels, saddle, start)
    reverse = _differences(potential, labels, saddle, stop)
    return replace(
        record,
        oracle_forward_eV=forward and forward[0],
        error_forward_eV=forward and forward[1],
        oracle_reverse_eV=reverse and reverse[0],
        error_reverse_eV=reverse and reverse[1],
    )


def _own(image: Atoms, labels: Sequence[Label]) -> int | None:
    at, off = nearest_label(image, labels)
    return at if off < SAME_A else None


def _differences(
    potential: Potential, labels: Sequence[Label], saddle: int, end: int | None
) -> tuple[float, float] | None:
    """The oracle's energy of the saddle above an end, and the potential's less that; None where no end is labelled."""
    if end is None:
        return None
    top, bottom = answers(potential, [labels[saddle].structure, labels[end].structure])
    oracle = labels[saddle].energy_eV - labels[end].energy_eV
    return oracle, top.energy_eV - bottom.energy_eV - oracle
