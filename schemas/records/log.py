"""The event store's records: commands to append, events, snapshots; and dead letters and schemas."""

from dataclasses import dataclass

from schemas.records.vocabulary import Agent, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCommand:
    """`AppendEvent`: asks the sequencer to give an event the incident's next version.

    `command_id` makes it idempotent. `expected_version` None takes whatever version is next; else a stale one is refused.
    `payload` is a JSON object; its keys depend on `type` (see state.incident). `basis` names the settings and the code that it
    was decided by, as the decision journal declares them; empty where no setting had a say: people, executors.
    """

    command_id: str
    incident_id: str
    tenant: str
    episode: int
    type: str
    payload: str
    expected_version: int | None
    occurred_at: Millis
    agent: Agent
    correlation_id: str
    causation_id: str
    source_topic: str
    source_partition: int
    source_offset: int
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """A fact about an incident: version by version, each bound to the one before by its hash (see state.chain).

    `command_offset` is the position on `incident.commands` that it came from; `basis` is the command's.
    """

    event_id: str
    incident_id: str
    tenant: str
    version: int
    episode: int
    type: str
    payload: str
    occurred_at: Millis
    recorded_at: Millis
    agent: Agent
    correlation_id: str
    causation_id: str
    source_topic: str
    source_partition: int
    source_offset: int
    command_offset: int
    previous_hash: str
    hash: str
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """The conflict event: a command whose expected version was stale, or that the incident's state does not admit."""

    command_id: str
    incident_id: str
    tenant: str
    type: str
    reason: str
    expected_version: int | None
    actual_version: int
    agent: Agent
    occurred_at: Millis
    command_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSnapshot:
    """The folded state of an incident at a version; `state` is the JSON object of state.incident."""

    incident_id: str
    tenant: str
    version: int
    head_hash: str
    events: int
    command_offset: int
    event_offset: int
    state: str
    occurred_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsCheckpoint:
    """A signed list of the heads of a partition's incidents, in `parts` records of which this is number `part`, from 0.

    `end`: all events of the partition at smaller offsets are in it. `covered_below`: those at smaller offsets are in snapshots.
    `heads`: packed, as docs/event-store.md has it. `public_key` and `signature` are Ed25519's, of all other fields.
    """

    partition: int
    end: int
    covered_below: int
    part: int
    parts: int
    heads: bytes
    signed_at: Millis
    public_key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Bytes that a stage could not take, exact, with where they were and why. `reason` is a code, `detail` a sentence."""

    dead_letter_id: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    stage: str
    reason: str
    detail: str
    tenant: str
    occurred_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRegistered:
    """A schema by its CRC-64-AVRO fingerprint (16 hex digits, little endian), on the compacted `schemas` topic."""

    fingerprint: str
    name: str
    version: int
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSignal:
    """What a worker says of itself, by `kind`: "over_budget", a stage was slower than it may; "scale_out", another worker is due.

    `measured` is held against `allowed`: seconds from a record's arrival to its acknowledgement, or the share of a core. Of a
    stage's violations since the last signal this is one of `times`, the latest; `limit` says which budget: "target" or "most".
    """

    signal_id: str
    kind: str
    worker: str
    stage: str
    topic: str
    limit: str
    measured: float
    allowed: float
    times: int
    occurred_at: Millis
