"""What an answer says of a picture must be planned for this picture."""

from __future__ import annotations

from typing import Any

import pytest

from synth import plugins
from synth.errors import SynthError
from synth.filtering import Chain, build_chain
from synth.records import Candidate, Entry
from tests.doubles import ability, banks, sample
from tests.filters.judging import verdict

COLORS = """\
red | family: red
vermilion | family: red
cherry red | family: red
blue | family: blue
navy | family: blue
green | family: green
salmon | family: orange
orange | family: orange
white | family: white
gray | family: gray
"""
ANIMALS = """\
red fox | is: mammal
house cat | is: mammal
sheepdog | is: mammal
barn owl | is: bird
secretary bird | is: bird
house sparrow | is: bird
dog | is: pet
cat | is: pet
hammer | is: tool
nail | is: tool
boat | is: vehicle
"""


def judge(options: dict[str, Any] | None = None) -> Chain:
    classes, _ = plugins.load_all("synth.filters")
    own = ability(filters=[{"contradiction": options} if options else "contradiction"])
    return build_chain(own, classes, banks(color=COLORS, animals=ANIMALS))


def says(candidate: Candidate, **options: Any) -> str:
    found = verdict(judge(options), candidate, "dialogue")
    return found.reason if found.outcome == "fail" else ""


CARS = (["red car", "snowy street", "two cats"], ["blue car", "snowy street", "three cats"])


