"""The settings that decisions depend on, as the decision journal holds them, and settings made of them again.

A secret is told as being there, never as what it is.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

import agents
import schemas
import state
import streams
from ops.settings import Settings
from schemas.errors import InvalidInputError, plainly
from streams.journal import Basis

_THERE = "(set)"
_SECRETS = ("slack_webhook_url", "generic_webhook_url")
_SAMPLING = (
    "max_alert_bytes", "sample_limit_per_s", "sample_limits", "tenant_quotas", "tenant_weights", "output_per_s",
    "sample_window_s", "sample_lateness_s", "future_tolerance_s", "storm_open_per_s", "storm_close_per_s",
    "storm_close_windows", "correlation_keys", "correlation_s", "partitions",
)  # fmt: skip
_DECIDING = (
    "anomaly_threshold", "incident_quiet_s", "prediction_threshold", "confidence_gate", "support_gate", "least_agents",
    "consensus_patience_s", "consensus_limit_s", "stale_evidence_s", "lag_limit_s", "action_budget",
    "approval_s", "notify_dedup_s", "human_mttr_s",
)  # fmt: skip
NAMES = (*_SAMPLING, *_DECIDING, *_SECRETS)
# What people call them elsewhere.
_ALSO = {
    "sampling.max_rate": "sample_limit_per_s", "sampling.limit": "sample_limit_per_s",
    "consensus.confidence": "confidence_gate", "consensus.support": "support_gate",
    "consensus.patience": "consensus_patience_s", "consensus.limit": "consensus_limit_s",
    "detection.threshold": "anomaly_threshold", "prediction.threshold": "prediction_threshold",
}  # fmt: skip
_CODE_CHARS = 16


def recorded(settings: Settings) -> str:
    """The settings that a decision depends on, as a JSON object."""
    values = {name: getattr(settings, name) for name in NAMES}
    values.update({name: _THERE for name in _SECRETS if values[name]})
    return json.dumps(values, sort_keys=True)


def as_recorded(text: str) -> Settings:
    """Settings of which only those that were recorded count; the environment has no say in them.

    Raises:
        InvalidInputError: they are no settings.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InvalidInputError("The recorded settings are not JSON; the record was damaged.") from error
    if not isinstance(values, dict):
        raise InvalidInputError("The recorded settings are no JSON object; the record was damaged.")
    return Settings.model_construct(**{name: values[name] for name in NAMES if name in values})


def with_changes(settings: Settings, changes: Mapping[str, str]) -> Settings:
    """The settings with some set otherwise, by their field names, their variables, or `sampling.max_rate` and the like.

    Raises:
        InvalidInputError: decisions do not depend on a setting of that name, or it cannot have that value.
    """
    return settings.model_copy(update={(name := _named(text)): _value(name, value) for text, value in changes.items()})


def _named(text: str) -> str:
    name = text.strip().lower().removeprefix("breakwater_")
    name = _ALSO.get(name, name)
    if name not in (*_SAMPLING, *_DECIDING):
        raise InvalidInputError(
            f"No decision depends on a setting {text!r}. Those that count: {', '.join((*_SAMPLING, *_DECIDING))}."
        )
    return name


def _value(name: str, text: str) -> Any:
    field = Settings.model_fields[name]
    kind: Any = Annotated[field.annotation, field]
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise InvalidInputError(f"{name} cannot be {text!r}: {plainly(error.errors()[0]['msg'])}.") from error


def basis_of(settings: Settings) -> Basis:
    """What this program's stages decide by with these settings."""
    return Basis(recorded(settings), code_digest())


@cache
def code_digest() -> str:
    """Names the code that decides: SHA-256 of its sources, shortened; of two programs that are alike it is the same."""
    found = hashlib.sha256()
    for package in (agents, schemas, state, streams):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            found.update(f"{root.name}/{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:_CODE_CHARS]
