"""The event store on `apache/kafka`: what tests/integration tells of the embedded Kafka holds on this one.

The scenarios are those of `tests.integration.test_event_store`, on this folder's `kafka_bootstrap`.
"""

import pytest

from tests.integration.test_event_store import (
    test_a_killed_writer_leaves_a_chain_that_the_next_continues,
    test_a_restart_knows_what_was_written,
    test_a_second_writer_fences_the_first,
    test_an_append_of_nothing_new_writes_nothing,
    test_events_of_one_incident_time_and_range,
    test_foreign_bytes_and_tombstones_are_told,
    test_refusals_are_told_and_snapshots_are_in_the_next_transaction,
    test_the_largest_payloads_pass,
    test_what_is_appended_is_read_back,
    topics,
    writer,
)

__all__ = [
    "test_a_killed_writer_leaves_a_chain_that_the_next_continues",
    "test_a_restart_knows_what_was_written",
    "test_a_second_writer_fences_the_first",
    "test_an_append_of_nothing_new_writes_nothing",
    "test_events_of_one_incident_time_and_range",
    "test_foreign_bytes_and_tombstones_are_told",
    "test_refusals_are_told_and_snapshots_are_in_the_next_transaction",
    "test_the_largest_payloads_pass",
    "test_what_is_appended_is_read_back",
    "topics",
    "writer",
]

pytestmark = pytest.mark.docker
