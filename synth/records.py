"""The records that every producer, form and exporter share. Imports nothing of ours.

A `Candidate` is one attempt at a sample, with all that happened to it; it is what the ledger
stores. A `Sample` is what an accepted candidate becomes: one line of `dataset.jsonl`. Both hold
a list of images and a list of turns, so one image, several images and images that arrive turn by
turn are the same shape: the n-th `<image>` in the turns is the n-th image.

What our code makes is not checked again; what is read from a file is (`Row.from_json`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

#: 1: images without `attempts`; read as it is
#: 2: images have `attempts`
DATASET_VERSION = 2
IMAGE_PLACEHOLDER = "<image>"

Form = Literal["single", "multi", "interleaved"]
Stage = Literal["prompt", "dialogue", "image"]
DialogueKind = Literal["describe", "chat"]


def dialogue_stage(form: Form, kind: DialogueKind) -> Literal[1, 2]:
    """The training stage a sample is for: `describe` makes stage-1 data (alignment), `chat` stage-2 data
    (instructions), and several images belong to stage 2 (StableLLaVA, section 4.2)."""
    return 1 if form == "single" and kind == "describe" else 2


Origin = Literal["rendered", "preview", "existing", "none"]
Role = Literal["user", "assistant"]
Outcome = Literal["pass", "fail", "not_run"]
State = Literal["text_ok", "accepted", "rejected", "failed", "surplus"]


class Record(BaseModel):
    """Base of what people write (settings, templates, options): everything is checked, and unknown fields are
    errors, so that a typo is never silently kept."""

    model_config = ConfigDict(extra="forbid")


class Row:
    """Base of what is kept of a run. Dozens are made for every candidate, so they are plain dataclasses; what
    comes back from a file, perhaps of another version, is checked as strictly as a `Record`."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises pydantic's `ValidationError` for anything that is not such a row."""
        row: Self = cls._adapter().validate_json(text)
        return row

    def to_json(self, leave_out_defaults: bool = False) -> bytes:
        return self._adapter().dump_json(self, exclude_defaults=leave_out_defaults)

    def to_data(self) -> dict[str, Any]:
        """Plain data, as JSON knows it."""
        data: dict[str, Any] = self._adapter().dump_python(self, mode="json")
        return data

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[Any]:
        return TypeAdapter(cls)


def without_placeholders(text: str) -> str:
    """The text of a turn as people read it; words around an image placeholder stay apart."""
    return text.replace(IMAGE_PLACEHOLDER, " ").strip()


def picture_score(name: str, number: int) -> str:
    """The key in `scores` of what holds for image `number` (from 0) alone: "prompt.1" is the first one's."""
    return f"{name}.{number + 1}"


@dataclass(frozen=True, slots=True)
class Entry(Row):
    """One line of a keyword bank: its text and the facts that came with it.

    In a template `{{ subject }}` is the text and `{{ subject.place }}` a fact; `subject == "fox"` compares the
    text.
    """

    text: str
    facts: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.text == other
        return isinstance(other, Entry) and (self.text, self.facts) == (other.text, other.facts)

    def __hash__(self) -> int:
        return hash(self.text)

    def __getitem__(self, fact: str) -> str:
        return self.facts[fact]


@dataclass(slots=True, kw_only=True)
class Image(Row):
    """A picture of a sample: what was asked for and, once it exists, where it lies.

    `path` is relative to the run folder. `prompt` is the joined keywords with their emphasis. `attempts` counts
    all drawings that were made for it, the one that was kept included: what the renderer discarded (blank,
    flagged), what a filter failed, what began from a picture that was drawn again. `note` is what else was special
    about making it: a smaller batch, a prompt that was cut.
    """

    path: str | None = None
    prompt: str
    negative_prompt: str = ""
    keywords: list[str] = field(default_factory=list)
    seed: int
    width: int = 0
    height: int = 0
    origin: Origin = "none"
    attempts: int = 1
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Turn(Row):
    role: Role
    text: str


@dataclass(slots=True, kw_only=True)
class Verdict(Row):
    """What one filter said of one candidate at one stage and attempt. `picture` is the number (from 0) of the
    picture that it fails for, where it fails for one."""

    filter: str
    stage: Stage
    outcome: Outcome
    reason: str = ""
    score: float | None = None
    attempt: int = 0
    picture: int | None = None


