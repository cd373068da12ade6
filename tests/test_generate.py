"""Whole runs, with models that behave and models that do not."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from synth import api, files, plugins
from synth.api import export_run, read_dataset, render_run
from synth.backends.llm.base import ChatRequest
from synth.backends.render.base import Rendered, Renderer, RenderRequest
from synth.backends.score.base import Score, Scorer, ScoreRequest
from synth.catalog import Catalog
from synth.errors import BackendError, ReplyError, RunRefused, RunStopped, SynthError
from synth.flow.backends import Backends
from synth.ledger import Ledger
from synth.records import IMAGE_PLACEHOLDER, Candidate
from synth.run import generate as module
from synth.run.folder import RunFolder
from synth.run.look import status
from tests.doubles import Misbehaving, pictures, plugin_dir, rows, run, use

SMALL = {"renderer": "preview", "render_settings": {"width": 64, "height": 64}}


def candidates(folder: Path, ability: str = "animal") -> list[Candidate]:
    return list(Ledger(folder, read_only=True).candidates(ability))


def shown(folder: Path) -> dict[str, str]:
    """Path -> hash of the pictures that the data set names."""
    named = {image["path"] for row in rows(folder) for image in row["images"]}
    found = {path: digest for path, digest in pictures(folder).items() if path in named}
    assert set(found) == named
    return found


def text_of(folder: Path) -> bytes:
    return (folder / "dataset.jsonl").read_bytes()


def strict(folder: Path) -> dict[str, Any]:
    """An ability whose repetition filter drops a good part, and what depends on the order of candidates."""
    filters = ["length", {"repetition": {"subject_grace": 2, "max_subject_share": 0.17, "threshold": 0.4}}]
    plugins_ = plugin_dir(folder / "strict", filters=filters)
    return {"ability": "tiny", "plugin_dirs": [plugins_], "max_candidates": 400, "flow.stop_after": 400}


# -- determinism ------------------------------------------------------------------------------


@pytest.mark.parametrize("dialogue", ["describe", "chat"])
def test_the_data_set_does_not_depend_on_concurrency(
    dialogue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for concurrency in (1, 3, 64):
        llm = use(monkeypatch, Misbehaving(concurrency=concurrency, delay=True))
        folder = tmp_path / str(concurrency)
        run(folder, 15, **strict(tmp_path), llm="double", dialogue=dialogue)
        assert llm.most_running <= concurrency  # type: ignore[attr-defined]
        made.append(text_of(folder))
    assert made[0] == made[1] == made[2]
    assert len(made[0].splitlines()) == 15
    assert ("tiny", "rejected", "repetition") in {end[:3] for end in Ledger(folder, True).funnel()}


def test_the_summary_knows_what_would_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path / "same", 2, **SMALL).varying == []
    use(monkeypatch, Misbehaving())
    assert run(tmp_path / "other", 2, llm="double", **SMALL).varying == ["replies"]


def test_concurrency_of_the_scripted_model_changes_nothing(tmp_path: Path) -> None:
    for concurrency in (1, 64):
        run(tmp_path / str(concurrency), 60, "color", **{"llm_settings.concurrency": concurrency})
    assert text_of(tmp_path / "1") == text_of(tmp_path / "64")


def breaks_after(calls: int) -> Misbehaving:
    left = iter(range(calls))
    return Misbehaving(lambda _: None if next(left, None) is not None else BackendError("gone"), delay=True)


@pytest.mark.parametrize("dialogue", ["describe", "chat"])
def test_interrupted_and_resumed_runs_leave_the_same_bytes(
    dialogue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Misbehaving(delay=True))
    settings = {**strict(tmp_path), "llm": "double", "dialogue": dialogue}
    run(tmp_path / "whole", 20, **settings)
    committed: dict[int, Candidate] = {}
    for calls in (1, 10, 15, 20):
        use(monkeypatch, breaks_after(calls))
        with pytest.raises(BackendError, match="gone"):
            run(tmp_path / "broken", 20, **settings)
        now = {one.index: one for one in candidates(tmp_path / "broken", "tiny")}
        assert {index: now[index] for index in committed} == committed
        committed = now
    assert committed
    use(monkeypatch, Misbehaving(delay=True))
    run(tmp_path / "broken", 20, **settings)
    assert text_of(tmp_path / "broken") == text_of(tmp_path / "whole")


def test_interrupted_runs_with_pictures_leave_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving())
    run(tmp_path / "whole", 12, llm="double", **SMALL)
    use(monkeypatch, breaks_after(20))
    with pytest.raises(BackendError):
        run(tmp_path / "broken", 12, llm="double", **SMALL)
    use(monkeypatch, Misbehaving())
    run(tmp_path / "broken", 12, llm="double", **SMALL)
    assert text_of(tmp_path / "broken") == text_of(tmp_path / "whole")
    for row in rows(tmp_path / "whole"):
        path = row["images"][0]["path"]
        assert (tmp_path / "broken" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()


def test_a_larger_n_goes_on_and_keeps_the_first_rows(tmp_path: Path) -> None:
    run(tmp_path / "a", 5, **SMALL)
    first = rows(tmp_path / "a")
    run(tmp_path / "a", 9, **SMALL)
    assert rows(tmp_path / "a")[:5] == first
    run(tmp_path / "b", 9, **SMALL)
    assert text_of(tmp_path / "a") == text_of(tmp_path / "b")
    run(tmp_path / "a", 5, **SMALL)
    assert rows(tmp_path / "a") == first


def test_several_abilities_each_get_their_n(tmp_path: Path) -> None:
    summary = run(tmp_path, 1, abilities={"animal": 4, "color": 6, "food": 2})
    assert summary.samples == 12
    assert [row["ability"] for row in rows(tmp_path)] == ["animal"] * 4 + ["color"] * 6 + ["food"] * 2


@pytest.mark.parametrize("dialogue", ["describe", "chat"])
def test_every_built_in_ability_yields_samples(dialogue: str, tmp_path: Path) -> None:
    names = Catalog().names()
    summary = run(tmp_path, 1, abilities=dict.fromkeys(names, 6), dialogue=dialogue, max_candidates=15)
    assert summary.samples == 6 * len(names)


# -- rows -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["describe", "chat"])
def with_pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(folder, 6, dialogue=request.param, **{**SMALL, "scorer": "auto"})
    return folder


def test_every_row_is_valid_and_its_placeholders_are_its_images(with_pictures: Path) -> None:
    samples = list(read_dataset(with_pictures))
    assert len(samples) == 6
    for sample in samples:
        text = "".join(turn.text for turn in sample.turns)
        assert text.count(IMAGE_PLACEHOLDER) == len(sample.images) == 1
        assert sample.turns[0].text.startswith(f"{IMAGE_PLACEHOLDER}\n")
        assert [turn.role for turn in sample.turns] == ["user", "assistant"] * (len(sample.turns) // 2)
        assert (sample.stage, len(sample.turns) in ((2,) if sample.stage == 1 else (4, 6, 8))) == (
            sample.stage,
            True,
        )
        for image in sample.images:
            assert (with_pictures / str(image.path)).is_file()
            assert (image.width, image.height, image.origin) == (64, 64, "preview")


def test_every_row_carries_its_provenance(with_pictures: Path) -> None:
    for sample in read_dataset(with_pictures):
        found = sample.provenance
        assert (found["synthetic"], found["preview"], found["scripted"]) == (True, True, True)
        assert found["template"]["version"] >= 1
        assert found["template"]["template"]
        assert found["template"]["banks"]
        assert found["llm"]["name"] == "scripted"
        assert found["renderer"]["name"] == "preview"
        assert found["licence"]
        assert found["examples"]
        assert found["plan"]["subject"]
        assert found["seed"] == sample.images[0].seed
        assert isinstance(found["not_run"], list)
        assert sample.scores["repetition.prompt"] is not None


def test_rows_hold_no_machine_paths_and_no_times(with_pictures: Path) -> None:
    text = (with_pictures / "dataset.jsonl").read_text()
    for word in (str(with_pictures), str(Path.home()), os.uname().nodename, '"seconds"'):
        assert word not in text
    assert not re.search(r"20\d\d-\d\d-\d\dT", text)


def test_accepted_candidates_beyond_n_are_surplus(tmp_path: Path) -> None:
    run(tmp_path, 6, **SMALL)
    run(tmp_path, 3, **SMALL)
    states = [one.state for one in candidates(tmp_path)]
    assert states.count("accepted") == 3
    assert states.count("surplus") >= 3
    cutoff = [index for index, state in enumerate(states) if state == "accepted"][-1]
    assert set(states[cutoff + 1 :]) <= {"surplus", "rejected", "failed", "text_ok"}
    assert [row["id"] for row in rows(tmp_path)] == [one.id for one in candidates(tmp_path) if one.state == "accepted"]


# -- misbehaving models -----------------------------------------------------------------------


def by_index(behaviours: dict[int, Any], step: str) -> Misbehaving:
    """Misbehaves for some candidates at one step, told apart by their planned seeds."""
    from synth.seeding import derive_seed

    seeds: dict[int, Any] = {}
    for index, what in behaviours.items():
        for attempt in range(3):
            seed = derive_seed(derive_seed(3, "animal", index), step, attempt)
            seeds[seed] = what[attempt] if isinstance(what, list) else what
    return Misbehaving(lambda request: seeds.get(request.seed))


LONG = json.dumps({"keywords": ["x" * 95] + [f"word {n}" for n in range(4)]})


def test_each_bad_reply_costs_its_candidate_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(
        monkeypatch,
        by_index(
            {
                0: ReplyError("the reply was cut off by the token limit"),
                1: "garbage, really",
                2: LONG,
                3: ["nonsense", ReplyError("x"), None],  # the third attempt is good
                4: '{"keywords": []}',
                5: "",
                6: [LONG, LONG, "nonsense"],
            },
            "write",
        ),
    )
    run(tmp_path, 12, llm="double")
    found = {one.index: one for one in candidates(tmp_path)}
    ends = {index: (found[index].state, found[index].decided_by) for index in range(7)}
    assert ends == {
        0: ("failed", "write"),
        1: ("failed", "write"),
        2: ("rejected", "length"),
        3: ("text_ok", ""),
        4: ("failed", "write"),
        5: ("failed", "write"),
        6: ("failed", "write"),
    }
    assert "token limit" in found[0].reason
    assert "95 characters" in found[2].reason
    assert [sum(call.step == "write" for call in found[index].calls) for index in range(7)] == [3] * 7
    assert [call.problem != "" for call in found[3].calls] == [True, True, False, False]
    assert len(rows(tmp_path)) == 12


def test_a_reply_that_the_schema_cut_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(request: ChatRequest) -> str | None:
        if request.step == "converse" and request.temperature < 0.8:
            return (
                json.dumps({"answer": "word " * 200})[: request.schema["properties"]["answer"]["maxLength"] + 12] + '"}'
            )
        return None

    use(monkeypatch, Misbehaving(behave))
    run(tmp_path / "run", 3, "tiny", llm="double", plugin_dirs=[plugin_dir(tmp_path / "p")])
    for one in candidates(tmp_path / "run", "tiny"):
        problems = [call.problem for call in one.calls if call.step == "converse"]
        assert problems == ["'answer' was cut off at 400 characters", ""]


def test_attempts_differ_in_seed_and_get_warmer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = Misbehaving(lambda request: "nonsense" if request.step == "write" else None)
    use(monkeypatch, llm)
    run(tmp_path, 1, llm="double", max_candidates=1, **{"llm_settings.temperature": 0.7, "flow.attempts": 4})
    assert len({request.seed for request in llm.requests}) == 4
    warmth = [request.temperature for request in llm.requests]
    assert warmth == sorted(warmth)
    assert warmth[3] > warmth[0]


def test_nothing_vanishes_and_every_rejection_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(request: ChatRequest) -> str | Exception | None:
        kind = request.seed % 5
        if kind == 0:
            return ReplyError("no JSON")
        if kind == 1:
            return LONG if request.step == "write" else '{"answer": "no."}'
        return None

    use(monkeypatch, Misbehaving(behave, delay=True))
    folder = plugin_dir(
        tmp_path / "plugins",
        filters=["length", {"repetition": {"subject_grace": 2, "max_subject_share": 0.15}}],
    )
    summary = run(tmp_path / "run", 40, "tiny", llm="double", plugin_dirs=[folder], max_candidates=120,
                  **{"flow.attempts": 1})  # fmt: skip
    found = candidates(tmp_path / "run", "tiny")
    assert [one.index for one in found] == list(range(len(found)))
    ends = Counter((one.state, one.decided_by) for one in found)
    assert {("rejected", "length"), ("rejected", "repetition"), ("failed", "write")} <= set(ends)
    for one in found:
        assert one.state in ("text_ok", "rejected", "failed")
        if one.state != "text_ok":
            assert one.decided_by
            assert one.reason
        if one.state == "rejected":
            [last] = [v for v in one.verdicts if v.outcome == "fail"]
            assert (last.filter, last.reason) == (one.decided_by, one.reason)
    kept = [one.id for one in found if one.state == "text_ok"]
    assert [row["id"] for row in rows(tmp_path / "run")] == kept[:40]
    assert summary.samples == min(40, len(kept))


def test_lone_surrogates_and_placeholders_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def behave(request: ChatRequest) -> str | None:
        if request.step == "write":
            return None
        shown = ", ".join(str(entry) for entry in request.plan.values())
        raw = f"The picture \\ud83d <image> shows {shown} number {request.seed}."
        return f'{{"answer": "{raw}"}}' if request.seed % 2 else f"{raw[:12]}\ud83d{raw[18:]}"

    use(monkeypatch, Misbehaving(behave))
    run(tmp_path / "run", 4, "tiny", llm="double", plugin_dirs=[plugin_dir(tmp_path / "p")])
    for row in rows(tmp_path / "run"):
        text = "".join(turn["text"] for turn in row["turns"])
        assert text.count(IMAGE_PLACEHOLDER) == 1
        assert "?" in row["turns"][1]["text"]
        text.encode()


def test_text_of_a_model_is_never_a_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What candidate 0 wrote is an example of later rounds; there, too, it is only text."""
    evil = "{{ 7*7 }} {% raw %}"

    def behave(request: ChatRequest) -> str:
        words = [str(entry) for entry in request.plan.values()]
        if request.step == "write":
            return json.dumps({"normal": f"A {words[0]} {evil}", "keywords": [*words[:2], "a7 7b", f"n{request.seed}"]})
        return json.dumps({"answer": f"The {words[0]} is here {evil} {request.seed}."})

    llm = Misbehaving(behave)
    use(monkeypatch, llm)
    run(tmp_path / "run", 30, "tiny", llm="double", plugin_dirs=[plugin_dir(tmp_path / "p")])
    assert all(evil in row["turns"][1]["text"] for row in rows(tmp_path / "run"))
    shared = {request.shared.json for request in llm.requests}
    assert any(evil in text for text in shared)
    assert not any("49 " in text.replace(evil, "") for text in shared)


