"""From questions and answers to the turns of a sample, with its image placeholders."""

from __future__ import annotations

import re
from collections.abc import Sequence

from synth.records import IMAGE_PLACEHOLDER, Form, Turn
from synth.template_schema import PICTURE_MARK

_ARTICLE = re.compile(r"\s+(?:a|an|the)$", re.IGNORECASE)
#: behind these the picture was what the sentence speaks of: "I found 《...》."
_NEEDS_OBJECT = re.compile(
    r"\b(?:is|are|was|were|have|has|had|found|see|saw|got|get|made|make|took|take|with|of|to|for|shows?|you|like|at)$",
    re.IGNORECASE,
)
_HERE = re.compile(r"\bhere (?:is|are)$", re.IGNORECASE)


def turns_of(pairs: Sequence[tuple[str, str]], images: int, form: Form) -> list[Turn]:
    """The turns of these pairs. Placeholders stand at the start of a user's turn, where all trainers read them: in
    an interleaved dialogue one in each, for the 《》 in its text; otherwise all of them in the first.
    """
    turns = []
    for number, (question, answer) in enumerate(pairs):
        if form == "interleaved":
            question = f"{IMAGE_PLACEHOLDER}\n{without_mark(question)}"
        elif number == 0:
            question = f"{IMAGE_PLACEHOLDER}\n" * images + question
        turns.append(Turn(role="user", text=question))
        turns.append(Turn(role="assistant", text=answer))
    return turns


def without_mark(text: str) -> str:
    """What the user says, without what the picture shows and what leads to it: "Here is my counter: 《...》." leaves
    "Here is my counter."
    """
    mark = PICTURE_MARK.search(text)
    before, after = (text[: mark.start()].rstrip(), text[mark.end() :].lstrip()) if mark else (text, "")
    before = _ARTICLE.sub("", before)  # "this is a 《...》"
    if _NEEDS_OBJECT.search(before):
        here = _HERE.search(before)
        before = f"{before[: here.start()]}{here[0].split()[0]} it is" if here else f"{before} it"
    if before.endswith((".", "!", "?", "…")):
        after = after.lstrip(" .,;!?…")
    if not after or after.startswith((".", ",", "!", "?", ";")):
        left = before.rstrip(" ,:;") + after
    else:
        left = f"{before} {after}"
    left = " ".join(left.split()).lstrip(" .,:;!?").rstrip(" ,:;")
    return left if not left or left.endswith((".", "!", "?", "…")) else f"{left}."
