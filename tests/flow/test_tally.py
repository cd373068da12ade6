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