# -- stops ------------------------------------------------------------------------------------


def test_a_hopeless_run_stops_early_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving(lambda _: ReplyError("no JSON at all")))
    with pytest.raises(RunStopped) as error:
        run(tmp_path, 100, llm="double")
    assert "Of the first 24 candidates of 'animal' that this start made, 24 ended as 'failed: write'" in (
        error.value.message
    )
    assert "no JSON at all" in error.value.message
    assert "flow.stop_after" in error.value.message and "--set flow.stop_after" in error.value.fix
    assert error.value.exit_code == 3
    assert rows(tmp_path) == []
    assert len(candidates(tmp_path)) < 80


def test_an_early_stop_is_no_dead_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving(lambda _: ReplyError("no JSON at all")))
    made = [0]
    for _ in range(2):  # still broken: a few more candidates, then it stops again
        with pytest.raises(RunStopped):
            run(tmp_path, 30, llm="double")
        made.append(len(candidates(tmp_path)))
    assert made[0] < made[1] < made[2]
    use(monkeypatch, Misbehaving())
    assert run(tmp_path, 30, llm="double").samples == 30


def test_a_run_that_works_now_and_then_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving(lambda request: ReplyError("x") if request.seed % 3 else None))
    assert run(tmp_path, 20, llm="double", max_candidates=400).samples == 20


