"""Abilities: what a YAML file in `templates/` says, validated (where such files are found: catalog.py).

An ability is data. Adding one needs a template and, where no existing bank fits, a keyword bank;
docs/new-ability.md walks through it. Errors name the file, the line and the field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from synth import strict_yaml
from synth.banks import KeywordBank
from synth.errors import SynthError, dotted
from synth.records import IMAGE_PLACEHOLDER, DialogueKind, Entry, Form, Record
from synth.template_schema import (
    FEWEST_PICTURES,
    LEAST_QUESTIONS,
    MOST_PAIRS,
    PICTURE_MARK,
    DialogueTemplate,
    Example,
    FieldPath,
    FilterUse,
    Name,
    Pictures,
    PictureSlot,
    PromptStyle,
    Question,
    Restriction,
    Slot,
    Text,
    WriteTemplate,
)

#: names that the engine gives values in every request
RESERVED = frozenset({"keywords", "question", "asks", "pictures", "number"})


class Ability(Record):
    """A capability to train, as its YAML file describes it."""

    name: Name
    version: int = Field(ge=1)
    title: Text
    description: Text
    form: Form = "single"
    plan: dict[Name, Slot] = Field(min_length=1)
    pictures: Pictures | None = None
    prompt: PromptStyle
    write: WriteTemplate
    dialogue: DialogueTemplate
    questions: list[Question] = Field(default_factory=list)
    restrictions: list[Restriction] = Field(default_factory=list)
    filters: list[FilterUse] = Field(min_length=1)
    examples: list[Example] = Field(min_length=6)

    source: str = Field(default="", exclude=True)
    digest: str = Field(default="", exclude=True)
    _document: strict_yaml.Document | None = None

    @model_validator(mode="before")
    @classmethod
    def _question_pool(cls, data: Any) -> Any:
        """A plain list of questions, or lists under what they ask for: `subject.look, subject.place: [...]`."""
        questions = _questions(data.get("questions")) if isinstance(data, dict) else None
        return data if questions is None else {**data, "questions": questions}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_form()
        self._check_names()
        seen: set[str] = set()
        for path, name, slot in self.slots():
            for fact, target in slot.match.items():
                if target.partition(".")[0] not in seen:
                    problem = f"'{target}' must name a slot that is drawn before"
                    raise _FieldError((*path, "match", fact), problem)
            seen.add(name)
        for number, example in enumerate(self.examples):
            self._check_example(example, ("examples", number))
        self._check_questions()
        return self

    def slots(self) -> Iterator[tuple[FieldPath, str, Slot]]:
        """All slots in the order in which they are drawn: where one stands in the file, its name, itself."""
        for name, slot in self.plan.items():
            yield ("plan", name), name, slot
        for name, slot in self.picture_slots.items():
            yield ("pictures", "plan", name), name, slot

    def rules(self) -> Iterator[tuple[FieldPath, Restriction]]:
        """The restrictions: where one stands in the file, itself."""
        return ((("restrictions", number), one) for number, one in enumerate(self.restrictions))

    @property
    def picture_slots(self) -> dict[str, PictureSlot]:
        """What is drawn for each picture of a sample of several; nothing where it has one."""
        return self.pictures.plan if self.pictures else {}

    @property
    def slot_names(self) -> list[str]:
        return [*self.plan, *self.picture_slots]

    def kind(self, wanted: DialogueKind) -> DialogueKind:
        """The kind of dialogue that is made where the run wants `wanted`: interleaved ones are conversations."""
        return "chat" if self.form == "interleaved" else wanted

    def _check_form(self) -> None:
        if (self.form == "single") != (self.pictures is None):
            problem = "a 'single' form has one picture and no such field"
            if self.pictures is None:
                problem = f"the form '{self.form}' needs it: how many pictures a sample has, and what each shows"
            raise _FieldError(("pictures",), problem)
        if self.form == "interleaved":
            if self.dialogue.describe is not None:
                raise _FieldError(("dialogue", "describe"), "an interleaved ability has conversations only ('chat')")
            if self.questions:
                raise _FieldError(("questions",), "in an interleaved ability the model writes what the user says")
            return
        if self.dialogue.describe is None:
            raise _FieldError(("dialogue", "describe"), "this field is required")
        if len(self.questions) < LEAST_QUESTIONS:
            problem = f"at least {LEAST_QUESTIONS} questions are needed, there are {len(self.questions)}"
            raise _FieldError(("questions",), problem)

    def _check_example(self, example: Example, path: FieldPath) -> None:
        """Whether an example has what this ability's samples have."""
        slots: list[tuple[FieldPath, Mapping[str, Slot], dict[str, Entry]]] = [(path, self.plan, example.plan)]
        for number, picture in enumerate(example.pictures):
            slots.append(((*path, "pictures", number), self.picture_slots, picture.plan))
        for where, known, given in slots:
            wanted = {name for name, slot in known.items() if slot.when is None}
            if not wanted <= set(given) <= set(known):
                needs = f"it has {sorted(given)} but needs {sorted(wanted)}"
                may = sorted(set(known) - wanted)
                raise _FieldError((*where, "plan"), needs + (f" and may have {may}" if may else ""))
        if set(self.write.facts) != set(example.facts):
            problem = f"it has {sorted(example.facts)} but needs {sorted(self.write.facts)}"
            raise _FieldError((*path, "facts"), problem)
        several = self.form != "single"
        if several == bool(example.keywords) or several != bool(example.pictures):
            wanted_field = "'pictures', each with a plan and keywords," if several else "'keywords'"
            raise _FieldError(path, f"an example of the form '{self.form}' has {wanted_field} and not the other")
        texts = [
            example.question,
            example.answer,
            *(text for one in example.chat for text in (one.question, one.answer)),
        ]
        if any(IMAGE_PLACEHOLDER in text for text in texts if text):
            raise _FieldError(path, f"'{IMAGE_PLACEHOLDER}' is added by the engine")
        if several and len(example.pictures) < FEWEST_PICTURES:
            raise _FieldError((*path, "pictures"), f"at least {FEWEST_PICTURES} pictures are needed")
        if self.form == "interleaved":
            self._check_conversation(example, path)
        elif example.question is None or example.answer is None:
            raise _FieldError(path, "'question' and 'answer' are required")
        elif len(example.chat) > MOST_PAIRS:
            raise _FieldError((*path, "chat"), f"at most {MOST_PAIRS} questions with their answers")

    def _check_conversation(self, example: Example, path: FieldPath) -> None:
        if example.question is not None or example.answer is not None:
            raise _FieldError(path, "an interleaved example has a 'chat' and no 'question' or 'answer'")
        if len(example.chat) != len(example.pictures):
            problem = f"{len(example.chat)} turns for {len(example.pictures)} pictures: each turn brings one"
            raise _FieldError((*path, "chat"), problem)
        for number, turn in enumerate(example.chat):
            said = PICTURE_MARK.sub("", turn.question)
            if len(PICTURE_MARK.findall(turn.question)) != 1 or set("《》") & {*said, *turn.answer}:
                problem = "the question must say once in 《》 what its picture shows, the answer never"
                raise _FieldError((*path, "chat", number), problem)
            if not any(map(str.isalnum, said)):
                raise _FieldError((*path, "chat", number), "the question only shows its picture and says nothing")

    def _check_questions(self) -> None:
        seen: set[str] = set()
        for question in self.questions:
            if question.text in seen:
                raise _FieldError(question.field, f"'{question.text}' is there twice")
            seen.add(question.text)
            if IMAGE_PLACEHOLDER in question.text:
                raise _FieldError(question.field, f"'{IMAGE_PLACEHOLDER}' is added by the engine")
        for path, source in self.asked_sources():
            if problem := self.source_problem(source):
                raise _FieldError(path, problem)
        if any(question.asks for question in self.questions):
            for number, example in enumerate(self.examples):
                if example.question and example.question not in seen:
                    problem = f"'{example.question}' must be one of 'questions', which say what is asked for"
                    raise _FieldError(("examples", number, "question"), problem)

    @cached_property
    def _asked(self) -> dict[str, list[str]]:
        return {question.text: question.asks for question in self.questions}

    def asks(self, question: str) -> list[str]:
        """What a question of the pool asks for; empty if the pool does not say."""
        return self._asked.get(question, [])

    def asked_sources(self) -> Iterator[tuple[FieldPath, str]]:
        """What questions ask for, and where; `keywords` is no source but all that the picture shows."""
        for question in self.questions:
            yield from ((question.field, source) for source in question.asks if source != "keywords")

    def source_problem(self, source: str, banks: Mapping[str, KeywordBank] | None = None) -> str:
        """Why `source` is no plan slot, no fact of one (`subject.place`) and no written fact; empty if it is one.

        What compares with a source that is empty has nothing to object to, so a typing error would switch a check
        off and nobody would notice. Facts are looked for only in the `banks`, and one entry that has it is enough.
        """
        name, _, fact = source.partition(".")
        if source in self.write.facts:
            return ""
        slot = self.plan.get(name) or self.picture_slots.get(name)
        if slot is None:
            known = sorted({*self.slot_names, *self.write.facts})
            return f"'{source}' is no plan slot and no written fact (there are {known})"
        if not fact or banks is None:
            return ""
        bank = slot.bank
        facts = {fact for entry in banks[bank].entries for fact in entry.facts} if bank else set()
        return "" if fact in facts else f"'{source}': no entry of '{name}' has this fact (there are {sorted(facts)})"

    def _check_names(self) -> None:
        """Every name in a request means one thing, and every slot that is named exists."""
        places: list[tuple[FieldPath, Iterable[str]]] = [
            (("plan",), self.plan),
            (("pictures", "plan"), self.picture_slots),
            (("write", "facts"), self.write.facts),
        ]
        taken: set[str] = set()
        for path, names in places:
            for name in names:
                if name in RESERVED:
                    raise _FieldError((*path, name), "the engine itself gives this name a value; choose another")
                if name in taken:
                    raise _FieldError((*path, name), "a slot of 'plan' has this name already; choose another")
                taken.add(name)
        for path, name in self._named_slots():
            if name not in self.slot_names:
                known = f"there are {', '.join(self.slot_names)}"
                raise _FieldError(path, f"'{name}' is named but 'plan' has no such slot ({known})")

    def _named_slots(self) -> Iterator[tuple[FieldPath, str]]:
        """Where slots are named, and which."""
        lists: list[tuple[FieldPath, list[str]]] = [
            (("prompt", "lead"), self.prompt.lead),
            (("prompt", "prepend"), self.prompt.prepend),
            (("prompt", "append"), self.prompt.append),
        ]
        for path, rule in self.rules():
            lists += [((*path, "require"), rule.require), ((*path, "require_first"), rule.require_first)]
        for name, fact in self.write.facts.items():
            lists.append((("write", "facts", name, "uses"), fact.uses))
            lists.append((("write", "facts", name, "avoids"), fact.avoids))
        yield ("prompt", "subject"), self.prompt.subject
        for path, names in lists:
            yield from (((*path, number), name) for number, name in enumerate(names))

    def where(self, path: FieldPath, shown: str = "") -> str:
        """File, line and field, to begin an error with: `x.yaml, line 7: write.request`."""
        line = f", line {self._document.line(path)}" if self._document else ""
        return f"{self.source}{line}: {shown or dotted(path)}"

    def templates(self) -> list[tuple[FieldPath, str]]:
        """The Jinja texts of the ability with their fields."""
        found: list[tuple[FieldPath, str]] = []
        found += [((*path, "text"), slot.text) for path, _, slot in self.slots() if slot.text]
        conditions: list[tuple[FieldPath, str | None]] = [
            ((*path, "when"), slot.when) for path, _, slot in self.slots()
        ]
        conditions += [(("pictures", "plan", name, "same"), slot.same) for name, slot in self.picture_slots.items()]
        found += [(path, f"{{% if {source} %}}{{% endif %}}") for path, source in conditions if source]
        if self.pictures is not None:
            found.append((("pictures", "number"), self.pictures.number))
        found += [((*path, "rule"), one.rule) for path, one in self.rules()]
        found += [(("write", "request"), self.write.request), (("dialogue", "chat"), self.dialogue.chat)]
        if self.dialogue.describe is not None:
            found.append((("dialogue", "describe"), self.dialogue.describe))
        return found

    def example_id(self, number: int) -> str:
        return f"{self.name}/template/{number}"


