"""Conversations in which pictures arrive: what is unambiguous is repaired, all else says why it is not taken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synth.errors import ReplyError
from synth.produce.conversation import parse_conversation
from synth.produce.dialogue import turns_of, without_mark
from synth.produce.prompting import Prompter
from synth.template_schema import PICTURE_MARK
from tests.doubles import interleaved

PICTURES = [
    ["whole red onion", "wooden board", "bright kitchen"],
    ["chopped onion", "sharp knife", "bright kitchen"],
    ["fried onion rings", "iron pan", "bright kitchen"],
]
SHOWN = [
    "a whole red onion on a board",
    "a chopped onion beside a knife",
    "fried onion rings in a pan",
]
SAID = [
    "Here is my start: 《{}》. What comes first?",
    "I did that: 《{}》. And now?",
    "It looks so: 《{}》. Is it done?",
]
USER = [text.format(shown) for text, shown in zip(SAID, SHOWN, strict=True)]
ASSISTANT = ["Peel it and chop it.", "Fry the pieces in a pan.", "Yes, that is done."]
LEFT = ["Here is my start. What comes first?", "I did that. And now?", "It looks so. Is it done?"]


def turns(user: list[str] = USER, assistant: list[str] = ASSISTANT) -> list[dict[str, Any]]:
    return [{"user": one, "assistant": other} for one, other in zip(user, assistant, strict=True)]


def parsed(data: Any) -> tuple[list[str], list[str], list[str]]:
    """The user's texts without their pictures, the answers, the repairs."""
    reply = data if isinstance(data, str) else json.dumps({"turns": data})
    pairs, repairs = parse_conversation(reply, PICTURES)
    for user, assistant in pairs:
        assert len(PICTURE_MARK.findall(user)) == 1
        assert not set("《》") & set(PICTURE_MARK.sub("", user) + assistant)
    return [without_mark(user) for user, _ in pairs], [assistant for _, assistant in pairs], repairs


def with_user(number: int, text: str) -> list[dict[str, Any]]:
    return turns([*USER[:number], text, *USER[number + 1 :]])


def test_a_good_reply_is_taken_as_it_is() -> None:
    pairs, repairs = parse_conversation(json.dumps({"turns": turns()}), PICTURES)
    assert pairs == list(zip(USER, ASSISTANT, strict=True))
    assert repairs == []
    made = turns_of(pairs, 3, "interleaved")
    assert [turn.text for turn in made[::2]] == [f"<image>\n{left}" for left in LEFT]
    assert [turn.text for turn in made[1::2]] == ASSISTANT


def label(names: tuple[str, str], separator: str = "\n") -> str:
    lines = [f"{names[at % 2]} {text}" for at, text in enumerate(text for pair in turns() for text in pair.values())]
    return separator.join(lines)


MESSAGES = [
    {"role": role, "content": text}
    for user, assistant in zip(USER, ASSISTANT, strict=True)
    for role, text in (("user", user), ("assistant", assistant))
]
THANKS = {"user": "Thank you!", "assistant": "You are welcome."}
NOTHING = {"user": " ", "assistant": ""}
SWAPPED = [{"assistant": turn["user"], "user": turn["assistant"]} for turn in turns()]


@pytest.mark.parametrize(
    ("data", "repair"),
    [
        (with_user(1, USER[1].replace("《", "")), "bracket_added"),
        (with_user(1, USER[1].replace("》", "")), "bracket_added"),
        (with_user(1, f"I did that: 《{SHOWN[1]}. And now?"), "bracket_added"),
        (with_user(1, f"《{SHOWN[1]}. I did that. And now?"), "bracket_added"),
        (with_user(1, f"{SHOWN[1]}》 I did that. And now?"), "bracket_added"),
        (with_user(1, f"I did that. And now? 《{SHOWN[1]}"), "bracket_added"),
        (with_user(1, f"I did that: {SHOWN[1]}. And now?"), "brackets_added"),
        (with_user(1, f"I did that: [{SHOWN[1]}]. And now?"), "brackets_added"),
        (with_user(1, f"I did that ({SHOWN[1]}). And now?"), "brackets_added"),
        (with_user(1, "I did that. And now?"), "brackets_added"),
        (with_user(1, "I did that: <image>. And now?"), "placeholder_taken"),
        (with_user(1, "<image>\nI did that. And now?"), "placeholder_taken"),
        (with_user(1, "I did that (<image>). And now?"), "placeholder_taken"),
        (with_user(1, "I did that: [Image 2]. And now?"), "placeholder_taken"),
        (with_user(1, "<Image 2> I did that. And now?"), "placeholder_taken"),
        (with_user(1, f"I did that: <<{SHOWN[1]}>>. And now?"), "brackets_replaced"),
        (with_user(1, f"I did that: 【{SHOWN[1]}】. And now?"), "brackets_replaced"),
        (with_user(1, f"I did that: «{SHOWN[1]}». And now?"), "brackets_replaced"),
        (with_user(1, f"I did that: [Image of {SHOWN[1]}]. And now?"), "brackets_replaced"),
        (with_user(1, f"I did that: (picture 2: {SHOWN[1]}). And now?"), "brackets_replaced"),
        (with_user(1, f"I did that: <photo of {SHOWN[1]}>. And now?"), "brackets_replaced"),
        (SWAPPED, "speakers_swapped"),
        ([*turns(), THANKS], "closing_dropped"),
        ([*turns(), NOTHING], "empty_turns_dropped"),
        ([turns()[0], NOTHING, *turns()[1:]], "empty_turns_dropped"),
        (MESSAGES, None),
        ([{"from": one["role"].replace("user", "human"), "value": one["content"]} for one in MESSAGES], None),
        ([{"Question": one["user"], "Answer": one["assistant"]} for one in turns()], None),
        (json.dumps({"messages": MESSAGES}), None),
        (json.dumps(turns()), "list_wrapped"),
        (json.dumps(turns(), indent=1, ensure_ascii=False), "list_wrapped"),
        (f"```json\n{json.dumps(turns())}\n```", "code_fence"),
        (json.dumps({"turns": turns()}).replace("]}", "],}"), "trailing_comma"),
        (label(("User:", "Assistant:")), "turns_from_text"),
        (label(("**User:**", "**Assistant:**"), "\n\n"), "turns_from_text"),
        (label(("Learner 1:", "Teacher 1:")), "turns_from_text"),
        (label(("A:", "B:")), "turns_from_text"),
        (label(("Q:", "A:")), "turns_from_text"),
        (label(("- Human:", "- GPT:")), "turns_from_text"),
    ],
)  # fmt: skip
def test_unambiguous_replies_are_repaired_and_the_repair_is_named(data: Any, repair: str | None) -> None:
    user, assistant, repairs = parsed(data)
    assert (user, assistant) == (LEFT, ASSISTANT)
    assert (repair in repairs) if repair else (repairs == [])


