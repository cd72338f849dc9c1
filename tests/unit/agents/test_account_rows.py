"""Rows of accounts whose fingerprints take many bytes."""
# ruff: noqa: ARG002 - the table's shape

import orjson

from agents.sampling.account import Fingerprint, IncidentAccount, SamplingRules
from agents.sampling.book import AccountBook
from streams.rows import MAX_ROW_BYTES


class _Nothing:
    def get(self, partition: int, key: bytes) -> bytes | None:
        return None

    def keys(self, partition: int, *, waiting: bool = False) -> list[bytes]:
        return []


def test_a_row_fits_whatever_letters_fingerprints_are_in() -> None:
    """64 control characters are 384 bytes of JSON: the older fingerprints are forgotten, the counts are not."""
    account = IncidentAccount("inc", totals=[10_000, 0, 0, 0, 0])
    for number in range(10_000):
        text = f"{number:06d}" + "\x01" * 58
        account.fingerprints[text] = Fingerprint(number, True, text, 1)
    row = AccountBook(_Nothing(), 0, SamplingRules()).row(account)
    assert len(row) <= MAX_ROW_BYTES
    kept = IncidentAccount.load(orjson.loads(row)["s"])
    assert kept.totals == account.totals
    assert [f.seen_at for f in kept.fingerprints.values()] == list(range(5_000, 10_000))
