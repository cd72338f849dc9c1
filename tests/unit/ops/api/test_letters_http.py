"""Dead letters over HTTP: what is wrong with them, and putting back the one that is meant."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ops.api.letters import LettersDesk, letters_router
from ops.dead_letters.errors import LetterNotFoundError
from ops.dead_letters.redrive import Outcome, Redrive
from ops.dead_letters.shelf import Overview, Shelf
from schemas.records.log import DeadLetter
from schemas.samples import sample


def letter(letter_id: str, **fields: Any) -> DeadLetter:
    return sample(DeadLetter, dead_letter_id=letter_id, reason="malformed", value=b"\x00\xff<b>", **fields)


HELD = {"a1": letter("a1"), "b2": letter("b2")}


class FakeShelf:
    """Two letters, of which one was put back."""

    def newest(self, limit: int, reason: str | None) -> tuple[list[DeadLetter], Overview]:
        found = [one for one in HELD.values() if reason in (None, one.reason)]
        return found[:limit], Overview(2, {"malformed": 2}, {"b2"})

    def find(self, text: str) -> tuple[DeadLetter, bool]:
        if text not in HELD:
            raise LetterNotFoundError(f"No dead letter has the id {text!r}.")
        return HELD[text], text == "b2"


class FakeRedrive:
    """Remembers what was asked for; the second letter was put back before."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str | None]] = []

    def run(self, reason: str | None, letter_id: str | None) -> Iterator[Outcome]:
        self.asked.append((reason, letter_id))
        yield Outcome(HELD["a1"], "redriven")
        yield Outcome(HELD["b2"], "refused", "It is still no JSON.")


@pytest.fixture
def redrive() -> FakeRedrive:
    return FakeRedrive()


@pytest.fixture
def client(redrive: FakeRedrive) -> TestClient:
    app = FastAPI()
    app.include_router(letters_router(LettersDesk(lambda: cast(Shelf, FakeShelf()), lambda _: cast(Redrive, redrive))))
    return TestClient(app)


def test_letters_are_listed_with_what_is_wrong(client: TestClient) -> None:
    """How many there are by reason, how many still wait, and which were put back."""
    found = client.get("/api/v1/dead-letters", params={"limit": 1}).json()
    assert (found["total"], found["waiting"], found["by_reason"]) == (2, 1, {"malformed": 2})
    assert [(one["dead_letter_id"], one["redriven"]) for one in found["dead_letters"]] == [("a1", False)]


def test_a_letter_s_bytes_are_shown_as_they_are(client: TestClient) -> None:
    """Escaped where they are no text, and exactly, in base64."""
    found = client.get("/api/v1/dead-letters/a1").json()
    assert (found["value_text"], found["value_base64"], found["cut"]) == ("\x00\\xff<b>", "AP88Yj4=", False)
    assert client.get("/api/v1/dead-letters/none").status_code == 404


@pytest.mark.parametrize(
    ("which", "asked"),
    [({"dead_letter_id": "a1"}, (None, "a1")), ({"reason": "malformed"}, ("malformed", None)), ({}, (None, None))],
)
def test_those_that_are_meant_go_back(
    client: TestClient, redrive: FakeRedrive, which: dict[str, str], asked: tuple[str | None, str | None]
) -> None:
    """One, those of a reason, or all; each is told of."""
    found = client.post("/api/v1/dead-letters/redrive", json={**which, "by": "ana", "why": "mended"}).json()
    assert redrive.asked == [asked]
    assert (found["redriven"], found["already"], found["refused"]) == (1, 0, 1)
    assert found["letters"][1]["detail"] == "It is still no JSON."


@pytest.mark.parametrize(
    "body", [{}, {"by": "ana"}, {"by": "ana", "why": " "}, {"by": "ana", "why": "x", "every": True}]
)
def test_nothing_goes_back_without_who_and_why(client: TestClient, redrive: FakeRedrive, body: dict[str, Any]) -> None:
    """422 in problem details."""
    assert client.post("/api/v1/dead-letters/redrive", json=body).status_code == 422
    assert redrive.asked == []


def test_a_letter_that_is_not_there_is_told(client: TestClient, redrive: FakeRedrive) -> None:
    """404, and nothing goes back."""
    body = {"dead_letter_id": "none", "by": "ana", "why": "mended"}
    assert client.post("/api/v1/dead-letters/redrive", json=body).status_code == 404
    assert redrive.asked == []
