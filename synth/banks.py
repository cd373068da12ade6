"""Keyword banks: lists of ability-related words that the planner draws from.

StableLLaVA (section 4.3) generates such lists separately and shows them to the language model as
a reference, because without them the outputs revolve around a few common words. Here the planner
draws from them evenly: every entry of a bank is used once before any is used twice.

A bank is a text file, one entry per line, `#` for comments. An entry may carry facts:

    red fox | look: rust-red fur and a white-tipped tail | place: a snowy forest clearing
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from synth.errors import SynthError
from synth.records import Entry
from synth.seeding import generator
from synth.text import normalise


@dataclass(frozen=True, slots=True)
class KeywordBank:
    name: str
    entries: tuple[Entry, ...]
    source: str
    digest: str


def parse_bank(name: str, text: str, source: str) -> KeywordBank:
    """Parse a bank file; errors name file and line. `source` is the file's name for messages."""
    entries: list[Entry] = []
    first_seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        entry = _parse_entry(line, f"{source}, line {number}")
        key = normalise(entry.text)
        if key in first_seen:
            raise SynthError(
                f"{source}, line {number}: '{entry.text}' is already in line {first_seen[key]}.",
                "Remove one of the two: draws are even only if every entry is there once.",
            )
        first_seen[key] = number
        entries.append(entry)
    if not entries:
        raise SynthError(
            f"The keyword bank '{name}' ({source}) has no entries.",
            f"Write one entry per line, or grow it with: synth keywords --bank {name} --n 100",
        )
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return KeywordBank(name, tuple(entries), source, digest)


def _parse_entry(line: str, where: str) -> Entry:
    text, *parts = (part.strip() for part in line.split("|"))
    facts = {}
    for part in parts:
        key, colon, value = part.partition(":")
        if not colon or not key.strip() or not value.strip():
            raise SynthError(f"{where}: '{part}' is not a fact.", "A fact reads 'key: value'.")
        facts[key.strip()] = value.strip()
    if not text:
        raise SynthError(f"{where}: the entry before '|' is empty.", "Write the keyword first.")
    return Entry(text=text, facts=facts)


class EvenDraw:
    """Draws from a list so that coverage is even: in each pass over the list every entry comes
    once, in an order that is fresh for each pass and fixed by the seed. O(len) once per pass."""

    def __init__(self, entries: Sequence[Entry], *seed: str | int) -> None:
        self._entries = entries
        self._seed = seed
        self._count = 0
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._entries)

    def next(self) -> Entry:
        round_, position = divmod(self._count, len(self._entries))
        if position == 0:
            self._order = list(range(len(self._entries)))
            generator(*self._seed, round_).shuffle(self._order)
        self._count += 1
        return self._entries[self._order[position]]
