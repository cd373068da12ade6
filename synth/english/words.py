"""The words of a text, in order: what everything else that reads texts begins with."""

from __future__ import annotations

import re

#: the pattern of a word of a text in lower case
WORD = r"[a-z0-9]+(?:'[a-z]+)?"
_WORD = re.compile(WORD)


def words(text: str) -> list[str]:
    """The words of `text`, lower case, in order."""
    return _WORD.findall(text.lower())
