"""What brackets in a prompt mean: the syntax of Stable Diffusion's web UI, which the paper writes in.

`(text)` weighs 1.1, `((text))` 1.1 x 1.1, `(text:1.3)` as much as it says. A bracket without a partner is
a character like any other, and so is one behind a backslash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

STEP = 1.1
#: beyond this the picture breaks; prompts are written by a language model
LARGEST = 2.0
_WEIGHT = re.compile(r":\s*(\d+(?:\.\d+)?|\.\d+)\s*$")
_TOKEN = re.compile(r"\\[()\\]|[()]|[^\\()]+|\\")


@dataclass(slots=True)
class Fragment:
    text: str
    weight: float = 1.0


def fragments(prompt: str) -> list[Fragment]:
    """The prompt in pieces of equal weight, brackets and weights removed."""
    pieces: list[Fragment] = []
    opened: list[int] = []
    for token in _TOKEN.findall(prompt):
        if token == "(":
            opened.append(len(pieces))
            pieces.append(Fragment("("))  # an ordinary one until its partner is found
        elif token == ")" and opened:
            start = opened.pop()
            inner = pieces[start + 1 :]
            factor = _take_weight(inner[-1]) if inner else STEP
            for piece in inner:
                piece.weight *= factor
            del pieces[start]
        else:
            pieces.append(Fragment(token[1:] if len(token) == 2 and token[0] == "\\" else token))
    return _merged(pieces)


def plain(prompt: str) -> str:
    """The prompt without emphasis, for models whose text encoder has no use for it."""
    return "".join(piece.text for piece in fragments(prompt))


def _take_weight(last: Fragment) -> float:
    found = _WEIGHT.search(last.text)
    if found is None:
        return STEP
    last.text = last.text[: found.start()]
    return float(found[1])


def _merged(pieces: list[Fragment]) -> list[Fragment]:
    whole: list[Fragment] = []
    for piece in pieces:
        weight = min(piece.weight, LARGEST)
        if whole and abs(whole[-1].weight - weight) < 1e-9:
            whole[-1].text += piece.text
        elif piece.text:
            whole.append(Fragment(piece.text, weight))
    return whole
