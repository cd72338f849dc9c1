"""A worker: the stages of its role, and nothing of the others."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops import worker
from ops.heartbeat import Heartbeat
from ops.metrics.signals import SignalPublisher
from ops.metrics.worker import WorkerMeter
from ops.settings import Settings

KAFKA = "kafka:1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home of the test's own."""
    return Settings(home=tmp_path)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a worker does, in order, on a Kafka whose topics have six partitions."""
    done: list[Any] = []

    def note(name: str, answer: object = None) -> Any:
        def step(*arguments: Any, **more: Any) -> Any:
            done.append((name, *arguments, *more.values()))
            return answer

        return step

    class Codecs:
        def __init__(self, *_: Any) -> None: ...

        def read_schemas(self) -> None:
            done.append(("schemas are read",))

    answers: dict[str, object] = {
        "configure_logs": None, "create_topics": [], "publish_schemas": None, "partition_counts": {"alerts": 6},
        "make_app": SimpleNamespace(name="app"), "Outbox": "outbox", "run_app": None,
    }  # fmt: skip
    for name, answer in answers.items():
        monkeypatch.setattr(worker, name, note(name, answer))
    monkeypatch.setattr(worker, "AdminClient", lambda _: "admin")
    monkeypatch.setattr(worker, "CodecFactory", Codecs)
    stages = SimpleNamespace(compose=note("compose", ["stage"]))
    monkeypatch.setattr(worker, "import_module", note("import", stages))
    return done


def test_a_worker_runs_the_stages_of_its_role_and_a_heartbeat(steps: list[Any], settings: Settings) -> None:
    """As an app of the role's consumer group, in a folder of its own."""
    worker.run_worker("analysis", settings, KAFKA, "2")
    found = {step[0]: step[1:] for step in steps}
    assert found["import"] == ("ops.composition.analysis",)
    (app_settings,) = found["make_app"]
    assert (app_settings.name, app_settings.bootstrap) == ("breakwater-analysis", KAFKA)
    assert app_settings.datadir == settings.home / "workers" / "analysis-2"
    app, parts, outbox = found["run_app"]
    assert (app.name, parts[0], outbox) == ("app", "stage", "outbox")
    assert [type(part) for part in parts[1:]] == [Heartbeat, SignalPublisher]
    assert isinstance(app.meter, WorkerMeter)


def test_topics_and_schemas_are_there_before_it_reads(steps: list[Any], settings: Settings) -> None:
    """Also when it is the first to start; and it has read the schemas before an outage can keep it from that."""
    worker.run_worker("edge", settings, KAFKA)
    order = [step[0] for step in steps]
    wanted = ["create_topics", "publish_schemas", "partition_counts", "schemas are read", "compose", "run_app"]
    assert [name for name in order if name in wanted] == wanted


def test_as_many_partitions_as_the_topics_have(steps: list[Any], settings: Settings) -> None:
    """The setting is for topics that are made; those that are there hold."""
    worker.run_worker("edge", settings, KAFKA)
    (surroundings,) = next(step[1:] for step in steps if step[0] == "compose")
    assert surroundings.partitions == 6