def test_max_candidates_leaves_some_missing(tmp_path: Path) -> None:
    summary = run(tmp_path, 9, max_candidates=4)
    assert (summary.samples, summary.missing) == (4, {"animal": 5})
    assert run(tmp_path, 9).missing == {}


def test_a_spent_budget_stops_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    prices = {"llm_settings.price_in": 1.0, "llm_settings.price_out": 1.0, "llm_settings.concurrency": 1}
    with pytest.raises(RunStopped, match=r"--max-cost 0\.01 is used up"):
        run(tmp_path, 50, max_cost=0.01, **prices)
    first = rows(tmp_path)
    assert 0 < len(first) < 50
    run(tmp_path, len(first) + 2, **prices)
    assert rows(tmp_path)[: len(first)] == first


# -- plugins that break -----------------------------------------------------------------------


def test_a_filter_that_raises_stops_the_run_by_name_and_it_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    length = plugins.load("synth.filters", "length")
    check = length.check

    def breaks(self: Any, candidate: Candidate, *rest: Any) -> Any:
        if candidate.index == 9:
            raise ZeroDivisionError("division by zero")
        return check(self, candidate, *rest)

    monkeypatch.setattr(length, "check", breaks)
    with pytest.raises(SynthError) as error:
        run(tmp_path / "a", 20, **{"llm_settings.concurrency": 4})
    for part in ("'length'", "animal-s3-000009", "ZeroDivisionError: division by zero"):
        assert part in error.value.message
    kept = candidates(tmp_path / "a")
    assert kept
    monkeypatch.undo()
    run(tmp_path / "a", 20)
    run(tmp_path / "b", 20)
    assert text_of(tmp_path / "a") == text_of(tmp_path / "b")


