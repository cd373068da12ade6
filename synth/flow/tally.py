"""Live counters of a run in this process; the command line draws them, the summary prints them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from synth.config import RunConfig
from synth.errors import RunStopped
from synth.records import Call, Candidate


@dataclass
class AbilityTally:
    """Counts of one ability: what came out so far, and why the rest did not.

    `first` are the ends of the candidates below index `stop_after`.
    """

    wanted: int
    accepted: int = 0
    tried: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    first: Counter[str] = field(default_factory=Counter)
    stop_after: int = 24

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
        if candidate.index < self.stop_after:
            self.first[end] += 1
            if self.first.total() == self.stop_after:
                self._stop_if_hopeless(candidate.ability)

    def _stop_if_hopeless(self, name: str) -> None:
        reason, count = self.first.most_common(1)[0]
        if reason != "accepted" and count >= 0.9 * self.stop_after:
            raise RunStopped(
                f"Of the first {self.stop_after} candidates of '{name}', {count} ended as '{reason}': stopped early.",
                "Look at some with 'synth show', then change the model, the template or the filter's options.",
            )


class Tally:
    """Counters of all abilities. `tokens` are those that earlier processes used."""

    def __init__(self, config: RunConfig, tokens: tuple[int, int]) -> None:
        self.abilities = {
            name: AbilityTally(wanted=n, stop_after=config.flow.stop_after) for name, n in config.abilities.items()
        }
        self.began = time.monotonic()
        self.prompt_tokens, self.completion_tokens = tokens
        self.cached_tokens = 0
        self.calls = 0
        self.repairs: Counter[str] = Counter()
        self.step_seconds: Counter[str] = Counter()
        self._prices = config.llm_settings.price_in, config.llm_settings.price_out
        self._max_cost = config.max_cost

    @property
    def cost(self) -> float:
        """What the run's tokens cost, at the prices of the settings."""
        price_in, price_out = self._prices
        return (self.prompt_tokens * price_in + self.completion_tokens * price_out) / 1e6

    def replied(self, call: Call) -> None:
        self.calls += 1
        self.prompt_tokens += call.prompt_tokens
        self.cached_tokens += call.cached_tokens
        self.completion_tokens += call.completion_tokens

    def check_budget(self) -> None:
        """Called before every request: raises `RunStopped` once the budget is used up."""
        if self._max_cost is not None and self.cost >= self._max_cost:
            raise RunStopped(
                f"--max-cost {self._max_cost:g} is used up: {self.cost:.4f} for {self.calls} requests.",
                "Run the same command with a larger --max-cost to go on.",
            )

    def finished(self, candidate: Candidate) -> None:
        for call in candidate.calls:
            if call.repairs:
                self.repairs.update(call.repairs)
        self.step_seconds.update(candidate.seconds)
        self.abilities[candidate.ability].count(candidate)
