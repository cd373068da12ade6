"""Where settings come from, and which of them are a run's identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth import plugins
from synth.config import differences, load_config
from synth.errors import BackendError, RunRefused, SynthError
from synth.produce import synthesize
from synth.run import generate
from synth.run.flags import config_from_flags
from tests.doubles import Misbehaving, plugin_dir, rows, run, use


def write(folder: Path, text: str) -> Path:
    file = folder / "run.yaml"
    file.write_text(text)
    return file


def test_defaults_then_file_then_flags(tmp_path: Path) -> None:
    file = write(tmp_path, "abilities: {animal: 3}\nseed: 5\npool: {size: 9, groups: 4}\nllm_settings: {top_p: 0.5}\n")
    config = load_config(file, {"seed": 6, "pool.size": 10, "llm_settings.temperature": 0.1, "llm": None})
    assert (config.seed, config.pool.size, config.pool.groups) == (6, 10, 4)
    assert (config.llm_settings.temperature, config.llm_settings.top_p) == (0.1, 0.5)
    assert (config.llm, config.pool.portion, config.flow.attempts) == ("auto", 0.34, 3)


def test_flags_may_hold_sections_or_dotted_keys() -> None:
    config = load_config(None, {"abilities": {"animal": 1}, "pool": {"size": 9}, "pool.groups": 3})
    assert (config.pool.size, config.pool.groups) == (9, 3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("abilities: {animal: 3}\nsede: 5\n", "sede: there is no such setting"),
        ("abilities: {animal: 3}\npool: {sise: 5}\n", "pool.sise: there is no such setting"),
        ("abilities: {animal: 3}\nseed: many\n", "seed: "),
        ("abilities: {animal: 0}\n", "abilities: n is 0 for 'animal'"),
        ("abilities: {}\n", "abilities: name at least one"),
        ("seed: 1\n", "abilities: "),
        ("abilities: {animal: 3}\nllm_settings: {temperature: 3}\n", "llm_settings.temperature: "),
        ("abilities: {animal: 3}\nmax_cost: 1\n", "price_in"),
        ("- a\n", "not a mapping"),
        ("a: [\n", "not valid YAML"),
        ("\x00", "not valid YAML"),
    ],
)
def test_what_is_wrong_names_file_and_key(text: str, named: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SynthError) as error:
        load_config(file, {})
    assert str(file) in error.value.message
    assert named in error.value.message


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("n: 5\n", "n: there is no such setting", "use abilities: {abnormal: 5}"),
        ("abilties: {animal: 3}\n", "abilties: there is no", "Did you mean 'abilities'?"),
        ("pool: {portoin: 1}\n", "pool.portoin: there is no", "Did you mean 'pool.portion'?"),
        ("temperature: 1\n", "temperature: there is no", "Did you mean 'llm_settings.temperature'?"),
        ("pool: 3\n", "pool: expected a section of settings, found '3'", "--set pool=VALUE"),
        ("seed: many\n", "seed: expected a whole number, found 'many'", "--set seed=VALUE"),
        ("dialogue: x\n", "dialogue: must be 'describe' or 'chat', found 'x'", "--set dialogue=VALUE"),
        ("max_cost: 1\n", "price_in", "--set llm_settings.price_in="),
        ("abilities: {a: 0}\n", "n is 0", "Give --n 1 or more"),
        ("a: [\n", ", line 2: not valid YAML", "Check"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(text: str, message: str, fix: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SynthError) as error:
        config_from_flags(file, ["animal"] if "abilities" not in text else [], None if text[0] in "na" else 3, [], {})
    assert message in error.value.message and fix in error.value.fix
    assert "unicode string" not in error.value.message
    with pytest.raises(SynthError, match="price_inn") as error:
        config_from_flags(None, ["animal"], 3, ["llm_settings.price_inn=1"], {})
    assert "'llm_settings.price_in'" in error.value.fix


def test_missing_files_and_sections_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="No such file"):
        load_config(tmp_path / "nothing.yaml", {})
    with pytest.raises(SynthError, match="pool: expected a section"):
        load_config(write(tmp_path, "abilities: {animal: 1}\npool: 3\n"), {"pool.size": 3})


# -- differences ------------------------------------------------------------------------------


def test_differences_name_dotted_keys_with_both_values() -> None:
    old = {"seed": 1, "llm": {"name": "x", "sampling": {"t": 0.7}}, "same": [1, 2], "gone": True}
    new = {"seed": 2, "llm": {"name": "x", "sampling": {"t": 0.9}}, "same": [1, 2], "added": 0}
    assert differences(old, new) == [
        "added: none -> 0",
        "gone: True -> none",
        "llm.sampling.t: 0.7 -> 0.9",
        "seed: 1 -> 2",
    ]


def test_differences_are_short() -> None:
    renderer = {"name": "preview", "packages": {"emoji": "2.0"}, "attribution": "x" * 200}
    assert differences({"renderer": renderer}, {"renderer": None}) == ["renderer: preview -> none"]
    assert differences({"a": {}}, {"a": {"food": {"version": 1, "banks": {}}}}) == ["a.food: none -> (version, banks)"]
    assert differences({"a": "x" * 99}, {"a": ""}) == [f"a: {'x' * 60}... -> "]


_VALUES = st.recursive(
    st.integers(0, 3) | st.booleans() | st.text(max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(one=_VALUES, other=_VALUES)
def test_equal_things_do_not_differ_and_others_do(one: Any, other: Any) -> None:
    assert differences(one, one) == []
    assert bool(differences(one, other)) == (one != other and bool(one or other)) or not (one and other)


# -- identity of a run ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with a run of the small ability, and the plugin dir it was made with."""
    base = tmp_path_factory.mktemp("identity")
    plugins = plugin_dir(base / "plugins")
    run(base / "run", 3, "tiny", plugin_dirs=[plugins])
    return base / "run", plugins


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 4}, "seed: 3 -> 4"),
        ({"dialogue": "chat"}, "dialogue: describe -> chat"),
        ({"llm_settings.temperature": 0.1}, "sampling.temperature: 0.7 -> 0.1"),
        ({"llm_settings.max_tokens": 64}, "sampling.max_tokens: 512 -> 64"),
        ({"pool.portion": 0.5}, "pool.portion: 0.34 -> 0.5"),
        ({"flow.attempts": 1}, "attempts: 3 -> 1"),
        ({"renderer": "preview"}, "renderer: none -> preview"),
    ],
)
def test_another_identity_is_refused_naming_the_keys(
    changed: dict[str, Any], named: str, finished: tuple[Path, Path]
) -> None:
    folder, plugins = finished
    before = (folder / "dataset.jsonl").read_bytes(), (folder / "config.yaml").read_bytes()
    with pytest.raises(RunRefused) as error:
        run(folder, 3, "tiny", plugin_dirs=[plugins], **changed)
    assert f"\n  {named}" in error.value.message
    assert ((folder / "dataset.jsonl").read_bytes(), (folder / "config.yaml").read_bytes()) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("templates/tiny.yaml", "For tests.", "For the tests.", "abilities.tiny.template"),
        ("templates/tiny.yaml", '"version": 1', '"version": 2', "abilities.tiny.version"),
        ("keyword_banks/odd.txt", "made of glass", "made of wood", "abilities.tiny.banks.odd"),
    ],
)
def test_changed_templates_and_banks_are_refused(
    file: str, old: str, new: str, named: str, finished: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, _ = finished
    plugins = plugin_dir(tmp_path)
    text = (plugins / file).read_text()
    assert old in text
    (plugins / file).write_text(text.replace(old, new))
    with pytest.raises(RunRefused, match=named):
        run(folder, 3, "tiny", plugin_dirs=[plugins])


def test_free_settings_may_change_and_a_larger_n_goes_on(tmp_path: Path) -> None:
    plugins = plugin_dir(tmp_path / "plugins")
    folder = tmp_path / "run"
    run(folder, 3, "tiny", plugin_dirs=[plugins])
    first = rows(folder)
    free = {
        "llm_settings.concurrency": 1,
        "llm_settings.retries": 0,
        "max_candidates": 50,
        "flow.stop_after": 50,
    }
    assert run(folder, 5, "tiny", plugin_dirs=[plugins], **free).samples == 5
    assert rows(folder)[:3] == first
    assert run(folder, 2, "tiny", plugin_dirs=[plugins]).samples == 2
    assert rows(folder) == first[:2]


def test_existing_data_sets_are_part_of_the_identity(tmp_path: Path) -> None:
    plugins = plugin_dir(tmp_path / "plugins")
    for name, seed in (("one", 1), ("two", 2)):
        run(tmp_path / name, 2, "tiny", plugin_dirs=[plugins], seed=seed)
    one, two = (tmp_path / name / "dataset.jsonl" for name in ("one", "two"))
    run(tmp_path / "new", 2, "tiny", plugin_dirs=[plugins], existing=[one, two])
    run(tmp_path / "new", 2, "tiny", plugin_dirs=[plugins], existing=[tmp_path / "one", two])
    with pytest.raises(RunRefused, match="existing"):
        run(tmp_path / "new", 2, "tiny", plugin_dirs=[plugins], existing=[two])


def test_resume_flags(finished: tuple[Path, Path], tmp_path: Path) -> None:
    folder, plugins = finished
    with pytest.raises(RunRefused, match="already a run"):
        run(folder, 3, "tiny", plugin_dirs=[plugins], resume="never")
    with pytest.raises(RunRefused, match="not a run"):
        run(tmp_path / "x" / "y", 3, "tiny", plugin_dirs=[plugins], resume="always")
    assert not (tmp_path / "x").exists()
    assert run(folder, 3, "tiny", plugin_dirs=[plugins], resume="always").samples == 3


def test_a_run_that_made_nothing_yet_may_get_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Misbehaving(lambda request: BackendError("The reply was cut off.")))
    with pytest.raises(BackendError):
        run(tmp_path, 3, llm_settings={"max_tokens": 16})
    monkeypatch.undo()
    assert run(tmp_path, 3, llm_settings={"max_tokens": 400}).samples == 3
    with pytest.raises(RunRefused, match="max_tokens"):
        run(tmp_path, 3, llm_settings={"max_tokens": 500})


