"""One running program for all tests of this folder, started when the first of them needs it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.pipeline.failing_service import FailingService
from tests.pipeline.platform import Platform, platform

Fail = Callable[..., FailingService]


@pytest.fixture(scope="session")
def jars_dir() -> Path:
    """Where Kafka's jars are kept from run to run, so that they are downloaded once."""
    default = Path(__file__).parents[2] / ".breakwater" / "jars"
    return Path(os.environ.get("BREAKWATER_JARS_DIR", default))


@pytest.fixture(scope="package")
def program(tmp_path_factory: pytest.TempPathFactory, jars_dir: Path) -> Iterator[Platform]:
    """The program, running."""
    with platform(tmp_path_factory.mktemp("pipeline"), jars_dir) as running:
        yield running


@pytest.fixture
def failing(program: Platform) -> Iterator[Fail]:
    """Makes services that can fail, by name; each is started, and stopped after the test."""
    with ExitStack() as stack:

        def make(service: str, **options: object) -> FailingService:
            made = FailingService(program, service, **options)  # type: ignore[arg-type]
            stack.callback(made.stop)
            made.start()
            return made

        yield make
