"""Live counters of a run in this process; the command line draws them, the summary prints them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from synth.backends.render.base import RemoteRenderer
from synth.config import RunConfig
from synth.errors import RunStopped
from synth.flow.backends import Backends
from synth.records import Call, Candidate


@dataclass
class AbilityTally:
    """Counts of one ability: what came out so far, and why the rest did not.

    `watched` are the first `stop_after` indices that this process works on, `first` how they ended; `reasons` has a
    candidate and its reason for each way to be dropped.
    """

    wanted: int
    accepted: int = 0
    tried: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    pictures_dropped: int = 0
    watched: set[int] = field(default_factory=set)
    first: Counter[str] = field(default_factory=Counter)
    stop_after: int = 24

    def begin(self, index: int) -> None:
        """Note that this process works on a candidate; called in index order.

        What earlier processes made is not watched: a run that stopped early could never go on.
        """
        if len(self.watched) < self.stop_after:
            self.watched.add(index)

    def count(self, candidate: Candidate) -> None:
        """Note how a candidate ended; stop a run whose first ones nearly all end in the same way.

        First by index, not by time: what is dropped early finishes before anything is rendered.
        """
        self.tried += 1
        good = candidate.state in ("accepted", "surplus", "text_ok")
        end = "accepted" if good else f"{candidate.state}: {candidate.decided_by}"
        self.accepted += good
        if not good:
            self.dropped[end] += 1
            self.reasons.setdefault(end, f"{candidate.id}: {candidate.reason}")
            self.pictures_dropped += candidate.text_passed
        if candidate.index in self.watched:
            self.first[end] += 1
            if self.first.total() == self.stop_after:
                self._stop_if_hopeless(candidate)

    def _stop_if_hopeless(self, last: Candidate) -> None:
        end, count = self.first.most_common(1)[0]
        if end != "accepted" and count >= 0.9 * self.stop_after:
            why = f"; {last.id}: {last.reason}" if end == f"{last.state}: {last.decided_by}" else ""
            raise RunStopped(
                f"Of the first {self.stop_after} candidates of '{last.ability}' that this start made, {count} ended as "
                f"'{end}': stopped early (flow.stop_after){why}.",
                f"Look at some: synth show RUN {last.id}. If the cause lies outside the run (an endpoint), mend it "
                "and run the same command again: it goes on with the next candidates. Another model, template or "
                "filter option needs a new --out. --set flow.stop_after=N looks at more candidates before it stops.",
            )


class Tally:
    """Counters of all abilities. `tokens` are those that earlier processes used, `bought` the pictures that they paid
    for; `backends` know what they wait for."""

    def __init__(self, config: RunConfig, tokens: tuple[int, int], backends: Backends, bought: int = 0) -> None:
        self._backends = backends
        self._bought_before = bought
        remote = isinstance(backends.renderer, RemoteRenderer)
        self._price = config.render_settings.price if remote else 0.0
        self._promised = 0
        self._stalled = 0
        self._drawn = asyncio.Event()
        self.abilities = {
            name: AbilityTally(wanted=n, stop_after=config.flow.stop_after) for name, n in config.abilities.items()
        }
        self.began = time.monotonic()
        self.prompt_tokens, self.completion_tokens = tokens
        self.cached_tokens = 0
        self.calls = self.estimated = 0
        self.repairs: Counter[str] = Counter()
        self.step_seconds: Counter[str] = Counter()
        self._config = config

    @property
    def retries(self) -> int:
        """Requests that were repeated because of trouble that may pass."""
        return self._backends.retries

    @property
    def waiting(self) -> str:
        """What the run waits for just now, in words, or ""."""
        return self._backends.waiting

    @property
    def bought(self) -> int:
        """The pictures that an endpoint has drawn for this run."""
        return self._bought_before + self._backends.bought

    @property
    def cost(self) -> float:
        """What the run's tokens and bought pictures cost, at the prices of the settings."""
        return self._config.cost(self.prompt_tokens, self.completion_tokens, self.bought)

    def begin(self, ability: str, index: int) -> None:
        self.abilities[ability].begin(index)

    def replied(self, call: Call) -> None:
        self.calls += 1
        self.prompt_tokens += call.prompt_tokens
        self.cached_tokens += call.cached_tokens
        self.completion_tokens += call.completion_tokens
        self.estimated += call.estimated

    async def check_budget(self, pictures: int = 0) -> None:
        """Called before every request: raises `RunStopped` once the budget is used up, or does not pay so many
        `pictures` more.

        Not before the pictures that are being drawn are committed: they would be paid for and thrown away. What they
        will cost is spent already.
        """
        while over := self._config.over_budget(self.cost + self._promised * self._price, pictures):
            if not self._promised:
                raise self._used_up(over)
            self._drawn.clear()
            await self._drawn.wait()

    def _used_up(self, over: str) -> RunStopped:
        bought = f" and {self.bought} pictures" if self.bought else ""
        return RunStopped(
            f"{over}: {self.cost:.4f} for {self.calls} requests{bought}"
            + (", by an estimate: the endpoint sends no token counts." if self.estimated else "."),
            "Run the same command with a larger --max-cost to go on.",
        )

    async def promise(self, pictures: int) -> None:
        """Called before pictures are made, and where they cost something it is `check_budget`; `delivered` when they
        are committed or will not come."""
        if self._price:
            await self.check_budget(pictures)
        self._promised += pictures

    async def promise_again(self, own: int, pictures: int) -> None:
        """Like `promise`, for a candidate that draws some of its `own` promised pictures again.

        Its own are there and paid, and it waits for those of others alone, and not for others that wait here too. Where
        the budget does not pay, its row stays as it was before: a larger budget goes on with it.
        """
        if self._price:
            self._stalled += own
            self._drawn.set()  # whoever waits may be waiting for this one
            try:
                while over := self._config.over_budget(self.cost + (self._promised - own) * self._price, pictures):
                    if self._promised <= self._stalled:
                        raise self._used_up(over)
                    self._drawn.clear()
                    await self._drawn.wait()
            finally:
                self._stalled -= own
        self._promised += pictures

    def delivered(self, pictures: int) -> None:
        self._promised -= pictures
        self._drawn.set()

    def finished(self, candidate: Candidate) -> None:
        for call in candidate.calls:
            if call.repairs:
                self.repairs.update(call.repairs)
        self.step_seconds.update(candidate.seconds)
        self.abilities[candidate.ability].count(candidate)
