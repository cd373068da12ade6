"""A candidate as people read it: which picture a turn speaks of, and which picture a number belongs to.

`synth show` and the report say the same things, so what they say is found out here. Pictures have numbers from
0 in the records; people count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from synth.records import IMAGE_PLACEHOLDER, Candidate, Role, Turn, Verdict

_OF_ONE_PICTURE = re.compile(r"([a-z]+)\.([1-9]\d{0,5})")


@dataclass(frozen=True, slots=True)
class Saying:
    """A turn in pieces: texts, and the numbers of the pictures that arrive between them."""

    role: Role
    pieces: list[str | int]


def conversation(turns: Sequence[Turn]) -> list[Saying]:
    """The turns with their pictures numbered: the n-th `<image>` of all turns is picture n - 1."""
    made: list[Saying] = []
    arrived = 0
    for turn in turns:
        pieces: list[str | int] = []
        for at, part in enumerate(turn.text.split(IMAGE_PLACEHOLDER)):
            if at:
                pieces.append(arrived)
                arrived += 1
            if part.strip():
                pieces.append(part.strip())
        made.append(Saying(turn.role, pieces))
    return made


#: what the scores of single pictures compare a picture with
_OF_PICTURE = {"prompt": "its own prompt", "margin": "lead over its siblings' prompts"}


@dataclass(frozen=True, slots=True)
class Scores:
    """The numbers that were given to a candidate, by what they are about.

    `whole` has those of the sample; `pictures`, for each picture by its number, those of it alone, by what it is
    compared with. `margin` is the lowest lead of a picture's own prompt over its siblings'.
    """

    whole: dict[str, float] = field(default_factory=dict)
    pictures: dict[int, dict[str, float]] = field(default_factory=dict)
    margin: float | None = None


def scores_of(candidate: Candidate) -> Scores:
    """Those of the scorer, and those of filters that it passed and that judged by something else."""
    several = len(candidate.images) > 1
    found = Scores(margin=candidate.scores.get("margin") if several else None)
    for name, score in candidate.scores.items():
        if score is None or (several and name == "margin"):
            continue
        one = _OF_ONE_PICTURE.fullmatch(name) if several else None
        if one is not None and int(one[2]) <= len(candidate.images):
            found.pictures.setdefault(int(one[2]) - 1, {})[_OF_PICTURE.get(one[1], f"its {one[1]}")] = score
        else:
            found.whole[f"picture ↔ {name}{', lowest' if several else ''}"] = score
    scored = {round(score, 3) for score in candidate.scores.values() if score is not None}
    for verdict in candidate.verdicts_now:
        if verdict.outcome == "pass" and verdict.score is not None:
            if verdict.stage == "image" and round(verdict.score, 3) in scored:
                continue  # the filter judged by a score that is there already
            stage = "" if verdict.stage == "image" else f" ({verdict.stage})"
            found.whole[f"{verdict.filter}{stage}"] = verdict.score
    return found


def is_of_one_picture(name: str) -> bool:
    """Whether a score of that name belongs to one of several pictures."""
    return _OF_ONE_PICTURE.fullmatch(name) is not None


def margin_in_words(margin: float, pictures: int) -> str:
    """What the score "margin" of a sample with so many pictures means."""
    others = "its siblings'" if pictures > 2 else "its sibling's"
    amount = f"{abs(margin):.3f}".rstrip("0").rstrip(".")
    if amount == "0":
        return f"a picture matches its own prompt no better than {others}"
    if margin > 0:
        return f"each picture matches its own prompt better than {others} by at least {amount}"
    return f"a picture matches a sibling's prompt better than its own, by {amount}"


def deciding_verdict(candidate: Candidate) -> Verdict | None:
    """The verdict for which a candidate was rejected, if it was."""
    for verdict in reversed(candidate.verdicts_now):
        if verdict.outcome == "fail" and verdict.filter == candidate.decided_by:
            return verdict
    return None


def failed_picture(candidate: Candidate) -> int | None:
    """The number of the picture for which a candidate with several was rejected, where one is to blame."""
    verdict = deciding_verdict(candidate)
    number = verdict.picture if verdict is not None and candidate.state == "rejected" else None
    return number if number is not None and 0 <= number < len(candidate.images) > 1 else None


def with_picture(reason: str, picture: int | None, pictures: int) -> str:
    """A reason that says for which of several pictures it holds."""
    return f"picture {picture + 1}: {reason}" if picture is not None and pictures > 1 else reason
