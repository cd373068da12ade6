"""The command line as a user meets it: what it prints, what it refuses, how it exits."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from synth.cli import app
from synth.cli.summary import finish_render
from synth.config import load_config
from synth.flow.backends import Backends
from synth.flow.tally import Tally
from synth.ledger import LEDGER_VERSION
from synth.records import DATASET_VERSION
from synth.run.generate import Summary
from tests.doubles import candidate, plugin_dir

ABILITY = "animal"


def synth(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def made(folder: Path, *more: object) -> Path:
    """A small finished run with previews."""
    result = synth(
        "generate", "--ability", ABILITY, "--n", 3, "--llm", "scripted", "--renderer", "preview",
        "--out", folder, *more,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("cli") / "run")


# -- help and start-up ------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    heavy = ["pydantic", "jinja2", "aiohttp", "PIL", "numpy", "yaml", "torch", "rich.progress", "orjson"]
    code = f"""
import sys
sys.argv = ["synth", "--help"]
from synth.cli import main
try:
    main()
except SystemExit:
    pass
print("LOADED", [name for name in {heavy!r} if name in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "generate" in out
    assert out.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize(
    "command",
    ["generate", "render", "status", "show", "export", "report", "abilities", "keywords", "models", "doctor"],
)
def test_every_command_explains_itself(command: str) -> None:
    result = synth(command, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_help_documents_exit_codes() -> None:
    output = synth("--help").output
    for code in ("0", "1", "2", "3", "4", "5", "130"):
        assert re.search(rf"\n\s*{code}[ ,]", output), code


def test_version() -> None:
    from synth import __version__

    assert synth("--version").output.strip() == f"synth {__version__}"


def test_doctor_always_succeeds() -> None:
    result = synth("doctor")
    assert result.exit_code == 0
    assert "auto picks" in result.output


# -- abilities --------------------------------------------------------------------------------


def test_abilities_are_listed_and_shown() -> None:
    assert ABILITY in synth("abilities").output
    shown = synth("abilities", ABILITY)
    assert shown.exit_code == 0
    assert f"keyword bank {ABILITY}" in shown.output
    assert "repetition" in shown.output


def test_unknown_ability_suggests_the_nearest() -> None:
    for arguments in (["abilities", "abnormel"], ["generate", "--ability", "abnormel", "--n", "2"]):
        result = synth(*arguments)
        assert result.exit_code == 2
        assert "Error: There is no ability 'abnormel'." in result.stderr
        assert "Did you mean 'abnormal'?" in result.stderr


@pytest.mark.parametrize("form", ["single", "multi", "interleaved"])
def test_new_ability_passes_its_check_and_runs(form: str, tmp_path: Path) -> None:
    assert synth("abilities", "new", "gizmo", "--form", form, "--dir", tmp_path).exit_code == 0
    checked = synth("abilities", "check", tmp_path / "templates/gizmo.yaml")
    assert checked.exit_code == 0, checked.output
    assert "is fine" in checked.output and "note" not in checked.output
    shown = synth("abilities", "gizmo", "--plugin-dir", tmp_path)
    assert "keyword bank gizmo" in shown.output
    [tried] = [line.removeprefix("Try it: synth ") for line in shown.output.splitlines() if line.startswith("Try it")]
    assert synth(*shlex.split(tried), "--llm", "scripted").exit_code == 0
    again = synth("abilities", "new", "gizmo", "--dir", tmp_path)
    assert again.exit_code == 2
    assert "already there" in again.stderr


@pytest.mark.parametrize("name", ["Big", "abnormal", "../x", "animal"])
def test_new_ability_refuses_bad_and_taken_names(name: str, tmp_path: Path) -> None:
    assert synth("abilities", "new", name, "--dir", tmp_path).exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1 ", "versoin: 1 ", "line 5"),
        ("{bank: gizmo}", "{bank: gizzmo}", "'gizzmo'"),
        ("Look: {{ subject.look }}", "Look: {{ subject.looks }}", "no fact 'looks'"),
        ("answer: A bicycle with", "answer: as an AI, a bicycle with", "the filter 'phrasing' drops it"),
        ("Question: {{ question }}", "Question: {{ question", "dialogue.describe"),
    ],
)
def test_check_finds_what_is_wrong(old: str, new: str, expected: str, tmp_path: Path) -> None:
    synth("abilities", "new", "gizmo", "--dir", tmp_path)
    file = tmp_path / "templates/gizmo.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    result = synth("abilities", "check", file)
    assert result.exit_code == 2
    assert expected in " ".join((result.stdout + result.stderr).split())


# -- generate: what is refused ----------------------------------------------------------------


def test_n_must_be_positive_and_known() -> None:
    zero = synth("generate", "--ability", ABILITY, "--n", 0)
    assert zero.exit_code == 2
    assert f"n is 0 for '{ABILITY}'" in zero.stderr
    missing = synth("generate", "--ability", ABILITY)
    assert missing.exit_code == 2
    assert "Neither --n nor the config file says" in missing.stderr
    assert synth("generate").exit_code == 2


def test_unknown_setting_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("abilities: {abnormal: 2}\npool: {portoin: 0.5}\n")
    result = synth("generate", "--config", file)
    assert result.exit_code == 2
    assert f"{file}: pool.portoin: there is no such setting" in result.stderr
    assert "Traceback" not in result.output


def test_flags_beat_the_file_only_where_given(tmp_path: Path) -> None:
    from synth.run.flags import config_from_flags

    file = tmp_path / "run.yaml"
    file.write_text("abilities: {abnormal: 2, animal: 7}\nseed: 5\nllm_settings: {temperature: 0.1}\n")
    unset = {"seed": None, "llm_settings.temperature": None}
    config = config_from_flags(file, [], None, [], unset)
    assert (config.abilities, config.seed) == ({"abnormal": 2, "animal": 7}, 5)
    assert config.llm_settings.temperature == 0.1
    config = config_from_flags(file, ["animal", "food=9"], None, ["pool.size=8"], {"seed": 6})
    assert (config.abilities, config.seed, config.pool.size) == ({"animal": 7, "food": 9}, 6, 8)
    assert config_from_flags(file, [], 4, [], {}).abilities == {"abnormal": 4, "animal": 4}


def test_values_of_set_are_read_as_those_of_a_file() -> None:
    from synth.errors import SynthError
    from synth.run.flags import config_from_flags

    config = config_from_flags(None, ["animal"], 2, ["out=2024-05-01", "pool={size: 9}"], {})
    assert (config.out, config.pool.size) == (Path("2024-05-01"), 9)
    for wrong, message in (("pool={size: 8, size: 9}", "the key 'size' is there twice"), ("seed=[", "--set seed=")):
        with pytest.raises(SynthError, match=re.escape(message)):
            config_from_flags(None, ["animal"], 2, [wrong], {})
    with pytest.raises(SynthError, match="--ability animal is there twice"):
        config_from_flags(None, ["animal", "animal=3"], 2, [], {})


def test_folders_that_are_no_runs_are_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        for command in (["status", folder], ["show", folder, "1"], ["report", folder]):
            result = synth(*command)
            assert result.exit_code == 5, command
            assert "Fix: " in result.stderr


def test_another_identity_is_refused_by_name(run: Path) -> None:
    result = synth(
        "generate", "--ability", ABILITY, "--n", 3, "--llm", "scripted", "--renderer", "preview",
        "--out", run, "--seed", 9,
    )  # fmt: skip
    assert result.exit_code == 5
    assert "seed: 0 -> 9" in result.stderr


def test_too_few_accepted_exits_with_3(tmp_path: Path) -> None:
    result = synth(
        "generate", "--ability", ABILITY, "--n", 9, "--max-candidates", 2, "--llm", "scripted",
        "--renderer", "none", "--out", tmp_path / "run",
    )  # fmt: skip
    assert result.exit_code == 3
    assert "--max-candidates" in result.stderr


def test_a_run_that_comes_up_short_says_why(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path / "mine", filters=[{"length": {"max_characters": 20}}])
    result = synth(
        "generate", "--ability", "tiny", "--n", 2, "--max-candidates", 3, "--llm", "scripted", "--plugin-dir", folder,
        "--renderer", "none", "--out", tmp_path / "run",
    )  # fmt: skip
    assert result.exit_code == 3
    assert "Most often rejected: length (3), e.g. tiny-s0-00000" in result.stderr
    assert "characters" in result.stderr


@pytest.mark.parametrize(
    ("flags", "fix"),
    [
        ("--llm sglang:X", "--llm openai:X --base-url http://HOST:8000/v1"),
        ("--llm gpt-4", "--llm openai:gpt-4."),
        ("--llm smollm2-135m", "--llm llamacpp:smollm2-135m"),
        ("--llm scritped", "Did you mean 'scripted'?"),
        ("--llm scripted --renderer sdxl", "There are: auto, diffusers, none, openai-images, preview."),
    ],
)
def test_unknown_backends_say_what_to_write_instead(flags: str, fix: str, tmp_path: Path) -> None:
    result = synth("generate", "--ability", ABILITY, "--n", 2, *flags.split(), "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert fix in result.stderr


def test_rendering_later_takes_settings_of_pictures_only(tmp_path: Path) -> None:
    flags = ["--ability", ABILITY, "--n", 2, "--llm", "scripted", "--renderer", "none"]
    assert synth("generate", *flags, "--out", tmp_path / "run").exit_code == 0
    later = ["render", tmp_path / "run", "--renderer", "preview", "--set"]
    for setting, says in (
        ("seed=3", "takes render_settings.* only"),
        ("render_settings.steps=3", "says nothing to --renderer preview"),
        ("render_settings.colour=3", "render_settings.colour"),
    ):
        wrong = synth(*later, setting)
        assert (wrong.exit_code, says in wrong.stderr) == (2, True), wrong.stderr
    assert synth(*later, "render_settings.image_format=png").exit_code == 0
    assert len(list((tmp_path / "run").rglob("*.png"))) >= 2


def test_a_report_takes_the_place_of_a_report_only(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    before = (run / "ledger.sqlite").read_bytes()
    for file in ("ledger.sqlite", "dataset.jsonl", "config.yaml"):
        refused = synth("report", run, "--out", run / file)
        assert (refused.exit_code, "is no report" in refused.stderr) == (5, True)
    assert (run / "ledger.sqlite").read_bytes() == before
    for _ in range(2):
        assert synth("report", run, "--out", tmp_path / "look.html").exit_code == 0
    wrong = synth("report", run, "--out", run / "config.yaml" / "look.html")
    assert (wrong.exit_code, "config.yaml is a file, not a folder" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    "line",
    [
        "generate --ability animal --n 1 --llm scripted --renderer none --out LONG",
        "generate --ability animal --n 1 --llm scripted --renderer none --out OUT --plugin-dir LONG",
        "generate --ability animal --n 1 --llm llamacpp:LONG.gguf --renderer none --out OUT",
        "status LONG",
        "abilities new gizmo --dir LONG",
    ],
)
def test_a_name_that_is_too_long_is_bad_input(line: str, tmp_path: Path) -> None:
    arguments = [part.replace("LONG", "x" * 300).replace("OUT", str(tmp_path / "out")) for part in line.split()]
    result = synth(*arguments)
    assert result.exit_code in (2, 4, 5), result.output
    assert "too long" in result.stderr


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    flags = ["--ability", "animal", "--n", 1, "--llm", "scripted", "--renderer", "none"]
    result = synth("generate", *flags, "--out", f"{tmp_path}/b\udcffd")
    assert (result.exit_code, "no name in UTF-8" in result.stderr) == (5, True)


WRONG = {
    "no model": "generate --ability animal --n 2 --llm openai --out OUT",
    "no address": "generate --ability animal --n 2 --llm openai:x --out OUT",
    "bad address": "generate --ability animal --n 2 --llm openai:x --base-url nowhere --out OUT",
    "no file": "generate --ability animal --n 2 --llm llamacpp:nope.gguf --renderer none --out OUT",
    "not in the catalogue": "generate --ability animal --n 2 --llm llamacpp:nope --renderer none --out OUT",
    "an argument too many": "generate --ability animal --n 2 --llm scripted:x --out OUT",
    "no language model": "generate --ability animal --n 2 --llm nope --out OUT",
    "no renderer": "generate --ability animal --n 2 --llm scripted --renderer nope --out OUT",
    "no data set": "generate --ability animal --n 2 --llm scripted --existing nope --out OUT",
    "nothing to render with": "render RUN --renderer none",
    "unknown model": "models path nope",
    "unknown model to fetch": "models fetch nope",
    "unknown format": "export RUN --format nope --out OUT",
    "unknown candidate": "show RUN 999999",
    "unknown ability": "abilities nope",
    "unknown bank": "keywords --bank nope --n 2 --llm scripted",
    "keywords without a model": "keywords --bank animal --n 2 --llm openai",
    "no template": "abilities check nope.yaml",
    "a bad n": "generate --ability animal --n -3 --out OUT",
    "unknown option": "status RUN --nope",
    "an ability twice": "generate --ability animal=2 --ability animal --n 3 --llm scripted --out OUT",
    "a setting twice": "generate --ability animal --n 2 --set pool.size=8 --set pool.size=9 --llm scripted --out OUT",
    "a folder without templates": "generate --ability animal --n 2 --llm scripted --plugin-dir RUN --out OUT",
    "a folder that is not there": "abilities --plugin-dir nope",
}


@pytest.mark.parametrize("command", WRONG.values(), ids=WRONG)
def test_bad_input_exits_with_2_and_leaves_nothing(
    command: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "SYNTH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    result = synth(*command.replace("RUN", str(run)).replace("OUT", str(tmp_path / "out")).split())
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())


def test_what_the_system_refuses_a_backend_exits_with_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth import plugins

    def refused(*_: object) -> None:
        raise OSError("no device")

    monkeypatch.setattr(plugins.load("synth.renderers", "preview"), "render", refused)
    result = synth(
        "generate", "--ability", ABILITY, "--n", 2, "--llm", "scripted", "--renderer", "preview",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert result.exit_code == 4, result.output
    assert "OSError: no device" in result.stderr


NEWER = [
    "status RUN",
    "show RUN 1",
    "report RUN",
    "render RUN --renderer preview",
    "export RUN --format llava --out OUT",
    "export RUN/dataset.jsonl --format llava --out OUT",
    "generate --ability animal --n 3 --llm scripted --renderer preview --out RUN",
]


@pytest.mark.parametrize("command", NEWER)
def test_a_run_of_a_newer_synth_is_refused_and_left_alone(command: str, run: Path, tmp_path: Path) -> None:
    newer = tmp_path / "run"
    shutil.copytree(run, newer)
    with closing(sqlite3.connect(newer / "ledger.sqlite")) as db:
        db.execute("UPDATE meta SET value = '9' WHERE key = 'version'")
        db.commit()
    before = (newer / "ledger.sqlite").read_bytes()
    result = synth(*command.replace("RUN", str(newer)).replace("OUT", str(tmp_path / "out")).split())
    assert result.exit_code == 5, result.output
    assert f"was written by a newer synth (ledger version 9, this one reads {LEDGER_VERSION})" in result.stderr
    assert "pip install -U" in result.stderr
    assert (newer / "ledger.sqlite").read_bytes() == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("unknown_field", [False, True])
def test_a_data_set_of_a_newer_synth_is_refused(unknown_field: bool, run: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (run / "dataset.jsonl").read_text().splitlines()]
    rows[1]["provenance"]["format"] = DATASET_VERSION + 1
    if unknown_field:
        rows[1]["mood"] = "calm"
    file = tmp_path / "dataset.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    commands = (
        ["export", file, "--format", "llava", "--out", tmp_path / "out", "--allow-preview"],
        ["generate", "--ability", ABILITY, "--n", 2, "--llm", "scripted", "--existing", file, "--out", tmp_path / "r"],
    )
    for command in commands:
        result = synth(*command)
        assert result.exit_code == 5, result.output
        assert [path.name for path in tmp_path.iterdir()] == ["dataset.jsonl"]
        versions = f"data set version {DATASET_VERSION + 1}, this one reads {DATASET_VERSION}"
        assert f"{file}, line 2 was written by a newer synth ({versions})" in result.stderr


# -- generate: dry run ------------------------------------------------------------------------


def test_dry_run_calls_nothing_and_prints_what_is_sent(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synth import plugins
    from synth.run.look import messages, read_ledger

    async def forbidden(*_: object) -> None:
        raise AssertionError("a dry run called the model")

    scripted = plugins.load("synth.llms", "scripted")
    monkeypatch.setattr(scripted, "chat", forbidden)
    monkeypatch.setattr(scripted, "start", forbidden)
    out = tmp_path / "run"
    result = synth(
        "generate", "--ability", ABILITY, "--n", 3, "--llm", "scripted", "--renderer", "preview",
        "--out", out, "--dry-run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert not out.exists()
    assert "stands in" in result.stdout
    assert "prompt tokens" in result.stdout
    ledger = read_ledger(run)
    first = ledger.candidate(f"{ABILITY}-s0-000000")
    assert first is not None
    for message in messages(ledger, first.calls[0]):
        assert message["content"] in result.stdout


def test_dry_run_says_what_the_folder_means(run: Path, tmp_path: Path) -> None:
    command = ["generate", "--ability", ABILITY, "--n", 4, "--llm", "scripted", "--renderer", "preview", "--dry-run"]
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert "this would be a new run" in synth(*command, "--out", tmp_path / "new").stdout
    assert "this would go on with the run" in synth(*command, "--out", run).stdout
    other = synth(*command, "--out", run, "--seed", 9)
    assert other.exit_code == 5
    assert "this would be refused" in other.stdout
    assert "Estimate" in other.stdout
    assert "\n  seed: 0 -> 9\n" in other.stderr
    assert synth(*command, "--out", tmp_path / "new", "--resume", "always").exit_code == 5
    assert {path: path.read_bytes() for path in before} == before
    assert not list(tmp_path.iterdir())


# -- looking at a run -------------------------------------------------------------------------


def test_show_prints_messages_and_replies_to_the_letter(run: Path) -> None:
    from synth.run.look import messages, read_ledger

    result = synth("show", run, "1")
    assert result.exit_code == 0, result.output
    ledger = read_ledger(run)
    candidate = ledger.candidate(f"{ABILITY}-s0-000001")
    assert candidate is not None
    assert candidate.calls
    for call in candidate.calls:
        assert call.reply in result.stdout
        for message in messages(ledger, call):
            assert message["content"] in result.stdout
    assert str(candidate.images[0].path) in result.stdout


def test_show_raw_is_json_with_the_shared_messages(run: Path) -> None:
    data = json.loads(synth("show", run, f"{ABILITY}-s0-000001", "--raw").stdout)
    assert data["candidate"]["index"] == 1
    for call in data["candidate"]["calls"]:
        assert data["shared_messages"][call["shared"]][0]["role"] == "system"


def test_show_suggests_the_nearest(run: Path) -> None:
    result = synth("show", run, "anmal-s0-000001")
    assert result.exit_code == 2
    assert f"{ABILITY}-s0-000001" in result.stderr


def test_status_says_done_and_touches_nothing(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.iterdir() if "ledger.sqlite-" not in path.name}
    result = synth("status", run)
    after = {path: path.stat().st_mtime_ns for path in run.iterdir() if "ledger.sqlite-" not in path.name}
    assert result.exit_code == 0
    assert "done" in result.stdout
    assert "synth export" in result.stdout
    assert before == after


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (["--max-candidates", 2], "Go on: all 2 candidates that --max-candidates allows were tried"),
        (["--max-cost", 0.004, "--set", "llm_settings.price_in=1"], "Go on: --max-cost 0.004 is used up"),
    ],
)
def test_status_goes_on_with_a_larger_limit(limits: list[object], reason: str, tmp_path: Path) -> None:
    command = ["generate", "--ability", ABILITY, "--n", 8, "--llm", "scripted", "--renderer", "none"]
    assert synth(*command, *limits, "--concurrency", 1, "--out", tmp_path).exit_code == 3
    said = synth("status", tmp_path).stdout
    assert reason in said
    [again] = [line for line in said.splitlines() if line.startswith("  synth generate")]
    assert again.split()[-2] == limits[0] and float(again.split()[-1]) == 2 * float(str(limits[1]))
    tried = len(_candidates(tmp_path))
    synth(*shlex.split(again)[1:])
    assert len(_candidates(tmp_path)) > tried


def _candidates(folder: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        return list(db.execute("SELECT id FROM candidates"))


def test_status_while_another_process_holds_the_run(run: Path) -> None:
    from synth.run.folder import RunFolder
    from synth.run.look import status

    with RunFolder(run):
        assert status(run).holder is not None
        assert synth("status", run).exit_code == 0
    assert status(run).holder is None


def test_control_characters_of_models_do_not_reach_a_terminal() -> None:
    from synth.cli.terminal import visible

    assert visible("a\x1b[31mb\n\tc\x9b") == "a\\x1b[31mb\n\tc\\x9b"


# -- after a run ------------------------------------------------------------------------------


def test_render_a_text_only_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = synth(
        "generate", "--ability", ABILITY, "--n", 2, "--llm", "scripted", "--renderer", "none", "--out", folder
    )
    assert result.exit_code == 0, result.output
    assert "synth render" in result.stdout
    rendered = synth("render", folder, "--renderer", "preview", "--width", 128, "--height", 128)
    assert rendered.exit_code == 0, rendered.output
    assert len(list((folder / "images").rglob("*.jpg"))) >= 2


def test_summary_names_what_comes_next(tmp_path: Path) -> None:
    result = synth(
        "generate", "--ability", ABILITY, "--n", 2, "--llm", "scripted", "--renderer", "preview",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert "synth report" in result.stdout
    assert "--allow-preview" in result.stdout


def test_previews_are_exported_only_on_demand(run: Path, tmp_path: Path) -> None:
    refused = synth("export", run, "--format", "llava", "--out", tmp_path / "x")
    assert refused.exit_code == 2
    assert "--allow-preview" in refused.stderr
    assert synth("export", run, "--format", "llava", "--out", tmp_path / "x", "--allow-preview").exit_code == 0


@pytest.mark.parametrize("option", [["--collage"], ["--set", "collage=true"]])
def test_options_of_an_export_format(run: Path, tmp_path: Path, option: list[str]) -> None:
    export = ("export", run, "--out", tmp_path / "x", "--allow-preview", *option)
    refused = synth(*export, "--format", "llava-next")
    assert refused.exit_code == 2 and "'llava-next' has no option 'collage'" in refused.stderr
    assert synth(*export, "--format", "llava").exit_code == 0
    assert synth(*export, "--format", "llava", "--set", "collage=maybe").exit_code == 2
    assert synth(*export, "--format", "llava", "--set", "allow_preview=true").exit_code == 2


def test_a_smaller_n_says_what_it_left_out(tmp_path: Path) -> None:
    command = ["generate", "--ability", ABILITY, "--llm", "scripted", "--renderer", "none", "--out", tmp_path]
    shrunk = r"animal: the run has (\d+) samples; the data set now holds the first 3; a larger --n brings them back"
    assert "brings them back" not in synth(*command, "--n", 8).stdout
    found = re.search(shrunk, synth(*command, "--n", 3).stdout)
    assert found and int(found[1]) >= 8
    assert "brings them back" not in synth(*command, "--n", 8).stdout
    assert len((tmp_path / "dataset.jsonl").read_text().splitlines()) == 8


# -- models -----------------------------------------------------------------------------------


def test_generate_offline_without_a_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SYNTH_OFFLINE", "1")
    result = synth(
        "generate", "--ability", ABILITY, "--n", 2, "--llm", "llamacpp", "--renderer", "none",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert result.exit_code == 4
    assert "SYNTH_OFFLINE" in result.stderr
    assert not (tmp_path / "run").exists()


def test_generate_fetches_a_missing_model_and_says_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.backends import models
    from synth.cli.machine import provide_model

    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path))
    steps: list[str] = []

    def fetch(name: str, progress: models.Progress) -> Path:
        steps.append(f"fetch {name}")
        progress(5, 10, "test")
        return tmp_path

    monkeypatch.setattr(models, "fetch", fetch)
    provide_model("llamacpp:smollm2-135m", check=lambda: steps.append("check"))
    assert steps == ["check", "fetch smollm2-135m"]
    provide_model("scripted")
    assert len(steps) == 2


# -- errors that are nobody's fault but ours --------------------------------------------------


def test_a_bug_exits_with_1_and_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from synth import cli
    from synth.run import doctor

    def broken() -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "diagnose", broken)
    monkeypatch.setattr(sys, "argv", ["synth", "doctor"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    error = capsys.readouterr().err
    assert "RuntimeError: boom" in error
    assert "Please report it" in error


def test_a_closed_pipe_is_no_error() -> None:
    code = "import sys\nfrom synth.cli import main\nsys.argv = ['synth', 'abilities']\nmain()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == ""


def test_warnings_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    import warnings

    from synth.cli.terminal import show_warnings

    with warnings.catch_warnings():
        show_warnings()
        warnings.simplefilter("always")
        warnings.warn("the plugin 'x' is skipped", stacklevel=1)
    assert capsys.readouterr().err == "Warning: the plugin 'x' is skipped\n"


# -- docs -------------------------------------------------------------------------------------


def test_docs_list_every_setting_and_its_default() -> None:
    from synth.config import RunConfig
    from synth.records import Record

    text = (Path(__file__).parents[1] / "docs/configuration.md").read_text()

    def keys(model: type[Record], prefix: str = "") -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Record):
                found += keys(field.annotation, f"{prefix}{name}.")
            else:
                found.append(f"| `{prefix}{name}` | {default(field)} |")
        return found

    def default(field: object) -> str:
        value = field.get_default(call_default_factory=True)  # type: ignore[attr-defined]
        required = field.is_required()  # type: ignore[attr-defined]
        return "required" if required else "none" if value is None else f"`{json.dumps(value)}`"

    missing = [key for key in keys(RunConfig) if key not in text]
    assert not missing, f"docs/configuration.md lacks these rows, or has another default: {missing}"


def test_docs_list_every_command() -> None:
    import typer.main

    text = (Path(__file__).parents[1] / "docs/cli.md").read_text()
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f"## synth {name}" in text


def test_rendering_that_comes_up_short_names_a_command_that_writes_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config(None, {"abilities": {"animal": 5}})
    tally = Tally(config, (0, 0), Backends(None, None, None))
    lost = candidate(ability="animal", text_passed=True)
    lost.reject("alignment", "too far")
    tally.finished(lost)
    with pytest.raises(typer.Exit):
        finish_render(Summary(tmp_path, 4, tally, 1.0, missing={"animal": 1}))
    told = capsys.readouterr().err
    assert "--max-candidates" not in told
    assert "Texts whose pictures were rejected: 1;" in told
    assert f"synth generate --config {tmp_path}/config.yaml --out {tmp_path}" in told