class SlowRenderer(Renderer):
    """Notes whether it was closed while it was at work."""

    origin = "rendered"
    batch_size = 2

    def __init__(self) -> None:
        self.began = threading.Event()
        self.rendering = False
        self.closed_at_work: bool | None = None

    @classmethod
    def create(cls, argument: str, settings: Any) -> SlowRenderer:
        return cls()

    def identity(self) -> dict[str, Any]:
        return {"name": "slow"}

    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        from tests.small_runs import picture

        self.rendering = True
        self.began.set()
        time.sleep(0.3)
        self.rendering = False
        return [Rendered(picture(request.seed, 64)) for request in requests]

    def close(self) -> None:
        self.closed_at_work = self.rendering


async def test_a_stopped_run_closes_its_renderer_when_that_has_ended_its_work(tmp_path: Path) -> None:
    renderer = SlowRenderer()
    backends = Backends(None, renderer, None)
    asked = [
        asyncio.ensure_future(backends.render(RenderRequest("x", ("x",), "", n, 64, 64), (0, n))) for n in range(4)
    ]
    await asyncio.to_thread(renderer.began.wait, 5)
    for one in asked:
        one.cancel()
    await backends.close()
    assert renderer.closed_at_work is False


class OddRenderer(Renderer):
    """Dislikes some seeds; when its `lives` are used up it fails on everything, or miscounts."""

    origin = "rendered"
    batch_size = 4

    def __init__(self, dislikes: int = 5, lives: int = 1000, miscounts: bool = False) -> None:
        self._dislikes, self._lives, self._miscounts = dislikes, lives, miscounts

    @classmethod
    def create(cls, argument: str, settings: Any) -> OddRenderer:
        return cls()

    def identity(self) -> dict[str, Any]:
        return {"name": "odd"}

    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        from tests.small_runs import picture

        if any(request.seed % self._dislikes == 0 for request in requests):
            raise RuntimeError("an odd prompt")
        self._lives -= 1
        made = [Rendered(picture(request.seed, 64)) for request in requests]
        if self._lives < 0:
            if not self._miscounts:
                raise RuntimeError("the device is lost")
            return made[1:]
        return made


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_picture_that_cannot_be_made_costs_its_candidate_alone(
    batch_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = OddRenderer(4)
    renderer.batch_size = batch_size
    monkeypatch.setattr(module, "make_renderer", lambda spec, settings: renderer)
    summary = run(tmp_path, 8, renderer="odd", max_candidates=32, **{"flow.stop_after": 100})
    failed = [one for one in candidates(tmp_path) if one.state == "failed"]
    assert failed
    assert {(one.decided_by, one.seed % 4) for one in failed} == {("render", 0)}
    assert "RuntimeError: an odd prompt" in failed[0].reason
    assert summary.samples == 8


@pytest.mark.parametrize(("miscounts", "cause"), [(False, "the device is lost"), (True, "results came back for")])
def test_a_renderer_that_breaks_costs_no_candidate(
    miscounts: bool, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "make_renderer", lambda spec, settings: OddRenderer(4, 2, miscounts))
    with pytest.raises(BackendError, match="renderer fails on everything") as error:
        run(tmp_path / "a", 8, renderer="odd", max_candidates=32)
    assert cause in error.value.message
    assert not [one for one in candidates(tmp_path / "a") if one.decided_by == "render" and one.seed % 4]
    monkeypatch.setattr(module, "make_renderer", lambda spec, settings: OddRenderer(4))
    for folder in ("a", "b"):
        run(tmp_path / folder, 8, renderer="odd", max_candidates=32, **{"flow.stop_after": 100})
    assert rows(tmp_path / "a") == rows(tmp_path / "b")


class OddScorer(Scorer):
    """Fails on everything once `lives` batches are done."""

    batch_size = 4

    def __init__(self, lives: int) -> None:
        self._lives = lives

    @classmethod
    def create(cls, argument: str, settings: Any) -> OddScorer:
        return cls(1000)

    def identity(self) -> dict[str, Any]:
        return {"name": "odd"}

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        self._lives -= 1
        if self._lives < 0:
            raise RuntimeError("CUDA error: unspecified launch failure")
        return [Score(0.3, 0.3)] * len(requests)


def test_a_scorer_that_breaks_costs_no_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "make_scorer", lambda spec, settings: OddScorer(1))
    with pytest.raises(BackendError, match=r"scorer fails on everything.*unspecified launch failure"):
        run(tmp_path / "a", 9, **{**SMALL, "scorer": "odd"})
    assert not [one for one in candidates(tmp_path / "a") if one.state == "failed"]
    monkeypatch.setattr(module, "make_scorer", lambda spec, settings: OddScorer(1000))
    assert run(tmp_path / "a", 9, **{**SMALL, "scorer": "odd"}).samples == 9


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = open, iter(range(5))

    def full(path: Any, *rest: Any) -> Any:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest)

    monkeypatch.setattr(files, "open", full, raising=False)
    with pytest.raises(BackendError, match="No space left on device"):
        run(tmp_path / "a", 9, **SMALL)
    monkeypatch.undo()
    run(tmp_path / "a", 9, **SMALL)
    run(tmp_path / "b", 9, **SMALL)
    assert text_of(tmp_path / "a") == text_of(tmp_path / "b")


