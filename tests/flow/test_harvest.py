"""Which samples come out depends on verdicts by index, never on who finishes first."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synth.flow.harvest import harvest
from synth.flow.primitives import Limiter


class Lives:
    """Candidates that finish after a few turns of the loop; records what happened to them."""

    def __init__(self, verdicts: list[bool], steps: list[int]) -> None:
        self.verdicts, self.steps = verdicts, steps
        self.started: list[int] = []
        self.running = self.most = self.cancelled = 0

    async def __call__(self, index: int) -> bool:
        self.started.append(index)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(self.steps[index % len(self.steps)]):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        return self.verdicts[index]


async def free_slots(window: Limiter) -> int:
    found = 0
    try:
        while True:
            async with asyncio.timeout(0.001):
                await window.acquire((0, 0))
            found += 1
    except TimeoutError:
        return found


@settings(max_examples=120, deadline=None)
@given(
    verdicts=st.lists(st.booleans(), min_size=1, max_size=50),
    steps=st.lists(st.integers(0, 12), min_size=1, max_size=50),
    n=st.integers(1, 12),
    width=st.integers(1, 16),
)
@example(verdicts=[True] * 6, steps=[12, 0], n=2, width=8)
def test_the_cutoff_is_that_of_the_verdicts_by_index(
    verdicts: list[bool], steps: list[int], n: int, width: int
) -> None:
    async def story() -> None:
        lives, window = Lives(verdicts, steps), Limiter(width)
        result = await asyncio.wait_for(harvest(n, len(verdicts), 0, window, lives), 5)
        accepted = [index for index, ok in enumerate(verdicts) if ok]
        assert result.cutoff == (accepted[n - 1] if len(accepted) >= n else None)
        assert lives.started == list(range(len(lives.started)))
        assert lives.most <= width
        assert lives.running == 0
        if result.cutoff is None:
            assert (result.tried, result.accepted) == (len(verdicts), len(accepted))
        assert await free_slots(window) == width

    asyncio.run(story())


async def test_what_is_not_needed_any_more_is_cancelled() -> None:
    lives = Lives([True] * 100, [1, 1, 1, 10_000])
    result = await asyncio.wait_for(harvest(3, 100, 0, Limiter(50), lives), 5)
    assert result.cutoff == 2
    assert lives.running == 0


async def test_no_more_are_started_than_allowed() -> None:
    lives = Lives([False] * 10, [3])
    result = await harvest(2, 10, 0, Limiter(4), lives)
    assert (result.cutoff, result.tried, result.accepted) == (None, 10, 0)
    assert lives.started == list(range(10))


async def test_few_are_started_beyond_n_when_all_are_accepted() -> None:
    lives = Lives([True] * 400, [5, 1, 3])
    await harvest(100, 400, 0, Limiter(64), lives)
    assert len(lives.started) <= 130


async def test_a_failure_ends_it_and_cancels_the_rest() -> None:
    lives = Lives([True] * 40, [10_000])
    window = Limiter(8)

    async def live(index: int) -> bool:
        if index == 5:
            raise OSError("disk")
        return await lives(index)

    with pytest.raises(OSError, match="disk"):
        await asyncio.wait_for(harvest(30, 40, 0, window, live), 5)
    assert lives.cancelled == len(lives.started) == 7
    assert await free_slots(window) == 8


async def test_cancelling_a_harvest_cancels_its_candidates() -> None:
    lives, window = Lives([True] * 40, [10_000]), Limiter(8)
    task = asyncio.create_task(harvest(30, 40, 0, window, lives))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert lives.cancelled == 8
    assert await free_slots(window) == 8


@pytest.mark.parametrize("seed", range(6))
async def test_several_harvests_share_one_window_and_leak_nothing(seed: int) -> None:
    dice = random.Random(seed)
    window, running, most = Limiter(5), 0, 0

    def lives(verdicts: list[bool]) -> object:
        async def live(index: int) -> bool:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(dice.random() / 1000)
            finally:
                running -= 1
            return verdicts[index]

        return live

    verdicts = [[dice.random() < 0.5 for _ in range(60)] for _ in range(4)]
    results = await asyncio.wait_for(
        asyncio.gather(*(harvest(8, 60, k, window, lives(v)) for k, v in enumerate(verdicts))),  # type: ignore[arg-type]
        5,
    )
    for result, own in zip(results, verdicts, strict=True):
        accepted = [index for index, ok in enumerate(own) if ok]
        assert result.cutoff == accepted[7]
    assert most == 5
    assert await free_slots(window) == 5


async def test_a_failure_is_noticed_at_once_while_another_ability_fills_the_window() -> None:
    window = Limiter(2)
    never = asyncio.Event()

    async def stuck(index: int) -> bool:
        return await never.wait()

    async def breaks(index: int) -> bool:
        await asyncio.sleep(0.01)
        raise OSError("disk")

    await window.acquire((-1, 0))
    broken = asyncio.create_task(harvest(30, 40, 1, window, breaks))
    await asyncio.sleep(0.001)
    # one runs, the next one waits; the place that the failure frees goes to the lower order
    greedy = asyncio.create_task(harvest(30, 40, 0, window, stuck))
    with pytest.raises(OSError, match="disk"):
        await asyncio.wait_for(broken, 1)
    greedy.cancel()
    await asyncio.gather(greedy, return_exceptions=True)
    window.release()
    assert await free_slots(window) == 2


@pytest.mark.parametrize("rate", [0.9, 0.5, 0.3])
async def test_few_are_started_beyond_what_is_needed_whatever_the_concurrency(rate: float) -> None:
    """What is dropped finishes early, and must not look like all that there is."""
    dice = random.Random(7)
    verdicts = [dice.random() < rate for _ in range(1000)]
    started = 0

    async def live(index: int) -> bool:
        nonlocal started
        started += 1
        await asyncio.sleep(0.02 if verdicts[index] else 0.002 * dice.random())
        return verdicts[index]

    result = await asyncio.wait_for(harvest(24, 1000, 0, Limiter(132), live), 5)
    assert result.cutoff is not None
    assert started <= 2 * (result.cutoff + 1)


async def test_a_large_n_keeps_the_window_full() -> None:
    dice = random.Random(1)
    flying: dict[int, asyncio.Future[bool]] = {}

    async def live(index: int) -> bool:
        flying[index] = asyncio.get_running_loop().create_future()
        return await flying[index]

    task = asyncio.create_task(harvest(400, 4000, 0, Limiter(40), live))
    for _ in range(450):  # of which 300 are accepted
        for _ in range(6):
            await asyncio.sleep(0)
        assert len(flying) == 40
        index = dice.choice(list(flying))
        flying.pop(index).set_result(index % 3 > 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_started_once_enough_are_accepted() -> None:
    """The first accepted ones are not known before an earlier candidate ends, but they are among those in flight."""
    slow = asyncio.Event()
    started: list[int] = []

    async def live(index: int) -> bool:
        started.append(index)
        if index == 100:
            await slow.wait()
        return index == 101

    running = asyncio.ensure_future(harvest(1, 1000, 0, Limiter(2), live))
    for _ in range(2000):
        await asyncio.sleep(0)
    slow.set()
    assert (await running).cutoff == 101
    assert started == list(range(103))  # the last one waited for the place of 101
