"""For all tests: no test asserts on time, so no property fails because the machine is busy; and who shares a server."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any-machine", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# Each process that runs tests starts its own servers, and these take half a minute to start.
SLOW_TO_START = {
    "tests/containers/test_event_store_in_container.py": "servers in containers",
    "tests/containers/test_pipeline_in_containers.py": "servers in containers",
    "tests/containers/test_projection_in_container.py": "servers in containers",
    "tests/integration/test_cassandra_projection.py": "embedded Cassandra",
    "tests/integration/test_embedded_cassandra.py": "embedded Cassandra",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file's tests run in one process, and so do those of files that share a server (`--dist loadgroup`)."""
    if not config.pluginmanager.has_plugin("xdist"):
        return
    for item in items:
        file = item.path.relative_to(config.rootpath).as_posix()
        item.add_marker(pytest.mark.xdist_group(SLOW_TO_START.get(file, item.path.stem)))
