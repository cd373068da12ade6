"""When to ask an endpoint again: the server's word first, otherwise ever later and never all at once."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

_FIRST = 0.5
_LONGEST = 60.0


class Backoff:
    """Exponential with full jitter; shared by all requests to one endpoint."""

    def __init__(self, seed: int = 0, first: float = _FIRST) -> None:
        self._random = random.Random(seed)
        self._first = first
        self._open_at = 0.0

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failed try `attempt`, counted from 0."""
        return self._random.uniform(0, min(_LONGEST, self._first * 2.0**attempt))

    def hold_all(self, seconds: float) -> None:
        """No request before `seconds` have passed: the endpoint asked everyone to wait, not one request."""
        self._open_at = max(self._open_at, time.monotonic() + seconds)

    def held(self) -> float:
        """Seconds until requests are welcome again, spread a little so that they do not come at once."""
        left = self._open_at - time.monotonic()
        return left + self._random.uniform(0, 0.1 + left / 10) if left > 0 else 0.0


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
