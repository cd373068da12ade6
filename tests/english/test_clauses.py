"""What the clauses of a sentence speak of, and how much of each claims something."""

from __future__ import annotations

import pytest

from synth.english.clauses import clauses
from synth.english.pointing import pointers


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("The first image shows a car and a dog", [{0}, {0}]),
        ("A car and a dog are in the second image", [{1}, {1}]),
        ("The car is red, but in the second image it is blue", [set(), {1}]),
        ("The first image shows a car, a dog is in the second", [{0}, {1}]),
        ("Unlike the first image, it is red", [{0}, set()]),
        ("A black-and-white dog is in the first image", [{0}]),
    ],
)
def test_clauses_speak_of_their_own_picture_or_that_of_a_neighbour(text: str, read: list[set[int]]) -> None:
    found = clauses(text, pointers(text, 2), 0, len(text))
    assert [{k for one in clause.speaks_of(0) for k in one.pictures} for clause in found] == read


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("There is a dog and no cat", ["there is a dog", ""]),
        ("A watering can is on a lawn", ["a watering can is on a lawn"]),
        ("A dog can run", [""]),
        ("It is red like a tomato", ["it is red"]),
        ("It is as red as a tomato", ["it is as red"]),
        ("It has cats as well as a dog", ["it has cats as well as a dog"]),
        ("It is not only red", ["it is not only red"]),
        ("There are no cats, dogs or birds", ["there are", ""]),
        ("Cats can swim", [""]),
        ("Cats can be seen", ["cats can be seen"]),
        ("It is usually red", [""]),
        ("The cat is missing", [""]),
    ],
)
def test_what_clauses_claim(text: str, claims: list[str]) -> None:
    found = clauses(text, [], 0, len(text))
    assert [" ".join(map(str, clause.items[: clause.until])) for clause in found] == claims
