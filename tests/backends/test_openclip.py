"""The CLIP scorer with a real library and a tiny model; names and texts without either."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from synth.api import export_run, read_dataset, refilter_run
from synth.backends.render.base import Rendered
from synth.backends.score.base import ScoreRequest, ScoreSettings
from synth.backends.score.coverage import Coverage
from synth.backends.score.openclip import Model, OpenClip, parse
from synth.backends.score.texts import GUIDE, TextBatch, chunks, content_of
from synth.errors import BackendError, MissingExtra, SynthError
from synth.flow.backends import Backends
from synth.run.select import make_scorer, resolve
from tests.backends import tiny_clip
from tests.doubles import candidate, plugin_dir, rows, run
from tests.filters.judging import chain, verdict
from tests.small_runs import picture

INSTALLED = all(find_spec(name) for name in ("torch", "torchvision", "open_clip"))
needs_clip = pytest.mark.skipif(not INSTALLED, reason="torch, torchvision, open_clip_torch ([gpu]) are not installed")
LONG = "A red fox sits in the snow, and behind it a wooden hut with a small lit window stands. " * 6


def request(seed: int, dialogue: str = "A fox.", keywords: tuple[str, ...] = ("red fox", "snow")) -> ScoreRequest:
    return ScoreRequest(Rendered(picture(seed, 48)), keywords, dialogue, f"What is it? {dialogue}")


# -- texts ------------------------------------------------------------------------------------


def test_emphasis_and_quality_are_no_content() -> None:
    keywords = ["((red fox))", "(snow:1.3)", "highly detailed", "8k uhd", "best quality", "masterpiece", "warm light"]
    assert content_of(keywords) == "red fox, snow, warm light"
    assert content_of(["sharp mountain top", "beautiful garden", "detailed map", "perfect"]) == (
        "sharp mountain top, beautiful garden, detailed map, perfect"
    )
    assert content_of(["8k", "masterpiece"]) == "8k, masterpiece"


def test_a_score_that_is_no_number_is_none() -> None:
    batch = TextBatch([request(1), request(2)], 20, words)
    first, second = batch.scores(lambda place, piece: float("nan") if place == 0 else 0.123456)
    assert (first.prompt, first.dialogue) == (None, None)
    assert (second.prompt, second.dialogue) == (0.1235, 0.1235)


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize("room", [1, 3, 7, 20, 200])
def test_a_long_text_is_taken_apart_and_nothing_is_lost(room: int) -> None:
    dice = random.Random(room)
    text = " ".join(dice.choice(["fox", "hut,", "snow.", "stands", "red;", "lit!"]) for _ in range(150))
    made = chunks(text, room, words)
    assert " ".join(made).split() == text.split()
    assert all(words(one) <= room for one in made)
    assert (len(made) == 1) == (room >= 150)


def test_pieces_are_sentences_where_they_fit() -> None:
    text = "The fox is red. It sits in the snow. Behind it, a hut with a lit window stands on a hill."
    assert chunks(text, 9, words) == [
        "The fox is red. It sits in the snow.",
        "Behind it, a hut with a lit window stands",
        "on a hill.",
    ]
    assert "".join(chunks("x" * 100, 9, len)) == "x" * 100
    with pytest.raises(ValueError, match="no room"):
        chunks("a b", 0, words)


# -- names ------------------------------------------------------------------------------------


def test_the_default_model_has_our_threshold_and_others_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenClip, "available", classmethod(lambda cls: (True, "")))  # names need no library
    settings = ScoreSettings()
    assert OpenClip(parse(""), settings).threshold == 0.25
    assert OpenClip(parse("ViT-L-14/openai"), settings).threshold == 0.25
    assert OpenClip(parse("ViT-B-32/laion2b_s34b_b79k"), settings).threshold is None
    assert Coverage.create("", settings).threshold is None
    other = make_scorer("open_clip:ViT-B-32/laion2b_s34b_b79k", ScoreSettings(threshold=0.3))
    assert other is not None
    assert Backends(None, None, other).identity()["scorer"] == {
        "name": "open_clip",
        "model": "ViT-B-32/laion2b_s34b_b79k",
        "threshold": 0.3,
    }
    assert Backends(None, None, OpenClip(parse(""), ScoreSettings(guided=True))).identity()["scorer"] == {
        "name": "open_clip",
        "model": "ViT-L-14/openai",
        "guided": True,
        "threshold": 0.25,
    }


@pytest.mark.parametrize(
    "argument", ["ViT-B-32", "./nowhere", "/no/where", "ViT-B-32@/no/file.pt", "a.json@pyproject.toml"]
)
def test_names_that_are_none(argument: str) -> None:
    with pytest.raises(SynthError, match="open_clip") as caught:
        parse(argument)
    assert "ARCH@" in caught.value.fix


@needs_clip
def test_an_unknown_architecture_is_named_before_anything_is_loaded() -> None:
    with pytest.raises(SynthError, match="no model 'ViT-L-41'") as caught:
        parse("ViT-L-41/openai")
    assert "ViT-L-14" in caught.value.fix


def test_a_configuration_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text('{"model_cfg": {"embed_dim": 3}}')
    with pytest.raises(SynthError, match="lacks vision_cfg"):
        parse(str(tmp_path))
    (tmp_path / "open_clip_config.json").write_text(json.dumps(tiny_clip.CONFIG))
    with pytest.raises(SynthError, match="holds no open_clip_model"):
        parse(str(tmp_path))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth.backends.score.openclip.find_spec", lambda name: None)
    assert OpenClip.available()[0] is False
    with pytest.raises(MissingExtra, match="open_clip_torch"):
        OpenClip.create("ViT-B-32/openai", ScoreSettings())
    assert resolve("synth.scorers", "auto", "rendered")[0] == "none"
    assert resolve("synth.scorers", "auto", "preview")[0] == "coverage"


# -- scoring ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip.save(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def scorer(model: Path) -> Iterator[OpenClip]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = OpenClip.create(str(model), ScoreSettings(guided=True))
    one.start()
    yield one
    one.close()
    one.close()
    torch.set_num_threads(threads)


@needs_clip
def test_a_batch_says_what_its_parts_say(scorer: OpenClip) -> None:
    requests = [request(seed, LONG[: 20 + 31 * seed]) for seed in range(11)]
    together = scorer.score(requests)
    for one, alone in zip(together, [scorer.score([one])[0] for one in requests], strict=True):
        for name in ("prompt", "dialogue", "guided"):
            assert getattr(one, name) == pytest.approx(getattr(alone, name), abs=1.1e-4)
    assert len({one.prompt for one in together}) > 6, "all pictures look the same to the model: nothing is tested"
    assert len({one.dialogue for one in together}) > 6


@needs_clip
def test_the_score_is_the_plain_cosine(scorer: OpenClip) -> None:
    import torch

    one = request(3, "A small red fox.")
    raw: Any = scorer._model
    with torch.inference_mode():
        a = raw.encode_image(scorer._preprocess(one.picture.image)[None])[0]
        texts = ["red fox, snow", "A small red fox.", f"{GUIDE} What is it? A small red fox."]
        b = raw.encode_text(scorer._tokenizer(texts))
    wanted = torch.nn.functional.cosine_similarity(a[None], b).tolist()
    found = scorer.score([one])[0]
    assert [found.prompt, found.dialogue, found.guided] == pytest.approx(wanted, abs=1e-4)


@needs_clip
def test_a_long_text_is_the_weighted_mean_of_its_pieces(scorer: OpenClip) -> None:
    pieces = chunks(LONG, scorer._room, scorer._count)
    assert scorer._room == 22
    assert len(pieces) > 3
    parts = scorer.score([request(1, piece) for piece in pieces])
    weights = [scorer._count(piece) for piece in pieces]
    mean = sum(part.dialogue * weight for part, weight in zip(parts, weights, strict=True)) / sum(weights)  # type: ignore[operator]
    whole = scorer.score([request(1, LONG)])[0]
    assert whole.dialogue == pytest.approx(mean, abs=2e-4)
    end = scorer.score([request(1, LONG + "A green bus waits.")])[0]
    assert end.dialogue != whole.dialogue, "the end of a long text was cut off"


@needs_clip
def test_nothing_is_scored_against_no_text(scorer: OpenClip) -> None:
    [found] = scorer.score([ScoreRequest(Rendered(picture(1, 48)), (), "", "")])
    assert (found.prompt, found.dialogue, found.guided) == (None, None, None)


@needs_clip
def test_pictures_of_any_shape_and_kind(scorer: OpenClip) -> None:
    kinds = [picture(1, 48).resize((90, 30)), picture(1, 48).convert("L"), Image.new("RGB", (1, 1))]
    assert len(scorer.score([ScoreRequest(Rendered(one), ("a",), "b") for one in kinds])) == 3


@needs_clip
def test_weights_of_ones_own(model: Path, tmp_path: Path) -> None:
    """ARCH@FILE, with a configuration as ARCH, gives what the folder gives; other weights have another identity."""
    config = tmp_path / "my-tiny.json"
    config.write_text(json.dumps(tiny_clip.CONFIG))
    weights = model / "open_clip_model.safetensors"
    one = OpenClip.create(f"{config}@{weights}", ScoreSettings())
    other = OpenClip.create(str(model), ScoreSettings())
    assert one.identity()["weights"] == other.identity()["weights"]
    assert one.identity()["model"] == "my-tiny@open_clip_model.safetensors"
    assert one.threshold is None
    for each in (one, other):
        each.start()
    assert one.score([request(1)]) == other.score([request(1)])
    again = OpenClip.create(str(tiny_clip.save(tmp_path / "again", seed=1)), ScoreSettings())
    assert again.identity()["weights"] != other.identity()["weights"]


@needs_clip
def test_a_damaged_file_is_named(model: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(model, tmp_path / "broken"))
    file = broken / "open_clip_model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(SynthError, match=r"open_clip_model\.safetensors cannot be loaded") as caught:
        OpenClip.create(str(broken), ScoreSettings()).start()
    assert "damaged" in caught.value.fix


@needs_clip
def test_weights_of_another_model_are_named(model: Path, tmp_path: Path) -> None:
    config = tmp_path / "wide.json"
    config.write_text(json.dumps({**tiny_clip.CONFIG, "embed_dim": 8}))
    with pytest.raises(SynthError, match="cannot be loaded as wide"):
        OpenClip.create(f"{config}@{model / 'open_clip_model.safetensors'}", ScoreSettings()).start()


@needs_clip
@pytest.mark.parametrize("quick", [True, False])
def test_a_model_computes_with_the_function_it_was_trained_with(
    quick: bool, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI's weights need another activation than the configuration of their architecture says."""
    import open_clip
    from open_clip import pretrained
    from open_clip.transformer import QuickGELU

    config = tmp_path / "synth-tiny.json"
    config.write_text(json.dumps(tiny_clip.CONFIG))
    open_clip.add_model_config(config)
    weights = {"file": str(model / "open_clip_model.safetensors"), "quick_gelu": quick}
    monkeypatch.setitem(pretrained._PRETRAINED, "synth-tiny", {"openai": weights})
    scorer = OpenClip(Model("synth-tiny", pretrained="openai"), ScoreSettings())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scorer.start()
    for tower in (scorer._model.visual, scorer._model):
        assert isinstance(tower.transformer.resblocks[0].mlp.gelu, QuickGELU) is quick
    openai = open_clip.get_pretrained_cfg("ViT-L-14", "openai")
    assert openai["quick_gelu"], "the default model is no longer told apart by the library's table"


