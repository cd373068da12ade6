"""What the data set takes of a ledger, said once for all who write, count or show it.

Per ability the samples are the first n good candidates by index. Whatever is good beyond the n-th is
surplus, also where its picture was never made; before it, a text without its picture is still in work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from synth.ledger import Ledger
from synth.records import Candidate, State

Standing = Literal["sample", "surplus", "waiting", "rejected", "failed"]


def kept_states(identity: Mapping[str, Any]) -> tuple[State, ...]:
    """The states of candidates that are good: in a run without a renderer a text is enough."""
    return ("accepted", "surplus") if identity.get("renderer") else ("accepted", "surplus", "text_ok")


class Standings:
    """Tells candidates of one ability apart. `wanted` is n; 0 for an ability that is not wanted any more."""

    def __init__(self, ledger: Ledger, identity: Mapping[str, Any], ability: str, wanted: int) -> None:
        self.kept = kept_states(identity)
        #: the index behind which everything good is surplus; None: all that is good is wanted
        self.last = ledger.nth_index(ability, self.kept, wanted) if wanted else -1

    def of(self, candidate: Candidate) -> Standing:
        state = candidate.state
        if state in ("rejected", "failed"):
            return state
        if self.last is not None and candidate.index > self.last:
            return "surplus"
        return "sample" if state in self.kept else "waiting"


def has_several(identity: Mapping[str, Any]) -> bool:
    """Whether a run of that identity makes samples of several pictures: only then it says how often one is drawn."""
    return "picture_attempts" in identity
