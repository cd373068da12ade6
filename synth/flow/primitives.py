"""Concurrency primitives of the flow: the ordered gate, the limiter and the batcher.

They carry no knowledge of candidates; `produce` tells the story with them.
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import insort
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

#: the place of a candidate among those who wait: its ability's place in the run, then its index; the lowest goes first
Priority = tuple[int, int]

#: seconds by which an event loop may call too early
_RESOLUTION = 0.001

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Held:
    """`async with` around what is entered and left; `asynccontextmanager` takes several times as long,
    and every candidate passes four of these."""

    __slots__ = ("_enter", "_leave")

    def __init__(self, enter: Awaitable[None], leave: Callable[[], None]) -> None:
        self._enter = enter
        self._leave = leave

    async def __aenter__(self) -> None:
        await self._enter

    async def __aexit__(self, *error: object) -> None:
        self._leave()


class OrderedGate:
    """Lets indices 0, 1, 2, ... through one at a time, in this order, whenever they arrive.

    An index that will never come (its candidate was dropped) must `leave`, or all later ones wait
    for ever; leaving after having been through does nothing. O(1) per index; memory O(in flight).
    """

    def __init__(self) -> None:
        self._next = 0
        self._gone: set[int] = set()
        self._waiting: dict[int, asyncio.Future[None]] = {}

    def turn(self, index: int) -> Held:
        return Held(self._reach(index), partial(self.leave, index))

    async def _reach(self, index: int) -> None:
        if index > self._next:
            future = asyncio.get_running_loop().create_future()
            self._waiting[index] = future
            try:
                await future
            finally:
                self._waiting.pop(index, None)

    def leave(self, index: int) -> None:
        if index < self._next:
            return
        self._gone.add(index)
        while self._next in self._gone:
            self._gone.remove(self._next)
            self._next += 1
        waiter = self._waiting.get(self._next)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Limiter:
    """At most `limit` holders at a time; of those who wait, the lowest priority value goes first.

    The engine uses a candidate's index, so that the oldest candidate is always finished first and
    the first sample appears early.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[tuple[Priority, int, asyncio.Future[bool]]] = []
        self._ticket = 0

    def slot(self, priority: Priority) -> Held:
        return Held(self.acquire(priority), self.release)

    async def acquire(self, priority: Priority) -> None:
        if self._free > 0:
            self._free -= 1
        else:
            await self._given(self._queue(priority))

    async def acquire_unless(self, ended: asyncio.Future[None], priority: Priority) -> bool:
        """Wait for a slot or for `ended`; true if the slot was taken."""
        if ended.done():
            return False
        if self._free > 0:
            self._free -= 1
            return True
        place = self._queue(priority)

        def withdraw(_: object) -> None:
            if not place.done():
                place.set_result(False)

        ended.add_done_callback(withdraw)
        try:
            taken = await self._given(place)
        finally:
            ended.remove_done_callback(withdraw)
        if taken and ended.done():
            self.release()
            return False
        return taken

    def _queue(self, priority: Priority) -> asyncio.Future[bool]:
        """A place among those who wait; its result says whether a slot came with it."""
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._ticket += 1
        heapq.heappush(self._waiting, (priority, self._ticket, place))
        return place

    async def _given(self, place: asyncio.Future[bool]) -> bool:
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.release()
            raise

    def release(self) -> None:
        while self._waiting:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(True)
                return
        self._free += 1


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Item, Outcome]):
    priority: Priority
    item: Item
    future: asyncio.Future[Outcome]
    since: float


class Batcher(Generic[Item, Outcome]):
    """Collects single items into batches for a backend that works on several at once.

    A batch leaves when it is full, or when nothing was added to it for `linger` seconds, and a worker is free. Until
    then it is not closed: a backend whose batches have one shape pays for every empty place. At most `workers`
    batches are in work; the rest wait here, bounded by the candidates in flight. Items of which `kind` says different
    things never share a batch.

    Of those that may leave, the batch with the lowest priority value goes first. A candidate whose pictures are drawn
    one after the other comes back for each of them; in order of arrival all in flight would advance together, each
    holding the pictures it has so far.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]],
        batch_size: int,
        workers: int,
        linger: float = 0.02,
        kind: Callable[[Item], Hashable] = lambda item: None,
    ) -> None:
        self._work = work
        self._kind = kind
        self._batch_size = batch_size
        self._free = workers
        self._linger = linger
        self._pending: list[_Waiting[Item, Outcome]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item, priority: Priority) -> Outcome:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        insort(self._pending, _Waiting(priority, item, future, loop.time()), key=lambda one: one.priority)
        self._wait_for_more()
        self._start(whole=True)  # what has lingered waits for the timer: more may be about to be submitted
        return await future

    async def close(self) -> None:
        """Drop what waits and return when nothing is in work any more; nothing may be submitted afterwards.

        Work goes on in threads when those who asked for it were cancelled, and its backend must not be closed then.
        """
        if self._timer is not None:
            self._timer.cancel()
        for one in self._pending:
            one.future.cancel()
        self._pending.clear()
        if self._running:
            await asyncio.wait(self._running)

    def _wait_for_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._linger + _RESOLUTION, self._start)

    def _start(self, whole: bool = False) -> None:
        """Begin the batches that may leave, or the `whole` ones alone, as far as workers are free."""
        while self._free and (batch := self._next(whole)):
            self._free -= 1
            task = asyncio.ensure_future(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._finished)
        if not self._pending and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self, whole: bool) -> list[_Waiting[Item, Outcome]]:
        """Take out the batch that leaves now; empty if none may. O(what waits)."""
        self._pending = [one for one in self._pending if not one.future.done()]  # who was cancelled needs no place
        kinds: dict[Hashable, list[_Waiting[Item, Outcome]]] = {}
        for one in self._pending:
            kinds.setdefault(self._kind(one.item), []).append(one)
        batch = next((own[: self._batch_size] for own in kinds.values() if self._may_leave(own, whole)), [])
        left = set(map(id, batch))
        self._pending = [one for one in self._pending if id(one) not in left]
        return batch

    def _may_leave(self, own: Sequence[_Waiting[Item, Outcome]], whole: bool) -> bool:
        if whole or len(own) >= self._batch_size:
            return len(own) >= self._batch_size
        return asyncio.get_running_loop().time() - max(one.since for one in own) >= self._linger

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free += 1
        self._start()

    async def _run(self, batch: list[_Waiting[Item, Outcome]]) -> None:
        wanted = [(one.item, one.future) for one in batch if not one.future.done()]
        if not wanted:
            return
        try:
            outcomes = await self._work([item for item, _ in wanted])
            if len(outcomes) != len(wanted):
                raise ValueError(f"{len(outcomes)} results came back for {len(wanted)} items")
        except BaseException as error:  # whoever waits for the outcome must hear of it
            for _, future in wanted:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), outcome in zip(wanted, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)
