"""Exports: the right rows, the right pictures, all or nothing, and nothing from outside the run."""

from __future__ import annotations

import json
import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from synth import plugins
from synth.errors import BackendError, RunRefused, SynthError
from synth.export import export_run
from synth.export.base import Export, Exported
from synth.records import IMAGE_PLACEHOLDER, Image, Turn
from synth.run.dataset import read_dataset
from tests.small_runs import OPENMOJI, accept, candidate, paint, save_run, small_run, text_only

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)> \x00 \u202e \u2028 {{ 7*7 }} é 😀'


def load(out: Path) -> list[dict]:
    return json.loads((out / "llava.json").read_bytes())


def rows_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "dataset.jsonl").read_text().splitlines()]


def rewrite(run: Path, change) -> None:
    """Do what somebody with an editor can do to a data set."""
    rows = rows_of(run)
    for row in rows:
        change(row)
    (run / "dataset.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return small_run(tmp_path / "run")


def test_llava_rows(run: Path, tmp_path: Path) -> None:
    main = export_run(run, "llava", tmp_path / "out")
    assert main == tmp_path / "out" / "llava.json"
    samples, rows = list(read_dataset(run)), load(tmp_path / "out")
    assert [row["id"] for row in rows] == [sample.id for sample in samples]
    for sample, row in zip(samples, rows, strict=True):
        assert set(row) == {"id", "image", "conversations"}
        assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
        assert [turn["value"] for turn in row["conversations"]] == [turn.text for turn in sample.turns]
        assert sum(turn["value"].count("<image>") for turn in row["conversations"]) == 1
        exported = tmp_path / "out" / row["image"]
        assert exported.read_bytes() == (run / sample.images[0].path).read_bytes()
        assert exported.stat().st_ino == (run / sample.images[0].path).stat().st_ino


def test_copies_where_links_are_not_possible(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*args: object, **more: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    export_run(run, "llava", tmp_path / "out")
    image = load(tmp_path / "out")[0]["image"]
    assert (tmp_path / "out" / image).read_bytes() == (run / image).read_bytes()
    assert (tmp_path / "out" / image).stat().st_ino != (run / image).stat().st_ino


def test_hostile_text_survives_unchanged(tmp_path: Path) -> None:
    def spoil(one) -> None:
        one.turns[1].text = HOSTILE

    run = small_run(tmp_path / "run", 2, spoil)
    export_run(run, "llava", tmp_path / "out")
    raw = (tmp_path / "out" / "llava.json").read_bytes()
    assert raw.isascii() and b"\x00" not in raw
    assert [row["conversations"][1]["value"] for row in load(tmp_path / "out")] == [HOSTILE] * 2


def test_sample_without_images_has_no_image_key(run: Path, tmp_path: Path) -> None:
    def first_is_text(row: dict) -> None:
        if row["id"].endswith("000000"):
            row["images"] = []
            row["turns"][0]["text"] = "What is a giraffe?"

    rewrite(run, first_is_text)
    export_run(run, "llava", tmp_path / "out")
    assert ["image" in row for row in load(tmp_path / "out")] == [False, True, True]


def test_readme_and_summary(tmp_path: Path) -> None:
    run = small_run(
        tmp_path / "run", finish=lambda r, c: accept(r, c, "preview", OPENMOJI), renderer={"name": "preview"}
    )
    export_run(run, "llava", tmp_path / "out", allow_preview=True)
    facts = json.loads((tmp_path / "out" / "export.json").read_bytes())
    assert facts["samples"] == facts["pictures"] == facts["preview"] == 3
    assert facts["abilities"] == {"abnormal": 3} and facts["image_folder"] == "."
    assert facts["models"]["llm"] == [{"name": "llamacpp", "model": "tiny-instruct-q4", "revision": "abc123"}]
    assert facts["attribution"] == {OPENMOJI: 3}
    assert facts["run"] == {"seed": 7, "dialogue": "describe", "asked_for": {"abnormal": 3}}
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "preview pictures" in readme and OPENMOJI in readme and "--image_folder ." in readme
    assert str(tmp_path) not in readme + json.dumps(facts), "machine paths"


def test_equal_runs_give_equal_exports(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_run(run, "llava", tmp_path / name)
    one, two = tmp_path / "one", tmp_path / "two"
    assert below(one) == below(two)
    assert all((one / p).read_bytes() == (two / p).read_bytes() for p in below(one) if (one / p).is_file())


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("marked", ["origin", "provenance"])
def test_previews_are_refused(tmp_path: Path, marked: str) -> None:
    run = small_run(tmp_path / "run", 4)

    def mark(row: dict) -> None:
        if row["id"][-1] in "01":
            if marked == "origin":
                row["images"][0]["origin"] = "preview"
            else:
                row["provenance"]["preview"] = True

    rewrite(run, mark)
    with pytest.raises(SynthError, match=r"2 of 4 samples .* preview") as caught:
        export_run(run, "llava", tmp_path / "out")
    assert "--allow-preview" in caught.value.fix
    assert "'synth doctor' lists the renderers" in caught.value.fix  # there may be none for real pictures
    assert not (tmp_path / "out").exists()
    export_run(run, "llava", tmp_path / "out", allow_preview=True)


def test_text_only_run_is_refused(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", finish=text_only)
    with pytest.raises(SynthError, match=r"All 3 samples .* no pictures") as caught:
        export_run(run, "llava", tmp_path / "out")
    assert f"synth render {run}" in caught.value.fix
    assert below(tmp_path / "run") and not (tmp_path / "out").exists()


def test_several_images_are_refused(tmp_path: Path) -> None:
    one = candidate("similarity", 0)
    one.form = "multi"
    one.images.append(Image(prompt="b", seed=1))
    one.turns[0].text = "<image>\n<image>\n" + one.question
    one = accept(tmp_path / "run", one)
    run = save_run(tmp_path / "run", [one], {"similarity": 1}, renderer={"name": "diffusers"})
    with pytest.raises(SynthError, match=f"'{one.id}'.* one image per sample"):
        export_run(run, "llava", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (["no placeholder", "answer"], "0 <image> .* 1 images"),
        (["<image> <image> q", "answer"], "2 <image> .* 1 images"),
        (["q", "<image> answer"], "in an answer"),
        (["<image> q"], "turns user"),
        (["<image> q", "a", "q"], "turns user, assistant, user"),
    ],
)
def test_turns_that_no_trainer_reads(run: Path, tmp_path: Path, turns: list[str], message: str) -> None:
    def spoil(row: dict) -> None:
        if row["id"].endswith("2"):
            roles = ["user", "assistant"] * 2
            row["turns"] = [{"role": role, "text": text} for role, text in zip(roles, turns, strict=False)]

    rewrite(run, spoil)
    with pytest.raises(SynthError, match=message) as caught:
        export_run(run, "llava", tmp_path / "out")
    assert "abnormal-s7-000002" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_unknown_format_names_those_there_are(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="no export format 'lava'") as caught:
        export_run(run, "lava", tmp_path / "out")
    assert "Did you mean 'llava'?" in caught.value.fix


def test_not_a_run_no_data_set_no_samples(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="no folder"):
        export_run(tmp_path / "nowhere", "llava", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunRefused, match="not a run"):
        export_run(tmp_path / "empty", "llava", tmp_path / "out")
    (run / "dataset.jsonl").write_text("")
    with pytest.raises(SynthError, match="no samples"):
        export_run(run, "llava", tmp_path / "out")
    (run / "dataset.jsonl").unlink()
    with pytest.raises(RunRefused, match=r"no dataset\.jsonl"):
        export_run(run, "llava", tmp_path / "out")


# -- pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "images/../../secret.jpg",
        "images/../ledger.sqlite",
        "../../etc/passwd",
        "/etc/passwd",
        "ledger.sqlite",
        "images",
        "",
        "images/a\x00.jpg",
        "images/a\n.jpg",
        "images\\..\\..\\secret.jpg",
        "images/" + "a" * 5000,
        "//images/a.jpg",
    ],
)
def test_paths_stay_inside_the_run(run: Path, tmp_path: Path, path: str) -> None:
    accept(tmp_path / "other", candidate("secret", 0))
    (tmp_path / "secret.jpg").write_bytes(next((tmp_path / "other").rglob("*.jpg")).read_bytes())
    rewrite(run, lambda row: row["images"][0].update(path=path) if row["id"].endswith("1") else None)
    with pytest.raises(SynthError) as caught:
        export_run(run, "llava", tmp_path / "out")
    assert "abnormal-s7-000001" in caught.value.message and "not a path below images/" in caught.value.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("folder", [False, True])
def test_links_do_not_lead_out(run: Path, tmp_path: Path, folder: bool) -> None:
    outside = small_run(tmp_path / "outside")
    victim = run / rows_of(run)[1]["images"][0]["path"]
    if folder:
        (run / "images" / "away").symlink_to(outside / "images")
        path = f"images/away/{victim.relative_to(run / 'images').as_posix()}"
        rewrite(run, lambda row: row["images"][0].update(path=path))
    else:
        victim.unlink()
        victim.symlink_to(outside / victim.relative_to(run))
    with pytest.raises(SynthError, match="link that leads out"):
        export_run(run, "llava", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_and_broken_pictures(run: Path, tmp_path: Path) -> None:
    path = rows_of(run)[2]["images"][0]["path"]
    whole = (run / path).read_bytes()
    (run / path).write_bytes(b"<html>not a picture")
    with pytest.raises(SynthError, match="not a readable picture"):
        export_run(run, "llava", tmp_path / "out")
    (run / path).write_bytes(whole[:-1000])
    with pytest.raises(SynthError, match=rf"'abnormal-s7-000002': .*'{path}'.* is cut off") as caught:
        export_run(run, "llava", tmp_path / "out")
    assert f"'synth render {run}' renders it again" in caught.value.fix
    (run / path).write_bytes(b"")
    with pytest.raises(SynthError, match="is an empty file"):
        export_run(run, "llava", tmp_path / "out")
    (run / path).unlink()
    with pytest.raises(SynthError, match="does not exist") as caught:
        export_run(run, "llava", tmp_path / "out")
    assert path in caught.value.message and "abnormal-s7-000002" in caught.value.message
    assert "renders it again" in caught.value.fix
    (run / path).mkdir()
    with pytest.raises(SynthError, match="is not a file"):
        export_run(run, "llava", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


# -- the folder -------------------------------------------------------------------------------


def breaking(export: Export) -> Exported:
    with export.json_list("llava.json") as add:
        for sample in export.samples():
            add({"id": sample.id})
            if sample.id.endswith("1"):
                raise RuntimeError("half-way")
    return Exported("llava.json", usage="")


def install(monkeypatch: pytest.MonkeyPatch, exporter: object) -> None:
    """Make `--format mine` find `exporter`, as a stranger's plugin would be found."""
    known = plugins.discover("synth.exporters")
    point = EntryPoint("mine", "x:y", "synth.exporters")
    monkeypatch.setattr(plugins, "discover", lambda group: {**known, "mine": point})
    monkeypatch.setattr(EntryPoint, "load", lambda self: exporter)


def test_a_failing_exporter_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, breaking)
    with pytest.raises(RuntimeError, match="half-way"):
        export_run(run, "mine", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_failing_exporter_leaves_the_earlier_export(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_run(run, "llava", tmp_path / "out")
    before = {p: (tmp_path / "out" / p).stat().st_ino for p in below(tmp_path / "out")}
    install(monkeypatch, breaking)
    with pytest.raises(RuntimeError):
        export_run(run, "mine", tmp_path / "out")
    assert {p: (tmp_path / "out" / p).stat().st_ino for p in below(tmp_path / "out")} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "run"]


def test_full_disk_is_explained(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(BackendError, match="No space left"):
        export_run(run, "llava", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_own_export_is_replaced_in_full(tmp_path: Path) -> None:
    export_run(small_run(tmp_path / "three", 3), "llava", tmp_path / "out")
    export_run(small_run(tmp_path / "one", 1), "llava", tmp_path / "out")
    assert len(load(tmp_path / "out")) == 1
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "out", "three"]


@pytest.mark.parametrize("stranger", ["notes.txt", "images/mine.jpg", "export.json"])
def test_foreign_files_are_never_replaced(run: Path, tmp_path: Path, stranger: str) -> None:
    out = tmp_path / "out"
    if stranger != "export.json":
        export_run(run, "llava", out)
    (out / stranger).parent.mkdir(parents=True, exist_ok=True)
    (out / stranger).write_text('{"made_by": "somebody"}')
    before = below(out)
    with pytest.raises(RunRefused, match=r"something was added|not an earlier export"):
        export_run(run, "llava", out)
    assert below(out) == before and (out / stranger).read_text() == '{"made_by": "somebody"}'


def test_out_cannot_be_the_run_or_its_pictures_or_a_file(run: Path, tmp_path: Path) -> None:
    before = below(run)
    for out in (run, run / "images", run / "images" / "new", run / "config.yaml", tmp_path):
        if out.suffix:
            out.write_text("x")
            before = below(run)
        with pytest.raises(RunRefused):
            export_run(run, "llava", out)
    assert below(run) == before


def test_out_may_be_empty_or_below_the_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export_run(run, "llava", tmp_path / "out")
    export_run(run, "llava", run / "exports" / "llava")
    assert load(tmp_path / "out") == load(run / "exports" / "llava")


def test_leftovers_of_a_killed_export_are_removed(run: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.part" / "images").mkdir(parents=True)
    (tmp_path / ".out.part" / "images" / "half.jpg").write_bytes(b"half")
    export_run(run, "llava", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 3 and not (tmp_path / ".out.part").exists()


def test_two_exports_at_once(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nested(export: Export) -> Exported:
        with pytest.raises(RunRefused, match="Another process is exporting"):
            export_run(run, "mine", tmp_path / "out")
        (export.folder / "main.txt").write_text("done")
        return Exported("main.txt", usage="")

    install(monkeypatch, nested)
    assert export_run(run, "mine", tmp_path / "out").read_text() == "done"


def test_samples_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter has the first sample before the last picture is touched."""
    run = small_run(tmp_path / "run", 5)
    seen: list[int] = []

    def counting(export: Export) -> Exported:
        for number, sample in enumerate(export.samples(), 1):
            assert sum(turn.text.count(IMAGE_PLACEHOLDER) for turn in sample.turns) == len(sample.images)
            seen.append(len(list(export.folder.rglob("*.jpg"))))
            assert seen[-1] == number
        (export.folder / "main.txt").write_text("done")
        return Exported("main.txt", usage="")

    install(monkeypatch, counting)
    export_run(run, "mine", tmp_path / "out")
    assert seen == [1, 2, 3, 4, 5]


def test_shared_picture_is_linked_once(tmp_path: Path) -> None:
    first, second = candidate("abnormal", 0), candidate("abnormal", 1)
    paint(tmp_path / "run", first)
    first.state = second.state = "accepted"
    second.images = first.images
    second.turns = [Turn(role="user", text="<image> again?"), Turn(role="assistant", text="Yes.")]
    run = save_run(tmp_path / "run", [first, second], {"abnormal": 2}, renderer={"name": "diffusers"})
    export_run(run, "llava", tmp_path / "out")
    assert len({row["image"] for row in load(tmp_path / "out")}) == 1
    assert json.loads((tmp_path / "out" / "export.json").read_bytes())["pictures"] == 1
    export_run(run, "llava", tmp_path / "out")
