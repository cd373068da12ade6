"""Checks what the model wrote against what was planned, by content words.

This is the text check of best-of-k: a reply that forgets the planned subject, or an answer about an
abnormal picture that does not say what is normal, is asked for again. It cannot prove an answer
right; it catches replies that talk about something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.english.inflection import stem
from synth.english.negation import NEGATION
from synth.english.vocabulary import BUT, NEAR, USUALLY
from synth.english.words import words
from synth.errors import SynthError
from synth.filtering import Demand, Filter, Result, failed, passed
from synth.records import Candidate, Entry, Record, Stage
from synth.text import all_stems, content_stems, covers

#: cut at marks and words alone: here it matters which words stand together, and not, as in `synth.english.clauses`,
#: which picture they speak of
_BREAKS = "|".join((*BUT, "because", "instead of", "rather than"))
_CLAUSE = re.compile(rf"[.,;:!?]|\b(?:{_BREAKS}|and)\b", re.IGNORECASE)
#: coarser: "two rockers and two feet" is one statement
_STATEMENT = re.compile(rf"[.;:!?]|\b(?:{_BREAKS})\b", re.IGNORECASE)
_NEGATION = re.compile(rf"{NEGATION}|\bimpossible\b", re.IGNORECASE)
_ABSENT = re.compile(rf"{_NEGATION.pattern}|\btoo \w+ to\b", re.IGNORECASE)
#: a negation with one of these speaks of the world, not of the picture: "a tree cannot drive"
_IN_GENERAL = re.compile(
    r"\b(?:impossible|cannot|can|could|would|should|never|nothing|nobody|normal\w*|usual\w*|typical\w*|real\w*|do|does)\b|(?:ca|could|would|should|do|does)n't",
    re.IGNORECASE,
)
_USUALLY = re.compile(rf"\b(?:{'|'.join(USUALLY)}|usual|normal|real|ordinary)\b", re.IGNORECASE)
#: "a normal X ...": X should be the subject
_A_NORMAL = re.compile(r"\ba (?:normal|ordinary|typical) (?!one\b)((?:\w+ ?){1,3})", re.IGNORECASE)
#: words an answer may always use; they say how things are, not what is in the picture. A list of its own: each word
#: more or less, such as "photograph", changes which share of an answer was planned
_FRAME = frozenset(
    stem(word)
    for word in """picture image photo scene shows seen see visible here there real really reality normal normally
    usual usually unusual strange odd weird funny absurd impossible abnormal surprising unreal typical typically
    ordinary always never only instead while because cannot would should could like look looks looking makes make
    made thing something part place different difference same life world way yes no""".split()  # noqa: SIM905
)
#: words that say where things are to each other, which an answer may add too
_WHERE = frozenset(
    stem(word)
    for word in (
        *NEAR,
        *"""stand lie lies lying hang sit rest cover put use serve set front around above below under middle
        distance""".split(),  # noqa: SIM905
    )
)
#: share of a step's words with which it has been said
_HALF = 0.5
#: share of an answer's words, with room for a "great" or a "now"
_NEARLY_ALL = 0.8


Share = Annotated[float, Field(ge=0, le=1)]


class GroundingOptions(Record):
    """Each mapping says which share (0 to 1) of the content words of a source must occur.

    A source is a plan slot (`subject`), a fact of one (`subject.place`) or a written fact.
    """

    written: float = Field(
        0.34, ge=0, le=1, description="share of each source that a written fact `uses` which it must contain"
    )
    written_avoids: float = Field(
        0.6, gt=0, le=1, description="share of a source that a written fact `avoids` which it must not reach"
    )
    answer: dict[str, Share] = Field(default_factory=dict, description="all answers together: {source: share}")
    answer_either: dict[str, Share] = Field(
        default_factory=dict, description="like `answer`, but one of the sources is enough"
    )
    turn: dict[str, Share] = Field(
        default_factory=dict,
        description="interleaved: like `answer`, but each answer by itself, of what was drawn for its own picture and "
        "not yet of a later one's",
    )
    asked: float = Field(
        0.0,
        ge=0,
        le=1,
        description="the answer to a question of the pool: share of each source that the question `asks` for",
    )
    apart: dict[str, list[str]] = Field(
        default_factory=dict,
        description="{source: others}: the answer must not give the others to the source",
    )
    never_deny: list[str] = Field(default_factory=list, description="sources that no clause of an answer may negate")
    never_absent: list[str] = Field(
        default_factory=list, description="sources that no clause of an answer may say are not in the picture"
    )
    never_usual: list[str] = Field(
        default_factory=list, description="sources that no clause of an answer may call normal"
    )
    peculiar: dict[str, str] = Field(
        default_factory=dict,
        description="{source: its reason}: no answer may say of a normal subject what both speak of",
    )
    only_planned: list[str] = Field(
        default_factory=list,
        description="words that an answer may have only where plan, facts, keywords or question do",
    )
    faithful: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of each answer's content words that plan, facts or keywords contain",
    )


class Grounding(Filter):
    """Fails written facts and answers that do not speak of what was planned."""

    stages = ("prompt", "dialogue")
    Options = GroundingOptions
    options: GroundingOptions

    def __init__(self, options: GroundingOptions, ability: Ability) -> None:
        super().__init__(options, ability)
        if options.turn and ability.form != "interleaved":
            raise SynthError(
                f"{ability.where(('filters',), 'filters: grounding: turn')}: it is for interleaved abilities.",
                "Use 'answer': in other forms the answers do not belong to a picture each.",
            )
        wrong = next((word for word in options.only_planned if len(words(word)) != 1 or not content_stems(word)), None)
        if wrong is not None:
            where = ability.where(("filters",), "filters: grounding: only_planned")
            raise SynthError(
                f"{where}: '{wrong}' is no word that carries meaning.",
                "Give single words, such as 'cause'; other forms of them count as well.",
            )
        self._subject = ability.prompt.subject

    def sources(self) -> list[str]:
        options = self.options
        named = [
            *options.answer,
            *options.answer_either,
            *options.turn,
            *options.apart,
            *options.peculiar,
            *options.peculiar.values(),
        ]
        named += [other for others in options.apart.values() for other in others]
        return [*named, *options.never_deny, *options.never_absent, *options.never_usual]

    def verifies(self) -> set[Demand]:
        return {"asks"} if self.options.asked else set()

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        if stage == "prompt":
            return self._written(candidate)
        text = " ".join(candidate.answers)
        problem = self._missing(candidate, text, self.options.answer)
        if problem:
            return failed(f"the answer {problem}")
        if self.options.asked and candidate.from_pool:
            for source in self.ability.asks(candidate.question):
                # "copper" is asked about, and says nothing of what copper looks like
                known = candidate.source(source.partition(".")[0]) if "." in source else ""
                problem = self._missing(candidate, text, {source: self.options.asked}, content_stems(known))
                if problem:
                    return failed(f"the answer {problem}, which is asked for")
        problem = self._unspoken(candidate)
        if problem:
            return failed(problem)
        either = self.options.answer_either
        if either and all(self._missing(candidate, text, {s: share}) for s, share in either.items()):
            return failed(f"the answer speaks of none of: {', '.join(either)}")
        for source, others in self.options.apart.items():
            for other in others:
                if self._joined(candidate, text, source, other):
                    return failed(f"the answer gives the {_label(candidate, other)} to the {_label(candidate, source)}")
        for source in self.options.never_deny:
            negative = _NEGATION.search(candidate.source(source))
            if not negative and self._clause_with(_NEGATION, None, candidate, source):
                return failed(f"the answer denies the {_label(candidate, source)}")
        if self.options.never_deny and self._denies_facts(candidate):
            return failed(f"the answer denies what is true: {', '.join(self.options.never_deny)}")
        for source in self.options.never_absent:
            if self._clause_with(_ABSENT, _IN_GENERAL, candidate, source, 0.4):
                return failed(f"the answer says there is no {_label(candidate, source)}")
        other = self._other_subject(candidate) if self.options.never_usual else ""
        if other:
            return failed(f"the answer says what is normal for something else: '{other}'")
        for source in self.options.never_usual:
            if self._clause_with(_USUALLY, _NEGATION, candidate, source, 0.5):
                return failed(f"the answer calls it normal: the {_label(candidate, source)}")
        for source, reason in self.options.peculiar.items():
            said = self._peculiar(candidate, source, reason)
            if said:
                return failed(f"the answer says it of a normal one: '{said}'")
        if not (self.options.only_planned or self.options.faithful):
            return passed()
        planned = _planned(candidate)
        asked = all_stems(candidate.questions)
        unplanned = all_stems(candidate.answers) - planned - (asked if candidate.from_pool else frozenset())
        said = next((word for word in self.options.only_planned if stem(word) in unplanned), "")
        if said:
            return failed(f"the answer says '{said}', which was not planned")
        return self._faithful(candidate, planned | asked) if self.options.faithful else passed()

    def _written(self, candidate: Candidate) -> Result:
        for name, fact in self.ability.write.facts.items():
            text = candidate.facts.get(name, "")
            problem = self._missing(candidate, text, dict.fromkeys(fact.uses, self.options.written))
            if problem:
                return failed(f"the written '{name}' {problem}")
            for source in fact.avoids:
                wanted = self._wanted(candidate, source)
                if wanted and len(wanted & content_stems(text)) >= self.options.written_avoids * len(wanted):
                    return failed(f"the written '{name}' repeats the {_label(candidate, source)}")
        return passed()

    def _missing(
        self, candidate: Candidate, text: str, shares: dict[str, float], known: frozenset[str] = frozenset()
    ) -> str:
        """Which source the text does not speak of, in words beyond the `known` ones where it has any."""
        stems = content_stems(text)
        for source, share in shares.items():
            wanted = self._wanted(candidate, source)
            wanted = (wanted - known) or wanted
            if wanted and len(wanted & stems) < share * len(wanted):
                return f"does not speak of the {_label(candidate, source)}"
        return ""

    def _unspoken(self, candidate: Candidate) -> str:
        """Which turn's answer does not speak of what was drawn for its picture, or speaks already of what was drawn
        for a later one; which user says what the answer is to say."""
        plans = candidate.picture_plans
        pairs = list(zip(candidate.questions, candidate.answers, strict=True))[: len(plans)]
        before: frozenset[str] = frozenset()
        for number, (question, answer) in enumerate(pairs):
            asked, spoken = content_stems(question), content_stems(answer)
            own = all_stems(entry.text for entry in plans[number].values())
            for source, share in self.options.turn.items():
                if source not in plans[number]:
                    again = _given_again(source, spoken, plans[:number])
                    if again:
                        return f"turn {number + 1}: the answer gives the {source} of turn {again} again"
                    continue
                said = content_stems(plans[number][source].text)
                if not covers(spoken, said, share):
                    return f"turn {number + 1}: the answer does not speak of the {source} '{plans[number][source]}'"
                shown = all_stems(entry.text for name, entry in plans[number].items() if name != source)
                news = said - shown - before
                if len(news & asked) > 1 and covers(asked, news, _HALF):
                    return f"turn {number + 1}: the user says the {source} already: '{plans[number][source]}'"
                for later, plan in enumerate(plans[number + 1 :], number + 2):
                    strange = content_stems(plan[source].text) - own if source in plan else frozenset()
                    if len(strange) > 1 and covers(spoken, strange, share):
                        return f"turn {number + 1}: the answer gives the {source} of turn {later}: '{plan[source]}'"
            before |= own
        return ""

    def _wanted(self, candidate: Candidate, source: str) -> frozenset[str]:
        """The content words of a source, without those of the subject: an answer that says "iron"
        has not yet spoken of the ironing board."""
        subject = self._subject
        wanted = content_stems(candidate.source(source))
        if source == subject:
            return wanted
        return (wanted - content_stems(candidate.source(subject))) or wanted

    def _joined(self, candidate: Candidate, text: str, source: str, other: str) -> bool:
        """ "in a cabin with a brass base": `other` follows `source` as if it belonged to it."""
        spoken, named = words(text), words(candidate.source(source))
        if not named or "with" not in spoken:
            return False
        belongs = content_stems(candidate.source(other)) - content_stems(candidate.source(source))
        for at in range(len(spoken) - 2):
            if (
                spoken[at : at + 2] == [named[-1], "with"]
                and content_stems(" ".join(spoken[at + 2 : at + 6])) & belongs
            ):
                return True
        return False

    def _denies_facts(self, candidate: Candidate) -> bool:
        """Whether a negated clause consists mostly of words that are true of the subject: "sharks do
        not swim" about an animal of which the plan says that it swims."""
        sources = [candidate.source(source) for source in self.options.never_deny]
        true = all_stems(text for text in sources if not _NEGATION.search(text))
        subject = content_stems(candidate.source(self._subject))
        for answer in candidate.answers:
            for clause in _CLAUSE.split(answer):
                if _NEGATION.search(clause):
                    own = content_stems(clause) - subject - _FRAME
                    if own and len(own & true) >= 0.6 * len(own):
                        return True
        return False

    def _other_subject(self, candidate: Candidate) -> str:
        """What "a normal X" names if it is not the subject: "a normal runner grips small things"."""
        subject = content_stems(candidate.source(self._subject))
        for answer in candidate.answers:
            for named in _A_NORMAL.findall(answer):
                stems = content_stems(named) - _FRAME
                if stems and not stems & subject:
                    return str(named).strip()
        return ""

    def _peculiar(self, candidate: Candidate, source: str, reason: str) -> str:
        """The statement that gives a normal subject what makes this one odd.

        "with a hundred feet", because "only animals have feet": so "a normal cradle has two feet" is wrong.
        What the subject's facts say of it ("four legs") holds of normal ones, and what the fact `true` of the
        source says ("casts a shadow").
        """
        subject = content_stems(candidate.source(self._subject))
        odd = content_stems(candidate.source(source)) & content_stems(candidate.source(reason))
        odd -= subject | content_stems(candidate.source(f"{source}.true"))
        odd -= all_stems(
            fact for plan in candidate.plans if self._subject in plan for fact in plan[self._subject].facts.values()
        )
        for answer in candidate.answers:
            for statement in _STATEMENT.split(answer):
                if _USUALLY.search(statement) and not _NEGATION.search(statement):
                    stems = content_stems(statement)
                    if stems & odd and stems & subject:
                        return statement.strip()
        return ""

    def _clause_with(
        self,
        marker: re.Pattern[str],
        unless: re.Pattern[str] | None,
        candidate: Candidate,
        source: str,
        share: float = 0.6,
    ) -> bool:
        """Whether a clause with `marker` speaks of the source: "it is not found in gardens".

        "should not float, but stand on the floor" has two clauses; only the first is negated.
        """
        wanted = self._wanted(candidate, source)
        for answer in candidate.answers:
            for clause in _CLAUSE.split(answer):
                if unless is not None and unless.search(clause):
                    continue
                if marker.search(clause) and len(wanted & content_stems(clause)) >= max(1, share * len(wanted)):
                    return True
        return False

    def _faithful(self, candidate: Candidate, given: frozenset[str]) -> Result:
        """The lowest share, over the answers, of words that were given."""
        lowest = 1.0
        for answer in candidate.answers:
            own = content_stems(answer) - _FRAME - _WHERE
            lowest = min(lowest, len(own & given) / (len(own) or 1))
        if lowest < self.options.faithful:
            return failed("the answer adds too much that was not planned", round(lowest, 3))
        return passed(round(lowest, 3))


def _given_again(source: str, spoken: frozenset[str], before: Sequence[Mapping[str, Entry]]) -> int:
    """The turn, from 1, whose source is nearly all that the answer speaks of; 0 if none is."""
    said = (content_stems(plan[source].text) if source in plan else frozenset() for plan in before)
    return next((number for number, one in enumerate(said, 1) if spoken and covers(one, spoken, _NEARLY_ALL)), 0)


def _planned(candidate: Candidate) -> frozenset[str]:
    """The stems of plan, written facts and keywords."""
    texts = [*candidate.keywords, *candidate.facts.values()]
    for plan in candidate.plans:
        for entry in plan.values():
            texts += [entry.text, *entry.facts.values()]
    return all_stems(texts)


def _label(candidate: Candidate, source: str) -> str:
    return f"{source.replace('.', ' ')} '{candidate.source(source)}'"
