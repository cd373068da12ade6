"""The filter interface and the chain that runs an ability's filters.

The author of a filter writes one method, `check`, and says at which stages it runs. The base
class times and counts; the chain records a verdict for every filter that was asked, so nothing is
dropped without a name, a reason and, where there is one, a score.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ValidationError

from synth.errors import BackendError, SynthError, dotted
from synth.records import Candidate, Outcome, Record, Sample, Stage, Verdict

if TYPE_CHECKING:
    from synth.abilities import Ability
    from synth.backends.render.base import Rendered
    from synth.banks import KeywordBank

#: what a template demands and relies on a filter to verify: the rules of its `restrictions`, what questions ask for
Demand = Literal["rules", "asks"]


@dataclass(frozen=True, slots=True)
class Result:
    """What `Filter.check` returns; make it with `passed`, `failed` or `not_run`."""

    outcome: Outcome
    reason: str = ""
    score: float | None = None
    picture: int | None = None


_PASSED = Result("pass")


def passed(score: float | None = None) -> Result:
    return _PASSED if score is None else Result("pass", "", score)


def failed(reason: str, score: float | None = None, picture: int | None = None) -> Result:
    """`picture` is the number (from 0) of the picture that the sample fails for: it is drawn again, and
    the others are kept."""
    return Result("fail", reason, score, picture)


def not_run(reason: str) -> Result:
    """The filter could not judge (no scorer, no picture); the sample is kept and says so."""
    return Result("not_run", reason)


@dataclass(slots=True)
class FilterStats:
    """Counters of one filter in this process, for the funnel and the profile."""

    counts: dict[Outcome, int] = field(default_factory=lambda: {"pass": 0, "fail": 0, "not_run": 0})
    seconds: float = 0.0


class NoOptions(Record):
    """Options of a filter that has none."""


class Filter(ABC):
    """Base class of filters, registered in the entry-point group `synth.filters`.

    A filter whose verdict depends on earlier candidates sets `ordered`: it is then asked in index
    order and told through `remember` about every candidate that passed the whole stage, so that
    its verdicts do not depend on concurrency and can be rebuilt from the ledger.
    """

    #: set by the chain to the name under which the plugin is registered
    name: str = ""
    #: raised when the filter judges differently; a run is not gone on with under another one
    version: ClassVar[int] = 1
    stages: ClassVar[tuple[Stage, ...]]
    ordered: ClassVar[bool] = False
    Options: ClassVar[type[Record]] = NoOptions
    #: options that `synth refilter` may change later, because `check_again` needs no picture
    again: ClassVar[frozenset[str]] = frozenset()
    #: set by the engine: what the run's scorer says a score must exceed to be a match, if it says so
    scorer_threshold: float | None = None
    #: set by `build_chain` before the first check: the keyword banks that the ability draws from, by name
    vocabulary: Mapping[str, KeywordBank] = MappingProxyType({})

    def __init__(self, options: Any, ability: Ability) -> None:
        self.options = options
        self.ability = ability
        self.stats = FilterStats()

    @abstractmethod
    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        """Judge one candidate. `pictures` holds its rendered images at stage "image"."""

    def sources(self) -> list[str]:
        """The plan slots, their facts (`subject.place`) and the written facts that the options name.

        They are checked before a run: of a source that is not there a filter would have nothing to say.
        """
        return []

    def banks(self) -> list[str]:
        """The keyword banks that the options name; the ability must draw from them, or a run does not start."""
        return []

    def verifies(self) -> set[Demand]:
        """What the template demands and this filter checks; what none does is a note of `synth abilities check`."""
        return set()

    def check_batch(
        self, candidates: Sequence[Candidate], stage: Stage, pictures: Sequence[Sequence[Rendered]]
    ) -> list[Result]:
        """Judge several at once; worth overriding where a batch is cheaper than its parts."""
        return [self.check(one, stage, own) for one, own in zip(candidates, pictures, strict=True)]

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result | None:
        """Judge at stage "image" by what is recorded, without the pictures; None where that cannot be done.

        `said` is the verdict that was given with the pictures at hand, or None if it was never asked for.
        """
        return None

    def remember(self, candidate: Candidate, stage: Stage) -> None:
        """Called in index order for each candidate that passed `stage` (ordered filters only)."""

    def remember_dataset(self, samples: Iterable[Sample]) -> None:
        """Called before the run with an existing data set that new data must not repeat."""

    def judge(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered], attempt: int) -> Verdict:
        """`check`, timed, counted and turned into a verdict appended to the candidate."""
        began = time.perf_counter()
        try:
            verdict = self._verdict(self.check(candidate, stage, pictures), candidate, stage, attempt)
        except SynthError:
            raise
        except Exception as error:  # a filter may be anybody's code
            raise self._broken(error, candidate.id, stage) from error
        self.stats.seconds += time.perf_counter() - began
        candidate.verdicts.append(verdict)
        return verdict

    def judge_batch(
        self,
        candidates: Sequence[Candidate],
        stage: Stage,
        pictures: Sequence[Sequence[Rendered]],
        attempts: Sequence[int],
    ) -> list[Verdict]:
        """`check_batch`, timed, counted and turned into verdicts appended to the candidates."""
        began = time.perf_counter()
        try:
            results = self.check_batch(candidates, stage, pictures)
            if len(results) != len(candidates):
                raise ValueError(f"{len(results)} results for {len(candidates)} candidates")
            judged = zip(results, candidates, attempts, strict=True)
            verdicts = [self._verdict(result, candidate, stage, at) for result, candidate, at in judged]
        except SynthError:
            raise
        except Exception as error:  # a filter may be anybody's code
            raise self._broken(error, ", ".join(one.id for one in candidates), stage) from error
        self.stats.seconds += time.perf_counter() - began
        for candidate, verdict in zip(candidates, verdicts, strict=True):
            candidate.verdicts.append(verdict)
        return verdicts

    def _verdict(self, result: Result, candidate: Candidate, stage: Stage, attempt: int) -> Verdict:
        """Counts the result. It is not taken on trust: a score may be an integer, or of numpy."""
        if result.picture is not None and result.picture not in range(len(candidate.images)):
            raise ValueError(f"picture {result.picture} of {len(candidate.images)}, counted from 0")
        self.stats.counts[result.outcome] += 1
        return Verdict(
            filter=self.name,
            stage=stage,
            outcome=result.outcome,
            reason=str(result.reason),
            score=None if result.score is None else float(result.score),
            attempt=attempt,
            picture=result.picture,
        )

    def _broken(self, error: Exception, candidate: str, stage: Stage) -> BackendError:
        return BackendError(
            f"The filter '{self.name}' failed on {candidate} (stage {stage}): {type(error).__name__}: {error}",
            "That is a bug of the filter. Correct it or update its package, then run the same command "
            "again: what was committed is kept.",
        )


class Chain:
    """The filters of one ability in the order of its YAML file. The first failure decides."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        self.filters = tuple(filters)
        stages: tuple[Stage, ...] = ("prompt", "dialogue", "image")
        self._plain = {s: [f for f in filters if s in f.stages and not f.ordered] for s in stages}
        self._ordered = {s: [f for f in filters if s in f.stages and f.ordered] for s in stages}

    def scored_by(self, threshold: float | None) -> None:
        """Tell the filters what the run's scorer says a score must exceed."""
        for one in self.filters:
            one.scorer_threshold = threshold

    def check(
        self,
        candidate: Candidate,
        stage: Stage,
        pictures: Sequence[Rendered] = (),
        attempt: int = 0,
    ) -> Verdict | None:
        """Run the filters that look at one candidate alone; the failing verdict, or None."""
        return self._run(self._plain[stage], candidate, stage, pictures, attempt)

    def check_pictures(
        self, candidates: Sequence[Candidate], pictures: Sequence[Sequence[Rendered]], attempts: Sequence[int]
    ) -> list[Verdict | None]:
        """Run the image filters over several candidates; each one's first failing verdict, or None. `attempts`
        counts how often a picture of each was drawn again.

        The filters behind a failure that `synth refilter` may take back are asked all the same: a
        candidate that comes back must have been seen by all of them.
        """
        failing: list[Verdict | None] = [None] * len(candidates)
        alive = list(range(len(candidates)))
        for one in self._plain["image"]:
            if not alive:
                break
            verdicts = one.judge_batch(
                [candidates[at] for at in alive],
                "image",
                [pictures[at] for at in alive],
                [attempts[at] for at in alive],
            )
            said = dict(zip(alive, verdicts, strict=True))
            for at, verdict in said.items():
                if verdict.outcome == "fail" and failing[at] is None:
                    failing[at] = verdict
            if not one.again:
                alive = [at for at in alive if said[at].outcome != "fail"]
        return failing

    @property
    def image_filters(self) -> tuple[Filter, ...]:
        return tuple(self._plain["image"])

    def check_in_order(self, candidate: Candidate, stage: Stage, attempt: int = 0) -> Verdict | None:
        """Run the ordered filters; call it in index order. What passes is remembered."""
        verdict = self._run(self._ordered[stage], candidate, stage, (), attempt)
        if verdict is None:
            self._remember(candidate, stage)
        return verdict

    def replay(self, candidate: Candidate, stage: Stage) -> None:
        """Put a candidate of an earlier process back into the memory of the ordered filters."""
        ordered = {f.name for f in self._ordered[stage]}
        asked = [v for v in candidate.verdicts if v.stage == stage and v.filter in ordered]
        if asked and all(v.outcome != "fail" for v in asked):
            self._remember(candidate, stage)

    def remember_dataset(self, read: Callable[[], Iterable[Sample]]) -> None:
        """Tell every filter about an existing data set; `read` starts a fresh pass over it."""
        for one in self.filters:
            one.remember_dataset(read())

    def _remember(self, candidate: Candidate, stage: Stage) -> None:
        for one in self._ordered[stage]:
            try:
                one.remember(candidate, stage)
            except Exception as error:
                raise one._broken(error, candidate.id, stage) from error

    @staticmethod
    def _run(
        filters: Sequence[Filter],
        candidate: Candidate,
        stage: Stage,
        pictures: Sequence[Rendered],
        attempt: int,
    ) -> Verdict | None:
        for one in filters:
            verdict = one.judge(candidate, stage, pictures, attempt)
            if verdict.outcome == "fail":
                return verdict
        return None


