"""What the placeholders of a new ability are about: its bank and its examples."""

from __future__ import annotations

from typing import NamedTuple

from synth.english.inflection import with_article


class Thing(NamedTuple):
    text: str
    look: str
    place: str
    around: str

    @property
    def named(self) -> str:
        """With its article."""
        return with_article(self.text)


THINGS = [
    Thing("bicycle", "two thin wheels and a red frame", "a narrow street", "brick wall, cobblestones"),
    Thing(
        "teapot",
        "a round white body and a curved spout",
        "a bright kitchen",
        "checked tablecloth, window light",
    ),
    Thing("umbrella", "a wide yellow canopy and a hooked handle", "a rainy park", "wet path, bare trees"),
    Thing("guitar", "a brown wooden body and six strings", "a music room", "wooden floor, tall window"),
    Thing("lantern", "a glass cylinder in a black metal frame", "a walled garden", "green hedge, stone steps"),
    Thing("suitcase", "tan leather and two brass locks", "a railway station", "steel rails, wooden bench"),
    Thing("rowing boat", "a blue wooden hull and two oars", "a quiet harbor", "stone pier, distant hills"),
    Thing("wall clock", "a round white dial and two black hands", "a classroom", "green blackboard, empty desks"),
    Thing("kite", "a red diamond shape and a long tail", "a windy meadow", "blue sky, tall grass"),
    Thing("ladder", "two wooden rails with eight rungs", "an orchard", "apple trees, wicker basket"),
    Thing("wheelbarrow", "a green tray and one black wheel", "a vegetable garden", "dark soil, wooden fence"),
    Thing("typewriter", "a black metal case and round keys", "an old study", "paper sheets, brass lamp"),
]


def bank(name: str, title: str) -> str:
    lines = [
        f"# Keyword bank: {title}. One entry per line; the template can use the 'key: value' facts.",
        "# Replace these placeholders with at least 50 entries of your own, or let a model add some:",
        f"#   synth keywords --bank {name} --n 100 --plugin-dir DIR   (DIR: the folder above this one)",
        "# Source: placeholders written by 'synth abilities new'.",
        "# License: say here under which licence your entries are.",
        *(f"{thing.text} | look: {thing.look} | place: {thing.place}" for thing in THINGS),
    ]
    return "\n".join(lines) + "\n"
