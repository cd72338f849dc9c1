"""Who changes Cassandra's schema is alone, also when the node does not say in time what became of a claim."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from cassandra import OperationTimedOut, WriteTimeout, WriteType

from state.cassandra_lease import SchemaLease
from state.errors import ProjectionUnavailableError

NO_ANSWER = WriteTimeout("CAS operation timed out", write_type=WriteType.CAS)


@dataclass
class Row:
    """Of `schema_version`."""

    name: str


@dataclass
class Answer:
    """To a conditional statement: applied, or the row that is in the way."""

    was_applied: bool
    row: Row | None = None

    def one(self) -> Row | None:
        """That row."""
        return self.row


@dataclass
class FakeKeyspace:
    """A keyspace whose answers get lost: of each statement in turn the error that is raised once it is done, or None."""

    lost: Iterator[Exception | None] = field(default_factory=lambda: iter(()))
    holder: str | None = None
    now_s: float = 0.0

    def execute(self, statement: str, values: tuple[object, ...]) -> Answer:
        """A claim or a release."""
        name = str(values[1])
        free = self.holder in (None, name) if statement.startswith("DELETE") else self.holder is None
        answer = Answer(free, None if self.holder is None else Row(self.holder))
        if free:
            self.holder = None if statement.startswith("DELETE") else name
        if (error := next(self.lost, None)) is not None:
            raise error
        return answer

    def lease(self) -> SchemaLease:
        """A process's way to the lease; its time goes by when it sleeps."""
        return SchemaLease(self.execute, clock=lambda: self.now_s, sleep=self._pass)

    def taken(self) -> bool:
        """Whether anybody holds the lease."""
        return self.holder is not None

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds


def test_it_is_held_and_given_back() -> None:
    """While one holds it, it is taken; afterwards it is free, also when what was done failed."""
    keyspace = FakeKeyspace()
    with keyspace.lease().held("here"):
        assert keyspace.taken()
    assert not keyspace.taken()
    with pytest.raises(ValueError, match="no number"), keyspace.lease().held("here"):
        int("no number")
    assert not keyspace.taken()


@pytest.mark.parametrize("lost", [NO_ANSWER, OperationTimedOut()])
def test_a_claim_whose_answer_was_lost_is_known_as_ones_own(lost: Exception) -> None:
    """It is not waited for as if another had it."""
    keyspace = FakeKeyspace(iter([lost]))
    with keyspace.lease().held("here"):
        assert keyspace.now_s < 1
    assert not keyspace.taken()


def test_a_release_whose_answer_was_lost_is_no_error() -> None:
    """What was done is done; a row that stays ends by itself."""
    with FakeKeyspace(iter([None, NO_ANSWER])).lease().held("here"):
        pass


def test_another_that_never_gives_it_back_is_told() -> None:
    """After two minutes, with what to do."""
    keyspace = FakeKeyspace(holder="another")
    with pytest.raises(ProjectionUnavailableError, match=r"schema of here\. Retry"), keyspace.lease().held("here"):
        pass
    assert keyspace.holder == "another"
