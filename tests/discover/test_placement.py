"""Workers and devices: one a GPU, else one a core, and a line for what cannot be."""

import pytest

from discover.errors import InputError
from discover.placement import Placement, cluster_size, place


@pytest.mark.parametrize(
    ("wanted", "workers", "cores", "gpus", "expected"),
    [
        ("auto", None, 2, 0, Placement(2, "cpu")),
        ("auto", 1, 2, 0, Placement(1, "cpu")),
        ("cpu", None, 8, 4, Placement(8, "cpu")),
        ("auto", None, 64, 4, Placement(4, "cuda:0", gpus_each=1.0)),
        ("cuda", 8, 64, 4, Placement(8, "cuda:0", gpus_each=0.5)),
        ("cuda:2", None, 64, 4, Placement(1, "cuda:0", visible="2")),
        ("cuda:2", 3, 64, 4, Placement(3, "cuda:0", visible="2")),
    ],
)
def test_workers_and_devices(wanted, workers, cores, gpus, expected):
    assert place(wanted, workers, cores, gpus) == expected


def test_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="device: 'cuda' is asked for, but Ray finds no GPU"):
        place("cuda", None, 8, 0)
    with pytest.raises(InputError, match=r"--workers: at most 2, a core each \(is 3\)"):
        place("cpu", 3, 2, 0)


def test_a_cluster_is_as_large_as_ray_says():
    assert cluster_size({"CPU": 640.0, "GPU": 40.0, "memory": 1.0}) == (640, 40)
    assert cluster_size({"memory": 1.0}) == (0, 0)
