"""Rounds and the rotating pool of in-context examples (StableLLaVA, section 4.3).

The paper "periodically substitutes a portion of the original in-context examples with newly
generated data". Here a round is a fixed block of candidate indices that share one frozen pool, and
the pool of round r is a function of the template's own examples and of the candidates of rounds
<= r-2 that passed all text filters. So two rounds can be written at once, verdicts on images never
change what is written, and a resumed run rebuilds the same pools.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice

from synth.config import PoolSettings
from synth.english.sentences import sentences
from synth.english.words import words
from synth.records import Candidate, Entry, Turn, without_placeholders
from synth.seeding import generator
from synth.text import all_stems

FIRST_ROUND = 8
#: with so many words a sentence has shown its habit: "I would like", "Both images show"
_OPENING = 3


class Rounds:
    """The layout of rounds: 8, 8, 16, 32, ... candidates up to `round_size`, so that small runs
    rotate their examples too and large runs keep many candidates in flight."""

    def __init__(self, round_size: int) -> None:
        self._cap = round_size
        self._starts = [0]

    def of(self, index: int) -> int:
        """The round of a candidate index."""
        while self._starts[-1] <= index:
            self._starts.append(self._starts[-1] + self.size(len(self._starts) - 1))
        return bisect_right(self._starts, index) - 1

    def start(self, round_: int) -> int:
        """The first index of a round that `of` has returned."""
        return self._starts[round_]

    def size(self, round_: int) -> int:
        return min(self._cap, FIRST_ROUND << min(max(round_ - 1, 0), 20))


@dataclass(frozen=True)
class Demonstration:
    """A candidate as the model is told of it, or shown as an in-context example: what was asked and what was
    answered. `keywords` are those of each picture."""

    id: str
    plan: dict[str, Entry]
    picture_plans: list[dict[str, Entry]]
    facts: dict[str, str]
    keywords: list[list[str]]
    question: str
    turns: list[Turn]
    fresh: bool = False

    @cached_property
    def stems(self) -> frozenset[str]:
        return all_stems(keyword for own in self.keywords for keyword in own)

    @cached_property
    def openings(self) -> frozenset[tuple[str, ...]]:
        """The first words of each sentence that the model wrote, and who says it: the habits of a dialogue, whatever
        it is about."""
        found = set()
        for turn in self.turns:
            text = without_placeholders(turn.text)
            if turn.role == "assistant" or text != self.question:  # a question of the template's pool is a person's
                found |= {(turn.role, *words(text[begin:end])[:_OPENING]) for begin, end in sentences(text)}
        return frozenset(found)


def demonstration(candidate: Candidate, leave_out: Sequence[str]) -> Demonstration:
    """What is to be told of a candidate. `leave_out` names slots whose words our code added to the keywords and
    the model is not meant to write."""
    keywords = []
    for number, image in enumerate(candidate.images):
        plan = candidate.plan_of(number)
        added = {plan[slot].text for slot in leave_out if slot in plan}
        keywords.append([keyword for keyword in image.keywords if keyword not in added])
    return Demonstration(
        id=candidate.id,
        plan=candidate.plan,
        picture_plans=candidate.picture_plans,
        facts=candidate.facts,
        keywords=keywords,
        question=candidate.question,
        turns=candidate.turns,
        fresh=True,
    )


class ExamplePool:
    """The examples in use, round by round.

    Call `advance` once per finished round, in order; `groups(r)` is then available for rounds up
    to two beyond the last finished one.
    """

    def __init__(self, own: Sequence[Demonstration], settings: PoolSettings, *seed: str | int) -> None:
        self._settings = settings
        self._seed = seed
        order = list(own)
        generator(*seed, "pool").shuffle(order)
        first = tuple(order[: settings.size])
        # pools[r] for the rounds that can still be asked for; rounds 0 and 1 see the first pool
        self._pools: dict[int, tuple[Demonstration, ...]] = {0: first, 1: first}
        self._finished = 0
        self.replaced = 0

    @property
    def newest_round(self) -> int:
        """The highest round whose pool is known."""
        return self._finished + 1

    def groups(self, round_: int) -> list[list[Demonstration]]:
        """The example groups of a round, in fixed order.

        Each has as many fresh examples as their share in the pool allows, and with more than one example at least one
        that is hand-written: fresh ones alone would pass on what they have in common, whatever the template says.
        """
        pool = list(self._pools[round_])
        generator(*self._seed, "groups", round_).shuffle(pool)
        fresh = [one for one in pool if one.fresh]
        own = [one for one in pool if not one.fresh]
        width = min(self._settings.examples_per_group, len(pool))
        most = max(1, width - 1) if own else width
        next_fresh, next_own = cycle(fresh), cycle(own)
        made = []
        for group in range(self._settings.groups):
            due, had = (number * width * len(fresh) // len(pool) for number in (group + 1, group))
            count = min(due - had, most)
            made.append([*islice(next_fresh, count), *islice(next_own, width - count)])
        return made

    def advance(self, fresh: Sequence[Demonstration]) -> None:
        """Finish the next round with the candidates that passed its text filters, in index order.

        Replaces up to `portion` of the pool. Newcomers are chosen greedily to be far from what stays, in what
        they are about and in how they begin to speak of it; who leaves is a hand-written example until `max_fresh` is
        reached, then the oldest fresh one. O(portion * size * len(fresh)).
        """
        pool = list(self._pools[self._finished + 1])
        wanted = round(self._settings.portion * len(pool))
        limit = int(self._settings.max_fresh * len(pool))
        apart = [[_distance(option, one) for one in pool] for option in fresh]  # from each place in the pool
        options = list(range(len(fresh)))
        for _ in range(min(wanted, limit, len(options))):
            places = range(len(pool))
            old_fresh = [place for place in places if pool[place].fresh]
            leaves = old_fresh[0] if len(old_fresh) >= limit else next(p for p in places if not pool[p].fresh)
            del pool[leaves]
            for option in options:
                del apart[option][leaves]
            best = max(options, key=lambda option: min(apart[option], default=2.0))
            options.remove(best)
            pool.append(fresh[best])
            for option in options:
                apart[option].append(_distance(fresh[option], fresh[best]))
            self.replaced += 1
        self._finished += 1
        self._pools[self._finished + 1] = tuple(pool)
        self._pools.pop(self._finished - 2, None)


def _distance(one: Demonstration, other: Demonstration) -> float:
    """0 to 2: the Jaccard distance of their keywords, and that of how their sentences begin."""
    return _jaccard(one.stems, other.stems) + _jaccard(one.openings, other.openings)


def _jaccard(a: AbstractSet[object], b: AbstractSet[object]) -> float:
    common = len(a & b)
    return 1 - common / (len(a) + len(b) - common or 1)
