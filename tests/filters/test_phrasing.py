"""Dialogues that are not about a picture."""

from __future__ import annotations

import pytest

from synth.catalog import Catalog
from tests.doubles import candidate
from tests.filters.judging import chain, verdict

GOOD = "The fox is made of glass."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOOD, ""),
        ('It says "hello."', ""),
        ("The fox is made of", "breaks off"),
        ("and the fox is there.", "starts in the middle"),
        ("The description says a fox.", "'description'"),
        ("I'm sorry, that is not clear from it.", "talks about the task"),
        ("The fox is here. The fox is here.", "repeats itself"),
        ("A fox with red fur is in a wood. It has red fur.", "repeats itself: 'It has red fur.'"),
        ("A fox with red fur is in a wood. It has a tail.", ""),
        ("The red fox is called a red fox.", "by itself: 'The red fox is called a red fox.'"),
        ("The red comb has a shade like the comb.", "explains a thing by itself"),
        ("The copper of the pan looks like a copper coin.", ""),
        ("One here. Two here. Three here. Four here. Five here.", "5 sentences"),
        ("狐狸站在雪地上看着我们这里很冷。.", "not in English"),
        ("A sign above the door of this old house says café.", ""),
    ],
)
def test_answers(answer: str, reason: str) -> None:
    found = verdict(chain("phrasing"), candidate(answers=[answer]), "dialogue")
    assert (found.outcome == "fail") == bool(reason), found.reason
    assert reason in found.reason


@pytest.mark.parametrize(
    ("earlier", "later", "same"),
    [
        ("It is a red car by a lake.", "By a lake is a red car.", True),
        ("The triangle should be folded in half.", "The triangle should be folded in half.", True),
        # replies of a small model
        ("You can wet your hands under the running water. Rub your hands with soap for twenty seconds, also between "
         "the fingers. Rinse off all the lather and dry your hands on the towel.",
         "Rub your hands with soap for twenty seconds, also between the fingers. Rinse off all the lather and dry your "
         "hands on the towel.", True),
        ("The short plastic blade is easy to use, but it is not strong enough for digging deep holes.",
         "The wide flat blade does not have a point and is easy to use, but it is not strong enough for digging deep "
         "holes.", False),
        # people's: a summary has all words of an answer before it
        ("In the second image there are five lanterns.",
         "The number of lanterns differs, with two in the first image and five in the second image.", False),
        ("The sheet is cut on every side, but the book is still open. Fold the edges of the paper in.",
         "The book is still open. Tape the paper flaps together.", False),
        # a word that does not count otherwise
        ("The glass lid is not on the jar.", "The glass lid is on the jar.", False),
        ("The glass lid isn't on the jar.", "The glass lid is on the jar.", False),
        ("A grey cat doesn't sleep on the sofa.", "A grey cat sleeps on the sofa.", False),
        ("A grey cat doesn't sleep on the sofa.", "On the sofa a grey cat does not sleep.", True),
        ("The glass lid is under the jar.", "The glass lid is on the jar.", False),
        ("The first image shows an old red car by a quiet lake at dawn.",
         "The second image shows an old red car by a quiet lake at dawn.", False),
        # numbers, ordinals and colors, by words or in their order
        ("There are two brown dogs on the wide sandy beach at dusk.",
         "There are three brown dogs on the wide sandy beach at dusk.", False),
        ("There are two brown dogs on the wide sandy beach at dusk.",
         "On the wide sandy beach at dusk there are 2 brown dogs.", True),
        ("There are brown dogs on the wide sandy beach at dusk.",
         "There are brown dogs on the wide sandy beach at dusk, two of them.", True),
        ("A large red wooden boat lies at the old quiet pier.",
         "A large blue wooden boat lies at the old quiet pier.", False),
        ("A large grey boat lies at the old quiet pier.", "At the old quiet pier lies a large gray boat.", True),
        ("The first cup on the table is red, the second blue.",
         "The first cup on the table is blue, the second red.", False),
        ("A red car stands by a blue truck.", "A blue car stands by a red truck.", False),
        # things that are shown
        ("The fox has four white paws and a long bushy tail in winter.",
         "The forest has four white paws and a long bushy tail in winter.", False),
        ("The fox has four white paws and a long bushy tail in winter.",
         "The animal has four white paws and a long bushy tail in winter.", True),
        ("Yes, it is red.", "It is red, yes.", False),  # too short to tell
    ],
)  # fmt: skip
def test_an_answer_does_not_repeat_an_earlier_one(earlier: str, later: str, same: bool) -> None:
    for form in ("single", "interleaved"):
        one = candidate(answers=[earlier, "The lake lies still in the morning.", later])
        one.form = form
        found = verdict(chain("phrasing"), one, "dialogue")
        assert (found.outcome == "fail") == same, found.reason
        assert ("says what an earlier one said" in found.reason) == same


