"""What each format makes of samples with one, several and no images: rows, order, placeholders, collages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from PIL import Image as PILImage

from synth.errors import SynthError
from synth.export import export_run
from synth.export.base import Export, Exported
from synth.export.collage import collage_of
from synth.records import Candidate, Form, Image, Turn
from synth.run.dataset import read_dataset
from tests.small_runs import OPENMOJI, accept, candidate, picture, save_run
from tests.test_export import below, install, rewrite

FILES = {"llava": "llava.json", "llava-next": "llava-next.json", "llama-factory": "llama-factory.json"}
SEVERAL = ["llava-next", "llama-factory"]


def with_images(ability: str, form: Form, count: int, *users: str) -> Candidate:
    """A candidate with `count` images whose user says `users`."""
    one = candidate(ability, 0)
    one.form = form
    one.images = [
        Image(prompt=f"picture {number}", keywords=[f"picture {number}"], seed=number) for number in range(count)
    ]
    one.turns = []
    for number, text in enumerate(users):
        one.turns += [Turn(role="user", text=text), Turn(role="assistant", text=f"Answer {number}.")]
    return one


def mixed() -> list[Candidate]:
    """Single, multi and interleaved samples and one of text alone, as a run of all forms has them."""
    return [
        with_images("abnormal", "single", 1, "<image>\nWhat is unusual?", "Anything else?"),
        with_images("pairs", "multi", 2, "<image>\n<image>\nWhat differs?"),
        with_images("rows", "multi", 4, "<image>\n<image>\n<image>\n<image>\nWhich is the odd one out?", "Why?"),
        with_images("steps", "interleaved", 3, "<image>\nI begin so.", "<image>\nAnd then?", "<image>\nReady?"),
        with_images("talk", "single", 0, "What is a giraffe?"),
    ]


def save(run: Path, candidates: list[Candidate], attribution: str = "") -> Path:
    done = [accept(run, one, attribution=attribution) for one in candidates]
    return save_run(
        run, done, {one.ability: 1 for one in done}, renderer={"name": "diffusers", "model": "sd", "revision": "r1"}
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return save(tmp_path / "run", mixed())


def load(out: Path, format: str) -> dict[str, dict]:
    """The rows by ability."""
    return {row["id"].partition("-")[0]: row for row in json.loads((out / FILES[format]).read_bytes())}


def said(row: dict) -> list[tuple[str, str]]:
    """Roles and texts of a row, whatever the format calls them."""
    if "messages" in row:
        return [(turn["role"], turn["content"]) for turn in row["messages"]]
    speakers = {"human": "user", "gpt": "assistant"}
    return [(speakers[turn["from"]], turn["value"]) for turn in row["conversations"]]


def pictures_of(row: dict) -> list[str]:
    found = row.get("images", row.get("image", []))
    return [found] if isinstance(found, str) else found


# -- several images ---------------------------------------------------------------------------


@pytest.mark.parametrize("format", SEVERAL)
def test_images_texts_and_placeholders_keep_their_order(run: Path, tmp_path: Path, format: str) -> None:
    out = tmp_path / "out"
    assert export_run(run, format, out) == out / FILES[format]
    rows = load(out, format)
    samples = list(read_dataset(run))
    assert [row["id"] for row in rows.values()] == [sample.id for sample in samples]
    for sample, row in zip(samples, rows.values(), strict=True):
        assert said(row) == [(turn.role, turn.text) for turn in sample.turns]
        assert sum(text.count("<image>") for _, text in said(row)) == len(pictures_of(row))
        for image, path in zip(sample.images, pictures_of(row), strict=True):
            assert (out / path).read_bytes() == (run / image.path).read_bytes()
    assert (out / FILES[format]).read_bytes().isascii()
    facts = json.loads((out / "export.json").read_bytes())
    assert facts["pictures"] == 10 and facts["collages"] == 0
    assert facts["forms"] == {"interleaved": 1, "multi": 2, "single": 2}


def test_llava_next_rows(run: Path, tmp_path: Path) -> None:
    export_run(run, "llava-next", tmp_path / "out")
    rows = load(tmp_path / "out", "llava-next")
    pair = "images/pairs/0000/pairs-s7-000000"
    assert rows["pairs"] == {
        "id": "pairs-s7-000000",
        "image": [f"{pair}.jpg", f"{pair}-1.jpg"],
        "conversations": [
            {"from": "human", "value": "<image>\n<image>\nWhat differs?"},
            {"from": "gpt", "value": "Answer 0."},
        ],
    }
    assert isinstance(rows["abnormal"]["image"], str)
    assert "image" not in rows["talk"]
    said_to_trainer = yaml.safe_load((tmp_path / "out" / "llava-next.yaml").read_text())
    assert said_to_trainer == {"datasets": [{"json_path": "llava-next.json", "sampling_strategy": "all"}]}
    facts = json.loads((tmp_path / "out" / "export.json").read_bytes())
    assert facts["data_path"] == "llava-next.yaml" and facts["data_path"] in facts["files"]


def test_llama_factory_rows(run: Path, tmp_path: Path) -> None:
    export_run(run, "llama-factory", tmp_path / "out")
    rows = load(tmp_path / "out", "llama-factory")
    pair = "images/pairs/0000/pairs-s7-000000"
    assert rows["pairs"] == {
        "id": "pairs-s7-000000",
        "messages": [
            {"role": "user", "content": "<image>\n<image>\nWhat differs?"},
            {"role": "assistant", "content": "Answer 0."},
        ],
        "images": [f"{pair}.jpg", f"{pair}-1.jpg"],
    }
    assert len(rows["abnormal"]["images"]) == 1 and rows["talk"]["images"] == []
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_bytes())
    assert info["synth"]["file_name"] == "llama-factory.json" and info["synth"]["formatting"] == "sharegpt"
    assert info["synth"]["columns"] == {"messages": "messages", "images": "images"}
    row, tags = rows["pairs"]["messages"][0], info["synth"]["tags"]
    assert row[tags["role_tag"]] == tags["user_tag"] and tags["content_tag"] in row
    assert rows["pairs"]["messages"][1][tags["role_tag"]] == tags["assistant_tag"]


@pytest.mark.parametrize("word", ["<video>", "<audio>"])
def test_words_that_llama_factory_takes_for_files(run: Path, tmp_path: Path, word: str) -> None:
    def spoil(row: dict) -> None:
        if row["ability"] == "steps":
            row["turns"][3]["text"] = f"In HTML that is {word}."

    rewrite(run, spoil)
    with pytest.raises(SynthError, match=f"'steps-s7-000000' has {word}"):
        export_run(run, "llama-factory", tmp_path / "out")
    export_run(run, "llava-next", tmp_path / "out")


# -- collages ---------------------------------------------------------------------------------


def test_llava_refuses_several_images_and_names_the_collage(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SynthError, match=r"3 of 5 samples have more than one image .*'pairs-s7-000000'") as caught:
        export_run(run, "llava", tmp_path / "out")
    assert "--collage" in caught.value.fix and "llava-next" in caught.value.fix
    assert not (tmp_path / "out").exists()


def readme(run: Path, format: str, out: Path, **options: bool) -> str:
    export_run(run, format, out, options=options)
    facts = json.loads((out / "export.json").read_bytes())
    text = (out / "README.md").read_text(encoding="utf-8")
    assert facts["notes"] == [note for note in facts["notes"] if f"\n- {note}\n" in text]
    return text


def test_the_readme_says_what_several_pictures_ask_of_the_trainer(run: Path, tmp_path: Path) -> None:
    factory = readme(run, "llama-factory", tmp_path / "factory")
    assert "3 samples have several pictures, up to 4." in factory
    assert "the default `--cutoff_len` of 2048 is enough" in factory, "4 pictures of 81 tokens with their turns"
    next_ = readme(run, "llava-next", tmp_path / "next")
    assert "3 samples have several pictures" in next_ and "`--version plain`" in next_ and "one tile" in next_
    collages = readme(run, "llava", tmp_path / "collages", collage=True)
    assert (
        "where there are 4 pictures, each has at most 168 by 168" in collages
        and "the n-th turn speaks of the n-th" in collages
        and "stand in reading order" in collages
    )


@pytest.mark.parametrize(
    ("count", "width", "height", "of_each", "cutoff"),
    [
        (2, 512, 512, 326, None),
        (4, 512, 512, 326, None),
        (8, 512, 512, 326, 2816),
        (4, 768, 768, 731, 3328),
        (4, 4000, 4000, 731, 3328),  # scaled down first
        (8, 768, 384, 380, 3328),
        (4, 0, 0, 731, 3328),  # not known
        (3, 20, 20, 6, None),
    ],
)
def test_the_readme_proposes_room_for_the_longest_sample(
    count: int, width: int, height: int, of_each: int, cutoff: int | None, tmp_path: Path
) -> None:
    one = with_images("pairs", "multi", count, "<image>\n" * count + "What differs?")
    one.turns[1].text = "word " * 60
    run = save(tmp_path / "run", [one, mixed()[0]])
    rows = [json.loads(line) for line in (run / "dataset.jsonl").read_text().splitlines()]
    for image in rows[0]["images"]:
        image["width"], image["height"] = width, height
    (run / "dataset.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = readme(run, "llama-factory", tmp_path / "out")
    longest = int(re.findall(r"takes about (\d+) tokens", text)[0])
    assert count * of_each + 150 < longest < count * of_each + 300
    assert re.findall(r"such as (\d+)", text) == ([str(cutoff)] if cutoff else [])
    assert "1 sample has several pictures" in text


def test_the_readme_of_collages_speaks_of_as_many_pictures_as_there_are(tmp_path: Path) -> None:
    pairs = readme(save(tmp_path / "two", mixed()[1:2]), "llava", tmp_path / "pairs", collage=True)
    assert "where there are 2 pictures, each has at most 168 by 168" in pairs
    assert "1 sample shows a collage" in pairs
    five = with_images("rows", "multi", 5, "<image>\n" * 5 + "What is alike?")
    text = readme(save(tmp_path / "five", [five]), "llava", tmp_path / "rows", collage=True)
    assert "where there are 5 pictures, each has at most 112 by 112" in text


def test_the_readme_says_nothing_of_several_pictures_where_there_are_none(tmp_path: Path) -> None:
    run = save(tmp_path / "run", mixed()[:1])
    factory = readme(run, "llama-factory", tmp_path / "factory")
    assert "--media_dir" in factory and "cutoff" not in factory
    assert "--version" not in readme(run, "llava-next", tmp_path / "next")
    assert "168" not in readme(run, "llava", tmp_path / "collages", collage=True)
    run = save(tmp_path / "pairs", mixed()[1:2])
    assert "n-th" not in readme(run, "llava", tmp_path / "together", collage=True), "nothing is interleaved"


def test_collages_take_the_place_of_several_images(run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (run / "images").rglob("*.jpg")}
    out = tmp_path / "out"
    export_run(run, "llava", out, options={"collage": True})
    rows = load(out, "llava")
    assert {name: row.get("image") for name, row in rows.items()} == {
        "abnormal": "images/abnormal/0000/abnormal-s7-000000.jpg",
        "pairs": "collages/pairs/0000/pairs-s7-000000.jpg",
        "rows": "collages/rows/0000/rows-s7-000000.jpg",
        "steps": "collages/steps/0000/steps-s7-000000.jpg",
        "talk": None,
    }
    asked = {name: [text for role, text in said(row) if role == "user"] for name, row in rows.items()}
    assert asked["pairs"] == ["<image>\nWhat differs?"]
    assert asked["rows"] == ["<image>\nWhich is the odd one out?", "Why?"]
    assert asked["steps"] == ["<image>\nI begin so.", "And then?", "Ready?"]
    assert asked["talk"] == ["What is a giraffe?"]
    assert [text for role, text in said(rows["steps"]) if role == "assistant"] == [f"Answer {n}." for n in range(3)]
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.jpg")}
    assert files == {row["image"] for row in rows.values() if "image" in row}, "pictures that no row names"
    facts = json.loads((out / "export.json").read_bytes())
    assert (facts["pictures"], facts["collages"]) == (4, 3)
    assert "3 samples show a collage" in (out / "README.md").read_text()
    assert {path: path.read_bytes() for path in (run / "images").rglob("*.jpg")} == before


def test_a_collage_says_what_it_is_made_of(tmp_path: Path) -> None:
    run = save(tmp_path / "run", mixed()[1:2], attribution=OPENMOJI)
    export_run(run, "llava", tmp_path / "out", options={"collage": True})
    with PILImage.open(tmp_path / "out" / "collages/pairs/0000/pairs-s7-000000.jpg") as collage:
        exif, xmp = collage.getexif(), collage.info["xmp"].decode()
    assert exif[0x0131] == "synth-vlit" and exif[0x8298] == OPENMOJI
    assert exif[0x010E] == "collage of synthetic images of: picture 0 | picture 1"
    assert "digitalsourcetype/compositeSynthetic" in xmp and 'AISystemUsed="diffusers sd"' in xmp
    assert "picture 0 | picture 1" in xmp and "synth:Seed" not in xmp
    facts = json.loads((tmp_path / "out" / "export.json").read_bytes())
    assert facts["attribution"] == {OPENMOJI: 1}


def test_a_collage_of_previews_is_marked_as_one_and_not_as_made_by_a_model(tmp_path: Path) -> None:
    done = accept(tmp_path / "run", mixed()[1], "preview", OPENMOJI)
    run = save_run(tmp_path / "run", [done], {"pairs": 1}, renderer={"name": "preview"})
    export_run(run, "llava", tmp_path / "out", allow_preview=True, options={"collage": True})
    with PILImage.open(next((tmp_path / "out").rglob("*.jpg"))) as collage:
        assert collage.getexif()[0x010E].startswith("collage of previews of: ")
        assert "xmp" not in collage.info


def test_equal_runs_give_equal_collages(run: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for out in (one, two):
        export_run(run, "llava", out, options={"collage": True})
    assert below(one) == below(two)
    assert all((one / p).read_bytes() == (two / p).read_bytes() for p in below(one) if (one / p).is_file())


COLORS = [(200, 0, 0), (0, 160, 0), (0, 0, 200), (120, 0, 120), (90, 90, 0)]


def plain(folder: Path, sizes: list[tuple[int, int]]) -> list[Path]:
    files = []
    for number, size in enumerate(sizes):
        files.append(folder / f"{number}.png")
        PILImage.new("RGB", size, COLORS[number]).save(files[-1])
    return files


def reading_order(image: PILImage.Image) -> list[int]:
    """Which of COLORS one meets, row by row, left to right."""
    found: list[int] = []
    for y in range(0, image.height, 4):
        for x in range(image.width):
            color = image.getpixel((x, y))
            if color in COLORS and COLORS.index(color) not in found:
                found.append(COLORS.index(color))
    return found


@pytest.mark.parametrize(("count", "side"), [(2, 408), (3, 408), (4, 408), (5, 616)])
def test_pictures_of_a_collage_are_read_left_to_right_and_down(tmp_path: Path, count: int, side: int) -> None:
    made = collage_of(plain(tmp_path, [(200, 200)] * count))
    assert made.size == (side, side), "a square, of which no trainer cuts off the ends"
    assert reading_order(made) == list(range(count))
    assert {made.getpixel((204, y)) for y in range(made.height)} == {(255, 255, 255)}, "no gap between columns"


@pytest.mark.parametrize(
    "sizes",
    [
        [(1024, 1024)] * 2,
        [(1024, 1024)] * 4,
        [(3000, 100), (100, 3000)],
        [(640, 480), (480, 640), (64, 64)],
        [(1, 1), (1, 1)],
    ],
)
def test_a_collage_is_bounded_and_enlarges_nothing(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    made = collage_of(plain(tmp_path, sizes))
    assert made.width == made.height <= 1024
    areas = {color: count for count, color in made.getcolors(2**20)}
    assert all(areas.get(COLORS[n], 0) <= width * height for n, (width, height) in enumerate(sizes))
    if min(min(size) for size in sizes) > 50:
        assert reading_order(made) == list(range(len(sizes)))


def test_photos_in_a_collage_stand_upright(tmp_path: Path) -> None:
    exif = PILImage.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    picture(1).resize((300, 100)).save(tmp_path / "a.jpg", exif=exif)
    picture(2).resize((300, 300)).save(tmp_path / "b.jpg")
    assert collage_of([tmp_path / "a.jpg", tmp_path / "b.jpg"]).size == (412, 412)


@pytest.mark.parametrize(
    "users",
    [
        ["Compare <image> with <image>."],
        ["<image>\nThis, and <image>?"],
        ["<image>\nWhat is it?", "<image>"],
        ["<image><image>"],
    ],
)
def test_texts_that_would_have_a_hole_are_no_collage(tmp_path: Path, users: list[str]) -> None:
    run = save(tmp_path / "run", [with_images("pairs", "multi", 2, *users)])
    with pytest.raises(SynthError, match=r"'pairs-s7-000000': .*<image> within a text"):
        export_run(run, "llava", tmp_path / "out", options={"collage": True})
    assert not (tmp_path / "out").exists()
    export_run(run, "llava-next", tmp_path / "out")


def test_samples_that_share_pictures_have_collages_of_their_own(run: Path, tmp_path: Path) -> None:
    rows = {}

    def share(row: dict) -> None:
        rows[row["ability"]] = row
        if row["ability"] == "rows":
            row["images"] = [*rows["pairs"]["images"], *row["images"][2:]]

    rewrite(run, share)
    export_run(run, "llava", tmp_path / "out", options={"collage": True})
    first = "collages/pairs/0000/pairs-s7-000000"
    exported = load(tmp_path / "out", "llava")
    assert [exported[name]["image"] for name in ("pairs", "rows")] == [f"{first}.jpg", f"{first}-2.jpg"]


def test_damaged_pictures_are_named(run: Path, tmp_path: Path) -> None:
    second = list(read_dataset(run))[1].images[1].path
    whole = (run / second).read_bytes()
    (run / second).write_bytes(whole[:600] + whole[-2:])  # head and end are there, what is between is not
    with pytest.raises(SynthError, match=r"'pairs-s7-000000': .*-1\.jpg is not a readable picture"):
        export_run(run, "llava", tmp_path / "out", options={"collage": True})
    (run / second).unlink()
    with pytest.raises(SynthError, match=r"'pairs-s7-000000': .*-1\.jpg' does not exist"):
        export_run(run, "llava", tmp_path / "out", options={"collage": True})


def test_what_was_added_to_the_collages_is_not_replaced(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_run(run, "llava", out, options={"collage": True})
    export_run(run, "llava", out, options={"collage": True})
    (out / "collages" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(SynthError, match=r"something was added to it: .*collages/"):
        export_run(run, "llava", out, options={"collage": True})
    assert (out / "collages" / "mine.jpg").read_bytes() == b"mine"


def test_text_only_runs_are_refused_with_collages_too(tmp_path: Path) -> None:
    one = mixed()[1]
    one.state = "text_ok"
    run = save_run(tmp_path / "run", [one], {"pairs": 1}, renderer=None)
    with pytest.raises(SynthError, match="no pictures yet"):
        export_run(run, "llava", tmp_path / "out", options={"collage": True})


# -- options ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", SEVERAL)
def test_an_option_that_says_nothing_is_refused(run: Path, tmp_path: Path, format: str) -> None:
    with pytest.raises(SynthError, match=f"'{format}' has no option 'collage'") as caught:
        export_run(run, format, tmp_path / "out", options={"collage": True})
    assert "It has no options." in caught.value.fix
    assert not (tmp_path / "out").exists()


def test_options_are_those_that_an_exporter_declares(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exporter(export: Export, *, most: int = 3, note: str = "") -> Exported:
        (export.folder / "main.txt").write_text(f"{most + 1} {note}")
        return Exported("main.txt", usage="")

    install(monkeypatch, exporter)
    assert export_run(run, "mine", tmp_path / "out").read_text() == "4 "
    assert export_run(run, "mine", tmp_path / "out", options={"most": "5", "note": "x"}).read_text() == "6 x"
    with pytest.raises(SynthError, match=re.escape("The option 'most' of the export format 'mine' cannot be 'many'")):
        export_run(run, "mine", tmp_path / "out", options={"most": "many"})
    for name in ("export", "collage"):
        with pytest.raises(SynthError, match=f"no option '{name}'") as caught:
            export_run(run, "mine", tmp_path / "out", options={name: True})
        assert "It has: most, note." in caught.value.fix
