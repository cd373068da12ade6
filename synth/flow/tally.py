"""Live counters of a run in this process; the command line draws them, the summary prints them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from synth.config import RunConfig
from synth.errors import RunStopped
from synth.flow.backends import Backends
from synth.records import Call, Candidate


@dataclass
class AbilityTally:
    """Counts of one ability: what came out so far, and why the rest did not.

    `watched` are the first `stop_after` indices that this process works on, `first` how they ended.
    """

    wanted: int
    accepted: int = 0
    tried: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
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
    """Counters of all abilities. `tokens` are those that earlier processes used; `backends` know what they wait for."""

    def __init__(self, config: RunConfig, tokens: tuple[int, int], backends: Backends) -> None:
        self._backends = backends
        self.abilities = {
            name: AbilityTally(wanted=n, stop_after=config.flow.stop_after) for name, n in config.abilities.items()
        }
        self.began = time.monotonic()
        self.prompt_tokens, self.completion_tokens = tokens
        self.cached_tokens = 0
        self.calls = self.estimated = 0
        self.repairs: Counter[str] = Counter()
        self.step_seconds: Counter[str] = Counter()
        self._prices = config.llm_settings.price_in, config.llm_settings.price_out
        self._max_cost = config.max_cost

    @property
    def retries(self) -> int:
        """Requests that were repeated because of trouble that may pass."""
        return self._backends.llm.retries if self._backends.llm else 0

    @property
    def waiting(self) -> str:
        """What the run waits for just now, in words, or ""."""
        return self._backends.waiting

    @property
    def cost(self) -> float:
        """What the run's tokens cost, at the prices of the settings."""
        price_in, price_out = self._prices
        return (self.prompt_tokens * price_in + self.completion_tokens * price_out) / 1e6

    def begin(self, ability: str, index: int) -> None:
        self.abilities[ability].begin(index)

    def replied(self, call: Call) -> None:
        self.calls += 1
        self.prompt_tokens += call.prompt_tokens
        self.cached_tokens += call.cached_tokens
        self.completion_tokens += call.completion_tokens
        self.estimated += call.estimated

    def check_budget(self) -> None:
        """Called before every request: raises `RunStopped` once the budget is used up."""
        if self._max_cost is not None and self.cost >= self._max_cost:
            raise RunStopped(
                f"--max-cost {self._max_cost:g} is used up: {self.cost:.4f} for {self.calls} requests"
                + (", by an estimate: the endpoint sends no token counts." if self.estimated else "."),
                "Run the same command with a larger --max-cost to go on.",
            )

    def finished(self, candidate: Candidate) -> None:
        for call in candidate.calls:
            if call.repairs:
                self.repairs.update(call.repairs)
        self.step_seconds.update(candidate.seconds)
        self.abilities[candidate.ability].count(candidate)
