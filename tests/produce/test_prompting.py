"""The exact messages of a request, and that nothing in them is ever run as a template."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from synth.abilities import Ability
from synth.errors import SynthError
from synth.produce.plan import Planner
from synth.produce.pool import Demonstration, demonstration
from synth.produce.prompting import Prompter
from synth.records import Entry, Image, Turn
from tests.doubles import ability, banks, candidate, interleaved, multi, multi_template, template

PLAN = {
    "subject": Entry(text="red fox", facts={"place": "a snowy forest"}),
    "oddity": Entry(text="made of glass"),
    "camera": Entry(text="photo"),
}


def told(keywords: Sequence[str] = (), facts: Mapping[str, str] | None = None, question: str = "?") -> Demonstration:
    """What the dialogue step is told of a candidate with one picture."""
    return Demonstration("x", PLAN, [], dict(facts or {}), [list(keywords)], question, [])


def test_a_question_gets_what_it_asks_for() -> None:
    pool = {"subject": [f"q{n}?" for n in range(30)], "oddity, keywords": ["What is odd here?"]}
    text = "{% if 'oddity' in asks %}Odd: {{ oddity }}\n{% endif %}{{ subject }}: {{ question }}"
    dialogue = {**template()["dialogue"], "describe": text}
    prompter = Prompter(ability(questions=pool, dialogue=dialogue), "describe")
    assert prompter.converse_request(told(question="q1?")) == "red fox: q1?"
    assert prompter.converse_request(told(question="What is odd here?")).startswith("Odd: made of glass\n")


def with_request(source: str) -> Ability:
    return ability(write={**template()["write"], "request": source})


def test_the_messages_of_the_writing_step() -> None:
    prompter = Prompter(ability(), "describe")
    messages = prompter.write_shared(prompter.own_examples()[:1]).messages
    request = "Rule: Show the red fox.\nSubject: red fox\nOddity: made of glass\nPlace: a snowy forest"
    assert prompter.write_request(PLAN) == request
    assert messages == (
        {
            "role": "system",
            "content": "You write prompts.\n\nRequirements:\n- Give keywords.\n\nCautions:\n- No sounds.\n\n"
            'Reply with JSON only: {"normal": "what is normal", "keywords": ["...", ...]}',
        },
        {"role": "user", "content": request},
        {
            "role": "assistant",
            "content": '{"normal":"A red fox usually has fur.",'
            '"keywords":["red fox made of glass","snowy forest","white snow"]}',
        },
    )


def test_the_messages_of_the_dialogue_step() -> None:
    for kind, reply in (
        ("describe", {"answer": "The red fox is made of glass, but a fox usually has fur."}),
        ("chat", {"turns": template()["examples"][0]["chat"]}),
    ):
        prompter = Prompter(ability(), kind)  # type: ignore[arg-type]
        shared = prompter.converse_shared(prompter.own_examples()[:1])
        assert [m["role"] for m in shared.messages] == ["system", "user", "assistant"]
        assert json.loads(shared.messages[2]["content"]) == reply
        assert shared.messages[1]["content"].startswith("Shown: red fox made of glass, snowy forest, white snow\n")
    describe = Prompter(ability(), "describe")
    request = describe.converse_request(told(["a", "b"], {"normal": "N"}, "Q?"))
    assert request == "Shown: a, b\nNormal: N\nQuestion: Q?"


def test_schemas_hold_the_limits_of_the_template() -> None:
    describe, chat = Prompter(ability(), "describe"), Prompter(ability(), "chat")
    keywords = describe.write_schema(1)["properties"]["keywords"]
    assert (keywords["minItems"], keywords["maxItems"]) == (3, 6)
    assert describe.write_schema(1)["required"] == ["normal", "keywords"]
    assert describe.converse_schema(1)["properties"]["answer"]["maxLength"] == 400
    assert chat.converse_schema(1)["properties"]["turns"]["maxItems"] == 4


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("{{ subject.look }}", "no fact 'look'"),
        ("{{ subjekt }}", "'subjekt' is undefined"),
        ("{{ 1 / 0 }}", "zero"),
    ],
)
def test_a_missing_name_or_fact_names_file_and_field(source: str, named: str) -> None:
    with pytest.raises(SynthError) as error:
        Prompter(with_request(source), "describe").write_request(PLAN)
    assert "tiny.yaml, line 1: write.request: " in error.value.message
    assert named in error.value.message
    assert "camera, oddity, subject" in error.value.fix


def test_bad_syntax_names_file_and_field() -> None:
    with pytest.raises(SynthError, match=r"tiny\.yaml, line 1: restrictions\.1\.rule"):
        Prompter(ability(restrictions=[{"rule": "{{ subject", "require": ["subject"]}]), "chat")


@pytest.mark.parametrize(
    "source",
    [
        "{{ subject.__class__ }}",
        "{{ subject['__class__'] }}",
        "{{ subject|attr('__class__') }}",
        "{{ subject.facts }}",
        "{{ subject.model_dump() }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__}'.format(subject) }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{{ range(10000000)|list }}",
    ],
)
def test_templates_cannot_leave_the_sandbox(source: str) -> None:
    with pytest.raises(SynthError, match=r"write\.request"):
        Prompter(with_request(source), "describe").write_request(PLAN)


EVIL = "{{ 7*7 }}{% for x in [1,2] %}x{% endfor %}{# gone #}"


def test_text_of_models_and_banks_is_never_rendered() -> None:
    prompter = Prompter(ability(), "describe")
    plan = {**PLAN, "subject": Entry(text=EVIL, facts={"place": EVIL})}
    assert prompter.write_request(plan).count(EVIL) == 3
    request = prompter.converse_request(told([EVIL], {"normal": EVIL}, EVIL))
    assert request == f"Shown: {EVIL}\nNormal: {EVIL}\nQuestion: {EVIL}"
    fresh = demonstration(candidate(keywords=[EVIL], answers=[EVIL], facts={"normal": EVIL}, plan=plan), [])
    for shared in (prompter.write_shared([fresh]), prompter.converse_shared([fresh])):
        text = shared.messages[2]["content"]
        assert EVIL in text
        assert "49" not in shared.json


def test_a_bank_entry_in_a_text_slot_is_not_rendered_either() -> None:
    made = ability(plan={**template()["plan"], "oddity": {"text": "{{ subject }}"}, "camera": {"values": ["photo"]}})
    planner = Planner(made, banks(thing="{{ 7*7 }}\n"), 0)
    assert planner.next().entries["oddity"].text == "{{ 7*7 }}"


# -- several pictures -------------------------------------------------------------------------


def test_the_messages_about_several_pictures() -> None:
    prompter = Prompter(multi(), "describe")
    plan, pictures = {"relation": Entry(text="one place")}, [{"object": Entry(text=one)} for one in ("fox", "owl")]
    for own in pictures:
        own["where"] = Entry(text="on the moon")
    assert prompter.write_request(plan, pictures) == "Rule: Show 2 things.\n1: fox on the moon\n2: owl on the moon"
    system, asked, reply = prompter.write_shared(prompter.own_examples()[:1]).messages
    shape = '{"common": "what they have in common", "pictures": [["...", ...], ...]}'
    assert system["content"].endswith(f"Reply with JSON only: {shape}")
    assert asked["content"] == "Rule: Show 2 things.\n1: red fox in the rain\n2: barn owl on the moon"
    assert json.loads(reply["content"]) == {
        "common": "Both are in a strange place.",
        "pictures": [["red fox", "in the rain", "gray sky"], ["barn owl", "on the moon", "gray sky"]],
    }
    told = Demonstration("x", plan, pictures, {}, [["fox", "dust"], ["owl"]], "What is alike?", [])
    assert prompter.converse_request(told) == "1: fox, dust\n2: owl\nWhat is alike?"
    assert Prompter(multi(), "chat").converse_request(told).startswith("All: fox, dust, owl\n")
    for kind in ("describe", "chat"):
        shared = Prompter(multi(), kind).converse_shared(prompter.own_examples()[:1])  # type: ignore[arg-type]
        assert "<image>" not in shared.json


def test_the_messages_of_a_conversation() -> None:
    prompter = Prompter(interleaved(), "describe")
    assert prompter.kind == "chat"
    system, asked, reply = prompter.converse_shared(prompter.own_examples()[:1]).messages
    assert system["content"].endswith('{"turns": [{"user": "...", "assistant": "..."}, ...]}')
    assert asked["content"] == (
        "Task: mend a teapot\n1: broken teapot, wooden table, soft light\n2: mended teapot, wooden table, soft light"
    )
    assert json.loads(reply["content"])["turns"] == [
        {"user": "《broken teapot》 Here is my work. What now?", "assistant": "Glue the teapot first."},
        {"user": "《mended》 Now it looks so. Is it good?", "assistant": "Yes, it is whole again."},
    ]


def test_fresh_examples_get_their_marks_back() -> None:
    """A candidate's turns have placeholders; what the model is shown is what it should write."""
    made = candidate(plan={"task": "mend a kite"}, form="interleaved", stage=2, id="steps-s0-000000", facts={})
    made.picture_plans = [{"view": Entry(text=one)} for one in ("torn kite", "whole kite")]
    made.images = [Image(prompt="x", keywords=[str(own["view"]), "grass"], seed=0) for own in made.picture_plans]
    texts = ["<image>\nLook. What now?", "Mend it.", "<image>\nAnd now?", "Fly it."]
    made.turns = [Turn(role="assistant" if n % 2 else "user", text=text) for n, text in enumerate(texts)]
    reply = Prompter(interleaved(), "chat").converse_shared([demonstration(made, [])]).messages[2]["content"]
    turns = json.loads(reply)["turns"]
    assert [one["user"] for one in turns] == ["《torn kite》 Look. What now?", "《whole kite》 And now?"]
    made.picture_plans = [{}, {}]  # no leading slot was drawn
    reply = Prompter(interleaved(), "chat").converse_shared([demonstration(made, [])]).messages[2]["content"]
    assert json.loads(reply)["turns"][0]["user"].startswith("《torn kite》 ")


