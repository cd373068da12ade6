"""Answers about several pictures say which one they mean, and pass over none."""

from __future__ import annotations

from typing import Any

import pytest

from synth.filtering import Chain
from tests.doubles import sample
from tests.filters.judging import chain, verdict

PICTURES = (
    ["red car", "snowy street"],
    ["blue truck", "gravel road"],
    ["green bus", "bus stop"],
    ["white van", "hill"],
)


def says(count: int, *answers: str, options: dict[str, Any] | None = None, **fields: Any) -> str:
    checks: Chain = chain("references", options)
    found = verdict(checks, sample(PICTURES[:count], *answers, **fields), "dialogue")
    return found.reason if found.outcome == "fail" else ""


@pytest.mark.parametrize(
    ("count", "answer"),
    [
        (2, "The first image shows a car, while the second image shows a truck."),
        (2, "The first image shows a car, the second a truck."),
        (2, "The first shows a car, the second image a truck."),
        (2, "The vehicle is a car in the first image and a truck in the second."),
        (2, "The first one is a car and the second one is a truck."),
        (2, "Image 1 shows a car and image 2 a truck."),
        (2, "In picture one there is a car, and in picture two there is a truck."),
        (2, "Photo 1 is bright, and photo number 2 is dark."),
        (2, "Both images show vehicles."),
        (2, "Both show vehicles."),
        (2, "Both of the photos show vehicles."),
        (2, "The first image was taken by day and the second at night."),
        (2, "They are both vehicles."),
        (2, "Both vehicles have four wheels."),
        (2, "Each image shows a vehicle."),
        (2, "Each vehicle has its own color."),
        (2, "Every picture shows a vehicle on a road."),
        (2, "The two images show different vehicles."),
        (2, "The images show different vehicles."),
        (2, "These pictures show vehicles."),
        (2, "All the images show a vehicle."),
        (2, "The first and second images show a car and a truck."),
        (2, "The first and the second image show a car and a truck."),
        (2, "Images 1 and 2 show a car and a truck."),
        (2, "Neither image shows a person."),
        (2, "A car is in the first photo; a truck is in the last photo."),
        (2, "The 1st picture has a car. The 2nd picture has a truck."),
        (2, "The first image shows a car. In this image, it snows. The second image shows a truck."),
        (2, "The picture on the wall is small in both images."),
        (2, "The wheels in the first of the two images are larger than in the second."),
        (3, "The first image shows a car, the second a truck and the third a bus."),
        (3, "The first and third images both show a street; the second image shows a road."),
        (3, "All three images show vehicles."),
        (3, "The three pictures show vehicles."),
        (3, "All three show vehicles."),
        (3, "The first image shows a car, and the other two images show larger vehicles."),
        (3, "The first two images show roads, but the last image shows a bus stop."),
        (3, "The first, second and third images show vehicles."),
        (3, "Only the second image shows a truck; the first and third show a car and a bus."),
        (3, "Both the first and the second image show roads, and the third a bus stop."),
        (4, "The first two images show a car and a truck, the last two images a bus and a van."),
        (4, "All four images show vehicles."),
        (4, "Images 1, 2 and 3 show streets, and image 4 a hill."),
    ],
)
def test_answers_that_are_clear_and_complete(count: int, answer: str) -> None:
    assert not says(count, answer)


@pytest.mark.parametrize(
    ("count", "answer", "reason"),
    [
        (2, "The first image shows a car.", "no answer speaks of the second image"),
        (2, "The second image shows a truck.", "no answer speaks of the first image"),
        (2, "A red car and a blue truck.", "no answer speaks of the first image or the second image"),
        (2, "There are vehicles on roads.", "no answer speaks of"),
        (2, "The first image shows both a car and a street.", "no answer speaks of the second"),
        (2, "The first image shows two trees, and both are bare.", "no answer speaks of the second"),
        (2, "The first image shows a car and the second dog is brown.", "no answer speaks of the second"),
        (2, "One of the images shows a car.", "no answer speaks of"),
        (2, "One image shows a car, the other a truck.", "no answer speaks of"),
        (2, "The first car is red, the second is blue.", "no answer speaks of"),
        (2, "The first image shows a car, the other one a truck.", "'the other one' is ambiguous"),
        (2, "The first image shows a car, the other image a truck.", "'the other image' is ambiguous"),
        (2, "This image shows a car.", "'this image' is ambiguous"),
        (2, "The image shows a car.", "'the image' is ambiguous"),
        (2, "The picture shows a car, the second image a truck.", "'the picture' is ambiguous"),
        (2, "The first image shows a car and the second a truck. The image is bright.", "'the image' is ambiguous"),
        (2, "The left image shows a car and the right image a truck.", "'the left image' is ambiguous"),
        (2, "The top picture shows a car.", "'the top picture' is ambiguous"),
        (2, "The image above shows a car, the image below a truck.", "'the image above' is ambiguous"),
        (2, "The photo on the left shows a car.", "'the photo on the left' is ambiguous"),
        (2, "The previous image shows a car, and the second a truck.", "'the previous image' is ambiguous"),
        (2, "The former shows a car, the latter a truck.", "'the former' is ambiguous"),
        (2, "Both images show roads, but the latter is gray.", "'the latter' is ambiguous"),
        (2, "The third image shows a bus.", "there is no third image of 2"),
        (2, "Image 3 shows a bus.", "there is no image 3 of 2"),
        (2, "The first two images and the third show roads.", "there is no third image of 2"),
        (2, "The first three images show roads.", "there are no 3 images"),
        (2, "All three images show roads.", "'all three images' does not fit 2 images"),
        (2, "The three images show roads.", "'the three images' does not fit 2 images"),
        (2, "All three show vehicles.", "'all three' does not fit 2 images"),
        (3, "Both images show roads.", "'both images' does not fit 3 images"),
        (3, "Both show roads.", "'both' does not fit 3 images"),
        (3, "In both there is a road.", "'both' does not fit 3 images"),
        (3, "The two images show roads.", "'the two images' does not fit 3 images"),
        (3, "The fourth image shows a van.", "there is no fourth image of 3"),
        (3, "The first image shows a car and the second a truck.", "no answer speaks of the third image"),
        (3, "The first two images show roads.", "no answer speaks of the third image"),
        (3, "The other two images show roads.", "'the other two images' is ambiguous"),
        (3, "The first and third images both show streets.", "no answer speaks of the second image"),
        (3, "The first image shows a car, the other images show roads, and the fifth picture a van.", "no fifth image"),
        (4, "All three images show roads.", "'all three images' does not fit 4 images"),
        (4, "Images 1, 2 and 5 show roads.", "there is no image 5 of 4"),
    ],
)
def test_answers_that_are_not(count: int, answer: str, reason: str) -> None:
    found = says(count, answer)
    assert reason in found, found or "passed"


