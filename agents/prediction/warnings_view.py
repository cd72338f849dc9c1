"""What prediction remembers of one incident: the breaches foretold for it, and what it said about the episode."""

from dataclasses import dataclass, replace

from schemas.records.analysis import IncidentCandidate, Prediction
from schemas.records.vocabulary import Action, Millis, Tier

_MOST_SERIES = 8


@dataclass(frozen=True, slots=True)
class Foretold:
    """A series' newest prediction, and when it arrived (epoch ms)."""

    prediction: Prediction
    arrived_at: Millis


@dataclass(frozen=True, slots=True)
class Said:
    """The last recommendation on the episode; `action` None: abstained."""

    action: Action | None
    confidence: float
    at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningsView:
    """The whole of it. `voting`: a candidate of this episode is open and undecided; `active`: its opening is on record."""

    incident_id: str
    tenant: str = ""
    environment: str = ""
    service: str = ""
    tier: Tier = Tier.IMPORTANT
    episode: int = 0
    version: int = 0
    voting: bool = False
    active: bool = False
    foretold: tuple[Foretold, ...] = ()
    said: Said | None = None
    recorded: str = ""
    recorded_arrival: Millis | None = None

    def with_prediction(self, prediction: Prediction, now: Millis, threshold: float) -> "WarningsView":
        """The view after a prediction: one below the threshold takes back what was foretold of its series."""
        known = next((f for f in self.foretold if f.prediction.series == prediction.series), None)
        if known and known.prediction.occurred_at > prediction.occurred_at:
            return self
        others = tuple(f for f in self.foretold if f is not known)
        if prediction.probability >= threshold:
            others = (*others, Foretold(prediction, now))[-_MOST_SERIES:]
        return replace(self, foretold=others)

    def with_candidate(self, candidate: IncidentCandidate, voting: bool) -> "WarningsView":
        """The view after detection's word on an episode; a later episode begins with nothing said."""
        anew = candidate.episode > self.episode
        return replace(
            self, tenant=candidate.tenant, environment=candidate.environment, service=candidate.service,
            tier=candidate.tier, episode=candidate.episode, said=None if anew else self.said,
            active=False if anew else self.active,
            voting=voting and (anew or self.voting or self.said is None))  # fmt: skip

    def likeliest(self, now: Millis, fresh_s: float) -> Prediction | None:
        """The likeliest breach of those foretold within the last `fresh_s` seconds of arrival."""
        fresh = [f.prediction for f in self.foretold if now - f.arrived_at <= fresh_s * 1000]
        return max(fresh, key=lambda p: (p.probability, -(p.breach_in_s or 0.0)), default=None)
