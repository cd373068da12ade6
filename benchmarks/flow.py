"""How long a run takes next to its slower half alone, with backends that only wait.

The language model takes 20 ms per token, for all requests in flight at once, as a continuous batch does; the
renderer takes 2 s per batch of 16, full or not, as a fixed shape does. Everything else is real: plans, filters,
JPEG files, the ledger. First the renderer is the bottleneck, then the language model. What the run adds to the
time that the bottleneck needs alone is the ramp (nothing to render before the first texts) and the tail (nothing
to write while the last batch renders), which do not grow with n, and what the flow wastes, which does.

    python benchmarks/flow.py            # 800 samples each: about four minutes
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

SECONDS_PER_TOKEN, SECONDS_PER_BATCH, BATCH = 0.02, 2.0, 16
ABILITY = "animal"


def waiting_llm(concurrency: int) -> Any:
    import asyncio

    from synth.backends.llm.base import LLMSettings
    from synth.backends.llm.scripted import Scripted

    class Waiting(Scripted):
        """The scripted model at the pace of a real one; `busy` sums the seconds of its requests."""

        busy = 0.0

        async def chat(self, request: Any) -> Any:
            reply = await super().chat(request)
            seconds = SECONDS_PER_TOKEN * max(1, len(reply.text) // 4)
            self.busy += seconds
            await asyncio.sleep(seconds)
            return reply

    return Waiting(LLMSettings(concurrency=concurrency))


def waiting_renderer() -> Any:
    import numpy as np
    from PIL import Image

    from synth.backends.render.base import Rendered, Renderer

    class Waiting(Renderer):
        """Noise after two seconds; `batches` and `drawn` count calls and pictures, `busy` sums the calls' seconds."""

        batch_size = BATCH
        batches = drawn = 0
        busy = 0.0

        @classmethod
        def create(cls, argument: str, settings: Any) -> Any:
            return cls()

        def identity(self) -> dict[str, Any]:
            return {"name": "waiting"}

        def render(self, requests: Sequence[Any]) -> list[Rendered]:
            began = time.perf_counter()
            made = []
            for request in requests:
                coarse = np.random.default_rng(request.seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
                made.append(Rendered(Image.fromarray(coarse).resize((512, 512))))
            time.sleep(max(0.0, SECONDS_PER_BATCH - (time.perf_counter() - began)))
            self.batches += 1
            self.drawn += len(made)
            self.busy += time.perf_counter() - began
            return made

    return Waiting()


def measure(n: int, concurrency: int, folder: Path) -> None:
    import synth

    llm, renderer = waiting_llm(concurrency), waiting_renderer()
    with (
        mock.patch("synth.run.generate.make_llm", lambda *_: llm),
        mock.patch("synth.run.generate.make_renderer", lambda *_: renderer),
    ):
        began = time.perf_counter()
        summary = synth.generate({ABILITY: n}, llm="waiting", renderer="waiting", scorer="none", out=folder)
        wall = time.perf_counter() - began
    tried = sum(one.tried for one in summary.tally.abilities.values())
    alone = {
        "renderer": math.ceil(renderer.drawn / BATCH) * SECONDS_PER_BATCH,
        "language model": llm.busy / concurrency,
    }
    bottleneck = max(alone, key=lambda name: alone[name])
    print(
        f"bottleneck {bottleneck}: {summary.samples} samples of {tried} candidates in {wall:.1f} s; "
        + ", ".join(f"{name} alone {seconds:.1f} s" for name, seconds in alone.items())
        + f"; {wall / alone[bottleneck] - 1:+.1%}; {renderer.batches} batches, renderer busy "
        f"{renderer.busy / wall:.0%}, model {llm.busy / concurrency / wall:.0%} of the time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=800)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for concurrency in (64, 8):
            measure(arguments.n, concurrency, Path(folder) / str(concurrency))


if __name__ == "__main__":
    main()
