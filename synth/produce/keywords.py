"""Grows a keyword bank with a language model (StableLLaVA, section 4.3).

Asks in batches, shows entries of the bank (drawn evenly) as a reference and says what is there
already; what comes back is cleaned and compared by stems, so "red foxes" is not new after "red
fox". New entries carry the same facts as the old ones, so that templates can use them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from synth.backends.llm.base import LLM, ChatRequest, LLMSettings, SharedPrompt
from synth.banks import EvenDraw
from synth.english.inflection import stem
from synth.errors import ReplyError, SynthError
from synth.produce.parsing import clean, clean_keyword
from synth.records import Entry
from synth.seeding import derive_seed, generator
from synth.text import normalise

_BATCH = 20
_SHOWN = 8
_AVOID = 120
_PATIENCE = 4
_MAX_CHARACTERS, _MAX_WORDS, _MAX_FACT = 60, 8, 160
#: a fact with at most this many values, each used several times, is a choice and not free text
_MAX_CHOICES = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of a bank's entries. `choices` are its values where it only ever has a few."""

    name: str
    required: bool
    choices: tuple[str, ...] = ()


@dataclass
class Grown:
    """New entries, and why other replies were not taken."""

    entries: list[Entry] = field(default_factory=list)
    requests: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def facts_of(entries: Sequence[Entry]) -> list[Fact]:
    """The facts that new entries need: required are those that at least half of the old have."""
    counts = Counter(name for entry in entries for name in entry.facts)
    found = []
    for name, count in counts.items():
        values = Counter(part.strip() for e in entries if name in e.facts for part in e.facts[name].split(","))
        few = len(values) <= _MAX_CHOICES and count >= 3 * len(values)
        found.append(Fact(name, 2 * count >= len(entries), tuple(sorted(values)) if few else ()))
    return found


async def grow(
    llm: LLM,
    bank: str,
    entries: Sequence[Entry],
    n: int,
    settings: LLMSettings,
    about: str = "",
    seed: int = 0,
    progress: Callable[[int], object] = lambda count: None,
    grown: Grown | None = None,
) -> Grown:
    """Ask a started model until `n` new entries are found or several requests bring none.

    What is found is added to `grown` at once, so that a caller has it also when the model fails later.

    Raises:
        SynthError: an empty bank and no `about`; `BackendError` if the model cannot go on.
    """
    if not entries and not about:
        raise SynthError(f"The bank '{bank}' has no entries to go by.", "Say what it holds: --about 'kinds of sport'.")
    facts = facts_of(entries)
    shared = SharedPrompt([{"role": "system", "content": _system(bank, about, facts)}])
    known = {_key(entry.text) for entry in entries}
    reference = EvenDraw(entries, seed, "keywords", bank) if entries else None
    grown = Grown() if grown is None else grown
    without_news = 0
    while len(grown.entries) < n and without_news < _PATIENCE:
        wanted = min(_BATCH, n - len(grown.entries) + 3)
        request = ChatRequest(
            shared=shared,
            message=_message(wanted, reference, [*entries, *grown.entries], grown.requests, facts),
            schema=_schema(wanted, facts),
            seed=derive_seed(seed, "keywords", bank, grown.requests),
            max_tokens=max(settings.max_tokens, wanted * 24 * (1 + len(facts))),
            temperature=settings.temperature,
            top_p=settings.top_p,
            step="keywords",
            context={"bank": bank, "wanted": wanted, "facts": [fact.name for fact in facts]},
        )
        grown.requests += 1
        before = len(grown.entries)
        try:
            replies = _read((await llm.chat(request)).text)
        except ReplyError as error:
            grown.dropped[error.message] += 1
            replies = []
        for reply in replies[: 2 * wanted]:
            _take(reply, facts, known, grown, n)
        without_news = without_news + 1 if len(grown.entries) == before else 0
        progress(len(grown.entries))
    return grown


def bank_lines(entries: Sequence[Entry]) -> str:
    """Entries as lines of a bank file."""
    return "".join(
        " | ".join([entry.text, *(f"{name}: {value}" for name, value in entry.facts.items())]) + "\n"
        for entry in entries
    )


def header(bank: str, model: str, about: str) -> str:
    """Comment lines that say where new entries come from."""
    topic = f" about {' '.join(about.split())}" if about else ""
    return (
        f"# Entries for the keyword bank '{bank}'{topic}.\n"
        f"# Source: written by {model} through 'synth keywords'; look through them before use.\n"
        "# License: see the licence of that model for its outputs.\n"
    )


