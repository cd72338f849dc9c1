"""Messages signed as Amazon SNS signs them, by a key and a certificate of the tests' own."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abc.pem"
KEY = rsa.generate_private_key(65537, 2048)


def certificate() -> bytes:
    """A self-signed certificate of the key, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime(2024, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=36_500))
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signed(message: dict[str, Any], version: str = "2", **late: Any) -> dict[str, Any]:
    """The message with its signature; `late` is changed after it was signed."""
    names = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - SNS's version 1
    signature = base64.b64encode(KEY.sign(text.encode(), padding.PKCS1v15(), digest)).decode()
    return message | {"SignatureVersion": version, "Signature": signature, "SigningCertURL": CERTIFICATE} | late


class Web:
    """Knows the certificate; notes what is fetched."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.away = False

    async def fetch(self, url: str) -> bytes:
        """A document."""
        self.fetched.append(url)
        if self.away:
            raise httpx.ConnectError("away")
        return certificate() if url == CERTIFICATE else b"<ok/>"
