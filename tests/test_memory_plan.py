"""What `synth doctor` says about the memory of GPUs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from synth.run.memory_plan import memory_plan


def takes(memory: float) -> Any:
    return SimpleNamespace(gpu_memory=lambda: memory)


def test_the_first_gpu_is_shared_and_the_others_draw() -> None:
    lines = ["NVIDIA A100, 80GB, 81920 MiB, 76294 MiB", "NVIDIA A100, 80GB, 81920 MiB, 9537 MiB"]
    plan = memory_plan(lines, {"llm": takes(32), "renderer": takes(15), "scorer": takes(2)})
    assert plan == [
        "GPU 0: 80 GB of 86 free, planned 32 for texts, 15 for pictures, 2 for scores: 31 left",
        "GPU 1: 10 GB of 86 free, planned 15 for pictures: 5 too few",
    ]


def test_backends_that_say_nothing_take_nothing() -> None:
    assert memory_plan(["X, 1000 MiB, 900 MiB"], {"llm": object(), "renderer": None}) == [
        "GPU 0: 1 GB of 1 free, planned nothing: 1 left"
    ]


def test_without_a_gpu_there_is_no_plan() -> None:
    assert memory_plan([], {"renderer": takes(15)}) == []
    assert memory_plan(["nvidia-smi failed: timeout", "X, [N/A], [N/A]"], {"renderer": takes(15)}) == []
