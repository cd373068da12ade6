"""From requests to pictures: batches of one shape, noise by seed, fewer at a time where memory is short.

The size of a batch decides a picture's last bits, so it never varies: what is missing from a batch is filled
up with repetitions whose pictures are dropped. Only running out of memory halves it, which is noted in every
picture made from then on.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from synth.backends.device import Device
from synth.backends.render.base import BLANK_DEVIATION, Rendered, RenderRequest
from synth.backends.render.diffusers.drawing import FromNoise, FromPicture
from synth.backends.render.diffusers.prompts import prompts_for
from synth.backends.render.diffusers.recipe import Recipe
from synth.backends.render.diffusers.trouble import device_broke, is_broken_device, is_out_of_memory, no_room_for_one
from synth.seeding import derive_seed

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_FLAGGED = "the model's safety checker flagged the picture"
_BLANK = "the picture is blank"


@dataclass(frozen=True, slots=True)
class _Shot:
    """One picture of a batch and what is wrong with it, if anything."""

    image: PILImage
    problem: str
    note: str


class Painter:
    """Draws with a loaded pipeline."""

    def __init__(self, pipeline: Any, recipe: Recipe, device: Device) -> None:
        self._recipe = recipe
        self._device = device
        self._noise: Any = FromNoise(pipeline, recipe)
        self._picture: FromPicture | None = None  # made when a request has a picture before it
        self._prompts: Any = prompts_for(pipeline, self._noise.guided, recipe.options)
        #: smaller than the recipe's once memory ran out
        self.batch_size = recipe.batch_size

    def paint(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        """A picture for each request. What is flagged or blank is drawn again with seeds derived from its own."""
        done: dict[int, Rendered] = {}
        todo = dict(enumerate(requests))
        for attempt in range(1 + self._recipe.retries):
            again: dict[int, RenderRequest] = {}
            for at, shot in self._shots(todo):
                last = attempt == self._recipe.retries
                if shot.problem and not last:
                    seed = derive_seed("again", requests[at].seed, attempt + 1)
                    again[at] = replace(requests[at], seed=seed)
                    continue
                done[at] = self._finished(requests[at], todo[at], shot, attempt)
            todo = again
        return [done[at] for at in range(len(requests))]

    def close(self) -> None:
        """Give the memory back."""
        self._noise = self._picture = self._prompts = None
        self._free()

    def _free(self) -> None:
        gc.collect()
        if self._device.kind == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _finished(self, asked: RenderRequest, drawn: RenderRequest, shot: _Shot, attempt: int) -> Rendered:
        notes = [shot.note, self._prompts.remark(asked)]
        tried = f", also with {attempt} other seed{'s' if attempt > 1 else ''}" if attempt else ""
        return Rendered(
            shot.image,
            seed=drawn.seed if attempt else None,
            flaw=f"{shot.problem}{tried}" if shot.problem == _FLAGGED else "",
            note="; ".join(note for note in notes if note),
            attempts=attempt + 1,
        )

    def _shots(self, requests: dict[int, RenderRequest]) -> Iterator[tuple[int, _Shot]]:
        """The requests in groups that may share a batch, drawn."""
        groups: dict[tuple[float | None, ...], list[int]] = {}
        for at, one in requests.items():
            strength = None if one.previous is None else one.strength
            groups.setdefault((one.width, one.height, self._prompts.windows(one), strength), []).append(at)
        for group in groups.values():
            start = 0
            while start < len(group):
                part = group[start : start + self.batch_size]
                shots = self._batch([requests[at] for at in part])
                if shots is None:
                    self._halve()
                    continue
                yield from zip(part, shots, strict=True)
                start += len(part)

    def _batch(self, requests: list[RenderRequest]) -> list[_Shot] | None:
        """The pictures of one batch; None where memory ran out.

        Raises:
            BackendError: not even one picture fits, or the GPU is lost.
        """
        size = self.batch_size
        try:
            return self._draw(requests + [requests[-1]] * (size - len(requests)), len(requests))
        except Exception as error:
            if is_out_of_memory(error):
                if size == 1:
                    raise no_room_for_one(self._device, error) from error
                return None  # the traceback holds the memory: it must be gone before the next try
            if is_broken_device(error):
                raise device_broke(error) from error
            raise

    def _way(self, request: RenderRequest) -> FromNoise | FromPicture:
        """How this picture and those that share its batch are drawn."""
        if request.previous is None:
            way: FromNoise = self._noise
            return way
        if self._picture is None:
            self._picture = FromPicture(self._noise)
        return self._picture

    def _draw(self, requests: list[RenderRequest], wanted: int) -> list[_Shot]:
        import torch

        with torch.inference_mode():
            out = self._way(requests[0]).draw(
                requests,
                **self._prompts.arguments(requests),
                generator=[torch.Generator("cpu").manual_seed(one.seed) for one in requests],
            )
            flags = getattr(out, "nsfw_content_detected", None) or [False] * len(requests)
            tensors = out.images[:wanted]
            pixels = (tensors.float().nan_to_num(0.0).clamp(0, 1) * 255).round()
            blank = _deviations(pixels) < BLANK_DEVIATION
            array = pixels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        note = ""
        if self.batch_size < self._recipe.batch_size:
            note = f"batch of {self.batch_size} instead of {self._recipe.batch_size}: out of memory"
        from PIL import Image

        return [
            _Shot(Image.fromarray(one), _FLAGGED if flagged else _BLANK if empty else "", note)
            for one, flagged, empty in zip(array, flags[:wanted], blank.tolist(), strict=True)
        ]

    def _halve(self) -> None:
        old, self.batch_size = self.batch_size, (self.batch_size + 1) // 2
        self._free()
        warnings.warn(
            f"out of memory with {old} pictures at once: going on with {self.batch_size} "
            f"(render_settings.batch_size={self.batch_size} would say so from the start)",
            stacklevel=2,
        )


def _deviations(pixels: Any) -> Any:
    """How much each picture's brightness deviates, nearly as the filter `picture` measures it, which averages
    otherwise; here it is done where the pictures are, before they are copied."""
    import torch

    red, green, blue = pixels[:, :3].unbind(1)
    luma = (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)
    small = torch.nn.functional.adaptive_avg_pool2d(luma, (min(64, luma.shape[-2]), min(64, luma.shape[-1])))
    return small.flatten(1).std(dim=1, correction=0)
