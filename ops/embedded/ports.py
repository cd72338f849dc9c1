"""Ports of an embedded server: free ones, chosen once and remembered, so that clients find it after a restart."""

import json
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from ops.embedded.errors import PortTakenError

HOST = "127.0.0.1"
# Below the ports that Linux (32768 up) and macOS (49152 up) give to outgoing connections, so that none of those sits
# on a remembered port when the server comes back.
_FIRST, _LAST = 20_000, 32_000
_TRIES = 200


def choose_ports(names: Sequence[str], remembered: dict[str, int], source: random.Random) -> dict[str, int]:
    """A free port for each name: the remembered ones where all are free, else all new.

    Raises:
        PortTakenError: no free port was found.
    """
    if all(name in remembered and is_free(remembered[name]) for name in names):
        return kept_ports(names, remembered)
    ports: dict[str, int] = {}
    for _ in range(_TRIES):
        port = source.randrange(_FIRST, _LAST)
        if port not in ports.values() and is_free(port):
            ports[names[len(ports)]] = port
        if len(ports) == len(names):
            return ports
    raise PortTakenError(
        f"No {len(names)} free ports were found between {_FIRST} and {_LAST} on {HOST}. Stop what holds "
        "them, and try again."
    )


def kept_ports(names: Sequence[str], remembered: dict[str, int]) -> dict[str, int]:
    """The remembered port of each name.

    Raises:
        PortTakenError: one is not remembered, or something else holds it.
    """
    for name in names:
        if name not in remembered or not is_free(remembered[name]):
            raise PortTakenError(
                f"Port {remembered.get(name)} of {HOST}, which clients know, is held by something else. Stop that; the "
                "start is tried again."
            )
    return {name: remembered[name] for name in names}


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of an earlier run that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def recall_ports(file: Path) -> dict[str, int]:
    """The ports that `file` remembers; none if it is absent or unreadable, for then new ones do as well."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in content["ports"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def remember_ports(file: Path, ports: dict[str, int]) -> None:
    """Write `ports` to `file`, whole or not at all."""
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"ports": ports}) + "\n", encoding="utf-8")
    partial.replace(file)
