"""What a format is: where it comes in, how it is read, how its senders want to be answered, and its mapping table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from ops.intake.answers import Answer, Outcome, Problem, native_answer, problem_answer
from ops.intake.arrival import Arrival
from ops.intake.reading import Parcel, Reading
from streams.topics import Topic

# Media types that hold JSON as senders label it; "" is none, and the form type is what `curl -d` says without being asked.
JSON_MEDIA = (
    "", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream",
)  # fmt: skip
LINES_MEDIA = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a mapping table: the sender's field, ours, and what is done on the way."""

    theirs: str
    ours: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A body as its sender sends it, and where it is from."""

    source: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Format:
    """One format. `read` and the answers are pure.

    Attributes:
        name: as metrics and settings call it. path: where it is posted. title: a sentence.
        protocol: the page that says how its sender writes. topic: where its records go.
        media: media types that are taken; `+json` ones are JSON.
        read: a body to records and refusals; raises BodyRefusedError.
        answer: what its sender wants to hear; problem: what it wants to hear where nothing was taken.
        rows: the mapping, for docs/intake.md. example: for the page and the tests.
        whole: refusals keep the whole body, with the places of what was refused: its items have no bytes of their own.
        shape: the item's model, for OpenAPI.
        items: the member that holds the items.
    """

    name: str
    path: str
    title: str
    protocol: str
    topic: Topic
    read: Callable[[Parcel, Arrival], Reading]
    rows: tuple[Row, ...]
    example: Example
    media: tuple[str, ...] = JSON_MEDIA
    answer: Callable[[Outcome], Answer] = native_answer
    problem: Callable[[Problem, Parcel], Answer] = lambda problem, _: problem_answer(problem)
    whole: bool = False
    shape: type[BaseModel] | None = None
    items: str = ""

    def takes(self, media: str) -> bool:
        """Whether a media type is one of this format's."""
        return media in self.media or (media.endswith("+json") and "application/json" in self.media)
