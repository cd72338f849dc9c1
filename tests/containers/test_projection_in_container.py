"""The projection on a Cassandra in a container, reached through a published port: the contract of every projection."""

import uuid
from collections.abc import Iterator

import pytest

from state.cassandra_projection import CassandraProjection
from state.ports import Projection
from tests.contract.projection_contract import ProjectionContract

pytestmark = pytest.mark.docker


def _in_a_keyspace_of_its_own(contact_point: str) -> Iterator[CassandraProjection]:
    store = CassandraProjection(contact_point, keyspace=f"t{uuid.uuid4().hex[:12]}")
    yield store
    store.close()


@pytest.fixture(scope="module")
def projection(cassandra_contact_point: str) -> Iterator[CassandraProjection]:
    """One store for all tests of the module: they keep apart by their names."""
    yield from _in_a_keyspace_of_its_own(cassandra_contact_point)


@pytest.fixture(scope="module")
def another(cassandra_contact_point: str) -> Iterator[CassandraProjection]:
    """A store in another keyspace."""
    yield from _in_a_keyspace_of_its_own(cassandra_contact_point)


class TestProjectionInContainer(ProjectionContract):
    """The contract."""

    @pytest.fixture
    def other(self, another: Projection) -> Projection:
        """Another store."""
        return another