def test_a_second_sentence_can_be_kept_to_one_purpose() -> None:
    checks = chain("phrasing", {"then": ["In reality", "normal"]})
    kept = candidate(answers=["The fox is made of glass. In reality foxes have fur. Normal foxes are red."])
    strays = candidate(answers=["The fox is made of glass. The forest is odd, too."])
    assert verdict(checks, kept, "dialogue").outcome == "pass"
    assert "goes on to other things: 'The forest is odd, too.'" in verdict(checks, strays, "dialogue").reason


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("A red fox, snowy forest, tall trees, white snow.", "only lists keywords"),
        ("A red fox running across a snowy forest with tall trees.", "has no verb"),
        ("A red fox running across a snowy forest. In reality it sleeps.", "has no verb"),
        ("The white snow of the tall trees.", "has no verb"),
        ("A red fox is in a snowy forest with tall trees.", ""),
        ("A red fox runs across a snowy forest.", ""),
        ("The tall trees show that it is a forest.", ""),
        ("Most people shun the forest.", ""),
        ("The men push a cart up the hill.", ""),
        ("Yes. It should be there, not in the forest.", ""),
    ],
)
def test_an_answer_is_a_sentence(answer: str, problem: str) -> None:
    one = candidate(keywords=["red fox", "snowy forest", "tall trees", "white snow"], answers=[answer])
    found = verdict(chain("phrasing"), one, "dialogue")
    assert (found.outcome == "fail") == bool(problem), found.reason
    assert problem in found.reason


@pytest.mark.parametrize(
    ("questions", "reason"),
    [
        (["What is it?", "Where is it?"], ""),
        (["What is it?", "Tell me more."], "not a question"),
        (["What is it?", "What do you think of it?"], "ambiguous"),
        (["What is it?", "what is it?"], "asked twice"),
    ],
)
def test_questions_are_judged_only_where_the_model_wrote_them(questions: list[str], reason: str) -> None:
    answers = ["The fox is red.", "It stands in snow."]
    found = verdict(chain("phrasing"), candidate(answers=answers, questions=questions, stage=2), "dialogue")
    assert (found.outcome == "fail") == bool(reason)
    assert reason in found.reason
    pool = candidate(answers=answers[:1], questions=questions[1:], stage=1)
    assert verdict(chain("phrasing"), pool, "dialogue").outcome == "pass"


@pytest.mark.parametrize(
    ("phrase", "answer", "hit"),
    [
        ("Made Of", GOOD, True),
        ("is mad", GOOD, False),
        ("differ", "The two foxes are different.", False),
        ("the thing,", "The fox is the thing, as you see.", True),
        ("the thing,", "The fox is the thing that you see.", False),
        ("(red)", "The fox (red) is here.", True),
        ("it is glass", "I see that it's glass.", True),
        ("it's glass", "I see that it is glass.", True),
        ("it is glass", "I see that its glass is red.", False),
    ],
)
def test_phrases_are_found_as_whole_words(phrase: str, answer: str, hit: bool) -> None:
    found = verdict(chain("phrasing", {"also": [phrase]}), candidate(answers=[answer]), "dialogue")
    assert (found.outcome == "fail") == hit, found.reason


def test_no_phrases_ban_nothing() -> None:
    assert verdict(chain("phrasing", {"also": [], "never_user": []}), candidate(), "dialogue").outcome == "pass"


@pytest.mark.parametrize(
    ("said", "banned"),
    [
        ("The jar has a lid that is allowed in the oven. What is next?", False),
        ("It does not look very good. What is wrong?", False),
        ("I did the last step you gave. What is next?", False),
        ("The meat is well done. Can I take it out?", False),
        ("That is all I have. What should I do first?", False),
        ("Is it finished now?", False),
        ("I did it!", False),
        ("The cream is whipped. Nicely done!", True),
        ("Exactly, that's all.", True),
        ("It's finished now.", True),
        ("All done!", True),
        ("Very good, that was the last step.", True),
        ("Very good, you made the mashed potatoes.", True),
    ],
)
def test_a_learner_does_not_close(said: str, banned: bool) -> None:
    options = next(one for one in Catalog().ability("howto").filters if one.name == "phrasing").options
    one = candidate(
        answers=[GOOD, "It stands in a snowy forest."], questions=["What is odd?", said], form="interleaved"
    )
    found = verdict(chain("phrasing", options), one, "dialogue")
    assert (found.outcome == "fail") == banned, found.reason
    assert ("the user says" in found.reason) == banned


def test_options() -> None:
    assert verdict(chain("phrasing", {"also": ["Made Of"]}), candidate(answers=[GOOD]), "dialogue").outcome == "fail"
    two = candidate(answers=["One is here. Two are here."])
    assert verdict(chain("phrasing", {"max_sentences": 1}), two, "dialogue").outcome == "fail"


def test_phrases_banned_in_what_the_user_says() -> None:
    banned = chain("phrasing", {"never_user": ["Well done"]})
    answers = [GOOD, "It stands in a snowy forest. Well done."]
    asked = candidate(questions=["What is odd?", "Well done, but where is it?"], answers=answers)
    assert verdict(banned, asked, "dialogue").reason == "turn 2: the user says 'well done'"
    asked = candidate(questions=["What is odd?", "Where is it?"], answers=answers)
    assert verdict(banned, asked, "dialogue").outcome == "pass"


@pytest.mark.parametrize(("form", "outcome"), [("single", "fail"), ("multi", "pass")])
def test_what_is_said_of_each_picture_explains_no_thing_by_itself(form: str, outcome: str) -> None:
    same = candidate(
        answers=["In the first image the ball is red, and in the second image the ball is red."], form=form
    )
    assert verdict(chain("phrasing"), same, "dialogue").outcome == outcome
