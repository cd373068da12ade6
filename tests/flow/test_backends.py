"""What a run says while its backends load."""

from __future__ import annotations

from synth.backends.llm.base import LLMSettings
from synth.backends.llm.scripted import Scripted
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
