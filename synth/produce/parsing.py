"""From a model's reply to keywords or turns, repairing what is unambiguous and counting it.

A reply is untrusted text. Structured output makes most of this unnecessary, but endpoints differ:
some wrap JSON in fences, think aloud first, or answer "Question: ... Answer: ...". Every repair has
a name that ends up in the ledger; what cannot be repaired raises `ReplyError` with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from synth.errors import ReplyError
from synth.records import IMAGE_PLACEHOLDER, without_placeholders

_THINK = re.compile(r"<think>.*?</think>|^.*?</think>", re.DOTALL)
# *+ and ++ never give back what they took: on a long reply that would take forever
_FENCE = re.compile(r"```\w*+\s*+(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_ASKED = re.compile(r"\W*+(?:q|question|user|human)\s*+\d*+\W{0,3}[:.]\**(.*)", re.IGNORECASE)
_ANSWERED = re.compile(r"\W*+(?:a|answer|assistant|gpt)\s*+\d*+\W{0,3}[:.]\**(.*)", re.IGNORECASE)
_LABEL = re.compile(r"^\W*+(?:prompt|keywords?|answer|response|output)\s*+\d*+\s*+:\s*", re.IGNORECASE)
#: "Prompt 1: ...", and as a name in an object "picture_1"
_PROMPT_LINE = re.compile(r"\W*+(?:prompt|picture|image|step)\s*+(\d{1,2})\W{0,3}:\s*(.+)", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:prompt|picture|image|step)[ _]?(\d{1,2})", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]+")
_MARKUP = re.compile(r"[,(){}\[\]<>\"|\\]")
_ENDS = (".", "!", "?", "…", ")", '"', "'", "”", "’")
NO_SCHEMA: Mapping[str, Any] = {}
_WEIGHT = re.compile(r":\d+(?:\.\d+)?(?=\)|$)")


def parse_written(
    reply: str, fact_names: Mapping[str, Any], schema: Mapping[str, Any] = NO_SCHEMA, pictures: int | None = None
) -> tuple[dict[str, str], list[list[str]], list[str]]:
    """Facts, the keywords of each picture, and the names of the repairs made, from a reply of the writing step.

    `pictures` is how many there must be where a sample has several; None for one.
    """
    repairs: list[str] = []
    data = reply_object(reply, repairs, schema, "" if pictures is None else "pictures")
    if data is None:
        if pictures is None:
            data = {"keywords": _keywords_from_text(reply)}
        else:
            data = {"pictures": _pictures_from_text(reply)}
        repairs.append("keywords_from_text")
    raw = [data.get("keywords")] if pictures is None else _pictures(data, pictures, repairs)
    keywords = []
    for number, one in enumerate(raw, 1):
        where = "" if pictures is None else f"picture {number}: "
        keywords.append(_keywords(one, where, repairs))
    facts = {}
    for name in fact_names:
        value = data.get(name)
        if not isinstance(value, str) or not clean(value, repairs):
            raise ReplyError(f"the reply has no '{name}'")
        facts[name] = clean(value, repairs)
    return facts, keywords, repairs


def _pictures(data: Mapping[str, Any], wanted: int, repairs: list[str]) -> list[Any]:
    """The keywords of each picture as the reply has them."""
    found = data.get("pictures", data)
    if isinstance(found, dict):
        found = _by_number((int(match[1]), one) for key, one in found.items() if (match := _NUMBERED.fullmatch(key)))
        repairs += ["pictures_from_names"] if found else []
    if not isinstance(found, list) or not found:
        raise ReplyError("the reply has no list of pictures")
    found = [_of_picture(one) for one in found]
    if len(found) > wanted and not any(map(_shows_something, found[wanted:])):
        del found[wanted:]
        repairs.append("empty_pictures_dropped")
    if len(found) != wanted:
        raise ReplyError(f"the reply has {len(found)} pictures, not {wanted}")
    return found


def _by_number(numbered: Iterable[tuple[int, Any]]) -> list[Any]:
    """In the order of their numbers, which must be different ones."""
    found = sorted(numbered, key=lambda one: one[0])
    if len({number for number, _ in found}) < len(found):
        raise ReplyError("two pictures of the reply have the same number")
    return [one for _, one in found]


def _of_picture(one: Any) -> Any:
    """A picture that came as an object: {"keywords": [...]}."""
    if not isinstance(one, dict):
        return one
    return next((one[key] for key in ("keywords", "prompt", "description") if key in one), None)


def _shows_something(one: Any) -> bool:
    texts = one if isinstance(one, list) else [one]
    return any(text.strip() if isinstance(text, str) else text for text in texts)


def _keywords(raw: Any, where: str, repairs: list[str]) -> list[str]:
    """Cleaned keywords, each once. `where` begins an error."""
    if isinstance(raw, str):
        raw = raw.split(",")
        repairs.append("keywords_from_string")
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], str) and raw[0].count(",") > 1:
        raw = raw[0].split(",")
        repairs.append("keywords_from_string")
    if not isinstance(raw, list) or not raw:
        raise ReplyError(f"{where}the reply has no list of keywords")
    keywords: dict[str, str] = {}  # in lower case: as first written
    for item in raw:
        if not isinstance(item, str):
            raise ReplyError(f"{where}a keyword is not a text")
        keyword = clean_keyword(item)
        if keyword:
            keywords.setdefault(keyword.lower(), keyword)
    if not keywords:
        raise ReplyError(f"{where}all keywords are empty")
    return list(keywords.values())


def parse_answer(reply: str, schema: Mapping[str, Any] = NO_SCHEMA) -> tuple[str, list[str]]:
    """The answer of a describe reply and the repairs made."""
    repairs: list[str] = []
    data = reply_object(reply, repairs, schema)
    if data is None:
        pairs = _pairs_from_text(reply)
        text = pairs[0][1] if pairs else _LABEL.sub("", strip_wrapping(reply, []))
        repairs.append("answer_from_text")
    else:
        value = data.get("answer")
        if not isinstance(value, str):
            raise ReplyError("the reply has no 'answer'")
        text = value
    text = clean(text, repairs)
    if not text:
        raise ReplyError("the answer is empty")
    return text, repairs


def parse_turns(reply: str, schema: Mapping[str, Any] = NO_SCHEMA) -> tuple[list[tuple[str, str]], list[str]]:
    """The 2 to 4 question-answer pairs of a chat reply and the repairs made.

    Where every answer asks and no question does, the two were swapped.
    """
    repairs: list[str] = []
    data = reply_object(reply, repairs, schema, "turns")
    pairs: list[tuple[str, str]] = []
    if data is None:
        pairs = _pairs_from_text(strip_wrapping(reply, []))
        repairs.append("turns_from_text")
    else:
        turns = data.get("turns")
        if not isinstance(turns, list):
            raise ReplyError("the reply has no list of turns")
        for turn in turns:
            if not isinstance(turn, dict):
                raise ReplyError("a turn is not an object")
            question, answer = turn.get("question"), turn.get("answer")
            if not isinstance(question, str) or not isinstance(answer, str):
                raise ReplyError("a turn lacks its question or its answer")
            pairs.append((question, answer))
    pairs = [(clean(q, repairs), clean(a, repairs)) for q, a in pairs]
    said = [(q, a) for q, a in pairs if q or a]
    if len(said) < len(pairs):
        pairs = said
        repairs.append("empty_turns_dropped")
    if any(not q or not a for q, a in pairs):
        raise ReplyError("a question or an answer is empty")
    if pairs and all(a.endswith("?") and not q.endswith("?") for q, a in pairs):
        pairs = [(a, q) for q, a in pairs]
        repairs.append("speakers_swapped")
    if not 2 <= len(pairs) <= 4:
        raise ReplyError(f"the reply has {len(pairs)} question-answer pairs, not 2 to 4")
    return pairs, repairs


def is_complete(reply: str) -> bool:
    """Whether a reply that was cut off holds a whole JSON object all the same: some models go on with blanks or
    chatter. Nothing else can be trusted then, as its end may be missing."""
    try:
        text = strip_wrapping(reply, [])
        return isinstance(_decoded(text, max(0, text.find("{")))[0], dict)
    except (ValueError, RecursionError):
        return False


def clean(text: str, repairs: list[str]) -> str:
    """One line of plain text; an image placeholder in model text would break every export."""
    if IMAGE_PLACEHOLDER in text:
        text = without_placeholders(text)
        repairs.append("placeholder_removed")
    if not (text.isascii() and text.isprintable()):
        # a lone surrogate cannot be stored
        text = _CONTROL.sub(" ", text.encode("utf-8", "replace").decode())
    return " ".join(text.split())


def clean_keyword(text: str) -> str:
    """A keyword without commas, brackets, weights, quotes and a final full stop."""
    text = clean(text, [])
    if ":" in text:
        text = _WEIGHT.sub("", text)
    return " ".join(_MARKUP.sub(" ", text).split()).strip(" .;:-*")


def reply_object(reply: str, repairs: list[str], schema: Mapping[str, Any], only: str = "") -> dict[str, Any] | None:
    """The JSON object in `reply`, or None if there is no object at all.

    A list without its object is that of the field `only`, where one is named.
    """
    try:
        data = orjson.loads(reply)
    except orjson.JSONDecodeError:
        data = _repaired(reply, repairs, "[{" if only else "{")
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
        repairs.append("list_unwrapped")
    if isinstance(data, list) and only:
        data = {only: data}
        repairs.append("list_wrapped")
    if not isinstance(data, dict):
        return None
    _refuse_cut(data, schema, "reply")
    return data


def _refuse_cut(value: Any, schema: Mapping[str, Any], name: str) -> None:
    """Raise if a text was ended by its schema and not by the model.

    Constrained decoding closes the quotes at `maxLength`, in the middle of a word if need be. A text of
    just that length is taken as whole only if it ends as sentences do; a longer one was not constrained.
    """
    if isinstance(value, str):
        if len(value) == schema.get("maxLength") and not value.endswith(_ENDS):
            raise ReplyError(f"'{name}' was cut off at {len(value)} characters")
    elif isinstance(value, list):
        for one in value:
            _refuse_cut(one, schema.get("items", NO_SCHEMA), name)
    elif isinstance(value, dict):
        for key, part in schema.get("properties", NO_SCHEMA).items():
            _refuse_cut(value.get(key), part, key)


def _repaired(reply: str, repairs: list[str], opening: str) -> Any:
    """What begins with one of the `opening` brackets; None if nothing does."""
    text = strip_wrapping(reply, repairs)
    start = text.find("{")
    if start < 0:
        return None
    early = text.find("[") if "[" in opening else -1
    if 0 <= early < start and not text[early + 1 : start].strip(" \n\t["):
        start = early
    try:
        data, end = _decoded(text, start)
    except RecursionError as error:
        raise ReplyError("the reply is nested too deeply") from error
    except ValueError:
        fixed = _TRAILING_COMMA.sub(r"\1", text[start:])
        try:
            data, end = _decoded(fixed, 0)
        except (ValueError, RecursionError) as error:
            raise ReplyError("the reply is not valid JSON, perhaps cut off") from error
        repairs.append("trailing_comma")
        return data
    if start > 0 or text[end:].strip():
        repairs.append("text_around_json")
    return data


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """The JSON value at `start`, and where it ends."""
    return json.JSONDecoder(strict=False).raw_decode(text, start)


def strip_wrapping(reply: str, repairs: list[str]) -> str:
    text = reply
    if "</think>" in text:
        text = _THINK.sub("", text)
        repairs.append("think_block")
    fence = _FENCE.search(text)
    if fence:
        text = fence.group(1)
        repairs.append("code_fence")
    return text.strip()


def _keywords_from_text(reply: str) -> list[str]:
    text = _LABEL.sub("", strip_wrapping(reply, []).strip())
    if text.count(",") < 2 or len(text) > 600:
        raise ReplyError("the reply is neither JSON nor a list of keywords")
    return text.replace("\n", ",").split(",")


def _pictures_from_text(reply: str) -> list[str]:
    """Lines such as "Prompt 1: a, b, c" (StableLLaVA, figure 7)."""
    lines = map(_PROMPT_LINE.match, strip_wrapping(reply, []).split("\n"))
    found = _by_number((int(match[1]), match[2]) for match in lines if match)
    if not found:
        raise ReplyError("the reply is neither JSON nor a list of prompts")
    return found


def _pairs_from_text(reply: str) -> list[tuple[str, str]]:
    """Pairs of "Question: ..." and "Answer: ...", which may take several lines each."""
    questions: list[list[str]] = []
    answers: list[list[str]] = []
    for line in reply.split("\n"):
        if asked := _ASKED.match(line):
            del questions[len(answers) :]  # a question without an answer
            questions.append([asked[1]])
        elif len(questions) > len(answers) and (answered := _ANSWERED.match(line)):
            answers.append([answered[1]])
        elif questions:
            (answers if len(questions) == len(answers) else questions)[-1].append(line)
    return [(_joined(q), _joined(a)) for q, a in zip(questions, answers, strict=False)]


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).strip()
