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
from typing import Any
from zlib import crc32

from pydantic import Field

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Sample, Stage
from synth.text import normalise, words


class RepetitionOptions(Record):
    threshold: float = Field(0.7, gt=0, le=1, description="Jaccard similarity of keyword sets that is a repeat")
    answer_threshold: float = Field(0.8, gt=0, le=1, description="the same for answers, on word triples")
    max_subject_share: float = Field(0.1, gt=0, le=1, description="largest share of one subject so far")
    subject_grace: int = Field(5, ge=1, description="a subject is counted only from this many on")


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

    def nearest(self, features: Sequence[str]) -> tuple[float, int]:
        """The similarity and number of the most similar proposed item, (0.0, -1) if there is none."""
        own = set(_hashed(features))
        best, where = 0.0, -1
        for number in self._index.query(self._signature(features)):
            other = array("I", self._features[number])
            common = len(own.intersection(other))
            similarity = common / (len(own) + len(other) - common)
            if similarity > best:
                best, where = similarity, number
        return best, where

    def add(self, features: Sequence[str]) -> int:
        """Remember an item; its number."""
        number = len(self._features)
        self._features.append(_hashed(features).tobytes())
        self._index.insert(number, self._signature(features))
        return number

    def _signature(self, features: Sequence[str]) -> Any:
        signature = self._min_hash(num_perm=self._size, seed=1)
        signature.update(features)
        return signature


def _hashed(features: Iterable[str]) -> array[int]:
    """Distinct features as 32-bit hashes that do not depend on the process."""
    return array("I", {crc32(feature.encode()) for feature in features})


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

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        if stage == "prompt":
            subject = self._subject(candidate)
            count = self._subjects[subject]
            if count >= max(self.options.subject_grace, self.options.max_subject_share * self._seen):
                return failed(f"'{subject}' is already in {count} of {self._seen} candidates", count)
            return self._verdict(self._prompts, _keyword_features(candidate.keywords), "prompt")
        return self._verdict(self._answers, _answer_features(candidate.answers), "dialogue")

    def remember(self, candidate: Candidate, stage: Stage) -> None:
        if stage == "prompt":
            self._seen += 1
            self._subjects[self._subject(candidate)] += 1
            self._prompts.add(_keyword_features(candidate.keywords))
        else:
            self._answers.add(_answer_features(candidate.answers))

    def remember_dataset(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            keywords = [keyword for image in sample.images for keyword in image.keywords]
            if keywords:
                self._prompts.add(_keyword_features(keywords))
            self._answers.add(_answer_features([t.text for t in sample.turns if t.role == "assistant"]))

    def _subject(self, candidate: Candidate) -> str:
        return normalise(candidate.plan[self.ability.prompt.subject].text)

    def _verdict(self, index: NearDuplicates, features: Sequence[str], what: str) -> Result:
        similarity, _ = index.nearest(features)
        if similarity >= index.threshold:
            kind = "repeats" if similarity == 1 else "nearly repeats"
            return failed(f"the {what} {kind} an earlier one", round(similarity, 3))
        return passed(round(similarity, 3))


def _keyword_features(keywords: Sequence[str]) -> list[str]:
    return [normalise(keyword) for keyword in keywords]


def _answer_features(answers: Sequence[str]) -> list[str]:
    """Word triples; single words for texts too short to have any."""
    found = words(" ".join(answers))
    if len(found) < 3:
        return found or [""]
    return [" ".join(found[at : at + 3]) for at in range(len(found) - 2)]
