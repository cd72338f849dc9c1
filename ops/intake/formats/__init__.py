"""Every format that is taken, one file a format: pure functions from a body and its headers to records and refusals."""

from ops.intake.formats.alertmanager import ALERTMANAGER_FORMAT
from ops.intake.formats.cloudevents import CLOUDEVENTS_FORMAT
from ops.intake.formats.datadog import DATADOG_FORMAT
from ops.intake.formats.format import PROTOBUF, Format
from ops.intake.formats.grafana import GRAFANA_FORMAT
from ops.intake.formats.native import ALERTS_FORMAT, LOGS_FORMAT, METRICS_FORMAT, TOPOLOGY_FORMAT
from ops.intake.formats.otlp_logs import OTLP_LOGS_FORMAT
from ops.intake.formats.otlp_metrics import OTLP_METRICS_FORMAT
from ops.intake.formats.pagerduty import PAGERDUTY_FORMAT
from ops.intake.formats.plain import PLAIN_FORMAT
from ops.intake.formats.prometheus_alerts import PROMETHEUS_ALERTS_FORMAT
from ops.intake.formats.remote_write import REMOTE_WRITE_FORMAT
from ops.intake.formats.sns import SNS_FORMAT
from ops.intake.reading import Parcel
from ops.intake.unpacking import beginning

FORMATS: tuple[Format, ...] = (
    ALERTS_FORMAT,
    PLAIN_FORMAT,
    ALERTMANAGER_FORMAT,
    PROMETHEUS_ALERTS_FORMAT,
    GRAFANA_FORMAT,
    PAGERDUTY_FORMAT,
    SNS_FORMAT,
    DATADOG_FORMAT,
    CLOUDEVENTS_FORMAT,
    METRICS_FORMAT,
    OTLP_METRICS_FORMAT,
    REMOTE_WRITE_FORMAT,
    LOGS_FORMAT,
    OTLP_LOGS_FORMAT,
    TOPOLOGY_FORMAT,
)
BY_PATH = {known.path: known for known in FORMATS}
# OTLP's own paths are those of the native formats: there the body says which it is.
_OTLP = {METRICS_FORMAT.path: OTLP_METRICS_FORMAT, LOGS_FORMAT.path: OTLP_LOGS_FORMAT}
_OTLP_MEMBERS = (b'"resourceMetrics"', b'"resourceLogs"', b'"resource_metrics"', b'"resource_logs"')


def chosen(at_path: Format, parcel: Parcel) -> Format:
    """The format of a body that came by a path."""
    otlp = _OTLP.get(at_path.path)
    if otlp is None:
        return at_path
    if parcel.media == PROTOBUF:
        return otlp
    seen = beginning(parcel.body, parcel.headers.get("content-encoding", ""), 256)
    return otlp if any(member in seen for member in _OTLP_MEMBERS) else at_path


__all__ = ["BY_PATH", "FORMATS", "Format", "chosen"]
