"""The configuration of a run: what can be set, where it comes from, and what is its identity.

Precedence: defaults < YAML file < command-line flags. Unknown keys are errors. Identity is what
decides which samples come out; changing it against an existing run is refused by name. Everything
else (n, budget, concurrency, addresses, keys) may change between two starts of the same run.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from synth import strict_yaml
from synth.backends.llm.base import LLMSettings
from synth.backends.render.base import RenderSettings
from synth.backends.score.base import ScoreSettings
from synth.errors import SynthError, dotted
from synth.records import DialogueKind, Record

_LONGEST_VALUE = 60
#: prices are sums of fractions that binary numbers do not hold: 3 * 0.1 is more than 0.3
_ROUNDING = 1e-9


class FlowSettings(Record):
    """How hard to try and when to give up."""

    attempts: int = Field(3, ge=1, le=10, description="replies asked for per step until one passes the checks")
    picture_attempts: int = Field(
        3, ge=1, le=10, description="how often a picture of a sample of several is drawn until it passes the filters"
    )
    stop_after: int = Field(
        24, ge=4, description="candidates of one start after which a run that fails in one way stops"
    )


class PoolSettings(Record):
    """How in-context examples rotate (`produce/pool.py`).

    A larger `portion` diversifies faster; `max_fresh` keeps hand-written examples in the pool, so
    that the errors of a weak model cannot breed.
    """

    size: int = Field(8, ge=2, le=64, description="examples in the pool")
    examples_per_group: int = Field(3, ge=1, le=16, description="examples shown in one request")
    groups: int = Field(2, ge=1, le=16, description="example groups per round")
    portion: float = Field(0.34, ge=0, le=1, description="share of the pool replaced after each round")
    max_fresh: float = Field(0.5, ge=0, le=1, description="largest share of the pool that is not hand-written")
    round_size: int = Field(128, ge=1, le=4096, description="candidates in a round, once rounds have grown")


class RunConfig(Record):
    """All settings of `synth generate`; the YAML file of `--config` has the same keys."""

    abilities: dict[str, int]
    seed: int = Field(0, ge=0, lt=2**31)
    dialogue: DialogueKind = "describe"
    llm: str = "auto"
    renderer: str = "auto"
    scorer: str = "auto"
    out: Path | None = None
    plugin_dirs: list[Path] = Field(default_factory=list)
    existing: list[Path] = Field(
        default_factory=list, description="data sets (dataset.jsonl) that new data must not repeat"
    )
    max_candidates: int | None = Field(None, ge=1, description="per ability; default 4 x n")
    max_cost: float | None = Field(None, gt=0)
    resume: Literal["auto", "always", "never"] = "auto"
    llm_settings: LLMSettings = Field(default_factory=LLMSettings)
    render_settings: RenderSettings = Field(default_factory=RenderSettings)
    score_settings: ScoreSettings = Field(default_factory=ScoreSettings)
    pool: PoolSettings = Field(default_factory=PoolSettings)
    flow: FlowSettings = Field(default_factory=FlowSettings)

    @field_validator("abilities")
    @classmethod
    def _positive(cls, abilities: dict[str, int]) -> dict[str, int]:
        if not abilities:
            raise ValueError("name at least one ability")
        for name, n in abilities.items():
            if n < 1:
                raise ValueError(f"n is {n} for '{name}', but must be at least 1")
        return abilities

    @model_validator(mode="after")
    def _cost_needs_prices(self) -> Self:
        if self.max_cost is not None and not self.priced:
            raise ValueError(
                "max_cost needs llm_settings.price_in or price_out (per million tokens), or render_settings.price "
                "(per picture)"
            )
        return self

    @property
    def priced(self) -> bool:
        """Whether any price is set."""
        return bool(self.llm_settings.price_in or self.llm_settings.price_out or self.render_settings.price)

    def cost(self, prompt_tokens: int, completion_tokens: int, pictures: int) -> float:
        """What these cost at the prices of the settings; `pictures` are those that an endpoint drew."""
        settings = self.llm_settings
        tokens = (prompt_tokens * settings.price_in + completion_tokens * settings.price_out) / 1e6
        return tokens + pictures * self.render_settings.price

    def over_budget(self, spent: float, pictures: int = 0) -> str:
        """Why no more may be asked for once so much is spent, `pictures` that are bought with it; "" if it may."""
        most = self.max_cost
        if most is None:
            return ""
        if spent >= most:
            return f"--max-cost {most:g} is used up"
        wanted = spent + pictures * self.render_settings.price
        return f"--max-cost {most:g} does not pay another picture" if wanted > most * (1 + _ROUNDING) else ""

    @property
    def folder(self) -> Path:
        """`out`, or runs/<abilities>-s<seed>."""
        if self.out is not None:
            return self.out
        names = "-".join(self.abilities) if len(self.abilities) <= 3 else f"{len(self.abilities)}-abilities"
        return Path("runs") / f"{names}-s{self.seed}"

    def candidates_allowed(self, n: int) -> int:
        return self.max_candidates if self.max_candidates is not None else 4 * n


def load_config(file: Path | None, flags: Mapping[str, Any]) -> RunConfig:
    """Merge defaults, the YAML file and flags (dotted keys reach into sections).

    Raises:
        SynthError: naming file and key for unknown keys and wrong values.
    """
    data: dict[str, Any] = {}
    if file is not None:
        data = read_yaml(file)
    for key, value in flags.items():
        if value is not None:
            _set(data, key.split("."), value)
    refuse_unknown(data)
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        lines = []
        for one in error.errors()[:5]:
            key = dotted(one["loc"])
            lines.append(f"{key}: {_plain(one)}" if key else _plain(one))
        where = f"{file}: " if file else ""
        raise SynthError("\n".join(where + line for line in lines), _fix(error.errors()[0])) from error


def refuse_unknown(data: Mapping[str, Any], where: str = "") -> None:
    """Raise `SynthError` for the first key that is no setting, with the nearest one that is."""
    known = _keys(RunConfig)
    key = next(_unknown(RunConfig, data), None)
    if key is None:
        return
    near = [one for one in known if one.rpartition(".")[2] == key.rpartition(".")[2]]
    near = near or difflib.get_close_matches(key, known, n=1)
    fix = f"Did you mean '{near[0]}'?" if near else "docs/configuration.md lists the settings; remove this one."
    if key == "n":
        number = data[key] if isinstance(data[key], int) else 24
        fix = f"The number stands with its ability: use abilities: {{abnormal: {number}}}, or --n {number}."
    raise SynthError(f"{where}{key}: there is no such setting.", fix)


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    kind = model.model_fields[name].annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name in model.model_fields:
        section = _section(model, name)
        found += [prefix + name, *(_keys(section, f"{prefix}{name}.") if section else ())]
    return found


def _unknown(model: type[BaseModel], data: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in data.items():
        if key not in model.model_fields:
            yield f"{prefix}{key}"
        elif (section := _section(model, key)) is not None and isinstance(value, dict):
            yield from _unknown(section, value, f"{prefix}{key}.")


_EXPECTED = {
    "dict": "NAME: VALUE pairs", "model": "a section of settings", "int": "a whole number", "float": "a number",
    "string": "a text", "list": "a list", "bool": "true or false", "path": "a path",
}  # fmt: skip


def _plain(error: ErrorDetails) -> str:
    """What is wrong with a value, in words for people who never heard of pydantic."""
    kind, limits, found = error["type"], error.get("ctx", {}), f", found {str(error['input'])[:_LONGEST_VALUE]!r}"
    if kind == "missing":
        return "this setting is required"
    for name, words in (
        ("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"), ("lt", "less than {}"), ("expected", "{}"),
    ):  # fmt: skip
        if name in limits:
            return f"must be {words.format(limits[name])}{found}"
    expected = _EXPECTED.get(kind.partition("_")[0])
    return f"expected {expected}{found}" if expected else error["msg"].removeprefix("Value error, ")


def _fix(error: ErrorDetails) -> str:
    """What to do about it."""
    key = dotted([part for part in error["loc"] if isinstance(part, str)])  # --set gives lists as a whole
    if not key:  # the only check over several settings
        return (
            "Say what the tokens or the pictures cost, e.g. --set llm_settings.price_in=0.5, or leave out --max-cost."
        )
    if key.partition(".")[0] == "abilities":
        return "Give --n 1 or more, or write e.g. abilities: {abnormal: 24}."
    return f"Correct it in the file or with --set {key}=VALUE; docs/configuration.md says what it means."


def read_yaml(file: Path) -> dict[str, Any]:
    """The settings of a `--config` file as plain data; its keys are checked, its values not yet."""
    try:
        data = strict_yaml.load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SynthError(f"--config {file}: {error.strerror}.", "Give the path of a YAML file.") from error
    except UnicodeDecodeError as error:
        raise SynthError(f"--config {file}: it is not text in UTF-8: {error.reason}.", "Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line, what = f", line {mark.line + 1}" if mark else "", problem or str(error).partition("\n")[0]
        raise SynthError(f"--config {file}{line}: not valid YAML: {what}.", "Check indentation and quotes.") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise SynthError(f"--config {file}: the file is not a mapping of settings.", "Write KEY: VALUE lines.")
    refuse_unknown(data, f"{file}: ")
    return data


def _set(data: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        section = data.setdefault(part, {})
        if not isinstance(section, dict):
            raise SynthError(
                f"{part}: expected a section of settings, found '{section}'.",
                f"Write {part}: {{{path[-1]}: {value}}}, or leave it out of the file.",
            )
        data = section
    data[path[-1]] = value


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """The dotted keys in which two identities differ, each with its old and new value in short."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted({*old, *new}):
            found += differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        return found
    return [] if old == new else [f"{path}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    """A value of an identity in a few words: a backend by its name, a section by its keys."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        value = value.get("name") or f"({', '.join(map(str, value))})"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
