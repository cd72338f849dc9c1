"""Who may send, as the file of sources says: a bearer token, an HMAC or a routing key each, for some paths and one tenant."""

import json
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ops.errors import SettingsError
from schemas.errors import plainly

EVERYWHERE = "*"


class Hmac(BaseModel):
    """A signature over the body: HMAC-SHA-256 in hex or base64.

    With `timestamp_header` the timestamp, the separator and the body are signed, and an old one is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str | None = Field(None, min_length=1)
    secret_file: Path | None = None
    header: str = "X-Signature-256"
    timestamp_header: str | None = None
    separator: str = ":"
    tolerance_s: int = Field(300, ge=1, le=86_400)


class Source(BaseModel):
    """One sender. Exactly one of `bearer`, `hmac` and `routing_key` is given; a `tenant` binds its records to that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    paths: tuple[str, ...] = (EVERYWHERE,)
    tenant: str | None = Field(None, min_length=1, max_length=256)
    bearer: str | None = Field(None, min_length=1)
    bearer_file: Path | None = None
    hmac: Hmac | None = None
    routing_key: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_secret(self) -> "Source":
        given = [self.bearer or self.bearer_file, self.hmac, self.routing_key]
        if sum(secret is not None for secret in given) != 1:
            raise ValueError("give exactly one of bearer (or bearer_file), hmac and routing_key")
        if self.hmac and (self.hmac.secret is None) == (self.hmac.secret_file is None):
            raise ValueError("give exactly one of hmac.secret and hmac.secret_file")
        return self

    @property
    def bearer_bytes(self) -> bytes:
        """The token as it stands in the header."""
        return (self.bearer or "").encode()

    @property
    def secret_bytes(self) -> bytes:
        """The key of the HMAC."""
        return ((self.hmac.secret if self.hmac else None) or "").encode()

    def covers(self, path: str) -> bool:
        """Whether it may send there."""
        return EVERYWHERE in self.paths or path in self.paths


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sources: list[Source]

    @model_validator(mode="after")
    def _each_by_its_name(self) -> "_File":
        # Rates and signatures are counted by name.
        twice = sorted(name for name, count in Counter(source.name for source in self.sources).items() if count > 1)
        if twice:
            raise ValueError(f"name {twice[0]!r} is given twice; give each source its own")
        return self


def read_sources(path: Path | None) -> tuple[Source, ...]:
    """The sources of a file, their secrets read from the files that they name; none where there is no file in the settings.

    Raises:
        SettingsError: a file cannot be read, or is none of sources.
    """
    if path is None:
        return ()
    try:
        found = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
        return tuple(_with_secrets(source) for source in found.sources)
    except OSError as error:
        raise SettingsError(
            f"The intake's sources cannot be read: {error}. Correct BREAKWATER_INTAKE_SOURCES."
        ) from error
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path} is no JSON: {error}. Correct it and start again.") from error
    except ValidationError as error:
        # Without the input: it holds secrets.
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {plainly(e['msg'])}" for e in error.errors(include_input=False)
        )
        raise SettingsError(f"{path} names no sources: {faults}. Correct it and start again.") from error


def _with_secrets(source: Source) -> Source:
    if source.bearer_file is not None:
        return source.model_copy(update={"bearer": _secret_in(source.bearer_file)})
    if source.hmac is not None and source.hmac.secret_file is not None:
        secret = _secret_in(source.hmac.secret_file)
        return source.model_copy(update={"hmac": source.hmac.model_copy(update={"secret": secret})})
    return source


def _secret_in(path: Path) -> str:
    secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise SettingsError(f"{path} holds no secret: it is empty. Write one into it and start again.")
    return secret
