"""The functions of docs/library.md, called as it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    code = f"""
import synth
run = {str(tmp_path / "run")!r}
summary = synth.generate({{"animal": 2}}, seed=7, llm="scripted", renderer="preview", out=run)
assert (summary.samples, summary.missing) == (2, {{}})
samples = list(synth.read_dataset(summary.folder))
assert [s.id for s in samples] == ["animal-s7-000000", "animal-s7-000001"]
assert synth.write_report(summary.folder).is_file()
assert synth.export_run(summary.folder, "llava", {str(tmp_path / "x")!r}, allow_preview=summary.previews).exists()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
