"""The embedded language model: llama.cpp in this process, for machines with neither GPU nor endpoint.

A small processor reads a prompt at some 90 tokens a second, so what decides the speed is that the shared
beginning of a request is read once. Each of them keeps a slot of its own in the key-value cache; llama.cpp's
own choice of slot (most similar prompt) puts all of them into one, because templates begin alike.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from synth.backends import models
from synth.backends.fingerprint import fingerprint
from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.errors import BackendError, MissingExtra, ReplyError, SynthError
from synth.machine import usable_cores

DEFAULT_MODEL = "qwen2.5-coder-1.5b"

_SLOTS = 6
_CONTEXT = 4096
#: Prompt tokens read between two looks at whether the request was abandoned: some two seconds on two cores.
_BATCH = 128
_MAGIC = b"GGUF"


class LlamaCpp(LLM):
    """A GGUF file, by the catalogue's name or by path."""

    auto_rank = 1
    uses = frozenset(("threads",))

    def __init__(self, argument: str, settings: LLMSettings) -> None:
        self.argument = argument or DEFAULT_MODEL
        self.concurrency = settings.concurrency or 1
        self._threads = settings.threads or usable_cores()
        # Whoever asks for more requests at once must get slots for them.
        self._slots = Slots(max(_SLOTS, self.concurrency))
        self._server: Any = None
        self._pool: ThreadPoolExecutor | None = None
        self._running: set[_Generation] = set()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        if find_spec("xllamacpp") is None:
            return False, "the package xllamacpp is not installed (pip install 'synth-vlit[local]')"
        if models.path(DEFAULT_MODEL) is None:
            return True, f"llama.cpp in this process; {DEFAULT_MODEL} will be fetched first"
        return True, f"llama.cpp in this process with {DEFAULT_MODEL}"

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> LlamaCpp:
        return cls(argument, settings)

    def identity(self) -> dict[str, Any]:
        if self._is_path():
            file = self._existing_path()
            return {"name": "llamacpp", "model": file.name, "sha256": fingerprint(file)[:16]}
        model = models.get(self.argument)
        return {"name": "llamacpp", "model": model.name, "sha256": model.sha256[:16]}

    async def start(self) -> None:
        if self._server is not None:
            return
        if find_spec("xllamacpp") is None:
            raise MissingExtra("xllamacpp", "local", "The embedded language model")
        file = await asyncio.to_thread(self._file)
        check_gguf(file)
        self._server = await asyncio.to_thread(self._load, file)
        self._pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="llamacpp")

    async def chat(self, request: ChatRequest) -> ChatReply:
        if self._server is None or self._pool is None:
            raise BackendError("The embedded language model is not started.", "Call start() first.")
        slot = self._slots.take(request.shared.key)
        generation = _Generation()
        self._running.add(generation)
        try:
            future = self._pool.submit(self._generate, _body(request, slot), generation)
            future.add_done_callback(lambda _: self._running.discard(generation))
            await asyncio.wrap_future(future)
        finally:
            generation.abandoned.set()
            self._slots.release(slot)
        return generation.reply()

    async def close(self) -> None:
        for generation in tuple(self._running):
            generation.abandoned.set()
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
        # The native server ends when its last reference goes.
        server, self._server = self._server, None
        await asyncio.to_thread(_drop, [server])

    def _generate(self, body: dict[str, Any], generation: _Generation) -> None:
        server = self._server
        if server is None or generation.abandoned.is_set():
            return
        try:
            server.handle_chat_completions(body, generation.take)
        except (ValueError, RuntimeError) as error:
            raise BackendError(
                f"llama.cpp refuses a request to {self.argument}: {error}",
                "Its chat template may not suit; use another model.",
            ) from error

    def _load(self, file: Path) -> Any:
        with patient_threads():
            import xllamacpp
        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        params.n_parallel = self._slots.count
        params.n_ctx = _CONTEXT * self._slots.count
        params.n_batch = params.n_ubatch = _BATCH
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        params.verbosity = 0
        # Example groups of past rounds never come back; keeping their caches would take gigabytes.
        params.cache_ram_mib = 0
        params.cache_idle_slots = False
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            size = file.stat().st_size / 1e6
            raise BackendError(
                f"llama.cpp cannot load {file} ({size:,.0f} MB): the file is cut off or damaged, of a kind "
                "this llama.cpp does not know, or too large for the memory.",
                _refetch(file),
            ) from error

    def _is_path(self) -> bool:
        return self.argument.lower().endswith(".gguf") or os.sep in self.argument

    def _existing_path(self) -> Path:
        file = Path(self.argument).expanduser()
        if not file.is_file():
            raise SynthError(f"There is no file {file}.", "Give --llm llamacpp:PATH the path of a GGUF file.")
        return file

    def _file(self) -> Path:
        return self._existing_path() if self._is_path() else models.fetch(self.argument)


