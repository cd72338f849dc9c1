"""Log lines as evidence: few, telling, and harmless whatever they hold."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.diagnosis.log_evidence import (
    MAX_LINE_CHARS,
    MAX_READ_CHARS,
    SAMPLE_CHARS,
    TEMPLATE_CHARS,
    LogFact,
    excerpt,
    is_telling,
    masked,
    readable,
    with_line,
)
from schemas.records.intake import LogLine
from schemas.records.vocabulary import Severity
from streams.stage import Position, Received
from tests.support.symptoms import line

CALM = Severity.INFO


def facts_of(*lines: LogLine, limit: int = 16) -> list[LogFact]:
    """What is kept of these lines; a line's offset is its number."""
    facts: list[LogFact] = []
    for offset, each in enumerate(lines):
        facts = with_line(facts, Received(each, Position("logs", 1, offset, offset)), limit)
    return facts


def test_lines_that_differ_in_numbers_and_ids_are_one_kind() -> None:
    """With its count, and the places of its first and last line."""
    (fact,) = facts_of(*[line(f"heap at {n} % of limit, trace 0x{n:x}") for n in range(70, 90)])
    assert fact.template == "heap at <n> % of limit, trace <hex>"
    assert (fact.count, fact.span.first, fact.span.last) == (20, 0, 19)
    assert fact.sample.startswith("heap at 89")


def test_ids_of_several_kinds_are_masked() -> None:
    """Words that happen to be hexadecimal are not."""
    text = "user 4be0643f-1d98-573b-97cd-ca98a65347dd at 10.0.0.1:8080 commit 9f86d081884c facade took 12.5 ms"
    assert masked(text) == "user <uuid> at <n> commit <hex> facade took <n> ms"


@pytest.mark.parametrize(
    ("message", "level", "telling"),
    [
        ("GET / 200", CALM, False),
        ("GC overhead limit exceeded", CALM, True),
        ("request failed", CALM, True),
        ("something odd", Severity.WARNING, True),
    ],
)
def test_lines_tell_by_level_and_by_words(message: str, level: Severity, telling: bool) -> None:
    """A healthy service's chatter is not kept."""
    assert is_telling(line(message, level=level)) is telling


def test_the_least_telling_kinds_are_let_go_first() -> None:
    """However late they come."""
    facts = facts_of(
        line("java.lang.OutOfMemoryError: Java heap space", level=Severity.ERROR),
        *[line(f"odd thing {chr(97 + n)}") for n in range(20)],
        limit=4,
    )
    assert len(facts) == 4
    assert any("OutOfMemory" in fact.sample for fact in facts)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "   ",
        "\x00\x01\x02",
        "heap \x1b]0;title\x07",
        "heap \u202e evil",
        "\ufffd\ufffdheap",
        "heap " * MAX_LINE_CHARS,
    ],
)
def test_hostile_lines_are_passed_over(message: str) -> None:
    """Nothing, control characters, text that runs backwards, bytes that are no text, and what is far too large."""
    assert readable(message) is None
    assert facts_of(line(message, level=Severity.CRITICAL)) == []


def test_colours_are_taken_off() -> None:
    """They are common and harmless."""
    assert readable("\x1b[1;31mheap full\x1b[0m") == "heap full"


def test_a_long_entry_is_cut_to_what_tells_most() -> None:
    """Ten thousand characters are read, five hundred kept, around the first word of trouble."""
    trace = "at com.shop.Cart.add(Cart.java)\n" * 200 + "Caused by: java.lang.OutOfMemoryError" + " x" * 9_000
    text = readable(trace)
    assert text is not None
    assert len(text) == MAX_READ_CHARS
    assert len(excerpt(text)) == SAMPLE_CHARS
    (fact,) = facts_of(line(trace))
    assert "OutOfMemoryError" in fact.sample
    assert len(fact.template) <= TEMPLATE_CHARS


@given(st.text(max_size=300), st.sampled_from(Severity))
def test_no_text_is_fatal(message: str, level: Severity) -> None:
    """What is kept is one line without control characters."""
    for fact in facts_of(line(message, level=level)):
        assert not any(unicodedata.category(c) == "Cc" for c in fact.sample)
        assert len(fact.sample) <= SAMPLE_CHARS
