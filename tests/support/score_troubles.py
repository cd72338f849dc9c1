"""How often detection is right about labelled troubles: `python -m tests.support.score_troubles --each 500 --seed 0`."""

import argparse
from collections import Counter
from dataclasses import dataclass, field

from schemas.records.vocabulary import Classification
from tests.support.judging import said_of
from tests.support.troubles import SYMPTOMS, quiet_day, trouble


@dataclass(slots=True)
class Scores:
    """Of each kind what was said how often; delays in s of event time from onset to opening, of those opened at all."""

    said: dict[Classification, Counter[Classification | None]] = field(default_factory=dict)
    delays_s: list[float] = field(default_factory=list)
    incidents: int = 0
    alarms: int = 0
    quiet_days: int = 0

    @property
    def right(self) -> float:
        """The share of incidents whose kind was said."""
        return sum(said[kind] for kind, said in self.said.items()) / self.incidents

    @property
    def in_time(self) -> float:
        """The share of incidents that were opened within 30 s of their onset."""
        return sum(delay <= 30.0 for delay in self.delays_s) / self.incidents

    @property
    def false_alarms(self) -> float:
        """The share of quiet days on which an incident was opened."""
        return self.alarms / self.quiet_days


def scores(each: int, quiet_days: int, seed: int) -> Scores:
    """The scores of `each` incidents of every kind, and of quiet days; another seed makes others."""
    found = Scores(quiet_days=quiet_days)
    for kind in SYMPTOMS:
        counted = found.said[kind] = Counter()
        for number in range(each):
            case = trouble(kind, seed + number)
            said = said_of(case.signals)
            counted[said.kind] += 1
            found.incidents += 1
            if said.opened_at is not None:
                found.delays_s.append((said.opened_at - case.onset) / 1000)
    found.alarms = sum(said_of(quiet_day(seed + number)).opened_at is not None for number in range(quiet_days))
    return found


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=500, help="incidents of each kind")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    found = scores(asked.each, asked.each, asked.seed)
    for kind, said in found.said.items():
        others = ", ".join(f"{other} {n}" for other, n in said.most_common() if other != kind)
        print(f"{kind:24}{said[kind] / asked.each:7.3f}  {others}")
    delays = sorted(found.delays_s)
    print(f"right {found.right:.4f}, opened within 30 s {found.in_time:.4f}, median {delays[len(delays) // 2]:.1f} s")
    print(f"quiet days with an alarm {found.false_alarms:.4f}")


if __name__ == "__main__":
    main()