@pytest.mark.parametrize(
    "answer",
    [
        "The first image shows a red car, while the second shows a blue one.",
        "The first image shows a red car, the second a blue one.",
        "The car is red in the first image and blue in the second.",
        "The car is red in the first image, but in the second it is blue.",
        "The car is red, but in the second image it is blue.",
        "The car is red, and in the second image it is blue.",
        "The car changes from red in the first image to blue in the second image.",
        "A red car is in the first image.",
        "The first picture has a red car and two cats.",
        "In the first image the car is red; in the second, it is blue.",
        "The car in the first image is red and the car in the second image is blue.",
        "Unlike the first image, the second image shows a blue car.",
        "Unlike the red car in the first image, the second car is blue.",
        "Compared to the first image, the second has a blue car.",
        "In contrast to the first image, which shows a red car, the second one is blue.",
        "Image 1 shows a red car and image 2 a blue car.",
        "The first image shows a red car instead of a blue one.",
        "There is no blue car in the first image.",
        "The first image does not show a blue car but a red one.",
        "The first image has no blue, green or white car.",
        "Neither image shows a green car.",
        "The color of the car is different: it is red in the first image and blue in the second.",
        "The two images show a red and a blue car.",
        "The images show cars in red and blue.",
        "The first and the second image show a red and a blue car, respectively.",
        "Both images show a car on a snowy street.",
        "Both images show a car, a red one in the first and a blue one in the second.",
        "In the first image there are two cats, but three in the second.",
        "There are two cats in the first image and three in the second.",
        "There are 2 cats in the first image and 3 cats in the second.",
        "The two cars have different colors.",
        "Both images show the same street, but the two cars differ.",
        "The second image has one more cat than the first.",
        "There are five cats in total.",
        "The second image shows three cats, one of them in the snow.",
        "Two images are enough to see a red car.",
        "The car in the first image is red like a ripe tomato under a green leaf.",
        "The car in the first image is as red as a green apple is green.",
        "Grass is usually green, but there is snow in both images.",
        "The first image is a black and white photo of a red car.",
        "The first image is in black and white.",
        "The car in the first image has four wheels and two doors.",
        "The red car from the first image is blue in the second image.",
        "A blue car can be seen in the second image.",
        "The blue car is in the second image, the red one in the first.",
        "The first one shows a red car and the second one a blue car.",
        "The pair of images shows two cars.",
        "No, the car in the first image is red.",
        "The two images show a blue car and a red car.",
        "The first and second images show a red car and a blue car.",
        "The images show two cars: a red one and a blue one.",
        "Both images show a car: a red one and a blue one.",
        "Both images show a car, but one is a red car in the snow and the other is a blue one.",
        "The car in the second image is probably red under its blue paint.",
        "You can count two cats in the first image and three in the second.",
        "The number of cats changes from two in the first image to three in the second.",
        "The first image shows a car that is unlike the blue car in the second image.",
    ],
)
def test_what_is_planned_passes(answer: str) -> None:
    assert not says(sample(CARS, answer))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The first image shows a blue car.", "gives 'blue' to the first image, which has 'red'"),
        ("The first image shows a blue car, while the second shows a red one.", "gives 'blue' to the first image"),
        ("The first image shows a red car, the second a red one, too.", "gives 'red' to the second image"),
        ("The car is blue in the first image and red in the second.", "gives 'blue' to the first image"),
        ("The car is red in the first image, but in the second it is green.", "'green' to the second image, which has"),
        ("The car in the second picture is red.", "gives 'red' to the second image, which has 'blue'"),
        ("A blue car is in the first image.", "gives 'blue' to the first"),
        ("A blue car and two cats are in the first image.", "gives 'blue' to the first"),
        ("Image 1 shows a blue car and image 2 a red car.", "gives 'blue' to the first"),
        ("Both images show a red car.", "gives 'red' to several images, and one of them is the second image"),
        ("Each image shows a blue car.", "gives 'blue' to several images, and one of them is the first image"),
        ("The two images show a red car.", "gives 'red' to several"),
        ("Both cars are red.", "gives 'red' to several"),
        ("Both images show a green car.", "speaks of 'green', which no image has"),
        ("The green car is on a street.", "speaks of 'green', which no image has"),
        ("Unlike the first image, the second image shows a red car.", "gives 'red' to the second"),
        ("In the first image, the car is blue.", "gives 'blue' to the first"),
        ("In the first image the car is red; in the second, it is red.", "gives 'red' to the second"),
        ("The first image shows a red car and a blue sky.", "gives 'blue' to the first"),
        ("The first image shows a car on a street, and the car is blue.", "gives 'blue' to the first"),
        ("The first image does not show a red car but a blue one.", "gives 'blue' to the first"),
        ("In the first image there are three cats, but two in the second.", "gives 'three' to the first image, which"),
        ("In the first image there are two cats, but four in the second.", "gives 'four' to the second image"),
        ("There are 3 cats in the first image.", "gives '3' to the first image, which has 2"),
        ("There are two cats in both images.", "gives 'two' to several images"),
        ("The second image has two cats.", "gives 'two' to the second"),
        ("A pair of cats sits in the second image.", "gives 'pair' to the second image, which has 3"),
        ("There is one cat in the first image.", "gives 'one' to the first image, which has 2"),
        ("There are two cats in the first image, but only one in the second.", "gives 'one' to the second"),
        ("There are a dozen cats.", "speaks of 'dozen', which no image has"),
        ("Five cats sit in the snow of the second image.", "gives 'five'"),
        ("A blue car can be seen in the first image.", "gives 'blue'"),
        ("The last picture shows a red car.", "gives 'red' to the second"),
        ("The first image is not bright, but the car is green.", "'green'"),
        ("The blue car is in the first image, the red one in the second.", "gives 'blue' to the first"),
        ("The first one shows a blue car.", "gives 'blue' to the first"),
        ("Neither image shows a cat, but both show a red car.", "gives 'red' to several"),
        ("The vermilion car is in the first image.", "gives 'vermilion' to the first image, which has 'red'"),
        ("The navy car is in the second image.", "gives 'navy' to the second image, which has 'blue'"),
        ("The car in the first image is salmon.", "gives 'salmon'"),
        ("An orange car is in the first image.", "gives 'orange'"),
        ("The number of cats changes from two in the first image to five in the second.", "gives 'five'"),
        ("The images are alike except that the car is blue in the first and red in the second.", "gives 'blue'"),
        ("The first image shows a car that is unlike the green car in the second image.", "'green'"),
        ("The two images show a green car and a blue car.", "speaks of 'green', which no image has"),
    ],
)
def test_what_is_planned_otherwise_fails(answer: str, reason: str) -> None:
    found = says(sample(CARS, answer))
    assert reason in found, found or "passed"


