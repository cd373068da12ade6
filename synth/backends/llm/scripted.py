"""A stand-in for a language model: replies made of the plan's own words.

Tests, kill-and-resume checks and demonstrations need replies that are the same each time, cost nothing
and pass the filters when the plan is sound. Its rows are marked `scripted` and are no training data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.english.inflection import ordinal
from synth.errors import SynthError
from synth.records import Entry
from synth.text import contains, content_stems

_MOST_CHARACTERS = 300

# words that say nothing of what is in the picture, so that the faithfulness checks find nothing invented
_OPENINGS = (
    "The picture shows", "Here we can see", "In this scene there is", "Right in the middle there is",
    "What stands out is", "Here you can see", "One can see", "This image shows",
    "In front of us there is", "The photo shows", "Here one sees", "The scene shows",
)  # fmt: skip
_LINKS = ("together with", "next to", "along with", "seen with", "beside", "near")
_ENDINGS = (
    "as we can see", "in this picture", "in this photo", "as the image shows",
    "in this scene", "as one can see here", "in this image", "as the picture shows",
)  # fmt: skip
_QUESTIONS = (
    "What is shown in this picture?", "What can you tell me about {}?", "How is {} shown here?",
    "What else belongs to {}?", "Which detail of {} do you notice?", "Where do you see {}?",
)  # fmt: skip
_SHOWING = (
    "Here is my picture:",
    "This is what I have:",
    "Have a look at this:",
    "I took this photo:",
    "Now I see this:",
)
_ASKING = (
    "What comes first?", "What comes next?", "How does it go on?", "And now?", "What should follow?", "Is it right so?",
    "Shall I go on?", "What is missing?",
)  # fmt: skip
_FILLERS = (
    "soft daylight", "plain background", "sharp focus", "wide view", "high detail", "natural colours",
    "close-up", "clear outlines", "warm light", "even light", "low angle", "photo",
)  # fmt: skip


class Scripted(LLM):
    """`--llm scripted`: a reply is a function of plan, context, schema and seed."""

    deterministic = True
    scripted = True
    concurrency = 64

    def __init__(self, settings: LLMSettings) -> None:
        self.concurrency = settings.concurrency or self.concurrency

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, "writes from the plan's words; for tests and demonstrations"

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> Scripted:
        if argument:
            raise SynthError(f"--llm scripted:{argument}: scripted takes no argument.", "Use --llm scripted.")
        return cls(settings)

    def identity(self) -> dict[str, Any]:
        return {"name": "scripted", "version": 1}

    async def chat(self, request: ChatRequest) -> ChatReply:
        text = _dumps(_Script(request).fill(request.schema))
        # A token is some four characters; good enough to see the accounting work.
        return ChatReply(text, "schema", (len(request.shared.json) + len(request.message)) // 4, 0, len(text) // 4)


def _dumps(value: Any) -> str:
    import orjson

    return orjson.dumps(value).decode()


class _Script:
    """One reply, drawn with a congruential generator: seeding `random.Random` alone takes 10 microseconds."""

    def __init__(self, request: ChatRequest) -> None:
        self._state = (request.seed * 2654435761 + 97) & 0xFFFFFFFF
        self._words = _words(request.plan)
        #: what is to be said of each picture, where there are several
        self._pictures: list[list[str]] = [list(texts) for texts in request.context.get("pictures", ())]
        self._question = str(request.context.get("question", ""))
        # what a written fact or an answer is about, where the ability says so; the rest may be cut off
        self._asked = [text for text in request.context.get("asks", ()) if text]
        self._words = list(dict.fromkeys([*self._words[:1], *self._asked, *self._words]))
        self._uses = {
            name: [request.plan[slot].text for slot in slots]
            for name, slots in request.context.get("uses", {}).items()
            if slots
        }

        # the slots that the first keyword must show, in one keyword
        lead = [request.plan[slot].text for slot in request.context.get("lead", ()) if slot in request.plan]
        self._lead = [" ".join(reversed(lead))] if len(lead) > 1 else []
        self._led = lead if self._lead else []

    def fill(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, part) for name, part in schema["properties"].items()}

    def _value(self, name: str, part: Mapping[str, Any]) -> Any:
        kind = part.get("type")
        if "enum" in part:
            return self._pick(part["enum"])
        if kind == "array":
            return self._list(part)
        if kind == "object":
            return self.fill(part)
        if kind in ("integer", "number"):
            return part.get("minimum", 1)
        if kind == "boolean":
            return True
        return self._sentence(name, part.get("maxLength", _MOST_CHARACTERS))

    def _list(self, part: Mapping[str, Any]) -> list[Any]:
        items = part["items"]
        least, most = part.get("minItems", 1), part.get("maxItems", 8)
        if items.get("type") == "string":
            return self._keywords(self._words, least, most, items.get("maxLength", _MOST_CHARACTERS))
        if items.get("type") == "array":
            longest = items["items"].get("maxLength", _MOST_CHARACTERS)
            least, most = items.get("minItems", 1), items.get("maxItems", 8)
            return [self._keywords(words, least, most, longest) for words in self._pictures]
        if "question" in items.get("properties", ()):
            return self._turns(items["properties"], least, most)
        if "user" in items.get("properties", ()):
            return self._conversation(items["properties"])
        return [self._value("", items) for _ in range(least)]

    def _keywords(self, planned: list[str], least: int, most: int, longest: int) -> list[str]:
        """The plan's words first, because restrictions demand them; then what fits any picture."""
        shown = self._lead + [word for word in planned if word not in self._led]
        words = [cut(word, longest) for word in shown]
        wanted = min(most, max(least, len(words) + 2))
        start = self._draw()
        number = 0
        while len(words) < wanted:
            filler = _FILLERS[(start + number) % len(_FILLERS)]
            again = number // len(_FILLERS)
            words.append(cut(f"{filler} {again + 1}" if again else filler, longest))
            number += 1
        return words[:wanted]

    def _turns(self, parts: Mapping[str, Any], least: int, most: int) -> list[dict[str, str]]:
        details = len(self._pictures) or len(self._words)  # the first answer says all, the others one of them each
        count = min(most, max(least, min(2 + self._draw() % 3, 1 + details)))
        start = self._draw()
        turns = []
        for number in range(count):
            about = self._words[(start + number) % len(self._words)] if self._words else "it"
            asked = _QUESTIONS[0] if number == 0 else self._pick(_QUESTIONS[1:]).format(f"the {about}")
            question = cut(
                self._question if number == 0 and self._question.endswith("?") else asked,
                parts["question"].get("maxLength", 160),
            )
            longest = parts["answer"].get("maxLength", _MOST_CHARACTERS)
            answer = self._sentence(about, longest) if number == 0 else self._detail(about, longest, start + number)
            turns.append({"question": question, "answer": answer})
        return turns

    def _conversation(self, parts: Mapping[str, Any]) -> list[dict[str, str]]:
        """A turn for each picture, which the user shows and the answer speaks of."""
        most = parts["assistant"].get("maxLength", _MOST_CHARACTERS)
        turns = []
        for number, texts in enumerate(self._pictures):
            message = f"{self._pick(_SHOWING)} 《{cut(texts[0], 200)}》. {_ASKING[number % len(_ASKING)]}"
            said = ", ".join(text.rstrip(".") for text in texts)
            turns.append({"user": message, "assistant": cut(f"{self._pick(_OPENINGS)} {said}", most - 1) + "."})
        return turns

    def _of_each(self, longest: int) -> str:
        """What each picture shows, then what was asked for."""
        text = "; ".join(
            self._of_one(number, cut(", ".join(texts), 110)) for number, texts in enumerate(self._pictures)
        )
        text += "".join(f"; {one.rstrip('.')}" for one in self._asked if not contains(content_stems(text), one, 0.8))
        return cut(text[0].upper() + text[1:], longest - 1) + "."

    @staticmethod
    def _of_one(number: int, what: str) -> str:
        return f"the {ordinal(number + 1)} image shows {what}"

    def _detail(self, about: str, longest: int, turn: int) -> str:
        """A later answer. The first one says everything, so this one speaks of a single thing: of several pictures the
        one whose `turn` it is, otherwise `about`, a word of the plan."""
        if self._pictures:
            number = turn % len(self._pictures)
            text = self._of_one(number, self._pictures[number][0])
        else:
            text = f"{self._pick(_OPENINGS)} {about}, {self._pick(_ENDINGS)}"
        return cut(text[0].upper() + text[1:], longest - 1) + "."

    def _sentence(self, name: str, longest: int) -> str:
        """Mentions all words of the plan."""
        if self._pictures:
            return self._of_each(longest)
        longest = min(longest, _MOST_CHARACTERS)
        words = self._uses.get(name) or self._words or [name.replace("_", " ") or "a scene"]
        text = f"{self._pick(_OPENINGS)} {words[0]}"
        if len(words) > 1:
            text += f" {self._pick(_LINKS)} {', '.join(words[1:])}"
        full = f"{text}, {self._pick(_ENDINGS)}"
        for candidate in (full, text, ", ".join(words)):
            if len(candidate) < longest:
                return candidate + "."
        return cut(text, longest - 1) + "."

    def _draw(self) -> int:
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        # The low bits of such a generator hardly change.
        return self._state >> 12

    def _pick(self, choices: Any) -> Any:
        return choices[self._draw() % len(choices)]


def _words(plan: Mapping[str, Entry]) -> list[str]:
    """Texts, then facts, each once."""
    seen = {entry.text: None for entry in plan.values()}
    for entry in plan.values():
        for value in entry.facts.values():
            seen[value] = None
    seen.pop("", None)
    return list(seen)


def cut(text: str, longest: int) -> str:
    """`text` in at most `longest` characters, between words where that is possible."""
    if len(text) <= longest:
        return text
    short = text[:longest]
    return (short.rpartition(" ")[0] or short).rstrip(" ,")
