"""vLLM without vLLM: which model, which share of the GPU, whose fault. The engine itself runs in tests/with_vllm."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from endpoint import make_request

from synth.backends import device as machine
from synth.backends.device import Device
from synth.backends.llm import vllm as backend
from synth.backends.llm.base import LLMSettings, Message
from synth.backends.llm.vllm import VLLM, model, trouble
from synth.backends.llm.vllm.chat import ChatTemplate, without_system
from synth.backends.llm.vllm.engine import LONGEST_SOCKET_FOLDER, abandonable, printing_into
from synth.errors import BackendError, MissingExtra, SynthError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_spec", lambda name: object())
    on(monkeypatch, Device("cpu", "CPU", "2.13"))


def on(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    monkeypatch.setattr(machine, "find", lambda: device)


def gpu(memory: float) -> Device:
    return Device("cuda", "Fine GPU", "2.13", memory=memory)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    found = tmp_path / "tiny"
    found.mkdir()
    (found / "config.json").write_text("{}")
    (found / "model.safetensors").write_bytes(b"1")
    return found


# -- which model -----------------------------------------------------------------------------------


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    assert VLLM.available() == (False, "the package vllm is not installed (pip install 'synth-vlit[gpu]')")
    assert not VLLM.suits_auto() and VLLM.diagnosis() == []
    with pytest.raises(MissingExtra, match="synth-vlit"):
        VLLM.create("owner/model", LLMSettings())


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (12, None), (16.9, None), (25.4, "Qwen/Qwen3-4B-Instruct-2507-FP8"), (34, "Qwen/Qwen3-4B-Instruct-2507"),
        (47.7, "Qwen/Qwen3-14B-FP8"), (85, "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8"),
        (150, "Qwen/Qwen3-30B-A3B-Instruct-2507"),
    ],
)  # fmt: skip
def test_the_default_model_fits_beside_the_pictures(memory: float, expected: str | None) -> None:
    fits = model.fitting(gpu(memory))
    assert (fits.model if fits else None) == expected
    share = model.memory_share(gpu(memory))
    if fits is None:
        assert share == 0.5
    else:
        assert share * memory >= fits.memory - 0.001 * memory
        assert -1e-9 <= (1 - share) * memory - model.PICTURES <= 0.001 * memory


def test_what_is_left_to_pictures_is_what_auto_takes_for_them() -> None:
    from synth.backends.render.diffusers import presets
    from synth.backends.score.openclip import OpenClip

    best = presets.choose("", presets.built_in(), 1000.0)[1]
    assert best.memory + OpenClip.gpu_memory() == model.PICTURES


def test_doctor_names_the_default_among_those_that_fit(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for memory in (25.4, 39.1, 57.5, 92.0, 150.0):
        on(monkeypatch, gpu(memory))
        default = model.fitting(gpu(memory))
        assert default is not None and f"models that fit: {default.model}" in VLLM.diagnosis()[1]


def test_defaults_are_ordered_and_free() -> None:
    needs = [one.memory for one in model.defaults()]
    assert needs == sorted(needs, reverse=True)
    assert {one.licence for one in model.defaults()} == {"Apache-2.0"}


def test_auto_takes_it_on_a_gpu_that_has_room(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.run.select import options, resolve

    on(monkeypatch, gpu(85))
    name, why = resolve("synth.llms", "auto")
    assert (name, why) == ("vllm", "Fine GPU, 85 GB: Qwen/Qwen3-30B-A3B-Instruct-2507-FP8 fits")
    assert VLLM.diagnosis()[0].startswith("takes 80% of the GPU's memory")
    assert VLLM.gpu_memory() == pytest.approx(68, abs=0.1)
    for device in (gpu(16), Device("cpu", "CPU", "2.13")):
        on(monkeypatch, device)
        (vllm,) = (one for one in options("synth.llms") if one.name == "vllm")
        assert vllm.available and vllm.rank == 0


def test_a_gpu_that_cannot_be_used_is_an_error(installed: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Device("cpu", "CPU", "2.13", problem="The driver is too old.", fix="Update it."))
    assert VLLM.available() == (False, "The driver is too old.")
    with pytest.raises(BackendError, match="too old"):
        VLLM.create(str(folder), LLMSettings())


@pytest.mark.parametrize(
    ("argument", "said", "fix"),
    [
        ("", "there is no GPU", "--llm vllm:OWNER/MODEL"),
        ("./nothing", "this folder does not exist", "owner/model"),
        ("x.gguf", "does not read GGUF", "--llm llamacpp:x.gguf"),
    ],
)
def test_what_is_no_model(installed: None, argument: str, said: str, fix: str) -> None:
    with pytest.raises(SynthError, match=said) as caught:
        VLLM.create(argument, LLMSettings())
    assert fix in caught.value.fix


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_a_folder_that_is_no_whole_model(installed: None, folder: Path, gone: str) -> None:
    (folder / gone).unlink()
    with pytest.raises(SynthError, match=f"there is no .*{gone.removeprefix('model')}"):
        VLLM.create(str(folder), LLMSettings())


def test_what_decides_the_replies_is_the_identity(installed: None, folder: Path) -> None:
    def identity(**settings: Any) -> dict[str, Any]:
        return VLLM.create(str(folder), LLMSettings(**settings)).identity()

    first = identity()
    assert (first["name"], first["model"]) == ("vllm", "tiny")
    free = {"memory_fraction": 0.3, "tensor_parallel": 2, "max_length": 4096, "concurrency": 7, "compile": False}
    assert identity(**free) == first
    assert identity(quantization="fp8") != first
    assert identity(dtype="float32") != first
    (folder / "model.safetensors").write_bytes(b"22")
    assert identity()["revision"] != first["revision"]


def test_settings_reach_the_engine(installed: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, gpu(80))

    def arguments(**settings: Any) -> dict[str, Any]:
        return VLLM.create(str(folder), LLMSettings(**settings))._arguments("folder")

    plain = arguments()
    assert plain["gpu_memory_utilization"] == 0.787 and plain["max_model_len"] == -1
    changed = arguments(
        memory_fraction=0.3, tensor_parallel=2, max_length=4096, concurrency=7, dtype="float16", quantization="fp8",
        compile=False,
    )  # fmt: skip
    assert {key: value for key, value in changed.items() if value != plain[key]} == {
        "gpu_memory_utilization": 0.3, "tensor_parallel_size": 2, "max_model_len": 4096, "max_num_seqs": 7,
        "dtype": "float16", "quantization": "fp8", "enforce_eager": True,
    }  # fmt: skip


def test_models_of_the_hub(installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    commit = "c" * 40
    asked = []

    def download(name: str, file: str, **options: Any) -> str:
        asked.append(options["revision"])
        return str(tmp_path / "snapshots" / commit / file)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    identity = VLLM.create("owner/model", LLMSettings(revision="main")).identity()
    assert (identity["model"], identity["revision"], asked) == ("owner/model", commit, ["main"])

    def snapshot(name: str, revision: str, allow_patterns: list[str], **_: Any) -> str:
        assert revision == commit
        if "*.bin" in allow_patterns:
            (tmp_path / "model.bin").touch()
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert model.find("owner/model", None).fetch() == tmp_path

    def gated(*_: Any, **__: Any) -> str:
        raise hub.errors.GatedRepoError.__new__(hub.errors.GatedRepoError)

    monkeypatch.setattr(hub, "hf_hub_download", gated)
    with pytest.raises(SynthError, match="is gated") as caught:
        VLLM.create("owner/model", LLMSettings())
    assert "HF_TOKEN" in caught.value.fix


# -- chat templates --------------------------------------------------------------------------------


class Tokenizer:
    """One token a character; renders as transformers does."""

    def __init__(self, template: str) -> None:
        environment = jinja2.Environment()
        environment.globals["refuse"] = self.refuse
        self._template = environment.from_string(template)

    @staticmethod
    def refuse(why: str) -> None:
        raise jinja2.TemplateError(why)

    def apply_chat_template(self, messages: list[Message], **options: Any) -> list[int]:
        assert options["tokenize"] and options["return_dict"] is False
        return [ord(one) for one in self._template.render(messages=messages, **options)]

    def decode(self, tokens: list[int]) -> str:
        return "".join(map(chr, tokens))


_EACH = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
_REFUSING = "{% if messages[0].role == 'system' %}{{ refuse('System role not supported') }}{% endif %}" + _EACH
_DROPPING = _EACH.replace("in messages", "in messages if m.role != 'system'")
MESSAGES: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (_EACH, "<system>Be brief.<user>Hello.<assistant>"),
        (_REFUSING, "<user>Be brief.\n\nHello.<assistant>"),
        (_DROPPING, "<user>Be brief.\n\nHello.<assistant>"),
    ],
)
def test_a_system_message_always_arrives(source: str, expected: str) -> None:
    tokenizer = Tokenizer(source)
    assert tokenizer.decode(ChatTemplate(tokenizer, "m").tokens(MESSAGES)) == expected


def test_a_model_that_cannot_chat() -> None:
    with pytest.raises(BackendError, match="roles must alternate"):
        ChatTemplate(Tokenizer("{{ refuse('roles must alternate') }}"), "m")
    with pytest.raises(BackendError, match="drops the first message"):
        ChatTemplate(Tokenizer("<user>"), "m")


def test_messages_without_a_system_message_stay() -> None:
    assert without_system(MESSAGES[1:]) == MESSAGES[1:]


# -- errors ----------------------------------------------------------------------------------------

_ERROR = "(EngineCore pid=77) ERROR 11-21 16:30:00 [core.py:1480] "


@pytest.mark.parametrize(
    ("raised", "logged", "said", "fix"),
    [
        ("", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "does not fit", "tensor_parallel"),
        ("", "ValueError: Free memory on device cuda:0 (9/79 GiB) on startup is less than desired GPU memory",
         "less memory free", "memory_fraction lower"),
        ("", "ValueError: No available memory for the cache blocks. Try", "too little memory", "max_length lower"),
        ("User-specified max_model_len (9999) is greater than the derived max_model_len (2048)", "",
         "more than the model m can read", "Set it lower"),
        ("Invalid quantization method: nope", "", "quantization of the model m", "llm_settings.quantization"),
        ("", "RuntimeError: Failed to infer device type", "no device", "nvidia-smi"),
        ("Model architectures ['X'] are not supported for now.", "", "does not know the architecture", "another model"),
        ("", "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge", "damaged", "fetch"),
        ("", "SomethingError: odd", "vLLM cannot start with the model m: odd", "What vLLM said is in "),
    ],
)  # fmt: skip
def test_why_it_does_not_start(raised: str, logged: str, said: str, fix: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"INFO out of memory is what we avoid\n{_ERROR}{logged}\n" if logged else "")
    failed = RuntimeError(raised or "Engine core initialization failed. See root cause above.")
    error = trouble.start_failed("m", failed, log)
    assert said in error.message and fix in error.fix
    assert "EngineCore pid" not in error.message
    if logged and "odd" not in logged:
        assert logged.partition("Error: ")[2] in error.message


def test_an_error_without_a_log() -> None:
    error = trouble.start_failed("m", ValueError("odd\nthing"), None)
    assert error.message == "vLLM cannot start with the model m: ValueError: odd thing"


def test_printing_goes_into_the_log_and_comes_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as log, printing_into(log):
        os.write(1, b"one ")
        os.write(2, b"two")
    os.write(1, b"after\n")
    assert (tmp_path / "log").read_text() == "one two"
    assert capfd.readouterr() == ("after\n", "")


USES_SOCKETS = """
import os, socket, sys, tempfile, uuid
from synth.backends.llm.vllm import engine
if sys.argv[1] == "long":
    del tempfile.mkdtemp  # nothing is made only to see how long its name is