def test_all_answers_of_a_chat_together_speak_of_each_picture() -> None:
    questions = ["What is in the first image?", "What is in the second image?"]
    first, second = "The first image shows a car.", "The second image shows a truck."
    assert not says(2, first, second, questions=questions, stage=2)
    assert "speaks of the second" in says(2, first, "It is a truck.", questions=questions, stage=2)


def test_the_image_is_the_one_that_was_asked_about() -> None:
    questions = ["What is in the first image?", "What is in the second image?"]
    assert not says(
        2, "The first image shows a car.", "The image shows a truck; the second one is dark.", questions=questions
    )


def test_questions_of_a_chat_are_clear_too() -> None:
    answer = "The first image shows a car and the second a truck."
    assert "the question is not clear: 'this image'" in says(2, answer, questions=["What is in this image?"], stage=2)
    pool = "What is in this image?"  # a person wrote it
    assert not says(2, answer, questions=[pool], question=pool)
    assert not says(2, answer, questions=["What is in the images?"], stage=2)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["This picture shows a car.", "This picture shows a truck."], ""),
        (["There is a car here.", "Here is a truck."], ""),
        (["It is a car.", "Your photo shows a truck, while the first picture showed a car."], ""),
        (["The image shows a car.", "Both pictures show vehicles."], ""),
        (["The image shows a car.", "The new picture shows a truck, unlike the previous picture."], ""),
        (["The first picture shows a car.", "The second picture shows a truck."], ""),
        (["It is a car, but the second picture shows a truck.", "It is a truck."], "there is no second image of 1"),
        (["Both pictures show vehicles.", "It is a truck."], "does not fit 1 image"),
        (["It is a car.", "It is a truck, unlike in the third picture."], "there is no third image of 2"),
        (["It is a car.", "The left picture shows a car."], "'the left picture' is ambiguous"),
        (["It is a car.", "The other picture shows a car."], "'the other picture' is ambiguous"),
        (["It is a car.", "It is a truck.", "Both pictures show roads."], "does not fit 3 images"),
        (["It is a car.", "It is a truck.", "All three pictures show roads."], ""),
        # what is counted without a noun is not pictures where it does not fit them
        (["A rope is here.", "Pull the second loop through and tighten both.", "Stack the others on top."], ""),
        (["A board is here.", "Push the pushpin through all four.", "Both have plugs: plug in both."], ""),
    ],
)
def test_turn_by_turn_this_picture_is_the_newest(answers: list[str], reason: str) -> None:
    found = says(len(answers), *answers, form="interleaved")
    assert bool(found) == bool(reason) and reason in found, found


@pytest.mark.parametrize(
    ("answers", "sees", "score", "fails"),
    [
        (["The red car is new.", "A truck follows it.", "The bus is green."], 1.0, 1.0, False),
        (["The red car is new.", "It is the next step.", "The bus is green."], 1.0, 0.667, True),
        (["The red car is new.", "It is the next step.", "The bus is green."], 0.6, 0.667, False),
        (["Go on to the next.", "Well done so far.", "You see the picture."], 0.1, 0.0, True),
        (["Go on to the next.", "The car is red.", "The truck is blue."], 0.1, 0.0, True),  # of earlier pictures
    ],
)
def test_answers_depend_on_the_pictures_of_their_turn(
    answers: list[str], sees: float, score: float, fails: bool
) -> None:
    one = sample(PICTURES[:3], *answers, form="interleaved")
    found = verdict(chain("references", {"sees": sees}), one, "dialogue")
    assert (found.outcome == "fail", found.score) == (fails, score)
    assert not fails or "names nothing of its picture" in found.reason
    assert verdict(chain("references"), sample(PICTURES[:3], *answers, form="interleaved"), "dialogue").score is None


def test_one_picture_cannot_be_confused() -> None:
    assert not says(1, "The left picture and the fourth image show it.", form="single")