# -- folders ----------------------------------------------------------------------------------


def test_a_run_that_was_killed_before_it_began_can_begin(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    (tmp_path / ".lock").touch()
    assert run(tmp_path, 2).samples == 2


def test_two_processes_on_one_folder_are_refused(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from synth.run.folder import RunFolder
with RunFolder(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RunRefused, match="Another process is working on"):
            run(tmp_path, 2)
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        other.stdout.close()  # type: ignore[union-attr]
    assert run(tmp_path, 2).samples == 2  # the lock of a killed process is gone


def test_a_folder_is_free_again_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving(lambda _: BackendError("gone")))
    with pytest.raises(BackendError):
        run(tmp_path, 2, llm="double")
    with RunFolder(tmp_path):
        pass


def test_orphans_of_a_killed_process_are_removed_on_resume(tmp_path: Path) -> None:
    run(tmp_path, 3, **SMALL)
    before = shown(tmp_path)
    home = tmp_path / "images" / "animal" / "0000"
    whole = next(home.iterdir()).read_bytes()
    orphans = ["animal-s3-000900.jpg", "animal-s3-000901-1.jpg", "animal-s3-000000.jpg.part"]
    for name in orphans:
        (home / name).write_bytes(whole)
    outside = tmp_path / "animal-s3-000902.jpg"
    outside.write_bytes(whole)
    (home / "notes.txt").write_text("mine")
    run(tmp_path, 3, **SMALL)
    (home / "notes.txt").unlink()  # not ours: left alone
    assert shown(tmp_path) == before
    assert not {Path(path).name for path in pictures(tmp_path)} & set(orphans)
    assert outside.exists()


@pytest.mark.parametrize("again", ["generate", "render"])
def test_pictures_that_are_gone_are_rendered_again(again: str, tmp_path: Path) -> None:
    assert run(tmp_path, 5, **SMALL).restored == 0
    before, text, states = shown(tmp_path), text_of(tmp_path), candidates(tmp_path)
    first, second, third, *_ = before
    (tmp_path / first).unlink()
    (tmp_path / second).write_bytes(b"")
    whole = (tmp_path / third).read_bytes()
    (tmp_path / third).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SynthError, match=r"does not exist in .*"):
        export_run(tmp_path, "llava", tmp_path.with_suffix(".out"), allow_preview=True)
    summary = run(tmp_path, 5, **SMALL) if again == "generate" else render_run(tmp_path)
    assert summary.restored == 3
    assert (shown(tmp_path), text_of(tmp_path)) == (before, text)
    assert candidates(tmp_path)[: len(rows(tmp_path))] == states[: len(rows(tmp_path))]