@dataclass(slots=True, kw_only=True)
class Call(Row):
    """One request to the language model and its reply, to the letter.

    `shared` is the key of the messages that candidates of one example group have in common
    (`Ledger.texts`); `message` is the candidate's own last message. Where the endpoint sends no
    token counts they are `estimated` from characters. `appended` is the key of what was sent
    behind the message (a schema that the endpoint cannot be given otherwise); `left_out` names
    what an endpoint refuses and was not sent.
    """

    step: str
    attempt: int
    seed: int
    temperature: float | None = None
    shared: str
    message: str
    appended: str = ""
    left_out: list[str] = field(default_factory=list)
    reply: str = ""
    mode: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    repairs: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(slots=True, kw_only=True)
class Decision(Row):
    """What one layer says of a candidate: its end, and the verdicts that were given anew for it.

    Layer 0 is the run's own decision; its verdicts are those of the candidate. Each `synth refilter` is a
    further layer. It starts from layer 0, not from the one before it, so the last one is all that counts.
    """

    layer: int
    state: State
    decided_by: str = ""
    reason: str = ""
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Candidate(Row):
    """One attempt at a sample, from plan to verdict. `index` counts within its ability, `synth` is the
    version that made it: a run may be gone on with by a later one.

    `state`, `decided_by` and `reason` are what counts now. `decisions` is empty unless a layer of
    `synth refilter` says something else than the run did; then it begins with what the run said.

    `plan` holds what was drawn for the sample; where it has several images, `picture_plans` holds what was
    drawn for each of them.
    """

    id: str
    ability: str
    index: int
    form: Form = "single"
    stage: Literal[1, 2]
    seed: int
    synth: str = ""
    round: int
    plan: dict[str, Entry] = field(default_factory=dict)
    picture_plans: list[dict[str, Entry]] = field(default_factory=list)
    question: str = ""
    examples: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    images: list[Image] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    state: State | None = None
    decided_by: str = ""
    reason: str = ""
    text_passed: bool = False
    scores: dict[str, float | None] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def verdicts_now(self) -> list[Verdict]:
        """The verdicts that count: those of the newest layer in the place of the ones they replace."""
        if not self.decisions:
            return self.verdicts
        anew = {(v.filter, v.stage): v for v in self.decisions[-1].verdicts}
        last_first = [anew.pop((v.filter, v.stage), v) for v in reversed(self.verdicts)]
        return [*reversed(last_first), *anew.values()]

    @property
    def keywords(self) -> list[str]:
        """The keywords of all images, in order."""
        return [keyword for image in self.images for keyword in image.keywords]

    @property
    def answers(self) -> list[str]:
        return [turn.text for turn in self.turns if turn.role == "assistant"]

    @property
    def questions(self) -> list[str]:
        """What the user says, without image placeholders."""
        return [without_placeholders(turn.text) for turn in self.turns if turn.role == "user"]

    def picture_scores(self, name: str) -> list[float | None]:
        """The score of that name of each image, None for one that has none; of a single image it is the sample's."""
        return [self.scores.get(picture_score(name, number)) for number in range(len(self.images))]

    @property
    def from_pool(self) -> bool:
        """Whether the dialogue is one question of the template's pool with its answer."""
        return bool(self.question) and self.questions == [self.question]

    def plan_of(self, number: int) -> dict[str, Entry]:
        """What was drawn for image `number` (from 0): the slots of the sample and its own."""
        return {**self.plan, **self.picture_plans[number]} if self.picture_plans else self.plan

    def siblings_of(self, number: int) -> list[dict[str, Entry]]:
        """What was drawn for the other images."""
        return [self.plan_of(other) for other in range(len(self.picture_plans)) if other != number]

    @property
    def plans(self) -> list[dict[str, Entry]]:
        """All that was drawn: for the sample, then for each image."""
        return [self.plan, *self.picture_plans]

    def source(self, name: str) -> str:
        """The text of a plan slot (`subject`), of a fact of one (`subject.place`) or of a written fact; of a slot
        that each image has, all its different texts."""
        slot, _, fact = name.partition(".")
        drawn = [plan[slot] for plan in self.plans if slot in plan]
        if drawn:
            texts = [entry.facts.get(fact, "") if fact else entry.text for entry in drawn]
            return ", ".join(dict.fromkeys(text for text in texts if text))
        return self.facts.get(slot, "")

    def reject(self, filter_name: str, reason: str) -> None:
        self.state, self.decided_by, self.reason = "rejected", filter_name, reason

    def fail(self, step: str, reason: str) -> None:
        self.state, self.decided_by, self.reason = "failed", step, reason


@dataclass(slots=True, kw_only=True)
class Sample(Row):
    """An accepted candidate: one line of `dataset.jsonl` (docs/dataset-format.md)."""

    id: str
    ability: str
    form: Form
    stage: Literal[1, 2]
    images: list[Image]
    turns: list[Turn]
    scores: dict[str, float | None] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
