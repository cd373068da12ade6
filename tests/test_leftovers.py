"""The tests themselves leave nothing behind (`conftest.py`)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest


def test_temporary_files_of_tests_lie_in_pytests_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp().resolve()
    command = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]
    of_a_process = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    for folder in (tempfile.gettempdir(), of_a_process):
        assert base in Path(folder).resolve().parents


def test_sockets_of_tests_have_paths_that_are_short_enough() -> None:
    path = Path(os.environ["VLLM_RPC_BASE_PATH"], str(uuid4()))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    path.unlink()
