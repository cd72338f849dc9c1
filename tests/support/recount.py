"""The account of a test's own topics, recounted from the raw one as `breakwater account` does it."""

from agents.sampling.columns import AlertDecoder
from agents.sampling.rules import SamplingRules
from ops.account.comparison import Fates, compare, missing, totals
from ops.account.reading import AccountTopics, gather
from tests.support.worker import WorkerPlan

EVER = range(-(1 << 62), 1 << 62)


def recounted(plan: WorkerPlan) -> Fates:
    """What became of all alerts, once log and account say the same of every window and none waits."""
    topics = AccountTopics(plan.topics["alerts"], plan.topics["account"], plan.topics["sampled"], group=plan.group)
    found = gather(plan.bootstrap, AlertDecoder(), SamplingRules(), topics)
    differences = compare(found.counted, found.windows, EVER) + missing(found, whole=True)
    assert differences == [], differences
    assert found.counted.waiting == 0
    return totals(found.windows, EVER)
