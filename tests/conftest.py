"""For all tests: no test asserts on time, so no property fails because the machine is busy; and who shares a server."""

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("any-machine", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# Each process that runs tests starts its own servers; these take a processor half a minute to start.
SHARED_SERVERS = {
    "tests/containers/test_event_store_in_container.py": "servers in containers",
    "tests/containers/test_pipeline_in_containers.py": "servers in containers",
    "tests/containers/test_projection_in_container.py": "servers in containers",
    "tests/integration/test_cassandra_projection.py": "embedded Cassandra",
    "tests/integration/test_embedded_cassandra.py": "embedded Cassandra",
}


class ByServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist publishes no types
    """A file's tests run in one process, and so do those of files that share a server."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return SHARED_SERVERS.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """What shares tests out among processes (pytest -n)."""
    return ByServer(config, log)
