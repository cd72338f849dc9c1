"""The store's key: made once, for its owner alone, and nobody else's signature or mark passes for its own."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from state.errors import SigningKeyError
from state.signing import load_if_there, load_or_create, signed_by
from tests.support.keys import new_key


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """The second who asks gets the same one; the folder is made, and holds nothing else."""
    path = tmp_path / "keys" / "store.pem"
    assert load_if_there(path) is None
    key = load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create(path).public == key.public
    assert list(path.parent.iterdir()) == [path]


def test_workers_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    """Each makes one, and one of them counts."""
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create(tmp_path / "store.pem").public, range(16)))
    assert len(set(keys)) == 1


def test_a_signature_is_of_one_message_by_one_key() -> None:
    """Neither another message nor another key fits it, and garbage is none."""
    key, other = new_key(), new_key()
    signature = key.sign(b"heads")
    assert signed_by(key.public, b"heads", signature)
    assert not signed_by(key.public, b"tails", signature)
    assert not signed_by(other.public, b"heads", signature)
    assert not signed_by(b"short", b"heads", signature)
    assert not signed_by(key.public, b"heads", b"")


def test_a_mark_is_of_one_message_by_one_key() -> None:
    """Who has only the public key cannot make it."""
    key, other = new_key(), new_key()
    assert key.marked(b"snapshot", key.mark(b"snapshot"))
    assert not key.marked(b"another", key.mark(b"snapshot"))
    assert not other.marked(b"snapshot", key.mark(b"snapshot"))
    assert not key.marked(b"snapshot", b"")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """With what to do."""
    path = tmp_path / "store.pem"
    load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(SigningKeyError, match=r"mode 640.*chmod 600"):
        load_or_create(path)


def test_a_file_that_holds_no_such_key_is_refused(tmp_path: Path) -> None:
    """Neither garbage nor a key of another kind, and nothing is overwritten."""
    garbage, other = tmp_path / "garbage.pem", tmp_path / "other.pem"
    garbage.write_bytes(b"no key")
    other.write_bytes(X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for path in (garbage, other):
        path.chmod(0o600)
        with pytest.raises(SigningKeyError, match="Put the right one back"):
            load_or_create(path)
    assert garbage.read_bytes() == b"no key"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "keys").write_text("")
    with pytest.raises(SigningKeyError, match="cannot be used"):
        load_or_create(tmp_path / "keys" / "store.pem")
