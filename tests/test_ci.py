"""What `.ci/run` leaves behind: environments of gigabytes go, however it ends, and a developer's own stay."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = """
RENDER := .venv-r
VLLM := .venv-v
lint resolve test: ; @echo $@ >> steps
test-render: ; @mkdir -p $(RENDER) && echo $@ >> steps && test ! -e render-fails
test-vllm: ; @mkdir -p $(VLLM) && echo $@ >> steps && test ! -e vllm-fails
print-%: ; @echo $($*)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return tmp_path


@pytest.mark.parametrize(("fails", "steps"), [("", 5), ("render-fails", 4), ("vllm-fails", 5)])
@pytest.mark.parametrize("kept", [(), (".venv-r",), (".venv-r", ".venv-v")])
def test_only_environments_that_were_there_before_are_there_afterwards(
    fails: str, steps: int, kept: tuple[str, ...], checkout: Path
) -> None:
    for name in kept:
        (checkout / name).mkdir()
    if fails:
        (checkout / fails).touch()
    done = subprocess.run([checkout / ".ci/run"], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(fails), done.stderr
    assert len((checkout / "steps").read_text().split()) == steps
    assert {path.name for path in checkout.glob(".venv*")} == set(kept)


def test_the_makefile_names_the_environments() -> None:
    command = ["make", "-s", "print-RENDER", "print-VLLM"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [".venv-render", ".venv-vllm"]
