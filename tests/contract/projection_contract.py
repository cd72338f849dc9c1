"""What every projection promises, told once and run on each adapter.

A store may hold what other tests wrote, so each test uses incidents and a tenant that no other has.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records.vocabulary import Millis
from state.chain import seal
from state.errors import BadCursorError, ProjectionConflictError, ProjectionGapError
from state.incident import EventType, IncidentState, Status, fold
from state.ports import IncidentQuery, Projection, StoredEvent
from state.projection_digest import held_by
from state.rebuild import rebuild
from tests.support.event_sequences import STORY, EventLog, event_logs

property_test = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)


def unique(word: str = "inc") -> str:
    """A text that no other test has."""
    return f"{word}-{uuid.uuid4().hex[:12]}-"


def all_pages(projection: Projection, query: IncidentQuery) -> list[IncidentState]:
    """Every incident that a query finds, page by page; no page may be larger than its limit."""
    found: list[IncidentState] = []
    while True:
        page = projection.incidents(query)
        assert len(page.incidents) <= query.limit
        found += page.incidents
        if page.cursor is None:
            return found
        assert page.incidents, "a page that promises more has something on it"
        query = replace(query, cursor=page.cursor)


def ids(states: Sequence[IncidentState]) -> list[str]:
    """The incidents' ids, in order."""
    return [state.incident_id for state in states]


def forged(stored: StoredEvent) -> StoredEvent:
    """Another event of the same version, sealed as if it were the one."""
    return replace(stored, event=seal(replace(stored.event, event_id="forged", recorded_at=1)))


def deliveries(data: st.DataObject, events: list[StoredEvent]) -> list[list[StoredEvent]]:
    """The log as a consumer that crashes now and then gets it: batch by batch, some of it again."""
    batches, at = [], 0
    while at < len(events):
        size = data.draw(st.integers(1, 8))
        batches.append(events[at : at + size])
        at += data.draw(st.integers(1, size))
    return batches


