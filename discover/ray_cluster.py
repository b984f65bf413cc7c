"""Ray itself: started on this machine, or joined where it runs already."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from discover.errors import InputError
from discover.placement import own_cores

KNOCK_S = 10.0


def start_ray(ray: Any, address: str | None, workers: int | None) -> None:
    """Start Ray, or join the cluster at an address.

    ray: the module, imported where it is needed.
    workers: that a Ray of our own has cores for; None takes every core.

    Raises:
        InputError: no cluster answers there, or it does not let us in.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)  # it announces its own token authentication
    common: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address is None:
        # Ray's own 15 leaves a worker 3 % of a core that anything else wants too: a run then seems to stand still
        os.environ.setdefault("RAY_worker_niceness", "0")
        # "local": whatever RAY_ADDRESS says, nobody's cluster is joined unasked
        ray.init("local", num_cpus=workers or own_cores(), include_dashboard=False, **common)
        return
    try:
        _knock(address)
        ray.init(address=address, **common)
    except (OSError, ValueError) as error:
        if "InvalidAuthToken" in str(error.__cause__):
            hint = "export RAY_AUTH_MODE=token first, with the cluster's token in ~/.ray/auth_token"
            raise InputError(f"--ray-address: the Ray cluster at {address!r} wants a token; {hint}") from None
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--ray-address: no Ray cluster answers at {address!r} ({reason})") from None


def _knock(address: str) -> None:
    """See whether anybody listens at host:port: where nobody does, Ray tries for ever.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()
