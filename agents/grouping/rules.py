"""When alerts are news, and what belongs together: one set of defaults for every stream."""

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class GroupingRules:
    """All times are seconds of event time; how the values came about is told in docs/incidents-from-alerts.md."""

    # What is usual.
    occasion_s: float = 600.0  # repetitions of an alert of one service within this are one occasion
    name_occasion_s: float = 3600.0  # and those of a name, on whatever services
    remembered_s: float = 2 * DAY_S  # an occasion has lost 63 % of its weight after this
    name_remembered_s: float = DAY_S
    learning_s: float = DAY_S  # until a stream is this old, what is new or loud in it is little news
    elsewhere: float = 0.5  # how much an occasion of the name on any service counts
    # What is news.
    together_s: float = 600.0  # rare alerts of a service within this add up
    most_rarity: float = 0.7  # of one alert: the rarest alone is an oddity, two are news
    least_rarity: float = 0.2  # below this an alert is nothing unusual
    news: float = 0.8
    # What is a burst.
    burst_alerts: int = 30  # of one name and service in a minute
    burst_times: float = 4.0  # as many as in its busiest minute
    busiest_remembered_s: float = 7 * DAY_S
    # What belongs together.
    quiet_s: float = 3600.0  # after this without anything unusual a group is over
    context_s: float = 600.0  # alerts of whatever service, this soon after something unusual, belong to it
    wide: int = 3  # a group of as many services takes in what is unusual on any other
    # Bounds of the memory, of one tenant's environment: 5 MB; and as a row below the largest message.
    most_pairs: int = 20_000
    most_names: int = 5_000
    most_services: int = 500  # on which something was unusual lately
    most_together: int = 16  # unusual names of one service that add up
    most_groups: int = 16
