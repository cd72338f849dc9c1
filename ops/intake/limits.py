"""Rate limits: so many items in a sliding window, by sender and by tenant; bounded in memory."""

import math
from collections import OrderedDict

# Some 150 bytes each: with as many senders as this the eldest is forgotten.
_MOST_KEYS = 50_000


class SlidingWindow:
    """Counts items by key over two neighbouring windows, of which the elder counts for its share that is still in sight.

    Off by at most what an uneven sender gains within the elder window; costs two numbers a key, however many items there are.

    Args:
        limit: items in `window_s`; 0 is no limit. window_s: seconds.
    """

    def __init__(self, limit: int, window_s: float = 10.0) -> None:
        self._limit = limit
        self._window_s = window_s
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def charge(self, key: str, items: int, now_s: float) -> int | None:
        """Count items of a key; None where they may pass, else the seconds to wait: then they are not counted.

        A body larger than the limit passes where its sender was silent for a window: it could never pass otherwise.
        """
        if not self._limit:
            return None
        window = int(now_s / self._window_s)
        at, current, before = self._counts.get(key, (window, 0, 0))
        if at != window:
            current, before = 0, (current if window == at + 1 else 0)
        share = 1 - (now_s / self._window_s - window)
        used = current + before * share
        if used > 0 and used + items > self._limit:
            return max(1, math.ceil(self._window_s * min(1.0, (used + items - self._limit) / max(used, 1))))
        self._counts[key] = (window, current + items, before)
        self._counts.move_to_end(key)
        if len(self._counts) > _MOST_KEYS:
            self._counts.popitem(last=False)
        return None
