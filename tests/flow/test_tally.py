"""Budgets: what pictures cost that are bought, and how many of them are."""

from __future__ import annotations

import asyncio

import pytest

from synth.backends.render.base import RemoteRenderer, Rendered, RenderRequest, RenderSettings
from synth.config import RunConfig
from synth.errors import RunStopped
from synth.flow.backends import Backends
from synth.flow.tally import Tally


class Shop(RemoteRenderer):
    @classmethod
    def create(cls, argument: str, settings: RenderSettings) -> Shop:
        return cls()

    def identity(self) -> dict[str, str]:
        return {"name": "shop"}

    async def draw(self, request: RenderRequest) -> Rendered:
        raise AssertionError("budgets are reckoned, nothing is drawn")


@pytest.mark.parametrize(
    ("price", "most", "bought", "said"),
    [
        (1.0, 5.0, 5, "is used up"),
        (0.04, 0.1, 2, "does not pay another picture: 0.0800"),
        (0.1, 0.3, 3, "is used up"),
        (0.04, 0.03, 0, "does not pay another picture"),
    ],
)
async def test_no_picture_is_bought_beyond_the_budget(price: float, most: float, bought: int, said: str) -> None:
    shop = Shop()
    config = RunConfig(abilities={"animal": 9}, max_cost=most, render_settings=RenderSettings(price=price))
    tally = Tally(config, (0, 0), Backends(None, shop, None))

    async def buy() -> None:
        await tally.promise(1)
        try:
            await asyncio.sleep(0.01)
            shop.bought += 1
            await asyncio.sleep(0.01)
        finally:
            tally.delivered(1)

    async with asyncio.timeout(5):  # all of those that wait must be told
        ends = await asyncio.gather(*(buy() for _ in range(20)), return_exceptions=True)
    stopped = [one for one in ends if isinstance(one, RunStopped)]
    assert shop.bought == bought and len(stopped) == 20 - bought
    assert all(said in one.message for one in stopped)


async def test_drawing_again_waits_for_others_and_then_stops_the_run() -> None:
    shop = Shop()
    config = RunConfig(abilities={"animal": 9}, max_cost=8.0, render_settings=RenderSettings(price=1.0))
    tally = Tally(config, (0, 0), Backends(None, shop, None))
    await tally.promise(4)
    await tally.promise(4)
    shop.bought = 4  # the first candidate's pictures are there, and one is to be drawn again
    waiting = asyncio.ensure_future(tally.promise_again(4, 1))
    await asyncio.sleep(0)
    assert not waiting.done()  # the other four will cost all that is left
    tally.delivered(4)  # and then do not come
    await waiting
    shop.bought = 8
    with pytest.raises(RunStopped, match="is used up"):
        await tally.promise_again(5, 1)


async def test_two_that_draw_again_do_not_wait_for_each_other() -> None:
    shop = Shop()
    config = RunConfig(abilities={"animal": 9}, max_cost=8.0, render_settings=RenderSettings(price=1.0))
    tally = Tally(config, (0, 0), Backends(None, shop, None))
    for _ in range(2):
        await tally.promise(4)
    shop.bought = 8

    async def draw_again() -> None:
        try:
            await tally.promise_again(4, 1)
        finally:
            tally.delivered(4)

    async with asyncio.timeout(5):
        ended = await asyncio.gather(draw_again(), draw_again(), return_exceptions=True)
    assert all(isinstance(one, RunStopped) for one in ended)
