"""Starts candidates in index order until the first n accepted ones, by index, are known.

How many candidates are started depends on timing; which samples come out does not: they are the
first n accepted by index, and what is accepted beyond them is surplus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import sqrt

from synth.flow.primitives import Limiter


@dataclass(frozen=True, slots=True)
class Harvest:
    """`cutoff` is the index of the n-th accepted candidate, or None if it was not reached;
    `tried` counts the candidates that finished, `accepted` those of them that were accepted."""

    cutoff: int | None
    tried: int
    accepted: int


async def harvest(
    n: int,
    allowed: int,
    order: int,
    window: Limiter,
    live: Callable[[int], Awaitable[bool]],
) -> Harvest:
    """Run `live(index)` for index 0, 1, ... until n are accepted or `allowed` were tried.

    `live` returns whether the candidate was accepted. `window` bounds the candidates in flight of
    all abilities together; `order` is this ability's place in the queue for it. O(1) per candidate,
    memory O(in flight).
    """
    running: set[asyncio.Task[None]] = set()
    changed = asyncio.Event()
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    results: dict[int, bool] = {}  # of candidates after the first unfinished one
    next_index = prefix = accepted_in_prefix = accepted = tried = 0
    cutoff: int | None = None
    failure: BaseException | None = None

    def settle(index: int, ok: bool) -> None:
        nonlocal prefix, accepted_in_prefix, accepted, tried, cutoff
        results[index] = ok
        tried += 1
        accepted += ok
        while prefix in results:
            if results.pop(prefix):
                accepted_in_prefix += 1
                if accepted_in_prefix == n:
                    cutoff = prefix
            prefix += 1

    def note(task: asyncio.Task[None]) -> None:
        nonlocal failure
        running.discard(task)
        window.release()
        if not task.cancelled() and task.exception() is not None and failure is None:
            failure = task.exception()
        if (failure is not None or cutoff is not None) and not ended.done():
            ended.set_result(None)
        changed.set()

    async def one(index: int) -> None:
        settle(index, await live(index))

    def enough_in_flight() -> bool:
        """Whether those in flight will probably do, with a standard deviation to spare.

        What is dropped finishes before what is accepted. So the rate is that of the prefix, where all have
        finished, and is taken of all behind it: what is missing there is still in flight.
        """
        flying = len(running)
        if not flying:
            return False
        if accepted >= n:  # those that are still missing decide which of them count, and no others
            return True
        rate = (accepted_in_prefix + 4) / (prefix + 5)
        behind = (next_index - prefix) * rate - (accepted - accepted_in_prefix)
        expected = min(max(behind, flying * max(rate, 0.02)), flying)
        return expected - sqrt(expected * (1 - expected / flying)) >= n - accepted

    try:
        while not ended.done():
            changed.clear()
            if next_index < allowed and not enough_in_flight():
                if not await window.acquire_unless(ended, (order, next_index)):
                    break
                task = asyncio.ensure_future(one(next_index))
                running.add(task)
                task.add_done_callback(note)
                next_index += 1
            elif running:
                await changed.wait()
            else:
                break
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)
    if failure is not None:
        raise failure
    return Harvest(cutoff, tried, accepted)
