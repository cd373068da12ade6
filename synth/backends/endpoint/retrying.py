"""When to ask an endpoint again: the server's word first, otherwise ever later and never all at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from email.utils import parsedate_to_datetime

_FIRST = 0.5
_LONGEST = 60.0
_MOST_DOUBLINGS = 100  # more than ever reach _LONGEST; a rate limit is waited out in any number of tries


class Backoff:
    """Exponential with full jitter; shared by all requests to one endpoint."""

    def __init__(self, seed: int = 0, first: float = _FIRST) -> None:
        self._random = random.Random(seed)
        self._first = first
        self._open_at = 0.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failed try `attempt`, counted from 0."""
        return self._random.uniform(0, min(_LONGEST, self._first * 2.0 ** min(attempt, _MOST_DOUBLINGS)))

    def hold_all(self, seconds: float) -> None:
        """No request before `seconds` have passed: the endpoint asked everyone to wait, not one request."""
        self._open_at = max(self._open_at, time.monotonic() + seconds)

    def held(self) -> float:
        """Seconds until requests are welcome again, spread a little so that they do not come at once."""
        left = self._open_at - time.monotonic()
        return left + self._random.uniform(0, 0.1 + left / 10) if left > 0 else 0.0


class RateLimit:
    """How many requests an endpoint takes at once, and for how long it has taken none.

    As TCP does with a network: a refusal halves what is sent at once, every answer allows a little more. A burst that
    is refused together halves it once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(most)
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._halved = self._since = float("-inf")

    async def enter(self) -> None:
        """Wait until one more request may be sent; `leave` when it is over."""
        if not self._waiting and self._busy < int(self._allowed):
            self._busy += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self._busy -= 1
        while self._waiting and self._busy < int(self._allowed):
            place = self._waiting.popleft()
            if not place.done():
                self._busy += 1
                place.set_result(None)

    def answered(self) -> None:
        self._since = float("-inf")
        self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    def refused(self, sent: float) -> float:
        """Note the refusal of a request that was sent at that time; the seconds since the first refusal after
        the last answer."""
        now = time.monotonic()
        if sent > self._halved:
            self._allowed = max(1.0, self._allowed / 2)
            self._halved = now
        if self._since == float("-inf"):
            self._since = now
        return now - self._since


def retry_after(value: str | None) -> float | None:
    """The seconds a Retry-After header asks for, in either of its forms; None if it says nothing usable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < float("inf") else None
