"""Whether a message is Amazon SNS's own: topic, signature, and the hosts of every URL before one is fetched.

Protocol: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import asyncio
import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ops.intake.errors import NotAdmittedError
from ops.intake.formats.sns import CONFIRMATION, FAREWELL, NOTIFICATION
from ops.intake.reading import Parcel
from ops.intake.values import time_ms
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms

# The only hosts that are ever asked: a region's SNS, of AWS and of AWS in China.
_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z]+\.pem")
# What is signed, in this order; members that are not there are left out.
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    FAREWELL: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_TIMEOUT_S = 5.0
_MOST_BYTES = 65_536
_MOST_CERTIFICATES = 16
# SNS repeats a message for an hour at most (its delivery policies for HTTP); the rest is for clocks.
_LONGEST_AGE_MS = 75 * 60 * 1000

# Fetches a URL and gives its body; raises httpx.HTTPError.
Fetch = Callable[[str], Awaitable[bytes]]


async def fetch_once(url: str) -> bytes:
    """A small document, without following anything anywhere.

    Whatever address the host's name leads to: with https it has to show a certificate of that name, so that a name that was
    bent to another machine gets nothing out of it.

    Raises:
        httpx.HTTPError: it cannot be had, not in time, is another status than 200, packed, or too large.
    """
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            httpx.AsyncClient(follow_redirects=False, timeout=_TIMEOUT_S, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code != 200:
                raise httpx.HTTPError(f"{answer.status_code} for {url}")
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > _MOST_BYTES:
                    raise httpx.HTTPError(f"more than {_MOST_BYTES} bytes at {url}")
            return body
    except TimeoutError as error:
        raise httpx.HTTPError(f"not within {_TIMEOUT_S:g} s at {url}") from error


class SnsTrust:
    """Checks messages, and confirms the subscription of a topic that is wanted.

    Args:
        topics: ARNs that messages are taken from. fetch: gets certificates and confirms subscriptions. clock: epoch ms.
    """

    def __init__(
        self, topics: Sequence[str], fetch: Fetch = fetch_once, clock: Callable[[], Millis] = wall_clock_ms
    ) -> None:
        self._topics = frozenset(topics)
        self._fetch, self._clock = fetch, clock
        self._keys: OrderedDict[str, rsa.RSAPublicKey] = OrderedDict()

    async def check(self, parcel: Parcel) -> None:
        """Return where the message is SNS's own, of a topic that is wanted; its subscription is confirmed on the way.

        Raises:
            NotAdmittedError: 403 for what is not; 503 where a certificate or the confirmation cannot be had now.
        """
        message = self._message(parcel)
        kind = message.get("Type")
        if kind not in _SIGNED:
            raise _forbidden(f"Type is {str(kind)[:60]!r}; SNS sends {', '.join(_SIGNED)}.")
        topic = message.get("TopicArn")
        if topic not in self._topics:
            raise _forbidden(f"The topic {str(topic)[:200]!r} is not one of BREAKWATER_SNS_TOPICS.")
        await self._check_signature(message, _SIGNED[kind])
        self._check_age(message.get("Timestamp"))
        if kind == CONFIRMATION:
            url = _proved(str(message.get("SubscribeURL")), "SubscribeURL")
            asked = parse_qs(urlsplit(url).query)
            if asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [topic]:
                raise _forbidden("SubscribeURL confirms something else than this topic's subscription.")
            await self._fetched(url)

    @staticmethod
    def _message(parcel: Parcel) -> dict[str, Any]:
        try:
            message = orjson.loads(parcel.body)
        except orjson.JSONDecodeError as error:
            raise _forbidden("The body is no SNS message: no JSON.") from error
        if not isinstance(message, dict):
            raise _forbidden("The body is no SNS message: no object.")
        return message

    async def _check_signature(self, message: dict[str, Any], signed: tuple[str, ...]) -> None:
        version = _HASHES.get(str(message.get("SignatureVersion")))
        if version is None:
            raise _forbidden("SignatureVersion is neither 1 nor 2.")
        given = [(name, message[name]) for name in signed if message.get(name) is not None]
        if any(not isinstance(value, str) for _, value in given):
            raise _forbidden("A member that is signed is no text.")
        try:
            signature = base64.b64decode(str(message.get("Signature")), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _forbidden("Signature is no base64.") from error
        key = await self._key(_proved(str(message.get("SigningCertURL")), "SigningCertURL"))
        text = "".join(f"{name}\n{value}\n" for name, value in given)
        try:
            key.verify(signature, text.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), version())
        except InvalidSignature as error:
            raise _forbidden("The signature is not of this message.") from error

    def _check_age(self, written: Any) -> None:
        """A message that somebody has kept is not taken a second time much later; SNS itself gives up after an hour."""
        try:
            at = time_ms(written)
        except InvalidInputError as error:
            raise _forbidden(f"Timestamp {error}.") from error
        if abs(self._clock() - at) > _LONGEST_AGE_MS:
            raise _forbidden(f"The message is of {written}: SNS sends nothing for so long, and a replay is not taken.")

    async def _key(self, url: str) -> rsa.RSAPublicKey:
        parts = urlsplit(url)
        if not _CERTIFICATE.fullmatch(parts.path) or parts.query:
            raise _forbidden("SigningCertURL names no certificate of SNS.")
        if url not in self._keys:
            try:
                key = x509.load_pem_x509_certificate(await self._fetched(url)).public_key()
            except ValueError as error:
                raise _forbidden("SigningCertURL holds no certificate.") from error
            if not isinstance(key, rsa.RSAPublicKey):
                raise _forbidden("The certificate's key is not RSA.")
            self._keys[url] = key
            if len(self._keys) > _MOST_CERTIFICATES:
                self._keys.popitem(last=False)
        return self._keys[url]

    async def _fetched(self, url: str) -> bytes:
        try:
            return await self._fetch(url)
        except httpx.HTTPError as error:
            raise NotAdmittedError(
                503, "sns_away", f"{url[:120]} cannot be had: {error}. SNS sends it again.", 20
            ) from error


def _proved(url: str, name: str) -> str:
    """The URL itself where it is https to a region's SNS, on the usual port, for nobody else.

    Raises:
        NotAdmittedError: 403 for any other.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _forbidden(f"{name} is no URL.") from error
    plain = parts.username is None and parts.password is None and port in (None, 443) and not parts.fragment
    if parts.scheme != "https" or not plain or not _HOST.fullmatch(parts.hostname or "") or not url.isascii():
        raise _forbidden(f"{name} is not of a host of SNS; nothing was fetched.")
    if any(c in url for c in "\\ \t\r\n") or parts.netloc.lower().removesuffix(":443") != parts.hostname:
        raise _forbidden(f"{name} is written as no honest URL is; nothing was fetched.")
    return url


def _forbidden(why: str) -> NotAdmittedError:
    return NotAdmittedError(403, "not_sns", why)