def test_a_picture_that_cannot_be_rendered_again_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = OddRenderer(10**9)
    monkeypatch.setattr(module, "make_renderer", lambda spec, settings: renderer)
    run(tmp_path, 3, renderer="odd")
    image = rows(tmp_path)[0]["images"][0]
    path = image["path"]
    (tmp_path / path).unlink()
    renderer._dislikes = image["seed"]
    with pytest.raises(BackendError, match=rf"{path} is gone or damaged and cannot be rendered again: RuntimeError"):
        run(tmp_path, 3, renderer="odd")
    assert len(rows(tmp_path)) == 3


# -- text first, pictures later ---------------------------------------------------------------


def test_rendering_later_gives_the_same_rows_and_pictures(tmp_path: Path) -> None:
    size = {"render_settings": SMALL["render_settings"]}
    run(tmp_path / "at once", 7, **SMALL, scorer="auto")
    run(tmp_path / "later", 7, **size)
    assert {image["origin"] for row in rows(tmp_path / "later") for image in row["images"]} == {"none"}
    summary = render_run(tmp_path / "later", renderer="preview", scorer="auto")
    assert (summary.samples, summary.missing) == (7, {})
    assert text_of(tmp_path / "later") == text_of(tmp_path / "at once")
    for row in rows(tmp_path / "later"):
        path = row["images"][0]["path"]
        assert (tmp_path / "later" / path).read_bytes() == (tmp_path / "at once" / path).read_bytes()
    assert run(tmp_path / "later", 9, **SMALL, scorer="auto").samples == 9  # and it can go on