def test_what_people_just_say_is_no_picture() -> None:
    """Without brackets a sentence that speaks of the picture stays whole."""
    said = "Here is the chopped onion on my board. And now?"
    assert parsed(with_user(1, said))[0][1] == said
    said = "I did that: it went well (at last). And now?"
    assert parsed(with_user(1, said))[0][1] == said


def test_a_picture_that_one_answer_shows_is_the_users() -> None:
    spoken = turns()
    spoken[1] = {"user": "I did that. And now?", "assistant": f"《{SHOWN[1]}》 Fry the pieces in a pan."}
    assert parsed(spoken) == (LEFT, ASSISTANT, ["picture_moved_to_user"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("《x》", ""),
        ("《x》. What now?", "What now?"),
        ("Look: 《x》", "Look."),
        ("Look: 《x》 What now?", "Look: What now?"),
        ("Is it right? 《x》", "Is it right?"),
        ("Here it is. 《x》. What now?", "Here it is. What now?"),
        ("Here it is: 《x》, what now?", "Here it is, what now?"),
        ("I have 《x》 here", "I have it here."),
        ("I also found 《x》. Which one?", "I also found it. Which one?"),
        ("Here is 《x》.", "Here it is."),
        ("This is a 《x》, what now?", "This is it, what now?"),
        ("What do you think of 《x》?", "What do you think of it?"),
    ],
)
def test_the_words_around_a_picture(text: str, left: str) -> None:
    assert without_mark(text) == left


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (turns()[:2], "has 2 turns with 2 pictures, not 3"),
        ([*turns(), *turns()[:2]], "has 5 turns with 5 pictures, not 3"),
        ([*turns(), THANKS, THANKS], "has 5 turns with 3 pictures, not 3"),
        ([*[{"user": "And now?", "assistant": "Go on."}] * 4], "has 4 turns with 0 pictures"),
        (with_user(0, f"《{SHOWN[0]}》 and 《a knife》. What now?"), "turn 1 has 2 pictures, not one"),
        (with_user(0, "<image> <image> What now?"), "turn 1 has 2 pictures, not one"),
        (turns(USER, [*ASSISTANT[:2], "Done: 《a plate》."]), "turn 3: there is a picture in the answer"),
        (turns(USER, ["<image> Chop it.", *ASSISTANT[1:]]), "turn 1: there is a picture in the answer"),
        (turns(["Go", "on", "now"], [f"Yes. 《{one}》" for one in SHOWN]), "all the pictures are in the answers"),
        (turns([USER[1], USER[0], USER[2]]), "turn 1 shows picture 2 and not picture 1"),
        (turns(["", *USER[1:]]), "turn 1: the user says nothing"),
        (turns(USER, ["", *ASSISTANT[1:]]), "turn 1: the assistant says nothing"),
        (with_user(2, f"《{SHOWN[2]}》."), "turn 3: the user only shows a picture"),
        (with_user(2, f"{SHOWN[2]}》"), "turn 3: the user only shows a picture"),
        (MESSAGES[:-1], "ends without an answer"),
        (MESSAGES[1:], "ends without an answer"),
        ([MESSAGES[0], MESSAGES[2], MESSAGES[1], MESSAGES[3], *MESSAGES[4:]], "turn 1: the user speaks twice in a row"),
        ([{"assistant": "Hello.", "user": text} for text in USER], "begins with the assistant"),
        (with_user(1, f"I did that: 《a《{SHOWN[1]}》. And now?"), "has no other one"),
        ([{"anna": "Hello", "ben": "Hi"}], "turn 1 is neither the user's nor the assistant's"),
        ([{"role": "system", "content": "x"}, *MESSAGES], "turn 1 is neither"),
        (["Hello"], "no list of turns"),
        ('{"turns": "User: x"}', "no list of turns"),
        ('{"answer": "x"}', "no list of turns"),
        ('{"turns": [{"user": "x', "cut off"),
        ("Once upon a time there was an onion.", "neither JSON nor a conversation"),
        ("", "neither JSON nor a conversation"),
        ("[1, 2]", "no list of turns"),
    ],
)  # fmt: skip
def test_what_cannot_be_repaired_says_why(data: Any, problem: str) -> None:
    with pytest.raises(ReplyError) as error:
        parsed(data)
    assert problem in error.value.message


