"""An embedded server keeps its ports while it can, and takes others when it cannot."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.embedded.errors import PortTakenError
from ops.embedded.ports import HOST, choose_ports, is_free, recall_ports, remember_ports

NAMES = ("broker", "controller")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


def test_remembered_ports_are_kept() -> None:
    """Clients find the server where it was."""
    ports = choose_ports(NAMES, {}, random.Random(1))

    assert choose_ports(NAMES, ports, random.Random(2)) == ports


def test_a_taken_port_is_given_up(taken_port: int) -> None:
    """Where another program sits on a remembered port, all are chosen anew."""
    remembered = {"broker": taken_port, "controller": taken_port + 1}

    ports = choose_ports(NAMES, remembered, random.Random(1))

    assert not is_free(taken_port)
    assert taken_port not in ports.values()
    assert len(set(ports.values())) == 2
    assert all(is_free(port) for port in ports.values())


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, and says so."""
    monkeypatch.setattr("ops.embedded.ports.is_free", lambda _port: False)

    with pytest.raises(PortTakenError, match="No 2 free ports"):
        choose_ports(NAMES, {}, random.Random(1))


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"ports": 7}', '{"ports": {"broker": "x"}}', "\x00\x00"])
def test_an_unreadable_memory_is_an_empty_one(tmp_path: Path, content: str | None) -> None:
    """Ports are no treasure: new ones do as well."""
    file = tmp_path / "state.json"
    if content is not None:
        file.write_text(content)

    assert recall_ports(file) == {}


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    """Names and numbers come back as they went."""
    remember_ports(tmp_path / "state.json", {"broker": 20001, "controller": 20002})

    assert recall_ports(tmp_path / "state.json") == {"broker": 20001, "controller": 20002}