def test_rendering_needs_no_language_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving())
    run(tmp_path, 3, llm="double")

    def nowhere(*_: Any) -> None:
        raise SynthError("no language model on this machine")

    monkeypatch.setattr(module, "make_llm", nowhere)
    assert render_run(tmp_path, renderer="preview", scorer="none", width=64, height=64).samples == 3


def test_rendering_twice_and_with_another_renderer_or_template(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path / "p")
    run(tmp_path / "run", 3, "tiny", plugin_dirs=[folder])
    with pytest.raises(SynthError, match="needs a renderer"):
        render_run(tmp_path / "run", renderer="none")
    plugin_dir(folder, description="Changed.")
    with pytest.raises(RunRefused, match=r"abilities\.tiny\.template"):
        render_run(tmp_path / "run", renderer="preview")
    plugin_dir(folder)
    render_run(tmp_path / "run", renderer="preview", width=64, height=64)
    before = shown(tmp_path / "run")
    render_run(tmp_path / "run", renderer="preview", width=64, height=64)
    assert shown(tmp_path / "run") == before
    with pytest.raises(RunRefused, match=r"another renderer, scorer or size:\n  pictures.width: 64 -> 128"):
        render_run(tmp_path / "run", renderer="preview", width=128)


def test_functions_work_where_a_loop_is_already_running(tmp_path: Path) -> None:
    run(tmp_path, 2)

    async def notebook() -> int:
        return render_run(tmp_path, renderer="preview", scorer="none", width=64, height=64).samples

    assert asyncio.run(notebook()) == 2


