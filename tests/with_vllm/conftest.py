"""Real vLLM: its engine on a CPU (`make test-vllm`), with the small model of the other tests.

Skipped where vLLM is missing, so that `make test` needs none.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "backends"))  # its requests and endpoints serve here, too

if find_spec("vllm") is None:
    collect_ignore_glob = ["test_*.py"]

#: GiB for the key-value cache; a share of the machine's memory would depend on who else uses it
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


@pytest.fixture(scope="session")
def smollm() -> Path:
    from smollm import unpack

    return unpack(Path(__file__).parents[2] / "build/smollm2-135m")
