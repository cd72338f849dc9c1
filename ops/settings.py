"""Every setting of the program, read once from the environment. docs/settings.md is generated from this page."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ops.errors import SettingsError
from schemas.errors import plainly


class Settings(BaseSettings):
    """What an operator can set, by environment variables named `BREAKWATER_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="BREAKWATER_", frozen=True, extra="ignore", populate_by_name=True)

    home: Path = Field(Path(".breakwater"), description="Folder of everything that is written: servers, state, logs.")
    signing_key: Path | None = Field(
        None,
        description="Key that signs checkpoints of the event store; by default `keys/event-store.pem` under the home.",
    )
    trusted_keys: str = Field("", description="Other public keys that checkpoints may be signed with, hex, by commas.")
    subject_keys: Path | None = Field(
        None, description="File of the keys that persons' names are sealed with; `keys/persons.sqlite` under the home."
    )
    jars_dir: Path | None = Field(None, description="Folder of the servers' jars; by default `jars` under the home.")
    kafka_bootstrap_servers: str | None = Field(
        None,
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        description="An existing Kafka, `host:port,…`; without it the embedded one is used.",
    )
    cassandra_contact_points: str | None = Field(
        None,
        validation_alias="CASSANDRA_CONTACT_POINTS",
        description="An existing Cassandra, `host:port,…`, for the projection.",
    )
    schema_registry_url: str | None = Field(
        None,
        validation_alias="SCHEMA_REGISTRY_URL",
        description="A Confluent-compatible schema registry; without it records use Avro single-object framing.",
    )
    store: Literal["embedded", "cassandra"] = Field("embedded", description="Where the projection is kept.")
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of each topic, when topics are created.")
    replication: int = Field(1, ge=1, le=16, description="Replicas of each topic, when topics are created.")
    http_host: str = Field("127.0.0.1", description="Address that `serve` binds to.")
    http_port: int = Field(8080, ge=0, le=65535, description="Port that `serve` binds to; 0 picks a free one.")
    api_open: bool = Field(
        False, description="Whether page and API answer other machines too; nobody has to say there who they are."
    )
    api_names: str = Field(
        "", description="Names with dots, `a.example,b.example`, that page and API are asked by where they are open."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that workers serve Prometheus metrics on.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65000,
        description="Port of the edge worker's metrics; analysis has the next, command the one after; 0 off.",
    )
    otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector, `http://host:4318`, that traces go to; without it there are none."
    )
    trace_ratio: float = Field(
        1.0, ge=0, le=1, description="Part of the incidents that is traced, where traces go out."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    max_alert_bytes: int = Field(262_144, ge=1024, le=1_000_000, description="Largest alert, in bytes, as it comes in.")
    intake_sources: Path | None = Field(
        None, description="File (JSON) of who may send, by bearer token or HMAC: docs/intake.md."
    )
    intake_open: bool = Field(False, description="Whether paths without a source take from other machines too.")
    intake_buffer_mb: int = Field(64, ge=1, le=4096, description="What may wait for Kafka; beyond it senders get 503.")
    intake_patience_s: float = Field(10.0, gt=0, le=120, description="Wait for Kafka before a sender gets 503.")
    intake_body_timeout_s: float = Field(30.0, gt=0, le=600, description="How long a sender may take for a body.")
    intake_dedup_s: int = Field(300, ge=0, le=86_400, description="How long a repetition is recognised; 0 never.")
    intake_dedup_keys: int = Field(
        200_000, ge=2, le=10_000_000, description="Most identities that are remembered for it."
    )
    intake_shared: bool = Field(
        False,
        description="Whether other `serve` processes take from the same senders: then each learns what the others took.",
    )
    intake_rate_per_s: int = Field(0, ge=0, description="Items a second that one sender may send; 0 is no limit.")
    intake_tenant_rate_per_s: int = Field(
        0, ge=0, description="Items a second that one tenant may send; 0 is no limit."
    )
    service_labels: str = Field(
        "", description="Labels that name the service, the first that is there: docs/intake.md."
    )
    incident_labels: str = Field(
        "", description="Labels that tell incidents apart beside tenant, environment, service."
    )
    fingerprint_labels: str = Field("*", description="Labels that tell an alert's condition apart; `*` is all of them.")
    sns_topics: str = Field("", description="Topic ARNs that SNS messages are taken from, separated by commas.")
    sample_limit_per_s: int = Field(
        100,
        ge=1,
        description="Alerts kept a second and incident; changes of state are kept beyond it, first sights up to ten times it.",
    )
    sample_limits: str = Field(
        "", description="Other limits, `tenant/TIER=N`, `tenant=N` or `TIER=N`, separated by commas; the closest holds."
    )
    tenant_quotas: str = Field(
        "",
        description="Alerts kept a second by tenant, `tenant=N,*=N`; `*` is everyone who is not named. "
        "Each partition has an equal part: incidents of a tenant lie in several.",
    )
    tenant_weights: str = Field("", description="Shares of the output budget, `tenant=N`; 1 for who is not named.")
    output_per_s: int = Field(
        0,
        ge=0,
        description="Alerts kept a second by all tenants together, an equal part a partition; 0 is no limit.",
    )
    sample_window_s: int = Field(10, ge=1, le=3600, description="Width of the account's windows, in event time.")
    sample_lateness_s: int = Field(60, ge=0, le=86_400, description="How late an alert may be and fall in its window.")
    future_tolerance_s: int = Field(300, ge=0, description="How far ahead of arrival an alert may be dated.")
    storm_open_per_s: float = Field(50.0, gt=0, description="Rate of an incident at which a storm opens.")
    storm_close_per_s: float = Field(10.0, gt=0, description="Rate of an incident below which a storm closes.")
    storm_close_windows: int = Field(3, ge=1, description="Calm windows in a row that close a storm.")
    correlation_keys: int = Field(10_000, ge=100, description="Fingerprints remembered an incident.")
    correlation_s: int = Field(300, ge=1, description="How long a fingerprint is remembered, in event time.")

    anomaly_threshold: float = Field(0.99, gt=0, lt=1, description="Score from which a point is an anomaly.")
    incident_quiet_s: int = Field(3600, ge=10, description="Event time without alerts after which an incident closes.")
    prediction_threshold: float = Field(
        0.6, gt=0, lt=1, description="Breach probability from which it is foretold; more where outcomes ask for it."
    )

    confidence_gate: float = Field(0.7, ge=0, le=1, description="Least confidence of an autonomous decision.")
    support_gate: float = Field(0.5, ge=0, le=1, description="Least support of an autonomous decision.")
    least_agents: int = Field(3, ge=1, description="Least agents behind an autonomous decision.")
    consensus_patience_s: float = Field(10.0, ge=0, description="Wait for absent agents after the first diagnosis.")
    consensus_limit_s: float = Field(120.0, gt=0, description="When the strongest single recommendation is escalated.")
    lag_limit_s: float = Field(
        120.0,
        gt=0,
        description="How far analysis and command may be behind; beyond it nothing is done without a person.",
    )
    stale_evidence_s: float = Field(120.0, gt=0, description="Age of evidence that forbids an automatic action.")

    targets_file: Path | None = Field(None, description="Remediable services (JSON); `targets.json` under the home.")
    action_budget: float = Field(1_000.0, ge=0, description="Most that one automatic action may cost, in USD.")
    approval_s: float = Field(900.0, gt=0, description="How long a plan waits for a person's approval.")
    verify_tries: int = Field(5, ge=1, description="Health checks after an action.")
    verify_first_wait_s: float = Field(1.0, gt=0, description="Wait before the second check; grows by half each time.")
    verify_timeout_s: float = Field(5.0, gt=0, description="Longest one health check may take.")
    mttr_target_s: float = Field(180.0, gt=0, description="Time in which an incident should be over: docs/page.md.")
    human_mttr_s: float = Field(1_800.0, gt=0, description="A human's time to resolution, for the cost saved.")

    slack_webhook_url: str | None = Field(None, description="Slack-format webhook to tell people by.")
    generic_webhook_url: str | None = Field(None, description="Generic JSON webhook to tell people by.")
    notify_dedup_s: int = Field(300, ge=1, description="The same incident, status and severity is told once in this.")

    @field_validator("storm_close_per_s")
    @classmethod
    def _below_open(cls, value: float, info: object) -> float:
        opened = getattr(info, "data", {}).get("storm_open_per_s")
        if opened is not None and value >= opened:
            raise ValueError(f"must be below storm_open_per_s ({opened}), or storms flap")
        return value

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log may show."""
        return tuple(one for one in (self.slack_webhook_url, self.generic_webhook_url) if one)

    @property
    def jars(self) -> Path:
        """Folder of the embedded servers' jars."""
        return self.jars_dir or self.home / "jars"

    @property
    def store_key(self) -> Path:
        """File of the key that signs the event store's checkpoints."""
        return self.signing_key or self.home / "keys" / "event-store.pem"

    @property
    def persons(self) -> Path:
        """File of the keys that personal texts in events are sealed with."""
        return self.subject_keys or self.home / "keys" / "persons.sqlite"

    @property
    def targets(self) -> Path:
        """File that names the services that may be acted on."""
        return self.targets_file or self.home / "targets.json"


def load_settings() -> Settings:
    """Read the environment once.

    Raises:
        SettingsError: a value cannot be used; names every such setting.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(f"{_variable(e['loc'])}: {plainly(e['msg'])} (is {e['input']!r})" for e in error.errors())
        raise SettingsError(f"Bad settings: {faults}. Correct them and start again.") from error
    return settings.model_copy(update={"home": settings.home.absolute()})


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name.isupper() else f"BREAKWATER_{name.upper()}"