class Slots:
    """Which slot of the key-value cache a shared beginning has: its own, else the one unused for longest."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._keys: dict[int, str] = dict.fromkeys(range(count), "")
        self._busy: set[int] = set()

    def take(self, key: str) -> int:
        free = [slot for slot in self._keys if slot not in self._busy]
        if not free:
            raise BackendError(
                f"More than {self.count} requests at once reached the embedded language model.",
                "This is a bug in synth: its engine must keep to `concurrency`.",
            )
        slot = next((s for s in free if self._keys[s] == key), free[0])
        # Put it last: the order of the dictionary is the order of use.
        del self._keys[slot]
        self._keys[slot] = key
        self._busy.add(slot)
        return slot

    def release(self, slot: int) -> None:
        self._busy.discard(slot)


@dataclass(eq=False)
class _Generation:
    """One reply while it is being written. Streamed, because llama.cpp can be stopped only between pieces."""

    abandoned: threading.Event = field(default_factory=threading.Event)
    _pieces: list[str] = field(default_factory=list)
    _finish: str | None = None
    _usage: dict[str, Any] = field(default_factory=dict)
    _error: str = ""

    def take(self, chunk: dict[str, Any]) -> bool:
        """Called by llama.cpp with each piece; true ends the generation. It swallows exceptions."""
        try:
            if "error" in chunk:
                self._error = str(chunk["error"].get("message", chunk["error"]))
            for choice in chunk.get("choices", ()):
                self._pieces.append(choice["delta"].get("content") or "")
                self._finish = choice.get("finish_reason") or self._finish
            self._usage = chunk.get("usage") or self._usage
        except (AttributeError, KeyError, TypeError) as error:
            self._error = f"unexpected piece of a reply ({error!r})"
        return bool(self._error) or self.abandoned.is_set()

    def reply(self) -> ChatReply:
        if self._error:
            raise ReplyError(f"llama.cpp: {self._error}", "Fewer or shorter examples make the request shorter.")
        if self._finish is None:
            raise ReplyError("llama.cpp stopped in the middle of a reply")
        return ChatReply(
            text="".join(self._pieces),
            prompt_tokens=self._usage.get("prompt_tokens", 0),
            cached_tokens=(self._usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            completion_tokens=self._usage.get("completion_tokens", 0),
            truncated=self._finish == "length",
        )


def _body(request: ChatRequest, slot: int) -> dict[str, Any]:
    return {
        "messages": request.messages,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "cache_prompt": True,
        "id_slot": slot,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": dict(request.schema)},
        },
        "stream": True,
        # Without it nothing is heard, and nothing can be abandoned, while a long prompt is read.
        "return_progress": True,
        "stream_options": {"include_usage": True},
    }


def check_gguf(file: Path) -> None:
    """Name what is wrong with a file before llama.cpp only says that something is."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            start = stream.read(256)
    except OSError as error:
        raise BackendError(f"Cannot read the model {file}: {error}.", _refetch(file)) from error
    if start.startswith(b"version https://git-lfs"):
        raise SynthError(f"{file} is a Git LFS pointer, not the model itself.", "Run 'git lfs pull' there.")
    if start[:4] != _MAGIC:
        what = "is empty" if size == 0 else f"is no GGUF file ({size:,} bytes, beginning {start[:4]!r})"
        raise SynthError(f"{file} {what}.", _refetch(file))


@contextmanager
def patient_threads() -> Iterator[None]:
    """Load OpenMP so that its threads sleep while they wait for each other.

    By default they spin, and one busy process on the same cores (the renderer is one) makes llama.cpp
    eighteen times slower. OpenMP reads this once, when it is loaded.
    """
    name = "OMP_WAIT_POLICY"
    if name in os.environ:
        yield
        return
    os.environ[name] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ[name]


def _refetch(file: Path) -> str:
    if file.parent == models.cache_folder() / "models":
        return f"Delete it; the next run fetches it again: rm '{file}'"
    return "Download the file again, or use --llm llamacpp for the built-in model."


def _drop(held: list[Any]) -> None:
    """Let the native server end in this thread rather than in the event loop's."""
    held.clear()
