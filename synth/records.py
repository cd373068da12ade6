"""The records that every producer, form and exporter share. Imports nothing of ours.

A `Candidate` is one attempt at a sample, with all that happened to it; it is what the ledger
stores. A `Sample` is what an accepted candidate becomes: one line of `dataset.jsonl`. Both hold
a list of images and a list of turns, so one image, several images and images that arrive turn by
turn are the same shape: the n-th `<image>` in the turns is the n-th image.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DATASET_VERSION = 1
IMAGE_PLACEHOLDER = "<image>"

Form = Literal["single", "multi", "interleaved"]
Stage = Literal["prompt", "dialogue", "image"]
DialogueKind = Literal["describe", "chat"]
Origin = Literal["rendered", "preview", "existing", "none"]
Role = Literal["user", "assistant"]
Outcome = Literal["pass", "fail", "not_run"]
State = Literal["text_ok", "accepted", "rejected", "failed", "surplus"]


class Record(BaseModel):
    """Base of all records: unknown fields are errors, so that a typo is never silently kept."""

    model_config = ConfigDict(extra="forbid")


class Entry(Record):
    """One line of a keyword bank: its text and the facts that came with it.

    In a template `{{ subject }}` is the text and `{{ subject.place }}` a fact.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    facts: dict[str, str] = Field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def __getitem__(self, fact: str) -> str:
        return self.facts[fact]


class Image(Record):
    """A picture of a sample: what was asked for and, once it exists, where it lies.

    `path` is relative to the run folder. `prompt` is the joined keywords with their emphasis. `note` is
    what was special about making it: a second seed, a smaller batch.
    """

    path: str | None = None
    prompt: str
    negative_prompt: str = ""
    keywords: list[str] = Field(default_factory=list)
    seed: int
    width: int = 0
    height: int = 0
    origin: Origin = "none"
    note: str = ""


class Turn(Record):
    role: Role
    text: str


class Verdict(Record):
    """What one filter said of one candidate at one stage and attempt."""

    filter: str
    stage: Stage
    outcome: Outcome
    reason: str = ""
    score: float | None = None
    attempt: int = 0


class Call(Record):
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
    temperature: float | None = None
    left_out: list[str] = Field(default_factory=list)
    reply: str = ""
    mode: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    repairs: list[str] = Field(default_factory=list)
    problem: str = ""


class Candidate(Record):
    """One attempt at a sample, from plan to verdict. `index` counts within its ability, `synth` is the
    version that made it: a run may be gone on with by a later one."""

    id: str
    ability: str
    index: int
    form: Form = "single"
    stage: Literal[1, 2]
    seed: int
    synth: str = ""
    round: int
    plan: dict[str, Entry] = Field(default_factory=dict)
    question: str = ""
    examples: list[str] = Field(default_factory=list)
    facts: dict[str, str] = Field(default_factory=dict)
    images: list[Image] = Field(default_factory=list)
    turns: list[Turn] = Field(default_factory=list)
    verdicts: list[Verdict] = Field(default_factory=list)
    calls: list[Call] = Field(default_factory=list)
    state: State | None = None
    decided_by: str = ""
    reason: str = ""
    text_passed: bool = False
    scores: dict[str, float | None] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)

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
        return [turn.text.replace(IMAGE_PLACEHOLDER, "").strip() for turn in self.turns if turn.role == "user"]

    def source(self, name: str) -> str:
        """The text of a plan slot (`subject`), of a fact of one (`subject.place`) or of a written fact."""
        slot, _, fact = name.partition(".")
        if slot in self.plan:
            entry = self.plan[slot]
            return entry.facts.get(fact, "") if fact else entry.text
        return self.facts.get(slot, "")

    def reject(self, filter_name: str, reason: str) -> None:
        self.state, self.decided_by, self.reason = "rejected", filter_name, reason

    def fail(self, step: str, reason: str) -> None:
        self.state, self.decided_by, self.reason = "failed", step, reason


class Sample(Record):
    """An accepted candidate: one line of `dataset.jsonl` (docs/dataset-format.md)."""

    id: str
    ability: str
    form: Form
    stage: Literal[1, 2]
    images: list[Image]
    turns: list[Turn]
    scores: dict[str, float | None] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
