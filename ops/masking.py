"""Keeps secrets out of logs: by the name that they have, by their form, and by what they are.

Nothing is let through for its rarity: a false `***` costs a look into the settings, a true secret in a log costs the secret.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

MASK = "***"
# Shorter ones are words of the language: masking them would garble the logs, and they protect nothing.
_LEAST_SECRET_CHARS = 6
_NAMED = re.compile(
    r"(?:^|[_.-])(?:pass(?:word|wd|phrase)?|secret|token|authorization|cookie|api[_-]?key|private[_-]?key|credentials?|webhook_url)s?$",
    re.IGNORECASE,
)
_FORMS = (
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(hooks\.slack\.com/services/)[\w/-]+"), rf"\1{MASK}"),
    (
        re.compile(
            r"((?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)"
            r"(?!(?:bearer|basic)\s)[^\s\"'&,;}]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
)


class Masking:
    """Masks what is logged; `secrets` are masked wherever they appear."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        # The longest first: one may be the beginning of another.
        self._secrets = sorted({one for one in secrets if len(one) >= _LEAST_SECRET_CHARS}, key=len, reverse=True)

    def __call__(self, _logger: object, _method: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """A structlog processor: the line's fields without secrets."""
        return {name: self.value(name, value) for name, value in event.items()}

    def value(self, name: str, value: Any) -> Any:
        """A field's value as it may be written; what is not text, number or container is masked as its text."""
        if value is None or isinstance(value, bool | int | float):
            return value if not _NAMED.search(name) or value is None or isinstance(value, bool) else MASK
        if _NAMED.search(name):
            return MASK
        if isinstance(value, Mapping):
            return {str(key): self.value(str(key), one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value("", one) for one in value]
        return self.text(value if isinstance(value, str) else str(value))

    def text(self, text: str) -> str:
        """A text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        for form, instead in _FORMS:
            text = form.sub(instead, text)
        return text
