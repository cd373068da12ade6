"""Clean stops: the first SIGINT or SIGTERM cancels the run, which then commits what it has."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from synth.errors import SynthError

Value = TypeVar("Value")


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
