"""One candidate as the page shows it: its pictures where they belong, its dialogue, what was said of it.

A sample of one picture, or of several that come before the first question, shows its pictures on top. In an
interleaved one each picture stands in the turn in which it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synth.records import Candidate, Image, Verdict
from synth.report.shown import Thumb, side, thumb
from synth.run.reading import (
    Saying,
    Scores,
    conversation,
    deciding_verdict,
    failed_picture,
    margin_in_words,
    scores_of,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a card. `number` counts from 1, as people do; `thumb` is None where none was to be made yet."""

    number: int
    image: Image
    thumb: Thumb | None
    scores: dict[str, float]
    failed: bool


@dataclass(frozen=True, slots=True)
class Card:
    """`top` are the pictures above the dialogue, the others of `pictures` stand in it; `failed` is the number, from
    0, of the one for which the candidate was dropped, `verdict` that by which it was."""

    one: Candidate
    dropped: bool
    pictures: list[Shown]
    top: list[Shown]
    talk: list[Saying]
    scores: Scores
    failed: int | None
    verdict: Verdict | None

    @property
    def several(self) -> bool:
        return len(self.pictures) > 1

    @property
    def margin(self) -> str:
        """The margin in words, or "" where there is none."""
        return "" if self.scores.margin is None else margin_in_words(self.scores.margin, len(self.pictures))

    @property
    def shared_negative(self) -> str:
        """The negative prompt, where all pictures have the same."""
        all_ = {shown.image.negative_prompt for shown in self.pictures}
        return all_.pop() if len(all_) == 1 else ""

    def arrives(self, piece: str | int) -> Shown | None:
        """The picture that stands in the dialogue in the place of this piece of a turn."""
        if self.one.form != "interleaved" or not isinstance(piece, int) or piece >= len(self.pictures):
            return None
        return self.pictures[piece]


class Cards:
    """Makes the cards; remembers who must be named for the pictures."""

    def __init__(self, run: Path, text_only: bool) -> None:
        self._run = run
        self._text_only = text_only
        self.attributions: dict[str, None] = {}

    def of(self, one: Candidate, dropped: bool) -> Card:
        size = side(len(one.images))
        thumbs = [thumb(self._run, image.path, size) for image in one.images]
        self.attributions.update((made.attribution, None) for made in thumbs if made.attribution)
        drawn = any(made.uri for made in thumbs) or not (self._text_only or dropped)
        scores, failed = scores_of(one), failed_picture(one) if dropped else None
        pictures = [
            Shown(
                number=at + 1,
                image=image,
                thumb=made if drawn else None,
                scores=scores.pictures.get(at, {}),
                failed=at == failed,
            )
            for at, (image, made) in enumerate(zip(one.images, thumbs, strict=True))
        ]
        talk = conversation(one.turns)
        told = {piece for saying in talk for piece in saying.pieces} if one.form == "interleaved" else set()
        top = [shown for shown in pictures if shown.number - 1 not in told]
        return Card(one, dropped, pictures, top, talk, scores, failed, deciding_verdict(one))