engine.give_sockets_a_folder()
folder = os.environ.get("VLLM_RPC_BASE_PATH", "")
print(folder)
if folder:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{folder}/{uuid.uuid4()}")
"""


@pytest.mark.parametrize("case", ["short", "longest", "long", "own"])
def test_sockets_go_with_the_process(case: str, tmp_path: Path) -> None:
    """In a process of its own, because the folder goes when that ends; with one of ours in the folder, whose path may
    not be longer than the system takes."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # pytest's own paths may be too long for a socket
        room = LONGEST_SOCKET_FOLDER - len(f"{short}//synth-vllm-12345678")
        temporary = Path(short, "t" * {"longest": room, "long": room + 1}.get(case, 1))
        temporary.mkdir()
        own = Path(short, "own")
        own.mkdir()
        environment = {name: value for name, value in os.environ.items() if name != "VLLM_RPC_BASE_PATH"}
        environment["TMPDIR"] = str(temporary)
        if case == "own":
            environment["VLLM_RPC_BASE_PATH"] = str(own)
        command = [sys.executable, "-X", "dev", "-c", USES_SOCKETS, case]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        used = done.stdout.strip()
        assert "ResourceWarning" not in done.stderr
        assert not list(temporary.iterdir())
        assert len(list(own.iterdir())) == (case == "own")
        if case == "own":
            assert used == str(own)
        elif case == "long":
            assert not used
        else:
            assert Path(used).parent == temporary


