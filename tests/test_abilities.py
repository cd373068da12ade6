"""Templates and banks: the built-in ones are sound, and errors name file, line and field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from synth import strict_yaml
from synth.abilities import RESERVED, parse_ability
from synth.banks import parse_bank
from synth.catalog import Catalog
from synth.errors import SynthError, dotted
from synth.produce.check import check_ability
from tests.doubles import BANK, interleaved_template, multi_template, plugin_dir, template

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "templates").glob("*.yaml"))
BANKS = sorted((ROOT / "keyword_banks").glob("*.txt"))


# -- the built-in ones ------------------------------------------------------------------------


def test_all_templates_and_banks_are_installed() -> None:
    catalog = Catalog()
    assert catalog.names() == [file.stem for file in TEMPLATES]
    assert catalog.bank_names() == [file.stem for file in BANKS]
    assert {catalog.provider(name) for name in catalog.names()} == {"synth-vlit"}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_built_in_templates_pass_their_check(file: Path) -> None:
    found = check_ability(file)
    assert not found.problems
    assert not [one for one in found.doubts if one.startswith("pictures:")]
    ability = Catalog().ability(file.stem)
    assert len(ability.questions) >= 30 or ability.form == "interleaved"
    assert len(ability.examples) >= 6


@pytest.mark.parametrize("file", BANKS, ids=lambda file: file.stem)
def test_built_in_banks_say_where_they_come_from(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "# Source:" in text
    assert "# License:" in text
    assert len(Catalog().bank(file.stem).entries) >= 20


# -- wrong templates --------------------------------------------------------------------------


def as_yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False)


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_the_small_template_is_sound() -> None:
    assert parse_ability(as_yaml(template()), "tiny.yaml").name == "tiny"


@pytest.mark.parametrize(
    ("old", "new", "marker", "path", "message"),
    [
        ("version: 1", "version: one", "version:", "version", "valid integer"),
        ("version: 1", "version: 0", "version:", "version", "greater than or equal to 1"),
        ("title: Tiny", "titel: Tiny", "titel:", "titel", "Extra inputs"),
        ("name: tiny", "name: Tiny!", "name:", "name", "pattern"),
        ("  min_keywords: 3", "  min_keywords: x", "min_keywords", "write.min_keywords", "valid integer"),
        ("    bank: thing", "    bnak: thing", "bnak", "plan.subject.bnak", "Extra inputs"),
        ("    bank: odd", "    bank: odd\n    values: [x]", "oddity:", "plan.oddity", "give one of"),
        ("  emphasis: 1", "  emphasis: 9", "emphasis", "prompt.emphasis", "less than or equal to 4"),
        ("  - subject\n  - oddity\n", "  - subjekt\n", "- subjekt", "prompt.lead.1", "'subjekt' is named but"),
        ("      for: subject.is", "      for: camera.is", "for: camera.is", "plan.oddity.match.for", "must name"),
        ("question: What is odd here?", "question: 3", "question: 3", "examples.1.question", "valid string"),
    ],
)  # fmt: skip
def test_schema_errors_name_file_line_and_field(old: str, new: str, marker: str, path: str, message: str) -> None:
    text = as_yaml(template())
    assert old in text
    broken = text.replace(old, new, 1)
    with pytest.raises(SynthError) as error:
        parse_ability(broken, "tiny.yaml")
    line = 1 if not path else line_of(broken, marker)
    assert any(
        one.startswith(f"tiny.yaml, line {line}: {path or 'template'}: ") and message in one
        for one in error.value.message.splitlines()
    ), error.value.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": [f"q{n}?" for n in range(29)]}, "questions: at least 30 questions are needed, there are 29"),
        ({"questions": ["same?"] * 30}, "questions.2: 'same?' is there twice"),
        (
            {"questions": {"plase": [f"q{n}?" for n in range(30)]}},
            "questions.plase.1: 'plase' is no plan slot and no written fact",
        ),
        (
            {"questions": {"subject": [f"q{n}?" for n in range(30)]}},
            "examples.1.question: 'What is odd here?' must be one of",
        ),
        (
            {"questions": ["<image> what?", *(f"q{n}?" for n in range(29))]},
            "'<image>' is added by the engine",
        ),
        ({"examples": template()["examples"][:5]}, "examples: List should have at least 6"),
        ({"filters": []}, "filters: List should have at least 1"),
        ({"form": "multi"}, "pictures: the form 'multi' needs it"),
        ({"form": "double"}, "form: "),
        ({"restrictions": [{"rule": "x"}]}, "restrictions.1: a restriction needs"),
    ],
)
def test_what_a_template_needs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SynthError) as error:
        parse_ability(as_yaml(template(**changes)), "tiny.yaml")
    assert message in error.value.message


def test_questions_may_say_what_they_ask_for() -> None:
    pool = {"subject.place, keywords": ["What is odd here?"], "subject": [f"q{n}?" for n in range(30)]}
    made = parse_ability(as_yaml(template(questions=pool)), "tiny.yaml")
    assert made.asks("What is odd here?") == ["subject.place", "keywords"]
    assert made.asks("q7?") == ["subject"]
    assert made.asks("Never asked?") == []
    assert parse_ability(as_yaml(template()), "tiny.yaml").asks("What is odd here?") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("q7?", "<image>", "questions.subject.place.3: '<image>' is added by the engine"),
        ("q7?", "3", "questions.subject.place.3: Input should be a valid string"),
    ],
)
def test_errors_in_grouped_questions_name_the_line_where_they_stand(old: str, new: str, message: str) -> None:
    """The group's key has a dot in it, and the question's place in the pool is not that in its group."""
    pool = {"subject": [f"q{n}?" for n in range(5)], "subject.place": [f"q{n}?" for n in range(5, 31)]}
    text = as_yaml(template(questions=pool)).replace(f"- {old}", f"- {new}")
    with pytest.raises(SynthError) as error:
        parse_ability(text, "tiny.yaml")
    assert f"tiny.yaml, line {line_of(text, f'- {new}')}: {message}" in error.value.message


@pytest.mark.parametrize(
    ("old", "new", "marker", "message"),
    [
        ("Subject: {{ subject }}", "Subject: {{ subjekt }}", "request:", "write.request: 'subjekt' is undefined"),
        ("Subject: {{ subject }}", "Subject: {{ subject }", "request:", "write.request: unexpected '}'"),
        (
            "Question: {{ question }}",
            "{{ question | shout }}",
            "describe:",
            "dialogue.describe: No filter named 'shout'",
        ),
        ("Show the {{ subject }}.", "Show {{ x.y }}.", "- rule:", "restrictions.1.rule: 'x' is undefined"),
        ("- length", "- lenght", "- lenght", "filters: lenght: there is no such filter"),
        ("- length", "- length: {most: 3}", "- length:", "filters: length: most: Extra inputs"),
        ("    bank: odd", "    bank: oddd", "bank: oddd", "plan.oddity.bank: There is no keyword bank 'oddd'"),
        ("Place: {{ subject.place }}", "{{ subject.at }}", "request:", "write.request reads as {{ subject.at }}"),
    ],
)
def test_errors_behind_the_schema_name_the_line_too(
    old: str, new: str, marker: str, message: str, tmp_path: Path
) -> None:
    text = as_yaml(template())
    assert old in text
    broken = text.replace(old, new, 1)
    file = plugin_dir(tmp_path) / "templates" / "tiny.yaml"
    file.write_text(broken)
    found = "\n".join(check_ability(file).problems)
    assert f"tiny.yaml, line {line_of(broken, marker)}: {message}" in found


def test_what_a_question_asks_for_must_be_in_the_bank(tmp_path: Path) -> None:
    pool = {"subject.plaec": [f"q{n}?" for n in range(30)], "keywords, subject.place": ["What is odd here?"]}
    file = plugin_dir(tmp_path, questions=pool) / "templates" / "tiny.yaml"
    [problem] = check_ability(file).problems
    where = f"line {line_of(file.read_text(), 'q0?')}: questions.subject.plaec.1"
    assert f"{where}: 'subject.plaec': no entry of 'subject' has this fact" in problem


def test_demands_that_no_filter_verifies_are_noted(tmp_path: Path) -> None:
    pool = {"subject.place": [*(f"q{n}?" for n in range(30)), "What is odd here?"]}
    doubts = check_ability(plugin_dir(tmp_path, questions=pool) / "templates" / "tiny.yaml").doubts
    assert [one.partition(":")[0] for one in doubts] == ["restrictions", "questions"]
    checked = ["restrictions", {"grounding": {"asked": 0.5}}]
    folder = plugin_dir(tmp_path / "checked", questions=pool, filters=checked)
    assert not check_ability(folder / "templates" / "tiny.yaml").doubts


@pytest.mark.parametrize("name", sorted(RESERVED))
@pytest.mark.parametrize("field", ["plan", "write.facts"])
def test_names_that_the_engine_fills_are_refused(field: str, name: str) -> None:
    text = as_yaml(template())
    old, marker = ("  camera:", "  camera:") if field == "plan" else ("    normal:", "    normal:")
    broken = text.replace(old, old.replace(old.strip(), f"{name}:"), 1)
    line = line_of(text, marker)
    with pytest.raises(SynthError, match=rf"x\.yaml, line {line}: {field}\.{name}: the engine itself gives this name"):
        parse_ability(broken, "x.yaml")


def test_a_written_fact_cannot_have_the_name_of_a_slot() -> None:
    text = as_yaml(template()).replace("    normal:", "    oddity:", 1)
    with pytest.raises(SynthError, match=r"write\.facts\.oddity: a slot of 'plan' has this name"):
        parse_ability(text, "x.yaml")


def test_places_in_lists_count_from_one_as_people_do() -> None:
    assert dotted(("examples", 0, "pictures", 1, "plan")) == "examples.1.pictures.2.plan"
    assert dotted(("plan", 3, "[key]")) == "plan.3.[key]", "a key that should have been a text"
    assert dotted(()) == ""


def test_examples_must_fill_the_plan() -> None:
    data = template()
    del data["examples"][2]["plan"]["oddity"]
    data["examples"][2]["facts"]["other"] = "x"
    with pytest.raises(SynthError, match=r"examples\.3\.plan: it has \['camera', 'subject'\] but needs"):
        parse_ability(as_yaml(data), "tiny.yaml")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name: tiny\ntitle: a: b\n", "tiny.yaml, line 2"),
        ("name: tiny\nplan: [a, b\n", "tiny.yaml, line 3"),
        ("name: @x\n", "tiny.yaml, line 1"),
        ("a: !!python/object/apply:os.system [true]\n", "tiny.yaml, line 1"),
        ("\x00", "tiny.yaml: "),
        ("- a\n", "tiny.yaml: the file is not a mapping"),
        ("", "tiny.yaml: the file is not a mapping"),
    ],
)
def test_broken_yaml_names_file_and_line(text: str, where: str) -> None:
    with pytest.raises(SynthError) as error:
        parse_ability(text, "tiny.yaml")
    assert where in error.value.message
    assert error.value.fix


# -- banks ------------------------------------------------------------------------------------


def test_banks_hold_entries_with_facts() -> None:
    bank = parse_bank("thing", BANK, "thing.txt")
    assert len(bank.entries) == 6
    assert bank.entries[0].text == "red fox"
    assert bank.entries[0].facts == {"is": "animal", "place": "a snowy forest"}
    assert bank.digest != parse_bank("thing", BANK + "# x\n", "thing.txt").digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red fox\nowl\n# x\n\nthe Red Fox\n", "thing.txt, line 5: 'the Red Fox' is already in line 1"),
        ("red fox\nowl | nocturnal\n", "thing.txt, line 2: 'nocturnal' is not a fact"),
        ("owl | place:\n", "thing.txt, line 1: 'place:' is not a fact"),
        ("a\n | place: x\n", "thing.txt, line 2: the entry before '|' is empty"),
        ("# nothing\n\n", "'thing' (thing.txt) has no entries"),
        ("", "'thing' (thing.txt) has no entries"),
    ],
)
def test_wrong_banks_name_file_and_line(text: str, message: str) -> None:
    with pytest.raises(SynthError) as error:
        parse_bank("thing", text, "thing.txt")
    assert message in error.value.message
    assert error.value.fix


# -- the catalog ------------------------------------------------------------------------------


def test_a_plugin_dir_adds_and_shadows(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path, "color", title="Mine")
    (folder / "keyword_banks" / "camera.txt").write_text("my shot\n")
    catalog = Catalog([folder])
    assert catalog.names() == Catalog().names()
    assert catalog.provider("color") == "plugin-dir"
    assert catalog.ability("color").title == "Mine"
    assert [entry.text for entry in catalog.bank("camera").entries] == ["my shot"]
    assert Catalog().ability("color").title != "Mine"
    assert str(folder) in catalog.ability("color").source


def test_a_later_plugin_dir_shadows_an_earlier_one(tmp_path: Path) -> None:
    folders = [plugin_dir(tmp_path / name, title=name) for name in ("one", "two")]
    assert Catalog(folders).ability("tiny").title == "two"


def test_a_plugin_dir_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="no such folder"):
        Catalog([tmp_path / "x"]).names()
    (tmp_path / "templates").mkdir()
    with pytest.raises(SynthError, match=r"holds no templates/\*\.yaml and no keyword_banks/\*\.txt"):
        Catalog([tmp_path]).bank_names()


def test_a_file_under_another_name_is_refused(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path)
    (folder / "templates" / "tiny.yaml").rename(folder / "templates" / "small.yaml")
    with pytest.raises(SynthError, match="called 'small' but its field 'name' says 'tiny'"):
        Catalog([folder]).ability("small")


def test_missing_empty_and_unreadable_banks_are_found_before_a_run(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path)
    bank = folder / "keyword_banks" / "odd.txt"
    for text, message in (("# empty\n", "has no entries"), ("a\na\n", "line 2: 'a' is already in line 1")):
        bank.write_text(text)
        with pytest.raises(SynthError, match=message):
            Catalog([folder]).ability("tiny")
    bank.write_bytes(b"caf\xe9\n")
    with pytest.raises(SynthError, match=r"odd\.txt: cannot be read"):
        Catalog([folder]).ability("tiny")
    bank.unlink()
    with pytest.raises(SynthError, match=r", line 11: plan\.oddity\.bank: There is no keyword bank 'odd'"):
        Catalog([folder]).ability("tiny")


def test_a_byte_order_mark_is_no_entry(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path)
    (folder / "keyword_banks" / "thing.txt").write_bytes(b"\xef\xbb\xbf" + BANK.encode())
    assert Catalog([folder]).bank("thing").entries[0].text == "red fox"


@pytest.mark.parametrize(("typed", "meant"), [("colour", "color"), ("abnormel", "abnormal"), ("animals", "animal")])
def test_unknown_abilities_suggest_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(SynthError) as error:
        Catalog().ability(typed)
    assert f"There is no ability '{typed}'" in error.value.message
    assert f"Did you mean '{meant}'?" in error.value.fix
    for name in Catalog().names():
        assert name in error.value.fix


def test_a_bank_line_without_a_fact_that_a_template_reads_is_named(tmp_path: Path) -> None:
    text = Catalog().bank_text("animal").replace(" | doing: trotting along a fallen log", "")
    (tmp_path / "keyword_banks").mkdir()
    (tmp_path / "keyword_banks" / "animal.txt").write_text(text)
    with pytest.raises(SynthError, match="'red fox' has no fact 'doing'"):
        Catalog([tmp_path]).ability("animal")


def test_a_key_that_stands_twice_is_an_error_with_its_line() -> None:
    text = "name: x\nfilters: [length]\nfilters: [repetition]\n"
    with pytest.raises(SynthError, match=r"x.yaml, line 3: .*the key 'filters' is there twice"):
        parse_ability(text, "x.yaml")


def test_yaml_may_merge_mappings() -> None:
    text = "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\n"
    assert strict_yaml.load(text)["use"] == {"a": 1, "b": 3}
    with pytest.raises(yaml.YAMLError, match="the key 'b' is there twice"):
        strict_yaml.load(text + "  b: 4\n")


# -- several pictures -------------------------------------------------------------------------


def changed(data: dict[str, Any], *path: Any, to: Any) -> str:
    """The template with another value at a path; None takes the field away."""
    at: Any = data
    for step in path[:-1]:
        at = at[step]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return as_yaml(data)


PAIR, STEPS = multi_template, interleaved_template
EXAMPLE = ("examples", 2)


@pytest.mark.parametrize(
    ("make", "path", "to", "message"),
    [
        (PAIR, ("form",), "single", "pictures: a 'single' form has one picture and no such field"),
        (PAIR, ("pictures",), None, "pictures: the form 'multi' needs it"),
        (PAIR, ("pictures", "plan"), {}, "pictures.plan: "),
        (PAIR, ("pictures", "number"), 2.5, "pictures.number: "),
        (PAIR, ("pictures", "number"), True, "pictures.number: "),
        (PAIR, ("pictures", "plan", "object", "bank"), None, "pictures.plan.object: give one of"),
        (PAIR, ("pictures", "plan", "where", "apart"), "family", "pictures.plan.where: 'apart' names a fact"),
        (PAIR, ("pictures", "plan", "where"), {"text": "x", "same": "true"}, "pictures.plan.where: 'same' and 'apart'"),
        (PAIR, ("plan", "relation", "same"), "true", "plan.relation.same: Extra inputs"),
        (PAIR, ("pictures", "plan", "camera"), {"values": ["a"]}, "plan.camera: a slot of 'plan' has this name"),
        (PAIR, ("pictures", "plan", "number"), {"values": ["a"]}, "pictures.plan.number: the engine itself gives"),
        (PAIR, ("plan", "pictures"), {"values": ["a"]}, "plan.pictures: the engine itself gives"),
        (PAIR, ("plan", "relation", "match"), {"for": "object.is"}, "plan.relation.match.for: 'object.is' must name"),
        (PAIR, ("dialogue", "describe"), None, "dialogue.describe: this field is required"),
        (PAIR, ("questions",), None, "questions: at least 30 questions are needed, there are 0"),
        (PAIR, (*EXAMPLE, "pictures"), None, "examples.3: an example of the form 'multi' has 'pictures'"),
        (PAIR, (*EXAMPLE, "keywords"), ["a"], "examples.3: an example of the form 'multi' has 'pictures'"),
        (PAIR, (*EXAMPLE, "pictures", 1, "plan", "where"), None, "examples.3.pictures.2.plan: it has ['object']"),
        (PAIR, (*EXAMPLE, "pictures", 1), None, "examples.3.pictures: at least 2 pictures"),
        (PAIR, (*EXAMPLE, "pictures", 1, "keywords"), [], "examples.3.pictures.2.keywords: "),
        (PAIR, (*EXAMPLE, "answer"), None, "examples.3: 'question' and 'answer' are required"),
        (PAIR, (*EXAMPLE, "question"), "<image> What?", "examples.3: '<image>' is added by the engine"),
        (PAIR, (*EXAMPLE, "chat"), [{"question": "a?", "answer": "b"}] * 5, "examples.3.chat: at most 4"),
        (STEPS, ("dialogue", "describe"), "x", "dialogue.describe: an interleaved ability has conversations only"),
        (STEPS, ("questions",), ["What?"], "questions: in an interleaved ability the model writes"),
        (STEPS, (*EXAMPLE, "question"), "What?", "examples.3: an interleaved example has a 'chat'"),
        (STEPS, (*EXAMPLE, "plan", "other"), "x", "examples.3.plan: it has ['other', 'task'] but needs ['task']"),
        (STEPS, (*EXAMPLE, "pictures", 1, "plan", "view"), None, "but needs ['view'] and may have ['state']"),
        (STEPS, (*EXAMPLE, "chat", 1, "question"), "No picture?", "examples.3.chat.2: the question must say"),
        (STEPS, (*EXAMPLE, "chat", 1, "question"), "《a》 and 《b》?", "examples.3.chat.2: the question must say once"),
        (STEPS, (*EXAMPLE, "chat", 1, "question"), "《a》 and b》?", "examples.3.chat.2: the question must say once"),
        (STEPS, (*EXAMPLE, "chat", 1, "question"), "《a》?", "examples.3.chat.2: the question only shows its picture"),
        (STEPS, (*EXAMPLE, "chat", 1, "question"), "<image> 《a》 b?", "examples.3: '<image>' is added by the engine"),
        (STEPS, (*EXAMPLE, "chat", 0, "answer"), "It is 《a》.", "examples.3.chat.1: the question must say once"),
        (STEPS, (*EXAMPLE, "chat", 0, "answer"), "It is a》.", "examples.3.chat.1: the question must say once"),
        (STEPS, (*EXAMPLE, "chat"), [{"question": "《a》 b?", "answer": "c"}] * 3, "chat: 3 turns for 2 pictures"),
    ],
)  # fmt: skip
def test_what_a_template_of_several_pictures_needs(make: Any, path: Any, to: Any, message: str) -> None:
    with pytest.raises(SynthError) as error:
        parse_ability(changed(make("x"), *path, to=to), "x.yaml")
    assert message in error.value.message
    assert all(line.startswith("x.yaml, line ") for line in error.value.message.splitlines())


def checked(folder: Path, make: Any, text: str | None = None) -> list[str]:
    name = "pair" if make is PAIR else "steps"
    file = plugin_dir(folder, name, make) / "templates" / f"{name}.yaml"
    if text is not None:
        file.write_text(text)
    return check_ability(file).problems


@pytest.mark.parametrize("make", [PAIR, STEPS])
def test_sound_templates_of_several_pictures_pass_their_check(make: Any, tmp_path: Path) -> None:
    assert checked(tmp_path, make) == []


@pytest.mark.parametrize(
    ("make", "path", "to", "message"),
    [
        (STEPS, ("pictures", "number"), "{{ task.parts }}", "has no fact 'parts', which"),
        (STEPS, ("pictures", "plan", "state", "when"), "task.many", "has no fact 'many', which"),
        (PAIR, ("pictures", "plan", "object", "apart"), "familiy", "'object.familiy': no entry of 'object'"),
        (PAIR, ("pictures", "number"), 7, "pictures.plan.object: there are too few entries for 7"),
        (PAIR, ("pictures", "number"), 1, "pictures.number: '1' is no whole number from 2 to 8"),
        (PAIR, ("pictures", "plan", "object", "bank"), "thingg", "pictures.plan.object.bank: There is no keyword bank"),
        (PAIR, ("write", "request"), "{{ pictures[0].object.look }}", "has no fact 'look', which"),
        (PAIR, ("write", "request"), "{% for p in pictures %}{{ p.object.look }}{% endfor %}", "has no fact 'look'"),
        (PAIR, ("write", "request"), "{{ pictures[0].size }}", "a picture has no 'size'"),
        (PAIR, (*EXAMPLE, "pictures", 1, "keywords"), ["x", "y", "z"], "(describe): the filter 'restrictions'"),
        (PAIR, (*EXAMPLE, "pictures", 1, "keywords"), ["teapot"], "example 3: 1 keywords, not 3 to 6"),
        (STEPS, (*EXAMPLE, "chat", 1, "answer"), "Yes", "example 3 (chat): the filter 'length' drops it"),
        (PAIR, (*EXAMPLE, "plan", "relation"), "one place", "example 3: by its plan it has 3 pictures, not 2"),
        (STEPS, (*EXAMPLE, "pictures", 1, "plan"), {"view": "x"}, "picture 2: plan.state: by 'when' it is drawn here"),
        (STEPS, (*EXAMPLE, "pictures", 0, "plan", "view"), "old lamp", "picture 1: plan.view: it is 'old lamp', but"),
    ],
)  # fmt: skip
def test_the_check_says_what_is_wrong_with_several_pictures(
    make: Any, path: Any, to: Any, message: str, tmp_path: Path
) -> None:
    name = "pair" if make is PAIR else "steps"
    found = "\n".join(checked(tmp_path, make, changed(make(name), *path, to=to)))
    assert message in found
    assert f"{name}.yaml" in found or "example 3" in found


_OF_EACH = "{% for one in pictures %}\n{{ loop.index }}: {{ one.object }}{{ one.where }}\n{% endfor %}"


@pytest.mark.parametrize(
    ("plan", "request_", "noted"),
    [
        ({"object": {"bank": "thing"}, "where": {"values": ["a", "b", "c"], "same": True}}, _OF_EACH, ""),
        ({"object": {"bank": "thing", "same": True}, "where": {"values": ["a"], "same": True}}, _OF_EACH, "all"),
        ({"object": {"bank": "thing", "same": True}, "where": {"text": "in {{ relation }}"}}, _OF_EACH, "all"),
        ({"object": {"bank": "thing", "same": True}, "where": {"text": "step {{ number }}"}}, _OF_EACH, ""),
        (
            {"object": {"bank": "thing", "same": True},
             "where": {"values": ["a", "b", "c"], "same": "relation == 'one place'"}},
            _OF_EACH,
            "half",
        ),
        # what is drawn differs, but nobody who makes the pictures is told
        ({"object": {"bank": "thing", "same": True}, "where": {"values": ["a", "b", "c"]}}, "Write.", "all"),
    ],
)  # fmt: skip
def test_pictures_that_can_only_be_the_same_are_noted(plan: Any, request_: str, noted: str, tmp_path: Path) -> None:
    small = multi_template()
    small["pictures"]["plan"] = plan
    small["write"]["request"] = request_
    folder = plugin_dir(tmp_path, "pair", lambda name: small)
    doubts = [one for one in check_ability(folder / "templates" / "pair.yaml").doubts if "apart" in one]
    assert bool(doubts) == bool(noted)
    for one in doubts:
        alike, plans = map(int, re.findall(r"in (\d+) of (\d+) plans", one)[0])
        assert abs(alike - plans / (2 if noted == "half" else 1)) <= 1
        assert one.startswith("pictures.plan.object.same")


def test_only_plans_that_could_be_rendered_are_compared(tmp_path: Path) -> None:
    small = multi_template()
    small["pictures"]["plan"] = {"object": {"bank": "thing", "same": True}, "where": {"values": ["a"], "same": True}}
    small["write"]["request"] = "{% if relation == 'one place' %}{{ nowhere }}{% endif %}" + _OF_EACH
    found = check_ability(plugin_dir(tmp_path, "pair", lambda name: small) / "templates" / "pair.yaml")
    assert found.problems
    [alike] = [one for one in found.doubts if "apart" in one]
    compared, of = re.findall(r"in (\d+) of (\d+) plans", alike)[0]
    assert compared == of


def test_a_fact_that_is_asked_for_first_may_be_missing(tmp_path: Path) -> None:
    request = "{% for p in pictures %}{% if p.object.look is defined %}{{ p.object.look }}{% endif %}{% endfor %}"
    assert checked(tmp_path, PAIR, changed(PAIR("pair"), "write", "request", to=request)) == []
