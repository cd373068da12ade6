"""What a run's ledger says, gathered in one pass over its candidates with flat memory.

Only the candidates that are shown are kept whole; everything else becomes counters of bounded size.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synth.abilities import Ability
from synth.catalog import Catalog
from synth.config import RunConfig
from synth.errors import SynthError
from synth.ledger import Ledger
from synth.produce.redecide import Layer
from synth.records import Candidate, Origin
from synth.report.counting import Distinct, Histogram, Tops, evenly, shares
from synth.run.chains import layers_of
from synth.run.folder import frozen_config
from synth.run.reading import deciding_verdict, scores_of
from synth.run.standing import Standings, kept_states
from synth.text import normalise

GALLERY = 60
REJECTED = 90
REJECTED_EACH = 3
FIRST = 200
MARGIN = "own prompt ahead of the siblings', lowest"
_FIRST_ROUNDS, _LAST_ROUNDS = 6, 4
_STAGES = {"prompt": 1, "dialogue": 3, "image": 5}
_STEPS = {"write": 0, "converse": 2}


@dataclass
class StepFacts:
    """What the requests of one step (write, converse) cost."""

    calls: int = 0
    repeats: int = 0
    problems: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


@dataclass
class TimeFacts:
    count: int = 0
    seconds: float = 0.0


@dataclass
class SlotFacts:
    """How evenly a plan slot was drawn: among all candidates, and among the samples."""

    bank: str = ""
    size: int | None = None
    entries: tuple[str, ...] = ()
    tried: Tops = field(default_factory=Tops)
    kept: Tops = field(default_factory=Tops)

    @property
    def used(self) -> int:
        """How many entries of the bank are in the samples."""
        if self.entries:
            return sum(1 for text in self.entries if self.kept.counts[text])
        return len(self.kept.counts)

    @property
    def least(self) -> list[tuple[str, int]]:
        """Entries by how seldom they are in the samples, seldom first."""
        known = self.entries or tuple(self.tried.counts)
        return sorted(((text, self.kept.counts[text]) for text in known), key=lambda pair: pair[1])

    @property
    def unused(self) -> int:
        return len(self.entries) - self.used if self.entries else 0


@dataclass
class RoundFacts:
    number: int
    candidates: int = 0
    examples: dict[str, None] = field(default_factory=dict)


@dataclass
class Diversity:
    """Different subjects, prompts, questions and answers among the samples and their pictures."""

    samples: int = 0
    pictures: int = 0
    subjects: Distinct = field(default_factory=Distinct)
    prompts: Distinct = field(default_factory=Distinct)
    questions: Distinct = field(default_factory=Distinct)
    answers: Distinct = field(default_factory=Distinct)

    def add(self, candidate: Candidate, subjects: Iterable[str]) -> None:
        self.samples += 1
        self.pictures += len(candidate.images)
        for subject in subjects:
            self.subjects.add(subject)
        for image in candidate.images:
            self.prompts.add("|".join(sorted(map(normalise, image.keywords))))
        for question in candidate.questions:
            self.questions.add(question)
        for answer in candidate.answers:
            self.answers.add(normalise(answer))


@dataclass
class AbilityFacts:
    """Everything the page says about one ability."""

    name: str
    wanted: int
    title: str = ""
    note: str = ""
    tried: int = 0
    samples: int = 0
    surplus: int = 0
    waiting: int = 0
    out: int = 0
    back: int = 0
    dropped: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    checks: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    origins: Counter[Origin] = field(default_factory=Counter)
    drawn_anew: int = 0
    scores: dict[str, Histogram] = field(default_factory=dict)
    slots: dict[str, SlotFacts] = field(default_factory=dict)
    subject_slot: str = ""
    diversity: Diversity = field(default_factory=Diversity)
    first: Diversity = field(default_factory=Diversity)
    openings: Tops = field(default_factory=Tops)
    question_pool: int | None = None
    rounds: int = 0
    first_rounds: list[RoundFacts] = field(default_factory=list)
    last_rounds: deque[RoundFacts] = field(default_factory=lambda: deque(maxlen=_LAST_ROUNDS))
    fresh: Distinct = field(default_factory=Distinct)
    gallery: list[Candidate] = field(default_factory=list)
    rejected: dict[tuple[int, str, str, str], list[Candidate]] = field(default_factory=dict)

    @property
    def shown_rounds(self) -> list[RoundFacts]:
        return [*self.first_rounds, *self.last_rounds]


@dataclass
class Facts:
    """What the page is made of."""

    config: RunConfig
    identity: dict[str, Any]
    text_only: bool
    layers: list[Layer] = field(default_factory=list)
    abilities: list[AbilityFacts] = field(default_factory=list)
    steps: dict[str, StepFacts] = field(default_factory=dict)
    times: dict[str, TimeFacts] = field(default_factory=dict)
    repairs: Tops = field(default_factory=lambda: Tops(200))
    problems: Tops = field(default_factory=lambda: Tops(500))
    modes: Tops = field(default_factory=lambda: Tops(20))

    @property
    def samples(self) -> int:
        return sum(one.samples for one in self.abilities)

    @property
    def tried(self) -> int:
        return sum(one.tried for one in self.abilities)

    @property
    def wanted(self) -> int:
        return sum(one.wanted for one in self.abilities)

    @property
    def origins(self) -> Counter[Origin]:
        return sum((one.origins for one in self.abilities), Counter())

    @property
    def drawn_anew(self) -> int:
        return sum(one.drawn_anew for one in self.abilities)


def gather(ledger: Ledger) -> Facts:
    """Read the ledger once."""
    config = frozen_config(ledger)
    identity = ledger.meta("identity") or {}
    facts = Facts(config, identity, text_only=not identity.get("renderer"), layers=layers_of(ledger))
    counts: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in config.abilities}
    for ability, state, decided_by, count in ledger.funnel():
        counts.setdefault(ability, Counter())[state, decided_by] += count
    kept = kept_states(identity)
    available = {
        name: min(sum(c for (state, _), c in of.items() if state in kept), config.abilities.get(name, 0))
        for name, of in counts.items()
    }
    gallery = shares(available, GALLERY)
    rejections = _rejections(counts)
    catalog = _catalog(config)
    for name, of in counts.items():
        one = AbilityFacts(name, config.abilities.get(name, 0))
        _describe(one, catalog, identity)
        facts.abilities.append(one)
        positions = {key: evenly(of[key], rejections.get((name, *key), 0)) for key in of}
        standings = Standings(ledger, identity, name, one.wanted)
        reader = _Reader(facts, one, standings, evenly(available[name], gallery[name]), positions)
        for candidate in ledger.candidates(name):
            reader.read(candidate)
    return facts


def _rejections(counts: dict[str, Counter[tuple[str, str]]]) -> dict[tuple[str, str, str], int]:
    """How many examples to show of each way to be dropped; of too many ways, the most frequent."""
    ways = Counter(
        {
            (name, *key): count
            for name, of in counts.items()
            for key, count in of.items()
            if key[0] in ("rejected", "failed")
        }
    )
    each = max(1, min(REJECTED_EACH, REJECTED // max(1, len(ways))))
    return {way: min(each, count) for way, count in ways.most_common(REJECTED)}


class _Reader:
    """Adds the candidates of one ability, in index order, to the facts."""

    def __init__(
        self,
        facts: Facts,
        one: AbilityFacts,
        standings: Standings,
        gallery: frozenset[int],
        rejected: dict[tuple[str, str], frozenset[int]],
    ) -> None:
        self._facts = facts
        self._one = one
        self._standings = standings
        self._gallery = gallery
        self._rejected = rejected
        self._dropped_so_far: Counter[tuple[str, str]] = Counter()

    def read(self, candidate: Candidate) -> None:
        one = self._one
        one.tried += 1
        self._requests(candidate)
        self._verdicts(candidate)
        self._round(candidate)
        for plan in (candidate.plan, *candidate.picture_plans):
            for name, entry in plan.items():
                one.slots.setdefault(name, SlotFacts()).tried.add(entry.text)
        if candidate.decisions:
            was, now = candidate.decisions[0].state == "accepted", candidate.decisions[-1].state == "accepted"
            one.out += was and not now
            one.back += now and not was
        standing = self._standings.of(candidate)
        if standing == "sample" and one.samples < one.wanted:
            self._sample(candidate)
        elif standing in ("sample", "surplus"):  # a run that goes on meanwhile may have found more than n
            one.surplus += 1
        elif standing == "waiting":
            one.waiting += 1
        else:
            self._drop(candidate)

    def _sample(self, candidate: Candidate) -> None:
        one = self._one
        if one.samples in self._gallery:
            one.gallery.append(candidate)
        one.samples += 1
        one.origins.update(image.origin for image in candidate.images)
        one.drawn_anew += sum(image.attempts > 1 for image in candidate.images)
        for plan in (candidate.plan, *candidate.picture_plans):
            for name, entry in plan.items():
                one.slots[name].kept.add(entry.text)
        plans = [candidate.plan_of(number) for number in range(len(candidate.picture_plans))] or [candidate.plan]
        subjects = [normalise(plan[one.subject_slot].text) for plan in plans if one.subject_slot in plan]
        for diversity in (one.diversity, one.first) if one.samples <= FIRST else (one.diversity,):
            diversity.add(candidate, subjects)
        for answer in candidate.answers:
            one.openings.add(" ".join(answer.split()[:3])[:60])
        self._scores(candidate)

    def _scores(self, candidate: Candidate) -> None:
        """Those of a sample count once, those of its pictures once each."""
        given, histograms = scores_of(candidate), self._one.scores
        for name, score in given.whole.items():
            histograms.setdefault(name, Histogram()).add(score)
        for scores in given.pictures.values():
            for name, score in scores.items():
                histograms.setdefault(f"each picture: {name}", Histogram("pictures")).add(score)
        if given.margin is not None:
            histograms.setdefault(MARGIN, Histogram()).add(given.margin)

    def _drop(self, candidate: Candidate) -> None:
        key = (candidate.state or "", candidate.decided_by)
        way = _way(candidate)
        self._one.dropped[way] += 1
        if self._dropped_so_far[key] in self._rejected.get(key, ()):
            self._one.rejected.setdefault(way, []).append(candidate)
        self._dropped_so_far[key] += 1

    def _verdicts(self, candidate: Candidate) -> None:
        for verdict in candidate.verdicts_now:
            place = _STAGES.get(verdict.stage, 9)
            self._one.checks[place, verdict.stage, verdict.filter, verdict.outcome] += 1

    def _requests(self, candidate: Candidate) -> None:
        facts = self._facts
        for call in candidate.calls:
            step = facts.steps.setdefault(call.step, StepFacts())
            step.calls += 1
            step.repeats += call.attempt > 0
            step.problems += bool(call.problem)
            step.prompt_tokens += call.prompt_tokens
            step.cached_tokens += call.cached_tokens
            step.completion_tokens += call.completion_tokens
            step.seconds += call.seconds
            for repair in call.repairs:
                facts.repairs.add(repair)
            if call.problem:
                facts.problems.add(call.problem[:160])
            if call.mode:
                facts.modes.add(call.mode)
        for name, seconds in candidate.seconds.items():
            time = facts.times.setdefault(name, TimeFacts())
            time.count += 1
            time.seconds += seconds

    def _round(self, candidate: Candidate) -> None:
        one = self._one
        rounds = one.last_rounds or one.first_rounds
        newest = rounds[-1] if rounds else RoundFacts(-1)
        if newest.number != candidate.round:
            newest = RoundFacts(candidate.round)
            one.rounds += 1
            (one.first_rounds if one.rounds <= _FIRST_ROUNDS else one.last_rounds).append(newest)
        newest.candidates += 1
        for example in candidate.examples:
            if len(newest.examples) < 100:
                newest.examples[example] = None
            if is_fresh(example):
                one.fresh.add(example)


def is_fresh(example: str) -> bool:
    """Whether an in-context example is an earlier candidate and not one of the template's own."""
    return "/template/" not in example


