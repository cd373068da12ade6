"""Whose fault it is when a renderer or a scorer fails: that of one request, or its own.

A candidate that failed is never tried again, so only a request that is odd itself may fail its candidate. A lost
GPU, a wrong option or a broken plugin would fail all that come after, one by one; that must stop the run, which
can go on when the cause is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from synth.backends.render.base import Rendered, RenderRequest
from synth.backends.score.base import ScoreRequest
from synth.errors import BackendError, SynthError

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

#: errors after which the run cannot go on, or on which the user must act
FATAL = (SynthError, OSError, MemoryError)
_HARMLESS = "a red apple on a wooden table"


async def work_through(
    what: str,
    work: Callable[[Sequence[Item]], Sequence[Outcome]],
    items: Sequence[Item],
    harmless: Callable[[], Item],
) -> Sequence[Outcome | Exception]:
    """Do a batch in a thread. If it fails, its items are tried one by one, and the outcome of an odd one is its error.

    Where none of them can be done, a `harmless` one decides whether it is they that are odd.

    Raises:
        BackendError: the backend, called `what`, cannot do a harmless item either.
    """
    try:
        return await _done(work, items)
    except FATAL:
        raise
    except Exception as error:  # a backend may raise anything
        first = error
    outcomes: list[Outcome | Exception] = [first] if len(items) == 1 else [await _alone(work, item) for item in items]
    if all(isinstance(one, Exception) for one in outcomes):
        own = await _alone(work, harmless())
        if isinstance(own, Exception):
            raise BackendError(
                f"The {what} fails on everything, also on '{_HARMLESS}': {type(own).__name__}: {own}",
                "What was committed is kept. When the cause is gone, the same command goes on with the candidates that "
                "it had in hand.",
            ) from own
    return outcomes


async def _alone(work: Callable[[Sequence[Item]], Sequence[Outcome]], item: Item) -> Outcome | Exception:
    try:
        return (await _done(work, [item]))[0]
    except FATAL:
        raise
    except Exception as error:
        return error


async def _done(work: Callable[[Sequence[Item]], Sequence[Outcome]], items: Sequence[Item]) -> Sequence[Outcome]:
    outcomes = await asyncio.to_thread(work, items)
    if len(outcomes) != len(items):
        raise ValueError(f"{len(outcomes)} results came back for {len(items)} requests")
    return outcomes


def harmless_prompt(like: RenderRequest) -> RenderRequest:
    """One that every renderer can draw, of the size that is asked for; it begins from no picture, which may be the
    odd one."""
    return replace(like, prompt=_HARMLESS, keywords=(_HARMLESS,), negative_prompt="", seed=1, previous=None)


def harmless_pair() -> ScoreRequest:
    """A picture and a text that every scorer can compare."""
    from PIL import Image

    picture = Rendered(Image.linear_gradient("L").convert("RGB"))
    return ScoreRequest(picture, (_HARMLESS,), f"It is {_HARMLESS}.", f"What is it? It is {_HARMLESS}.")
