"""What all tests share: whatever they, and the programs they start, put into a temporary folder lies in pytest's own.

vLLM leaves sockets and folders behind where one of its processes is killed, which some tests do.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from synth.backends.llm.vllm.engine import LONGEST_SOCKET_FOLDER


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("t", numbered=False)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as end:
        sockets = folder
        if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
            sockets = Path(end.enter_context(tempfile.TemporaryDirectory(prefix="t-", dir="/tmp")))
        patch.setenv("VLLM_RPC_BASE_PATH", str(sockets))
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
