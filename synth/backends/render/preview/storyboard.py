"""What is to be drawn: the things in a picture and where they are, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Actor:
    """One thing in the picture. `picture` is a file of the clip art, or "" for a labelled card.

    `states` is what the words say; `treatments` is what is done to the picture for those that it does not show by
    itself, and `rising` the picture of what rises from the thing (flames, steam).
    """

    keyword: int
    label: str
    name: str = ""
    picture: str = ""
    tint: str = ""
    material: str = ""
    size: str = ""
    count: int = 1
    heads: int = 1
    poses: set[str] = field(default_factory=set)
    relation: str = ""
    person: bool = False
    gray: bool = False
    states: set[str] = field(default_factory=set)
    treatments: tuple[str, ...] = ()
    rising: str = ""


@dataclass(slots=True)
class Storyboard:
    """All that decides a picture, apart from its size and seed."""

    scene: str
    main: Actor | None
    others: list[Actor]
    lights: list[str]
    wash: str
    style: str
    ground: str
    drawn: tuple[str, ...]
