"""Runs whose samples have several pictures: whole or not at all, and only what failed is drawn again."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pictures

from synth import plugins
from synth.api import read_dataset, refilter_run, render_run
from synth.backends.render.base import AnyRenderer, RemoteRenderer, Rendered, Renderer, RenderRequest
from synth.backends.score.base import Score, Scorer, ScoreRequest
from synth.config import load_config
from synth.errors import BackendError, PictureRefused, SynthError
from synth.filtering import Result
from synth.ledger import Ledger
from synth.records import Candidate
from synth.run import generate as module
from synth.run.generate import Summary, generate, render
from tests.doubles import (
    Misbehaving,
    interleaved_template,
    multi_template,
    pictures,
    plugin_dir,
    rows,
    use,
)
from tests.small_runs import picture

FORMS = {"pair": 5, "steps": 5, "tiny": 3}
SMALL = {"renderer": "preview", "render_settings": {"width": 64, "height": 64}}


def several(folder: Path, **changes: Any) -> Path:
    """A multi, an interleaved and a single ability; `changes` are fields of the first two."""
    plugin_dir(folder, "pair", multi_template, **changes)
    plugin_dir(folder, "steps", interleaved_template, **changes)
    return plugin_dir(folder, filters=["length", "alignment", "picture"])


def run(
    out: Path, abilities: dict[str, int] | None = None, changes: dict[str, Any] | None = None, **more: Any
) -> Summary:
    """A scripted run of the small abilities."""
    settings = {"seed": 3, "llm": "scripted", "renderer": "none", "scorer": "none", "flow.stop_after": 500, **more}
    folder = several(out.parent / f"{out.name}-plugins", **(changes or {}))
    asked = abilities or FORMS
    return asyncio.run(
        generate(load_config(None, {"abilities": asked, "out": out, "plugin_dirs": [folder], **settings}))
    )


def candidates(folder: Path, *abilities: str) -> list[Candidate]:
    """Those whose fate is decided."""
    ledger = Ledger(folder, read_only=True)
    found = [one for ability in abilities or FORMS for one in ledger.candidates(ability)]
    return [one for one in found if one.state != "text_ok"]


def named(folder: Path) -> set[str]:
    """The picture files that the ledger's rows name."""
    return {image.path for one in candidates(folder) for image in one.images if image.path}


def shown(folder: Path) -> dict[str, str]:
    """Path -> hash of the pictures that the data set names."""
    found = pictures(folder)
    return {path: found[path] for row in rows(folder) for path in paths(row)}


def paths(row: dict[str, Any]) -> list[str]:
    return [image["path"] for image in row["images"]]


def text_of(folder: Path) -> bytes:
    return (folder / "dataset.jsonl").read_bytes()