SHADES = (
    ["vermilion umbrella", "a bench"],
    ["salmon pink umbrella", "a bench"],
    ["a pair of boots", "light gray wall"],
)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("The umbrella in the first image is red.", ""),
        ("The umbrella in the first image is vermilion.", ""),
        ("The umbrella in the first image is vermilion red.", ""),
        ("The umbrella in the first image is cherry red.", "cherry red"),
        ("The umbrella in the second image is salmon.", ""),
        ("The umbrella in the second image is orange.", ""),
        ("The umbrella in the first image is salmon.", "salmon"),
        ("The first image shows a salmon umbrella.", "salmon"),
        ("The first image shows a salmon on a plate.", ""),
        ("The first image shows an orange on a plate.", ""),
        ("The third image shows a grey wall.", ""),
        ("The third image shows a pair of boots.", ""),
        ("The third image shows two boots.", ""),
        ("The third image shows three boots.", "three"),
        ("The first and second images show umbrellas in red and orange.", ""),
        ("The first two images show a red umbrella.", "red"),
        ("The first image shows one umbrella.", ""),
        ("The first image shows a two-story house.", ""),
        ("The first image shows a red-orange umbrella.", "orange"),
    ],
)
def test_shades_and_pairs(answer: str, wrong: str) -> None:
    found = says(sample(SHADES, answer))
    assert bool(found) == bool(wrong) and f"'{wrong}'" in f"{found}''", found


PETS = (["dog", "green field"], ["cat", "wooden fence"], ["sailboat", "sea"])


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("The first image shows a dog and the second a cat.", ""),
        ("The first image shows a cat.", "cat"),
        ("The first image shows a dog and a cat.", "cat"),
        ("There is a cat in the first image.", "cat"),
        ("A cat is in the first image.", "cat"),
        ("A cat runs in the first image.", ""),  # a verb and a noun look alike
        ("In the first image, a cat is on a field.", "cat"),
        ("The first image shows a hammer next to the dog.", "hammer"),
        ("The dog in the first image lies next to a cat.", "cat"),
        ("The second image shows three small cats.", ""),
        ("There is no dog in the second image.", ""),
        ("The second image shows a cat instead of a dog.", ""),
        ("Both images show mammals.", ""),
        ("A dog and a cat are both mammals.", ""),
        ("The cat in the second image looks like a dog.", ""),
        ("The third image shows a boat.", ""),
        ("The second image shows a fence made for a dog.", ""),
        ("The second image shows a tool used to drive a nail.", ""),
        ("The first image shows a dog house.", ""),
        ("The second image shows a bird.", ""),  # a category; the plan knows
        ("The first image shows a fox.", ""),  # a head alone that no picture has
        ("The first image shows a red fox.", "fox"),
        ("The dog would never share with a cat.", ""),
        ("Each image shows a dog.", "dog"),
        ("There is a hammer.", "hammer"),
        ("The dog in the first image is used to hunt with a cat.", ""),
    ],
)
def test_things_that_are_said_to_be_in_a_picture(answer: str, wrong: str) -> None:
    found = says(sample(PETS, answer), things=["animals"], colors=False, counts=False)
    assert bool(found) == bool(wrong) and wrong in found, found


def test_things_are_only_looked_at_when_a_bank_is_named() -> None:
    assert not says(sample(PETS, "The first image shows a cat."))


def test_colors_and_counts_can_be_left_alone() -> None:
    wrong = "The first image shows a blue car and three cats."
    assert "'three'" in says(sample(CARS, wrong), colors=False)
    assert "'blue'" in says(sample(CARS, wrong), counts=False)
    assert not says(sample(CARS, wrong), colors=False, counts=False)


