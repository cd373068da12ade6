"""The gate, the limiter and the batcher, under the arrivals and cancellations that a run brings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest

from synth.flow.primitives import Batcher, Limiter, OrderedGate

# -- OrderedGate ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
async def test_gate_keeps_the_order_under_random_arrival_and_leaving(seed: int) -> None:
    dice = random.Random(seed)
    gate, inside, passed = OrderedGate(), 0, []
    leaving = set(dice.sample(range(60), 20))

    async def one(index: int) -> None:
        nonlocal inside
        await asyncio.sleep(dice.random() / 100)
        if index in leaving:
            gate.leave(index)
            return
        async with gate.turn(index):
            inside += 1
            await asyncio.sleep(0)
            assert inside == 1
            inside -= 1
            passed.append(index)
        gate.leave(index)  # does nothing after having been through

    await asyncio.wait_for(asyncio.gather(*map(one, range(60))), 5)
    assert passed == [index for index in range(60) if index not in leaving]


async def test_gate_goes_on_after_an_error_inside() -> None:
    gate = OrderedGate()
    with pytest.raises(KeyError):
        async with gate.turn(0):
            raise KeyError
    async with asyncio.timeout(1), gate.turn(1):
        pass


async def test_a_cancelled_waiter_that_leaves_holds_nobody_up() -> None:
    gate, passed = OrderedGate(), []

    async def one(index: int) -> None:
        async with gate.turn(index):
            passed.append(index)

    tasks = [asyncio.create_task(one(index)) for index in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    gate.leave(1)
    assert passed == []  # 0 has not come yet
    await one(0)
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 1)
    assert passed == [0, 2, 3]


# -- Limiter ----------------------------------------------------------------------------------


async def test_limiter_lets_the_lowest_priority_value_go_first() -> None:
    limiter, began = Limiter(1), []

    async def one(priority: tuple[int, int]) -> None:
        async with limiter.slot(priority):
            began.append(priority)
            await asyncio.sleep(0)

    await limiter.acquire((0, 0))
    wanted = [(1, 0), (0, 9), (0, 2), (1, 3), (0, 5)]
    tasks = [asyncio.create_task(one(priority)) for priority in wanted]
    await asyncio.sleep(0)
    limiter.release()
    await asyncio.wait_for(asyncio.gather(*tasks), 1)
    assert began == sorted(wanted)


@pytest.mark.parametrize("seed", range(10))
async def test_limiter_leaks_no_slot_whatever_is_cancelled(seed: int) -> None:
    dice = random.Random(seed)
    limiter, holding, most = Limiter(3), 0, 0

    async def one(index: int) -> None:
        nonlocal holding, most
        async with limiter.slot((0, index)):
            holding += 1
            most = max(most, holding)
            try:
                await asyncio.sleep(dice.random() / 500)
            finally:
                holding -= 1

    tasks = [asyncio.create_task(one(index)) for index in range(60)]
    for task in dice.sample(tasks, 30):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 3
    async with asyncio.timeout(1):  # all three slots are there again, and no more
        for index in range(3):
            await limiter.acquire((0, index))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await limiter.acquire((0, 3))


async def test_limiter_hands_on_a_slot_given_to_a_cancelled_waiter() -> None:
    limiter = Limiter(1)
    await limiter.acquire((0, 0))
    waiter = asyncio.create_task(limiter.acquire((0, 1)))
    await asyncio.sleep(0)
    limiter.release()  # the slot is the waiter's from here on ...
    waiter.cancel()  # ... but it never runs
    await asyncio.gather(waiter, return_exceptions=True)
    async with asyncio.timeout(1):
        await limiter.acquire((0, 2))


# -- Batcher ----------------------------------------------------------------------------------


class Work:
    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[list[int]] = []
        self.seconds = seconds
        self.running = self.most = 0

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        return [item * 10 for item in items]


def in_turn(batcher: Batcher[int, int]) -> Callable[[int], Awaitable[int]]:
    """Submits numbers, the lowest of which goes first."""
    return lambda number: batcher.submit(number, (0, number))


async def test_full_batches_leave_at_once_and_answers_belong_to_their_items() -> None:
    work = Work(0.005)
    batcher = Batcher(work, batch_size=4, workers=2, linger=60)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*map(in_turn(batcher), range(12))) == [n * 10 for n in range(12)]
    assert [len(batch) for batch in work.batches] == [4, 4, 4]
    assert work.most == 2


async def test_a_part_of_a_batch_leaves_after_lingering() -> None:
    work = Work()
    batcher = Batcher(work, batch_size=4, workers=1, linger=0.01)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*map(in_turn(batcher), range(6))) == [0, 10, 20, 30, 40, 50]
    assert work.batches == [[0, 1, 2, 3], [4, 5]]


async def test_a_failure_reaches_every_waiter_and_only_those() -> None:
    async def fail_on_2(items: Sequence[int]) -> list[int]:
        if 2 in items:
            raise RuntimeError("odd prompt")
        return list(items)

    batcher = Batcher(fail_on_2, batch_size=2, workers=2, linger=60)
    async with asyncio.timeout(1):
        found = await asyncio.gather(*map(in_turn(batcher), range(6)), return_exceptions=True)
    assert [str(one) for one in found] == ["0", "1", "odd prompt", "odd prompt", "4", "5"]


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_backend_that_returns_the_wrong_number_leaves_nobody_waiting(count: int) -> None:
    async def wrong(items: Sequence[int]) -> list[int]:
        return [0] * count

    batcher = Batcher(wrong, batch_size=2, workers=1, linger=60)
    async with asyncio.timeout(1):
        found = await asyncio.gather(*map(in_turn(batcher), range(2)), return_exceptions=True)
    assert all(isinstance(one, ValueError) for one in found)


async def test_cancelled_waiters_are_not_worked_for() -> None:
    work = Work(0.01)
    batcher = Batcher(work, batch_size=2, workers=1, linger=0.001)
    tasks = [asyncio.create_task(in_turn(batcher)(n)) for n in range(6)]
    await asyncio.sleep(0)
    for n in (2, 3, 5):  # a whole batch, and half of one
        tasks[n].cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert work.batches == [[0, 1], [4]]
    assert await asyncio.wait_for(in_turn(batcher)(7), 1) == 70


async def test_a_batch_is_not_closed_before_a_worker_is_free() -> None:
    """A renderer pads its batches: two halves, one after the other, would cost as much as two whole ones."""
    work = Work(0.05)
    batcher = Batcher(work, batch_size=4, workers=1, linger=0.001)
    first = [asyncio.create_task(in_turn(batcher)(n)) for n in range(4)]
    await asyncio.sleep(0.01)
    later = []
    for n in (4, 5, 6, 7):  # slower than the linger, all while the worker is busy
        later.append(asyncio.create_task(in_turn(batcher)(n)))
        await asyncio.sleep(0.005)
    async with asyncio.timeout(1):
        await asyncio.gather(*first, *later)
    assert work.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]


async def test_items_of_different_kinds_share_workers_and_no_batch() -> None:
    """Half a batch of one kind is not closed while the worker is busy with the other."""
    work = Work(0.05)
    batcher = Batcher(work, batch_size=4, workers=1, linger=0.001, kind=lambda item: item % 2)
    first = [asyncio.create_task(in_turn(batcher)(n)) for n in (0, 2, 4, 6)]
    await asyncio.sleep(0.01)
    later = []
    for n in (1, 8, 3, 5, 7):
        later.append(asyncio.create_task(in_turn(batcher)(n)))
        await asyncio.sleep(0.005)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*first, *later) == [n * 10 for n in (0, 2, 4, 6, 1, 8, 3, 5, 7)]
    assert work.batches == [[0, 2, 4, 6], [1, 3, 5, 7], [8]]
    assert work.most == 1


async def test_what_has_lingered_leaves_as_soon_as_a_worker_is_free() -> None:
    work = Work(0.03)
    batcher = Batcher(work, batch_size=4, workers=1, linger=0.001)
    tasks = [asyncio.create_task(in_turn(batcher)(n)) for n in range(5)]
    async with asyncio.timeout(1):
        await asyncio.gather(*tasks)
        assert await in_turn(batcher)(5) == 50
    assert work.batches == [[0, 1, 2, 3], [4], [5]]


async def test_closing_drops_what_waits_and_awaits_what_runs() -> None:
    work = Work(0.02)
    batcher = Batcher(work, batch_size=2, workers=1, linger=60)
    running = [asyncio.ensure_future(in_turn(batcher)(item)) for item in range(5)]
    await asyncio.sleep(0.005)
    running[0].cancel()  # the batch goes on without it
    async with asyncio.timeout(1):
        await batcher.close()
        found = await asyncio.gather(*running, return_exceptions=True)
    assert work.batches == [[0, 1]]
    assert work.running == 0
    assert [isinstance(one, asyncio.CancelledError) for one in found] == [True, False, True, True, True]


async def test_who_began_first_ends_first_however_often_it_comes_back() -> None:
    """Four items one after the other for each of forty candidates: few of them are half done at a time."""
    work = Work(0.001)
    batcher = Batcher(work, batch_size=2, workers=1, linger=0.001, kind=lambda item: item == 0)
    begun, most, ended = set[int](), 0, list[int]()

    async def one(index: int) -> None:
        nonlocal most
        for step in range(4):
            await batcher.submit(step, (0, index))
            begun.add(index)
            most = max(most, len(begun))
        begun.remove(index)
        ended.append(index)

    async with asyncio.timeout(5):
        await asyncio.gather(*map(one, range(40)))
    assert most <= 6
    assert all(abs(place - index) <= 4 for place, index in enumerate(ended))


async def test_a_steady_stream_of_another_kind_does_not_hold_up_the_oldest() -> None:
    work = Work(0.002)
    batcher = Batcher(work, batch_size=4, workers=1, linger=0.001, kind=lambda item: item == 0)
    oldest = asyncio.ensure_future(in_turn(batcher)(0))
    others = []
    for n in range(1, 200):
        others.append(asyncio.ensure_future(in_turn(batcher)(n)))
        await asyncio.sleep(0.0002)
        if oldest.done():
            break
    assert oldest.done()
    assert len(others) < 100
    await asyncio.gather(*others)
