"""Small pieces of a candidate's life that writing and illustrating share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from synth.ledger import Ledger
from synth.records import Candidate, Verdict


class Dropped(Exception):
    """The candidate's life ends here; its state says why."""


def drop_if(verdict: Verdict | None, candidate: Candidate) -> None:
    """Reject the candidate and end its life if a filter failed it."""
    if verdict is not None:
        candidate.reject(verdict.filter, verdict.reason)
        raise Dropped


@contextmanager
def timed(candidate: Candidate, step: str) -> Iterator[None]:
    """Add to the wall time of a step, waiting included."""
    began = time.perf_counter()
    try:
        yield
    finally:
        candidate.seconds[step] = round(candidate.seconds.get(step, 0.0) + time.perf_counter() - began, 4)


#: rows read at a time: a cursor that stays open would keep SQLite from emptying its log
_PAGE = 256


class Saved:
    """The committed candidates of an ability, taken in index order; holds one page at a time."""

    def __init__(self, ledger: Ledger, ability: str) -> None:
        self._rows = self._pages(ledger, ability)
        self._next = next(self._rows, None)

    @staticmethod
    def _pages(ledger: Ledger, ability: str) -> Iterator[Candidate]:
        start = 0
        while page := list(ledger.candidates(ability, start=start, limit=_PAGE)):
            yield from page
            start = page[-1].index + 1

    def take(self, index: int) -> Candidate | None:
        """The candidate of that index if it is committed; ask with growing indices."""
        found = self._next
        if found is None or found.index != index:
            return None
        self._next = next(self._rows, None)
        return found