def test_the_plan_of_a_picture_supports_it_alone() -> None:
    plans = [{"shade": Entry("vermilion", {"family": "red"})}, {"shade": Entry("blue", {"look": "like two seas"})}]
    pictures = (["umbrella"], ["umbrella"])
    assert not says(sample(pictures, "The umbrella is red in the first image.", plans=plans))
    assert "'red' to the second" in says(sample(pictures, "The umbrella is red in the second image.", plans=plans))
    shared = sample(pictures, "The umbrella is red in the second image.", plans=plans)
    shared.plan = {"other": Entry("a red thing")}
    assert not says(shared)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The car is red.", ""),
        ("The image shows a red car and two cats.", ""),
        ("The car is blue.", "gives 'blue' to the image, which has 'red'"),
        ("This picture shows a blue car.", "gives 'blue' to the image, which has 'red'"),
        ("There are three cats.", "gives 'three' to the image, which has 2"),
        ("The two cats sit in the snow.", ""),
        ("The three cats sit in the snow.", "gives 'three'"),
    ],
)
def test_one_picture(answer: str, reason: str) -> None:
    found = says(sample(CARS[:1], answer, form="single"))
    assert bool(found) == bool(reason) and reason in found, found


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["The car is red.", "This car is blue."], ""),
        (["The car is blue.", "This car is blue."], "'blue'"),  # has not come yet
        (["The car is red.", "This picture shows a red car."], "gives 'red' to the second image"),
        (["The car is red.", "The car in your new photo is blue, but the one in the first was red."], ""),
        (["The car is red.", "The previous picture shows a blue car."], "'blue'"),
        (["The car is red.", "The last picture shows a blue car."], ""),
        (["The car is red.", "The last picture shows a red car."], ""),  # the one before, perhaps
    ],
)
def test_turn_by_turn_only_what_has_come_counts(answers: list[str], reason: str) -> None:
    found = says(sample(CARS, *answers, form="interleaved"))
    assert bool(found) == bool(reason) and reason in found, found


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("Where is the blue car in the second image?", "It is on a snowy street.", ""),
        ("Where is the blue car in the first image?", "It is on a snowy street.", "the question gives 'blue'"),
        ("Is the car in the first image blue?", "No, it is red.", ""),
        ("Is the car in the first image red or blue?", "It is red.", ""),
        ("Which car is red or blue in the first image?", "It is red.", ""),
        ("What color is the car in the second image?", "The car is blue.", ""),
        ("What color is the car in the second image?", "The car is red.", "the answer gives 'red' to the second"),
        ("What colors do the cars have?", "They are red and blue.", ""),
    ],
)
def test_questions_of_a_chat(question: str, answer: str, reason: str) -> None:
    found = says(sample(CARS, answer, questions=[question], stage=2))
    assert bool(found) == bool(reason) and reason in found, found


def test_questions_of_the_pool_are_not_judged() -> None:
    question = "Where is the green car?"
    assert not says(sample(CARS, "It is on a street.", questions=[question], question=question))
    assert "'green'" in says(sample(CARS, "It is on a street.", questions=[question], question="What is odd?"))


def test_a_bank_that_the_ability_does_not_use_is_an_error() -> None:
    with pytest.raises(SynthError) as error:
        judge({"things": ["minerals"]})
    assert "filters: contradiction: the ability does not draw from the keyword bank 'minerals'" in error.value.message
    assert error.value.fix == "Banks of this ability: animals, color, odd, task, thing."


def test_without_a_bank_of_colors_the_basic_ones_are_known() -> None:
    classes, _ = plugins.load_all("synth.filters")
    chain = build_chain(ability(filters=["contradiction"]), classes, banks())
    assert verdict(chain, sample(CARS, "The first image shows a blue car."), "dialogue").outcome == "fail"
    assert verdict(chain, sample(CARS, "The first image shows a vermilion car."), "dialogue").outcome == "pass"
