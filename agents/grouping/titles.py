"""What a person is told that a group is: where it began, and what was unusual there."""

from agents.grouping.group import Group

_LONGEST = 240


def title_of(group: Group) -> str:
    """One line, of the alerts that opened the group.

    >>> from schemas.records.vocabulary import Severity
    >>> title_of(Group("g", 0, "mail", ("login failed", "service stopped", "root shell"), Severity.ERROR, 0))
    'mail: unusual alerts: root shell, service stopped and 1 more'
    """
    newest = list(reversed(group.because))
    more = f" and {len(newest) - 2} more" if len(newest) > 2 else ""
    return f"{group.service}: unusual alerts: {', '.join(newest[:2])}{more}"[:_LONGEST]
