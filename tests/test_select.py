"""Settings are for a backend that uses them."""

from __future__ import annotations

from typing import Any

import pytest

from synth import plugins
from synth.backends.llm.base import LLMSettings
from synth.backends.render.base import RenderSettings
from synth.errors import SynthError
from synth.run.select import refuse_unused


@pytest.mark.parametrize(
    ("spec", "settings", "fix"),
    [
        ("vllm:owner/model", {"base_url": "http://localhost:8000/v1"}, "it is for openai."),
        ("llamacpp", {"dtype": "float16"}, "it is for vllm."),
        ("openai:m", {"threads": 2}, "it is for llamacpp."),
        ("openai:m", {"base_url": "http://localhost:8000/v1", "retries": 1, "price_in": 2.0}, ""),
        ("scripted", {"threads": 2, "revision": "main"}, ""),
    ],
)
def test_a_setting_that_says_nothing_to_the_model_is_refused(spec: str, settings: dict[str, Any], fix: str) -> None:
    check("llm_settings", "synth.llms", spec, LLMSettings(**settings), fix)


@pytest.mark.parametrize(
    ("spec", "settings", "fix"),
    [
        ("preview", {"steps": 4}, "it is for diffusers."),
        ("preview", {"price": 1.0}, "it is for openai-images."),
        ("preview", {"image_to_image": 0.5}, "it is for diffusers."),
        ("openai-images:m", {"image_to_image": 0.5}, "it is for diffusers."),
        ("diffusers:sdxl", {"image_to_image": 0.5}, ""),
        ("openai-images:m", {"batch_size": 4}, "it is for diffusers, preview."),
        ("diffusers:sdxl", {"base_url": "http://localhost:8000/v1"}, "it is for openai-images."),
        ("diffusers:sdxl", {"steps": 4, "width": 512}, ""),
        ("none", {"steps": 4}, ""),
    ],
)
def test_a_setting_that_says_nothing_to_the_renderer_is_refused(spec: str, settings: dict[str, Any], fix: str) -> None:
    check("render_settings", "synth.renderers", spec, RenderSettings(**settings), fix)


def check(section: str, group: str, spec: str, settings: LLMSettings | RenderSettings, fix: str) -> None:
    if not fix:
        refuse_unused(section, group, spec, settings)
        return
    with pytest.raises(SynthError, match=f"says nothing to .* {spec.partition(':')[0]}") as error:
        refuse_unused(section, group, spec, settings)
    assert fix in error.value.fix


@pytest.mark.parametrize(("group", "settings"), [("synth.llms", LLMSettings), ("synth.renderers", RenderSettings)])
def test_what_backends_use_are_settings(group: str, settings: type[LLMSettings | RenderSettings]) -> None:
    for cls in plugins.load_all(group)[0].values():
        assert (cls.uses or frozenset()) <= set(settings.model_fields)


def test_doctor_picks_the_scorer_for_the_pictures_of_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.backends.render.diffusers import Diffusers
    from synth.backends.score.openclip import OpenClip
    from synth.run.doctor import diagnose

    monkeypatch.setattr(OpenClip, "available", classmethod(lambda cls: (True, "there")))
    for there, scorer in ((False, "coverage"), (True, "open_clip")):
        monkeypatch.setattr(Diffusers, "available", classmethod(lambda cls, there=there: (there, "")))
        monkeypatch.setattr(Diffusers, "suits_auto", classmethod(lambda cls, there=there: there))
        assert diagnose().roles["scorer"].picked == scorer
