"""Where the HTTP side may listen: whether an address and port can be had now, and how a client writes them."""

import errno
import ipaddress
import socket

from ops.errors import HttpAddressUnusableError, HttpPortTakenError


def free_port(host: str) -> int:
    """A port that nobody listens on at `host` now.

    Raises:
        HttpAddressUnusableError: `host` is no address of this machine.
    """
    with _bound(host, 0) as probe:
        return int(probe.getsockname()[1])


def check_port(host: str, port: int) -> None:
    """Make sure that a server can listen there: on that very address, so that one which holds all addresses is found too.

    Raises:
        HttpPortTakenError: another program listens there.
        HttpAddressUnusableError: `host` is no address of this machine, or the port takes rights that are not there.
    """
    _bound(host, port).close()


def url_of(host: str, port: int) -> str:
    """How a client on this machine reaches a server that listens there.

    >>> url_of("127.0.0.1", 80), url_of("0.0.0.0", 80), url_of("::", 80)
    ('http://127.0.0.1:80', 'http://127.0.0.1:80', 'http://[::1]:80')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise HttpAddressUnusableError(host, port, error) from error
    probe = socket.socket(family, kind, protocol)
    # As servers do, so that connections of an earlier run that still linger do not count.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
        # Where everybody sets SO_REUSEADDR, only listening tells of somebody who is bound.
        probe.listen(1)
    except OSError as error:
        probe.close()
        if error.errno == errno.EADDRINUSE:
            raise HttpPortTakenError(host, port) from error
        raise HttpAddressUnusableError(host, port, error) from error
    return probe
