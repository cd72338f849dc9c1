"""Talking to a schema registry: a small one over real HTTP, which can fail."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from schemas.avro import schema_of
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.framing import Frame
from schemas.records.intake import Alert
from schemas.samples import sample
from streams.confluent_registry import ConfluentRegistry, RegistryRefusedError, RegistryUnreachableError
from streams.registry import CodecFactory
from streams.topics import ALERTS


class FakeRegistry:
    """Subjects and schemas by id, as a Confluent registry answers; the next `failing` requests get 503."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.subjects: list[str] = []
        self.requests = 0
        self.failing = 0
        self.refusing = False
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer(*fake.register(self.path, body["schema"]))

            def do_GET(self) -> None:
                self.answer(*fake.look_up(self.path))

            def answer(self, status: int, content: object) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def register(self, path: str, schema: str) -> tuple[int, object]:
        """POST /subjects/NAME/versions."""
        if self._fails():
            return 503, {}
        if self.refusing:
            return 409, {"error_code": 409, "message": "Schema being registered is incompatible"}
        self.subjects.append(re.fullmatch(r"/subjects/(.+)/versions", path)[1])  # type: ignore[index]
        known = {text: number for number, text in self.schemas.items()}
        number = known.get(schema, len(self.schemas) + 1)
        self.schemas[number] = schema
        return 200, {"id": number}

    def look_up(self, path: str) -> tuple[int, object]:
        """GET /schemas/ids/N."""
        number = int(path.rsplit("/", 1)[-1])
        if self._fails():
            return 503, {}
        if number not in self.schemas:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, {"schema": self.schemas[number]}

    def _fails(self) -> bool:
        self.requests += 1
        self.failing -= 1
        return self.failing >= 0


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry that answers; what retries waits for nothing."""
    registry = FakeRegistry()
    with stamina.set_testing(True, attempts=4, cap=True):
        yield registry
    registry.close()


def test_records_go_from_one_program_to_another_by_the_registrys_id(fake: FakeRegistry) -> None:
    """The writer registers `<topic>-value`; the reader, which never saw the schema, fetches it by its id."""
    alert = sample(Alert)
    message = CodecFactory(fake.url)(ALERTS).encode(alert)
    assert message[:5] == b"\x00\x00\x00\x00\x01"
    assert fake.subjects == ["alerts-value"]
    assert Codec(Alert, find=ConfluentRegistry(fake.url)).decode(message) == alert


def test_without_a_registry_records_have_single_object_encoding() -> None:
    """No network, no ids."""
    assert CodecFactory()(ALERTS).encode(sample(Alert))[:2] == b"\xc3\x01"


def test_with_a_registry_records_without_its_id_are_read_all_the_same(fake: FakeRegistry) -> None:
    """A topic may hold both framings, from before and after."""
    alert = sample(Alert)
    assert CodecFactory(fake.url)(ALERTS).decode(Codec(Alert).encode(alert)) == alert


def test_a_schema_is_registered_and_fetched_once(fake: FakeRegistry) -> None:
    """Not for every record."""
    registry = ConfluentRegistry(fake.url)
    assert [registry.register("alerts", schema_of(Alert)) for _ in range(3)] == [1, 1, 1]
    assert [registry(Frame(None, 1, 5)) == schema_of(Alert) for _ in range(3)] == [True] * 3
    assert fake.requests == 2


def test_a_short_failure_is_waited_out(fake: FakeRegistry) -> None:
    """503 twice, then the answer."""
    fake.failing = 2
    assert ConfluentRegistry(fake.url).register("alerts", schema_of(Alert)) == 1


def test_a_long_failure_is_an_error_that_can_be_retried(fake: FakeRegistry) -> None:
    """Its records are not taken for unreadable ones."""
    fake.failing = 1000
    with pytest.raises(RegistryUnreachableError, match="SCHEMA_REGISTRY_URL") as error:
        ConfluentRegistry(fake.url)(Frame(None, 1, 5))
    assert error.value.retriable


def test_nobody_at_the_address_is_the_same_error(fake: FakeRegistry) -> None:
    """Refused connections."""
    fake.close()
    with pytest.raises(RegistryUnreachableError):
        ConfluentRegistry(fake.url).register("alerts", schema_of(Alert))


def test_an_incompatible_schema_is_told_in_the_registrys_words(fake: FakeRegistry) -> None:
    """And not tried again."""
    fake.refusing = True
    with pytest.raises(RegistryRefusedError, match="Schema being registered is incompatible"):
        ConfluentRegistry(fake.url).register("alerts", schema_of(Alert))
    assert fake.requests == 1


def test_an_unknown_id_is_not_asked_for_again_at_once(fake: FakeRegistry) -> None:
    """Hostile bytes look like ids; after half a minute the registry may have learnt one."""
    now_s = [0.0]
    registry = ConfluentRegistry(fake.url, clock=lambda: now_s[0])
    codec = Codec(Alert, find=registry)
    for _ in range(5):
        with pytest.raises(DecodeError):
            codec.decode(b"\x00\x00\x00\x00\x01" + b"x")
    assert fake.requests == 1
    now_s[0] = 31.0
    registry.register("alerts", schema_of(Alert))
    assert registry(Frame(None, 1, 5)) == schema_of(Alert)
