"""Starts vLLM's engine so that it behaves inside somebody else's program.

It is made for a server: it prints, computes in processes of its own, and takes minutes to start. Here what it
prints goes into a file (where its errors say why something failed), and a start can be given up at any moment.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from synth.backends.llm.vllm.trouble import start_failed

Value = TypeVar("Value")

#: what vLLM calls its processes
_PROCESS = "EngineCore"
_POLL_SECONDS = 0.1
#: users' own values come first
_ENVIRONMENT = {
    # This process has threads, and perhaps the GPU open: a fork of it would not work.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_NO_USAGE_STATS": "1",
}
_SOCKETS = "VLLM_RPC_BASE_PATH"
#: of our temporary files and folders
_PREFIX = "synth-vllm-"
#: bytes of the path of a folder for vLLM's sockets: a socket's whole path has at most 103 (macOS; Linux has four more),
#: and vLLM names each by a UUID
LONGEST_SOCKET_FOLDER = 103 - len("/") - 36
#: `tempfile` puts so many characters behind a prefix
_RANDOM = 8


class Engine:
    """vLLM's asynchronous engine for one model, started by `start` and ended by `stop`.

    Args:
        model: for errors.
        arguments: those of vLLM's `AsyncEngineArgs`.
    """

    def __init__(self, model: str, arguments: dict[str, Any]) -> None:
        self._model = model
        self._arguments = arguments
        self._llm: Any = None
        self._loading: asyncio.Future[Any] | None = None
        self._given_up = threading.Event()
        self._log: Path | None = None

    @property
    def llm(self) -> Any:
        """vLLM's `AsyncLLM`; None unless it runs."""
        return self._llm

    @property
    def log(self) -> Path | None:
        """What vLLM and its processes said; removed by `stop` when all went well."""
        return self._log

    async def start(self) -> None:
        """Load the model.

        Raises:
            SynthError: with cause and fix.
        """
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".log")
        self._log = Path(name)
        self._loading = abandonable(lambda: self._load(descriptor))
        try:
            self._llm = await asyncio.shield(self._loading)
        except Exception as error:
            explained = start_failed(self._model, error, self._log)
            if str(self._log) not in explained.fix:
                self._log.unlink(missing_ok=True)
            self._log = None  # one that the error names stays
            raise explained from error

    async def stop(self) -> None:
        """End it, also in the middle of its start; safe to call twice."""
        loading, self._loading = self._loading, None
        if loading is not None and not loading.done():
            self._given_up.set()
            # It notes a signal and goes on loading; only a killed one is gone at once.
            while not loading.done():
                _kill_processes()
                await asyncio.sleep(_POLL_SECONDS)
        if loading is not None and loading.exception() is None:
            self._llm = loading.result()
        llm, self._llm = self._llm, None
        broken = llm is not None and llm.errored
        if llm is not None:
            with suppress(Exception):  # an engine that died has nothing left to end
                await asyncio.to_thread(llm.shutdown)
            # Its destructor does it again, perhaps when Python itself is half gone, and then complains.
            llm.shutdown = lambda: None
        if self._log is not None and not broken:
            self._log.unlink(missing_ok=True)

    def _load(self, descriptor: int) -> Any:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        give_sockets_a_folder()
        with os.fdopen(descriptor, "wb", buffering=0) as log, printing_into(log):
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM

            config = AsyncEngineArgs(**self._arguments)
            if self._given_up.is_set():
                raise asyncio.CancelledError
            llm = AsyncLLM.from_engine_args(config)
            _log_into(self._log)
            return llm


def give_sockets_a_folder() -> None:
    """vLLM leaves seven sockets in the folder for temporary files each time. They get one of their own, which goes when
    this process ends; not before, because vLLM may remember where it is. A process that is killed leaves it behind, as
    it would have left the sockets. A user's own comes first, and where the path would be too long, vLLM's choice."""
    length = len(os.fsencode(Path(tempfile.gettempdir(), _PREFIX))) + _RANDOM
    if _SOCKETS not in os.environ and length <= LONGEST_SOCKET_FOLDER:
        folder = tempfile.mkdtemp(prefix=_PREFIX)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[_SOCKETS] = folder


def abandonable(work: Callable[[], Value]) -> asyncio.Future[Value]:
    """`asyncio.to_thread`, except that nobody waits for the thread when the program ends.

    For what takes minutes and cannot be stopped, such as a download.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Value] = loop.create_future()

    def tell(setter: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            setter(outcome)

    def run() -> None:
        setter: Callable[[Any], None] = future.set_result
        outcome: Any
        try:
            outcome = work()
        except BaseException as error:
            setter, outcome = future.set_exception, error
        with suppress(RuntimeError):  # the loop is closed, nobody listens
            loop.call_soon_threadsafe(tell, setter, outcome)

    threading.Thread(target=run, daemon=True, name="vllm-start").start()
    return future


@contextmanager
def printing_into(log: IO[bytes]) -> Iterator[None]:
    """All that this process prints goes into `log` for the time being, and for good what processes started
    meanwhile print. C++ libraries write past `sys.stdout`, so the file descriptors are changed."""
    kept = {number: os.dup(number) for number in (1, 2)}
    _flush()
    try:
        for number in kept:
            os.dup2(log.fileno(), number)
        yield
    finally:
        _flush()
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()


def _log_into(file: Path | None) -> None:
    """vLLM's logger of this process, too, writes into the file from now on."""
    logger = logging.getLogger("vllm")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(logging.FileHandler(file, encoding="utf-8") if file else logging.NullHandler())


def _kill_processes() -> None:
    for process in multiprocessing.active_children():
        if process.name.startswith(_PROCESS):
            process.kill()
