"""One process at a time: a lock on a file that the kernel lets go when its holder ends, however it ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.embedded.errors import BusyError

_RETRY_S = 0.05


@contextmanager
def exclusive(path: Path, *, wait_s: float, what: str) -> Iterator[None]:
    """Hold the lock file `path` (made if absent) for the block.

    Args:
        path: The lock file; it stays, empty.
        wait_s: Seconds to wait for another holder.
        what: What the lock is for, named in the error.

    Raises:
        BusyError: another process held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        _acquire(file.fileno(), path, time.monotonic() + wait_s, what)
        yield


def _acquire(descriptor: int, path: Path, deadline: float, what: str) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"Another process is still busy {what} and holds {path}. Wait for it to end, or stop it, "
                    "and try again."
                ) from None
            time.sleep(_RETRY_S)
        else:
            return
