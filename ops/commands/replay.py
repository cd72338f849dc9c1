"""`breakwater replay`: any range of any topic, printed or copied."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Annotated, Any

import click
import orjson
import typer

from ops.commands.options import AsJson, tell_on_stderr
from ops.connection import bootstrap_servers
from ops.copying import Copier, refuse_unsafe_copy
from ops.decoding import RecordDecoder, json_default
from ops.replay import Bound, Pace, Slice, lost, parse_bound, reader, records, slices
from ops.settings import load_settings
from ops.terminal.words import counted
from schemas.errors import BreakwaterError, InvalidInputError
from state.clock import wall_clock_ms
from state.log_reader import RawRecord
from streams.registry import CodecFactory

_INTERRUPTED = 130


@dataclass(slots=True)
class _Replay:
    """One replay under way."""

    bootstrap: str
    topic: str
    start: Bound
    end: Bound
    slices: list[Slice]
    lost: list[str]
    decoder: RecordDecoder
    incident: str | None = None
    speed: float | None = None
    read: int = 0
    count: int = 0

    def records(self) -> Generator[RawRecord, None, None]:
        """The records that are wanted, when they are due."""
        pace = None if self.speed is None else Pace(self.speed)
        with closing(records(self.bootstrap, self.topic, self.slices, self.start, self.end)) as found:
            for raw in found:
                self.read += 1
                if self.incident is None or self.decoder.is_of(raw, self.incident):
                    if pace is not None:
                        pace.wait_for(raw.timestamp)
                    self.count += 1
                    yield raw

    def document(self) -> dict[str, Any]:
        """What is said of it as JSON, beside its records."""
        return {"topic": self.topic, "count": self.count, "read": self.read, "lost": self.lost}


def replay(
    topic: Annotated[str, typer.Argument(help="The topic to read.")],
    start: Annotated[str | None, typer.Option("--from", help="First offset or time; by default the beginning.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Last offset or time; by default the end as it is now.")
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    incident: Annotated[str | None, typer.Option(help="Only records of the incident of this id.")] = None,
    speed: Annotated[
        float | None,
        typer.Option(help="1 keeps the original pace, 10 is ten times that; by default as fast as it goes."),
    ] = None,
    to_topic: Annotated[str | None, typer.Option(help="Copy the records there instead of printing them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print any range of any topic, a JSON line a record, or copy it to another topic.

    Digits below 100000000000 are offsets (in every partition, or in that of --partition); everything else is a time: ISO 8601,
    epoch milliseconds, or how long ago (15m, 2h). Both ends belong to the range.

    Example: breakwater replay alerts --from 15m --incident inc-0a1b2c3d4e5f6071

    Example: breakwater replay alerts --from 100 --to 199 --partition 0 --speed 10 --to-topic alerts.copy
    """
    if speed is not None and not 0 < speed < float("inf"):
        raise typer.BadParameter("--speed must be more than 0: 1 is the original pace.")
    settings = load_settings()
    bootstrap = bootstrap_servers(settings)
    try:
        found, keep_partitions = _prepare(bootstrap, topic, (start, end), partition, to_topic)
    except InvalidInputError as error:
        raise typer.BadParameter(str(error)) from error
    found.decoder = RecordDecoder(topic, CodecFactory(settings.schema_registry_url, bootstrap))
    found.incident, found.speed = incident, speed
    for sentence in found.lost:
        tell_on_stderr(f"{topic}: {sentence}")
    try:
        if to_topic is None:
            _print(found, as_json=as_json)
        else:
            _copy(found, Copier(bootstrap, to_topic, keep_partitions=keep_partitions), to_topic, as_json=as_json)
    except KeyboardInterrupt:
        _tell(found, "Stopped")
        raise typer.Exit(_INTERRUPTED) from None
    _tell(found, "Done")


def _prepare(
    bootstrap: str, topic: str, ends: tuple[str | None, str | None], partition: int | None, to_topic: str | None
) -> tuple[_Replay, bool]:
    now = wall_clock_ms()
    start, end = (Bound() if text is None else parse_bound(text, now) for text in ends)
    if start.is_after(end):
        raise InvalidInputError(f"--from {ends[0]} lies after --to {ends[1]}.")
    with reader(bootstrap) as log:
        found = slices(log, topic, start, end, partition)
        if to_topic is not None:
            refuse_unsafe_copy(log, topic, to_topic)
        keep = to_topic is not None and len(log.partitions(topic)) == len(log.partitions(to_topic))
    gone = [sentence for one in found if (sentence := lost(one, start))]
    return _Replay(bootstrap, topic, start, end, found, gone, RecordDecoder(topic)), keep


def _print(found: _Replay, *, as_json: bool) -> None:
    """Records as lines; with `as_json` all of them in one document, which grows as they come, and ends whole."""
    out = click.get_binary_stream("stdout")
    if not as_json:
        for line in _lines(found):
            out.write(line + b"\n")
            _show_now(found, out)
        out.flush()
        return
    out.write(b'{"records":[')
    ending: dict[str, Any] = {}
    try:
        for line in _lines(found):
            out.write(line if found.count == 1 else b"," + line)
            _show_now(found, out)
    except BreakwaterError as error:
        tell_on_stderr(f"breakwater: {error}")
        ending = {"error": str(error), "retriable": error.retriable}
    out.write(b"]," + orjson.dumps({**found.document(), **ending})[1:] + b"\n")
    out.flush()
    if ending:
        raise typer.Exit(1)


def _lines(found: _Replay) -> Iterator[bytes]:
    with closing(found.records()) as wanted:
        for raw in wanted:
            yield orjson.dumps(found.decoder.line(raw), default=json_default)


def _show_now(found: _Replay, out: IO[bytes]) -> None:
    if found.speed is not None:
        out.flush()


def _copy(found: _Replay, copier: Copier, to_topic: str, *, as_json: bool) -> None:
    try:
        with closing(found.records()) as wanted:
            for raw in wanted:
                copier.write(raw)
    finally:
        copier.finish()
    if as_json:
        typer.echo(orjson.dumps({**found.document(), "to_topic": to_topic, "copied": copier.delivered}).decode())
    else:
        tell_on_stderr(f"{counted(copier.delivered, 'record')} copied to {to_topic}.")


def _tell(found: _Replay, how: str) -> None:
    if found.count == 0:
        of = f" of {found.incident}" if found.incident else ""
        tell_on_stderr(f"{how}: nothing{of} lies in that range of {found.topic}.")
        return
    wide = sum(max(one.end - one.start, 0) for one in found.slices)
    text = f"{how}: {counted(found.count, 'record')} of {found.topic}"
    if found.incident is not None:
        text += f", out of {found.read:,} in the range"
    elif how == "Done" and found.read < wide and found.start.at is None and found.end.at is None:
        text += f"; {wide - found.read:,} offsets of the range hold none (transaction markers, aborted or compacted)"
    tell_on_stderr(text + ".")