def check_rows(folder: Path) -> None:
    for row in rows(folder):
        texts = [turn["text"] for turn in row["turns"]]
        assert sum(text.count("<image>") for text in texts) == len(row["images"])
        assert not any("<image>" in text or "《" in text for text in texts[1::2])
        if row["form"] == "interleaved":
            assert all(text.startswith("<image>\n") and text.count("<image>") == 1 for text in texts[::2])
        else:
            assert texts[0].startswith("<image>\n" * len(row["images"]))
            assert not any("<image>" in text for text in texts[1:])
        assert [turn["role"] for turn in row["turns"]] == ["user", "assistant"] * (len(texts) // 2)
        for number, image in enumerate(row["images"]):
            assert Path(image["path"]).stem == row["id"] + (f"-{number}" if number else "")
            assert (folder / image["path"]).is_file()


# -- whole runs -------------------------------------------------------------------------------


@pytest.mark.parametrize("dialogue", ["describe", "chat"])
def test_placeholders_pictures_and_plans_go_together(dialogue: str, tmp_path: Path) -> None:
    summary = run(tmp_path / "run", dialogue=dialogue, **SMALL)
    assert (summary.samples, summary.missing) == (13, {})
    check_rows(tmp_path / "run")
    assert set(pictures(tmp_path / "run")) == named(tmp_path / "run")
    for one in candidates(tmp_path / "run"):
        assert len(one.images) == (len(one.picture_plans) or 1)
        if one.ability == "pair":
            assert one.stage == 2
            assert len(one.images) == {"one place": 3, "two places": 2}[str(one.plan["relation"])]
            assert len({plan["object"].text for plan in one.picture_plans}) == len(one.images)
            assert (len({plan["where"].text for plan in one.picture_plans}) == 1) == (len(one.images) == 3)
            assert one.from_pool == (dialogue == "describe")
            for plan, image in zip(one.picture_plans, one.images, strict=True):
                assert plan["object"].text in image.keywords[0]
                assert image.keywords[-1] == one.plan["camera"].text
        if one.ability == "steps":
            assert len(one.images) == int(one.plan["task"].facts["steps"]) == len(one.turns) // 2
            assert "state" not in one.picture_plans[0]
            assert not one.from_pool
        assert len({image.seed for image in one.images}) == len(one.images)
    read = list(read_dataset(tmp_path / "run"))
    assert Counter(sample.form for sample in read) == {"multi": 5, "interleaved": 5, "single": 3}


def test_pictures_may_share_their_noise(tmp_path: Path) -> None:
    fields = {**multi_template()["pictures"], "same_noise": True}
    folder = plugin_dir(tmp_path / "plugins", "pair", multi_template, pictures=fields)
    settings = {"seed": 3, "llm": "scripted", "scorer": "none", "plugin_dirs": [folder], **SMALL}
    config = load_config(None, {"abilities": {"pair": 4}, "out": tmp_path / "run", **settings})
    asyncio.run(generate(config))
    assert all(len({image["seed"] for image in row["images"]}) == 1 for row in rows(tmp_path / "run"))


def test_the_data_set_does_not_depend_on_concurrency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for concurrency in (1, 64):
        use(monkeypatch, Misbehaving(concurrency=concurrency, delay=True))
        draw(monkeypatch, Album(blank_by_seed, batch_size=concurrency))
        folder = tmp_path / str(concurrency)
        run(folder, {"pair": 20, "steps": 20, "tiny": 10}, llm="double", renderer="album")
        assert any(image["attempts"] > 1 for row in rows(folder) for image in row["images"])
        made.append((text_of(folder), shown(folder)))
    assert made[0] == made[1]
    assert len(made[0][0].splitlines()) == 50


def test_rendering_later_gives_the_same_rows_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, Album(blank_by_seed))
    for name, renderer in (("now", "album"), ("later", "none")):
        run(tmp_path / name, renderer=renderer, render_settings={"width": 64, "height": 64})
    render_run(tmp_path / "later", renderer="album", scorer="none")
    assert text_of(tmp_path / "now") == text_of(tmp_path / "later")
    assert shown(tmp_path / "now") == shown(tmp_path / "later")


def breaks_after(calls: int) -> Misbehaving:
    left = iter(range(calls))
    return Misbehaving(lambda _: None if next(left, None) is not None else BackendError("gone"), delay=True)


def test_interrupted_and_resumed_runs_leave_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, Album(blank_by_seed, batch_size=1))
    use(monkeypatch, Misbehaving(delay=True))
    run(tmp_path / "whole", llm="double", renderer="album")
    for calls in (3, 9, 12, 15):
        use(monkeypatch, breaks_after(calls))
        with pytest.raises(BackendError, match="gone"):
            run(tmp_path / "broken", llm="double", renderer="album")
        assert set(pictures(tmp_path / "broken")) == named(tmp_path / "broken")
    use(monkeypatch, Misbehaving(delay=True))
    run(tmp_path / "broken", llm="double", renderer="album")
    assert text_of(tmp_path / "whole") == text_of(tmp_path / "broken")