def build_chain(
    ability: Ability, classes: dict[str, type[Filter]], banks: Mapping[str, KeywordBank] | None = None
) -> Chain:
    """Make the filters an ability's YAML names; `classes` maps registered names to plugins.

    With the ability's `banks`, the banks and the facts that options name are looked for, too; filters that read
    the words of the banks (`Filter.vocabulary`) know none without.
    """
    filters = []
    for number, use in enumerate(ability.filters):
        cls = classes.get(use.name)
        place = ("filters", number, use.name)
        where = ability.where(place, f"filters: {use.name}")
        if cls is None:
            known = ", ".join(sorted(classes))
            raise SynthError(f"{where}: there is no such filter.", f"Installed filters: {known}.")
        if not (isinstance(cls, type) and issubclass(cls, Filter)):
            raise SynthError(
                f"{where}: what its package registers is not a filter class.",
                "A filter derives from synth.filtering.Filter.",
            )
        try:
            options = cls.Options.model_validate(use.options)
        except ValidationError as error:
            first = error.errors()[0]
            option = dotted(first["loc"]) or "options"
            raise SynthError(
                f"{ability.where((*place, *first['loc']), f'filters: {use.name}: {option}')}: {first['msg']}.",
                f"Options of this filter: {', '.join(cls.Options.model_fields) or 'none'}.",
            ) from error
        if cls.ordered and "image" in cls.stages:
            raise SynthError(
                f"{where}: an ordered filter cannot judge images.",
                "Pictures are finished in any order; give it the stages 'prompt' or 'dialogue'.",
            )
        built = cls(options, ability)
        built.name = use.name
        for source in built.sources():
            if problem := ability.source_problem(source, banks):
                raise SynthError(f"{where}: {problem}.", "Correct the name, or add the fact to the bank.")
        if banks is not None:
            built.vocabulary = banks
            for name in built.banks():
                if name not in banks:
                    raise SynthError(
                        f"{where}: the ability does not draw from the keyword bank '{name}'.",
                        f"Banks of this ability: {', '.join(sorted(banks)) or 'none'}.",
                    )
        filters.append(built)
    return Chain(filters)
