-- Events as they lie in the log, and what they fold to. All of it can be built anew from the log.

CREATE TABLE events (
    incident_id      TEXT NOT NULL,
    version          INTEGER NOT NULL,
    topic            TEXT NOT NULL,
    "partition"      INTEGER NOT NULL,
    "offset"         INTEGER NOT NULL,
    event_id         TEXT NOT NULL,
    tenant           TEXT NOT NULL,
    episode          INTEGER NOT NULL,
    type             TEXT NOT NULL,
    payload          TEXT NOT NULL,
    occurred_at      INTEGER NOT NULL,
    recorded_at      INTEGER NOT NULL,
    agent            TEXT NOT NULL,
    correlation_id   TEXT NOT NULL,
    causation_id     TEXT NOT NULL,
    source_topic     TEXT NOT NULL,
    source_partition INTEGER NOT NULL,
    source_offset    INTEGER NOT NULL,
    command_offset   INTEGER NOT NULL,
    previous_hash    TEXT NOT NULL,
    hash             TEXT NOT NULL,
    PRIMARY KEY (incident_id, version)
);

CREATE TABLE incidents (
    incident_id TEXT NOT NULL PRIMARY KEY,
    version     INTEGER NOT NULL,
    status      TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    service     TEXT NOT NULL,
    updated_at  INTEGER NOT NULL,
    state       TEXT NOT NULL
);

-- A page is read off the end of one of these, in the order that it is shown.
CREATE INDEX incidents_by_activity ON incidents (updated_at, incident_id);
CREATE INDEX incidents_by_status ON incidents (status, updated_at, incident_id);
CREATE INDEX incidents_by_tenant ON incidents (tenant, updated_at, incident_id);
CREATE INDEX incidents_by_service ON incidents (service, updated_at, incident_id);
