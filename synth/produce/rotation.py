"""Which in-context examples a candidate sees: rounds, groups and the shared messages they make."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from synth.backends.llm.base import SharedPrompt
from synth.config import PoolSettings
from synth.produce.pool import Demonstration, ExamplePool, Rounds, demonstration
from synth.produce.prompting import Prompter
from synth.records import Candidate


@dataclass(frozen=True, slots=True)
class SharedPrompts:
    """What the candidates of one example group have in common, for both steps."""

    write: SharedPrompt
    converse: SharedPrompt
    example_ids: tuple[str, ...]


class Rotation:
    """Hands out the shared prompts of each round and turns finished rounds into new pools.

    Memory is bounded by the two or three rounds that can be open at once.
    """

    def __init__(self, prompter: Prompter, settings: PoolSettings, run_seed: int) -> None:
        self._prompter = prompter
        self._rounds = Rounds(settings.round_size)
        self._settings = settings
        name = prompter.ability.name
        self._pool = ExamplePool(prompter.own_examples(), settings, run_seed, name)
        self._shared: dict[int, list[SharedPrompts]] = {}
        self._passed: dict[int, dict[int, Demonstration]] = {}
        self._done: dict[int, int] = {}
        self._advanced = asyncio.Event()

    @property
    def replaced(self) -> int:
        """How many examples were replaced so far."""
        return self._pool.replaced

    def round_of(self, index: int) -> int:
        return self._rounds.of(index)

    async def prompts(self, index: int) -> SharedPrompts:
        """The shared prompts of a candidate; waits until the pool of its round is known."""
        round_ = self._rounds.of(index)
        while round_ > self._pool.newest_round:
            self._advanced.clear()
            await self._advanced.wait()
        if round_ not in self._shared:
            self._shared[round_] = [self._prompts_of(group) for group in self._pool.groups(round_)]
        position = index - self._rounds.start(round_)
        # contiguous blocks, so that a small server keeps one prefix warm at a time
        group = position * self._settings.groups // self._rounds.size(round_)
        return self._shared[round_][group]

    def text_done(self, candidate: Candidate) -> None:
        """The text of a candidate got its verdict; the last one of a round makes a new pool."""
        round_ = self._rounds.of(candidate.index)
        self._done[round_] = self._done.get(round_, 0) + 1
        if candidate.text_passed:
            added = self._prompter.ability.prompt.added
            told = demonstration(candidate, added)
            if all(told.keywords):  # an example of a picture of which the model wrote nothing teaches to write nothing
                self._passed.setdefault(round_, {})[candidate.index] = told
        while self._done.get(self._pool.newest_round - 1, 0) == self._rounds.size(self._pool.newest_round - 1):
            finished = self._pool.newest_round - 1
            del self._done[finished]
            passed = self._passed.pop(finished, {})
            self._pool.advance([passed[i] for i in sorted(passed)])
            self._shared.pop(finished, None)
            self._advanced.set()

    def _prompts_of(self, group: list[Demonstration]) -> SharedPrompts:
        return SharedPrompts(
            write=self._prompter.write_shared(group),
            converse=self._prompter.converse_shared(group),
            example_ids=tuple(example.id for example in group),
        )