def _system(bank: str, about: str, facts: Sequence[Fact]) -> str:
    topic = about or f"'{bank.replace('_', ' ')}'"
    lines = [
        f"You extend a list of words for text-to-image prompts. The list is about: {topic}.",
        "",
        "Requirements:",
        "- Every entry is a short, common English phrase for one thing of the same kind as the examples.",
        "- It can be seen in a picture, and most people know what it looks like.",
        "- Vary widely: different families, countries, materials and sizes.",
        "- No entry that is already listed, no variant or plural of one, no brand, no person's name.",
    ]
    if facts:
        lines.append(f"- Give each entry these facts, true and visible: {', '.join(f.name for f in facts)}.")
    for fact in facts:
        if fact.choices:
            lines.append(f"- '{fact.name}' is one of: {', '.join(fact.choices)}.")
    shape: dict[str, Any] | str = {"text": "...", **{f.name: "..." for f in facts}} if facts else "..."
    lines += ["", "Reply with JSON only: " + orjson.dumps({"entries": [shape]}).decode()]
    return "\n".join(lines)


def _message(
    wanted: int, reference: EvenDraw | None, there: Sequence[Entry], round_: int, facts: Sequence[Fact]
) -> str:
    lines = []
    if reference is not None:
        lines.append("Examples of the list:")
        for entry in {e.text: e for e in (reference.next() for _ in range(_SHOWN))}.values():
            shown: Any = {"text": entry.text, **{f.name: entry.facts.get(f.name, "") for f in facts}}
            lines.append(orjson.dumps(shown if facts else entry.text).decode())
    avoid = [entry.text for entry in there]
    if len(avoid) > _AVOID:  # the newest, which a model repeats first, and others by chance
        older = generator(round_, "avoid").sample(avoid[: -_AVOID // 2], _AVOID // 2)
        avoid = [*older, *avoid[-_AVOID // 2 :]]
    if avoid:
        lines.append(f"Already listed, do not repeat: {'; '.join(avoid)}")
    lines.append(f"Write {wanted} new entries.")
    return "\n".join(lines)


def _schema(wanted: int, facts: Sequence[Fact]) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "minLength": 2, "maxLength": _MAX_CHARACTERS}
    item = text
    if facts:
        properties: dict[str, Any] = {"text": text}
        for fact in facts:
            properties[fact.name] = {"type": "string", "minLength": 1, "maxLength": _MAX_FACT}
        item = {
            "type": "object",
            "properties": properties,
            "required": ["text", *(fact.name for fact in facts if fact.required)],
            "additionalProperties": False,
        }
    array = {"type": "array", "items": item, "minItems": 1, "maxItems": wanted}
    return {
        "type": "object",
        "properties": {"entries": array},
        "required": ["entries"],
        "additionalProperties": False,
    }


def _read(reply: str) -> list[Any]:
    """The list in a reply, also where a small model left out the object around it."""
    reply = reply.rpartition("</think>")[2]
    start = min((at for at in (reply.find("{"), reply.find("[")) if at >= 0), default=-1)
    end = max(reply.rfind("}"), reply.rfind("]"))
    try:
        data = orjson.loads(reply[start : end + 1]) if start >= 0 else None
    except orjson.JSONDecodeError as error:
        raise ReplyError("the reply is not valid JSON") from error
    if isinstance(data, dict):
        data = data.get("entries")
    if not isinstance(data, list):
        raise ReplyError("the reply has no list of entries")
    return data


def _take(reply: Any, facts: Sequence[Fact], known: set[tuple[str, ...]], grown: Grown, n: int) -> None:
    if len(grown.entries) >= n:
        return
    raw = reply.get("text") if isinstance(reply, dict) else reply
    if not isinstance(raw, str):
        grown.dropped["not a text"] += 1
        return
    text = clean_keyword(raw).lstrip("#")
    key = _key(text)
    if not key or len(text) > _MAX_CHARACTERS or len(text.split()) > _MAX_WORDS or not text.isascii():
        grown.dropped["empty, long or not English"] += 1
        return
    if key in known:
        grown.dropped["there already"] += 1
        return
    values = {}
    for fact in facts:
        value = reply.get(fact.name) if isinstance(reply, dict) else None
        value = clean(value.replace("|", " "), []) if isinstance(value, str) else ""
        if fact.choices and not all(part.strip() in fact.choices for part in value.split(",")):
            value = ""
        if value and len(value) <= _MAX_FACT:
            values[fact.name] = value
        elif fact.required:
            grown.dropped[f"no usable '{fact.name}'"] += 1
            return
    known.add(key)
    grown.entries.append(Entry(text=text, facts=values))


def _key(text: str) -> tuple[str, ...]:
    """The same for "red foxes" and "a red fox"."""
    return tuple(stem(word) for word in normalise(text).split())
