"""synth: visual-instruction training data from the name of an ability.

    import synth
    summary = synth.generate(abilities={"abnormal": 24}, seed=7, out="runs/abnormal-s7")

does what `synth generate --ability abnormal --n 24 --seed 7` does; docs/library.md has more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = [
    "SynthError",
    "__version__",
    "export_run",
    "generate",
    "read_dataset",
    "refilter_run",
    "render_run",
    "write_report",
]

if TYPE_CHECKING:
    from synth.api import export_run, generate, read_dataset, refilter_run, render_run, write_report
    from synth.errors import SynthError


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import synth` and `synth --help` stay fast."""
    if name == "SynthError":
        from synth.errors import SynthError

        return SynthError
    if name in __all__:
        from synth import api

        return getattr(api, name)
    raise AttributeError(f"module 'synth' has no attribute '{name}'")
