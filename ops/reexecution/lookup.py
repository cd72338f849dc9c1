"""From what a person typed to a recording: a bundle's file, an incident's id, or a beginning of it."""

from collections.abc import Sequence
from pathlib import Path

from ops.incident_lookup import beginning, fits, the_one
from ops.reexecution.bundle import read_bundle
from ops.reexecution.reading import read_recordings
from ops.reexecution.recording import Recording
from ops.replay import reader
from ops.settings import Settings
from schemas.avro import Schema
from schemas.framing import Frame
from state.event_log import EVENTS_TOPIC, parse_event_key
from streams.confluent_registry import ConfluentRegistry
from streams.known_schemas import KnownSchemas
from streams.topics import Topic

_SHOWN = 5


def is_file(text: str) -> bool:
    """Whether a bundle is meant: a file of that name is there, or the name says so."""
    return Path(text).is_file() or "/" in text or text.endswith((".bundle", ".zip"))


def recording_in(text: str) -> Recording:
    """A bundle's recording.

    Raises:
        BundleError: it is none.
    """
    return read_bundle(Path(text))


def recording_of(bootstrap: str, settings: Settings, text: str, *, topics: Sequence[Topic]) -> Recording:
    """The recording of the incident of this id, else of the only one whose id begins so, out of Kafka.

    Raises:
        IncidentNotFoundError: there is none, or several begin so.
        StoreUnavailableError: Kafka does not answer.
    """
    incident_id = _named(bootstrap, text)
    found = read_recordings(bootstrap, [incident_id], topics=topics, find=_Finder(bootstrap, settings))
    return found[incident_id]


class _Finder:
    """Schemas of other versions, from the topic `schemas` or from the registry."""

    def __init__(self, bootstrap: str, settings: Settings) -> None:
        self._topic = KnownSchemas(bootstrap)
        self._registry = ConfluentRegistry(settings.schema_registry_url) if settings.schema_registry_url else None

    def __call__(self, frame: Frame) -> Schema | None:
        if frame.registry_id is not None:
            return None if self._registry is None else self._registry(frame)
        return self._topic(frame)


def _named(bootstrap: str, text: str) -> str:
    names: set[str] = set()
    with reader(bootstrap) as log:
        there, begins = log.partitions(EVENTS_TOPIC), beginning(text).encode()
        bounds = {p: log.bounds(EVENTS_TOPIC, p) for p in there}
        for raw in log.read(EVENTS_TOPIC, bounds, lambda key, _: key is not None and key.startswith(begins)):
            name, _ = parse_event_key(raw.key)
            if name == text:
                return text
            if fits(text, name):
                names.add(name)
    return the_one(text, names)
