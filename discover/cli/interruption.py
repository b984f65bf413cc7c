"""Ctrl-C and SIGTERM: the same thing, and nothing finished is lost by either."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - it is no error, and InterruptedError is Python's
    """Somebody stopped the command; the message says what is kept and how to go on."""


@contextmanager
def sigterm_interrupts() -> Iterator[Callable[[], None]]:
    """Inside, SIGTERM raises KeyboardInterrupt.

    Yields a function that claims the signal again: Ray takes it for itself when it starts, and leaves by
    SystemExit (which is a KeyboardInterrupt, too, from here).
    """

    def claim() -> None:
        signal.signal(signal.SIGTERM, _interrupt)

    before = signal.getsignal(signal.SIGTERM)
    claim()
    try:
        yield claim
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
