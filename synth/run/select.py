"""From `--llm`, `--renderer` and `--scorer` to backends; `auto` picks by what the machine has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synth import plugins
from synth.backends.llm.base import LLM, LLMSettings
from synth.backends.models import catalogue
from synth.backends.render.base import AnyRenderer, RenderSettings
from synth.backends.score.base import Scorer, ScoreSettings
from synth.errors import SynthError
from synth.records import Origin

AUTO, NONE = "auto", "none"
#: settings that the engine uses itself, whichever the backend
_ENGINE = {
    "llm_settings": {"concurrency", "temperature", "top_p", "max_tokens", "price_in", "price_out"},
    "render_settings": {"width", "height", "image_format", "jpeg_quality"},
}
_FLAGS = {"synth.llms": "--llm", "synth.renderers": "--renderer", "synth.scorers": "--scorer"}


@dataclass(frozen=True, slots=True)
class Option:
    """A backend that is installed: can this machine run it, and would `auto` take it?"""

    name: str
    rank: int
    available: bool
    why: str


def options(group: str, origin: Origin | None = None) -> list[Option]:
    """The backends of a group, the one that `auto` picks first. For pictures of a known `origin`, scorers
    that do not suit them are not picked."""
    found = []
    classes, problems = plugins.load_all(group)
    for name, cls in classes.items():
        try:
            available, why = cls.available()
            suits = (origin is None or origin in getattr(cls, "suits", (origin,))) and _suits_here(cls)
            found.append(Option(name, int(cls.auto_rank) if suits else 0, bool(available), why))
        except Exception as error:  # a backend may be anybody's code
            found.append(Option(name, 0, False, f"its check failed: {type(error).__name__}: {error}"))
    found += [Option(problem.split("'")[1], 0, False, problem) for problem in problems]
    return sorted(found, key=lambda o: (not (o.available and o.rank > 0), -o.rank, o.name))


def _suits_here(cls: Any) -> bool:
    """Whether `auto` may pick the backend on this machine; scorers and language models need not say."""
    suits = getattr(cls, "suits_auto", None)
    return suits is None or bool(suits())


def resolve(group: str, spec: str, origin: Origin | None = None) -> tuple[str, str]:
    """The spec itself, or for `auto` the one picked and the reason; `origin` as in `options`."""
    if spec != AUTO:
        return spec, ""
    best = next(iter(options(group, origin)), None)
    if best is not None and best.available and best.rank > 0:
        return best.name, best.why
    if group == "synth.llms":
        lines = "; ".join(f"{o.name}: {o.why}" for o in options(group) if o.rank > 0)
        raise SynthError(
            f"No language model is available on this machine ({lines}).",
            "Install the embedded one with: pip install 'synth-vlit[local]', or use "
            "--llm openai:MODEL --base-url URL, or try the flow with --llm scripted.",
        )
    return NONE, "nothing is installed that could do it"


def make_llm(spec: str, settings: LLMSettings) -> LLM:
    name, _, argument = spec.partition(":")
    made: LLM = _load("synth.llms", name, argument).create(argument, settings)
    return made


def make_renderer(spec: str, settings: RenderSettings) -> AnyRenderer | None:
    if spec == NONE:
        return None
    name, _, argument = spec.partition(":")
    made: AnyRenderer = _load("synth.renderers", name).create(argument, settings)
    return made


def refuse_unused(
    section: str, group: str, spec: str, settings: LLMSettings | RenderSettings, fix: str = "Leave it out"
) -> None:
    """Raises `SynthError` for a setting that says nothing to the backend, and names those to which it does.

    A backend that declares nothing (`uses` is None) is taken to use all.
    """
    name = spec.partition(":")[0]
    classes = plugins.load_all(group)[0]
    uses = getattr(classes.get(name), "uses", None)
    if uses is None:
        return
    for key, field in type(settings).model_fields.items():
        if key in _ENGINE[section] | uses or getattr(settings, key) == field.get_default(call_default_factory=True):
            continue
        others = [other for other, cls in classes.items() if key in (getattr(cls, "uses", None) or ())]
        raise SynthError(
            f"{section}.{key} says nothing to {_FLAGS[group]} {name}.",
            f"{fix}; it is for {', '.join(others) or 'plugins'}.",
        )


def make_scorer(spec: str, settings: ScoreSettings) -> Scorer | None:
    if spec == NONE:
        return None
    name, _, argument = spec.partition(":")
    made: Scorer = _load("synth.scorers", name).create(argument, settings)
    if settings.threshold is not None:
        made.threshold = settings.threshold
    return made


#: servers that speak OpenAI's protocol, which people name as if they were backends
_SERVERS = ("sglang", "ollama", "tgi", "lmstudio")


def _load(group: str, name: str, argument: str = "") -> Any:
    known = plugins.discover(group)
    if name not in known:
        choices = [AUTO, *known] if group == "synth.llms" else [AUTO, NONE, *known]
        error = plugins.unknown(plugins.GROUPS[group], name, choices)
        fix = error.fix
        if group == "synth.llms" and name in _SERVERS:
            fix = f"Its server is used with: --llm openai:{argument or 'MODEL'} --base-url http://HOST:8000/v1"
        elif group == "synth.llms" and name in catalogue():
            fix = f"This model runs here with: --llm llamacpp:{name}"
        elif group == "synth.llms" and "Did you mean" not in fix:
            fix = f"A model behind an endpoint is written --llm openai:{name}. {fix}"
        raise SynthError(f"{_FLAGS[group]} {name}: {error.message}", fix)
    try:
        return plugins.load(group, name)
    except SynthError as error:
        raise SynthError(f"{_FLAGS[group]} {name}: {error.message}", error.fix) from error
