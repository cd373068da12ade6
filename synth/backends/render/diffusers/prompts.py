"""From prompts to what a pipeline is called with.

Where a model reads prompts with CLIP, emphasis weighs its tokens and long prompts take several windows.
Elsewhere emphasis is stripped, because brackets would be read as text. A negative prompt is embedded once
and kept, the prompts of a batch together.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from synth.backends.render.base import RenderRequest
from synth.backends.render.diffusers.clip import ClipEncoder, Window
from synth.backends.render.emphasis import fragments, plain

#: different negative prompts that are kept; an ability has one
_KEPT = 64


class PlainPrompts:
    """Text in, text out: the pipeline embeds the prompts of a batch by itself. The base of the other ways."""

    def __init__(self, pipeline: Any, guided: bool, options: dict[str, Any]) -> None:
        self._pipeline = pipeline
        self._guided = guided
        self._options = options
        self._parameters = inspect.signature(type(pipeline).__call__).parameters
        self._kept: dict[Any, Any] = {}

    def windows(self, request: RenderRequest) -> int:
        """How much room the prompt takes; only requests of equal room share a batch, because a picture must
        not depend on how long its neighbour's prompt is."""
        return 1

    def arguments(self, requests: Sequence[RenderRequest]) -> dict[str, Any]:
        """What the pipeline is called with for these prompts."""
        found: dict[str, Any] = {"prompt": [plain(one.prompt) for one in requests]}
        if self._guided and "negative_prompt" in self._parameters:
            found["negative_prompt"] = [plain(one.negative_prompt) for one in requests]
        return found

    def remark(self, request: RenderRequest) -> str:
        """Says so where the model cannot read the whole prompt."""
        sequence = self._option("max_sequence_length")
        limits = []
        for name in ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4"):
            tokenizer = getattr(self._pipeline, name, None)
            most = getattr(tokenizer, "model_max_length", None)
            if tokenizer is not None and isinstance(most, int):
                most = min(most, sequence) if isinstance(sequence, int) else most
                length = len(tokenizer(plain(request.prompt), verbose=False).input_ids)
                limits.append((length - most, length, most))
        cut = min(limits, default=(0, 0, 0))
        return f"the model reads {cut[2]} of the prompt's {cut[1]} tokens" if cut[0] > 0 else ""

    def _option(self, name: str) -> Any:
        """An argument of the pipeline's call: what the user says, else its default."""
        parameter = self._parameters.get(name)
        return self._options.get(name, None if parameter is None else parameter.default)

    def _keep(self, key: Any, make: Any) -> Any:
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = make()
        return self._kept[key]


class MaskedPrompts(PlainPrompts):
    """PixArt and SANA: embeddings with their masks. Their negative prompt is embedded in another way than
    a prompt, so the pipeline does it, once."""

    def arguments(self, requests: Sequence[RenderRequest]) -> dict[str, Any]:
        import torch

        embeds, mask = self._encode([plain(one.prompt) for one in requests], do_classifier_free_guidance=False)[:2]
        found: dict[str, Any] = {"prompt_embeds": embeds, "prompt_attention_mask": mask}
        if self._guided:
            pairs = [self._negative(plain(one.negative_prompt)) for one in requests]
            found["negative_prompt_embeds"] = torch.cat([pair[0] for pair in pairs])
            found["negative_prompt_attention_mask"] = torch.cat([pair[1] for pair in pairs])
            found["negative_prompt"] = None
        return found

    def _negative(self, text: str) -> Any:
        def make() -> Any:
            return self._encode([""], negative_prompt=[text], do_classifier_free_guidance=True)[2:4]

        return self._keep(text, make)

    def _encode(self, prompts: list[str], **options: Any) -> Any:
        import torch

        known = inspect.signature(self._pipeline.encode_prompt).parameters
        for name in ("clean_caption", "max_sequence_length", "complex_human_instruction"):
            if name in known and name in self._parameters:
                options[name] = self._option(name)
        with torch.no_grad():
            return self._pipeline.encode_prompt(prompts, device=self._pipeline._execution_device, **options)


