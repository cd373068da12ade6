"""What an OpenAI-compatible endpoint understands, found out from its refusals.

Servers call themselves compatible and differ in how a structure is asked for and in which fields they take.
Few of them can be asked beforehand; so the most is asked for, and what an endpoint refuses by name is left
out for the rest of the session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import orjson

from synth.backends.endpoint.complaint import Complaint
from synth.backends.llm.base import ChatRequest

_OPTIONAL = ("seed", "temperature", "top_p")
#: what a refusal may be about
FIELDS = frozenset({"model", "messages", "max_tokens", "max_completion_tokens", "response_format", *_OPTIONAL})
#: Words that speak of nothing but the way a structure is asked for.
_ABOUT_STRUCTURE = re.compile(
    r"\b(?:response[_ ]format|json[_ ](?:schema|object|mode)|guided[_ ](?:json|grammar|decoding)|"
    r"structured[_ ]outputs?)\b"
)
_STRUCTURES = ("strict", "schema", "json", "text")
_INSTRUCTION = "\n\nReply with one JSON object and nothing else. It must follow this JSON schema:\n"
_MOST_SCHEMAS = 64


@dataclass(frozen=True, slots=True)
class Dialect:
    """Immutable, so that requests in flight notice that another one has already learned something."""

    structure: str = "strict"
    limit_field: str = "max_tokens"
    without: frozenset[str] = frozenset()

    @property
    def mode(self) -> str:
        """How the structure was asked for, as the ledger records it."""
        return "schema" if self.structure == "strict" else self.structure

    def after(self, complaint: Complaint) -> Dialect | None:
        """What to try next after a refusal, or None if it was not about what we can leave out."""
        if self.limit_field == "max_tokens" and _asks_for_another_limit(complaint):
            return replace(self, limit_field="max_completion_tokens")
        # The structure first: a schema may have a property that is called like one of the fields below.
        if self.structure != "text" and _is_about_structure(complaint):
            return replace(self, structure=_STRUCTURES[_STRUCTURES.index(self.structure) + 1])
        for name in _OPTIONAL:
            if name not in self.without and complaint.refuses(name):
                return replace(self, without=self.without | {name})
        return None


def _asks_for_another_limit(complaint: Complaint) -> bool:
    about_it = not complaint.fields or bool(complaint.fields & {"max_tokens", "max_completion_tokens"})
    return about_it and re.search(r"\bmax_completion_tokens\b", complaint.text) is not None


def _is_about_structure(complaint: Complaint) -> bool:
    if complaint.fields:
        return "response_format" in complaint.fields
    if _ABOUT_STRUCTURE.search(complaint.text):
        return True
    return complaint.refuses_in_words("schema") or complaint.refuses_in_words("grammar")


class Encoder:
    """Turns requests into bodies; what many requests have in common is turned once."""

    def __init__(self, model: str) -> None:
        self._head = b'{"model":' + orjson.dumps(model) + b',"messages":'
        self._schemas: dict[tuple[int, str], tuple[object, bytes, str]] = {}

    def appended(self, request: ChatRequest, dialect: Dialect) -> str:
        """What `encode` adds to the request's message."""
        return self._structure(request, dialect)[1]

    def encode(self, request: ChatRequest, dialect: Dialect) -> bytes:
        response_format, instruction = self._structure(request, dialect)
        shared = request.shared.json[:-1]
        comma = "," if len(shared) > 1 else ""
        tail = f'}}],"{dialect.limit_field}":{request.max_tokens}'
        if not dialect.without:
            tail += f',"temperature":{request.temperature},"top_p":{request.top_p},"seed":{request.seed}'
        else:
            for name in _OPTIONAL:
                if name not in dialect.without:
                    tail += f',"{name}":{getattr(request, name)}'
        return b"".join((
            self._head,
            f'{shared}{comma}{{"role":"user","content":'.encode(),
            orjson.dumps(request.message + instruction if instruction else request.message),
            tail.encode(),
            response_format,
        ))  # fmt: skip

    def _structure(self, request: ChatRequest, dialect: Dialect) -> tuple[bytes, str]:
        """The end of the body and what is added to the message."""
        # The schema is kept beside its id, so that the id cannot come to mean another one.
        key = (id(request.schema), dialect.structure)
        known = self._schemas.get(key)
        if known is None:
            if len(self._schemas) >= _MOST_SCHEMAS:
                self._schemas.clear()
            known = (request.schema, *_ask_for(request, dialect.structure))
            self._schemas[key] = known
        return known[1], known[2]


def _ask_for(request: ChatRequest, structure: str) -> tuple[bytes, str]:
    schema = orjson.dumps(dict(request.schema))
    if structure in ("strict", "schema"):
        strict = b',"strict":true' if structure == "strict" else b""
        wrapped = b'{"name":"reply"' + strict + b',"schema":' + schema + b"}"
        return b',"response_format":{"type":"json_schema","json_schema":' + wrapped + b"}}", ""
    instruction = _INSTRUCTION + schema.decode()
    if structure == "json":
        return b',"response_format":{"type":"json_object"}}', instruction
    return b"}", instruction
