"""Words that only some of several pictures have: said of the right picture they pass, said of another they fail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from synth.catalog import Catalog
from synth.records import Entry
from tests.doubles import sample
from tests.filters.judging import verdict
from tests.filters.test_contradiction import judge, says

RAIN = (
    ["a dark cloud pouring rain over a street", "city"],
    ["a wet street with large puddles", "city"],
)
RAIN_RIGHT = (
    "The rain in the first image filled the street with the puddles in the second image.",
    "So the first image shows the cause of the second.",
    "The first image shows rain. The rain filled the street in the second image with puddles.",
    (
        "The first image shows a dark cloud that pours rain over a street, and the rain made the puddles on the "
        "street in the second image."
    ),
    "The puddles in the second image come from the rain.",
    "The puddles in the second image were left by the rain in the first image.",
    "Rain causes puddles: the first image shows the cause and the second image the effect.",
    "Because it rains in the first image, the street is full of puddles in the second image.",
    "Because of the rain in the first image, there are puddles in the second image.",
    "The first image shows the rain that made the puddles in the second image.",
    "The first image shows rain pouring from a cloud, which led to the puddles in the second image.",
    "The street in the second image is wet because of the rain.",
    "The street is wet with puddles in the second image after the rain in the first image.",
    "After the rain the street in the second image is full of puddles.",
    "The images show what rain does to a street: there are puddles in the end.",
    "Both images show a street, first in the rain and then with puddles.",
    "Both images show the same street, once under a dark cloud and once with puddles.",
    "Both images show a street; in the first image it rains, while the second image shows puddles.",
    "In both images there is a street. It is rainy in the first image, but wet with puddles in the second.",
    "The second image shows what the rain of the first image leaves behind, namely puddles.",
    "There are no puddles in the first image.",
    "The second image has no cloud and no rain.",
    "The first image shows rain instead of puddles.",
    "Unlike the first image, the second image shows puddles.",
    "Unlike the second image, the first image shows rain and a cloud.",
    "In contrast to the first image with its cloud, the second image shows puddles.",
    "The first image shows a street before it has puddles.",
    "The first image shows the street in the rain, and the second image shows it after the rain.",
    "The first image comes before the second: a cloud pours rain, then puddles cover the street.",
    "The puddles come after the rain.",
    "The images tell a story of rain and puddles.",
    "The two images show the cause and the effect: rain and puddles.",
    "A dark cloud pours rain over a street in the first image, and puddles cover the street in the second image.",
    "The rain from the cloud in the first image is the reason for the puddles in the second image.",
)
RAIN_WRONG = (
    "The first image shows puddles and the second image shows rain.",
    "The first image shows a street with puddles, the second a cloud.",
    "Both images show rain.",
    "Both images show puddles on a street.",
    "All images show the same thing: a street with puddles.",
    "There is a cloud in the second image.",
    "Puddles are in the first image.",
    "In the first image, puddles cover the street.",
    "The second image shows rain over a street.",
    "The puddles in the first image were made by the rain in the second image.",
)
SNOW = (
    ["a park bench covered in snow", "bare trees"],
    ["a parked car covered in snow", "side street"],
    ["a mailbox covered in snow", "front yard"],
    ["a pine tree covered in snow", "mountain slope"],
)
SNOW_RIGHT = (
    (
        "All four images show something covered in snow: a bench in the first image, a car in the second image, a "
        "mailbox in the third image and a pine in the fourth image."
    ),
    "All four images show snow: a bench, a car, a mailbox and a pine tree are covered in it.",
    "All four images show snowy things, namely a bench, a car, a mailbox and a tree.",
    "The bench, the car, the mailbox and the pine tree are all covered in snow.",
    (
        "The first two images show a bench and a car, the last two a mailbox and a pine tree, all of them covered "
        "in snow."
    ),
    "Snow covers everything in the four images, from the bench in the first to the pine tree in the fourth.",
    (
        "Snow covers the bench in the first image, the car in the second, the mailbox in the third and the tree in "
        "the fourth."
    ),
    "In each image a thing is covered in snow, be it a bench, a car, a mailbox or a tree.",
    (
        "The first image shows a bench, the second a car, the third a mailbox, and the fourth a tree, and all are "
        "covered in snow."
    ),
    "Image 1 shows a bench, image 2 a car, image 3 a mailbox and image 4 a pine tree.",
    "There is a bench in image 1, a car in image 2, a mailbox in image 3 and a pine tree in image 4.",
    "A park bench, a parked car, a mailbox and a pine tree are shown in the four images, all covered in snow.",
    "The images show a bench, a car, a mailbox and a tree that are covered in snow.",
    "What the bench, the car, the mailbox and the tree share is the snow on them.",
    "All four images show snow, on a bench, a car, a mailbox and a tree.",
    (
        "Snow lies on the bench in the first image as well as on the car in the second image, the mailbox in the "
        "third and the tree in the fourth."
    ),
)
SNOW_WRONG = (
    "All four images show a bench covered in snow.",
    "All four images show the same thing: a car covered in snow.",
    "The first image shows a car and the second a bench.",
    (
        "All four images show snow: a bench in the first image, a mailbox in the second image, a car in the third "
        "image and a pine in the fourth image."
    ),
    (
        "The bench in the first image, the mailbox in the second image, the car in the third image and the pine in "
        "the fourth image are covered in snow."
    ),
    "In every image a mailbox is covered in snow.",
    "Each image shows a parked car.",
    "Snow covers the car in the first image.",
)
COOKS = (
    ["a middle-aged woman with olive skin chopping onions in a kitchen"],
    ["a teenage boy with braces chopping onions in a kitchen"],
)
COOKS_RIGHT = (
    (
        "Both images show a person who is chopping onions, a middle-aged woman in the first image and a teenage boy"
        " in the second."
    ),
    "In both images somebody chops onions: the first image shows a woman, the second a boy.",
    "A woman and a boy are chopping onions in the two images.",
    "The woman in the first image does the same as the boy in the second image: both chop onions.",
    "Like the woman in the first image, the boy in the second image chops onions.",
    "The woman in the first image and the boy in the second image are both chopping onions.",
    "The person is a woman in the first image but a boy in the second.",
    "The people of both images chop onions, though one is a woman and the other is a boy.",
    "Both the woman in the first image and the boy in the second image are chopping onions.",
    "In the kitchen, a woman in the first image and a boy in the second image chop onions.",
    "In the first image, a woman with olive skin chops onions; in the second, a boy with braces does so.",
    "The first image is of a woman and the second is of a boy, and both chop onions in a kitchen.",
    "Both people chop onions; the woman is in the first image and the boy in the second.",
    (
        "The images have the same action, chopping onions, done by a woman in the first image and by a boy in the "
        "second image."
    ),
    "What the woman does in the first image, the boy does in the second image.",
    "The boy in the second image is younger than the woman in the first image.",
    "The boy in the second image is younger than the woman.",
)
COOKS_WRONG = (
    "Both images show a middle-aged woman and a teenage boy in a kitchen.",
    "The first image shows a boy, the second a woman.",
    "Both images show a woman chopping onions.",
    "Both images show a woman.",
    "In both images, a boy is chopping onions.",
    "The boy is in the first image, the woman in the second.",
    "The first image shows a boy with braces.",
    "Both images show a teenage boy who chops onions.",
    "In the first image a boy chops onions while in the second image a woman does.",
    "The images are alike: both show a woman in a kitchen.",
    "A boy chops onions in the first image and a woman in the second.",
    "Each of the images shows a teenage boy.",
    "The two images both show a woman.",
)
DOG = (
    ["a muddy dog in a bathtub"],
    ["a clean fluffy dog on a towel"],
)
DOG_RIGHT = (
    (
        "Both images show the same dog; it is muddy before the bath in the first image and clean after the bath in "
        "the second image."
    ),
    "The muddy dog in the first image has become the clean dog in the second image.",
    "The dog was muddy in the first image and is clean in the second.",
    "The dog that is muddy in the first image is clean and fluffy in the second image.",
    "The dog, muddy in the first image, is clean in the second image.",
    "First the dog is muddy in a bathtub, and then it is clean on a towel.",
    "Both images show a dog, first muddy and then clean.",
    "The second image shows the dog of the first image after its bath, clean and on a towel.",
    "The first image shows the dog muddy, but the second shows it clean.",
    "The second image shows the dog from the bathtub, now clean on a towel.",
    "The same dog is muddy in the first image, yet clean in the second one.",
    "The dog goes from muddy in the first image to clean and fluffy in the second image.",
    "The second image shows the same dog no longer muddy but clean.",
)
DOG_WRONG = (
    "The dog is clean in the first image and muddy in the second.",
    "The second image shows a muddy dog.",
    "Both images show a clean dog.",
    "The dog in the second image lies in a bathtub.",
)
NEEDLE = (
    ["a needle with red thread on a cushion", "sewing room"],
    ["a button sewn onto a shirt", "sewing room"],
)
NEEDLE_RIGHT = (
    "The needle of the first image was used to sew the button in the second image.",
    "The needle in the first image sewed the button onto the shirt in the second image.",
    "With the needle from the first image, somebody sewed on the button in the second image.",
    "The button in the second image was sewn with the needle of the first image.",
    "The button in the second image was sewn on with a needle like the one in the first image.",
    "The first image shows a needle, which was used to sew the button in the second image onto a shirt.",
    "The first image shows the tool, a needle, and the second image the work done with it, a button on a shirt.",
    "The first image shows the needle with which the button in the second image was sewn.",
    (
        "The first image shows a needle with thread, and the second shows what it was used for: a button sewn onto "
        "a shirt."
    ),
    "The needle is the tool, and the button in the second image shows its use.",
    "A needle as in the first image sews a button as in the second image.",
)
NEEDLE_WRONG = (
    "The button in the first image was sewn with the needle in the second image.",
    "The first image shows a button.",
    "Both images show a needle.",
)
FRUIT = (
    ["a ripe pineapple on a beach mat"],
    ["a bunch of bananas on a plant"],
    ["a cut mango on a plate"],
)
FRUIT_RIGHT = (
    (
        "The pineapple in the first image is a fruit that grows in the tropics, and so are the bananas in the "
        "second image and the mango in the third image."
    ),
    "All three images show tropical fruits: a pineapple, bananas and a mango.",
    "All three images show fruits, such as a pineapple and a mango.",
    "The three images show a pineapple, bananas and a mango.",
    "All three images show fruits that grow in the tropics, like pineapple, bananas and mango.",
    "Each image shows a tropical fruit, a pineapple, a bunch of bananas or a mango.",
    "Pineapple, bananas and mango are tropical fruits.",
    "A pineapple, bananas, and a mango can be seen in the three images, and all of them are fruits.",
    "All three images show fruits: the first a pineapple, the second bananas, the third a mango.",
    "All images belong together because they show fruit, including a pineapple, bananas and a mango.",
    "All three images show different fruits (a pineapple, bananas and a mango).",
)
FRUIT_WRONG = (
    "All three images show a pineapple.",
    "All three images show bananas on a plant.",
    "The first image shows a mango, the second bananas and the third a pineapple.",
    "All three images show a pineapple, bananas and a mango.",
)

Group = tuple[Sequence[Sequence[str]], Sequence[str]]


def answers(*groups: Group) -> list[tuple[Sequence[Sequence[str]], str]]:
    return [(pictures, answer) for pictures, of_these in groups for answer in of_these]


def says_of(pictures: Sequence[Sequence[str]], answer: str, question: str = "How are these images related?") -> str:
    return says(sample(pictures, answer, questions=[question], question=question), words=True)


@pytest.mark.parametrize(
    ("pictures", "answer"),
    answers(
        (RAIN, RAIN_RIGHT),
        (SNOW, SNOW_RIGHT),
        (COOKS, COOKS_RIGHT),
        (DOG, DOG_RIGHT),
        (NEEDLE, NEEDLE_RIGHT),
        (FRUIT, FRUIT_RIGHT),
    ),
)
def test_words_of_the_right_picture_pass(pictures: Sequence[Sequence[str]], answer: str) -> None:
    assert not says_of(pictures, answer)


@pytest.mark.parametrize(
    ("pictures", "answer"),
    answers(
        (RAIN, RAIN_WRONG),
        (SNOW, SNOW_WRONG),
        (COOKS, COOKS_WRONG),
        (DOG, DOG_WRONG),
        (NEEDLE, NEEDLE_WRONG),
        (FRUIT, FRUIT_WRONG),
    ),
)
def test_words_of_another_picture_fail(pictures: Sequence[Sequence[str]], answer: str) -> None:
    assert "which does not have it" in says_of(pictures, answer)
    assert not says(sample(pictures, answer))


@pytest.mark.parametrize(
    ("pictures", "question", "answer", "wrong"),
    [
        (RAIN, "Why is the street wet in the second image?", "Rain fell from a dark cloud.", False),
        (RAIN, "What made the puddles in the second image?", "The rain from the cloud did.", False),
        (RAIN, "What is on the street in the second image?", "There are large puddles on it.", False),
        (RAIN, "Which image shows rain?", "The first image does.", False),
        (RAIN, "Is there rain in the second image?", "No, there is no rain in the second image.", False),
        (RAIN, "What changed from the first image to the second?", "The rain has stopped and left puddles.", False),
        (COOKS, "Who is in the second image?", "A teenage boy with braces.", False),
        (COOKS, "What do both people do?", "They chop onions in a kitchen.", False),
        (
            NEEDLE,
            "What was done with this tool, as the second image shows?",
            ("The needle of the first image was used to sew the button onto the shirt in the second image."),
            False,
        ),
        (NEEDLE, "Which tool is in the first image?", "A needle with red thread.", False),
        (RAIN, "What is on the street in the first image?", "There are large puddles on it.", True),
        (RAIN, "What is in the second image?", "It shows a dark cloud.", True),
        (COOKS, "Who is in the second image?", "A middle-aged woman.", True),
        (COOKS, "Who is in the first image?", "It is a teenage boy with braces.", True),
    ],
)
def test_answers_speak_of_the_picture_that_was_asked_about(
    pictures: Sequence[Sequence[str]], question: str, answer: str, wrong: bool
) -> None:
    assert bool(says_of(pictures, answer, question)) == wrong


@pytest.mark.parametrize(
    ("question", "wrong"),
    [
        ("What does the woman in the first image do?", ""),
        ("What does the woman in the second image do?", "the question gives 'woman' to the second image"),
        ("How does the boy in the second image differ from the woman?", ""),
        ("How did the woman change the kitchen in the second image?", ""),
    ],
)
def test_questions_of_a_chat(question: str, wrong: str) -> None:
    found = says(sample(COOKS, "Both chop onions.", questions=[question], stage=2), words=True)
    assert bool(found) == bool(wrong) and wrong in found, found


def test_relations_pass_as_answers_to_their_pictures() -> None:
    chain = judge({"words": True})
    rejected = []
    for entry in Catalog().bank("relation").entries:
        shown = [[entry.facts[f"p{number + 1}"]] for number in range(int(entry.facts["pictures"]))]
        if verdict(chain, sample(shown, entry.facts["link"]), "dialogue").outcome == "fail":
            rejected.append(entry.facts["link"])
    assert not rejected


@pytest.mark.parametrize(
    ("first", "second", "answer", "wrong"),
    [
        ("a street", "a field", "The first image shows a flooded road.", ""),  # perhaps another word for it
        ("a nun on a bench", "a woman in a car", "The first image shows a woman on a bench.", ""),
        ("a man on a bench", "a woman in a car", "The first image shows a woman on a bench.", "woman"),
        ("a snowy hill", "a car in the snow", "Both images show snow.", ""),
        ("a sailboat", "a boat on a lake", "Both images show a boat.", ""),
        ("an unlit candle", "a lit candle", "The first image shows a lit candle.", "lit"),
        ("a half-burned candle", "a new candle", "Both images show a burned candle.", ""),
        ("a middle-aged man", "an elderly man", "Both images show a middle-aged man.", "aged"),
        ("a mug in a hall", "a mug on a lawn", "Both show a mug, but one is in a hall and the other is on a lawn.", ""),
        ("a cut mango", "a mango orange wall", "Both images show a cut mango.", "cut"),
        ("a cut mango", "a ripe banana", "The second image shows a mango.", "mango"),
        ("a watering can on a lawn", "a soup bowl", "A soup bowl stands on a lawn in the first image.", "soup"),
        ("a soup bowl", "a watering can", "The thing is a watering can in the first image.", "watering"),
        (
            "a round balloon",
            "a flat balloon",
            "It goes from round in the first image to small and flat in the second.",
            "",
        ),
        (
            "a round balloon",
            "a flat balloon",
            "It goes from flat in the first image to small and round in the second.",
            "round",
        ),
        ("a dog bite", "a red arm", "The arm in the second image was bitten by a dog.", ""),
        ("a dog on a lawn", "a cat by a lake", "The second image shows a cat near a dog.", "dog"),
    ],
)
def test_what_a_word_says(first: str, second: str, answer: str, wrong: str) -> None:
    found = says_of(([first], [second]), answer)
    assert bool(found) == bool(wrong) and f"'{wrong}'" in f"{found}''", found


def test_what_was_drawn_for_a_picture_supports_it_and_what_was_drawn_for_all_does_not() -> None:
    plans = [{"thing": Entry("bench", {"place": "a park"})}, {"thing": Entry("car", {"place": "a garage"})}]
    pictures = (["snow"], ["snow"])
    wrong = sample(pictures, "The first image shows a car.", plans=plans)
    wrong.plan = {"condition": Entry("covered in snow", {"t1": "a bench", "t2": "a car"})}
    assert "gives 'car' to the first image" in says(wrong, words=True)
    assert not says(sample(pictures, "The first image shows a bench in a park.", plans=plans), words=True)
    # a fact tells nothing of the others
    assert not says(sample(pictures, "The second image shows a car in a park.", plans=plans), words=True)


def test_turn_by_turn_words_are_not_compared() -> None:
    answers = ["The bowl holds dough.", "This photo shows the dough from the bowl in the oven."]
    assert not says(sample((["a bowl of dough"], ["a hot oven"]), *answers, form="interleaved"), words=True)
