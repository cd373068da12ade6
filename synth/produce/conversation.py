"""From a model's reply to a conversation in which each turn of the user brings a picture (StableLLaVA, figure 8).

The user says in 《》 what a picture shows. How many pictures there are and in which order they come is planned,
so a reply that lost a bracket or put a picture into the wrong turn of a pair can be mended; what can be read in two
ways raises `ReplyError` with the reason. Every repair has a name that ends up in the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth.errors import ReplyError
from synth.produce.dialogue import without_mark
from synth.produce.parsing import NO_SCHEMA, clean, reply_object, strip_wrapping
from synth.records import Role
from synth.template_schema import PICTURE_MARK
from synth.text import content_stems, covers

_USER = frozenset(("user", "human", "learner", "student", "customer", "shopper", "reader", "child", "question", "q"))
_ASSISTANT = frozenset(("assistant", "gpt", "bot", "teacher", "guide", "narrator", "answer"))
#: "A:" is who asks where "B:" answers (figure 8), and who answers where "Q:" asks
_LETTERS: Mapping[str, Mapping[str, Role]] = {
    "b": {"a": "user", "b": "assistant"},
    "q": {"q": "user", "a": "assistant"},
}
_LABELLED = re.compile(r"[^\w《]*+([A-Za-z]+)\s*+\d*+[^\w《]{0,3}:\**\s*(.*)")
_ROLE_KEYS, _TEXT_KEYS = ("role", "from", "speaker"), ("content", "value", "text")
#: a picture of which nothing is said, as models write it
_PLACEHOLDER = re.compile(
    r"[\[({]{0,2}<\s?(?:image|picture|photo|img)[ _]?\d{0,2}\s?/?>[\])}]{0,2}"
    r"|[\[(](?:image|picture|photo)[ _]?\d{0,2}[\])]",
    re.IGNORECASE,
)
#: other ways in which models set off what a picture shows
_OTHER_MARKS = re.compile(
    r"<<([^<>]{1,300})>>|«([^«»]{1,300})»|【([^【】]{1,300})】|〈([^〈〉]{1,300})〉|＜([^＜＞]{1,300})＞"
    r"|[\[(<](?:image|picture|photo)(?: \d)?(?: of| shows)?:?\s+([^\[\]()<>]{1,300})[\])>]",
    re.IGNORECASE,
)
#: in brackets or behind a colon, which may be what a picture shows or just how people speak
_SET_OFF = re.compile(r"[\[({]([^\[\](){}]{1,300})[\])}]|(?<=:)\s([^:.!?\[\](){}]{1,300})(?=[.!?]|$)")
#: with whole pairs written as \0 and \1: a 《 that is never closed, up to the end of its sentence
_OPENED = re.compile(r"《([^《》\0\1]*?)(?=[.!?](?:\s|$)|$)")
#: behind which a sentence starts, or what a colon leads to
_STARTS = ("《", "\0", "\1", ".", "!", "?", ":")
_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?;])")


@dataclass(slots=True)
class _Message:
    speaker: Role
    text: str

    @property
    def marks(self) -> list[str]:
        return PICTURE_MARK.findall(self.text)


def parse_conversation(
    reply: str, pictures: Sequence[Sequence[str]], schema: Mapping[str, Any] = NO_SCHEMA
) -> tuple[list[tuple[str, str]], list[str]]:
    """What the user says and what is answered, turn by turn, and the repairs made.

    `pictures` are the keywords of the planned pictures. There are as many pairs as pictures, and each text of the
    user holds exactly one 《》, for the picture of that number.
    """
    repairs: list[str] = []
    messages = _in_turn(_messages(reply, schema, repairs), repairs)
    _swap_speakers(messages, repairs)
    pairs = list(zip(messages[::2], messages[1::2], strict=True))
    pairs = _as_many(pairs, len(pictures), repairs)
    for number, (user, assistant) in enumerate(pairs):
        _give_one_mark(number, user, assistant, pictures[number], repairs)
        _check_mark(number, user, pictures)
        if not any(map(str.isalnum, without_mark(user.text))):
            raise ReplyError(f"turn {number + 1}: the user only shows a picture and says nothing")
    return [(user.text, assistant.text) for user, assistant in pairs], repairs


def _messages(reply: str, schema: Mapping[str, Any], repairs: list[str]) -> list[_Message]:
    """Who says what, as the reply has it."""
    data = reply_object(reply, repairs, schema, "turns")
    if data is None:
        repairs.append("turns_from_text")
        return _from_text(strip_wrapping(reply, []))
    turns = next((data[key] for key in ("turns", "messages", "conversation", "conversations") if key in data), None)
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise ReplyError("the reply has no list of turns")
    found = []
    for number, turn in enumerate(turns, 1):
        said = _one_message(turn) or [
            _Message(speaker, text)
            for key, text in turn.items()
            if isinstance(text, str) and (speaker := _speaker(key)) is not None
        ]
        if not said:
            raise ReplyError(f"turn {number} is neither the user's nor the assistant's")
        found += said
    return found


def _one_message(turn: Mapping[str, Any]) -> list[_Message]:
    """A turn such as {"role": "user", "content": "..."}."""
    speaker = next((_speaker(turn[key]) for key in _ROLE_KEYS if isinstance(turn.get(key), str)), None)
    text = next((turn[key] for key in _TEXT_KEYS if isinstance(turn.get(key), str)), None)
    return [] if speaker is None or text is None else [_Message(speaker, text)]


def _speaker(label: str) -> Role | None:
    label = label.strip().lower()
    return "user" if label in _USER else "assistant" if label in _ASSISTANT else None


def _from_text(reply: str) -> list[_Message]:
    """Lines such as "User: ..." and "Assistant: ...", or "A: ..." and "B: ...", which may go on for several lines."""
    lines = reply.split("\n")
    labels = {match[1].lower() for line in lines if (match := _LABELLED.match(line))}
    letters = next((roles for other, roles in _LETTERS.items() if {"a", other} <= labels), {})
    found: list[_Message] = []
    for line in lines:
        match = _LABELLED.match(line)
        speaker = (letters.get(match[1].lower()) or _speaker(match[1])) if match else None
        if match and speaker is not None:
            found.append(_Message(speaker, match[2]))
        elif found:
            found[-1].text += f"\n{line}"
    if not found:
        raise ReplyError("the reply is neither JSON nor a conversation")
    return found


def _in_turn(messages: list[_Message], repairs: list[str]) -> list[_Message]:
    """Cleaned, without pairs in which nobody says anything, speakers taking turns."""
    for message in messages:
        # in the user's turn a placeholder is a picture of which nothing is said
        text = _PLACEHOLDER.sub("《》", message.text)
        if text != message.text:
            repairs.append("placeholder_taken")
        message.text = _marked(clean(text, repairs), repairs)
    kept: list[_Message] = []
    for at in range(0, len(messages) - len(messages) % 2, 2):
        if messages[at].text or messages[at + 1].text:
            kept += messages[at : at + 2]
        else:
            repairs.append("empty_turns_dropped")
    if len(messages) % 2:
        if messages[-1].text:
            raise ReplyError("the conversation ends without an answer")
        repairs.append("empty_turns_dropped")
    for number, message in enumerate(kept):
        if not message.text:
            raise ReplyError(f"turn {number // 2 + 1}: the {message.speaker} says nothing")
        if number and message.speaker == kept[number - 1].speaker:
            raise ReplyError(f"turn {number // 2 + 1}: the {message.speaker} speaks twice in a row")
    return kept


def _swap_speakers(messages: list[_Message], repairs: list[str]) -> None:
    """Where the assistant begins, and shows all the pictures, the names are swapped: the user shows them."""
    shown = {message.speaker for message in messages if message.marks}
    if not messages or messages[0].speaker == "user":
        if shown == {"assistant"} and sum(bool(message.marks) for message in messages) > 1:
            raise ReplyError("all the pictures are in the answers")
        return
    if shown != {"assistant"}:
        raise ReplyError("the conversation begins with the assistant")
    for message in messages:
        message.speaker = "assistant" if message.speaker == "user" else "user"
    repairs.append("speakers_swapped")


def _marked(text: str, repairs: list[str]) -> str:
    """The text with whole 《》, and no blank before a full stop that follows one."""
    if _OTHER_MARKS.search(text):
        text = _OTHER_MARKS.sub(lambda match: f"《{next(filter(None, match.groups()))}》", text)
        repairs.append("brackets_replaced")
    bare = PICTURE_MARK.sub("", text)
    if "《" in bare or "》" in bare:
        text = _closed(text)
        repairs.append("bracket_added")
    return _BEFORE_PUNCTUATION.sub(r"\1", text)


def _closed(text: str) -> str:
    """A lone bracket gets the other one: at the end of its sentence, or at the start (behind a colon)."""
    whole = PICTURE_MARK.sub(lambda match: f"\0{match[1]}\1", text)
    whole = _OPENED.sub(lambda match: f"\0{match[1]}\1", whole)
    *before, rest = whole.split("》")
    for piece in reversed(before):
        start = max(map(piece.rfind, _STARTS)) + 1
        rest = f"{piece[:start]} \0{piece[start:].strip()}\1{rest}"
    if "《" in rest:
        raise ReplyError("a bracket 《 or 》 has no other one")
    return " ".join(rest.replace("\0", "《").replace("\1", "》").split())


def _as_many(
    pairs: list[tuple[_Message, _Message]], wanted: int, repairs: list[str]
) -> list[tuple[_Message, _Message]]:
    """As many pairs as pictures; an exchange of thanks at the end, which alone has none, may go."""
    if [bool(user.marks or assistant.marks) for user, assistant in pairs] == [True] * wanted + [False]:
        repairs.append("closing_dropped")
        pairs = pairs[:-1]
    if len(pairs) != wanted:
        shown = sum(len(message.marks) for pair in pairs for message in pair)
        raise ReplyError(f"the conversation has {len(pairs)} turns with {shown} pictures, not {wanted} with one each")
    return pairs


def _give_one_mark(
    number: int, user: _Message, assistant: _Message, keywords: Sequence[str], repairs: list[str]
) -> None:
    """One picture in the user's turn, none in the answer."""
    if len(user.marks) > 1:
        raise ReplyError(f"turn {number + 1} has {len(user.marks)} pictures, not one")
    if assistant.marks:
        if user.marks or len(assistant.marks) > 1:
            raise ReplyError(f"turn {number + 1}: there is a picture in the answer")
        user.text += f" 《{assistant.marks[0]}》"
        assistant.text = _BEFORE_PUNCTUATION.sub(r"\1", " ".join(PICTURE_MARK.sub(" ", assistant.text).split()))
        repairs.append("picture_moved_to_user")
        if not assistant.text.strip(" .,!?"):
            raise ReplyError(f"turn {number + 1}: the assistant says nothing")
    if not user.marks:
        user.text = _with_mark(user.text, keywords)
        repairs.append("brackets_added")


def _with_mark(text: str, keywords: Sequence[str]) -> str:
    """The text with 《》 around what is set off in it and says what the picture shows; at its end if nothing is."""
    shown = content_stems(" ".join(keywords))
    fitting = [
        match
        for match in _SET_OFF.finditer(text)
        if (stems := content_stems(match[1] or match[2])) and covers(shown, stems, 0.5)
    ]
    if len(fitting) != 1:
        return f"{text} 《》"
    [match] = fitting
    return f"{text[: match.start()]} 《{(match[1] or match[2]).strip()}》{text[match.end() :]}"


def _check_mark(number: int, user: _Message, pictures: Sequence[Sequence[str]]) -> None:
    """What the user says a picture shows must fit the planned picture at least as well as any other."""
    said = content_stems(user.marks[0])
    fits = [len(said & content_stems(" ".join(keywords))) for keywords in pictures]
    if said and fits[number] < max(fits):
        shown = fits.index(max(fits)) + 1
        raise ReplyError(f"turn {number + 1} shows picture {shown} and not picture {number + 1}")
    if said and not fits[number]:
        raise ReplyError(f"turn {number + 1} shows '{user.marks[0][:60]}' and not its picture")
