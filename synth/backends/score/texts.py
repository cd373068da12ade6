"""The texts that pictures are scored against: what of a prompt speaks of the picture, and how a text that
is longer than a model can read is taken apart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

from synth.backends.score.base import Score, ScoreRequest

#: what the VLIT review puts before a conversation for its matching degree
GUIDE = "This is a picture about this conversation:"

#: scores are recorded, and decided about, to this many digits: a batch of another size moves the sixth or seventh
_DIGITS = 4

_EMPHASIS = re.compile(r":\d+(?:\.\d+)?(?=\s*\))|[()\[\]{}]")
#: keywords of these words alone ask for a good picture and say nothing about what is in it, if they have one
#: of the first kind: "sharp focus" and "8k"; but "beautiful" or "very high" may speak of what is shown
_ASKS = (
    "quality resolution res hires definition masterpiece 4k 8k 16k hd uhd fhd hdr detailed detail details "
    "artstation focus winning"
)
_PRAISES = (
    "best high highest top good great award awards ultra super very highly extremely insanely intricate sharp "
    "crisp trending on professional stunning beautiful perfect amazing"
)
_QUALITY = frozenset(_ASKS.split())
_ALL = _QUALITY | frozenset(_PRAISES.split())


class TextBatch:
    """The texts of some requests, in pieces that a model can read; `pieces` are the different ones of them.

    The score of a text is the mean of the scores of its pieces, each weighted by its tokens.
    """

    def __init__(
        self, requests: Sequence[ScoreRequest], room: int, count: Callable[[str], int], guided: bool = False
    ) -> None:
        """`room` is how many tokens a model reads, `count` how many a text has."""
        self._found: list[dict[str, list[tuple[int, int]]]] = []
        self._places: dict[str, int] = {}
        guide = f"{GUIDE} "
        for one in requests:
            texts = {"prompt": content_of(one.keywords), "dialogue": one.dialogue}
            texts |= {_sibling(number): content_of(other) for number, other in enumerate(one.siblings)}
            parts = {kind: [(p, p) for p in chunks(text, room, count)] for kind, text in texts.items() if text.strip()}
            if guided and one.conversation.strip():
                own = chunks(one.conversation, max(room - count(guide), 1), count)
                parts["guided"] = [(guide + piece, piece) for piece in own]
            self._found.append(
                {
                    kind: [(self._places.setdefault(piece, len(self._places)), max(count(own), 1)) for piece, own in of]
                    for kind, of in parts.items()
                }
            )

    @property
    def pieces(self) -> list[str]:
        return list(self._places)

    def scores(self, score: Callable[[int, int], float]) -> list[Score]:
        """The score of each request; `score` gives that of a request's picture against a piece, by their numbers.
        Nothing is scored against no text, and where a model overflowed there is no score: no number is above or
        below one that is not a number."""
        made = []
        for request, of in enumerate(self._found):
            means: dict[str, float | None] = {}
            for kind, places in of.items():
                total = sum(weight for _, weight in places)
                mean = sum(score(request, place) * weight for place, weight in places) / total
                means[kind] = round(mean, _DIGITS) if math.isfinite(mean) else None
            others = [means[kind] for kind in map(_sibling, range(len(of))) if kind in means]
            siblings = tuple(score for score in others if score is not None)
            made.append(Score(means.get("prompt"), means.get("dialogue"), means.get("guided"), siblings))
        return made


def _sibling(number: int) -> str:
    return f"sibling {number}"


def content_of(keywords: Sequence[str]) -> str:
    """A prompt as a text: without emphasis, and without keywords that only ask for quality."""
    plain = [" ".join(_EMPHASIS.sub(" ", keyword).split()) for keyword in keywords]
    return ", ".join([one for one in plain if one and not _only_quality(one)] or [one for one in plain if one])


def _only_quality(keyword: str) -> bool:
    words = re.findall(r"[a-z0-9]+", keyword.lower())
    return _ALL.issuperset(words) and not _QUALITY.isdisjoint(words)


def chunks(text: str, room: int, count: Callable[[str], int]) -> list[str]:
    """`text` in pieces of at most `room` tokens: whole sentences where they fit, else parts of sentences,
    else words. All of it is there, in order; nothing is cut off.

    `count` tells how many tokens a text has. A text that fits is one piece, unchanged.
    """
    if room < 1:
        raise ValueError("there is no room for a token")
    if count(text) <= room:
        return [text]
    made: list[str] = []
    current = ""
    for part in _parts(text, room, count):
        longer = f"{current} {part}" if current else part
        if current and count(longer) > room:
            made.append(current)
            current = part
        else:
            current = longer
    return [*made, current] if current else made


def _parts(text: str, room: int, count: Callable[[str], int]) -> Iterator[str]:
    """Pieces that fit, as large as their kind allows."""
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        if count(sentence) <= room:
            yield sentence
            continue
        for clause in re.split(r"(?<=,)\s+", sentence):
            if count(clause) <= room:
                yield clause
                continue
            for word in clause.split():
                yield from _short(word, room, count)


def _short(word: str, room: int, count: Callable[[str], int]) -> Iterator[str]:
    """A word, halved until it fits: a text without spaces may be longer than any model reads."""
    if len(word) < 2 or count(word) <= room:
        yield word
        return
    middle = len(word) // 2
    yield from _short(word[:middle], room, count)
    yield from _short(word[middle:], room, count)
