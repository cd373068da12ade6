"""What a template is made of: the records that its YAML fields are checked against (`Ability` ties them together)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from synth.records import Entry, Record

#: the smallest pool of questions, and the most questions of one dialogue that the model writes
LEAST_QUESTIONS, MOST_PAIRS = 30, 4
#: what a picture shows, where it arrives in a conversation (StableLLaVA, figure 8)
PICTURE_MARK = re.compile(r"《([^《》]*)》")
#: the least and most pictures of a sample that has several
FEWEST_PICTURES, MOST_PICTURES = 2, 8

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
#: where something stands in a file, step by step: a key may contain dots itself
FieldPath = tuple[str | int, ...]


class Slot(Record):
    """One thing the plan draws: from a keyword bank, or from a short list written here, or (`text`)
    made from slots before it, e.g. `"{{ subject[oddity.fact] }}"`.

    `match` keeps combinations sensible: `{for: subject.is}` draws only entries whose fact `for`
    (a comma-separated list) contains the value of the fact `is` of the slot `subject`. An entry
    without the fact fits everything.

    `when` is a Jinja expression over the slots before it, e.g. `attribute == "color"`: the slot is
    drawn only where it is true.
    """

    bank: str | None = None
    values: list[Text] | None = None
    text: Text | None = None
    match: dict[str, str] = Field(default_factory=dict)
    when: Text | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(one is not None for one in (self.bank, self.values, self.text)) != 1:
            raise ValueError("give one of 'bank', 'values' and 'text'")
        return self


class PictureSlot(Slot):
    """One thing the plan draws for each picture of a sample.

    Pictures get different entries, in the fact `apart` too if one is named (colors of different
    families). Where `same`, a Jinja expression over the slots of the sample, is true, they all get
    one entry.
    """

    same: Text | None = None
    apart: Name | None = None

    @field_validator("same", mode="before")
    @classmethod
    def _as_expression(cls, value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _drawn(self) -> Self:
        if self.text is not None and (self.same or self.apart):
            raise ValueError("'same' and 'apart' are for what is drawn, not for a 'text'")
        if self.values is not None and self.apart:
            raise ValueError("'apart' names a fact, which only the entries of a 'bank' have")
        return self


class Pictures(Record):
    """The pictures of a sample of several: how many (a number, or Jinja: `"{{ task.steps }}"`), what
    the plan draws for each, and whether they are all drawn from the same noise, which makes them
    resemble each other."""

    number: Text
    plan: dict[Name, PictureSlot] = Field(min_length=1)
    same_noise: bool = False

    @field_validator("number", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise ValueError("give a whole number, or Jinja in quotes that makes one")


class WrittenFact(Record):
    """A sentence the model writes before the keywords, to think first (abnormal: what is normal).

    `uses` and `avoids` name plan slots whose words it must and must not contain.
    """

    about: Text
    uses: list[str] = Field(default_factory=list)
    avoids: list[str] = Field(default_factory=list)
    max_characters: int = Field(160, ge=10)


class WriteTemplate(Record):
    """The prompt-writing step (StableLLaVA, figure 4 left): plan -> picture keywords.

    `leave_out` names words that only the plan may put into a picture, such as colors where the color is the point.
    """

    role: Text
    requirements: list[Text] = Field(min_length=1)
    cautions: list[Text] = Field(min_length=1)
    facts: dict[Name, WrittenFact] = Field(default_factory=dict)
    leave_out: list[Text] = Field(default_factory=list, description="keywords with one of these words are left out")
    min_keywords: int = Field(4, ge=1)
    max_keywords: int = Field(8, ge=1, le=10)
    temperature: float | None = Field(None, ge=0, le=2, description="default: the run's")
    request: Text

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.min_keywords > self.max_keywords:
            raise ValueError("min_keywords is larger than max_keywords")
        return self


class DialogueTemplate(Record):
    """The dialogue step (figure 4 right): picture keywords -> answer, or questions and answers.

    `describe` is the request when the question comes from the pool (stage 1), `chat` the request
    when the model writes 2 to 4 question-answer pairs (stage 2). An interleaved ability has `chat`
    alone: a conversation in which each turn of the user brings a picture (figure 8).
    """

    role: Text
    requirements: list[Text] = Field(min_length=1)
    cautions: list[Text] = Field(min_length=1)
    describe: Text | None = None
    chat: Text
    max_characters: int = Field(400, ge=40, le=500)
    temperature: float | None = Field(None, ge=0, le=2, description="default: the run's")


class Question(Record):
    """A question of the pool and what it asks for: plan slots, facts of one (`subject.place`), written
    facts, or `keywords`, all that the picture shows.

    The dialogue template can hand over just that (`{% if 'subject.place' in asks %}`), and the
    grounding filter can check that the answer speaks of it.
    """

    text: Text
    asks: list[str] = Field(default_factory=list)
    field: FieldPath = Field(exclude=True, description="where it stands in the file")


class Exchange(Record):
    question: Text
    answer: Text


class _Planned(Record):
    """What an example was made from. An entry without facts is just its text."""

    plan: dict[str, Entry]

    @model_validator(mode="before")
    @classmethod
    def _plain_entries(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("plan"), dict):
            data = {**data, "plan": {k: _as_entry(v) for k, v in data["plan"].items()}}
        return data


class ExamplePicture(_Planned):
    """One picture of an example that has several."""

    keywords: list[Text] = Field(min_length=1, max_length=10)


class Example(_Planned):
    """A hand-written in-context example; it serves all steps. With one picture it has `keywords`, with
    several `pictures`. In an interleaved one each question of `chat` says in 《》 what its picture
    shows, and there is no `question` with its `answer`."""

    facts: dict[str, Text] = Field(default_factory=dict)
    keywords: list[Text] = Field(default_factory=list, max_length=10)
    pictures: list[ExamplePicture] = Field(default_factory=list, max_length=MOST_PICTURES)
    question: Text | None = None
    answer: Text | None = None
    chat: list[Exchange] = Field(min_length=2, max_length=MOST_PICTURES)

    @property
    def keyword_lists(self) -> list[list[str]]:
        """The keywords of each picture."""
        return [list(one.keywords) for one in self.pictures] or [list(self.keywords)]

    @property
    def picture_plans(self) -> list[dict[str, Entry]]:
        return [one.plan for one in self.pictures]

    @property
    def pool_pair(self) -> tuple[str, str]:
        """The pool question and its answer; an interleaved example has none."""
        return self.question or "", self.answer or ""


class Restriction(Record):
    """A rule put into the request and verified on the keywords afterwards (section 4.4).

    `require` names plan slots whose words must be among the keywords, `require_first` those whose
    words must be in the first keyword; `require_any` and `forbid` list words.
    """

    rule: Text
    require: list[str] = Field(default_factory=list)
    require_first: list[str] = Field(default_factory=list)
    require_any: list[Text] = Field(default_factory=list)
    forbid: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _verifiable(self) -> Self:
        if not (self.require or self.require_first or self.require_any or self.forbid):
            raise ValueError(
                "a restriction needs 'require', 'require_first', 'require_any' or 'forbid' to be verified by"
            )
        return self


class FilterUse(Record):
    """One link of the filter chain: `- name` or `- name: {option: value}`."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if isinstance(data, dict) and len(data) == 1 and "name" not in data:
            [(name, options)] = data.items()
            return {"name": name, "options": options or {}}
        return data


class PromptStyle(Record):
    """How keywords become a prompt: `subject` names the slot that a sample is about (its share is
    counted), `lead` the slots whose keywords come first, `emphasis`
    says how many of the first keywords get double brackets. `prepend` and `append` name slots whose
    words our code adds at the start and at the end if they are missing (what the picture must show;
    camera, light)."""

    subject: str = "subject"
    lead: list[str] = Field(min_length=1)
    emphasis: int = Field(1, ge=0, le=4)
    prepend: list[str] = Field(default_factory=list)
    append: list[str] = Field(default_factory=list)
    negative: str = ""

    @property
    def added(self) -> list[str]:
        """The slots whose words our code adds, and which the model is not meant to write."""
        return [*self.prepend, *self.append]


def _as_entry(value: Any) -> Any:
    """In YAML an entry is its text, or a mapping with `text` and its facts."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, dict) and any(isinstance(one, bool) or one is None for one in value.values()):
        raise ValueError("yes, no and empty values must be quoted in a plan")
    if isinstance(value, dict) and "facts" not in value and "text" in value:
        return {"text": value["text"], "facts": {k: str(v) for k, v in value.items() if k != "text"}}
    return value
