"""Whether what `auto` picks fits on the GPUs together: language model and scorer on the first, pictures on all.

Every backend says for itself what it takes (`gpu_memory`). Only vLLM, which takes what others leave, reckons with them
(`PICTURES`; a test keeps that the sum of the others).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MIB = 1024**2
_GB = 1e9
#: roles in the order of the plan, and what they make
_MAKES = {"llm": "texts", "renderer": "pictures", "scorer": "scores"}


@dataclass(frozen=True, slots=True)
class Gpu:
    """Memory in GB."""

    name: str
    total: float
    free: float

    @classmethod
    def of(cls, line: str) -> Gpu:
        """From a line of nvidia-smi: name, total, free. Raises `ValueError` if it is none."""
        name, total, free = (part.strip() for part in line.rsplit(",", 2))
        return cls(name, *(int(text.removesuffix("MiB")) * _MIB / _GB for text in (total, free)))


def memory_plan(lines: Sequence[str], picked: Mapping[str, Any]) -> list[str]:
    """A line for each GPU. `lines` are nvidia-smi's, `picked` the backend classes by role."""
    needs = {role: _need(picked.get(role)) for role in _MAKES}
    plan = []
    for number, line in enumerate(lines):
        try:
            gpu = Gpu.of(line)
        except ValueError:  # nvidia-smi said that it failed, or that it cannot say
            continue
        here = {role: need for role, need in needs.items() if need and (number == 0 or role == "renderer")}
        left = gpu.free - sum(here.values())
        shares = ", ".join(f"{need:.0f} for {_MAKES[role]}" for role, need in here.items()) or "nothing"
        end = f"{left:.0f} left" if left >= 0 else f"{-left:.0f} too few"
        plan.append(f"GPU {number}: {gpu.free:.0f} GB of {gpu.total:.0f} free, planned {shares}: {end}")
    return plan


def _need(backend: Any) -> float:
    says = getattr(backend, "gpu_memory", None)
    return float(says()) if says is not None else 0.0
