"""What is news in a stream of alerts, what is told once, and what is not told at all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.grouping.rules import GroupingRules
from agents.grouping.watch import AlertWatch, Heard, Judged
from schemas.records.vocabulary import Severity

HOUR = 3_600_000
DAY = 24 * HOUR
BEGIN = 1_700_000_000_000
RULES = GroupingRules()


def hourly(days: int, *pairs: tuple[str, str]) -> list[Heard]:
    """The given (service, name) every hour."""
    return [Heard(s, n, BEGIN + hour * HOUR) for hour in range(days * 24) for s, n in pairs]


def judge(*heard: Heard, watch: AlertWatch | None = None) -> list[Judged]:
    """The judgements of alerts in turn."""
    watch = watch or AlertWatch("acme/prod")
    return [watch.hear(one) for one in heard]


def grown(days: int = 3) -> AlertWatch:
    """A watch that knows its stream: logins on two services, every hour."""
    watch = AlertWatch("acme/prod")
    judge(*hourly(days, ("mail", "login"), ("web", "login")), watch=watch)
    return watch


NOW = BEGIN + 3 * DAY


def test_what_comes_all_the_time_is_never_told() -> None:
    """A week of the same alerts, from the first one on."""
    assert not any(one.opened for one in judge(*hourly(7, ("mail", "login"), ("web", "login"))))


def test_one_new_thing_is_an_oddity_and_two_at_once_are_news() -> None:
    """The second never-seen name on a service opens; it says which names, and where."""
    one, other = judge(Heard("mail", "audit off", NOW), Heard("mail", "root shell", NOW + 1000), watch=grown())
    assert one.opened is None
    assert other.opened is not None
    assert (other.opened.service, other.opened.because) == ("mail", ("audit off", "root shell"))


def test_two_new_things_long_apart_are_no_news() -> None:
    """Rarities add up within ten minutes only."""
    later = NOW + int(RULES.together_s * 1000) + 1
    judged = judge(Heard("mail", "audit off", NOW), Heard("mail", "root shell", later), watch=grown())
    assert not any(one.opened for one in judged)


def test_a_critical_alert_never_seen_is_news_alone() -> None:
    """Its sender has judged it already."""
    (judged,) = judge(Heard("mail", "root shell", NOW, Severity.CRITICAL), watch=grown())
    assert judged.opened is not None


def test_what_is_merely_told_for_information_needs_more_company() -> None:
    """Two new INFO names on a service are no news."""
    names = ("update", "backup")
    judged = judge(*(Heard("mail", name, NOW, Severity.INFO) for name in names), watch=grown())
    assert not any(one.opened for one in judged)


def test_a_burst_of_what_is_usual_is_news() -> None:
    """Logins by the hour are nothing; thirty in a minute are."""
    judged = judge(*(Heard("mail", "login", NOW + HOUR + i * 1000) for i in range(40)), watch=grown())
    assert [i for i, one in enumerate(judged) if one.opened] == [29]


def test_a_burst_that_comes_as_great_again_is_no_news() -> None:
    """The busiest minute is remembered."""
    watch = grown()
    burst = [Heard("mail", "login", NOW + HOUR + i * 1000) for i in range(40)]
    judge(*burst, watch=watch)
    again = [Heard(one.service, one.name, one.at + 6 * HOUR) for one in burst]
    assert not any(one.opened for one in judge(*again, watch=watch))


def test_an_old_acquaintance_is_forgotten_and_news_again() -> None:
    """What was not heard of for a week is as good as new."""
    watch = grown(10)
    pair = ("audit off", "root shell")
    assert judge(*(Heard("mail", n, NOW + 7 * DAY) for n in pair), watch=watch)[-1].opened
    assert not judge(*(Heard("mail", n, NOW + 7 * DAY + 4 * HOUR) for n in pair), watch=watch)[-1].opened
    assert judge(*(Heard("mail", n, NOW + 14 * DAY) for n in pair), watch=watch)[-1].opened


def test_what_is_common_elsewhere_is_less_rare_here() -> None:
    """Two names that fire on other services every two hours, for the first time on this one."""
    watch = AlertWatch("acme/prod")
    pairs = [(service, name) for service in ("a", "b", "c") for name in ("scan", "probe")]
    judge(*(h for i, h in enumerate(hourly(3, *pairs)) if i // 6 % 2), watch=watch)
    assert not any(one.opened for one in judge(Heard("d", "scan", NOW), Heard("d", "probe", NOW), watch=watch))


def test_a_new_stream_is_learnt_before_it_is_judged() -> None:
    """In the first hours everything is new, and much is loud: nothing is told. A day later a burst is."""
    pairs = [("mail", f"name {i}") for i in range(4)]
    assert not any(one.opened for one in judge(*(Heard(s, n, BEGIN + i) for i, (s, n) in enumerate(pairs))))
    burst = [Heard("mail", "login", BEGIN + i) for i in range(30)]
    assert not any(one.opened for one in judge(Heard("mail", "boot", BEGIN - HOUR), *burst))
    assert any(one.opened for one in judge(Heard("mail", "boot", BEGIN - DAY), *burst))


def opens(watch: AlertWatch, service: str, names: tuple[str, str], at: int) -> list[Judged]:
    """News on a service."""
    return judge(*(Heard(service, name, at) for name in names), watch=watch)


def test_news_of_another_service_by_the_same_names_is_told_of_once() -> None:
    """The second service joins the first one's group."""
    watch = grown()
    first = opens(watch, "mail", ("audit off", "root shell"), NOW)[-1].opened
    joined = opens(watch, "web", ("audit off", "kernel"), NOW + 60_000)
    assert first is not None
    assert [one.opened for one in joined] == [None, None]
    assert all(first in one.groups for one in joined)


