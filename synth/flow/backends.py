"""The backends of a run, started once and shared by all candidates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from synth.backends.llm.base import LLM, ChatReply, ChatRequest
from synth.backends.render.base import AnyRenderer, RemoteRenderer, Rendered, Renderer, RenderRequest
from synth.backends.score.base import Score, Scorer, ScoreRequest
from synth.flow.blame import harmless_pair, harmless_prompt, work_through
from synth.flow.primitives import Batcher, Limiter, Priority

#: preview pictures and small encodes are quick; a candidate in flight costs a few kilobytes
_EXTRA_IN_FLIGHT = 4


class Backends:
    """A language model, a renderer and a scorer, each where the run has one.

    All serve the oldest candidate first. `chat` keeps at most the model's `concurrency` requests in flight; `render`
    and `score` collect single requests into batches, but a remote renderer is asked for at most `workers` pictures at a
    time, one by one.
    """

    def __init__(self, llm: LLM | None, renderer: AnyRenderer | None, scorer: Scorer | None) -> None:
        self.llm = llm
        self.renderer = renderer
        self.scorer = scorer
        self._llm_slots = Limiter(llm.concurrency if llm else 1)
        self._starting = ""
        self._asked = [one for one in (llm, renderer) if isinstance(one, LLM | RemoteRenderer)]
        self._render: Batcher[RenderRequest, Rendered | Exception] | None = None
        self._remote_slots = Limiter(renderer.workers if isinstance(renderer, RemoteRenderer) else 1)
        self._score: Batcher[ScoreRequest, Score | Exception] | None = None
        if isinstance(renderer, Renderer):
            # pictures that begin from another one cannot share a batch with those that begin from noise
            self._render = Batcher(
                self._render_batch, renderer.batch_size, renderer.workers, kind=lambda one: one.previous is None
            )
        if scorer is not None:
            self._score = Batcher(self._score_batch, scorer.batch_size, 1)

    @property
    def in_flight(self) -> int:
        """How many candidates keep every backend busy: the model's requests twice over, and two
        batches for each render worker (of a remote renderer: two pictures)."""
        wanted = _EXTRA_IN_FLIGHT
        if self.llm is not None:
            wanted += 2 * self.llm.concurrency
        if self.renderer is not None:
            wanted += 2 * self.renderer.batch_size * self.renderer.workers
        return wanted

    @property
    def varying(self) -> list[str]:
        """What comes out differently when it is made again with the same settings."""
        made = {"replies": self.llm, "pictures": self.renderer}
        return [what for what, one in made.items() if one is not None and not one.deterministic]

    def identity(self) -> dict[str, Any]:
        return {
            "llm": {**self.llm.identity(), "scripted": self.llm.scripted} if self.llm else None,
            "renderer": {
                **self.renderer.identity(),
                "origin": self.renderer.origin,
                "attribution": self.renderer.attribution,
            }
            if self.renderer
            else None,
            "scorer": self._scorer_identity(),
        }

    def _scorer_identity(self) -> dict[str, Any] | None:
        if self.scorer is None:
            return None
        said = self.scorer.threshold
        return {**self.scorer.identity(), **({} if said is None else {"threshold": said})}

    @property
    def waiting(self) -> str:
        """What the run waits for just now, in words, or "". May be called from any thread."""
        return self._starting or "; ".join(filter(None, (one.waiting() for one in self._asked)))

    @property
    def retries(self) -> int:
        """Requests that were repeated because of trouble that may pass."""
        return sum(one.retries for one in self._asked)

    @property
    def bought(self) -> int:
        """Pictures that an endpoint has drawn since the start."""
        return self.renderer.bought if isinstance(self.renderer, RemoteRenderer) else 0

    async def start(self) -> None:
        """Load models and open connections, one after the other, so that two never want the memory at once."""
        parts = {"language model": self.llm, "renderer": self.renderer, "scorer": self.scorer}
        for what, one in parts.items():
            self._starting = f"starting the {what}"
            if isinstance(one, LLM | RemoteRenderer):
                await one.start()
            elif isinstance(one, Renderer | Scorer):
                await asyncio.to_thread(one.start)
        self._starting = ""

    async def close(self) -> None:
        """Release the backends, all of them, also where one cannot be; what they still do for candidates that were
        cancelled ends first."""
        async with AsyncExitStack() as last_comes_first:
            for one in (self.scorer, self.renderer, self.llm):
                if isinstance(one, LLM | RemoteRenderer):
                    last_comes_first.push_async_callback(one.close)
                elif isinstance(one, Renderer | Scorer):
                    last_comes_first.push_async_callback(asyncio.to_thread, one.close)
            for batcher in (self._score, self._render):
                if batcher is not None:
                    last_comes_first.push_async_callback(batcher.close)

    async def chat(self, request: ChatRequest, priority: Priority) -> tuple[ChatReply, float]:
        """The reply and the seconds it took, waiting for a slot not counted."""
        assert self.llm is not None
        async with self._llm_slots.slot(priority):
            began = time.perf_counter()
            reply = await self.llm.chat(request)
            return reply, time.perf_counter() - began

    async def render(self, request: RenderRequest, priority: Priority) -> Rendered:
        if isinstance(self.renderer, RemoteRenderer):
            async with self._remote_slots.slot(priority):
                return await self.renderer.draw(request)
        assert self._render is not None
        picture = await self._render.submit(request, priority)
        if isinstance(picture, Exception):
            raise picture
        return picture

    async def score(self, request: ScoreRequest, priority: Priority) -> Score:
        """The picture's scores; none of them where the run has no scorer."""
        if self._score is None:
            return Score(None, None)
        score = await self._score.submit(request, priority)
        if isinstance(score, Exception):
            raise score
        return score

    async def _render_batch(self, requests: Sequence[RenderRequest]) -> Sequence[Rendered | Exception]:
        assert isinstance(self.renderer, Renderer)
        return await work_through("renderer", self.renderer.render, requests, lambda: harmless_prompt(requests[0]))

    async def _score_batch(self, requests: Sequence[ScoreRequest]) -> Sequence[Score | Exception]:
        assert self.scorer is not None
        return await work_through("scorer", self.scorer.score, requests, harmless_pair)
