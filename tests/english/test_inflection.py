"""Forms of words."""

from __future__ import annotations

import pytest

from synth.english.inflection import ordinal, plural, stem, with_article


@pytest.mark.parametrize(
    "forms",
    [
        ("run", "runs", "running"),
        ("box", "boxes"),
        ("berry", "berries"),
        ("glass", "glasses"),
        ("child", "children", "child's"),
        ("knife", "knives"),
        ("gray", "grey"),
        ("wood", "wooden"),
        ("color", "colour", "coloured"),
        ("paint", "painting", "paintings", "painted"),
        ("lie", "lying"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len(set(map(stem, forms))) == 1


@pytest.mark.parametrize(("one", "other"), [("bus", "bu"), ("ring", "r"), ("wolf", "wool"), ("person", "child")])
def test_other_words_have_another(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    ("one", "more"),
    [
        ("red fox", "red foxes"),
        ("pair of skates", "pairs of skates"),
        ("woman in a hat", "women in a hat"),
        ("fireman", "firemen"),
        ("German", "Germans"),
        ("clownfish", "clownfish"),
        ("calf", "calves"),
        ("leaf", "leaves"),
        ("cherry", "cherries"),
        ("toy", "toys"),
        ("skates", "skates"),
        ("octopus", "octopuses"),
    ],
)
def test_plurals(one: str, more: str) -> None:
    assert plural(one) == more


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("giraffe", "a giraffe"),
        ("oven", "an oven"),
        ("unicorn", "a unicorn"),
        ("one-eyed cat", "a one-eyed cat"),
        ("hourglass", "an hourglass"),
        ("the moon", "the moon"),
        ("Two cats", "Two cats"),
    ],
)
def test_articles(phrase: str, said: str) -> None:
    assert with_article(phrase) == said


def test_ordinals() -> None:
    assert [ordinal(number) for number in (1, 8, 10, 11)] == ["first", "eighth", "tenth", "11th"]
