"""Which pictures a text points at; the tables of the filters that use it go further."""

from __future__ import annotations

import time

import pytest

from synth.english.pointing import exchanges, label, pointers
from synth.template_schema import MOST_PICTURES
from tests.doubles import sample


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The first image is red, the second blue.", [("The first image", {0}, "one"), ("the second", {1}, "one")]),
        ("Both the first and the third image", [("the first and the third image", {0, 2}, "together")]),
        (
            "In the first image and the second image shows",
            [("the first image", {0}, "one"), ("the second image", {1}, "one")],
        ),
        (
            "The first two images show a car, the last two a truck.",
            [("The first two images", {0, 1}, "together"), ("the last two", {1, 2}, "together")],
        ),
        ("The first image shows a fig. The last two dogs run.", [("The first image", {0}, "one")]),
        (
            "The first image shows a fig, the second plums, the third a pear.",
            [("The first image", {0}, "one"), ("the second", {1}, "one"), ("the third", {2}, "one")],
        ),
        ("Of the plums in the first image the second plums are red", [("the first image", {0}, "one")]),
        (
            "The first two images and the last one",
            [("The first two images", {0, 1}, "together"), ("the last one", {2}, "one")],
        ),
        ("Images 1, 2 and 3", [("Images 1, 2 and 3", {0, 1, 2}, "together")]),
        ("the first or second image", [("the first or second image", {0, 1}, "some")]),
        (
            "Every picture, one of the photos",
            [("Every picture", {0, 1, 2}, "each"), ("one of the photos", {0, 1, 2}, "some")],
        ),
        (
            "The second image and the other two images",
            [("The second image", {1}, "one"), ("the other two images", {0, 2}, "together")],
        ),
        ("The first car and the second dog", []),
        ("The first image shows the first car and the second dog.", [("The first image", {0}, "one")]),
        ("In view two dogs, on all four wheels, both sides, each other", []),
        ("The picture frame, the wedding photo, the picture on the wall", []),
    ],
)
def test_pointers(text: str, found: list[tuple[str, set[int], str]]) -> None:
    assert [(text[one.start : one.end], set(one.pictures), one.manner) for one in pointers(text, 3)] == found


def test_the_last_of_pictures_that_come_one_by_one_may_be_the_one_before() -> None:
    [one] = pointers("the last picture", 3, newest=2)
    assert (set(one.pictures), one.manner) == ({1, 2}, "some")


def test_exchanges_know_which_pictures_have_come() -> None:
    turns = exchanges(sample((["a"], ["b"]), "One.", "Two.", form="interleaved"))
    assert [(one.before, one.arrived, one.newest) for one in turns] == [(0, 1, 0), (1, 2, 1)]
    questions = ["What is in the second image?", "And in both images?"]
    turns = exchanges(sample((["a"], ["b"]), "One.", "Two.", questions=questions))
    assert [(one.before, one.arrived, one.newest) for one in turns] == [(0, 2, 1), (2, 2, None)]


def test_labels() -> None:
    assert [label(0, 1), label(1, 2), label(6, 7)] == ["the image", "the second image", "the seventh image"]


def test_pictures_have_names_up_to_the_most_that_a_sample_may_have() -> None:
    for number in range(MOST_PICTURES):
        [one] = pointers(f"A kite flies in {label(number, MOST_PICTURES)}.", MOST_PICTURES)
        assert (one.pictures, one.manner, one.problem) == ({number}, "one", "")
    [together] = pointers("All eight images show a kite.", MOST_PICTURES)
    assert (len(together.pictures), together.problem) == (8, "")


@pytest.mark.parametrize("phrase", ["first, second, ", "the first, ", "image 1, ", "both of ", "the other images "])
def test_a_text_of_pointers_alone_takes_no_longer_for_each(phrase: str) -> None:
    def seconds(times: int) -> float:
        text = phrase * times
        began = time.process_time()
        pointers(text, 4)
        return time.process_time() - began

    seconds(10)
    assert min(seconds(1600) for _ in range(3)) < 40 * min(seconds(100) for _ in range(3)), "16 if linear, 256 if not"
