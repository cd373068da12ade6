"""Where sentences end."""

from __future__ import annotations

from synth.english.sentences import sentences


def test_sentences_cover_the_text() -> None:
    text = "The first. The second has 2.5 wheels! And"
    assert [text[begin:end] for begin, end in sentences(text)] == ["The first.", " The second has 2.5 wheels!", " And"]
