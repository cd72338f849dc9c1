"""A writer that appends the same endless stream of commands wherever it is started: to be killed by tests."""

import sys

from schemas.records.log import IncidentCommand
from state.incident import EventType
from state.kafka_store import EventStoreWriter, StoreTopics
from tests.support.commands import command


def accounted_log(count: int, incident_id: str = "inc-1") -> list[tuple[IncidentCommand, int]]:
    """The first `count` commands, with their offsets, of an incident that opens and is then accounted for without end."""
    opened = command(incident_id=incident_id, command_id="opened")
    return [(opened, 0), *(_accounted(incident_id, offset) for offset in range(1, count))]


def _accounted(incident_id: str, offset: int) -> tuple[IncidentCommand, int]:
    kind = EventType.ALERTS_ACCOUNTED
    return command(kind, incident_id=incident_id, command_id=f"account-{offset}", ordinal=offset), offset


def main(bootstrap: str, partition: str, id_prefix: str, *topics: str) -> None:
    """Append from the first command on, three at a time, redelivered in part; tell each batch on standard output."""
    commands = accounted_log(8_000)
    with EventStoreWriter(bootstrap, int(partition), topics=StoreTopics(*topics), id_prefix=id_prefix) as store:
        at = max(store.ledger.command_offset - 4, 0)
        while at < len(commands):
            store.append(commands[at : at + 3])
            at += 2
            print(at, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
