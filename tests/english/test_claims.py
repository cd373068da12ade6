"""What a text claims of its pictures; whether that is right is for the filter `contradiction`."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from synth.english.claims import Claim, Kind, Reader
from synth.english.colors import Colors
from synth.english.counting import counts
from synth.english.phrases import Phrases
from synth.english.pointing import pointers
from synth.english.telling import meaningful, parts, relates
from synth.english.things import Things

FAMILIES = {"red": "red", "cherry red": "red", "salmon": "orange"}
THINGS = ("red fox", "dog", "barn owl", "horned bird")
KINDS: tuple[Kind, ...] = ("color", "number", "thing")


def read(
    text: str, kinds: Collection[Kind] = KINDS, shown: Collection[str] = (), apart: Collection[str] = ()
) -> list[Claim]:
    reader = Reader(Colors(FAMILIES), Things(THINGS, frozenset(("bird",))), kinds)
    found = reader.read(text, pointers(text, 2), frozenset(shown), frozenset(apart))
    return [claim for claims in found for claim in claims]


def says(claim: Claim) -> tuple[str, str, list[int]]:
    return claim.kind, claim.said, sorted({number for one in claim.readings for number in one.pictures})


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        (
            "The first image shows a red car, but the second shows two dogs.",
            [("color", "red", [0]), ("number", "two", [1]), ("thing", "dogs", [1])],
        ),
        ("There is a cherry red house.", [("color", "cherry red", [])]),
        ("There is a reddish house and no white one.", [("color", "red", [])]),
        ("It is a black and white photo.", []),
        ("It is red or green.", []),
        ("Apples are usually red.", []),
        ("Is it red in the first image?", []),
        ("Both images show three cats.", [("number", "three", [0, 1])]),
        ("One of the five is cut in two.", [("number", "one", [])]),
        ("It is about image 2.", []),
        ("The first image shows a fox near a barn owl.", [("thing", "fox", [0]), ("thing", "barn owl", [0])]),
        ("A collar used for a dog is in the first image.", []),
        ("The first image shows a dog house and a bird.", []),
        ("!", []),
    ],
)
def test_claims(text: str, claims: list[tuple[str, str, list[int]]]) -> None:
    assert [says(claim) for claim in read(text)] == claims


def test_claims_come_clause_by_clause_and_in_each_kind_by_kind() -> None:
    """A filter tells the first that is wrong."""
    text = "The first image shows a dog by two red boats in snow, and the second shows a barn owl and two blue cars."
    found = [(claim.kind, claim.said) for claim in read(text, apart=("snow",))]
    first, second = found[:4], found[4:]
    assert first == [("color", "red"), ("number", "two"), ("word", "snow"), ("thing", "dog")]
    assert second == [("thing", "barn owl"), ("color", "blue"), ("number", "two")]  # "and" begins another clause


@pytest.mark.parametrize(("shown", "claims"), [((), []), (("car",), ["salmon"])])
def test_a_color_that_is_also_a_thing_needs_something_that_has_it(shown: Collection[str], claims: list[str]) -> None:
    assert [claim.said for claim in read("There is a salmon car.", ["color"], shown)] == claims


def test_what_a_claim_knows() -> None:
    [number] = read("The two red foxes are in both images.", ["number"])
    assert (number.value, number.definite, number.nouns) == (2, True, {"red", "fox"})
    head, whole = read("There is a fox near a red fox.", ["thing"])
    assert (head.loose, whole.loose, whole.nouns) == (True, False, {"red", "fox"})


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted_is_read(kind: Kind) -> None:
    text = "The first image shows a red car with two dogs beside a barn owl."
    assert {claim.kind for claim in read(text, [kind])} == {kind}


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("The first image shows a storm.", [("word", "storm", [0])]),
        ("A storm is somewhere.", []),
        ("The wet street in the second image comes from the storm.", []),
        ("The tree was bitten by the storm in the first image.", []),
        ("How did the storm change the second image?", []),
    ],
)
def test_words_that_tell_pictures_apart(text: str, claims: list[tuple[str, str, list[int]]]) -> None:
    assert [says(claim) for claim in read(text, (), apart=["storm"])] == claims


def test_only_words_that_tell_something_are_meaningful() -> None:
    colors = Colors(FAMILIES)
    assert meaningful(["two red cars on a half-frozen lake", "a photo, left side"], colors, set()) == {"car", "lak"}
    assert "snow" in parts("snowy")
    assert "boat" in parts("sailboat")
    assert "man" not in parts("woman")
    assert relates(["because", "of"])
    assert not relates(["a", "dog"])


def test_articles_count_in_keywords() -> None:
    assert [(one.value, one.nouns) for one in counts(["a", "cat"], articles=True)] == [(1, ("cat",))]
    assert not list(counts(["a", "cat"]))
    assert not list(counts(["two", "or", "more", "cats"]))


def test_the_longest_phrase_comes_first() -> None:
    phrases = Phrases([("red",), ("red", "fox"), (), ("blue",)])
    assert list(phrases.at(["a", "red", "fox"], 1)) == [("red", "fox"), ("red",)]
    assert list(phrases.at(["a", "red", "dog"], 1)) == [("red",)]
