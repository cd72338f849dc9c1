"""Sending files of alerts: rows that cannot be mapped go to the dead letters byte for byte, the rest to Kafka."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops.intake.arrival import Arrival
from ops.intake.errors import UnusableInputError
from ops.intake.files import InputFile, csv_rows, json_lines
from ops.intake.letters import INVALID, OVERSIZED, PATH_HEADER, refused
from ops.intake.pace import Pace
from ops.intake.rows import AlertMaker, CsvAlerts, JsonAlerts, RowMapping
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from state.clock import wall_clock_ms
from streams.telemetry import TelemetryProducer
from streams.topics import ALERTS

# With these a redrive can map a row anew.
CSV_PATH, JSONL_PATH = b"csv", b"jsonl"
MAPPING_HEADER = "intake-mapping"
COLUMNS_HEADER = "intake-columns"

Made = tuple[bytes, bytes]


@dataclass(slots=True)
class Sent:
    """How many rows were sent and refused so far."""

    sent: int = 0
    rejected: int = 0


class FileSender:
    """Sends files, one after another.

    Args:
        producer: takes the records.
        codec: the contract of alerts.
        mapping: which column is which field.
        max_row_bytes: a longer row is refused.
        pace: holds back to a rate.
        progress: called about a thousand rows apart with the counts so far.
    """

    def __init__(
        self,
        producer: TelemetryProducer,
        codec: Codec[Alert],
        mapping: RowMapping,
        max_row_bytes: int,
        pace: Pace,
        progress: Callable[[Sent, InputFile], None],
    ) -> None:
        self._producer = producer
        self._codec = codec
        self._mapping = mapping
        self._max_row_bytes = max_row_bytes
        self._pace = pace
        self._progress = progress
        self.counts = Sent()

    def send(self, file: InputFile) -> None:
        """Send every row of a file.

        Raises:
            UnusableInputError: a column that the mapping names is not there; nothing was sent.
            BrokenInputError: the file breaks off; what came before was sent.
            DeliveryError: Kafka takes no more.
        """
        maker = AlertMaker(self._codec, self._mapping.tenant, uuid.uuid4().hex[:12])
        rows = self._csv(file, maker) if file.kind == "csv" else self._json(file, maker)
        stride = self._pace.stride
        maker.tick(wall_clock_ms())
        for number, made in enumerate(rows, 1):
            if made is not None:
                self._producer.send_raw(ALERTS.name, *made)
                self.counts.sent += 1
            if number % stride == 0:
                self._pace.wait(self.counts.sent)
                maker.tick(wall_clock_ms())
                self._progress(self.counts, file)
        self._progress(self.counts, file)

    def _csv(self, file: InputFile, maker: AlertMaker) -> Iterator[Made | None]:
        rows = csv_rows(file)
        heading, header = next(rows, (b"", []))
        if isinstance(header, InvalidInputError):
            raise UnusableInputError(f"{file.name} has no header that can be read: {header}")
        if not header:
            return
        try:
            alerts = CsvAlerts(header, self._mapping, maker)
        except InvalidInputError as error:
            raise UnusableInputError(f"{file.name}: {error}") from error
        headers = self._headers(CSV_PATH) | {COLUMNS_HEADER: heading}
        for ordinal, (raw, cells) in enumerate(rows, 1):
            try:
                self._check(raw, cells)
                yield alerts.alert(cells, ordinal)  # type: ignore[arg-type]
            except InvalidInputError as error:
                self._refuse(raw, error, headers)
                yield None

    def _json(self, file: InputFile, maker: AlertMaker) -> Iterator[Made | None]:
        alerts = JsonAlerts(self._mapping, maker)
        headers = self._headers(JSONL_PATH)
        for ordinal, line in enumerate(json_lines(file), 1):
            try:
                self._check(line, None)
                yield alerts.alert(line, ordinal)
            except InvalidInputError as error:
                self._refuse(line, error, headers)
                yield None

    def _check(self, raw: bytes, cells: list[str] | InvalidInputError | None) -> None:
        if len(raw) > self._max_row_bytes:
            raise InvalidInputError(f"The row has {len(raw)} bytes; send at most {self._max_row_bytes}.")
        if isinstance(cells, InvalidInputError):
            raise cells

    def _refuse(self, raw: bytes, error: InvalidInputError, headers: dict[str, bytes]) -> None:
        reason = OVERSIZED if len(raw) > self._max_row_bytes else INVALID
        arrival = Arrival(wall_clock_ms(), lambda: uuid.uuid4().hex, self._mapping.tenant)
        letter = refused(raw, topic=ALERTS.name, reason=reason, detail=str(error), arrival=arrival, headers=headers)
        self._producer.send_dead_letter(letter)
        self.counts.rejected += 1

    def _headers(self, path: bytes) -> dict[str, bytes]:
        return {PATH_HEADER: path, MAPPING_HEADER: self._mapping.to_json()}
