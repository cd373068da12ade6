"""What the engine asks of a language model, whoever serves it."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, TypedDict

from pydantic import Field

from synth.records import Entry, Record


class Message(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


class LLMSettings(Record):
    """How to reach and sample a language model. Which of these belong to a run's identity is
    decided in `synth.config`; the API key is read from the environment and is not here."""

    base_url: str | None = None
    concurrency: int | None = Field(None, ge=1, le=4096)
    temperature: float = Field(0.7, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    max_tokens: int = Field(512, ge=16)
    timeout: float = Field(120.0, gt=0, description="seconds one request may take")
    retries: int = Field(6, ge=0, description="how often a request is repeated after 5xx or a lost connection")
    patience: float = Field(600.0, ge=0, description="seconds to wait out a rate limit (429) that lets nothing through")
    price_in: float = Field(0.0, ge=0, description="price of a million prompt tokens")
    price_out: float = Field(0.0, ge=0, description="price of a million reply tokens")
    threads: int | None = Field(None, ge=1, description="CPU threads of the embedded model")
    revision: str | None = Field(None, description="vllm: commit, branch or tag of a model of the hub")
    quantization: str | None = Field(None, description="vllm: fp8, awq, ...; none: as the model says")
    dtype: Literal["bfloat16", "float16", "float32"] | None = Field(None, description="vllm: none: as the model says")
    max_length: int | None = Field(None, ge=256, description="vllm: most tokens of prompt and reply")
    memory_fraction: float | None = Field(None, gt=0, le=1, description="vllm: its share of the GPU's memory")
    tensor_parallel: int = Field(1, ge=1, description="vllm: GPUs over which the model is spread")
    compile: bool = Field(True, description="vllm: compile the model; false starts sooner and writes slower")


def text_key(text: str) -> str:
    """The name under which the ledger keeps a text that many requests share."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


class SharedPrompt:
    """The messages that every request of one example group starts with.

    They are kept as one object so that a backend can encode them once and a server's prefix cache
    can serve them; `key` names them in the ledger.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = tuple(messages)

    @cached_property
    def json(self) -> str:
        return json.dumps(self.messages, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        return text_key(self.json)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request: shared messages, then the candidate's own, and the schema of the reply.

    `step`, `plan` and `context` tell the scripted model what to say; others ignore them.
    `context` carries what earlier steps made (question, what it `asks` for, keywords, written facts)
    and, for the writing step, which slots each fact `uses` and which `lead` the prompt; of a sample of several
    pictures, in `pictures` what is to be said of each.
    """

    shared: SharedPrompt
    message: str
    schema: Mapping[str, Any]
    seed: int
    max_tokens: int
    temperature: float
    top_p: float
    step: str = ""
    plan: Mapping[str, Entry] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def messages(self) -> list[Message]:
        return [*self.shared.messages, {"role": "user", "content": self.message}]


@dataclass(frozen=True, slots=True)
class ChatReply:
    """`mode` is how the structure was asked for: schema, json or text.

    `truncated` is true when the reply stopped at `max_tokens`, `estimated` when the token counts are
    guesses, because whoever serves the model sends none. `appended` is what was sent behind the
    request's message, `left_out` names what of the request was not sent.
    """

    text: str
    mode: str = "schema"
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    truncated: bool = False
    estimated: bool = False
    appended: str = ""
    left_out: tuple[str, ...] = ()


class LLM(ABC):
    """A language model. Made by `create(argument, settings)`, where `argument` is what follows
    the colon of `--llm name:argument` ("" if there is none). Cheap to make: `start` loads or
    connects. `chat` may be called concurrently; the engine keeps `concurrency` calls in flight.

    Raises `SynthError` from `create` and `identity` for what the user can write differently (no model
    named, no such file); from `start` and `chat` `BackendError` where the run cannot go on (wrong key,
    model not there, endpoint gone after all retries), `ReplyError` where only this reply is unusable: its
    candidate may fail for good, so what is not the request's own fault is a `BackendError`.
    """

    #: the same request always gives the same reply
    deterministic: ClassVar[bool] = False
    #: replies are not written by a language model; rows are marked
    scripted: ClassVar[bool] = False

    #: the settings that it uses beyond those of the engine; None: any
    uses: ClassVar[frozenset[str] | None] = None

    #: `auto` picks the available one with the highest rank; 0 is never picked
    auto_rank: ClassVar[int] = 0

    concurrency: int = 1

    @property
    def retries(self) -> int:
        """Requests repeated so far because of trouble that may pass."""
        return 0

    def waiting(self) -> str:
        """What requests wait for just now, in words for people, or "". Called from any thread."""
        return ""

    @classmethod
    def available(cls) -> tuple[bool, str]:
        """Whether this machine can run it, and why (not): a line for `auto` and `synth doctor`."""
        return True, ""

    @classmethod
    def gpu_memory(cls) -> float:
        """GB that it takes of the first GPU, as `auto` would run it; for the memory plan of `synth doctor`."""
        return 0.0

    @classmethod
    @abstractmethod
    def create(cls, argument: str, settings: LLMSettings) -> LLM: ...

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Name, model, revision or hash: what decides the replies. Never keys or addresses."""

    async def start(self) -> None:
        """Load the model or open connections."""

    @abstractmethod
    async def chat(self, request: ChatRequest) -> ChatReply: ...

    async def close(self) -> None:
        """Release everything `start` took; safe to call twice."""
