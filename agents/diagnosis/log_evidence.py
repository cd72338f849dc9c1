"""Log lines as evidence: of any volume, the few most telling kinds of line, each with its count and places.

Templates are mined online in the manner of Drain's masking step (He et al., 2017, doi:10.1109/ICWS.2017.13): what varies from
line to line (numbers, ids) is masked, and lines of the same mask are one kind. Hostile lines are passed over, never fatal.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.diagnosis.causes import NAMED, signs_in
from agents.diagnosis.evidence import Span, bounded, one_line, span_to
from schemas.records.intake import LogLine
from schemas.records.vocabulary import Evidence, Millis, Severity
from streams.stage import Received

# No more of an entry is read. What is far larger is no log line.
MAX_READ_CHARS = 10_000
MAX_LINE_CHARS = 100_000
# What is kept of a line: 16 kinds of line at this length are 8 KB of an incident's state.
SAMPLE_CHARS = 500
TEMPLATE_CHARS = 160

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Control characters, direction overrides (CVE-2021-42574), and what a decoder puts in place of bytes that are no text.
_HOSTILE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffd\ufffe\uffff]")
_TROUBLE = re.compile(r"error|fail|exception|timed? ?out|refused|panic|fatal|killed|crash|unavailable", re.IGNORECASE)
# Where a long line may begin to tell something; substrings of its lower-case form.
_STEMS = (
    "outofmemory", "out of memory", "oom", "heap", "memory", "deadlock", "database", "connection pool", "no space left",
    "too many open files", "cpu", "flood", "ddos", "rollout", "deploy", "crash", "packet loss", "dns", "caused by",
)  # fmt: skip
_MASKS = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFact:
    """One kind of line: its template, the last line of it, how telling it is, how often and where it was seen."""

    template: str
    sample: str
    level: Severity
    relevance: int
    count: int
    span: Span
    first_at: Millis
    arrived_at: Millis

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Its records."""
        return self.span.evidence(one_line(f"{self.level} {self.sample}"), self.count)


def readable(message: str) -> str | None:
    """The text to read of a line, colours removed, cut to 10 KB; None for what is no line of text.

    >>> readable("\\x1b[31mheap full\\x1b[0m"), readable("\\x00\\x01")
    ('heap full', None)
    """
    if not message or len(message) > MAX_LINE_CHARS:
        return None
    text = _COLOUR.sub("", message[:MAX_READ_CHARS])
    return None if _HOSTILE.search(text) or not text.strip() else text


def excerpt(text: str) -> str:
    """The SAMPLE_CHARS of a text that tell most: its beginning, or for a long one what is around the first telling word."""
    if len(text) <= SAMPLE_CHARS:
        return text
    lower = text.lower()
    first = min((at for stem in _STEMS if (at := lower.find(stem)) >= 0), default=0)
    start = max(0, min(first - SAMPLE_CHARS // 5, len(text) - SAMPLE_CHARS))
    return text[start : start + SAMPLE_CHARS]


def masked(text: str) -> str:
    """The text with numbers and ids masked: its template, before it is cut.

    >>> masked("heap at 83 % of limit, request 4be0643f-1d98-573b-97cd-ca98a65347dd")
    'heap at <n> % of limit, request <uuid>'
    """
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text


@lru_cache(maxsize=4096)
def relevance(level: Severity, template: str) -> int:
    """How telling a line is: its level's rank (0 to 3), 1 for words of trouble, 1 to 3 for words of a cause; 0: not at all."""
    strongest = max((sign.strength for sign in signs_in(template)), default=0.0)
    cause = 3 if strongest >= NAMED else 1 if strongest else 0
    return level.rank + cause + (1 if _TROUBLE.search(template) else 0)


def is_telling(line: LogLine) -> bool:
    """Whether a line is worth keeping at all; most of a healthy service's are not."""
    text = readable(line.message)
    return text is not None and relevance(line.level, masked(excerpt(text))) > 0


def with_line(facts: Sequence[LogFact], received: Received[LogLine], limit: int) -> list[LogFact]:
    """The facts after a line; where they are too many the least telling goes, the oldest of equals first."""
    line, where = received.record, received.position
    text = readable(line.message)
    if text is None:
        return list(facts)
    text = excerpt(text)
    whole = masked(text)
    if not (telling := relevance(line.level, whole)):
        return list(facts)
    template = one_line(whole, TEMPLATE_CHARS)
    known = next((fact for fact in facts if fact.template == template), None)
    fact = LogFact(
        template=template, sample=one_line(text, SAMPLE_CHARS), level=line.level, relevance=telling,
        count=known.count + 1 if known else 1, span=span_to(where, known.span if known else None),
        first_at=known.first_at if known else line.occurred_at, arrived_at=where.arrived_at,
    )  # fmt: skip
    others = [other for other in facts if other is not known]
    return bounded([*others, fact], limit, lambda f: (f.relevance, f.arrived_at))