class _FieldError(ValueError):
    """What is wrong with a field, found by a check that looks at several."""

    def __init__(self, path: FieldPath, message: str) -> None:
        super().__init__(message)
        self.path = path


def _questions(pool: Any) -> list[dict[str, Any]] | None:
    """The pool in either of its forms as one list; None if it is neither."""
    if isinstance(pool, dict):
        return [
            {
                "text": text,
                "asks": [source.strip() for source in str(asks).split(",")],
                "field": ("questions", str(asks), n),
            }
            for asks, texts in pool.items()
            for n, text in enumerate(texts if isinstance(texts, list) else [texts])
        ]
    if isinstance(pool, list):
        return [{"text": one, "field": ("questions", n)} for n, one in enumerate(pool)]
    return None


def _as_written(path: FieldPath, data: dict[str, Any]) -> FieldPath:
    """Where a problem stands in the file: what is checked is one list of questions, the file may have several."""
    questions = _questions(data.get("questions"))
    if questions is None or path[:1] != ("questions",) or len(path) < 2:
        return path
    written: FieldPath = questions[int(path[1])]["field"]
    return written


def parse_ability(text: str, source: str) -> Ability:
    """Parse and validate a template.

    Raises:
        SynthError: naming file, line and field of the first problems.
    """
    try:
        document = strict_yaml.parse(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SynthError(
            f"{source}{line}: this is not valid YAML: {getattr(error, 'problem', error)}.",
            "Check indentation and quotes: a text that contains ': ' or starts with a special sign needs quotes.",
        ) from error
    if not isinstance(document.data, dict):
        raise SynthError(f"{source}: the file is not a mapping of fields.", "See docs/new-ability.md.")
    try:
        ability = Ability.model_validate(document.data)
    except ValidationError as error:
        problems = []
        for one in error.errors()[:5]:
            cause = one.get("ctx", {}).get("error")
            path = cause.path if isinstance(cause, _FieldError) else _as_written(one["loc"], document.data)
            message = one["msg"].removeprefix("Value error, ")
            problems.append(f"{source}, line {document.line(path)}: {dotted(path) or 'template'}: {message}")
        raise SynthError("\n".join(problems), "docs/new-ability.md describes every field.") from error
    ability.source = source
    ability._document = document
    ability.digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return ability