def _way(candidate: Candidate) -> tuple[int, str, str, str]:
    """Where in its life and by whom a candidate was dropped: (order, state, name, stage)."""
    if candidate.state == "failed":
        return _STEPS.get(candidate.decided_by, 4), "failed", candidate.decided_by, ""
    verdict = deciding_verdict(candidate)
    stage = verdict.stage if verdict is not None else ""
    return _STAGES.get(stage, 9), "rejected", candidate.decided_by, stage


def _catalog(config: RunConfig) -> Catalog | None:
    try:
        catalog = Catalog(config.plugin_dirs)
        catalog.names(), catalog.bank_names()
    except SynthError:  # a plugin dir of the run is not on this machine
        return None
    return catalog


def _describe(one: AbilityFacts, catalog: Catalog | None, identity: dict[str, Any]) -> None:
    """Add what only the template and its banks know; a report needs neither to be installed."""
    made_with = identity.get("abilities", {}).get(one.name, {})
    ability: Ability | None = None
    if catalog is not None:
        try:
            ability = catalog.ability(one.name)
        except SynthError:
            ability = None
    if ability is None or catalog is None:
        one.note = "Its template is not installed here, so the sizes of its keyword banks are unknown."
        return
    one.title, one.question_pool = ability.title, len(ability.questions)
    one.subject_slot = ability.prompt.subject
    if ability.digest != made_with.get("template"):
        one.note = "Its template has changed since this run."
    banks = catalog.banks_of(ability)
    for _, name, slot in ability.slots():
        facts = one.slots[name] = SlotFacts()
        if slot.bank is not None:
            bank = banks[slot.bank]
            facts.bank = slot.bank
            if bank.digest == made_with.get("banks", {}).get(slot.bank):
                facts.entries = tuple(entry.text for entry in bank.entries)
            else:
                facts.bank += " (changed since)"
        elif slot.values is not None:
            facts.bank = "list in the template"
            facts.entries = () if one.note else tuple(slot.values)
        else:
            facts.bank = "made from other slots"
        facts.size = len(facts.entries) or None
