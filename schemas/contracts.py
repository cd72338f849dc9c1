"""The list of all contracts."""

from schemas.records import analysis, command, grouping, intake, journal, log, sampling

CONTRACTS: tuple[type, ...] = (
    intake.Alert,
    intake.MetricPoint,
    intake.LogLine,
    intake.TopologyEdge,
    sampling.AlertAccount,
    sampling.StormChanged,
    grouping.AlertHeard,
    grouping.GroupTold,
    analysis.Anomaly,
    analysis.IncidentCandidate,
    analysis.Prediction,
    analysis.Diagnosis,
    analysis.Recommendation,
    command.Decision,
    command.ActionRecord,
    command.Notification,
    log.IncidentCommand,
    log.IncidentEvent,
    log.CommandRefused,
    log.IncidentSnapshot,
    log.HeadsCheckpoint,
    journal.StepTaken,
    log.DeadLetter,
    log.WorkSignal,
    log.SchemaRegistered,
)
