"""Progress is seen while a backend has stderr for itself."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synth.backends.llm.vllm.engine import printing_into
from synth.cli import progress


def test_progress_does_not_go_into_the_log_of_a_backend_that_loads(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LINE", 0.02)
    tally: Any = SimpleNamespace(
        abilities={}, waiting="starting the language model", prompt_tokens=0, completion_tokens=0
    )
    announcement: Any = SimpleNamespace(folder="run", resumed=False, backends={}, reasons={}, refilter="")
    with progress.Watcher()(tally, announcement), (tmp_path / "log").open("wb", buffering=0) as log:
        with printing_into(log):
            capfd.readouterr()
            time.sleep(0.3)
        said = capfd.readouterr().err
    assert "starting the language model" in said
    assert (tmp_path / "log").read_text() == ""
