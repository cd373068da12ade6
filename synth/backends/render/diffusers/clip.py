"""Weighted embeddings of prompts of any length from a CLIP text encoder.

CLIP reads windows of 77 tokens, two of which mark beginning and end. A longer prompt becomes several
windows, cut behind a comma where one is near, each embedded by itself and joined along the sequence, as
Stable Diffusion's web UI does.

A token of weight w becomes `empty + w * (embedding - empty)`, where `empty` is what the encoder makes of
no text at that position: ComfyUI's convention (comfy/sd1_clip.py, `encode_token_weights`). Tokens of weight
1 stay exactly what they are, so a prompt without emphasis is embedded as plain diffusers would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from synth.backends.render.emphasis import Fragment

#: how far back from the end of a window a comma is looked for, in tokens
_NEAR = 20


@dataclass(slots=True)
class Window:
    """Token ids of one window with their weights, without the marks at both ends."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


class ClipEncoder:
    """A tokenizer and its text encoder. `penultimate` takes the hidden states before the last layer, as SDXL
    and SD3 do, without the final norm; otherwise the last ones, as SD 1.5 does."""

    def __init__(self, tokenizer: Any, model: Any, penultimate: bool) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._penultimate = penultimate
        self._room = int(model.config.max_position_embeddings) - 2
        self._comma = set(tokenizer(",", add_special_tokens=False).input_ids)
        self._empty: Any = None

    def windows(self, prompt: Sequence[Fragment]) -> list[Window]:
        """The prompt in windows; one empty window for no text."""
        ids: list[int] = []
        weights: list[float] = []
        for piece in prompt:
            found = self._tokenizer(piece.text, add_special_tokens=False, truncation=False, verbose=False).input_ids
            ids += found
            weights += [piece.weight] * len(found)
        windows = []
        while len(ids) > self._room:
            cut = self._cut(ids)
            windows.append(Window(ids[:cut], weights[:cut]))
            ids, weights = ids[cut:], weights[cut:]
        windows.append(Window(ids, weights))
        return windows

    def embed(self, prompts: Sequence[Sequence[Window]]) -> tuple[Any, Any]:
        """Embeddings (prompts, 77 x windows, width) and the pooled embedding of each first window.

        All prompts have the same number of windows.
        """
        import torch

        count = len(prompts[0])
        flat = [window for prompt in prompts for window in prompt]
        states, pooled = self._encode(flat)
        if any(weight != 1.0 for window in flat for weight in window.weights):
            if self._empty is None:
                self._empty = self._encode([Window()])[0]
            rows = [self._weights(window) for window in flat]
            weights = torch.tensor(rows, dtype=states.dtype, device=states.device).unsqueeze(-1)
            states = torch.where(weights == 1.0, states, self._empty + weights * (states - self._empty))
        length, width = states.shape[-2:]
        return states.reshape(len(prompts), count * length, width), pooled[::count]

    def _encode(self, windows: Sequence[Window]) -> tuple[Any, Any]:
        import torch

        ids = torch.tensor([self._padded(window) for window in windows], device=self._model.device)
        with torch.no_grad():
            out = self._model(ids, output_hidden_states=True)
        states = out.hidden_states[-2] if self._penultimate else out.last_hidden_state
        pooled = out.text_embeds if hasattr(out, "text_embeds") else out.pooler_output
        return states, pooled

    def _padded(self, window: Window) -> list[int]:
        one = self._tokenizer
        ids = [one.bos_token_id, *window.ids, one.eos_token_id]
        return ids + [one.pad_token_id] * (self._room + 2 - len(ids))

    def _weights(self, window: Window) -> list[float]:
        return [1.0, *window.weights, *[1.0] * (self._room + 1 - len(window.weights))]

    def _cut(self, ids: list[int]) -> int:
        for at in range(self._room, max(self._room - _NEAR, 0), -1):
            if ids[at - 1] in self._comma:
                return at
        return self._room
