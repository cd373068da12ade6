"""Counters whose memory does not grow with the run."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter
from collections.abc import Mapping

_SPACE = 2**64


class Distinct:
    """How many different texts were seen: exact up to `size`, then within about 2%.

    It keeps the `size` smallest hashes; if these lie below the share s of all possible hashes, there
    are about size / s different texts.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._heap: list[int] = []  # negated, so that the largest kept hash is on top
        self._kept: set[int] = set()

    def add(self, text: str) -> None:
        value = int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big")
        if value in self._kept:
            return
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, -value)
            self._kept.add(value)
        elif value < -self._heap[0]:
            self._kept.discard(-heapq.heappushpop(self._heap, -value))
            self._kept.add(value)

    @property
    def exact(self) -> bool:
        return len(self._heap) < self._size

    def __len__(self) -> int:
        if self.exact:
            return len(self._heap)
        return round((self._size - 1) * _SPACE / -self._heap[0])

    def __str__(self) -> str:
        return f"{len(self):,}" if self.exact else f"about {len(self):,}"


class Tops:
    """Counts texts, at most `limit` different ones: later new ones only count as `others`."""

    def __init__(self, limit: int = 5000) -> None:
        self._limit = limit
        self.counts: Counter[str] = Counter()
        self.others = 0

    def add(self, text: str, count: int = 1) -> None:
        if text in self.counts or len(self.counts) < self._limit:
            self.counts[text] += count
        else:
            self.others += count

    @property
    def total(self) -> int:
        return self.counts.total() + self.others

    def most(self, number: int) -> list[tuple[str, int]]:
        return self.counts.most_common(number)


class Histogram:
    """Scores in steps of 0.02 from -1 to 1, with their exact range and mean.

    Scores outside (counts, deviations) only have range and mean: `bars` is empty then. `of` names what is counted.
    """

    def __init__(self, of: str = "samples") -> None:
        self.of = of
        self.count = 0
        self.low = float("inf")
        self.high = float("-inf")
        self._sum = 0.0
        self._bins: Counter[int] = Counter()
        self._outside = False

    def add(self, value: float) -> None:
        if not math.isfinite(value):
            return
        self.count += 1
        self._sum += value
        self.low, self.high = min(self.low, value), max(self.high, value)
        if -1 <= value <= 1:
            self._bins[min(int((value + 1) * 50 + 1e-9), 99)] += 1
        else:
            self._outside = True

    @property
    def mean(self) -> float:
        return self._sum / self.count if self.count else 0.0

    @property
    def bars(self) -> list[tuple[float, int]]:
        """(lower edge, count) from the first bin in use to the last."""
        if self._outside or not self._bins:
            return []
        return [(at / 50 - 1, self._bins[at]) for at in range(min(self._bins), max(self._bins) + 1)]


def evenly(total: int, wanted: int) -> frozenset[int]:
    """`wanted` positions spread over range(total), the first and the last among them."""
    if wanted >= total:
        return frozenset(range(total))
    if wanted < 2:
        return frozenset(range(wanted))
    return frozenset(round(k * (total - 1) / (wanted - 1)) for k in range(wanted))


def shares(sizes: Mapping[str, int], budget: int) -> dict[str, int]:
    """Divide a budget so that everybody gets the same, and what the small cannot use goes on."""
    given = dict.fromkeys(sizes, 0)
    open_ = [name for name, size in sizes.items() if size]
    while budget and open_:
        each = max(1, budget // len(open_))
        for name in list(open_):
            more = min(each, sizes[name] - given[name], budget)
            given[name] += more
            budget -= more
            if given[name] == sizes[name]:
                open_.remove(name)
    return given
