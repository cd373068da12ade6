"""Drops dialogues that are not phrased as a dialogue about a picture.

The VLIT review bans talk about "the description"; StableLLaVA bans ambiguous questions (section
4.2). Small models also answer with fragments, repeat themselves, or address the task, not the user.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.english.counting import NUMBERS
from synth.english.inflection import stem
from synth.english.negation import negates
from synth.english.vocabulary import ARTICLES, BE, COLORS, MODALS, ORDINALS, SHOW, VARIANTS
from synth.english.words import words
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Form, Record, Stage
from synth.text import all_stems, content_stems, covers

#: talk about the task instead of the picture, in lower case: ignoring case takes four times as long
_META = re.compile(
    r"\b(descriptions?|prompts?|keywords?|captions?|as an ai|language model|text-to-image|stable diffusion"
    r"|not (?:specified|mentioned|provided|given|stated|clear from)|no information|cannot (?:be )?determined?"
    r"|unknown|json|schema|based on the (?:text|given)|i cannot|i can't|i'm sorry|sorry,)\b"
)
#: questions whose answer a picture does not hold
_AMBIGUOUS = re.compile(
    r"\b(what (?:do|would) you (?:think|feel)|how (?:do|does|would) (?:you|it|this|they|he|she) feel"
    r"|what might|what could|what (?:is|are) .{0,30}thinking|what happens? (?:next|after|before)"
    r"|what will|guess|imagine|opinion|favou?rite|meaning|symboli[sz]e"
    r"|purpose of (?:the|this) (?:image|picture|photo))\b",
    re.IGNORECASE,
)
#: verbs that end neither in -s nor in -ed, and words that do and are none
_VERBS = frozenset(
    (
        *MODALS,
        *SHOW,
        *"""be are am were have had do did cannot see seen help look make stand lie sit hang cover give fill form wear
        carry hold rise lead fall belong grow surround point tell say call name use float run walk fly swim eat drink
        sleep play ride push pull keep need made gave stood lay sat hung held wore rose led fell grew ran flew swam came
        went found saw met took brought told said began put chose identify match create represent resemble suggest
        indicate fit suit become remain appear serve bring dominate decorate frame line consist contrast gleam shine
        glow blend lean face reach spread stretch get go""".split(),  # noqa: SIM905
    )
)
_NO_VERBS = frozenset("this its his hers as us across always besides towards others less plus yes red".split())  # noqa: SIM905
#: so many keywords between commas, and no verb, make a list
_LISTED = 3
#: what is left of a sentence whose picture was its object: "My first idea is."
_DANGLING = re.compile(rf"\b\w+ (?:is|are|was|found|with|of|{'|'.join(ARTICLES)}|and|finally)[.,]|[,:;]\.")
#: with so many content words that the answer has too, the user has said it already
_MUCH = 5
#: two answers say the same from this Jaccard similarity of their content stems on, if each has at least so many: one
#: word of seven may be another one, two of fourteen. Of 2000 pairs in the replies of small models the seven that repeat
#: each other and nothing else have 0.77 and more; between 0.5 and 0.7 a step is given again behind something new, and
#: pairs that say different things begin. The share of the shorter answer that the longer one has tells nothing: a
#: summary may have all words of an earlier answer
_SAME, _LEAST = 0.75, 3
#: words on which it depends what the others say: that the lid is on the jar, under it, or not there
_PLACES = frozenset(
    map(
        stem,
        """in into on onto over under above below behind beside before after up down out off from to without left
        right""".split(),  # noqa: SIM905
    )
)
#: numbers, ordinals and colors, each by a name that all its forms share. Parallel answers about several pictures differ
#: in these alone, or in their order
_FIGURES: dict[str, int | str] = {
    **NUMBERS,
    **{word: word for word in (*ORDINALS, *COLORS)},
    **VARIANTS,
    **{name: name for name in VARIANTS.values()},
}
#: not `synth.english.sentences`: this cuts also where no space is behind the mark, which models forget (and in "2.5")
_SENTENCE = re.compile(r"[^.!?]+[.!?]?")
#: from the last of these on a sentence should say something new: "the crocodile is called a crocodile" does not
_EQUATES = re.compile(rf".*\b(?:{'|'.join(BE)}|like|called|named|known as|described as)\b", re.IGNORECASE | re.DOTALL)
#: the short forms that are in the phrases of a list and in what is said
_SHORT_IS = re.compile(r"\b(that|this|it|there|here|everything)'s\b")


class PhrasingOptions(Record):
    also: list[str] = Field(default_factory=list, description="further phrases to ban in answers")
    never_user: list[str] = Field(
        default_factory=list, description="phrases that the user is not to say where the model wrote it"
    )
    then: list[str] = Field(
        default_factory=list, description="how each sentence of an answer after its first must begin; default: freely"
    )
    max_sentences: int = Field(4, ge=1, description="longest answer; weak models go wrong late")


class Phrasing(Filter):
    """Fails meta talk, ambiguous or unmarked questions, fragments, repeated sentences and repeated answers."""

    stages = ("dialogue",)
    Options = PhrasingOptions
    options: PhrasingOptions

    def __init__(self, options: PhrasingOptions, ability: Ability) -> None:
        super().__init__(options, ability)
        self._also = _any_of(options.also)
        self._never_user = _any_of(options.never_user)
        self._then = tuple(phrase.lower() for phrase in options.then)

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        problem = self._user(candidate)
        if problem:
            return failed(problem)
        for answer in candidate.answers:
            problem = self._answer(answer, candidate.form)
            if candidate.form != "interleaved":  # there answers tell what to do: "Glue the heart onto the card."
                problem = problem or _fragment(answer, candidate.keywords)
            if problem:
                return failed(problem)
        again = _said_again(candidate) if len(candidate.answers) > 1 else ""
        return failed(f"an answer says what an earlier one said: '{again[:60]}'") if again else passed()

    def _user(self, candidate: Candidate) -> str:
        """What is wrong with what the user says. Nothing is with a question of the pool: a person wrote it."""
        if candidate.form == "interleaved":
            problem = _remarks(candidate.questions, candidate.answers)
        elif candidate.from_pool:
            return ""
        else:
            problem = _questions(candidate.questions)
        if problem:
            return problem
        for number, message in enumerate(candidate.questions, 1):
            if found := self._never_user.search(_plain(message)):
                return f"turn {number}: the user says '{found.group()}'"
        return ""

    def _answer(self, answer: str, form: Form) -> str:
        if not answer.rstrip("\"')").endswith((".", "!", "?")):
            return "the answer breaks off"
        if answer[0].islower():
            return "the answer starts in the middle of a sentence"
        lowered = answer.lower()
        found = _META.search(lowered)
        if found:
            return f"the answer talks about the task: '{answer[found.start() : found.end()]}'"
        if found := self._also.search(_plain(answer)):
            return f"the answer contains '{found.group()}'"
        if not answer.isascii() and sum(not ch.isascii() for ch in answer) > 0.1 * len(answer):
            return "the answer is not in English"
        sentences = [part for part in _SENTENCE.findall(answer) if words(part)]
        said: frozenset[str] = frozenset()
        for sentence in sentences:
            stems = content_stems(sentence)
            if said and stems <= said:
                return f"the answer repeats itself: '{sentence.strip()}'"
            said |= stems
            # of several pictures "the first is red, and the second is red" explains no thing by itself
            equates = _EQUATES.match(sentence) if form == "single" else None
            if equates:
                explained = content_stems(sentence[equates.end() :])
                if explained and explained <= content_stems(equates.group()):
                    return f"the answer explains a thing by itself: '{sentence.strip()}'"
        for sentence in sentences[1:]:
            if self._then and not sentence.strip().lower().startswith(self._then):
                return f"the answer goes on to other things: '{sentence.strip()}'"
        if len(sentences) > self.options.max_sentences:
            return f"the answer has {len(sentences)} sentences, more than {self.options.max_sentences}"
        return ""


def _plain(text: str) -> str:
    """The text in lower case, "that's" as "that is"."""
    return _SHORT_IS.sub(r"\1 is", text.lower())


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    """What finds the phrases in a `_plain` text: as whole words, and with the marks that a phrase has."""
    either = "|".join(re.escape(_plain(phrase)) for phrase in phrases)
    return re.compile(rf"(?:\b|(?=\W))(?:{either})(?:\b|(?<=\W))" if either else r"(?!)")


def _said_again(candidate: Candidate) -> str:
    """The answer that says what an earlier one said, or "". O(answers^2), and those are few."""
    shown = all_stems([*candidate.keywords, *(drawn.text for plan in candidate.plans for drawn in plan.values())])
    for number, answer in enumerate(candidate.answers):
        if any(_says_the_same(answer, earlier, shown) for earlier in candidate.answers[:number]):
            return answer
    return ""


def _says_the_same(one: str, other: str, shown: frozenset[str]) -> bool:
    """Whether two answers say the same, in whatever order. They do not if each has a place that the other lacks, or a
    stem of what is `shown`: with several pictures "the cat" and "the dog" in one sentence are two answers."""
    own, others = content_stems(one), content_stems(other)
    if min(len(own), len(others)) < _LEAST or len(own & others) < _SAME * len(own | others):
        return False
    found, before = words(one), words(other)
    if any(map(negates, found)) != any(map(negates, before)):
        return False
    figures, earlier = ([_FIGURES[word] for word in said if word in _FIGURES] for said in (found, before))
    if not (_has_in_order(figures, earlier) or _has_in_order(earlier, figures)):
        return False
    stems, stems_before = frozenset(map(stem, found)), frozenset(map(stem, before))
    telling = _PLACES | shown
    return not (telling & (stems - stems_before) and telling & (stems_before - stems))


def _has_in_order(longer: Sequence[object], shorter: Sequence[object]) -> bool:
    """Whether all of `shorter` stand in `longer`, in the same order."""
    rest = iter(longer)
    return all(one in rest for one in shorter)


def _questions(questions: Sequence[str]) -> str:
    """What is wrong with questions about pictures that are there."""
    for question in questions:
        if not question.endswith("?"):
            return f"'{question[:60]}' is not a question"
        if found := _AMBIGUOUS.search(question):
            return f"the question is ambiguous: '{found.group()}'"
    return "a question is asked twice" if len({one.lower() for one in questions}) < len(questions) else ""


def _remarks(messages: Sequence[str], answers: Sequence[str]) -> str:
    """What is wrong with what a user says who shows a picture, which need not be a question."""
    for number, (message, answer) in enumerate(zip(messages, answers, strict=True), 1):
        if found := _META.search(message.lower()):
            return f"turn {number}: the user talks about the task: '{found.group(0)}'"
        if found := _DANGLING.search(message):
            return f"turn {number}: the user's sentence breaks off: '{found.group(0)}'"
        if message.lower() in (one.lower() for one in messages[: number - 1]):
            return f"turn {number}: the user says the same again"
        stems = content_stems(message)
        if len(stems) >= _MUCH and covers(content_stems(answer), stems, 0.8):
            return f"turn {number}: the user says what the answer says"
    return ""


def _fragment(answer: str, keywords: Sequence[str]) -> str:
    """Why the answer's first sentence is none: it only lists keywords, or is a title such as "A bride wearing a
    silk sari". Words of the keywords count as no verbs there, because a title is made of them."""
    first = _SENTENCE.findall(answer)[0]
    given = {word for keyword in keywords for word in words(keyword)}
    spoken = words(first)
    if any(_may_be_verb(word) and word not in given for word in spoken):
        return ""
    lowered = {keyword.lower() for keyword in keywords}
    if len(lowered.intersection(re.split(r"[,.] *", first.lower()))) >= _LISTED:
        return "the answer only lists keywords"
    if any(word.endswith("ing") for word in spoken) or content_stems(first) <= content_stems(" ".join(keywords)):
        return "the answer has no verb"
    return ""


def _may_be_verb(word: str) -> bool:
    """English marks the third person with -s and the past with -ed; "a bride wearing a sari" has neither."""
    return word in _VERBS or (word.endswith(("s", "ed")) and word not in _NO_VERBS)