def test_texts_that_the_schema_cut_are_refused() -> None:
    schema = Prompter(interleaved(), "chat").converse_schema(3)
    longest = schema["properties"]["turns"]["items"]["properties"]["assistant"]["maxLength"]
    reply = json.dumps({"turns": turns(USER, ["x" * longest, *ASSISTANT[1:]])})
    with pytest.raises(ReplyError, match="'assistant' was cut off"):
        parse_conversation(reply, PICTURES, schema)
    reply = json.dumps({"turns": turns(USER, ["x" * (longest - 1) + ".", *ASSISTANT[1:]])})
    assert parse_conversation(reply, PICTURES, schema)[1] == []


_TEXTS = st.lists(
    st.sampled_from(
        ["《", "》", "a whole red onion", "chopped onion", "fried onion rings", ". ", "? ", ": ", "<image>", "<im",
         "age>", "[Image of ", "]", "(", ")", "<<", ">>", "【", "】", "\n", "\x00", "\x01", "\ud800", "İ", " ", "Hello",
         "User: "]
    )
    | st.text(st.characters(), max_size=3),
    max_size=12,
).map("".join)  # fmt: skip
_TURNS = st.lists(
    st.fixed_dictionaries({"user": _TEXTS, "assistant": _TEXTS})
    | st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _TEXTS})
    | st.dictionaries(st.sampled_from(["user", "assistant", "role", "text", "x"]), _TEXTS | st.integers(), max_size=3),
    min_size=2,
    max_size=5,
)
_LINES = st.lists(
    st.sampled_from(["User: ", "Assistant: ", "A: ", "B: ", "Q1: ", "**user**: ", "\n", '"user": "', "{", "["])
    | _TEXTS,
    max_size=14,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(
    reply=_TURNS.map(lambda one: json.dumps({"turns": one})) | _TURNS.map(json.dumps) | _LINES | st.text(max_size=50)
)
@example(reply=json.dumps({"turns": [{"user": "a <im<image>age> b", "assistant": "c"}] * 2}))
@example(reply=json.dumps({"turns": [{"user": "a <ima《x》ge> b", "assistant": "c"}] * 2}))
@example(reply=json.dumps({"turns": [{"user": "İİİİ: chopped onion. b", "assistant": "c"}] * 2}))
def test_nothing_but_reply_errors_and_one_picture_for_each_turn(reply: str) -> None:
    for count in (2, 3):
        try:
            pairs, _ = parse_conversation(reply, PICTURES[:count])
        except ReplyError as error:
            assert error.message
            continue
        assert len(pairs) == count
        for user, assistant in pairs:
            assert len(PICTURE_MARK.findall(user)) == 1
            assert not set("《》\0\1\n") & set(PICTURE_MARK.sub("", user) + assistant)
            assert assistant.strip() == assistant != ""
            (user + assistant).encode()
        texts = [turn.text for turn in turns_of(pairs, count, "interleaved")]
        assert [text.count("<image>") for text in texts] == [1, 0] * count
        assert all(text.startswith("<image>\n") and text[8:].strip() for text in texts[::2])


def in_turn(text: str) -> str:
    return json.dumps({"turns": with_user(1, text)}, ensure_ascii=False)


@pytest.mark.parametrize("frame", [in_turn, lambda text: text, lambda text: f"User: {text}\nAssistant: x\n" * 3])
@pytest.mark.parametrize(
    "piece", ["a", " ", ",", ":", "《", "》", "《a", "a》", "《》", "[image ", "(picture of a", "<<", "<image",
              "<image>", "[", "User:", "User: a\n", "user ", "《a. ", ": a", "\n", "```", "```a"]
)  # fmt: skip
@pytest.mark.parametrize("end", ["", "》", "《", "x"])
def test_long_replies_take_no_long_time(piece: str, end: str, frame: Callable[[str], str]) -> None:
    reply = frame(piece * (24_000 // len(piece)) + end)
    began = time.perf_counter()
    with suppress(ReplyError):
        parse_conversation(reply, PICTURES)
    assert time.perf_counter() - began < 1
