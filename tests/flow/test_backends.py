"""What a run says while its backends load, and how they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from synth.backends.llm.base import LLMSettings
from synth.backends.llm.scripted import Scripted
from synth.backends.render.base import RemoteRenderer, Rendered, RenderRequest
from synth.backends.score.coverage import Coverage
from synth.flow.backends import Backends
from tests.small_runs import picture


async def test_a_run_says_what_it_is_starting_and_then_no_more() -> None:
    said: list[str] = []

    class Slow(Scripted):
        async def start(self) -> None:
            said.append(backends.waiting)

    backends = Backends(Slow(LLMSettings()), None, None)
    assert backends.waiting == ""
    await backends.start()
    assert said == ["starting the language model"]
    assert backends.waiting == ""


async def test_a_remote_renderer_draws_for_the_oldest_candidate_first() -> None:
    class Far(RemoteRenderer):
        workers = 2

        def __init__(self) -> None:
            self.drawn: list[int] = []
            self.at_once = self.most = 0

        @classmethod
        def create(cls, argument: str, settings: Any) -> Far:
            return cls()

        def identity(self) -> dict[str, Any]:
            return {"name": "far"}

        async def draw(self, request: RenderRequest) -> Rendered:
            self.drawn.append(request.seed)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0.001)
            self.at_once -= 1
            return Rendered(picture(request.seed, 8))

    far = Far()
    backends = Backends(None, far, None)
    order = [7, 6, 5, 3, 4, 1, 2, 0]
    await asyncio.gather(*(backends.render(RenderRequest("x", ("x",), "", n, 8, 8), (0, n)) for n in order))
    assert far.drawn == [7, 6, 0, 1, 2, 3, 4, 5]
    assert far.most == 2


async def test_all_backends_are_closed_also_where_one_cannot_be() -> None:
    closed: list[str] = []

    class Stubborn(Scripted):
        async def close(self) -> None:
            raise OSError("it does not end")

    class Noted(Coverage):
        def close(self) -> None:
            closed.append("scorer")

    backends = Backends(Stubborn(LLMSettings()), None, Noted())
    with pytest.raises(OSError, match="does not end"):
        await backends.close()
    assert closed == ["scorer"]
