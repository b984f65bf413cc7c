"""A Ray cluster of several nodes on this machine, of its own and for the length of a test."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_S = 180.0


ALIVE = """
import logging, sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.ERROR)
print(sum(node["Alive"] for node in ray.nodes()))
"""


class Cluster:
    """Nodes with one core each, started by the `ray` command on a port, in a folder and with a token of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: list[subprocess.Popen] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        foreign = ("RAY_ADDRESS", "RAY_AUTH_TOKEN_PATH")
        self.environment = {name: value for name, value in os.environ.items() if name not in foreign}
        self.environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}

    def join(self) -> None:
        """Start one more node; the first is the head."""
        head = [f"--port={self.address.split(':')[1]}", f"--temp-dir={self._folder}", "--include-dashboard=false"]
        place = [f"--address={self.address}"] if self._nodes else ["--head", *head]
        size = ["--num-cpus=1", "--num-gpus=0", "--object-store-memory=100000000"]
        ray = str(Path(sys.executable).parent / "ray")
        log = self._folder / f"node-{len(self._nodes)}.log"
        with log.open("w") as out:
            node = subprocess.Popen(
                [ray, "start", *place, *size, "--disable-usage-stats", "--block"],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._nodes.append(node)
        until(lambda: "Ray runtime started" in log.read_text(), "a node did not start")

    def alive(self) -> int:
        """Nodes that the head believes to be alive."""
        ask = [sys.executable, "-c", ALIVE, self.address]
        return int(subprocess.run(ask, env=self.environment, check=True, capture_output=True, text=True).stdout)

    def raylet(self, node: int) -> int:
        """Process id of a node's raylet."""
        (pid,) = [pid for pid in children(self._nodes[node].pid) if command(pid).split(" ")[0].endswith("/raylet")]
        return pid

    def workers(self, node: int) -> list[int]:
        """Process ids of the relaxing workers on a node."""
        return [pid for pid in children(self.raylet(node)) if "RemoteWorker" in command(pid)]

    def end(self) -> None:
        """Kill every process of this cluster: those that `ray start` made, and those that name its folder."""
        for node in self._nodes:
            for pid in [node.pid, *children(node.pid)]:
                kill(pid)
            node.wait()
        for entry in Path("/proc").glob("[0-9]*"):
            if f"{self._folder}/" in command(int(entry.name)):
                kill(int(entry.name))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster without nodes yet. Whatever happens, nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="nodes-", dir="/tmp"))  # short: paths of sockets end at 107 characters
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def kill(pid: int) -> None:
    """End a process as a power cut would."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def until(true, complaint: str, seconds: float = START_S) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """Process ids of a process's children."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command(pid: int) -> str:
    """A process's command line, empty where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
