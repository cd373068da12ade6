"""What `synth show` and the report say of a candidate of several pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synth.cli import app
from synth.ledger import Ledger
from synth.records import DATASET_VERSION, Candidate, Image, Sample, Turn, Verdict, without_placeholders
from synth.run.dataset import read_dataset
from synth.run.reading import Saying, conversation, failed_picture, margin_in_words, scores_of
from tests.small_runs import accept, candidate, paint, save_run, with_pictures


def shown(run: Path, *made: Candidate) -> str:
    """What `synth show` prints of the first of these."""
    for one in made:
        one.calls = []
    save_run(run, made, {made[0].ability: len(made)}, renderer={"name": "diffusers"})
    result = CliRunner().invoke(app, ["show", str(run), made[0].id])
    assert result.exit_code == 0, result.output
    return result.stdout


def lines(text: str, heading: str) -> list[str]:
    """The lines below a heading."""
    _, _, rest = text.partition(f"\n{heading}\n")
    return [line.strip() for line in rest.partition("\n\n")[0].splitlines()]


def test_placeholders_are_numbered_through_all_turns() -> None:
    turns = [
        Turn(role="user", text="<image><image>\nWhich one?"),
        Turn(role="assistant", text="The first."),
        Turn(role="user", text="And now <image>\nor?"),
    ]
    assert conversation(turns) == [
        Saying("user", [0, 1, "Which one?"]),
        Saying("assistant", ["The first."]),
        Saying("user", ["And now", 2, "or?"]),
    ]


def test_show_says_which_picture_is_which(tmp_path: Path) -> None:
    one = accept(tmp_path, with_pictures(candidate("story", 0), 3, "interleaved"))
    text = shown(tmp_path, one)
    subjects = [plan["subject"].text for plan in one.picture_plans]
    assert "interleaved with 3 pictures" in text
    assert [line for line in lines(text, "Plan") if line.startswith("picture")] == [
        f"picture {number}: subject = {subject} | is: thing" for number, subject in enumerate(subjects, 1)
    ]
    for number, image in enumerate(one.images, 1):
        said = lines(text, f"Picture {number}")
        assert f"prompt: {image.prompt}" in said and f"score, its own prompt: 0.{26 + number - 1}00" in said
        assert any(line.startswith("file: ") and str(image.path) in line for line in said)
    users = [line for line in lines(text, "Dialogue") if line.startswith("user")]
    assert [re.findall(r"\[image \d\]", line) for line in users] == [["[image 1]"], ["[image 2]"], ["[image 3]"]]
    assert "<image>" not in text
    assert lines(text, "Scores") == [
        "prompt: 0.2600",
        "dialogue: 0.2300",
        "margin: 0.0310",
        "that is, each picture matches its own prompt better than its siblings' by at least 0.031",
    ]


def test_show_names_the_picture_that_failed(tmp_path: Path) -> None:
    one = with_pictures(candidate("compare", 0), 2)
    paint(tmp_path, one)
    one.verdicts.append(Verdict(filter="alignment", stage="image", outcome="fail", reason="no match", picture=1))
    one.reject("alignment", "no match")
    text = shown(tmp_path, one)
    assert text.splitlines()[1] == "picture 2: no match"
    assert "Picture 2: rejected for this one" in text and "Picture 1\n" in text
    assert lines(text, "Verdicts")[-1].endswith("picture 2: no match")


def test_a_single_picture_is_shown_without_numbers(tmp_path: Path) -> None:
    text = shown(tmp_path, accept(tmp_path, candidate("abnormal", 0)))
    assert "\nPicture\n" in text and "Picture 1" not in text and "[image" not in text and "<image>" in text


def test_scores_of_single_pictures_belong_to_them() -> None:
    one = with_pictures(candidate("compare", 0), 2)
    one.verdicts = []
    one.scores = {"prompt": 0.25, "prompt.1": 0.25, "prompt.2": 0.3, "prompt.3": 0.9, "dialogue.2": 0.1, "margin": 0.0}
    given = scores_of(one)
    assert given.pictures == {0: {"its own prompt": 0.25}, 1: {"its own prompt": 0.3, "its dialogue": 0.1}}
    assert given.whole == {"picture ↔ prompt, lowest": 0.25, "picture ↔ prompt.3, lowest": 0.9}  # there is no third
    assert given.margin == 0.0
    one.images = one.images[:1]
    assert not scores_of(one).pictures and scores_of(one).margin is None


@pytest.mark.parametrize(
    ("margin", "pictures", "words"),
    [
        (0.03, 3, "each picture matches its own prompt better than its siblings' by at least 0.03"),
        (0.2, 2, "each picture matches its own prompt better than its sibling's by at least 0.2"),
        (0.0001, 2, "a picture matches its own prompt no better than its sibling's"),
        (-0.012, 4, "a picture matches a sibling's prompt better than its own, by 0.012"),
    ],
)
def test_a_margin_in_words(margin: float, pictures: int, words: str) -> None:
    assert margin_in_words(margin, pictures) == words


def test_a_text_without_its_placeholders() -> None:
    assert without_placeholders("<image>\n<image>\nWhat do they share?") == "What do they share?"
    assert without_placeholders("before<image>after") == "before after"


def test_a_picture_to_blame_must_be_one_of_several() -> None:
    one = with_pictures(candidate("compare", 0), 2)
    verdict = Verdict(filter="alignment", stage="image", outcome="fail", reason="no match")
    one.verdicts.append(verdict)
    one.reject("alignment", "no match")
    blamed = {}
    for verdict.picture in (None, -1, 0, 1, 2):
        blamed[verdict.picture] = failed_picture(one)
    assert blamed == {None: None, -1: None, 0: 0, 1: 1, 2: None}


def test_show_says_how_often_a_picture_was_drawn(tmp_path: Path) -> None:
    one = accept(tmp_path, with_pictures(candidate("compare", 0), 2))
    one.images[1].attempts = 3
    text = shown(tmp_path, one)
    assert "drawn: 3 times" in lines(text, "Picture 2")
    assert not any(line.startswith("drawn") for line in lines(text, "Picture 1"))


def test_rows_from_before_attempts_were_counted_are_read(tmp_path: Path) -> None:
    one = accept(tmp_path, with_pictures(candidate("compare", 0), 2))
    one.images[1].attempts = 2
    run = save_run(tmp_path, [one], {"compare": 1}, renderer={"name": "diffusers"})
    row = json.loads((run / "dataset.jsonl").read_text(encoding="utf-8"))
    assert [image.pop("attempts") for image in row["images"]] == [1, 2]
    assert [image.attempts for image in Sample.from_json(json.dumps(row)).images] == [1, 1]
    record = json.loads(one.to_json(leave_out_defaults=True))
    assert [image.pop("attempts", None) for image in record["images"]] == [None, 2]
    assert [image.attempts for image in Candidate.from_json(json.dumps(record)).images] == [1, 1]


def test_a_data_set_of_version_1_is_read(tmp_path: Path) -> None:
    image = {"path": "images/a.jpg", "prompt": "((fox))", "negative_prompt": "", "keywords": ["fox"], "seed": 1}
    row = {
        "id": "animal-s0-000000", "ability": "animal", "form": "single", "stage": 1,
        "images": [{**image, "width": 64, "height": 64, "origin": "rendered", "note": "drawn 2 times"}],
        "turns": [{"role": "user", "text": "<image>\nWhat is it?"}, {"role": "assistant", "text": "A fox."}],
        "scores": {"prompt": 0.3}, "provenance": {"format": 1, "synth": "0.1.0"},
    }  # fmt: skip
    file = tmp_path / "dataset.jsonl"
    file.write_text(json.dumps(row) + "\n")
    [sample] = read_dataset(file)
    assert DATASET_VERSION > 1
    assert (sample.images[0].attempts, sample.images[0].note) == (1, "drawn 2 times")


def test_what_is_new_in_the_rows_survives_the_ledger(tmp_path: Path) -> None:
    one = with_pictures(candidate("compare", 0), 2)
    one.verdicts.append(Verdict(filter="alignment", stage="image", outcome="fail", picture=0))
    one.state = "text_ok"
    run = save_run(tmp_path, [one], {"compare": 1}, renderer=None)
    again = Ledger(run, read_only=True).candidate(one.id)
    assert again is not None
    assert again.picture_plans == one.picture_plans and again.verdicts[-1].picture == 0
    assert list(again.plan_of(1)) == ["place", "camera", "subject"]
    assert again.plan_of(1)["subject"] == one.picture_plans[1]["subject"]
    single = Candidate(id="a", ability="a", index=0, stage=1, seed=0, round=0, images=[Image(prompt="", seed=0)])
    assert single.plan_of(0) == {}
