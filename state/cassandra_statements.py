"""What the projection says to Cassandra, prepared once a session. The names in it are our own, never input."""

# ruff: noqa: S608
from state.cassandra_session import CassandraSession
from state.rows import EVENT_FIELDS

_COLUMNS = ", ".join(EVENT_FIELDS)


class CassandraStatements:
    """Each is named by what it does; writes of lists and states take the incident's version as their timestamp."""

    def __init__(self, session: CassandraSession) -> None:
        """Prepare them all."""
        log_columns = f'topic, "partition", "offset", {_COLUMNS}'
        marks = ", ".join("?" * (len(EVENT_FIELDS) + 3))
        key = "facet = ? AND value = ? AND day = ?"
        self.put_event = session.prepare(f"INSERT INTO events ({log_columns}) VALUES ({marks})")
        self.timeline = session.prepare(
            f"SELECT {log_columns} FROM events WHERE incident_id = ? AND version > ? LIMIT ?"
        )
        self.hashes = session.prepare(
            "SELECT version, hash FROM events WHERE incident_id = ? AND version >= ? AND version <= ?"
        )
        self.state = session.prepare("SELECT state FROM incidents WHERE incident_id = ?")
        self.versions = session.prepare("SELECT version FROM incidents")
        self.put_state = session.prepare(
            "INSERT INTO incidents (incident_id, version, state) VALUES (?, ?, ?) USING TIMESTAMP ?"
        )
        self.days = session.prepare("SELECT day FROM facet_days WHERE facet = ? AND value = ?")
        self.put_day = session.prepare("INSERT INTO facet_days (facet, value, day) VALUES (?, ?, ?) USING TIMESTAMP ?")
        self.entries = session.prepare(
            f"SELECT incident_id, version, updated_at, status, tenant, service FROM incidents_by_facet WHERE {key}"
            " AND (updated_at, incident_id) < (?, ?) AND (updated_at) >= (?) LIMIT ?"
        )
        self.put_entry = session.prepare(
            "INSERT INTO incidents_by_facet (facet, value, day, updated_at, incident_id, version, status, tenant, service)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self.drop_entry = session.prepare(
            f"DELETE FROM incidents_by_facet USING TIMESTAMP ? WHERE {key} AND updated_at = ? AND incident_id = ?"
        )
