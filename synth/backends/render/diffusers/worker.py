"""A pipeline in a process of its own, for machines with several GPUs.

The process sees its one GPU alone (`CUDA_VISIBLE_DEVICES`), so that nothing in it must know that there are others.
It is given requests and gives pictures back; encoding and writing are the parent's. It is started as a program, not
forked (CUDA does not survive that) and not by `multiprocessing`, which would run the user's own script again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal

from synth.backends.device import Device, import_torch
from synth.backends.render.base import Rendered, RenderRequest
from synth.backends.render.diffusers.painter import Painter
from synth.backends.render.diffusers.recipe import Recipe
from synth.backends.render.diffusers.source import Source
from synth.errors import BackendError, SynthError

_SECONDS_TO_END = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker loads. `threads` is how many CPU cores are its own; None leaves it to torch."""

    source: Source
    recipe: Recipe
    device: Device
    attention: str | None
    offload: bool
    threads: int | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of a piece of work, and what was warned of meanwhile. Errors travel as words: those of torch
    cannot all be sent."""

    value: Any = None
    problem: Literal["", "user", "backend", "other"] = ""
    message: str = ""
    fix: str = ""
    warned: tuple[str, ...] = ()


class Worker:
    """The parent's side of one process. `start` returns when it runs, `ready` when its pipeline is loaded."""

    def __init__(self, place: str, job: Job) -> None:
        self._place = place
        self._job = job
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        self._pipe, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import main; main({theirs.fileno()})"],
            pass_fds=[theirs.fileno()],
            env=_environment(self._place),
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which lets the batch end
        )
        theirs.close()  # or the end of the process would not be noticed
        self._send(self._job)

    def ready(self) -> None:
        """Raises the errors of loading; `BackendError` if the process has ended."""
        self._answer()

    def paint(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        """As `Painter.paint`; `BackendError` if the process has ended."""
        self._send(list(requests))
        pictures: list[Rendered] = self._answer()
        return pictures

    def close(self) -> None:
        """End the process, which it does by itself when nobody listens any more."""
        pipe, process, self._pipe, self._process = self._pipe, self._process, None, None
        if pipe is not None:
            pipe.close()
        if process is not None:
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _send(self, what: Any) -> None:
        assert self._pipe is not None
        try:
            self._pipe.send(what)
        except OSError as error:
            raise self._ended() from error

    def _answer(self) -> Any:
        assert self._pipe is not None
        try:
            answer: _Answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        for text in answer.warned:
            warnings.warn(f"{self._place}: {text}", stacklevel=3)
        if answer.problem == "backend":
            raise BackendError(f"{self._place}: {answer.message}", answer.fix)
        if answer.problem == "user":
            raise SynthError(answer.message, answer.fix)
        if answer.problem:
            raise RuntimeError(answer.message)
        return answer.value

    def _ended(self) -> BackendError:
        assert self._process is not None
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            code = None
        how = "does not answer"
        if code is not None:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return BackendError(
            f"The renderer's process on {self._place} {how}.",
            "The same command goes on: what was committed is kept. A process that is killed again and again lacks main "
            "memory (see dmesg): name fewer devices in render_settings.device, or use a smaller model.",
        )


def _environment(place: str) -> dict[str, str]:
    """The parent's, with one GPU in sight."""
    found = dict(os.environ)
    kind, _, number = place.partition(":")
    if kind == "cuda":
        visible = found.get("CUDA_VISIBLE_DEVICES", "")
        found["CUDA_VISIBLE_DEVICES"] = visible.split(",")[int(number)].strip() if visible else number
    return found


def main(descriptor: int) -> None:
    """The process's side: load, then paint until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_torch()
    pipe = Connection(descriptor)
    try:
        job: Job = pipe.recv()
        loaded: list[Painter] = []
        pipe.send(_tried(lambda: loaded.append(_painter(job))))
        for painter in loaded:
            while True:
                pipe.send(_tried(partial(painter.paint, pipe.recv())))
    except (EOFError, OSError):
        sys.stderr.flush()
        os._exit(0)  # to take torch apart costs seconds, and there is nothing to save


def _painter(job: Job) -> Painter:
    from synth.backends.render.diffusers.loading import load

    if job.threads is not None:
        import_torch().set_num_threads(job.threads)
    return Painter(load(job.source, job.recipe, job.device, job.attention, job.offload), job.recipe, job.device)


def _tried(work: Callable[[], Any]) -> _Answer:
    with warnings.catch_warnings(record=True) as caught:
        answer = _outcome(work)
    return replace(answer, warned=tuple(str(one.message) for one in caught))


def _outcome(work: Callable[[], Any]) -> _Answer:
    try:
        return _Answer(work())
    except BackendError as error:
        return _Answer(problem="backend", message=error.message, fix=error.fix)
    except SynthError as error:
        return _Answer(problem="user", message=error.message, fix=error.fix)
    except Exception as error:  # of one odd prompt, or a bug
        return _Answer(problem="other", message=f"{type(error).__name__}: {error}")
