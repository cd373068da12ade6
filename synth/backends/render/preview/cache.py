"""A bounded, thread-safe cache of pictures: what is drawn often is drawn once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Least recently used values go first once their sizes exceed `budget` bytes.

    Values must be pure functions of their key and are never changed after they are made: then it
    does not matter that two threads may make the same one at the same time, and a picture is the
    same with a cold and a warm cache.
    """

    def __init__(self, budget: int, weigh: Callable[[T], int]) -> None:
        self._budget = budget
        self._weigh = weigh
        self._held = 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        weight = self._weigh(value)
        if weight > self._budget // 4:
            return value
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._held += weight
                while self._held > self._budget:
                    _, dropped = self._values.popitem(last=False)
                    self._held -= self._weigh(dropped)
        return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._held = 0

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held