def test_replies_with_too_many_pictures_or_turns_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behave(request: Any) -> str | None:
        if request.temperature > 0.9:  # the first attempt's is 0.7
            return None
        if request.step == "write" and "pictures" in request.schema["properties"]:
            return json.dumps({"common": "All.", "pictures": [["a", "b", "c"]] * 9})
        return "Once upon a time." if "pictures" in request.context else None

    use(monkeypatch, Misbehaving(behave))
    run(tmp_path / "run", {"pair": 3, "steps": 3}, llm="double", llm_settings={"temperature": 0.8}, dialogue="chat")
    for one in candidates(tmp_path / "run", "pair", "steps"):
        problems = [call.problem for call in one.calls]
        assert f"the reply has 9 pictures, not {len(one.images)}" in problems[0]
        assert problems[1] == problems[3] == ""
        wanted = "neither JSON nor a conversation" if one.ability == "steps" else "0 question-answer pairs"
        assert wanted in problems[2]


def test_a_reply_that_cannot_be_repaired_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swapped = {"turns": [{"user": "x", "assistant": "《a》"}] * 2}
    use(monkeypatch, Misbehaving(lambda one: json.dumps(swapped) if one.step == "converse" else None))
    run(tmp_path / "run", {"steps": 1}, llm="double", max_candidates=4)
    for one in candidates(tmp_path / "run", "steps"):
        assert (one.state, one.decided_by, len(one.calls)) == ("failed", "converse", 4)
        assert one.reason == "all the pictures are in the answers"


# -- pictures that fail -----------------------------------------------------------------------

#: what an album does with a request, told how often it was asked for the same prompt: None draws it
Spoil = Callable[[RenderRequest, int], Rendered | Exception | None]


class Album(Renderer):
    """Draws by seed alone, except where `spoil` says otherwise; keeps what it was asked for."""

    origin = "rendered"
    deterministic = True

    def __init__(self, spoil: Spoil = lambda request, times: None, batch_size: int = 4) -> None:
        self.spoil = spoil
        self.batch_size = batch_size
        self.requests: list[RenderRequest] = []
        self.asked: Counter[str] = Counter()

    @classmethod
    def create(cls, argument: str, settings: Any) -> Album:
        return cls()

    def identity(self) -> dict[str, Any]:
        return {"name": "album"}

    def made(self, request: RenderRequest) -> Rendered:
        self.requests.append(request)
        self.asked[request.prompt] += 1
        done = self.spoil(request, self.asked[request.prompt])
        if isinstance(done, Exception):
            raise done
        if done is not None:
            return done
        before = 0 if request.previous is None else sum(request.previous.tobytes()[:999])
        return Rendered(picture(request.seed + before, 64))

    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        return [self.made(request) for request in requests]


class FarAlbum(RemoteRenderer):
    """The same, drawn elsewhere: the later a picture of its sample, the sooner it comes."""

    origin = "rendered"

    def __init__(self, spoil: Spoil) -> None:
        self.album = Album(spoil)

    @classmethod
    def create(cls, argument: str, settings: Any) -> FarAlbum:
        raise AssertionError("a test makes it by hand")

    def identity(self) -> dict[str, Any]:
        return {"name": "far album"}

    async def draw(self, request: RenderRequest) -> Rendered:
        await asyncio.sleep(0.01 if "red fox" in request.prompt else 0)
        return self.album.made(request)


def draw(monkeypatch: pytest.MonkeyPatch, renderer: AnyRenderer) -> AnyRenderer:
    monkeypatch.setattr(module, "make_renderer", lambda spec, settings: renderer)
    return renderer


def blank(note: str = "") -> Rendered:
    return Rendered(Pictures.new("RGB", (64, 64), "gray"), note=note)


def blank_by_seed(request: RenderRequest, times: int) -> Rendered | None:
    return blank() if request.seed % 5 == 0 else None


