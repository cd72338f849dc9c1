"""Identities are read off the bytes of alerts, and one that comes again is known by them."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.intake.arrival import Arrival
from ops.intake.formats import BY_PATH
from ops.intake.handover import Bounds, Handover
from ops.intake.reading import Parcel
from ops.intake.recall import AlertIdentities
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.samples import sample
from streams.errors import DeliveryError
from streams.outbox import Message
from tests.support.intake import FakeDelivery

CODEC = Codec(Alert)
IDENTITIES = AlertIdentities(CODEC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(TEXT, TEXT)
def test_an_identity_is_read_off_the_bytes(tenant: str, alert_id: str) -> None:
    """Tenant and id, of whatever length and alphabet."""
    assert IDENTITIES.of(CODEC.encode(sample(Alert, tenant=tenant, alert_id=alert_id))) == f"{tenant}\x1f{alert_id}"


@given(st.binary(max_size=60), st.booleans())
def test_what_is_no_alert_has_none(rest: bytes, framed: bool) -> None:
    """Whatever bytes there are: it is passed over, and never an error."""
    found = IDENTITIES.of((CODEC.header if framed else b"") + rest)
    assert found is None or framed


@pytest.mark.parametrize("path", ["/v1/alerts", "/webhook", "/v1/alertmanager", "/api/v2/alerts", "/v1/grafana"])
def test_the_identity_of_a_format_is_that_of_its_bytes(path: str) -> None:
    """Made twice, by processes that know nothing of each other, it is the same."""

    def read(number: str) -> list[tuple[str | None, str | None]]:
        body = orjson.dumps(BY_PATH[path].example.body)
        reading = BY_PATH[path].read(Parcel(body), Arrival(1_800_000_000_000, lambda: number))
        return [(i, IDENTITIES.of(CODEC.encode(r))) for i, r in zip(reading.identities, reading.records, strict=True)]

    assert all(told == read_off for told, read_off in read("a"))
    assert read("a") == read("b")


async def test_nothing_is_taken_before_all_is_known_that_was_taken_earlier() -> None:
    """Its sender comes again; then what others took is a duplicate."""
    delivery = FakeDelivery()
    handover = Handover(lambda: delivery, Bounds(), lambda: 1_000_000, lambda: 1.0)
    handover.await_recall()
    message = Message("alerts", b"k", b"v")
    with pytest.raises(DeliveryError, match="in a moment"):
        await handover.hand_over([message], ["known"])
    handover.learn(["known"])
    handover.recalled()
    assert await handover.hand_over([message, message], ["known", "new"]) == 1
    assert len(delivery.taken) == 1
