"""Keys of event stores that no file holds."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from state.signing import SigningKey


def new_key() -> SigningKey:
    """A key of nobody else's, in memory only."""
    return SigningKey(Ed25519PrivateKey.generate())
