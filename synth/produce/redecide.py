"""Decides about candidates again by what is recorded of them, with other options of their filters.

`synth refilter` does it to a whole run. When the run goes on, every new candidate is first judged as
its template says, like all before it, and then by the newest layer; so the data set does not depend
on whether a candidate was made before or after the refilter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from synth.abilities import Ability
from synth.errors import SynthError
from synth.filtering import Chain, Filter, build_chain
from synth.records import Candidate, Decision, Record, Verdict

#: filter -> option -> value
Options = Mapping[str, Mapping[str, Any]]


class Layer(Record):
    """One `synth refilter`: the options it gave. All else is as the templates say."""

    number: int
    options: dict[str, dict[str, Any]]

    @property
    def text(self) -> str:
        """The options in words: "alignment.threshold = 0.28"."""
        said = [f"{name}.{key} = {value}" for name, own in self.options.items() for key, value in own.items()]
        return ", ".join(said) or "as the run itself decided"


class Redecider:
    """Gives candidates of one ability the decision of a layer."""

    def __init__(
        self,
        ability: Ability,
        chain: Chain,
        classes: dict[str, type[Filter]],
        scorer_threshold: float | None,
        layer: Layer,
    ) -> None:
        """`chain` is the ability's own; options of filters that it lacks are none of its business."""
        uses = [
            use.model_copy(update={"options": {**use.options, **layer.options.get(use.name, {})}})
            for use in ability.filters
        ]
        altered = build_chain(ability.model_copy(update={"filters": uses}), classes)
        altered.scored_by(scorer_threshold)
        #: candidates that only the pictures could tell more about; the run's own decision stays
        self.undecided = 0
        self._number = layer.number
        self._order = [one.name for one in chain.image_filters]
        self._anew = {one.name: one for one in altered.image_filters if one.name in layer.options}

    def apply(self, candidate: Candidate) -> bool:
        """Let the layer decide about the candidate; true if that says something new.

        Only candidates that the image filters have judged are decided about. What the run itself decided
        counts where a filter would have to see the pictures again.
        """
        if candidate.state not in ("accepted", "surplus", "rejected") or not candidate.text_passed:
            return False
        now = candidate.decisions[-1] if candidate.decisions else _own(candidate)
        first = candidate.decisions[0] if candidate.decisions else now
        decision = self._decide(candidate)
        if decision is None:
            self.undecided += 1
            decision = replace(first, layer=self._number)
        if replace(decision, layer=now.layer) == now:
            return False
        candidate.decisions = [*(candidate.decisions or [first]), decision]
        candidate.state, candidate.decided_by, candidate.reason = decision.state, decision.decided_by, decision.reason
        return True

    def _decide(self, candidate: Candidate) -> Decision | None:
        """What the layer says, or None where it cannot say: a filter did not judge and cannot do so now."""
        judged = [one for one in candidate.verdicts if one.stage == "image"]
        last = max((one.attempt for one in judged), default=0)  # the pictures of earlier ones are gone
        recorded = {one.filter: one for one in judged if one.attempt == last}
        verdicts: list[Verdict] = []
        failing: Verdict | None = None
        for name in self._order:
            said = recorded.get(name)
            if name in self._anew:
                result = self._anew[name].check_again(candidate, said)
                said = None
                if result is not None:
                    said = Verdict(
                        filter=name,
                        stage="image",
                        outcome=result.outcome,
                        reason=result.reason,
                        score=result.score,
                        attempt=last,
                        picture=result.picture,
                    )
                    if said != recorded.get(name):
                        verdicts.append(said)
            if failing is not None:
                continue
            if said is None:
                return None
            if said.outcome == "fail":
                failing = said
        if failing is None:
            return Decision(layer=self._number, state="accepted", verdicts=verdicts)
        return Decision(
            layer=self._number,
            state="rejected",
            decided_by=failing.filter,
            reason=failing.reason,
            verdicts=verdicts,
        )


def redecidable(classes: Mapping[str, type[Filter]]) -> list[str]:
    """FILTER.OPTION of all that can be changed later."""
    return sorted(f"{name}.{option}" for name, cls in classes.items() for option in getattr(cls, "again", ()))


def check_options(options: Options, abilities: Mapping[str, Ability], classes: Mapping[str, type[Filter]]) -> None:
    """Refuse options that no filter of these abilities has, that cannot be decided again, or with wrong values.

    Raises:
        SynthError: naming FILTER.OPTION.
    """
    used = {use.name for ability in abilities.values() for use in ability.filters}
    can = [name for name in redecidable(classes) if name.partition(".")[0] in used]
    fix = f"What can be decided again in this run: {', '.join(can) or 'nothing'}."
    for name, own in options.items():
        if name not in used or name not in classes:
            raise SynthError(f"No ability of this run has a filter '{name}'.", fix)
        for option, value in own.items():
            if option not in classes[name].Options.model_fields:
                raise SynthError(f"The filter '{name}' has no option '{option}'.", fix)
            if option not in classes[name].again:
                raise SynthError(
                    f"{name}.{option} cannot be decided again: the filter judges by more than is recorded, or what "
                    "came after it depends on its verdicts.",
                    f"{fix} For all else, change the template and generate into another folder.",
                )
            try:
                classes[name].Options.model_validate({option: value})
            except ValidationError as error:
                first = next((e for e in error.errors() if e["loc"][:1] == (option,)), None)
                if first is not None:
                    raise SynthError(f"{name}.{option} = {value}: {first['msg']}.", fix) from error


def _own(candidate: Candidate) -> Decision:
    """What the run itself decided, as layer 0. Surplus is no verdict: it depends on n."""
    state = "accepted" if candidate.state == "surplus" else candidate.state
    assert state is not None
    return Decision(layer=0, state=state, decided_by=candidate.decided_by, reason=candidate.reason)