def test_a_folder_that_holds_something_else_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / "dataset.jsonl").write_text("mine")
    with pytest.raises(RunRefused, match="not empty and not a run"):
        run(tmp_path, 2)
    assert [one.name for one in tmp_path.iterdir()] == ["dataset.jsonl"]
    assert (tmp_path / "dataset.jsonl").read_text() == "mine"


def test_surplus_of_a_smaller_n_comes_back_where_a_larger_one_falls_short(tmp_path: Path) -> None:
    run(tmp_path, 10)
    first = [row["id"] for row in rows(tmp_path)]
    summary = run(tmp_path, 500, max_candidates=max(40, 2 * len(candidates(tmp_path))))
    accepted = [one.id for one in candidates(tmp_path) if one.state in ("accepted", "surplus", "text_ok")]
    ids = [row["id"] for row in rows(tmp_path)]
    assert ids == accepted and ids[:10] == first
    assert summary.samples == len(ids) < 500


def test_a_login_in_the_address_is_not_written_down(tmp_path: Path) -> None:
    run(tmp_path, 2, **{"llm_settings.base_url": "https://user:s3cret@example.invalid/v1"})
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path


def test_the_budget_holds_over_several_starts(tmp_path: Path) -> None:
    settings = {"max_cost": 0.001, "llm_settings.price_in": 1.0, "llm_settings.concurrency": 1}
    spent = []
    for _ in range(3):
        with pytest.raises(RunStopped, match="is used up"):
            run(tmp_path, 50, **settings)
        spent.append(Ledger(tmp_path, read_only=True).tokens())
    assert spent[0] == spent[1] == spent[2] != (0, 0)


def test_a_run_that_had_to_be_new_is_gone_on_with_by_its_own_settings(tmp_path: Path) -> None:
    out = run(tmp_path / "run", n=2, resume="never").folder
    assert api.generate({"animal": 3}, config=out / "config.yaml").samples == 3


@pytest.mark.parametrize(("key", "value"), [("widht", 256), ("width", 3), ("height", "tall")])
def test_rendering_checks_its_settings_by_name(key: str, value: Any, tmp_path: Path) -> None:
    folder = run(tmp_path / "run", n=1).folder
    with pytest.raises(SynthError, match=rf"render_settings\.{key}: ") as error:
        render_run(folder, renderer="preview", **{key: value})
    assert error.value.fix
    assert not (folder / "images").exists()


def test_previews_are_known_by_their_origin_and_not_by_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sketches(OddRenderer):
        origin = "preview"

    monkeypatch.setattr(module, "make_renderer", lambda spec, settings: Sketches(10**9))
    folder = run(tmp_path, n=1, renderer="sketches").folder
    assert status(folder).previews
    assert {row["provenance"]["renderer"]["origin"] for row in rows(folder)} == {"preview"}
