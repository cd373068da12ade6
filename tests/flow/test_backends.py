"""What a run says while its backends load, and how they end."""

from __future__ import annotations

import pytest

from synth.backends.llm.base import LLMSettings
from synth.backends.llm.scripted import Scripted
from synth.backends.score.coverage import Coverage
from synth.flow.backends import Backends


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