def test_schemas_ask_for_as_many_pictures_as_are_planned() -> None:
    prompter = Prompter(multi(), "chat")
    for count in (2, 4):
        pictures = prompter.write_schema(count)["properties"]["pictures"]
        assert (pictures["minItems"], pictures["maxItems"]) == (count, count)
        assert (pictures["items"]["minItems"], pictures["items"]["maxItems"]) == (3, 6)
        assert prompter.converse_schema(count)["properties"]["turns"]["maxItems"] == 4
        turns = Prompter(interleaved(), "chat").converse_schema(count)["properties"]["turns"]
        assert (turns["minItems"], turns["maxItems"], turns["items"]["required"]) == (
            count,
            count,
            ["user", "assistant"],
        )
    assert prompter.write_schema(2) is prompter.write_schema(2)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{ pictures[0].colour }}", "a picture has no 'colour'"),
        ("{{ pictures[0].object.look }}", "'fox' has no fact 'look'"),
        ("{{ pictures[0].items }}", "a picture has no 'items'"),
        ("{{ pictures[0].keys() }}", "a picture has no 'keys'"),
        ("{{ object }}", "'object' is undefined"),
    ],
)
def test_a_missing_slot_of_a_picture_names_file_and_field(source: str, problem: str) -> None:
    made = multi(write={**multi_template()["write"], "request": source})
    with pytest.raises(SynthError, match=r"pair\.yaml, line 1: write\.request: ") as error:
        Prompter(made, "chat").write_request({}, [{"object": Entry(text="fox")}])
    assert problem in error.value.message