class ProjectionContract:
    """Tests of `state.ports.Projection`; a subclass gives the fixtures `projection` and `other` (two stores)."""

    def test_an_unknown_incident_is_none(self, projection: Projection) -> None:
        """What was never heard of has no state and no timeline."""
        assert projection.incident(unique()) is None
        assert projection.timeline(unique()) == []

    def test_finding_nothing_is_an_empty_page(self, projection: Projection) -> None:
        """A query that matches nothing gives no incidents and no cursor."""
        page = projection.incidents(IncidentQuery(tenant=unique()))
        assert (page.incidents, page.cursor) == ([], None)

    def test_taking_nothing_in_is_no_error(self, projection: Projection) -> None:
        """An empty batch adds nothing."""
        assert projection.apply([]) == 0

    def test_what_is_taken_in_is_given_back(self, projection: Projection) -> None:
        """An incident's timeline is its events, as they were and where they lay; its state is their fold."""
        name = unique()
        log = _story(name)
        before = projection.count()
        assert projection.apply(log.events) == len(STORY)
        assert projection.timeline(name) == log.events
        assert projection.incident(name) == fold(name, [stored.event for stored in log.events])
        assert projection.count() == before + len(STORY)

    def test_what_was_forgotten_can_be_taken_in_again(self, other: Projection) -> None:
        """A store that is filled anew has the rows that it had."""
        name = unique()
        log = _story(name)
        other.apply(log.events)
        before = held_by(other)
        other.clear()
        assert (other.count(), other.incident(name), ids(all_pages(other, IncidentQuery()))) == (0, None, [])
        other.apply(log.events)
        assert held_by(other) == {name: before[name]}
        assert ids(all_pages(other, IncidentQuery())) == [name]

    def test_a_timeline_begins_and_ends_where_asked(self, projection: Projection) -> None:
        """`after_version` leaves out what is known, `limit` what is too much."""
        name = unique()
        log = _story(name)
        projection.apply(log.events)
        assert projection.timeline(name, after_version=3, limit=4) == log.events[3:7]
        assert projection.timeline(name, after_version=len(STORY)) == []
        assert projection.timeline(name, limit=0) == []

    def test_the_same_events_again_change_nothing(self, projection: Projection) -> None:
        """A redelivered batch adds nothing, whole or in part, alone or with new events behind it."""
        name = unique()
        log = _story(name)
        assert projection.apply(log.events[:8]) == 8
        state = projection.incident(name)
        assert projection.apply(log.events[:8]) == 0
        assert projection.apply(log.events[2:5]) == 0
        assert projection.incident(name) == state
        assert projection.apply(log.events[5:]) == len(STORY) - 8
        assert projection.timeline(name) == log.events

    def test_an_event_twice_in_one_batch_is_taken_in_once(self, projection: Projection) -> None:
        """A duplicate within a batch adds nothing."""
        name = unique()
        log = _story(name)
        assert projection.apply([log.events[0], log.events[0], log.events[1], log.events[0]]) == 2
        assert projection.timeline(name) == log.events[:2]

    def test_a_missing_predecessor_is_refused(self, projection: Projection) -> None:
        """A gap is an error that says from where to replay; nothing of its batch is kept."""
        name, whole = unique(), unique()
        log = _story(name)
        projection.apply(log.events[:2])
        with pytest.raises(ProjectionGapError, match="from version 3") as caught:
            projection.apply([*_story(whole).events, *log.events[3:]])
        assert (caught.value.incident_id, caught.value.held_version) == (name, 2)
        assert projection.incident(whole) is None
        assert projection.timeline(name) == log.events[:2]

    def test_after_a_gap_the_missing_events_heal_it(self, projection: Projection) -> None:
        """Replaying from the version that the error names brings the incident up to date."""
        name = unique()
        log = _story(name)
        with pytest.raises(ProjectionGapError) as caught:
            projection.apply(log.events[1:])
        assert projection.apply(log.events[caught.value.held_version :]) == len(STORY)
        assert projection.timeline(name) == log.events

    def test_events_in_the_wrong_order_are_a_gap(self, projection: Projection) -> None:
        """Within a batch too, versions come in order."""
        name = unique()
        log = _story(name)
        with pytest.raises(ProjectionGapError):
            projection.apply([log.events[1], log.events[0]])
        assert projection.incident(name) is None

    def test_the_first_of_two_events_of_a_version_is_kept(self, projection: Projection) -> None:
        """Another event of a held version is an error; it is not taken in, and all else of its batch is."""
        name = unique()
        log = _story(name)
        projection.apply(log.events[:5])
        with pytest.raises(ProjectionConflictError, match="Version 3") as caught:
            projection.apply([forged(log.events[2]), *log.events[5:]])
        assert (caught.value.incident_id, caught.value.version) == (name, 3)
        assert caught.value.taken_in == len(STORY) - 5
        assert projection.timeline(name) == log.events

    def test_two_events_of_a_version_in_one_batch_are_told(self, projection: Projection) -> None:
        """The first in order is the one that is kept, also where neither was held before."""
        name = unique()
        log = _story(name)
        with pytest.raises(ProjectionConflictError):
            projection.apply([log.events[0], forged(log.events[0]), log.events[1]])
        assert projection.timeline(name) == log.events[:2]

    def test_any_text_is_kept_as_it_came(self, projection: Projection) -> None:
        """Quotes, NULs, emoji and halves of characters in a payload neither break the store nor change."""
        name = unique("'; DROP TABLE incidents; -- ☃ ")
        hostile = 'Robert"); \x00 💥 \u202e'
        log = EventLog()
        log.append(name, EventType.INCIDENT_OPENED, tenant=name, title=hostile, service=hostile)
        projection.apply(log.events)
        state = projection.incident(name)
        assert state is not None
        assert (state.title, state.service) == (hostile, hostile)
        assert projection.incidents(IncidentQuery(tenant=name)).incidents == [state]

    def test_any_question_can_be_asked(self, projection: Projection) -> None:
        """Texts that are no UTF-8 and times beyond all bounds find nothing, and break nothing."""
        half = "half \udcff"
        assert projection.incident(half) is None
        assert projection.timeline(half, limit=-1) == []
        for query in (IncidentQuery(tenant=half), IncidentQuery(service=half), IncidentQuery(status=half)):
            assert projection.incidents(query).incidents == []
        assert projection.incidents(IncidentQuery(since=10**30)).incidents == []
        assert projection.incidents(IncidentQuery(tenant=unique(), since=-(10**30), limit=0)).incidents == []

    def test_a_large_payload_is_kept(self, projection: Projection) -> None:
        """A diagnosis with a megabyte of evidence comes back whole."""
        name = unique()
        log = EventLog()
        log.append(name, EventType.INCIDENT_OPENED, title="x" * 1_000_000)
        projection.apply(log.events)
        assert projection.timeline(name) == log.events

    @property_test
    @given(data=st.data())
    def test_the_state_is_the_fold_of_the_events(self, projection: Projection, data: st.DataObject) -> None:
        """However a log is cut into batches and delivered again, each incident is the fold of its events."""
        log = data.draw(event_logs(prefix=unique()))
        taken_in = sum(projection.apply(batch) for batch in deliveries(data, log.events))
        assert taken_in == len(log.events)
        for state in log.states():
            events = log.of(state.incident_id)
            assert projection.timeline(state.incident_id) == events
            assert projection.incident(state.incident_id) == fold(state.incident_id, [s.event for s in events])

    @property_test
    @given(data=st.data())
    def test_lists_agree_with_the_states(self, projection: Projection, data: st.DataObject) -> None:
        """At any point of the log, every filter and every size of page finds just what matches, in order, once."""
        tenant = unique()
        log = data.draw(event_logs(prefix=tenant))
        at = data.draw(st.integers(0, len(log.events)))
        now = EventLogAt(log, at)
        for batch in deliveries(data, log.events[:at]):
            projection.apply(batch)
        query = IncidentQuery(
            tenant=tenant,
            status=data.draw(st.sampled_from([None, *Status])),
            service=data.draw(st.sampled_from([None, "checkout", "cart", "elsewhere"])),
            since=data.draw(st.none() | st.integers(log.now_ms - 50, log.now_ms + 1)),
            limit=data.draw(st.integers(1, 4)),
        )
        assert all_pages(projection, query) == now.matching(query)

    def test_every_filter_finds_its_incidents(self, projection: Projection) -> None:
        """By tenant, by service, by status, by time, and by all of them."""
        tenant, service, other = unique("tenant"), unique("service"), unique("service")
        log = EventLog()
        for name, where in (("a", service), ("b", other), ("c", service)):
            log.append(tenant + name, EventType.INCIDENT_OPENED, tenant=tenant, service=where)
        log.append(tenant + "a", EventType.DIAGNOSIS_MADE, tenant=tenant)
        projection.apply(log.events)

        def found(query: IncidentQuery) -> list[str]:
            return [incident_id.removeprefix(tenant) for incident_id in ids(all_pages(projection, query))]

        assert found(IncidentQuery(tenant=tenant)) == ["a", "c", "b"]
        assert found(IncidentQuery(service=service)) == ["a", "c"]
        assert found(IncidentQuery(status=Status.DIAGNOSED, tenant=tenant)) == ["a"]
        assert found(IncidentQuery(tenant=tenant, since=log.now_ms - 1000)) == ["a", "c"]
        assert found(IncidentQuery(tenant=tenant, service=other, status=Status.OPEN, since=0)) == ["b"]
        assert found(IncidentQuery(tenant=tenant, service=other, status=Status.RESOLVED)) == []

    def test_an_incident_is_listed_under_its_present_status_alone(self, projection: Projection) -> None:
        """With each event an incident leaves the lists that it no longer belongs to."""
        tenant = unique("tenant")
        log = EventLog()
        for kind in STORY:
            log.append(tenant, kind, tenant=tenant)
            projection.apply(log.events[-1:])
            present = log.state(tenant).status
            for status in Status:
                expected = [tenant] if status == present else []
                assert ids(all_pages(projection, IncidentQuery(tenant=tenant, status=status))) == expected

    def test_without_a_filter_all_are_found(self, projection: Projection) -> None:
        """No filter lists every incident of the store, each once, the latest change first."""
        tenant = unique("tenant")
        log = _opened(tenant, 7)
        projection.apply(log.events)
        found = all_pages(projection, IncidentQuery(limit=3))
        assert [i for i in ids(found) if i.startswith(tenant)] == ids(log.states())
        keys = [(state.updated_at, state.incident_id) for state in found]
        assert keys == sorted(set(keys), reverse=True)

    def test_pages_join_without_loss_where_times_are_equal(self, projection: Projection) -> None:
        """Incidents of the same millisecond are neither left out nor told twice at a page's end."""
        tenant = unique("tenant")
        log = _opened(tenant, 20, after_ms=0)
        projection.apply(log.events)
        for limit in (1, 3, 19, 20, 21):
            assert ids(all_pages(projection, IncidentQuery(tenant=tenant, limit=limit))) == ids(log.states())

    def test_pages_join_over_days(self, projection: Projection) -> None:
        """Incidents that lie months apart are found in order, and none before `since`."""
        tenant = unique("tenant")
        log = _opened(tenant, 40, after_ms=3 * 86_400_000)
        projection.apply(log.events)
        states = log.states()
        assert all_pages(projection, IncidentQuery(tenant=tenant, limit=7)) == states
        recent = IncidentQuery(tenant=tenant, limit=4, since=states[9].updated_at)
        assert all_pages(projection, recent) == states[:10]

    def test_the_last_page_has_no_cursor(self, projection: Projection) -> None:
        """Also where it is full, and where the page is as large as the list."""
        tenant = unique("tenant")
        projection.apply(_opened(tenant, 4).events)
        first = projection.incidents(IncidentQuery(tenant=tenant, limit=2))
        second = projection.incidents(IncidentQuery(tenant=tenant, limit=2, cursor=first.cursor))
        assert (len(second.incidents), second.cursor) == (2, None)
        assert projection.incidents(IncidentQuery(tenant=tenant, limit=4)).cursor is None

    def test_pages_hold_while_incidents_move(self, projection: Projection) -> None:
        """Who turns pages while events come in sees no incident twice, and every one that did not move."""
        tenant = unique("tenant")
        log = _opened(tenant, 12)
        projection.apply(log.events)
        seen: list[str] = []
        query = IncidentQuery(tenant=tenant, limit=3)
        movers = [f"{tenant}{number:02}" for number in (11, 4, 0)]
        while True:
            page = projection.incidents(query)
            seen += ids(page.incidents)
            if movers:
                log.append(movers.pop(0), EventType.STORM_OPENED, tenant=tenant)
                projection.apply(log.events[-1:])
            if page.cursor is None:
                break
            query = replace(query, cursor=page.cursor)
        assert len(seen) == len(set(seen))
        assert {f"{tenant}{number:02}" for number in range(12) if number not in {11, 4, 0}} <= set(seen)

    @pytest.mark.parametrize(
        "cursor",
        ["", "nonsense", "💥", "bnVsbA", "e30", "WzFd", "WzEsMl0", "W3RydWUsImEiXQ", "WyIxIiwiYSJd", "WzFlOTksImEiXQ",
         "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAsImEiXQ", "WzEsIlx1ZDgzZCJd"],
    )  # fmt: skip
    def test_a_bad_cursor_is_refused(self, projection: Projection, cursor: str) -> None:
        """What this store did not give is an error that says what to do, whatever it is."""
        with pytest.raises(BadCursorError, match="begin without one"):
            projection.incidents(IncidentQuery(cursor=cursor))

    @property_test
    @given(data=st.data())
    def test_a_rebuilt_store_equals_the_live_one(
        self, projection: Projection, other: Projection, data: st.DataObject
    ) -> None:
        """The log played into an empty store gives, row by row, what the live one came to event by event."""
        tenant = unique()
        log = data.draw(event_logs(prefix=tenant))
        for batch in deliveries(data, log.events):
            projection.apply(batch)
        assert rebuild(other, iter(log.events), batch=data.draw(st.integers(1, 50))) == len(log.events)
        assert rebuild(other, iter(log.events)) == 0
        query = IncidentQuery(tenant=tenant, limit=2)
        live = all_pages(projection, query)
        assert all_pages(other, query) == live
        for state in live:
            assert other.timeline(state.incident_id) == projection.timeline(state.incident_id)

    def test_a_repaired_version_far_behind_its_successors_is_waited_for(self, projection: Projection) -> None:
        """An event that was written again, and so lies at the log's end, holds back only its own successors."""
        name, second = unique(), unique()
        log, others = _story(name), _story(second)
        as_it_lies = [*log.events[:2], *log.events[3:], *others.events, log.events[2]]
        assert rebuild(projection, as_it_lies, batch=3) == 2 * len(STORY)
        assert projection.timeline(name) == log.events

    def test_a_log_that_lacks_a_version_is_taken_in_as_far_as_it_goes(self, projection: Projection) -> None:
        """What was lost is named; every other incident is whole."""
        name, second = unique(), unique()
        log, others = _story(name), _story(second)
        with pytest.raises(ProjectionGapError, match="lacks version 3") as caught:
            rebuild(projection, [*log.events[:2], *log.events[3:], *others.events])
        assert (caught.value.incident_id, caught.value.held_version) == (name, 2)
        assert projection.timeline(second) == others.events

    def test_a_forged_event_in_the_log_keeps_nothing_else_out(self, projection: Projection) -> None:
        """Rebuilding tells of a second event of a version when all the others are in."""
        name = unique()
        log = _story(name)
        with pytest.raises(ProjectionConflictError, match="Version 2"):
            rebuild(projection, [*log.events[:4], forged(log.events[1]), *log.events[4:]], batch=2)
        assert projection.timeline(name) == log.events

    def test_a_payload_of_a_later_program_changes_only_the_head(self, projection: Projection) -> None:
        """An event of a type that this version does not know is kept, and the incident goes on."""
        name = unique()
        log = _story(name)
        last = log.events[-1].event
        later = seal(
            replace(
                last, version=last.version + 1, type="IncidentMerged", payload=json.dumps({"into": "x"}),
                previous_hash=last.hash,
            )
        )  # fmt: skip
        projection.apply([*log.events, replace(log.events[-1], event=later)])
        state = projection.incident(name)
        assert state is not None
        assert (state.version, state.head_hash, state.status) == (later.version, later.hash, Status.RESOLVED)


class EventLogAt:
    """The incidents as they were when a log had only its first events: what lists are compared with."""

    def __init__(self, log: EventLog, events: int) -> None:
        self._log = log
        self._events = log.events[:events]

    def matching(self, query: IncidentQuery) -> list[IncidentState]:
        """What a query should find on all its pages together."""
        names = {stored.event.incident_id for stored in self._events}
        states = [fold(name, [s.event for s in self._events if s.event.incident_id == name]) for name in names]
        since: Millis = query.since if query.since is not None else 0
        found = [
            state
            for state in states
            if query.status in (None, state.status)
            and query.service in (None, state.service)
            and state.updated_at >= since
        ]
        return sorted(found, key=lambda state: (state.updated_at, state.incident_id), reverse=True)


def _story(incident_id: str) -> EventLog:
    log = EventLog()
    for kind in STORY:
        log.append(incident_id, kind, tenant="contract")
    return log


def _opened(tenant: str, incidents: int, *, after_ms: int = 1000) -> EventLog:
    """A log of so many incidents of a tenant, `<tenant>00` first."""
    log = EventLog()
    for number in range(incidents):
        log.append(f"{tenant}{number:02}", EventType.INCIDENT_OPENED, tenant=tenant, after_ms=after_ms)
    return log
