"""Kill -9 at random moments loses, doubles and changes nothing (tests/killing.py is the long form)."""

from __future__ import annotations

from pathlib import Path

from tests.killing import compare


def test_kill_and_resume_give_the_same_bytes(tmp_path: Path) -> None:
    compare(kills=4, n=250, llm="scripted", renderer="preview", ability="animal", work=tmp_path)
