"""What an OpenAI-compatible endpoint understands, found out from its refusals.

Servers call themselves compatible and differ in how a structure is asked for and in which fields they take.
Few of them can be asked beforehand; so the most is asked for, and what an endpoint refuses by name is left
out for the rest of the session.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import orjson

from synth.backends.llm.base import ChatRequest

_OPTIONAL = ("seed", "temperature", "top_p")
_FIELDS = frozenset({"model", "messages", "max_tokens", "max_completion_tokens", "response_format", *_OPTIONAL})
#: Words that speak of nothing but the way a structure is asked for.
_ABOUT_STRUCTURE = re.compile(
    r"\b(?:response[_ ]format|json[_ ](?:schema|object|mode)|guided[_ ](?:json|grammar|decoding)|"
    r"structured[_ ]outputs?)\b"
)
_REFUSAL = re.compile(
    r"\b(?:un(?:known|supported|recogni[sz]ed|expected|available|implemented)|in(?:valid|correct)|extra(?:neous)?|"
    r"forbidden|fail(?:ed|ure)|errors?|additional)\b|(?:\b(?:not|cannot|never)|n't) (?:\w+ ){0,2}?(?:support|permit|"
    r"allow|valid|known|accept|recogni|available|implement|found|find|enabled)"
)
_NEAR = 80
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
        if self.limit_field == "max_tokens" and complaint.asks_for_another_limit():
            return replace(self, limit_field="max_completion_tokens")
        # The structure first: a schema may have a property that is called like one of the fields below.
        if self.structure != "text" and complaint.is_about_structure():
            return replace(self, structure=_STRUCTURES[_STRUCTURES.index(self.structure) + 1])
        for name in _OPTIONAL:
            if name not in self.without and complaint.refuses(name):
                return replace(self, without=self.without | {name})
        return None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an endpoint says of a request that it refuses: the fields it names apart from its words, and its words.

    One refusal changes how the whole session asks. So what was sent is not taken for the endpoint's own words, a
    field that it names apart (`param`, `loc`) goes before them, and a field called like an ordinary word ("seed")
    must stand where a field stands, near a word of refusal: prompts have sunflower seeds in them.
    """

    text: str
    fields: frozenset[str] = frozenset()

    @classmethod
    def read(cls, body: bytes, *sent: str) -> Complaint:
        """From the body of the answer to a request in which `sent` was."""
        raw = body.decode("utf-8", "replace")
        texts, fields = [raw], set[str]()
        with contextlib.suppress(orjson.JSONDecodeError):
            texts = list(_texts(orjson.loads(raw), fields))
        text = _plain(" ; ".join(texts))
        for one in filter(None, map(_plain, sent)):
            text = text.replace(one, " ... ")
        return cls(text, frozenset(fields) & _FIELDS)

    def asks_for_another_limit(self) -> bool:
        about_it = not self.fields or bool(self.fields & {"max_tokens", "max_completion_tokens"})
        return about_it and re.search(r"\bmax_completion_tokens\b", self.text) is not None

    def is_about_structure(self) -> bool:
        if self.fields:
            return "response_format" in self.fields
        return bool(_ABOUT_STRUCTURE.search(self.text)) or self._refused("schema") or self._refused("grammar")

    def refuses(self, name: str) -> bool:
        return name in self.fields if self.fields else self._refused(name)

    def _refused(self, name: str) -> bool:
        near = (self.text[max(0, at.start() - _NEAR) : at.end() + _NEAR] for at in _standing(name).finditer(self.text))
        return any(_REFUSAL.search(one) for one in near)


def _plain(text: str) -> str:
    """`text` without case and escapes, which are different where an error quotes JSON or Python; lines end in ';'."""
    unescaped = re.sub(r"""\\+(?=["'])""", "", text)
    lines = re.sub(r"\s*(?:(?:\\+[nr]|[\n\r])\s*)+", " ; ", unescaped)
    return re.sub(r"[\s\\]+", " ", lines).strip(" ;").lower()


@lru_cache
def _standing(name: str) -> re.Pattern[str]:
    """`name` where a message names a field: alone between punctuation, or beside words that go with fields."""
    before = (
        r"(?:^|[^\w\s-]\s*|\b(?:the|your|this|an?|fields?|param|parameters?|arguments?|keys?|options?|propert(?:y|ies)|"
        r"inputs?|names?|supplied|unknown|invalid|unsupported|unexpected|extra|support|parse|compile|convert|and|or) )"
    )
    behind = (
        r"(?=\s*$|\s*[^\w\s-]|\s+(?:(?:is|are|was|does|do|must|should|can)(?:n't|not)?|not|param|parameter|field|argument|"
        r"option|value|property|contains|with|for|error|compilation|conversion|request|features?|and|or)\b)"
    )
    return re.compile(f"{before}{name}{behind}")


def _texts(data: object, fields: set[str]) -> Iterator[str]:
    """All texts in an error's JSON; `fields` gets the names that stand apart: OpenAI's `param`, pydantic's `loc`."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for one in data:
            yield from _texts(one, fields)
    elif isinstance(data, dict):
        for name, value in data.items():
            if name == "param" and isinstance(value, str):
                fields.update(re.split(r"[.\[]", value)[:1])
            elif name == "loc" and isinstance(value, list):
                # ("body", field, ...): what is deeper may be a property of a schema
                fields.update([one for one in value if isinstance(one, str) and one != "body"][:1])
            else:
                yield from _texts(value, fields)


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
