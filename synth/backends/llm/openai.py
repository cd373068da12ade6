"""Any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, Ollama and TGI servers, OpenAI itself.

Not built on the openai package, which takes many times the processor time and would hold up a fast
endpoint. How an endpoint is lived with, `synth.backends.endpoint` knows; here is what a chat is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from synth.backends.endpoint.calling import Endpoint, Limits, Refused, Terms, Unreadable
from synth.backends.endpoint.complaint import Complaint
from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.backends.llm.dialect import FIELDS, Dialect, Encoder
from synth.errors import ReplyError, SynthError

_CONCURRENCY = 32
#: A reply has some kilobytes; whoever sends this much sends no reply.
_MOST_BYTES = 16 << 20
_HARMLESS = "This is only a test. Answer briefly."
_CHARACTERS_PER_TOKEN = 4
_TERMS = Terms(
    backend="--llm openai",
    path="/chat/completions",
    noun="chat completions",
    flag="--base-url",
    fewer="--concurrency",
    section="llm_settings",
    keys=("SYNTH_API_KEY", "OPENAI_API_KEY"),
    advice="Do what it says (name of the model, parameters, length of its context), then run the same command again; "
    "it goes on where it stopped. Sampling, max_tokens and the example pool belong to the run's identity: to "
    "change those, give a new --out.",
)


class OpenAICompatible(LLM):
    """`--llm openai:MODEL [--base-url URL]`."""

    uses = frozenset(("base_url", "timeout", "retries", "patience"))

    def __init__(self, model: str, settings: LLMSettings) -> None:
        self.model = model
        self.concurrency = settings.concurrency or _CONCURRENCY
        limits = Limits(self.concurrency, settings.timeout, settings.retries, settings.patience, _MOST_BYTES)
        self._endpoint = _Chats(model, settings.base_url, limits)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, _TERMS.availability()

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> OpenAICompatible:
        if not argument:
            raise SynthError("--llm openai does not say which model.", "Use --llm openai:MODEL.")
        return cls(argument, settings)

    @property
    def retries(self) -> int:
        return self._endpoint.retries

    def waiting(self) -> str:
        return self._endpoint.waiting()

    def identity(self) -> dict[str, Any]:
        return {"name": "openai", "model": self.model}

    async def start(self) -> None:
        self._endpoint.open()

    async def close(self) -> None:
        self._endpoint.close()

    async def chat(self, request: ChatRequest) -> ChatReply:
        try:
            said, extra = await self._endpoint.ask(request)
        except Refused as refusal:
            nothing = self._endpoint.nothing(request)
            raise ReplyError(str(refusal), reply=_with_cost(nothing, refusal.extra)) from None
        reply = _with_cost(said.reply, extra)
        if said.problem:
            raise ReplyError(said.problem, reply=reply)
        return reply


@dataclass(frozen=True, slots=True)
class _Said:
    """A reply, and what makes it unusable, if anything: it was paid for all the same."""

    reply: ChatReply
    problem: str


class _Chats(Endpoint[ChatRequest, _Said, Dialect]):
    def __init__(self, model: str, base_url: str | None, limits: Limits) -> None:
        super().__init__(model, base_url, limits, _TERMS, Dialect())
        self._encoder = Encoder(model)

    def encode(self, asked: ChatRequest, form: Dialect) -> bytes:
        return self._encoder.encode(asked, form)

    def kind(self, asked: ChatRequest) -> str:
        return asked.shared.key

    def harmless(self, like: ChatRequest) -> ChatRequest:
        return replace(like, message=_HARMLESS)

    def adapted(self, body: bytes, asked: ChatRequest, form: Dialect) -> Dialect | None:
        sent = (asked.message, self._encoder.appended(asked, form))
        return form.after(Complaint.read(body, FIELDS, *sent))

    def nothing(self, asked: ChatRequest) -> ChatReply:
        """The reply of an endpoint that gave none."""
        appended, left_out = self._difference(asked, self.form)
        return ChatReply("", self.form.mode, appended=appended, left_out=left_out)

    async def read(self, body: bytes, asked: ChatRequest, form: Dialect) -> _Said:
        import orjson

        try:
            data = orjson.loads(body)
            choice = data["choices"][0]
            message = choice["message"]
            content = message.get("content")
            finish = choice.get("finish_reason")
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            said = self.quote(body, 100)
            raise Unreadable(f"the answer is no chat completion: {said}" if said else "the reply is empty") from None
        text = content if isinstance(content, str) else ""
        tokens, estimated = _tokens(data.get("usage"), asked, text)
        reply = ChatReply(text, form.mode, *tokens, finish == "length", estimated, *self._difference(asked, form))
        usable = reply.text and finish != "content_filter"
        return _Said(reply, "" if usable else self._no_text(message, finish, asked))

    def _difference(self, asked: ChatRequest, form: Dialect) -> tuple[str, tuple[str, ...]]:
        """How what was sent differs from what the engine asked: what was appended, what was left out."""
        return self._encoder.appended(asked, form), tuple(sorted(form.without))

    def _no_text(self, message: dict[str, Any], finish: object, asked: ChatRequest) -> str:
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            return f"the model refused: {self.clean(refusal)}"
        if finish == "content_filter":
            return "the endpoint's content filter withheld the reply"
        if finish == "length":
            return (
                f"the reply ended at max_tokens={asked.max_tokens} before any text; a model that thinks first "
                "needs a larger llm_settings.max_tokens"
            )
        content = message.get("content")
        return f"the reply is not a text: {self.clean(str(content))[:100]}" if content else "the reply is empty"


def _with_cost(reply: ChatReply, extra: Sequence[_Said]) -> ChatReply:
    """`reply`, with the tokens of the harmless requests that were sent because of it."""
    for probe in (said.reply for said in extra):
        reply = replace(
            reply,
            prompt_tokens=reply.prompt_tokens + probe.prompt_tokens,
            cached_tokens=reply.cached_tokens + probe.cached_tokens,
            completion_tokens=reply.completion_tokens + probe.completion_tokens,
            estimated=reply.estimated or probe.estimated,
        )
    return reply


def _tokens(usage: object, request: ChatRequest, text: str) -> tuple[tuple[int, int, int], bool]:
    """Prompt, cached and reply tokens, and whether they are a guess. Some endpoints send none: then a token is taken
    for four characters, so that a budget holds at least roughly."""
    known = usage if isinstance(usage, dict) else {}
    details = known.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) or 0 if isinstance(details, dict) else 0
    prompt, completion = _count(known.get("prompt_tokens")), _count(known.get("completion_tokens"))
    if prompt is not None and completion is not None:
        return (prompt, cached, completion), False
    guess = _estimate(request.shared.json, request.message) if prompt is None else prompt
    return (guess, cached, _estimate(text) if completion is None else completion), True


def _estimate(*texts: str) -> int:
    return sum(map(len, texts)) // _CHARACTERS_PER_TOKEN


def _count(value: object) -> int | None:
    """A token count of an endpoint, which may send anything."""
    return value if type(value) is int and value >= 0 else None