def test_only_the_picture_that_failed_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album = Album(lambda request, times: blank() if "giraffe" in request.prompt and times == 1 else None)
    draw(monkeypatch, album)
    run(tmp_path / "run", {"pair": 6}, renderer="album")
    drawn_again = 0
    for one in candidates(tmp_path / "run", "pair"):
        judged = [verdict for verdict in one.verdicts if verdict.filter == "picture"]
        numbers = [n for n, image in enumerate(one.images) if "giraffe" in image.prompt]
        assert one.state in ("accepted", "surplus")
        for number, image in enumerate(one.images):
            seeds = [request.seed for request in album.requests if request.prompt == image.prompt]
            if number in numbers and len(seeds) > 1:
                drawn_again += 1
                assert len(seeds) == 2 == len(set(seeds)), "drawn again, with another seed"
                assert image.seed == seeds[-1]
                assert image.attempts == 2
                assert [(v.outcome, v.attempt, v.picture) for v in judged] == [("fail", 0, number), ("pass", 1, None)]
                assert judged[0].reason == "the picture is blank"
            else:
                assert image.attempts == 1
                assert len(set(seeds)) == 1
    assert drawn_again
    assert {(request.previous, request.strength) for request in album.requests} == {(None, 0.0)}
    check_rows(tmp_path / "run")
    row = next(row for row in rows(tmp_path / "run") if any(image["attempts"] > 1 for image in row["images"]))
    assert row["scores"]["picture.image"] > 4, "the blank one's is no longer there"


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_a_picture_that_fails_too_often_costs_the_sample(
    attempts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = Album(lambda request, times: blank("odd") if "giraffe" in request.prompt else None)
    draw(monkeypatch, album)
    run(tmp_path / "run", {"pair": 4}, renderer="album", **{"flow.picture_attempts": attempts})
    rejected = [one for one in candidates(tmp_path / "run", "pair") if one.state == "rejected"]
    assert rejected
    for one in rejected:
        number = next(n for n, image in enumerate(one.images) if "giraffe" in image.prompt)
        assert (one.decided_by, one.reason) == ("picture", "the picture is blank")
        failed = [verdict for verdict in one.verdicts if verdict.outcome == "fail"]
        assert [(v.attempt, v.picture) for v in failed] == [(attempt, number) for attempt in range(attempts)]
        assert all((tmp_path / "run" / str(image.path)).is_file() for image in one.images), "kept for inspection"
        assert (one.images[number].attempts, one.images[number].note) == (attempts, "odd")
    most = Counter(request.seed for request in album.requests)
    assert max(most.values()) == 1, "no seed twice"
    assert max(album.asked.values()) == attempts
    assert not any("giraffe" in image["prompt"] for row in rows(tmp_path / "run") for image in row["images"])


def test_the_picture_of_a_single_sample_is_never_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album = Album(lambda request, times: blank() if "giraffe" in request.prompt else None)
    draw(monkeypatch, album)
    run(tmp_path / "run", {"tiny": 8}, renderer="album")
    rejected = [one for one in candidates(tmp_path / "run", "tiny") if one.state == "rejected"]
    assert rejected
    assert {len([v for v in one.verdicts if v.filter == "picture"]) for one in rejected} == {1}
    assert {verdict.picture for one in rejected for verdict in one.verdicts if verdict.outcome == "fail"} == {0}
    seeds = [request.seed for request in album.requests]
    assert len(seeds) == len(set(seeds))
    assert all(one.images[0].seed == one.seed for one in rejected)


def test_each_picture_that_fails_has_its_own_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album = Album(lambda request, times: blank() if times == 1 else None)
    draw(monkeypatch, album)
    run(tmp_path / "run", {"steps": 3}, renderer="album", **{"flow.picture_attempts": 2})
    found = candidates(tmp_path / "run", "steps")
    for one in found:
        assert one.state in ("accepted", "surplus")
        assert {image.attempts for image in one.images} == {2}
        judged = [verdict for verdict in one.verdicts if verdict.filter == "picture"]
        assert [(v.attempt, v.picture) for v in judged] == [
            *((n, n) for n in range(len(one.images))),
            (len(one.images), None),
        ]
    assert max(len(one.images) for one in found) > 2


@pytest.mark.parametrize("far", [False, True])
def test_a_picture_that_cannot_be_drawn_fails_the_sample_and_leaves_no_file(
    far: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(request: RenderRequest, times: int) -> Exception | None:
        trouble = PictureRefused("not this one") if far else RuntimeError("not this one")
        return trouble if any(one in request.prompt for one in ("giraffe", "red fox")) else None

    draw(monkeypatch, FarAlbum(refuses) if far else Album(refuses))
    run(tmp_path / "run", {"pair": 6}, renderer="album")
    failed = [one for one in candidates(tmp_path / "run", "pair") if one.state == "failed"]
    assert failed
    for one in failed:
        first = next(
            n for n, image in enumerate(one.images, 1) if "giraffe" in image.prompt or "red fox" in image.prompt
        )
        assert one.decided_by == "render"
        assert one.reason == f"picture {first}: " + ("" if far else "RuntimeError: ") + "not this one"
        assert all(image.path is None for image in one.images)
    assert set(pictures(tmp_path / "run")) == named(tmp_path / "run")
    assert any(sum("giraffe" in i.prompt or "red fox" in i.prompt for i in one.images) == 2 for one in failed)


def test_what_the_renderer_discarded_itself_counts_as_an_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(request: RenderRequest, times: int) -> Rendered | None:
        if "giraffe" not in request.prompt:
            return None
        return replace(blank() if times == 1 else Rendered(picture(request.seed, 64)), attempts=3)

    draw(monkeypatch, Album(spoil))
    run(tmp_path / "run", {"pair": 6}, renderer="album")
    counted = {
        "giraffe" in image["prompt"]: image["attempts"] for row in rows(tmp_path / "run") for image in row["images"]
    }
    assert counted == {True: 6, False: 1}


def test_all_drawings_count_also_of_what_is_drawn_again_for_the_picture_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(request: RenderRequest, times: int) -> Rendered | None:
        if request.previous is None:
            return blank() if times == 1 else None
        return Rendered(picture(request.seed, 64), attempts=3 if times == 1 else 1)

    chained(tmp_path, monkeypatch, spoil)
    several = [row["images"] for row in rows(tmp_path / "run") if row["form"] != "single"]
    assert several
    for first, *behind in several:
        assert (first["attempts"], {image["attempts"] for image in behind}) == (2, {4})


def test_a_picture_that_cannot_be_drawn_again_fails_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(request: RenderRequest, times: int) -> Rendered | Exception | None:
        if "giraffe" not in request.prompt:
            return None
        return blank() if times == 1 else RuntimeError("once and never again")

    draw(monkeypatch, Album(spoil))
    run(tmp_path / "run", {"pair": 4}, renderer="album")
    failed = [one for one in candidates(tmp_path / "run", "pair") if one.state == "failed"]
    assert failed
    assert all("once and never again" in one.reason and one.decided_by == "render" for one in failed)
    assert set(pictures(tmp_path / "run")) == named(tmp_path / "run")


def test_a_filter_that_names_a_picture_that_is_not_there_is_a_bug_of_the_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(monkeypatch, Album())
    monkeypatch.setattr(plugins.load("synth.filters", "picture"), "check", lambda *_: Result("fail", "x", picture=4))
    with pytest.raises(BackendError, match=r"The filter 'picture' failed on .*picture 4 of [23], counted from 0"):
        run(tmp_path / "run", {"pair": 2}, renderer="album")


# -- pictures that are gone -------------------------------------------------------------------


@pytest.mark.parametrize("far", [False, True])
def test_pictures_that_are_gone_are_drawn_again_with_the_seed_that_made_them(
    far: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = FarAlbum(lambda r, t: blank() if r.seed % 3 == 0 else None) if far else Album(blank_by_seed)
    draw(monkeypatch, renderer)
    run(tmp_path / "run", renderer="album")
    before, text = shown(tmp_path / "run"), text_of(tmp_path / "run")
    row = next(row for row in rows(tmp_path / "run") if len(row["images"]) > 2)
    again = next(image for row in rows(tmp_path / "run") for image in row["images"] if image["attempts"] > 1)
    gone = {row["images"][0]["path"], row["images"][2]["path"], again["path"]}
    for path in gone:
        (tmp_path / "run" / path).unlink()
    assert run(tmp_path / "run", renderer="album").restored == len(gone)
    assert (shown(tmp_path / "run"), text_of(tmp_path / "run")) == (before, text)


# -- pictures that begin from the one before --------------------------------------------------


def chained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil = lambda r, t: None, image_format: str = "jpeg"
) -> Album:
    album = Album(spoil)
    draw(monkeypatch, album)
    monkeypatch.setattr(module, "refuse_unused", lambda *_: None)
    run(tmp_path / "run", {"steps": 4, "tiny": 2}, **chaining(image_format))
    return album


def chaining(image_format: str = "jpeg") -> dict[str, Any]:
    return {"renderer": "album", "render_settings": {"image_to_image": 0.6, "image_format": image_format}}


def blank_behind_another(request: RenderRequest, times: int) -> Rendered | None:
    """Spoils what begins from a picture, for the seeds of its first drawing mostly."""
    return blank() if request.previous is not None and request.seed % 2 else None


def test_each_picture_begins_from_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album = chained(tmp_path, monkeypatch)
    asked = {request.seed: request for request in album.requests}
    for row in rows(tmp_path / "run"):
        requests = [asked[image["seed"]] for image in row["images"]]
        assert (requests[0].previous, requests[0].strength) == (None, 0.0)
        for request, before in zip(requests[1:], row["images"], strict=False):
            assert request.strength == 0.6
            assert request.previous is not None
            with Pictures.open(tmp_path / "run" / before["path"]) as stored:
                assert request.previous.tobytes() == stored.convert("RGB").tobytes()


def test_what_began_from_a_picture_that_is_drawn_again_begins_from_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = chained(tmp_path, monkeypatch, lambda r, t: blank() if r.previous is None and t == 1 else None)
    for row in rows(tmp_path / "run"):
        if row["form"] == "single":
            continue
        first, *behind = [[r for r in album.requests if r.prompt == one["prompt"]] for one in row["images"]]
        assert len({request.seed for request in first}) == 2, "another seed for the one that failed"
        assert first[-1].seed == row["images"][0]["seed"]
        for requests, image, before in zip(behind, row["images"][1:], row["images"], strict=False):
            assert {request.seed for request in requests} == {image["seed"]}, "their own seeds for the others"
            assert image["attempts"] == len(requests) == 2
            with Pictures.open(tmp_path / "run" / before["path"]) as stored:
                assert requests[-1].previous is not None
                assert requests[-1].previous.tobytes() == stored.convert("RGB").tobytes()


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("spoil", [lambda request, times: None, blank_behind_another], ids=["whole", "drawn-again"])
def test_a_picture_that_is_gone_begins_from_the_stored_one_before(
    image_format: str, spoil: Spoil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chained(tmp_path, monkeypatch, spoil, image_format)
    before, text = shown(tmp_path / "run"), text_of(tmp_path / "run")
    row = next(row for row in rows(tmp_path / "run") if len(row["images"]) == 4)
    for number in (0, 2, 3):
        (tmp_path / "run" / row["images"][number]["path"]).unlink()
    again = Album(spoil)
    draw(monkeypatch, again)
    assert run(tmp_path / "run", {"steps": 4, "tiny": 2}, **chaining(image_format)).restored == 3
    seeds = [image["seed"] for image in row["images"]]
    asked = [request for request in again.requests if request.seed in seeds]
    assert [seeds.index(request.seed) for request in asked] == [0, 2, 3]
    assert [request.previous is None for request in asked] == [True, False, False]
    assert (shown(tmp_path / "run"), text_of(tmp_path / "run")) == (before, text)


def test_few_samples_are_half_drawn_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order of arrival all candidates in flight would advance together, each holding its pictures."""

    def slowly(request: RenderRequest, times: int) -> None:
        time.sleep(0.01)

    album = Album(slowly, batch_size=1)
    draw(monkeypatch, album)
    monkeypatch.setattr(module, "refuse_unused", lambda *_: None)
    run(tmp_path / "run", {"steps": 16}, **chaining())
    samples = candidates(tmp_path / "run", "steps")
    sample_of = {image.seed: one.index for one in samples for image in one.images}
    left = Counter(sample_of[image.seed] for one in samples for image in one.images)
    whole, most, begun = Counter(left), 0, set[int]()
    for request in album.requests:
        index = sample_of.get(request.seed)
        if index is None:  # it was in flight when enough were accepted
            continue
        left[index] -= 1
        begun = {one for one in begun | {index} if 0 < left[one] < whole[one]}
        most = max(most, len(begun))
    assert sum(whole.values()) >= 32
    assert most <= 10  # 2 to 4 on a quiet machine; 22 in order of arrival


def test_a_run_that_was_set_up_with_it_can_be_drawn_without(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out, {"steps": 1}, render_settings={"image_to_image": 0.5})
    with pytest.raises(SynthError, match="says nothing to --renderer preview") as error:
        asyncio.run(render(out, "preview", "none", {}))
    assert "--set render_settings.image_to_image=null" in error.value.fix
    assert asyncio.run(render(out, "preview", "none", {"image_to_image": None, "width": 64, "height": 64})).samples == 1


def test_runs_of_single_pictures_have_none_to_begin_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, Album())
    monkeypatch.setattr(module, "refuse_unused", lambda *_: None)
    with pytest.raises(SynthError, match="none of these abilities has several pictures"):
        run(tmp_path / "run", {"tiny": 2}, **chaining())
    assert not (tmp_path / "run").exists()


# -- scores -----------------------------------------------------------------------------------


class Judge(Scorer):
    """Own prompt 0.5, siblings 0.2; pictures of a `twin` match their siblings nearly as well."""

    threshold = 0.1
    batch_size = 4

    def __init__(self, twin: str = "", low: str = "", gap: float = 0.05) -> None:
        self.twin, self.low, self.gap = twin, low, gap
        self.requests: list[ScoreRequest] = []

    @classmethod
    def create(cls, argument: str, settings: Any) -> Judge:
        return cls()

    def identity(self) -> dict[str, Any]:
        return {"name": "judge"}

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        self.requests += requests
        return [self._score(one) for one in requests]

    def _score(self, request: ScoreRequest) -> Score:
        own = 0.05 if self.low and self.low in request.keywords[0] else 0.5
        other = own - self.gap if self.twin and self.twin in request.keywords[0] else own - 0.3
        return Score(own, 0.4, None, tuple(other - 0.01 * n for n in range(len(request.siblings))))


def judged(monkeypatch: pytest.MonkeyPatch, judge: Judge) -> dict[str, Any]:
    draw(monkeypatch, Album())
    monkeypatch.setattr(module, "make_scorer", lambda spec, settings: judge)
    return {"renderer": "album", "scorer": "coverage"}


def test_each_picture_has_its_scores_and_the_sample_the_lowest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(twin="giraffe")
    run(tmp_path / "run", **judged(monkeypatch, judge))
    for row in rows(tmp_path / "run"):
        scores, many = row["scores"], len(row["images"])
        assert scores["prompt"] == 0.5
        if many == 1:
            assert not {"margin", "prompt.1", "margin.1"} & set(scores)
            continue
        assert [scores[f"prompt.{n + 1}"] for n in range(many)] == [0.5] * many
        margins = [0.05 if "giraffe" in image["keywords"][0] else 0.3 for image in row["images"]]
        assert [scores[f"margin.{n + 1}"] for n in range(many)] == margins
        assert scores["margin"] == min(margins)
    for one in candidates(tmp_path / "run", "pair"):
        asked = [request for request in judge.requests if request.dialogue == " ".join(one.answers)]
        keywords = [tuple(image.keywords) for image in one.images]
        assert [(request.keywords, request.siblings) for request in asked][: len(keywords)] == [
            (own, tuple(other for other in keywords if other != own)) for own in keywords
        ]


def test_the_picture_that_matches_its_prompt_least_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run", {"pair": 4}, **judged(monkeypatch, Judge(low="giraffe")))
    rejected = [one for one in candidates(tmp_path / "run", "pair") if one.state == "rejected"]
    assert rejected
    for one in rejected:
        number = next(n for n, image in enumerate(one.images) if "giraffe" in image.prompt)
        failed = [verdict for verdict in one.verdicts if verdict.outcome == "fail"]
        assert {(v.filter, v.picture, v.score) for v in failed} == {("alignment", number, 0.05)}
        assert len(failed) == 3
        assert one.scores["prompt"] == one.scores[f"prompt.{number + 1}"] == 0.05


MARGIN = ["length", "restrictions", {"alignment": {"margin": 0.1}}, "picture"]


def test_pictures_that_match_a_siblings_prompt_as_well_fail_the_margin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run", {"pair": 4}, {"filters": MARGIN}, **judged(monkeypatch, Judge(twin="giraffe")))
    rejected = [one for one in candidates(tmp_path / "run", "pair") if one.state == "rejected"]
    assert rejected
    for one in rejected:
        number = next(n for n, image in enumerate(one.images) if "giraffe" in image.prompt)
        assert one.reason == "a picture matches a sibling's prompt too well: its lead is not above 0.1"
        assert {(v.picture, v.score) for v in one.verdicts if v.outcome == "fail"} == {(number, 0.05)}


def test_the_margin_can_be_decided_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    run(folder, {"pair": 4}, **judged(monkeypatch, Judge(twin="giraffe")))
    text = text_of(folder)
    refilter_run(folder, {"alignment": {"margin": 0.1}})
    for one in candidates(folder, "pair"):
        twins = [n for n, image in enumerate(one.images) if "giraffe" in image.prompt]
        assert (one.state == "rejected") == bool(twins)
        if twins:
            [verdict] = one.decisions[-1].verdicts
            assert (verdict.filter, verdict.outcome, verdict.picture) == ("alignment", "fail", twins[0])
    assert len(rows(folder)) < 4
    refilter_run(folder, {})
    assert text_of(folder) == text


def test_what_counts_after_a_second_drawing_is_the_last_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    settings = judged(monkeypatch, Judge())
    draw(monkeypatch, Album(lambda request, times: blank() if "giraffe" in request.prompt and times == 1 else None))
    run(folder, {"pair": 4}, **settings)
    text = text_of(folder)
    refilter_run(folder, {"picture": {"min_deviation": 3.9}})  # the blank ones have a deviation of 0
    assert [row["id"] for row in rows(folder)] == [json.loads(row)["id"] for row in text.decode().splitlines()]
    assert all(one.state in ("accepted", "surplus") for one in candidates(folder, "pair"))


def test_a_scorer_that_says_nothing_of_siblings_gives_no_margin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = judged(monkeypatch, Judge())
    monkeypatch.setattr(Judge, "_score", lambda self, request: Score(0.5, 0.4))
    run(tmp_path / "run", {"pair": 3}, {"filters": MARGIN}, **settings)
    for row in rows(tmp_path / "run"):
        assert "margin" not in row["scores"] and "prompt.2" in row["scores"]
