"""Helpers of the filter tests: chains made as a run makes them."""

from __future__ import annotations

from typing import Any

from synth import plugins
from synth.filtering import Chain, build_chain
from synth.records import Candidate, Stage, Verdict
from tests.doubles import ability


def chain(name: str, options: dict[str, Any] | None = None, **changes: Any) -> Chain:
    """The chain of the small ability with one filter."""
    classes, broken = plugins.load_all("synth.filters")
    assert not broken
    return build_chain(ability(filters=[{name: options} if options else name], **changes), classes)


def verdict(one: Chain, candidate: Candidate, stage: Stage, pictures: Any = ()) -> Verdict:
    """What the only filter of the chain says; a failure is what the chain reports, too."""
    before = len(candidate.verdicts)
    failing = one.check(candidate, stage, pictures)
    if stage != "image":
        failing = failing or one.check_in_order(candidate, stage)
    [found] = candidate.verdicts[before:]
    assert (failing is found) == (found.outcome == "fail")
    assert found.reason or found.outcome == "pass"
    return found