def test_versions_that_change_what_comes_out_are_refused_and_patches_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins_, folder = plugin_dir(tmp_path / "plugins"), tmp_path / "run"

    def version(text: str) -> None:
        for module in (generate, synthesize):
            monkeypatch.setattr(module, "__version__", text)

    version("0.1.0")
    run(folder, 3, "tiny", plugin_dirs=[plugins_])
    version("0.2.0")
    with pytest.raises(RunRefused, match=r"\n  synth: 0\.1 -> 0\.2"):
        run(folder, 9, "tiny", plugin_dirs=[plugins_])
    version("0.1.7")
    run(folder, 40, "tiny", plugin_dirs=[plugins_])
    made = [row["provenance"]["synth"] for row in rows(folder)]
    assert made[:3] == ["0.1.0"] * 3
    assert made == sorted(made)
    assert made[-1] == "0.1.7"
    monkeypatch.setattr(plugins.load("synth.filters", "length"), "version", 2)
    with pytest.raises(RunRefused, match=r"\n  abilities\.tiny\.filters\.length: 1 -> 2"):
        run(folder, 9, "tiny", plugin_dirs=[plugins_])


def test_the_order_of_abilities_is_no_identity(tmp_path: Path) -> None:
    run(tmp_path, 1, abilities={"animal": 2, "food": 3})
    first = rows(tmp_path)
    run(tmp_path, 1, abilities={"food": 3, "animal": 2})
    assert rows(tmp_path) == first[2:] + first[:2]


def test_rows_say_how_their_texts_were_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = Misbehaving(lambda request: "nonsense" if request.step == "write" and request.temperature < 0.8 else None)
    use(monkeypatch, llm)
    plugins_ = plugin_dir(tmp_path / "plugins")
    run(tmp_path / "run", 2, "tiny", llm="double", plugin_dirs=[plugins_], **{"llm_settings.top_p": 0.8})
    for row in rows(tmp_path / "run"):
        assert row["provenance"]["sampling"] == {
            "temperature": {"write": 0.9, "converse": 0.7},
            "top_p": 0.8,
            "max_tokens": 512,
        }
