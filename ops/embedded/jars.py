"""A server's class path: every jar of its lock file on this disk, downloaded where it is missing.

Each jar appears under its name only when it is whole and has the hash of the lock file, so a download that was cut off
goes on where it stopped. The folder is a Maven repository: where there is no network, one may be copied there.
"""

import errno
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

from ops.embedded.errors import DiskFullError, EmbeddedServerError, JarDamagedError, JarsUnavailableError
from ops.embedded.exclusive import exclusive
from ops.embedded.jar_lock import LockedJar

# Four at a time keeps a slow link busy and is polite to the repository.
_PARALLEL = 4
_ATTEMPTS = 3
# Longer than any download that still moves: 70 MB at 100 kB/s.
_LOCK_WAIT_S = 900.0

Progress = Callable[[str], None]


def class_path(title: str, jars: tuple[LockedJar, ...], folder: Path, progress: Progress) -> list[Path]:
    """The paths of `jars` under `folder`, all there; two processes that want them at once download them once.

    Args:
        title: The server's name and version, for the lines of progress.
        jars: What makes up the server.
        folder: A Maven repository on this disk; made if absent.
        progress: Told what is downloaded, a line at a time.

    Raises:
        JarsUnavailableError: there is no network, or the repository lacks a jar.
        JarDamagedError: the repository gave other bytes than the lock file names.
        DiskFullError: no space is left for them.
        BusyError: another process has been downloading for a quarter of an hour.
    """
    if _missing(jars, folder):
        with exclusive(folder / ".lock", wait_s=_LOCK_WAIT_S, what=f"downloading {title}"):
            # Once more: another process may have got them while this one waited.
            if missing := _missing(jars, folder):
                _download_all(title, missing, folder, progress)
    return [folder / jar.path for jar in jars]


def _missing(jars: tuple[LockedJar, ...], folder: Path) -> tuple[LockedJar, ...]:
    return tuple(jar for jar in jars if not _is_whole(folder / jar.path, jar.size_bytes))


def _is_whole(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except (FileNotFoundError, NotADirectoryError):
        return False


def _download_all(title: str, jars: tuple[LockedJar, ...], folder: Path, progress: Progress) -> None:
    staging = folder / ".partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    total = sum(jar.size_bytes for jar in jars)
    progress(f"Downloading {title}: {len(jars)} jars, {total / 1e6:.0f} MB, once, into {folder}")
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="jars") as pool:
        try:
            _follow(title, [(pool.submit(_download, jar, folder, staging), jar.size_bytes) for jar in jars], progress)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            shutil.rmtree(staging, ignore_errors=True)


def _follow(title: str, downloads: list[tuple[Future[None], int]], progress: Progress) -> None:
    """Report after each tenth of the bytes; raise the first failure as it happens."""
    total = sum(size for _, size in downloads)
    pending = {future for future, _ in downloads}
    reported = 0
    while pending:
        done, pending = wait(pending, timeout=1.0, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        got = sum(size for future, size in downloads if future.done())
        if got * 10 // total > reported:
            reported = got * 10 // total
            progress(f"Downloading {title}: {got / 1e6:.0f} of {total / 1e6:.0f} MB")


def _download(jar: LockedJar, folder: Path, staging: Path) -> None:
    from ops.embedded.maven import download  # noqa: PLC0415  half a second that a start with all jars saves

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return download(jar, folder, staging)
        except JarDamagedError:
            if attempt == _ATTEMPTS:
                raise
        except (OSError, RuntimeError) as error:
            if attempt == _ATTEMPTS or _is_disk_full(error):
                raise _explain(error, jar, folder) from error
    return None


def _is_disk_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _explain(error: Exception, jar: LockedJar, folder: Path) -> EmbeddedServerError:
    if _is_disk_full(error):
        return DiskFullError(
            f"No space is left in {folder} for the server's jars. Free some, or set BREAKWATER_JARS_DIR."
        )
    if isinstance(error, PermissionError):
        return JarsUnavailableError(
            f"{folder} cannot be written: {error}. Make it writable, or set BREAKWATER_JARS_DIR to a folder that is."
        )
    return JarsUnavailableError(
        f"{jar.coordinates} is not in {folder} and could not be downloaded: {error}. Connect to the network "
        "(HTTPS_PROXY is heeded) and try again; or copy the folder from a machine that has it; or name servers that "
        "already run, by KAFKA_BOOTSTRAP_SERVERS and CASSANDRA_CONTACT_POINTS."
    )
