"""What an endpoint says of a request that it refuses, read so that we can do without what it does not know."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import orjson

_REFUSAL = re.compile(
    r"\b(?:un(?:known|supported|recogni[sz]ed|expected|available|implemented)|in(?:valid|correct)|extra(?:neous)?|"
    r"forbidden|fail(?:ed|ure)|errors?|additional)\b|(?:\b(?:not|cannot|never)|n't) (?:\w+ ){0,2}?(?:support|permit|"
    r"allow|valid|known|accept|recogni|available|implement|found|find|enabled)"
)
_NEAR = 80


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
    def read(cls, body: bytes, known: frozenset[str], *sent: str) -> Complaint:
        """From the body of the answer to a request in which `sent` was, and fields of the names `known`."""
        raw = body.decode("utf-8", "replace")
        texts, fields = [raw], set[str]()
        with contextlib.suppress(orjson.JSONDecodeError):
            texts = list(_texts(orjson.loads(raw), fields))
        text = _plain(" ; ".join(texts))
        for one in filter(None, map(_plain, sent)):
            text = text.replace(one, " ... ")
        return cls(text, frozenset(fields) & known)

    def refuses(self, name: str) -> bool:
        return name in self.fields if self.fields else self.refuses_in_words(name)

    def refuses_in_words(self, name: str) -> bool:
        """Whether its words refuse what is called `name`, whatever fields it names apart."""
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
