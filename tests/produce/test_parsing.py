"""Replies are untrusted: what is unambiguous is repaired, all else is one kind of error."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synth.abilities import parse_ability
from synth.errors import ReplyError
from synth.produce.parsing import clean_keyword, parse_answer, parse_turns, parse_written
from synth.produce.prompting import Prompter
from tests.doubles import multi, template

_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=30),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["keywords", "normal", "answer", "turns", "question", "x", "pictures", "picture_1", "Image 2"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_PIECES = st.lists(
    st.sampled_from(
        ['{"keywords": ', "[", "]", "{", "}", '"a"', ",", "```", "```json\n", "<think>", "\n", "Q:",
         "A: ", "Question 1:", "Answer:", "<image>", "\ud800", "\x00", "\\", '"', ": ", "answer", "</think>",
         "prompt: ", " a, b, c", "9" * 50, "Prompt 1: ", "\nPrompt 2: ", '"pictures": [']
    )
    | st.text(st.characters(), max_size=5),
    max_size=20,
).map("".join)  # fmt: skip
_REPLIES = st.text(st.characters(), max_size=200) | _PIECES | _JSON.map(json.dumps)
WRITTEN = {"properties": {"normal": {"maxLength": 3}, "keywords": {"items": {"maxLength": 3}}}}
_DEEP = '{"answer": ' * 3000


@settings(max_examples=300, deadline=None)
@given(reply=_REPLIES)
@example(reply=_DEEP)
@example(reply="[" * 5000)
@example(reply=f'x {{"keywords": {"[" * 5000}')
@example(reply='{"answer": 1' + "0" * 5000 + "}")
@example(reply="")
def test_nothing_but_reply_errors_and_nothing_but_clean_text(reply: str) -> None:
    texts: list[str] = []
    for parse in (lambda: parse_written(reply, {"normal": 1}, WRITTEN), lambda: parse_written(reply, {})):
        try:
            facts, keywords, _ = parse()
            assert keywords
            texts += [*facts.values(), *keywords[0]]
        except ReplyError as error:
            assert error.message
    with suppress(ReplyError):
        _, several, _ = parse_written(reply, {}, pictures=2)
        assert len(several) == 2 and all(several)
        texts += [keyword for own in several for keyword in own]
    with suppress(ReplyError):
        texts.append(parse_answer(reply)[0])
    with suppress(ReplyError):
        pairs = parse_turns(reply)[0]
        assert 2 <= len(pairs) <= 4
        texts += [text for pair in pairs for text in pair]
    for text in texts:
        assert text.strip() == text != ""
        assert "<image>" not in text
        assert "\n" not in text
        text.encode()


@pytest.mark.parametrize(
    "piece", ["\n", "q", "q:", "\nq: a\n", "Question: x\n", "?\n", "{", '{"a":', "```", "<think>", " ", ":", "a", "[",
              "prompt", "prompt 1:", "prompt 1: a\n", "9", "<think>\n</think>"]
)  # fmt: skip
@pytest.mark.parametrize("start", ["", "q", "prompt", "prompt 1", "```", "a: q: "])
def test_long_replies_take_no_long_time(piece: str, start: str) -> None:
    reply = f"{start}{piece * (12_000 // len(piece))}x"
    began = time.perf_counter()
    for parse in (
        lambda: parse_written(reply, {}),
        lambda: parse_written(reply, {}, pictures=3),
        lambda: parse_answer(reply),
        lambda: parse_turns(reply),
    ):
        with suppress(ReplyError):
            parse()
    assert time.perf_counter() - began < 2


def written(reply: str, *facts: str) -> tuple[dict[str, str], list[str], list[str]]:
    found, [keywords], repairs = parse_written(reply, dict.fromkeys(facts))
    return found, keywords, repairs


GOOD = '{"normal": "It has fur.", "keywords": ["red fox", "snow", "old barn"]}'


@pytest.mark.parametrize(
    ("reply", "repair"),
    [
        (GOOD, None),
        (f"```json\n{GOOD}\n```", "code_fence"),
        (f"<think>\nHm, {{x}}\n</think>\n{GOOD}", "think_block"),
        (f"I think of snow.</think>{GOOD}", "think_block"),
        (f"Here it is:\n{GOOD}\nHope it helps!", "text_around_json"),
        (GOOD.replace('"]}', '",],}'), "trailing_comma"),
        (f"[{GOOD}]", "list_unwrapped"),
        ('{"normal": "It has fur.", "keywords": "red fox, snow, old barn"}', "keywords_from_string"),
        ('{"normal": "It has fur.", "keywords": ["red fox, snow, old barn"]}', "keywords_from_string"),
    ],
)
def test_unambiguous_replies_are_repaired_and_the_repair_is_named(reply: str, repair: str | None) -> None:
    facts, keywords, repairs = written(reply, "normal")
    assert (facts, keywords) == ({"normal": "It has fur."}, ["red fox", "snow", "old barn"])
    assert repairs == ([repair] if repair else [])


def test_a_plain_list_of_keywords_is_read() -> None:
    for text in (
        "red fox, snow, old barn",
        "Prompt: red fox, snow, old barn.",
        "Keywords: red fox,snow\nold barn,",
    ):
        _, keywords, repairs = written(text)
        assert keywords == ["red fox", "snow", "old barn"]
        assert repairs == ["keywords_from_text"]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ('{"normal": "It has fur.", "keywords": ["red fo', "cut off"),
        ('{"keywords": ["a", "b"]}', "no 'normal'"),
        ('{"normal": "", "keywords": ["a", "b"]}', "no 'normal'"),
        ('{"normal": 3, "keywords": ["a", "b"]}', "no 'normal'"),
        ('{"normal": "x", "keywords": []}', "no list of keywords"),
        ('{"normal": "x", "keywords": {"a": 1}}', "no list of keywords"),
        ('{"normal": "x", "keywords": [1, 2]}', "not a text"),
        ('{"normal": "x", "keywords": [["a"]]}', "not a text"),
        ('{"normal": "x", "keywords": ["  ", "()"]}', "empty"),
        ("I am sorry, I cannot do that", "neither JSON nor"),
        ("[1, 2]", "neither JSON nor"),
        ("null", "neither JSON nor"),
        ("", "neither JSON nor"),
    ],
)
def test_what_cannot_be_repaired_says_why(reply: str, problem: str) -> None:
    with pytest.raises(ReplyError, match=problem):
        written(reply, "normal")


def test_keywords_are_plain_and_each_is_there_once() -> None:
    reply = json.dumps({"keywords": ["((red fox:1.3))", "a <lora:x>, b.", "Snow", "snow", '"old" [barn]', "<image>"]})
    assert written(reply)[1] == ["red fox", "a lora:x b", "Snow", "old barn"]
    assert clean_keyword("a\u200bb\x1b[31m") == "a b 31m"


def test_lone_surrogates_are_replaced() -> None:
    assert parse_answer('{"answer": "half \\ud83d of a smile"}')[0] == "half ? of a smile"
    assert written('{"keywords": ["half \\udc00", "b"]}')[1][0] == "half ?"


# -- several pictures -------------------------------------------------------------------------

THREE = [["red fox", "snow"], ["barn owl", "snow"], ["giraffe", "snow"]]


def several(data: Any, wanted: int = 3, *facts: str) -> tuple[list[list[str]], list[str]]:
    reply = data if isinstance(data, str) else json.dumps(data)
    _, found, repairs = parse_written(reply, dict.fromkeys(facts), pictures=wanted)
    return found, repairs


@pytest.mark.parametrize(
    ("data", "repairs"),
    [
        ({"pictures": THREE}, []),
        ({"pictures": [", ".join(one) for one in THREE]}, ["keywords_from_string"] * 3),
        ({"pictures": [THREE[0], "barn owl, snow", {"keywords": THREE[2]}]}, ["keywords_from_string"]),
        ({"pictures": [{"keywords": one} for one in THREE]}, []),
        ({"pictures": [{"prompt": ", ".join(one)} for one in THREE]}, ["keywords_from_string"] * 3),
        ({"pictures": [*THREE, [], [""], None, {"keywords": []}]}, ["empty_pictures_dropped"]),
        ({"picture_1": THREE[0], "picture_2": THREE[1], "picture_3": THREE[2]}, ["pictures_from_names"]),
        ({"Image 3": THREE[2], "Image 1": THREE[0], "Image 2": THREE[1]}, ["pictures_from_names"]),
        ({"pictures": {f"prompt{n}": one for n, one in enumerate(THREE)}}, ["pictures_from_names"]),
        (json.dumps(THREE), ["list_wrapped"]),
        (json.dumps([{"keywords": one} for one in THREE]), ["list_wrapped"]),
        (f"Here:\n{json.dumps({'pictures': THREE})}", ["text_around_json"]),
        (f"```json\n{json.dumps({'pictures': THREE})[:-2]},]}}\n```", ["code_fence", "trailing_comma"]),
    ],
)
def test_the_keywords_of_several_pictures(data: Any, repairs: list[str]) -> None:
    assert several(data) == (THREE, repairs)


@pytest.mark.parametrize(
    "text",
    [
        "Prompt 1: red fox, snow, x\nPrompt 2: barn owl, snow, x\nPrompt 3: giraffe, snow, x",
        "**Prompt 1:** red fox, snow, x.\n\n**Prompt 2:** barn owl, snow, x.\n\n**Prompt 3:** giraffe, snow, x.",
        "Sure!\n- Picture 2: barn owl, snow, x\n- Picture 1: red fox, snow, x\n- Picture 3: giraffe, snow, x\nBye!",
    ],
)
def test_lines_of_prompts_are_read_in_the_order_of_their_numbers(text: str) -> None:
    found, repairs = several(text)
    assert found == [[*one, "x"] for one in THREE]
    assert repairs[0] == "keywords_from_text"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"pictures": [*THREE, ["a"], ["b"]]}, "the reply has 5 pictures, not 3"),
        ({"pictures": [THREE[0], [], *THREE[1:]]}, "the reply has 4 pictures, not 3"),
        ({"pictures": THREE[:2]}, "the reply has 2 pictures, not 3"),
        ({"pictures": []}, "no list of pictures"),
        ({"pictures": {"fox": THREE[0]}}, "no list of pictures"),
        ({"pictures": "red fox, snow"}, "no list of pictures"),
        ({"pictures": None}, "no list of pictures"),
        ({"keywords": THREE[0]}, "no list of pictures"),
        ({"pictures": [THREE[0], THREE[1], []]}, "picture 3: the reply has no list of keywords"),
        ({"pictures": [THREE[0], ["", "()"], THREE[2]]}, "picture 2: all keywords are empty"),
        ({"pictures": [THREE[0], [1, 2], THREE[2]]}, "picture 2: a keyword is not a text"),
        ({"pictures": [{"words": ["a"]}, *THREE[1:]]}, "picture 1: the reply has no list"),
        ({"picture_1": THREE[0], "picture 1": THREE[1], "picture_2": THREE[2]}, "the same number"),
        ("Prompt 1: a, b, c\nPrompt 1: a, b, c\nPrompt 2: a, b, c", "the same number"),
        ("Prompt 1: a, b, c\nPrompt 2: a, b, c", "the reply has 2 pictures, not 3"),
        (f"Prompt {'9' * 5000}: a, b, c", "neither JSON nor a list of prompts"),
        ("red fox, snow, wood", "neither JSON nor a list of prompts"),
        ('{"pictures": [["red fox", "sn', "cut off"),
    ],
)
def test_what_is_wrong_with_several_pictures(data: Any, problem: str) -> None:
    with pytest.raises(ReplyError) as error:
        several(data)
    assert problem in error.value.message


def test_several_pictures_have_one_set_of_facts() -> None:
    reply = json.dumps({"common": "Snow.", "pictures": THREE})
    assert parse_written(reply, {"common": 1}, pictures=3)[0] == {"common": "Snow."}
    with pytest.raises(ReplyError, match="no 'common'"):
        several({"pictures": THREE}, 3, "common")


def test_keywords_of_several_pictures_that_the_schema_cut_are_refused() -> None:
    schema = Prompter(multi(), "describe").write_schema(3)
    longest = schema["properties"]["pictures"]["items"]["items"]["maxLength"]
    reply = json.dumps({"common": "Snow.", "pictures": [*THREE[:2], ["x" * longest]]})
    with pytest.raises(ReplyError, match="'pictures' was cut off"):
        parse_written(reply, {"common": 1}, schema, 3)


# -- dialogues --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "answer", "repairs"),
    [
        ('{"answer": "A fox."}', "A fox.", []),
        ('{"answer": "A <image> fox\\n is here."}', "A fox is here.", ["placeholder_removed"]),
        ("Answer: A fox.", "A fox.", ["answer_from_text"]),
        ("Question: What?\nAnswer: A fox.", "A fox.", ["answer_from_text"]),
        ("A fox.", "A fox.", ["answer_from_text"]),
        ("<think>hm</think> A fox.", "A fox.", ["think_block", "answer_from_text"]),
    ],
)
def test_answers(reply: str, answer: str, repairs: list[str]) -> None:
    assert parse_answer(reply) == (answer, repairs)


@pytest.mark.parametrize(
    "reply", ['{"answer": ""}', '{"answer": null}', '{"text": "x"}', "", "<image>", '{"answer": "cut']
)
def test_unusable_answers(reply: str) -> None:
    with pytest.raises(ReplyError):
        parse_answer(reply)


def turns(count: int) -> list[dict[str, Any]]:
    return [{"question": f"Q{n}?", "answer": f"A{n}."} for n in range(count)]


def test_turns_from_json_and_from_text() -> None:
    wanted = [("Q0?", "A0."), ("Q1?", "A1.")]
    assert parse_turns(json.dumps({"turns": turns(2)})) == (wanted, [])
    for text in (
        "Question: Q0?\nAnswer: A0.\nQuestion: Q1?\nAnswer: A1.",
        "Q1: Q0?\nA1: A0.\n\nQ2: Q1?\nA2: A1.",
        "**User:** Q0?\n**Assistant:** A0.\n\n**User:** Q1?\n**Assistant:** A1.",
    ):
        pairs, repairs = parse_turns(text)
        assert pairs == wanted
        assert repairs == ["turns_from_text"]


def test_turns_without_their_object_are_taken() -> None:
    """Printed over several lines each looks like "question: ..." and must not be read so, quotes and all."""
    for text in (
        json.dumps(turns(2)),
        json.dumps(turns(2), indent=1),
        f"```json\n{json.dumps(turns(2), indent=1)}\n```",
    ):
        pairs, repairs = parse_turns(text)
        assert pairs == [("Q0?", "A0."), ("Q1?", "A1.")]
        assert "list_wrapped" in repairs


def test_empty_turns_are_dropped_and_swapped_speakers_change_places() -> None:
    data: list[dict[str, str]] = [*turns(2), {"question": " ", "answer": ""}]
    assert parse_turns(json.dumps({"turns": data})) == ([("Q0?", "A0."), ("Q1?", "A1.")], ["empty_turns_dropped"])
    swapped = [{"question": one["answer"], "answer": one["question"]} for one in turns(3)]
    pairs, repairs = parse_turns(json.dumps({"turns": swapped}))
    assert (pairs[0], len(pairs), repairs) == (("Q0?", "A0."), 3, ["speakers_swapped"])
    one_of_two = [turns(1)[0], {"question": "A fox.", "answer": "What is it?"}]
    assert parse_turns(json.dumps({"turns": one_of_two}))[0][1] == ("A fox.", "What is it?")  # the filters' business
    with pytest.raises(ReplyError, match="0 question-answer pairs"):
        parse_turns('{"turns": [{"question": "", "answer": ""}]}')


def test_placeholders_in_turns_are_removed_and_counted() -> None:
    broken = turns(2)
    broken[0]["question"] = "<image>\nQ0?"
    broken[1]["answer"] = "A1 <image>."
    pairs, repairs = parse_turns(json.dumps({"turns": broken}))
    assert pairs == [("Q0?", "A0."), ("Q1?", "A1 .")]
    assert repairs == ["placeholder_removed"] * 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"turns": turns(1)}, "1 question-answer pairs"),
        ({"turns": turns(5)}, "5 question-answer pairs"),
        ({"turns": [*turns(1), "x"]}, "not an object"),
        ({"turns": [*turns(1), {"question": "?"}]}, "lacks its question or its answer"),
        ({"turns": [*turns(1), {"question": "?", "answer": 3}]}, "lacks its question or its answer"),
        ({"turns": [*turns(1), {"question": " ", "answer": "x"}]}, "is empty"),
        ({"turns": {"question": "?"}}, "no list of turns"),
        ({"answer": "x"}, "no list of turns"),
    ],
)
def test_unusable_turns(data: object, problem: str) -> None:
    with pytest.raises(ReplyError, match=problem):
        parse_turns(json.dumps(data))


# -- texts that the schema ended --------------------------------------------------------------

SHORT = parse_ability(json.dumps(template()), "tiny.yaml")


def test_texts_that_the_schema_cut_are_refused() -> None:
    schema = Prompter(SHORT, "describe").write_schema(1)
    longest = schema["properties"]["normal"]["maxLength"]
    keyword = schema["properties"]["keywords"]["items"]["maxLength"]

    def written(normal: str, first: str = "red fox") -> Any:
        reply = json.dumps({"normal": normal, "keywords": [first, "snow", "forest"]})
        return parse_written(reply, {"normal": 1}, schema)

    assert written("a" * (longest - 1) + ".")[0]["normal"].endswith("a.")
    assert written("a" * (longest - 1))[1]
    assert written("a" * (longest + 1))[1]  # nobody constrained it: the filter 'length' judges
    with pytest.raises(ReplyError, match=f"'normal' was cut off at {longest} characters"):
        written("a fox usually has fu".rjust(longest, "x"))
    with pytest.raises(ReplyError, match=f"'keywords' was cut off at {keyword} characters"):
        written("Fine.", "red fox in the sno".rjust(keyword, "x"))


def test_answers_and_turns_that_the_schema_cut_are_refused() -> None:
    describe, chat = (Prompter(SHORT, kind).converse_schema(1) for kind in ("describe", "chat"))
    longest = describe["properties"]["answer"]["maxLength"]
    cut, whole = "x" * longest, "x" * (longest - 1) + "."
    assert parse_answer(json.dumps({"answer": whole}), describe)[0] == whole
    with pytest.raises(ReplyError, match="'answer' was cut off"):
        parse_answer(json.dumps({"answer": cut}), describe)
    turns = [{"question": "What?", "answer": whole}, {"question": "Where?", "answer": cut}]
    with pytest.raises(ReplyError, match="'answer' was cut off"):
        parse_turns(json.dumps({"turns": turns}), chat)
    assert len(parse_turns(json.dumps({"turns": [turns[0]] * 2}), chat)[0]) == 2