@needs_clip
def test_a_batch_that_does_not_fit_is_halved_and_that_is_remembered(
    scorer: OpenClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    requests = [request(seed) for seed in range(7)]
    wanted, sizes, original = scorer.score(requests), [], scorer._encode_pictures

    def full(some: Any) -> Any:
        sizes.append(len(some))
        if len(some) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return original(some)

    monkeypatch.setattr(scorer, "_most", 32)
    monkeypatch.setattr(scorer, "_encode_pictures", full)
    found = scorer.score(requests)
    for one, other in zip(found, wanted, strict=True):
        assert one.prompt == pytest.approx(other.prompt, abs=1.1e-4)
    assert sizes == [7, 4, 2, 2, 2, 1]
    scorer.score(requests[:3])
    assert sizes[6:] == [2, 1]


@needs_clip
def test_a_device_that_is_not_there_is_named(model: Path) -> None:
    for device in ("cuda:77", "gpu"):
        with pytest.raises(SynthError, match=f"score_settings.device: '{device}' cannot be used"):
            OpenClip.create(str(model), ScoreSettings(device=device)).start()


@needs_clip
def test_offline_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where the hub's client was imported long before, and where the weights lie elsewhere."""
    import socket

    from huggingface_hub import constants
    from open_clip import pretrained

    asked: list[Any] = []

    def refuse(*address: Any, **_: Any) -> None:
        asked.append(address)
        raise OSError("no connection")

    monkeypatch.setenv("SYNTH_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setitem(pretrained._PRETRAINED["RN50"], "elsewhere", {"url": "https://example.org/rn50.pt"})
    with pytest.raises(BackendError, match="cannot be loaded"):
        OpenClip.create("ViT-B-32/openai", ScoreSettings()).start()
    with pytest.raises(BackendError, match="SYNTH_OFFLINE is set"):
        OpenClip.create("RN50/elsewhere", ScoreSettings()).start()
    assert not asked


# -- in a run ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("score", "outcome"), [(0.2501, "pass"), (0.25, "fail"), (0.2499, "fail")])
def test_the_scorers_threshold_is_strict_and_the_templates_beats_it(score: float, outcome: str) -> None:
    one = chain("alignment")
    one.scored_by(OpenClip(parse(""), ScoreSettings()).threshold)
    found = verdict(one, candidate(scores={"dialogue": score}), "image")
    assert (found.outcome, found.score) == (outcome, score)
    told = chain("alignment", {"threshold": 0.2})
    told.scored_by(0.25)
    assert verdict(told, candidate(scores={"dialogue": score}), "image").outcome == "pass"


@needs_clip
@pytest.mark.parametrize("dialogue", ["describe", "chat"])
def test_a_whole_run_and_a_refilter_of_it(model: Path, tmp_path: Path, dialogue: str) -> None:
    """Small pictures, an untrained model: only the way is tested. The threshold is put in the middle of the scores."""
    settings: dict[str, Any] = {
        "dialogue": dialogue,
        "renderer": "preview",
        "scorer": f"open_clip:{model}",
        "render_settings": {"width": 64, "height": 64},
        "score_settings": {"guided": True, "batch_size": 4},
        "flow.stop_after": 100,
    }
    run(tmp_path / "all", 8, **settings)
    deciding = "dialogue" if dialogue == "describe" else "prompt"
    first = rows(tmp_path / "all")
    assert len(first) == 8
    for row in first:
        assert set(row["scores"]) >= {"prompt", "dialogue", "guided"}
        assert row["scores"]["alignment.image"] == row["scores"][deciding]
        assert row["provenance"]["not_run"] == []
        assert "threshold" not in row["provenance"]["scorer"]
    middle = sorted(row["scores"][deciding] for row in first)[3]
    # the same run with that threshold drops, and a refilter to -1 brings back what it dropped
    settings["score_settings"] = {**settings["score_settings"], "threshold": middle}
    run(tmp_path / "half", 8, **settings, max_candidates=80)
    half = rows(tmp_path / "half")
    assert all(row["scores"][deciding] > middle for row in half)
    assert half[0]["provenance"]["scorer"]["threshold"] == middle
    assert [row["id"] for row in half][:4] == [r["id"] for r in first if r["scores"][deciding] > middle]
    found = refilter_run(tmp_path / "half", {"alignment": {"threshold": -1}})
    assert found.abilities["animal"].back["alignment"] >= 4
    assert [sample.id for sample in read_dataset(tmp_path / "half")] == [row["id"] for row in first]
    export_run(tmp_path / "half", "llava", tmp_path / "out", allow_preview=True)


def test_where_it_did_not_run_the_export_says_so(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path / "mine", filters=["picture", "alignment"])
    small = {"renderer": "preview", "render_settings": {"width": 64, "height": 64}, "plugin_dirs": [folder]}
    run(tmp_path / "run", 3, "tiny", scorer="none", **small)
    main = export_run(tmp_path / "run", "llava", tmp_path / "out", allow_preview=True)
    assert json.loads((main.parent / "export.json").read_text())["filters_not_run"] == {"alignment": 3}
