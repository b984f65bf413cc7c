"""What a computation is doing, passed on to whoever shows progress."""

from __future__ import annotations

from collections.abc import Callable

from discover.progress import Progress


def told(progress: Progress) -> Callable[[str, int, int], None]:
    """Takes what is being done, how much of it is done and of how much; each thing has a bar of its own."""
    begun: tuple[str, int] | None = None

    def tell(doing: str, done: int, of: int) -> None:
        nonlocal begun
        if (doing, of) != begun:
            if begun is not None:
                progress.finish()
            progress.start(of, 0, doing)
            begun = doing, of
        progress.note(done, doing)

    return tell
