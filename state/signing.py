"""The key of an event store: signs checkpoints (Ed25519) so that anybody can check them, and marks snapshots (HMAC-SHA256).

The key is a file that only its owner may read. Whoever has its public half knows what the store's own sequencers wrote; the
mark of a snapshot is for those sequencers alone, and costs a hundredth of a signature.
"""

import hashlib
import hmac
import os
import stat
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from state.errors import SigningKeyError

_OWNER_ONLY = 0o600
_SNAPSHOTS = b"breakwater/snapshots/1"


class SigningKey:
    """A private key in memory; made by `load_or_create`."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        secret = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self._mac_key = HKDF(SHA256(), 32, salt=None, info=_SNAPSHOTS).derive(secret)
        self.public: bytes = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes, as RFC 8032 has it."""
        return self._private.sign(message)

    def mark(self, message: bytes) -> bytes:
        """32 bytes that only this key's owners can make of a message."""
        return hmac.digest(self._mac_key, message, hashlib.sha256)

    def marked(self, message: bytes, mark: bytes) -> bool:
        """Whether this key made the mark of this message."""
        return hmac.compare_digest(self.mark(message), mark)


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of a public key (32 bytes) signed a message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create(path: Path) -> SigningKey:
    """The key in a file (PKCS#8, PEM), which is made where there is none. Several processes may call this at once.

    Raises:
        SigningKeyError: others than its owner may read it, it cannot be read or written, or holds no Ed25519 key.
    """
    try:
        if not path.exists():
            _create(path)
        return _load(path)
    except OSError as error:
        raise SigningKeyError(f"The event store's key {path} cannot be used: {error}. Make it readable.") from error


def load_if_there(path: Path) -> SigningKey | None:
    """The key in a file; None where there is none. Raises as `load_or_create` does."""
    return load_or_create(path) if path.exists() else None


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    mine = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        # Linked into place: whoever comes second finds a whole key, and takes that one.
        path.hardlink_to(mine)
    except FileExistsError:
        return
    finally:
        mine.unlink()


def _load(path: Path) -> SigningKey:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~_OWNER_ONLY:
        raise SigningKeyError(
            f"The event store's key {path} may be read by others (mode {mode:o}): whoever has it can forge checkpoints. "
            f"If nobody had it, `chmod 600 {path}`; else remove it, and a new one is made at the next start."
        )
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise SigningKeyError(f"{path} holds no key: {error}. Put the right one back, or remove it.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path} holds a key of another kind than Ed25519. Put the right one back, or remove it.")
    return SigningKey(key)
