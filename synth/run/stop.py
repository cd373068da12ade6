"""What surrounds a run in its process: clean stops (the first SIGINT or SIGTERM cancels the run, which
then commits what it has), a calm garbage collector, and an event loop where there is none."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from synth.errors import SynthError

Value = TypeVar("Value")

#: what may be made before the next look for reference cycles; a few megabytes
_NEW_OBJECTS = 10_000


class Interrupted(SynthError):
    """The user or the system stopped the run."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"Stopped by {signal.Signals(number).name}; everything committed is kept.",
            "Run the same command again to go on where it stopped.",
        )
        self.exit_code = 128 + number


@contextmanager
def cancel_on_signal() -> Iterator[None]:
    """Cancel the current task on SIGINT or SIGTERM and raise `Interrupted` from here."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if in_main_thread else ()

    def stop(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for reference cycles rarely.

    A candidate in flight is some hundred objects and no cycle; with Python's own threshold (700 new
    objects) walking through them again and again takes an eighth of the time of a fast run.
    """
    young, *older = gc.get_threshold()
    if young:  # 0: somebody has switched collections off
        gc.set_threshold(max(young, _NEW_OBJECTS), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


def run_blocking(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine to its end, also where a loop is already running (notebooks)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[Value] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcome[0]