async def test_a_start_can_be_abandoned() -> None:
    async def fails() -> None:
        await abandonable(lambda: 1 // 0)

    assert await abandonable(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await fails()


# -- requests --------------------------------------------------------------------------------------


class _DeadError(Exception):
    pass


class Core:
    """Stands for vLLM's AsyncLLM: replies with the prompt's length, or dies, or is slow."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.aborted = False
        self.model_config = types.SimpleNamespace(max_model_len=600)

    async def generate(self, prompt: dict[str, Any], sampling: Any, name: str) -> AsyncIterator[Any]:
        try:
            if self.how == "dead":
                raise _DeadError
            if self.how == "slow":
                await asyncio.sleep(60)
            text = str(len(prompt["prompt_token_ids"]))
            output = types.SimpleNamespace(text=text, token_ids=[1, 2], finish_reason=self.how)
            yield types.SimpleNamespace(outputs=[output], num_cached_tokens=3)
        except asyncio.CancelledError:
            self.aborted = True
            raise


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As much of vLLM's modules as a request needs."""
    for name in ("vllm", "vllm.sampling_params", "vllm.v1", "vllm.v1.engine", "vllm.v1.engine.exceptions"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    params: Any = sys.modules["vllm.sampling_params"]
    params.StructuredOutputsParams = types.SimpleNamespace
    params.RequestOutputKind = types.SimpleNamespace(FINAL_ONLY=2)
    top: Any = sys.modules["vllm"]
    top.SamplingParams = types.SimpleNamespace
    errors: Any = sys.modules["vllm.v1.engine.exceptions"]
    errors.EngineDeadError = _DeadError
    monkeypatch.setattr(backend, "_SECONDS_TO_BE_CANCELLED", 0.2)
    yield


def running(folder: Path, how: str) -> tuple[VLLM, Core]:
    llm, core = VLLM.create(str(folder), LLMSettings()), Core(how)
    llm._engine = types.SimpleNamespace(llm=core, log=None)  # type: ignore[assignment]
    llm._template = ChatTemplate(Tokenizer(_EACH), "m")
    return llm, core


async def test_a_reply(installed: None, folder: Path, library: None) -> None:
    llm, _ = running(folder, "length")
    reply = await llm.chat(make_request("Hello"))
    assert reply.text == str(reply.prompt_tokens)
    assert (reply.cached_tokens, reply.completion_tokens, reply.truncated) == (3, 2, True)


async def test_requests_that_cannot_be_answered_stop_the_run(installed: None, folder: Path, library: None) -> None:
    llm, _ = running(folder, "stop")
    with pytest.raises(BackendError, match="at most 600 tokens") as caught:
        await llm.chat(make_request("x" * 600))
    assert "max_length" in caught.value.fix
    llm, _ = running(folder, "abort")
    with pytest.raises(BackendError, match=r"without a reply \(abort\)"):
        await llm.chat(make_request("Hello"))
    llm, _ = running(folder, "dead")
    with pytest.raises(BackendError, match="engine with the model tiny died"):
        await llm.chat(make_request("Hello"))
    with pytest.raises(BackendError, match="not started"):
        await VLLM.create(str(folder), LLMSettings()).chat(make_request("Hello"))


async def test_ctrl_c_goes_before_the_death_of_the_engine(installed: None, folder: Path, library: None) -> None:
    """The terminal sends it to the engine's process, too."""
    llm, _ = running(folder, "dead")
    task = asyncio.create_task(llm.chat(make_request("Hello")))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_abandoned_request_leaves_the_batch(installed: None, folder: Path, library: None) -> None:
    llm, core = running(folder, "slow")
    task = asyncio.create_task(llm.chat(make_request("Hello")))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert core.aborted
