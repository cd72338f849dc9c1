"""The seal: while decisions are made again, this thread opens no socket, starts no process and writes no file.

It stands on Python's audit events, so it holds for whatever library is called. A hook cannot be taken away again; ours lets
all threads pass that are not sealed.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ops.reexecution.errors import EffectSealedError

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OUTWARD = (
    "socket.", "subprocess.", "urllib.", "smtplib.", "ftplib.", "http.client.", "sqlite3.",
    "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.remove", "os.rename", "os.mkdir", "os.rmdir",
    "os.kill", "os.putenv", "shutil.",
)  # fmt: skip

_here = threading.local()


@contextmanager
def sealed() -> Iterator[None]:
    """Nothing within touches the world.

    Raises:
        EffectSealedError: where something tries; the effect does not happen.
    """
    _watch()
    before = getattr(_here, "sealed", False)
    _here.sealed = True
    try:
        yield
    finally:
        _here.sealed = before


@cache
def _watch() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not getattr(_here, "sealed", False):
        return
    if event.startswith(_OUTWARD) or (event == "open" and _writes(arguments)):
        raise EffectSealedError(event)


def _writes(arguments: tuple[Any, ...]) -> bool:
    path, flags = arguments[0], arguments[2] if len(arguments) > 2 else 0
    # An import within may cache what it compiled; that is no effect of a decision.
    return isinstance(flags, int) and bool(flags & _WRITING) and "__pycache__" not in str(path)