def test_news_of_a_stranger_is_told_of_apart() -> None:
    """Another service, other names, no edge between them."""
    watch = grown()
    assert opens(watch, "mail", ("audit off", "root shell"), NOW)[-1].opened
    assert opens(watch, "web", ("disk", "kernel"), NOW + 60_000)[-1].opened


def test_news_of_a_neighbour_is_told_of_once() -> None:
    """The same, where the topology knows that one needs the other."""
    edges = {"web": {"mail"}}
    watch = AlertWatch("acme/prod", neighbours=lambda service: edges.get(service, set()))
    judge(*hourly(3, ("mail", "login"), ("web", "login")), watch=watch)
    assert opens(watch, "mail", ("audit off", "root shell"), NOW)[-1].opened
    assert not opens(watch, "web", ("disk", "kernel"), NOW + 60_000)[-1].opened


def test_what_spreads_to_many_services_is_told_again_once() -> None:
    """Two services were told of; half an hour later a third makes it another matter, a fourth does not."""
    watch = grown()
    names = ("audit off", "root shell")
    assert opens(watch, "mail", names, NOW)[-1].opened
    assert not opens(watch, "web", names, NOW + 60_000)[-1].opened
    third = opens(watch, "db", (names[0], "kernel"), NOW + HOUR // 2)
    assert any(one.opened for one in third)
    assert not any(one.opened for one in opens(watch, "cache", ("oom", "swap"), NOW + HOUR // 2 + 60_000))


def test_a_group_is_over_after_an_hour_of_nothing_unusual() -> None:
    """What comes then is told of anew, by another id."""
    watch = grown()
    first = opens(watch, "mail", ("audit off", "root shell"), NOW)[-1].opened
    second = opens(watch, "mail", ("disk", "kernel"), NOW + 2 * HOUR)[-1].opened
    assert first
    assert second
    assert first.group_id != second.group_id


def test_alerts_right_after_belong_to_it_and_later_ones_do_not() -> None:
    """Usual alerts, of whatever service, are its context for ten minutes."""
    watch = grown()
    group = opens(watch, "mail", ("audit off", "root shell"), NOW)[-1].opened
    near, far = judge(Heard("web", "login", NOW + 60_000), Heard("web", "login", NOW + 1_200_000), watch=watch)
    assert near.groups == (group,)
    assert far.groups == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4 * DAY), st.sampled_from("abc"), st.sampled_from("uvwxyz"), st.sampled_from(list(Severity))
        ),
        max_size=120,
    )
)
def test_the_same_alerts_are_judged_alike_whatever_their_order_of_time(
    rows: list[tuple[int, str, str, Severity]],
) -> None:
    """Late alerts break nothing, what opens is among its own alert's groups, and a second run says the same."""
    heard = [Heard(service, name, BEGIN + at, severity) for at, service, name, severity in rows]
    first, second = judge(*heard), judge(*heard)
    assert [[g.group_id for g in one.groups] for one in first] == [[g.group_id for g in one.groups] for one in second]
    assert all(one.opened in one.groups for one in first if one.opened)
    assert all(0.0 <= one.news <= 1.0 for one in first)


def test_memory_is_bounded() -> None:
    """Names, services and open groups beyond the limits push out the oldest."""
    rules = GroupingRules(most_pairs=50, most_names=40, most_services=30, most_groups=5)
    watch = AlertWatch("acme/prod", rules)
    judge(*hourly(2, ("mail", "login")), watch=watch)
    judge(*(Heard(f"s{i}", f"n{i}-{j}", NOW + i) for i in range(200) for j in range(2)), watch=watch)
    sizes = [len(getattr(watch.memory, name)) for name in ("pairs", "names", "rare", "groups")]
    assert sizes == [50, 40, 30, 5]
