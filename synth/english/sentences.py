"""Where the sentences of a text begin and end."""

from __future__ import annotations

import re

_END = re.compile(r"[.!?](?=\s|$)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of `text` begin and end; "2.5" ends none."""
    spans, start = [], 0
    for end in _END.finditer(text):
        spans.append((start, end.end()))
        start = end.end()
    if text[start:].strip():
        spans.append((start, len(text)))
    return spans
