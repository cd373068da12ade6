"""What the machine gives this process."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores this process may use; inside containers and job schedulers fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
