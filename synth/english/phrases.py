"""Finds phrases of one or more words in a text, the longest first: names of colors, entries of banks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from synth.english.pointing import Items


class Phrases:
    """Phrases by their first word, so that looking for all of them costs one look-up for each word of a text."""

    def __init__(self, phrases: Iterable[tuple[str, ...]]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for parts in phrases:
            if parts:
                self._by_first.setdefault(parts[0], []).append(parts)
        for same in self._by_first.values():
            same.sort(key=len, reverse=True)

    def at(self, items: Items, at: int) -> Iterator[tuple[str, ...]]:
        """Those that begin at item `at`, the longest first."""
        first = items[at]
        for parts in self._by_first.get(first, ()) if isinstance(first, str) else ():
            if len(parts) == 1 or tuple(items[at : at + len(parts)]) == parts:
                yield parts