class ClipPrompts(PlainPrompts):
    """SD 1.x and 2.x (one encoder), SDXL (two, the second one pooled), SD3 (two, both pooled, and T5)."""

    def __init__(self, pipeline: Any, guided: bool, options: dict[str, Any]) -> None:
        super().__init__(pipeline, guided, options)
        pairs = [("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")]
        self._pooled = "pooled_prompt_embeds" in self._parameters
        self._with_t5 = "prompt_3" in self._parameters
        self._encoders = [
            ClipEncoder(getattr(pipeline, tokenizer), getattr(pipeline, encoder), penultimate=self._pooled)
            for tokenizer, encoder in pairs
            if getattr(pipeline, encoder, None) is not None
        ]

    def windows(self, request: RenderRequest) -> int:
        texts = [request.prompt, request.negative_prompt] if self._guided else [request.prompt]
        return max(len(found) for text in texts for found in self._split(text))

    def arguments(self, requests: Sequence[RenderRequest]) -> dict[str, Any]:
        import torch

        room = self.windows(requests[0])
        embeds, pooled = self._embed([one.prompt for one in requests], room)
        found = {"prompt_embeds": embeds}
        if self._pooled:
            found["pooled_prompt_embeds"] = pooled
        if self._guided and "negative_prompt_embeds" in self._parameters:
            pairs = [self._negative(one.negative_prompt, room) for one in requests]
            found["negative_prompt_embeds"] = torch.cat([pair[0] for pair in pairs])
            if self._pooled:
                found["negative_pooled_prompt_embeds"] = torch.cat([pair[1] for pair in pairs])
        return found

    def remark(self, request: RenderRequest) -> str:
        return ""

    def _negative(self, text: str, room: int) -> tuple[Any, Any]:
        def make() -> tuple[Any, Any]:
            embeds, pooled = self._embed([text], room)
            # SDXL was trained with zeros in place of an empty negative prompt
            if not text and not self._with_t5 and getattr(self._pipeline.config, "force_zeros_for_empty_prompt", False):
                return embeds * 0, pooled * 0
            return embeds, pooled

        found: tuple[Any, Any] = self._keep((text, room), make)
        return found

    def _split(self, text: str) -> list[list[Window]]:
        pieces = fragments(text)
        return [encoder.windows(pieces) for encoder in self._encoders]

    def _embed(self, texts: list[str], room: int) -> tuple[Any, Any]:
        import torch

        split = [self._split(text) for text in texts]
        states, pooled = [], []
        for number, encoder in enumerate(self._encoders):
            windows = [one[number] + [Window()] * (room - len(one[number])) for one in split]
            state, pool = encoder.embed(windows)
            states.append(state)
            pooled.append(pool)
        joined = torch.cat(states, dim=-1)
        if not self._with_t5:
            return joined, pooled[-1]
        return self._join_t5(joined, texts)

    def _join_t5(self, clip: Any, texts: list[str]) -> tuple[Any, Any]:
        """SD3 reads CLIP's tokens padded to T5's width, then T5's; the pipeline makes the latter."""
        import torch

        length = {k: v for k, v in self._options.items() if k == "max_sequence_length"}
        bare = [plain(text) for text in texts]
        with torch.no_grad():
            whole, _, pooled, _ = self._pipeline.encode_prompt(
                bare, None, None, device=self._pipeline._execution_device, do_classifier_free_guidance=False, **length
            )
        window = int(self._pipeline.tokenizer_max_length)
        clip = torch.nn.functional.pad(clip, (0, whole.shape[-1] - clip.shape[-1]))
        return torch.cat([clip.to(whole.dtype), whole[:, window:]], dim=1), pooled


def prompts_for(pipeline: Any, guided: bool, options: dict[str, Any]) -> PlainPrompts:
    """The way this pipeline reads prompts, by its parts: families come and go, CLIP and masks stay."""
    parameters = inspect.signature(type(pipeline).__call__).parameters
    if "prompt_embeds" in parameters and _only_clip(pipeline) and not {"prior_guidance_scale"} & set(parameters):
        return ClipPrompts(pipeline, guided, options)
    if type(pipeline).__name__.startswith(("PixArt", "Sana")):
        return MaskedPrompts(pipeline, guided, options)
    return PlainPrompts(pipeline, guided, options)


def _only_clip(pipeline: Any) -> bool:
    """Whether all of the first two encoders are CLIP: FLUX takes no tokens from its one, only the pooled vector."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    found = [getattr(pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
    there = [one for one in found if one is not None]
    return bool(there) and all(isinstance(one, CLIPTextModel | CLIPTextModelWithProjection) for one in there)
