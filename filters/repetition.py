"""Drops what repeats earlier candidates (StableLLaVA, section 4.4, repetition rate filtering).

An ordered gate: candidate i is compared with everything before it that passed, so verdicts do not
depend on concurrency. Locality-sensitive hashing (rensa) proposes near-duplicates; exact Jaccard
similarity on hashed features decides. About 1.1 KB per accepted prompt with its answer; O(1) per
check as long as near-duplicates are rare.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from pydantic import Field

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.english.words import words
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Sample, Stage
from synth.text import normalise

#: proposals from which on comparing them all at once is faster than one by one
_MANY = 8


class RepetitionOptions(Record):
    threshold: float = Field(0.7, gt=0, le=1, description="Jaccard similarity of keyword sets that is a repeat")
    answer_threshold: float = Field(0.8, gt=0, le=1, description="the same for answers, on word triples")
    max_subject_share: float = Field(0.1, gt=0, le=1, description="largest share of one subject so far")
    subject_grace: int = Field(5, ge=1, description="a subject is counted only from this many on")


@dataclass(frozen=True, slots=True)
class Item:
    """The features of a text, hashed for comparing and for finding."""

    hashes: frozenset[int]
    signature: Any


class NearDuplicates:
    """Finds an earlier item whose features have a Jaccard similarity of at least `threshold`.

    The sizes of the hash (`bands` of `rows`) trade memory for recall: six bands of three find a
    pair at similarity 0.7 with probability 0.92 and at 0.9 with 0.9996; equal sets always.
    """

    def __init__(self, threshold: float, bands: int, rows: int = 3) -> None:
        from rensa import RMinHash, RMinHashLSH

        self.threshold = threshold
        self._min_hash: Any = RMinHash
        self._size = bands * rows
        self._index = RMinHashLSH(threshold=threshold, num_perm=self._size, num_bands=bands)
        self._features: list[bytes] = []

    def item(self, features: Sequence[str]) -> Item:
        """What `nearest` and `add` take. Features become 32-bit hashes that do not depend on the process."""
        signature = self._min_hash(num_perm=self._size, seed=1)
        signature.update(features)
        return Item(frozenset(map(crc32, map(str.encode, features))), signature)

    def nearest(self, item: Item) -> tuple[float, int]:
        """The similarity and number of the most similar proposed item, (0.0, -1) if there is none."""
        own = item.hashes
        proposed = self._index.query(item.signature)
        if len(proposed) >= _MANY:
            return self._nearest_of_many(own, proposed)
        best, where = 0.0, -1
        for number in proposed:
            other = array("I", self._features[number])
            common = len(own.intersection(other))
            similarity = common / (len(own) + len(other) - common)
            if similarity > best:
                best, where = similarity, number
        return best, where

    def _nearest_of_many(self, hashes: frozenset[int], proposed: Sequence[int]) -> tuple[float, int]:
        """All comparisons at once: the more texts of one template there are, the more resemble each other."""
        own = np.sort(np.fromiter(hashes, np.uint32, len(hashes)))
        features = [self._features[number] for number in proposed]
        others = np.frombuffer(b"".join(features), np.uint32)
        sizes = np.fromiter(map(len, features), np.int64, len(features)) // others.itemsize
        places = own.searchsorted(others)
        places[places == len(own)] = 0
        starts = np.cumsum(sizes) - sizes
        common = np.add.reduceat(own[places] == others, starts, dtype=np.int64)
        similarities = common / (len(own) + sizes - common)
        best = int(similarities.argmax())
        return float(similarities[best]), proposed[best]

    def add(self, item: Item) -> int:
        """Remember an item; its number."""
        number = len(self._features)
        self._features.append(array("I", item.hashes).tobytes())
        self._index.insert(number, item.signature)
        return number


class Repetition(Filter):
    """Fails a prompt whose keywords, or a dialogue whose answers, nearly repeat an earlier one, and
    a subject that takes more than its share of the candidates so far."""

    stages = ("prompt", "dialogue")
    ordered = True
    Options = RepetitionOptions
    options: RepetitionOptions

    def __init__(self, options: RepetitionOptions, ability: Ability) -> None:
        super().__init__(options, ability)
        self._prompts = NearDuplicates(options.threshold, bands=6)
        self._answers = NearDuplicates(options.answer_threshold, bands=4)
        self._subjects: Counter[str] = Counter()
        self._seen = 0
        #: the item that was checked last, which is mostly the one to remember next
        self._checked: tuple[Candidate, Stage, Item] | None = None

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        if stage == "prompt":
            subject = self._subject(candidate)
            count = self._subjects[subject]
            if count >= max(self.options.subject_grace, self.options.max_subject_share * self._seen):
                return failed(f"'{subject}' is already in {count} of {self._seen} candidates", count)
        index = self._index_of(stage)
        item = self._item(candidate, stage)
        self._checked = candidate, stage, item
        similarity, _ = index.nearest(item)
        if similarity >= index.threshold:
            kind = "repeats" if similarity == 1 else "nearly repeats"
            return failed(f"the {stage} {kind} an earlier one", round(similarity, 3))
        return passed(round(similarity, 3))

    def remember(self, candidate: Candidate, stage: Stage) -> None:
        if stage == "prompt":
            self._seen += 1
            self._subjects[self._subject(candidate)] += 1
        checked, self._checked = self._checked, None
        if checked is not None and checked[0] is candidate and checked[1] == stage:
            item = checked[2]
        else:  # of an earlier process
            item = self._item(candidate, stage)
        self._index_of(stage).add(item)

    def remember_dataset(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            keywords = [keyword for image in sample.images for keyword in image.keywords]
            if keywords:
                self._prompts.add(self._prompts.item(_keyword_features(keywords)))
            answers = [turn.text for turn in sample.turns if turn.role == "assistant"]
            self._answers.add(self._answers.item(_answer_features(answers)))

    def _subject(self, candidate: Candidate) -> str:
        return normalise(candidate.source(self.ability.prompt.subject))

    def _index_of(self, stage: Stage) -> NearDuplicates:
        return self._prompts if stage == "prompt" else self._answers

    def _item(self, candidate: Candidate, stage: Stage) -> Item:
        if stage == "prompt":
            return self._prompts.item(_keyword_features(candidate.keywords))
        return self._answers.item(_answer_features(candidate.answers))


def _keyword_features(keywords: Sequence[str]) -> list[str]:
    return [normalise(keyword) for keyword in keywords]


def _answer_features(answers: Sequence[str]) -> list[str]:
    """Word triples; single words for texts too short to have any."""
    found = words(" ".join(answers))
    if len(found) < 3:
        return found or [""]
    return [f"{one} {two} {three}" for one, two, three in zip(found, found[1:], found[2:], strict=False)]
